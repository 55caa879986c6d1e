//! What the sidecar keeps: submissions, envelopes, idempotency keys and the use log, as whole transactions.
//!
//! [`Store`] is the port; each method is one transaction that is durable when it returns, use-log row included. It decides
//! nothing: the next state comes from [`crate::domain::submission::advance`]. Callers: the API and the worker.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::document::header::DocumentIds;
use crate::domain::finding::Finding;
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Class, Event, IllegalTransition, Kind, State};

use super::ports::{Ground, HandoverBodies, Outbound, Verdict};
use super::vault::{KeyFileError, NotOpened};

#[cfg(test)]
pub(crate) mod behaviour;
#[cfg(test)]
pub(crate) mod memory;
mod progress;
#[cfg(feature = "sqlite")]
pub mod sqlite;

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
    /// Attempts so far that ended without a verdict.
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

/// Who did something, for the use log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Actor {
    /// Token name, operator, or `worker`.
    pub name: String,
    /// Process that it was done through.
    pub instance: String,
}

/// A change of state with what is to be kept of it.
pub struct Step {
    /// What happened.
    pub event: Event,
    /// What the archive said, when it did.
    pub verdict: Option<Verdict>,
    /// What stood in the way, of an event that does not carry it itself.
    pub cause: Option<Cause>,
    /// Facts for the use log; nothing of any person that the submission does not hold already.
    pub facts: Value,
    /// Who did it.
    pub actor: Actor,
    /// The change after which it is to follow, see [`Submission::change`]: should anything have happened since, the step cannot.
    pub after: Option<u64>,
}

impl Step {
    /// A step without a verdict or facts, after whatever was before.
    pub fn plain(event: Event, actor: Actor) -> Self {
        Self { event, verdict: None, cause: None, facts: Value::Null, actor, after: None }
    }
}

/// A use of the register that is no submission: a search.
pub struct Use {
    /// What was done: `decisions.search`.
    pub action: &'static str,
    /// How it ended: `permitted`, `denied: …`, `failed`.
    pub outcome: String,
    /// Who did it.
    pub actor: Actor,
    /// Persons, unit, organiser, link, evidence.
    pub subject: Value,
}

/// An entry of the use log, as it is read out.
#[derive(Debug, Serialize)]
pub struct UseLogEntry {
    /// Its place in the chain, from 1 on.
    pub row: u64,
    /// When it was entered.
    pub at: Timestamp,
    /// The submission that it is of; none of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// What was done.
    pub action: String,
    /// How it ended.
    pub outcome: String,
    /// Who did it.
    pub actor: Value,
    /// Persons, unit, organiser, link, evidence, ground: what the entry is about.
    pub facts: Value,
}

/// One line of a submission's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What happened: an event's name, or `accept`.
    pub event: String,
    /// The state after it.
    pub state: String,
}

/// Which submissions a caller may see.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Of this organisation.
    pub organisation: Oid,
    /// Of these units.
    pub units: Vec<Oid>,
}

impl Scope {
    /// Whether a submission is within it.
    pub fn sees(&self, submission: &Submission) -> bool {
        submission.organisation == self.organisation && self.units.contains(&submission.unit)
    }
}

/// Which part of the change list is wanted.
#[derive(Debug, Clone)]
pub struct ChangesWanted {
    /// State or class by its name; any when `None`.
    pub state: Option<String>,
    /// Changes after this one.
    pub after: u64,
    /// How many at most.
    pub limit: u32,
}

/// How many stand where, for metrics and readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Count by state name; states without submissions are left out.
    pub by_state: Vec<(String, u64)>,
    /// When the oldest open one was accepted.
    pub oldest_open: Option<Timestamp>,
    /// How many are parked because a stored value of them is damaged.
    pub damaged: u64,
    /// Sealed bytes of the bodies of what is not settled.
    pub open_bytes: u64,
    /// Settled submissions whose bodies retention still keeps.
    pub kept: u64,
    /// Their sealed bytes.
    pub kept_bytes: u64,
    /// Bytes that are free where the database is, where that is known.
    pub free_disk_bytes: Option<u64>,
    /// Packages whose receipt is missing.
    pub packages: Packages,
}

/// Packages for organisers that wait for their receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packages {
    /// How many.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
}

/// What retention takes: bodies of what was settled before these moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Of what was archived, rejected or given up.
    pub settled_before: Timestamp,
    /// Of what was handed over and confirmed. Without a receipt nothing of it is ever due.
    pub confirmed_before: Timestamp,
}

