//! The worker: takes due submissions up in order and brings each to the archive, or says why not.
//!
//! Holds no state of its own that a restart would miss: everything is in the store before the next step is taken, and no store
//! transaction waits for the network. The steps of one submission are in `journey`, the right in `right`, the case in `case`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::ports::{Archive, Chance, Clock, Pipeline};
use super::store::{Actor, Claimed, Step, Store, StoreError, SubmissionId, Whose};
use super::telemetry::Metrics;
use crate::domain::oid::Oid;
use crate::domain::submission::Event;

mod case;
mod flow;
mod journey;
mod lanes;
mod packages;
mod right;
mod steady;

pub(in crate::sidecar) use journey::in_its_place;

use flow::Flow;
use lanes::Lanes;
use packages::PackagesTold;
pub(crate) use right::Wish;
pub use right::{Decider, Rights, RightsFault};
use steady::Steadiness;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// How the worker paces itself.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// Submissions worked on at the same time.
    pub parallel_max: usize,
    /// Of these, one organisation's at most.
    pub parallel_per_organisation_max: usize,
    /// How long after a send without an answer the archive is asked.
    pub reconcile_after: Duration,
    /// First delay after a passing failure; doubles with each.
    pub retry_delay_min: Duration,
    /// Longest delay after a passing failure; also the most that a Retry-After is heeded.
    pub retry_delay_max: Duration,
    /// How often a held submission is decided again.
    pub recheck_every: Duration,
    /// How long one may be held for a reason without a known end; then it is parked.
    pub held_age_max: Duration,
    /// How long a relationship document that was read serves for decisions.
    pub evidence_age_max: Duration,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self {
            parallel_max: 8,
            parallel_per_organisation_max: 8,
            reconcile_after: Duration::from_secs(30),
            retry_delay_min: Duration::from_secs(2),
            retry_delay_max: Duration::from_secs(600),
            recheck_every: Duration::from_secs(900),
            held_age_max: Duration::from_secs(14 * 86_400),
            evidence_age_max: Duration::from_secs(60),
        }
    }
}

/// What the worker works with.
pub struct Worker<S, A, C> {
    /// Where submissions are.
    pub store: Arc<S>,
    /// The archive.
    pub archive: Arc<A>,
    /// The clock.
    pub clock: Arc<C>,
    /// Randomness for jitter.
    pub chance: Arc<dyn Chance>,
    /// Builds, signs and frames.
    pub pipeline: Arc<dyn Pipeline>,
    /// Who may do what, from the archive's evidence.
    pub rights: Arc<Rights<A, C>>,
    /// What it has found out in this run.
    pub run: RunState,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Told of each accepted submission.
    pub wake: Arc<Notify>,
    /// Pace.
    pub settings: WorkerSettings,
    /// Name of this process in the use log.
    pub instance: String,
}

