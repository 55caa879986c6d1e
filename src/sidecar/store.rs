//! What the sidecar keeps: submissions, envelopes, idempotency keys and the use log, as whole transactions.
//!
//! [`Store`] is the port; each method is one transaction that is durable when it returns, use-log row included. It decides
//! nothing: the next state comes from [`crate::domain::submission::advance`]. Callers: the API and the worker.

mod census;
mod error;
mod progress;
mod scope;
mod step;
mod submission;
mod use_log;

#[cfg(test)]
pub(crate) mod behaviour;
#[cfg(test)]
pub(crate) mod memory;
#[cfg(feature = "sqlite")]
pub mod sqlite;

use std::future::Future;

use jiff::Timestamp;

use crate::domain::oid::Oid;
// Named in the docs below.
#[cfg(doc)]
use crate::domain::submission::Event;

pub use census::{Census, KeptBodies, Packages, Purged, Stuck, StuckLane};
pub use error::{Limit, StoreError, StoreLimits};
pub use scope::{ChangesWanted, Due, Scope, Whose};
pub use step::{Actor, Step, TimelineEntry};
pub use submission::{
    Accepted, Claimed, Earlier, Handover, NewSubmission, Predecessor, PredecessorRecord, SignedPlace, StoredEnvelope,
    Submission, SubmissionId,
};
pub use use_log::{Use, UseLogEntry};

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