/// Whose submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// This organisation's.
    Only(Oid),
    /// Every organisation's but these.
    AllBut(Vec<Oid>),
}

impl Whose {
    /// Every organisation's.
    pub const EVERYONES: Self = Self::AllBut(Vec::new());

    /// Whether this organisation's are among them.
    pub fn includes(&self, organisation: &Oid) -> bool {
        match self {
            Self::Only(one) => one == organisation,
            Self::AllBut(others) => !others.contains(organisation),
        }
    }
}

/// A version chain whose first open submission is parked: nothing of it moves before a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckLane {
    /// The parked submission.
    pub submission: SubmissionId,
    /// Its organisation.
    pub organisation: Oid,
    /// The chain (`setId`).
    pub set: Oid,
    /// Code of the cause.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
}

impl StuckLane {
    fn of(parked: Submission) -> Self {
        Self {
            submission: parked.id,
            organisation: parked.organisation,
            set: parked.document.set,
            code: parked.why.map_or_else(|| "unknown".to_owned(), |why| why.code),
            since: parked.updated_at,
        }
    }
}

/// The lanes that only a person can move on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stuck {
    /// How many there are.
    pub total: u64,
    /// The oldest of them.
    pub lanes: Vec<StuckLane>,
}

/// Why the store did not do it. Carries nothing of a record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// For the operator: another process has the database.
    #[error("{path} is in use by another process; one database serves one sidecar")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// For the operator: made by a later version of this program.
    #[error("the database has schema version {found}, this program knows up to {known}: start the newer program")]
    FromTheFuture {
        /// Found.
        found: i64,
        /// Known.
        known: i64,
    },
    /// For the operator: made by an earlier version of this program, and not started with this one yet.
    #[error(
        "the database has schema version {found}, this program's is {known}: start the sidecar once, which brings it up to date"
    )]
    FromThePast {
        /// Found.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// For the operator: some other program's database.
    #[error("{path} is not a database of asiasilta (application id {found:#x})")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i64,
    },
    /// For the operator: the key is of another store.
    #[error("the store key does not fit this database: it was made with another key")]
    WrongKey,
    /// For the operator: no key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// For the operator: the file system refuses.
    #[error("the file system refuses {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// For the caller: as much waits as may wait, or the disk has no more room than what waits will need.
    #[error("the store takes no more: {}", limit.text())]
    Full {
        /// Which bound was met.
        limit: Limit,
    },
    /// For the operator: no room on the disk. Nothing of it was kept; it goes on by itself when there is room.
    #[error("the disk is full: {text}")]
    DiskFull {
        /// In the system's words.
        text: String,
    },
    /// For the operator: the disk takes no writes. Nothing of it was kept.
    #[error("the disk or the database file is read-only: {text}")]
    ReadOnly {
        /// In the system's words.
        text: String,
    },
    /// For the operator: the database file is damaged. The process ends; see `asiasilta store check`.
    #[error("the database is damaged ({text}): stop, run `asiasilta store check`, put a backup back")]
    Corrupt {
        /// In SQLite's words.
        text: String,
    },
    /// For the operator: the database refuses for another reason.
    #[error("the database refused: {text}")]
    Database {
        /// In its own words.
        text: String,
    },
    /// For the operator: a stored value does not open or does not read.
    #[error("stored value {what} is damaged")]
    Damaged {
        /// Which kind of value.
        what: &'static str,
    },
    /// The store has been closed or its thread has died.
    #[error("the store is closed")]
    Closed,
    /// For the caller: it cannot happen in this state.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// For the caller: no such submission.
    #[error("no such submission")]
    NotFound,
    /// For the caller: another has moved it in its chain since its document was signed.
    #[error("its place in its version chain is no longer the one that its document was signed with")]
    Moved,
    /// For the caller: retention has purged its bodies.
    #[error("its bodies have been purged, their time being over")]
    Purged,
    /// For the caller: an invalidation of it is open.
    #[error("it is not taken back while the invalidation {by} is open")]
    InvalidationOpen {
        /// The invalidation.
        by: SubmissionId,
    },
}

