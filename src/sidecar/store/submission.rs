//! A submission in the store: as it is accepted, as it stands, as it is taken up, and what is kept with it.
//!
//! Values alone: how a state follows another is the domain's ([`crate::domain::submission`]), what is kept along with it
//! [`super::progress`]'s. What holds a record has no `Debug`.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Actor;
use crate::domain::document::header::DocumentIds;
use crate::domain::finding::Finding;
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Class, Kind, State};
use crate::sidecar::ports::{Ground, HandoverBodies, Outbound, Verdict};

/// The id of a submission in the API: random, so that it tells nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct SubmissionId(String);

impl SubmissionId {
    /// A new one.
    pub fn random() -> Self {
        Self(uuid::Uuid::new_v4().to_string())
    }

    /// The text form, a UUID (RFC 9562).
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SubmissionId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<uuid::Uuid>().map(|id| Self(id.to_string()))
    }
}

impl fmt::Display for SubmissionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is accepted. Not `Debug`: it holds a record.
pub struct NewSubmission {
    /// Its id to be.
    pub id: SubmissionId,
    /// The producer's organisation, from the caller's token.
    pub organisation: Oid,
    /// The node that the organisation's document ids stand below.
    pub document_node: Oid,
    /// The unit of the record.
    pub unit: Oid,
    /// The caller's idempotency key.
    pub idempotency_key: String,
    /// What it asks of the archive.
    pub kind: Kind,
    /// The record as it came; of an invalidation, what was said of it.
    pub payload: Vec<u8>,
    /// Its structure.
    pub structure: Oid,
    /// Document, original and version that it replaces.
    pub replaces: Option<DocumentIds>,
    /// What the caller should know.
    pub warnings: Vec<Finding>,
    /// Whether a professional must sign before it goes on.
    pub awaits_signature: bool,
    /// For the use log.
    pub used_by: Actor,
    /// For the use log: persons and units concerned.
    pub subject: Value,
}

/// The answer to an accept.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// New, durably kept.
    New(Submission),
    /// The same key with the same body came before; this is what became of it.
    Replay(Submission),
    /// The same key came before with another body.
    Conflict,
}

/// What a key has brought before.
#[derive(Debug, Clone)]
pub enum Earlier {
    /// The same body.
    Same(Box<Submission>),
    /// Another body.
    Other,
}

/// A submission as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Submission {
    /// Its id.
    pub id: SubmissionId,
    /// The producer's organisation.
    pub organisation: Oid,
    /// The unit.
    pub unit: Oid,
    /// What it asks of the archive.
    pub kind: Kind,
    /// Ids of the document, given at acceptance. An invalidation has an id of its own, which no document bears, and the set and
    /// version that it stands after.
    pub document: DocumentIds,
    /// Whether its envelope is stored: it may have left, whatever became of it since.
    pub has_envelope: bool,
    /// The message number that its envelope carries: digits, unique for ever.
    pub message_number: String,
    /// Version OID that it replaces.
    pub replaces: Option<Oid>,
    /// Its structure.
    pub structure: Oid,
    /// Its state.
    pub state: State,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When the worker takes it up.
    pub due_at: Option<Timestamp>,
    /// Attempts that ended without a verdict, counted anew from its launch and from a person's release.
    pub attempts: u32,
    /// Since when it has been held for the same reason, counted anew after a release; its patience is counted from here.
    pub held_since: Option<Timestamp>,
    /// Code of the cause that it was last held for.
    pub held_for: Option<String>,
    /// What last stood in its way, while it is open: also of a queued one that could not be sent, or one that was sent
    /// without an answer.
    pub why: Option<Cause>,
    /// The document that must be settled, or invalidated, before this one goes on.
    pub waits_for: Option<Oid>,
    /// When its document was first handed over another way; its bytes, ids and place are settled since then.
    pub handed_over_at: Option<Timestamp>,
    /// An open invalidation of what was handed over: while there is one, none of it goes to the archive.
    pub invalidated_by: Option<SubmissionId>,
    /// Accepted by an earlier run: a database that was put back may not know what became of it.
    pub from_earlier_run: bool,
    /// Which stored value of it cannot be read.
    pub damaged: Option<String>,
    /// Place in the change list.
    pub change: u64,
    /// What the caller should know.
    pub warnings: Vec<Finding>,
    /// What the archive said.
    pub verdict: Option<Verdict>,
}

/// A submission that the worker has taken up. Not `Debug`: it holds a record.
pub struct Claimed {
    /// As it stands now: `Claimed` or `Reconciling`.
    pub submission: Submission,
    /// The record as it came.
    pub payload: Vec<u8>,
    /// What was to leave, byte for byte; there is one exactly when it is `Reconciling`.
    pub envelope: Option<StoredEnvelope>,
    /// The document that it replaces or invalidates, when that was also a submission of this organisation.
    pub predecessor: Option<Predecessor>,
    /// The signed document, when it was handed over another way before.
    pub handed_over: Option<Vec<u8>>,
}

/// A submission that another one replaces or invalidates. Not `Debug`: it holds a record.
pub struct Predecessor {
    /// What became of it.
    pub class: Class,
    /// Its document.
    pub document: DocumentIds,
    /// Its unit.
    pub unit: Oid,
    /// Whether it was ever handed over another way: then the organiser has it, whatever became of it since.
    pub was_handed_over: bool,
    /// Its record.
    pub record: PredecessorRecord,
}

/// The record of a predecessor, or why there is none. Not `Debug`: it holds a record.
#[derive(PartialEq, Eq)]
pub enum PredecessorRecord {
    /// As it came.
    Kept(Vec<u8>),
    /// Its time was over: nothing of it can leave from here any more.
    Purged,
    /// It is there and does not open.
    Damaged,
}

impl Predecessor {
    /// Whether it is at the organiser and not in the archive, and what of it is here could still be archived.
    pub fn may_still_come(&self) -> bool {
        self.class == Class::HandedOver && self.record != PredecessorRecord::Purged
    }
}

/// What is kept of a submission that goes another way, and the place in its chain that its document says.
#[derive(Clone)]
pub struct Handover {
    /// Package and document.
    pub bodies: HandoverBodies,
    /// Where the document stands.
    pub place: SignedPlace,
}

/// The ids that a document was signed with, and what it says that it replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPlace {
    /// Its ids.
    pub ids: DocumentIds,
    /// Version OID that it replaces.
    pub replaces: Option<Oid>,
    /// When it was first handed over, if it was before: then there is a document already, and no other is made.
    pub handed_over_at: Option<Timestamp>,
}

impl SignedPlace {
    /// The place that a submission has now.
    pub fn of(submission: &Submission) -> Self {
        Self {
            ids: submission.document.clone(),
            replaces: submission.replaces.clone(),
            handed_over_at: submission.handed_over_at,
        }
    }
}

/// An envelope with the ground on which it is sent.
#[derive(Clone)]
pub struct StoredEnvelope {
    /// The bytes.
    pub outbound: Outbound,
    /// On what ground it is sent.
    pub ground: Ground,
    /// The case that it is attached to.
    pub case: Option<Oid>,
}
