//! The archive as an async client, for both roles: an organiser in its own register, a producer under a register access right.
//!
//! Every call names the acting worker, the unit and the ground. A store is prepared first and sent second, so that the
//! envelope can be kept before a byte leaves; [`ArchiveClient::send`] sends it once and never again by itself. Reads check that
//! what came back is about the register, client and document that were asked for. Verifies no signature and decodes no
//! document; keeps nothing. Called by the sidecar's adapter, the demo's organiser and library users.

mod archiving;
mod error;
mod read;
mod search;
mod source;

use std::sync::Arc;
use std::time::Duration;

pub use error::{ClientError, Retry};
pub use search::{Cursor, FETCHES_MAX, Found, Looked, Wanted};
pub use source::{Sources, rising_numbers};

use tokio::sync::Semaphore;

use super::transport::{Transport, TransportError};
use crate::domain::access::{Authority, Operation, Permit};
use crate::domain::document::header::Header;
use crate::domain::environment::Environment;
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::person::Worker;
use crate::domain::profile::WireProfile;
use crate::domain::signature::SignedDocument;
use crate::domain::time::Instant;
use crate::domain::wire::answer::{Doubt, Entry, NotNow, Outcome, acceptance};
use crate::domain::wire::frame::store_message;
use crate::domain::wire::{Envelope, MessageContext, MessageId, UseSituation};

/// Pages of one search that are read; more entries are an error, not a short list.
pub const PAGES_MAX: usize = 20;

/// Who sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The sending organisation.
    pub organisation: Oid,
    /// Under which OID its message numbers are unique: its own, unless another organisation runs the system.
    pub numbers_root: Oid,
    /// Which archive is spoken to.
    pub environment: Environment,
}

/// In whose name.
#[derive(Clone, Copy)]
pub struct Acting<'a> {
    /// The acting worker.
    pub worker: &'a Worker,
    /// The service unit that the worker acts in.
    pub unit: &'a Unit,
}

crate::domain::finding::redacted_debug!(Acting<'_>);

/// Whether the archive has a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It has; this is what it knows of it.
    Stored(Box<Entry>),
    /// It says that it has not.
    Absent,
}

/// What the archive gives of a document that it says it has.
#[derive(Clone, PartialEq, Eq)]
pub enum Kept {
    /// The document, byte for byte.
    Bytes(Vec<u8>),
    /// Nothing: the right to read has ended, or the document is invalidated.
    NotGiven,
}

crate::domain::finding::redacted_debug!(Kept);

/// A client of one archive.
pub struct ArchiveClient<T> {
    transport: T,
    profile: Arc<WireProfile>,
    sender: Sender,
    sources: Sources,
    /// Places for fetches that callers ask for in numbers.
    fetches: Semaphore,
}

impl<T: Transport> ArchiveClient<T> {
    /// A client that sends as `sender`, by `profile`, over `transport`.
    pub fn new(transport: T, profile: Arc<WireProfile>, sender: Sender, sources: Sources) -> Self {
        Self { transport, profile, sender, sources, fetches: Semaphore::new(FETCHES_MAX) }
    }

    /// The profile that it speaks by.
    pub fn profile(&self) -> &WireProfile {
        &self.profile
    }