impl StoreError {
    /// An error of the file system, by what it means.
    fn from_io(path: &Path, source: io::Error) -> Self {
        let text = || format!("{}: {source}", path.display());
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { text: text() },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { text: text() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// The error with its causes, for a log line.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// The same once more, for each caller of a transaction that did not commit.
    fn repeated(&self) -> Self {
        match self {
            Self::DiskFull { text } => Self::DiskFull { text: text.clone() },
            Self::ReadOnly { text } => Self::ReadOnly { text: text.clone() },
            Self::Corrupt { text } => Self::Corrupt { text: text.clone() },
            Self::Database { text } => Self::Database { text: text.clone() },
            Self::Io { path, source } => {
                Self::Io { path: path.clone(), source: io::Error::new(source.kind(), source.to_string()) }
            }
            other => Self::Database { text: other.to_string() },
        }
    }

    /// Whether the disk or the database refused, not a rule of the store.
    fn is_of_the_disk(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. }
                | Self::ReadOnly { .. }
                | Self::Corrupt { .. }
                | Self::Database { .. }
                | Self::Io { .. }
        )
    }
}

/// How much a store takes before it refuses more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Submissions that are not settled.
    pub open_rows_max: u64,
    /// Bytes of their bodies, sealed.
    pub open_bytes_max: u64,
    /// Bytes that stay free on the file system, so that what was accepted can be carried on.
    pub free_disk_bytes_min: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { open_rows_max: 500_000, open_bytes_max: 16 << 30, free_disk_bytes_min: 256 << 20 }
    }
}

/// A bound of [`StoreLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Submissions that are not settled.
    Rows,
    /// Their bytes.
    Bytes,
    /// Free room on the disk.
    Disk,
}

impl Limit {
    /// In words, with the configuration key.
    fn text(self) -> &'static str {
        match self {
            Self::Rows => "as many submissions wait as store.open_rows_max allows",
            Self::Bytes => "as many bytes wait as store.open_bytes_max allows",
            Self::Disk => "less is free on the disk than store.free_disk_bytes_min asks for",
        }
    }
}

/// What a slice of purging has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Submissions whose bodies are gone.
    pub submissions: u64,
    /// Their sealed bytes.
    pub bytes: u64,
    /// Whether there is more to purge.
    pub more: bool,
}

/// What is kept of settled submissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeptBodies {
    /// Settled submissions whose bodies are still kept.
    pub submissions: u64,
    /// Their sealed bytes.
    pub bytes: u64,
    /// When the first of them was settled.
    pub oldest_finished: Option<Timestamp>,
    /// How many of them are due.
    pub due: u64,
    /// Their sealed bytes.
    pub due_bytes: u64,
}

impl From<NotOpened> for StoreError {
    fn from(_: NotOpened) -> Self {
        Self::Damaged { what: "sealed value" }
    }
}

