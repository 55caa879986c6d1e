//! Record to signed envelope: the domain's steps in their order, with this installation's keys and names.
//!
//! Implements the sidecar's [`Pipeline`]. Decides nothing: checker, document, signature and frame do.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ports::{Digest, Invalidating, Outbound, Pipeline, Preparation, PrepareFault};
use crate::archive::client::{Acting, ArchiveClient, ClientError};
use crate::archive::keys::{OpensslCrypto, SigningIdentity};
use crate::archive::transport::Transport;
use crate::domain::document::build::{Making, document_with};
use crate::domain::document::display::{IdentityCodes, Logo, Look};
use crate::domain::document::header::Software;
use crate::domain::oid::Oid;
use crate::domain::signature::{SignError, SignatureKind, sign};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::time::Instant;
use crate::domain::validate::Checker;
use crate::domain::wire::{Envelope, document_in};

/// What this installation makes documents with.
pub struct DocumentPipeline<T> {
    /// The record checker.
    pub checker: Arc<Checker>,
    /// One client of the archive for each organisation that this installation sends for.
    pub clients: BTreeMap<Oid, Arc<ArchiveClient<T>>>,
    /// The system's signing identity.
    pub signer: SigningIdentity,
    /// How the writing system names itself.
    pub software: Software,
    /// How readable forms look.
    pub looks: Looks,
}

/// How readable forms look, by whose register they go to.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// How identity codes are shown.
    pub identity_codes: IdentityCodes,
    /// Organisers' logos.
    pub logos: BTreeMap<Oid, Logo>,
}

impl Looks {
    /// The look of an organiser's documents.
    pub fn of(&self, organiser: &Oid) -> Look {
        Look { identity_codes: self.identity_codes, logo: self.logos.get(organiser).cloned() }
    }
}

impl<T: Transport + 'static> Pipeline for DocumentPipeline<T> {
    fn prepare(&self, preparation: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        let created = preparation.created;
        let checked = self.checker.record(preparation.payload, created).map_err(|_| no_longer_valid())?;
        let making = Making {
            ids: preparation.ids,
            created: Instant::in_finland(created),
            found_case: preparation.case,
            software: &self.software,
        };
        let look = self.looks.of(&checked.record().organiser.oid);
        let document = document_with(&checked, &making, &look);
        let signed =
            sign(&document, SignatureKind::System, created, &self.signer, &OpensslCrypto).map_err(not_signed)?;
        let record = checked.record();
        let client = self.clients.get(preparation.organisation).ok_or_else(not_a_sender)?;
        let acting = Acting { worker: &record.acting_worker, unit: &record.unit };
        let (number, moment) = (preparation.message_number, Instant::in_finland(created));
        let envelope = client.prepare_store_numbered(number, moment, &signed, acting, preparation.authority);
        envelope.map(outbound).map_err(not_framed)
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        document_in(&outbound.content_type, &outbound.body).map(|document| Digest::of(&document))
    }

    fn invalidation(&self, of: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        let client = self.clients.get(of.organisation).ok_or_else(not_a_sender)?;
        let acting = Acting { worker: of.worker, unit: of.unit };
        let created = Instant::in_finland(of.created);
        let envelope = client.prepare_invalidation(of.message_number, created, of.invalidation, acting);
        envelope.map(outbound).map_err(not_framed)
    }
}

fn outbound(envelope: Envelope) -> Outbound {
    Outbound {
        soap_action: envelope.soap_action.unwrap_or_default(),
        content_type: envelope.content_type,
        body: envelope.body,
    }
}

fn not_framed(fault: ClientError) -> PrepareFault {
    PrepareFault::Lasting(Cause::new("wire.not_framed", Text::same(fault.to_string())))
}

fn not_a_sender() -> PrepareFault {
    PrepareFault::Lasting(Cause::new("archive.sender", super::line::SENDER))
}

fn no_longer_valid() -> PrepareFault {
    PrepareFault::Lasting(Cause::new(
        "record.no_longer_valid",
        Text::fixed(
            "tietue ei enää läpäise tarkistuksia, joilla se vastaanotettiin",
            "posten uppfyller inte längre de kontroller som den togs emot med",
            "the record no longer passes the checks that it was accepted by",
        ),
    ))
}

fn not_signed(fault: SignError) -> PrepareFault {
    let cause = Cause::new("signature.not_made", Text::same(fault.to_string()));
    match fault {
        SignError::Signer(_) | SignError::CertificateNotValid => PrepareFault::Passing(cause),
        _ => PrepareFault::Lasting(cause),
    }
}