/// What a worker finds out anew in each run: how the lines are, which lanes are stuck, whether the clock is right.
#[derive(Default)]
pub struct RunState {
    flow: Flow,
    lanes: Lanes,
    packages: PackagesTold,
    steady: Steadiness,
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Works until `stop` turns true (or its sender is gone), then finishes what is under way and returns.
    ///
    /// Dropping the future stops at once; what was under way is brought back by the next run.
    ///
    /// # Errors
    /// A [`StoreError`] when the store cannot bring back what an earlier run had taken up, or has come to its end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) -> Result<(), StoreError> {
        self.run.steady.begin(&*self.clock, self.settings.reconcile_after);
        let recovered = self.store.recover(&self.actor(), self.ask_at(), self.clock.now()).await?;
        if recovered > 0 {
            tracing::info!(submissions = recovered, "took up what an earlier run had left");
        }
        let mut running = Running::default();
        while !*stop.borrow() {
            let next = self.fill(&mut running).await;
            tokio::select! {
                // In this order, so that a simulated run can be repeated.
                biased;
                // A dropped sender means that nobody is left to ask for more.
                changed = stop.changed() => if changed.is_err() { break },
                () = self.store.closed() => return Err(StoreError::Closed),
                Some(ended) = running.tasks.join_next_with_id() => self.settle_task(&mut running, ended).await,
                () = self.wake.notified() => {}
                () = self.sleep(next) => {}
            }
        }
        while let Some(ended) = running.tasks.join_next_with_id().await {
            self.settle_task(&mut running, ended).await;
        }
        Ok(())
    }

    /// Takes up what is due while there is room; answers when to look again by itself.
    async fn fill(self: &Arc<Self>, running: &mut Running) -> Option<Timestamp> {
        for id in std::mem::take(&mut running.left_behind) {
            self.take_back(running, id).await;
        }
        let next = match self.put_right(running).await {
            Ok(()) => self.fill_room(running).await,
            Err(error) => self.complain(&error),
        };
        if running.left_behind.is_empty() {
            return next;
        }
        let again = later(self.clock.now(), self.settings.retry_delay_min);
        Some(next.map_or(again, |at| at.min(again)))
    }

    /// What a clock that was set back or a claim with an uncertain end has left.
    async fn put_right(&self, running: &mut Running) -> Result<(), StoreError> {
        let (steady, settings) = (&self.run.steady, &self.settings);
        steady.look(&*self.clock, settings.reconcile_after);
        if steady.dues_are_late() {
            let longest = settings.retry_delay_max.max(settings.reconcile_after).max(settings.recheck_every);
            self.store.pull_forward(later(self.clock.now(), longest)).await?;
            steady.dues_pulled_forward();
        }
        if running.claim_is_uncertain {
            let ours: Vec<_> =
                running.submissions.values().map(|(id, _)| id).chain(&running.left_behind).cloned().collect();
            self.store.recover_all_but(&ours, &self.actor(), self.ask_at(), self.clock.now()).await?;
            running.claim_is_uncertain = false;
        }
        Ok(())
    }

    async fn fill_room(self: &Arc<Self>, running: &mut Running) -> Option<Timestamp> {
        let look_again = match self.look_at_lanes().await {
            Ok(()) => self.moment(self.run.lanes.next_look()),
            Err(error) => return self.complain(&error),
        };
        loop {
            let busy = running.tasks.len() + running.left_behind.len();
            let room = self.settings.parallel_max.saturating_sub(busy);
            let plan = self.run.flow.plan(self.clock.elapsed(), room, self.most_of_one());
            if room == 0 {
                // When one of them has ended, it is looked at again.
                return Some(look_again);
            }
            match self.claim(running, plan.claims, room).await {
                Ok(Claims::Again) => {}
                Ok(Claims::AllDue) => return Some(self.next_look(look_again).await),
                Err(error) => {
                    // A transaction that failed may still have been kept.
                    running.claim_is_uncertain = true;
                    return self.complain(&error);
                }
            }
        }
    }

    /// Claims as planned, with room for so many.
    async fn claim(
        self: &Arc<Self>,
        running: &mut Running,
        claims: Vec<(Whose, usize)>,
        mut room: usize,
    ) -> Result<Claims, StoreError> {
        let mut outcome = Claims::AllDue;
        for (whose, most) in claims {
            let limit = most.min(room);
            if limit == 0 {
                return Ok(Claims::Again);
            }
            let number = u32::try_from(limit).unwrap_or(u32::MAX);
            let claimed = self.store.claim_of(&whose, &self.actor(), number, self.clock.now()).await?;
            room -= claimed.len().min(room);
            if claimed.len() >= limit {
                outcome = Claims::Again;
            }
            claimed.into_iter().for_each(|one| self.begin(running, one));
        }
        Ok(outcome)
    }

    /// When something is due next of those who have room, a shut line is tried again, or the lanes are looked at.
    async fn next_look(&self, lanes: Timestamp) -> Timestamp {
        let plan = self.run.flow.plan(self.clock.elapsed(), self.settings.parallel_max, self.most_of_one());
        let due = self.store.next_due_of(&plan.waits_for).await.unwrap_or_else(|error| self.complain(&error));
        let opens = plan.opens_at.map(|at| self.moment(at));
        [due, opens].into_iter().flatten().fold(lanes, Timestamp::min)
    }

    /// When by the clock on the wall so much true time has passed.
    fn moment(&self, elapsed: Duration) -> Timestamp {
        later(self.clock.now(), elapsed.saturating_sub(self.clock.elapsed()))
    }

    fn begin(self: &Arc<Self>, running: &mut Running, claimed: Claimed) {
        let (id, organisation) = (claimed.submission.id.clone(), claimed.submission.organisation.clone());
        self.run.flow.begin(&organisation, self.most_of_one());
        // What could be claimed had been brought back after all.
        running.left_behind.retain(|left| *left != id);
        let worker = Arc::clone(self);
        let task = running.tasks.spawn(async move { worker.carry(claimed).await });
        running.submissions.insert(task.id(), (id, organisation));
    }

    fn complain(&self, error: &StoreError) -> Option<Timestamp> {
        tracing::error!(store.error = error.with_causes(), "the store gives no work; trying again");
        Some(later(self.clock.now(), self.settings.retry_delay_min))
    }

    async fn sleep(&self, until: Option<Timestamp>) {
        match until {
            Some(at) => self.clock.sleep_until(at).await,
            None => std::future::pending().await,
        }
    }

    async fn settle_task(&self, running: &mut Running, ended: Result<(Id, Result<(), StoreError>), JoinError>) {
        let (task, failure) = match ended {
            Ok((task, Ok(()))) => (task, None),
            Ok((task, Err(error))) => (task, Some(error.to_string())),
            Err(error) => (error.id(), Some("the task panicked".to_owned())),
        };
        let Some((id, organisation)) = running.submissions.remove(&task) else { return };
        self.run.flow.end(&organisation);
        let Some(failure) = failure else { return };
        tracing::error!(submission = %id, error = %failure, "a submission was left under way; taking it back");
        self.take_back(running, id).await;
    }

    /// Brings back a submission that a task of this run has left under way; again later when the store cannot now.
    async fn take_back(&self, running: &mut Running, id: SubmissionId) {
        let step = Step::plain(Event::Recover { ask_at: self.ask_at() }, self.actor());
        match self.store.step(&id, step, self.clock.now()).await {
            // Illegal: somebody has withdrawn it meanwhile, or its last step had reached the store after all.
            Ok(_) | Err(StoreError::Illegal(_)) => {}
            Err(error) => {
                tracing::error!(submission = %id, store.error = error.with_causes(), "it stays under way for now");
                running.left_behind.push(id);
            }
        }
    }

    /// When to ask for what had left before now: whoever sent it may have done so up to this moment, and the archive may have it
    /// in its hands.
    fn ask_at(&self) -> Timestamp {
        later(self.clock.now(), self.settings.reconcile_after)
    }

    fn actor(&self) -> Actor {
        Actor { name: "worker".into(), instance: self.instance.clone() }
    }

    /// When to try again after `attempts` failures.
    fn retry_at(&self, attempts: u32, asked: Option<Duration>, first: Duration) -> Timestamp {
        later(self.clock.now(), self.delay(attempts, asked, first))
    }

    /// How long to wait after `attempts` failures: doubling, between half and all of the delay by chance, at least what the
    /// archive asked for, never beyond the longest.
    fn delay(&self, attempts: u32, asked: Option<Duration>, first: Duration) -> Duration {
        let longest = self.settings.retry_delay_max.max(first);
        let doubled = first.saturating_mul(1u32.checked_shl(attempts.min(20)).unwrap_or(u32::MAX)).min(longest);
        let spread = doubled.mul_f64(0.5 + 0.5 * self.chance.fraction().clamp(0.0, 1.0));
        spread.max(asked.map_or(Duration::ZERO, |d| d.min(longest)))
    }
}

#[derive(Default)]
struct Running {
    tasks: JoinSet<Result<(), StoreError>>,
    submissions: HashMap<Id, (SubmissionId, Oid)>,
    /// Of tasks that ended without a settled step; at most as many as ran at the same time while the store failed.
    left_behind: Vec<SubmissionId>,
    claim_is_uncertain: bool,
}

/// What a round of claims came to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Claims {
    /// Everything that is due and has room was taken.
    AllDue,
    /// There may be more.
    Again,
}

/// `now` and `delay` after it; the end of time when there is no such moment.
fn later(now: Timestamp, delay: Duration) -> Timestamp {
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    now.saturating_add(delay).unwrap_or(Timestamp::MAX)
}
