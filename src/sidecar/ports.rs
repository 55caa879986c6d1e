//! What the sidecar needs from outside: the archive, a clock, chance and the document pipeline.
//!
//! Types come from the domain, so that an adapter has little to say. Nothing here knows HTTP, TLS or SQL.

mod archive;
mod clock;
mod pipeline;
mod search;

use serde::{Deserialize, Serialize};

use crate::domain::access::PermitRecord;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{PersonId, Worker};
use crate::domain::record::ProfessionalLink;

pub use archive::{Archive, ArchiveFault, Digest, HeldBytes, Holding, Outcome, Presence, Proof, Remark, Verdict};
pub use clock::{Chance, Clock, SystemChance, SystemClock};
pub use pipeline::{HandoverBodies, HandoverPreparation, Invalidating, Pace, Pipeline, Preparation, PrepareFault};
pub use search::{CasesWanted, Contents, Inside, Listed, Opened, Page, PageWanted, SignedBy, Subject, Wanted};

/// What leaves, byte for byte. Equal each time it leaves. Not `Debug`: it holds a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Outbound {
    /// SOAP action of the message; empty where its content type says it.
    pub soap_action: String,
    /// Content type with its parameters.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// In whose name the archive is asked, about which client, in whose register.
#[derive(Clone)]
pub struct Asker {
    /// The sending organisation.
    pub organisation: Oid,
    /// Owner of the register.
    pub organiser: Organisation,
    /// The acting worker's unit.
    pub unit: Unit,
    /// The acting worker.
    pub worker: Worker,
    /// What ties the worker to the client.
    pub link: ProfessionalLink,
    /// The client.
    pub client: PersonId,
}

/// On what ground an envelope was sent, as it is kept with it. It permits asking for that document, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ground", content = "permits", rename_all = "snake_case")]
pub enum Ground {
    /// The sender owns the register.
    OwnRegister,
    /// The organiser has named the unit: one permit a client.
    RegisterAccess(Vec<PermitRecord>),
    /// The sender has stored the document itself: that is enough to invalidate it, also after a right has ended.
    OwnDocument,
}
