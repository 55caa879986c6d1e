//! The store of a simulated world: the one in memory, whose process can die before and after each commit, and whose disk can fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::dice::{Dice, Points};
use crate::domain::oid::Oid;
use crate::domain::submission::Event;
use crate::sidecar::ports::{Proof, Verdict};
use crate::sidecar::store::memory::MemoryStore;
use crate::sidecar::store::{
    Accepted, Actor, Census, ChangesWanted, Claimed, Due, Earlier, Handover, KeptBodies, NewSubmission, Packages,
    Purged, Scope, Step, Store, StoreError, StoredEnvelope, Stuck, Submission, SubmissionId, TimelineEntry, Use, Whose,
};

/// A promise broken on purpose, to see that the check finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Breach {
    None,
    /// The worker sends again as if it had asked.
    SkipTheQuestion,
    /// A document of another's under our id counts as ours.
    BelieveTheId,
    /// A submission counts as archived once its envelope is stored.
    SettleBeforeSend,
    /// What leaves again is not what left before.
    OtherBytes,
    /// A step is answered before it is kept, and a crash forgets it.
    AnswerBeforeCommit,
    /// A submission that could not be sent is never looked at again.
    ForgetTheDue,
    /// What was handed over and taken back is made anew.
    ForgetTheDocument,
    /// What was handed over and taken back stands elsewhere in its chain.
    MoveTheDocument,
}

pub(super) struct SimStore {
    pub(super) inner: MemoryStore,
    dice: Arc<Dice>,
    points: Arc<Points>,
    disk_fails: Arc<AtomicBool>,
    breach: Breach,
}

impl SimStore {
    pub(super) fn new(
        inner: MemoryStore,
        dice: &Arc<Dice>,
        points: &Arc<Points>,
        disk_fails: &Arc<AtomicBool>,
        breach: Breach,
    ) -> Self {
        let (dice, points, disk_fails) = (Arc::clone(dice), Arc::clone(points), Arc::clone(disk_fails));
        Self { inner, dice, points, disk_fails, breach }
    }

    /// Before a commit.
    async fn before(&self) -> Result<(), StoreError> {
        self.points.pass().await;
        if self.disk_fails.load(Ordering::SeqCst) && self.dice.percent(50) { Err(Self::full()) } else { Ok(()) }
    }

    /// After it: the caller may never hear of it, or hear that it failed.
    async fn after<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        self.points.pass().await;
        if self.disk_fails.load(Ordering::SeqCst) && self.dice.percent(20) { Err(Self::full()) } else { done }
    }

    fn full() -> StoreError {
        StoreError::Database { text: "disk full".into() }
    }
}

impl Store for SimStore {
    async fn accept(&self, new: NewSubmission, now: Timestamp) -> Result<Accepted, StoreError> {
        self.inner.accept(new, now).await
    }

    async fn earlier(&self, organisation: &Oid, key: &str, payload: &[u8]) -> Result<Option<Earlier>, StoreError> {
        self.inner.earlier(organisation, key, payload).await
    }

    async fn chain_of(&self, organisation: &Oid, document: &Oid) -> Result<Vec<Submission>, StoreError> {
        self.inner.chain_of(organisation, document).await
    }

    async fn claim_of(
        &self,
        whose: &Whose,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.before().await?;
        let mut claimed = self.inner.claim_of(whose, actor, limit, now).await?;
        for one in &mut claimed {
            if let (Breach::OtherBytes, Some(envelope)) = (self.breach, &mut one.envelope) {
                envelope.outbound.body.push(b'!');
            }
            if self.breach == Breach::ForgetTheDocument {
                one.handed_over = None;
            }
            if self.breach == Breach::MoveTheDocument && one.handed_over.is_some() {
                one.submission.document.set = one.submission.document.set.child(1);
            }
        }
        self.after(Ok(claimed)).await
    }

    async fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        self.before().await?;
        let by = step.actor.clone();
        let done = self.inner.launch(id, envelope, step, now).await;
        if self.breach == Breach::SettleBeforeSend && done.is_ok() {
            let verdict = Verdict::Archived { proof: Proof::Acknowledged, remarks: Vec::new() };
            let step = Step { verdict: Some(verdict), ..Step::plain(Event::Receive, by) };
            self.inner.step(id, step, now).await?;
        }
        self.after(done).await
    }

    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        self.before().await?;
        if self.breach == Breach::AnswerBeforeCommit && step.verdict.is_some() && self.dice.percent(20) {
            return Ok(self.inner.all().into_iter().find(|s| s.id == *id).unwrap());
        }
        let mut step = step;
        if let (Breach::ForgetTheDue, Event::RetryLater { at }) = (self.breach, &mut step.event) {
            *at = Timestamp::MAX;
        }
        let done = self.inner.step(id, step, now).await;
        self.after(done).await
    }

    async fn hand_over(
        &self,
        id: &SubmissionId,
        handover: &Handover,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        self.before().await?;
        let done = self.inner.hand_over(id, handover, step, now).await;
        self.after(done).await
    }

    async fn whole(&self, id: &SubmissionId) -> Result<Claimed, StoreError> {
        self.inner.whole(id).await
    }

    async fn package(&self, id: &SubmissionId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.package(id).await
    }

    async fn packages(&self) -> Result<Packages, StoreError> {
        self.inner.packages().await
    }

    async fn recover_all_but(
        &self,
        running: &[SubmissionId],
        actor: &Actor,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        // At the start of a run it would only end the run.
        if running.is_empty() {
            self.points.pass().await;
            return self.inner.recover_all_but(running, actor, ask_at, now).await;
        }
        self.before().await?;
        let done = self.inner.recover_all_but(running, actor, ask_at, now).await;
        self.after(done).await
    }

    async fn next_due_of(&self, whose: &Whose) -> Result<Option<Timestamp>, StoreError> {
        self.before().await?;
        self.inner.next_due_of(whose).await
    }

    async fn pull_forward(&self, latest: Timestamp) -> Result<u64, StoreError> {
        self.before().await?;
        let done = if self.breach == Breach::ForgetTheDue { Ok(0) } else { self.inner.pull_forward(latest).await };
        self.after(done).await
    }

    async fn stuck(&self, limit: u32) -> Result<Stuck, StoreError> {
        self.before().await?;
        self.inner.stuck(limit).await
    }

    async fn find(
        &self,
        id: &SubmissionId,
        scope: &Scope,
    ) -> Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError> {
        self.inner.find(id, scope).await
    }

    async fn changes(&self, wanted: ChangesWanted, scope: &Scope) -> Result<Vec<Submission>, StoreError> {
        self.inner.changes(wanted, scope).await
    }

    async fn log_use(&self, entry: Use, now: Timestamp) -> Result<(), StoreError> {
        self.inner.log_use(entry, now).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.inner.ready().await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.inner.census().await
    }

    async fn purge(&self, actor: &Actor, due: Due, limit: u32, now: Timestamp) -> Result<Purged, StoreError> {
        self.inner.purge(actor, due, limit, now).await
    }

    async fn forget(&self, actor: &Actor, before: Timestamp, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.forget(actor, before, limit, now).await
    }

    async fn forget_uses(&self, by: &Actor, before: Timestamp, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.forget_uses(by, before, limit, now).await
    }

    async fn kept_bodies(&self, due: Due) -> Result<KeptBodies, StoreError> {
        self.inner.kept_bodies(due).await
    }

    async fn verify_use_log(&self) -> Result<u64, StoreError> {
        self.inner.verify_use_log().await
    }
}