    /// The envelope for a signed document: to be kept first, sent second.
    ///
    /// # Errors
    /// [`ClientError::Ground`] when the authority is not for storing this document: for its register, unit, clients, service
    /// task and day; [`ClientError::Message`].
    pub fn prepare_store(
        &self,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Envelope, ClientError> {
        self.prepare_store_numbered(&self.number(), self.now(), document, acting, authority)
    }

    /// As [`ArchiveClient::prepare_store`], with the message's number (digits, unique for ever) and moment: equal input gives
    /// an equal envelope.
    ///
    /// # Errors
    /// As [`ArchiveClient::prepare_store`].
    pub fn prepare_store_numbered(
        &self,
        number: &str,
        created: Instant,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Envelope, ClientError> {
        let id = MessageId { root: self.sender.numbers_root.clone(), extension: number.to_owned() };
        self.prepare(&id, created, (document.header(), document.xml()), acting, authority)
    }

    fn prepare(
        &self,
        id: &MessageId,
        created: Instant,
        (header, document_xml): (&Header, &[u8]),
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Envelope, ClientError> {
        let register = self.register_of(authority);
        if *register != header.organiser.oid {
            return Err(ClientError::Ground("an authority for another register than the document's"));
        }
        let situation = match authority {
            Authority::OwnRegister => UseSituation::OwnRegister,
            Authority::RegisterAccess(permit) => {
                permits_storing(permit, header, acting)?;
                UseSituation::RegisterAccess
            }
        };
        let context = MessageContext { created, ..self.context(id, acting, situation) };
        Ok(store_message(&self.profile, &context, header, document_xml)?)
    }

    /// Sends an envelope once. A lost answer is [`Outcome::Unknown`]: ask for the document before sending again.
    pub async fn send(&self, envelope: &Envelope) -> Outcome {
        match self.transport.post(envelope).await {
            Ok(reply) => acceptance(&self.profile, &envelope.message_id, &reply),
            Err(TransportError::Unsent(why)) => Outcome::TryLater { why: NotNow::NothingSent(why), retry_after: None },
            Err(TransportError::Lost(why)) => Outcome::Unknown { why: Doubt::Lost(why), retry_after: None },
        }
    }

    /// Prepares and sends, for callers that keep no outbox: what [`Outcome::Unknown`] leaves open is theirs to ask.
    ///
    /// # Errors
    /// As [`ArchiveClient::prepare_store`]; nothing was sent then.
    pub async fn store(
        &self,
        document: &SignedDocument,
        acting: Acting<'_>,
        authority: &Authority,
    ) -> Result<Outcome, ClientError> {
        let envelope = self.prepare_store(document, acting, authority)?;
        Ok(self.send(&envelope).await)
    }

    /// The register that an authority is for.
    fn register_of<'a>(&'a self, authority: &'a Authority) -> &'a Oid {
        match authority {
            Authority::OwnRegister => &self.sender.organisation,
            Authority::RegisterAccess(permit) => permit.organiser(),
        }
    }

    /// The situation of asking in this register.
    fn situation_in(&self, register: &Oid) -> UseSituation {
        if *register == self.sender.organisation { UseSituation::OwnRegister } else { UseSituation::RegisterAccess }
    }

    fn context<'a>(&'a self, id: &'a MessageId, acting: Acting<'a>, situation: UseSituation) -> MessageContext<'a> {
        MessageContext {
            message_id: id,
            sender: &self.sender.organisation,
            created: self.now(),
            environment: self.sender.environment,
            worker: acting.worker,
            unit: acting.unit,
            situation,
        }
    }

    fn number(&self) -> String {
        (self.sources.message_number)().to_string()
    }

    fn new_id(&self) -> MessageId {
        MessageId { root: self.sender.numbers_root.clone(), extension: self.number() }
    }

    fn now(&self) -> Instant {
        Instant::in_finland((self.sources.now)())
    }
}

/// Whether a permit is for this: this unit's writing, for every client of the document, drawn up on that day.
fn permits_storing(permit: &Permit, header: &Header, acting: Acting<'_>) -> Result<(), ClientError> {
    if *permit.unit() != acting.unit.oid || *permit.unit() != header.unit.oid {
        return Err(ClientError::Ground("a permit for another unit than the document's and the worker's"));
    }
    if permit.operation() != (Operation::Write { drawn_up: header.drawn_up.day() }) {
        return Err(ClientError::Ground("a permit for something else than writing a document of this day"));
    }
    if !header.clients.iter().all(|client| client.id().is_some_and(|id| permit.is_for(&id))) {
        return Err(ClientError::Ground("a permit for other clients than the document's"));
    }
    match &header.service_task {
        Some(task) if !permit.covers(Some(&task.code), Some(header.group)) => {
            Err(ClientError::Ground("a permit for another service task than the document's"))
        }
        _ => Ok(()),
    }
}

/// What a peer asked for, in an error or outcome.
type RetryAfter = Option<Duration>;

#[cfg(test)]
mod tests;