/// The port: whole transactions. A method that has returned `Ok` has survived a power loss.
pub trait Store: Send + Sync + 'static {
    /// Keeps a new submission, or finds the one that the same key brought before.
    fn accept(&self, new: NewSubmission, now: Timestamp) -> impl Future<Output = Result<Accepted, StoreError>> + Send;

    /// What the same key has brought before, without accepting anything: by it a repeated request gets the answer of the
    /// first one, whatever today's rules say of its body.
    fn earlier(
        &self,
        organisation: &Oid,
        idempotency_key: &str,
        payload: &[u8],
    ) -> impl Future<Output = Result<Option<Earlier>, StoreError>> + Send;

    /// A document of this organisation with every other of its version chain, by version; empty when the document was no
    /// submission here. Invalidations are left out.
    fn chain_of(
        &self,
        organisation: &Oid,
        document: &Oid,
    ) -> impl Future<Output = Result<Vec<Submission>, StoreError>> + Send;

    /// Takes up to `limit` due submissions of these organisations, oldest first; none whose predecessor in its version chain is
    /// still open. An invalidation comes after what was accepted of its document's chain before it, and before what is accepted
    /// later. Queued and held ones become `Claimed`, unknown ones `Reconciling`.
    fn claim_of(
        &self,
        whose: &Whose,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Claimed>, StoreError>> + Send;

    /// [`Store::claim_of`] every organisation.
    fn claim(
        &self,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Vec<Claimed>, StoreError>> + Send {
        async move { self.claim_of(&Whose::EVERYONES, actor, limit, now).await }
    }

    /// Keeps the envelope and moves to `InFlight` in one: the first byte may leave after this. `reads` are the uses of the
    /// register that led here, for the use log.
    fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = Result<Submission, StoreError>> + Send;

    /// Keeps the package and the signed document and moves by [`Event::HandOver`] in one: it goes another way from then on. Of one
    /// that was handed over before, the document stays and the package is replaced. [`StoreError::Moved`] when its place in its
    /// chain is by then another than the one that the document was signed with.
    fn hand_over(
        &self,
        id: &SubmissionId,
        handover: &Handover,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = Result<Submission, StoreError>> + Send;

    /// All of a submission, as a claim would hand it out, and without claiming it; [`StoreError::Purged`] when retention has been
    /// there.
    fn whole(&self, id: &SubmissionId) -> impl Future<Output = Result<Claimed, StoreError>> + Send;

    /// The package of a submission, as it is kept for the organiser; `None` when there is none (any more).
    fn package(&self, id: &SubmissionId) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send;

    /// Packages that wait for their receipt.
    fn packages(&self) -> impl Future<Output = Result<Packages, StoreError>> + Send;

    /// Moves a submission by any other event; [`Event::HandOver`] is refused, which needs a package. [`Event::TakePlace`] also gives
    /// it its missing predecessor's place in the chain, and what follows it the places after. [`Event::TakeBack`] is refused with
    /// [`StoreError::InvalidationOpen`] or [`StoreError::Purged`].
    fn step(
        &self,
        id: &SubmissionId,
        step: Step,
        now: Timestamp,
    ) -> impl Future<Output = Result<Submission, StoreError>> + Send;

    /// Brings back what has been taken up by nobody who still has it: all but `running`; answers how many. What may have left is
    /// asked for at `ask_at`.
    fn recover_all_but(
        &self,
        running: &[SubmissionId],
        actor: &Actor,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// [`Store::recover_all_but`] none: the process that had taken them up is gone.
    fn recover(
        &self,
        actor: &Actor,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        async move { self.recover_all_but(&[], actor, ask_at, now).await }
    }

    /// When the next submission of these organisations is due, of those that can be claimed.
    fn next_due_of(&self, whose: &Whose) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send;

    /// [`Store::next_due_of`] every organisation.
    fn next_due(&self) -> impl Future<Output = Result<Option<Timestamp>, StoreError>> + Send {
        async move { self.next_due_of(&Whose::EVERYONES).await }
    }

    /// What is due later than `latest` becomes due then; answers how many. For a clock that was set back.
    fn pull_forward(&self, latest: Timestamp) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// The lanes that only a person can move on, oldest first, at most `limit` of them.
    fn stuck(&self, limit: u32) -> impl Future<Output = Result<Stuck, StoreError>> + Send;

    /// One submission and its way.
    fn find(
        &self,
        id: &SubmissionId,
        scope: &Scope,
    ) -> impl Future<Output = Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError>> + Send;

    /// The change list: each submission once, at its latest change, in order of change.
    fn changes(
        &self,
        wanted: ChangesWanted,
        scope: &Scope,
    ) -> impl Future<Output = Result<Vec<Submission>, StoreError>> + Send;

    /// Writes a search into the use log.
    fn log_use(&self, entry: Use, now: Timestamp) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Ends when the store can do nothing any more; the process had better end then as well.
    fn closed(&self) -> impl Future<Output = ()> + Send {
        std::future::pending()
    }

    /// Whether something can be written now; tried at most every few seconds.
    fn ready(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// How many stand where.
    fn census(&self) -> impl Future<Output = Result<Census, StoreError>> + Send;

    /// Purges the bodies of up to `limit` submissions that are due. Their rows, the digests of their keys
    /// and the use log stay; open submissions are never touched.
    fn purge(
        &self,
        actor: &Actor,
        due: Due,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<Purged, StoreError>> + Send;

    /// Forgets up to `limit` submissions that were settled before a moment and whose bodies are purged, with the digests of their keys:
    /// the same key then brings a new one. The use log stays. Answers how many.
    fn forget(
        &self,
        actor: &Actor,
        finished_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// Lets up to `limit` of the first entries of the use log go that were entered before a moment, which is an entry of its own.
    /// Answers how many.
    fn forget_uses(
        &self,
        actor: &Actor,
        entered_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> impl Future<Output = Result<u64, StoreError>> + Send;

    /// What is kept of settled submissions, and how much of it [`Store::purge`] would take.
    fn kept_bodies(&self, due: Due) -> impl Future<Output = Result<KeptBodies, StoreError>> + Send;

    /// Reads the use log from the first row that is kept and answers how many rows its chain proves.
    fn verify_use_log(&self) -> impl Future<Output = Result<u64, StoreError>> + Send;
}
