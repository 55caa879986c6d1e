//! The worker: takes due submissions up in order and brings each to the archive, or says why not.
//!
//! Holds no state of its own that a restart would miss: everything is in the store before the next step is taken, and no store
//! transaction waits for the network. The steps of one submission are in `journey`, the right in `right`, the case in `case`.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};

use super::ports::{Archive, Chance, Clock, Pipeline};
use super::store::{Actor, Step, Store, StoreError, Submission};
use super::telemetry::Metrics;
use crate::domain::submission::Event;

mod asked;
mod case;
mod claims;
mod flow;
mod journey;
mod lanes;
mod making;
mod packages;
mod right;
mod steady;

pub(in crate::sidecar) use journey::in_its_place;

use asked::NotThere;
use claims::{Ending, Left, LeftFor, Running};
use flow::Flow;
use journey::broke_off;
use lanes::Lanes;
use making::Making;
use packages::PackagesTold;
pub(crate) use right::Wish;
pub use right::{Decider, Rights, RightsFault};
use steady::Steadiness;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

/// The worker looks at the clock on the wall at least so often.
const NAP_MAX: Duration = Duration::from_secs(60);

/// How the worker paces itself.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// Exchanges with the archive at the same time. As many again are claimed ahead or keep their answer.
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
            parallel_max: 16,
            parallel_per_organisation_max: 16,
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
    flow: Arc<Flow>,
    lanes: Lanes,
    making: Making,
    not_there: NotThere,
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
        let mut running = Running::new();
        while !*stop.borrow() {
            let next = self.fill(&mut running).await;
            tokio::select! {
                // In this order, so that a simulated run can be repeated.
                biased;
                // A dropped sender means that nobody is left to ask for more.
                changed = stop.changed() => if changed.is_err() { break },
                () = self.store.closed() => return Err(StoreError::Closed),
                Some(round) = running.claims.join_next() => {
                    self.take_claims(&mut running, round);
                    continue;
                }
                Some(ended) = running.tasks.join_next_with_id() => self.settle_task(&mut running, ended).await,
                () = self.run.flow.freed() => {}
                () = self.wake.notified() => {}
                () = self.sleep(next) => {}
            }
            running.look_again();
        }
        self.wind_up(&mut running).await;
        Ok(())
    }

    /// Takes up what is due while there is room; answers when to look again by itself.
    async fn fill(self: &Arc<Self>, running: &mut Running) -> Option<Timestamp> {
        self.take_back_what_is_left(running).await;
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
        // While a round of claims is under way, what it takes up is not known.
        if running.claim_is_uncertain && running.claims.is_empty() {
            self.store.recover_all_but(&running.ours(), &self.actor(), self.ask_at(), self.clock.now()).await?;
            running.said_to_be_ours();
        }
        Ok(())
    }

    /// When by the clock on the wall so much true time has passed.
    fn moment(&self, elapsed: Duration) -> Timestamp {
        later(self.clock.now(), elapsed.saturating_sub(self.clock.elapsed()))
    }

    /// A clock that was set meanwhile is noticed after a nap.
    async fn sleep(&self, until: Option<Timestamp>) {
        match until {
            Some(at) => {
                let left = Duration::try_from(at.duration_since(self.clock.now())).unwrap_or_default();
                self.clock.sleep(left.min(NAP_MAX)).await;
            }
            None => std::future::pending().await,
        }
    }

    async fn settle_task(
        self: &Arc<Self>,
        running: &mut Running,
        ended: Result<(Id, Result<(), StoreError>), JoinError>,
    ) {
        let (task, ending, error) = match ended {
            Ok((task, Ok(()))) => (task, Ending::Well, String::new()),
            Ok((task, Err(error))) => (task, Ending::Failed, error.with_causes()),
            Err(error) => (error.id(), Ending::Panicked, "the task panicked".to_owned()),
        };
        let Some(left) = running.end(task, &ending) else { return };
        if !matches!(ending, Ending::Well) {
            tracing::error!(submission = %left.submission, error, "a submission was left under way; taking it back");
        }
        running.left_behind.push(left);
        self.take_back_what_is_left(running).await;
    }

    /// Not while a round of claims is under way: a step that seemed to fail may have been kept, and the round may have taken up
    /// what it let go.
    async fn take_back_what_is_left(self: &Arc<Self>, running: &mut Running) {
        if !running.claims.is_empty() {
            return;
        }
        let mut left = std::mem::take(&mut running.left_behind);
        left.retain(|left| !running.has_in_hand(&left.submission));
        self.take_back(running, left).await;
    }

    /// Brings submissions back that this run had taken up; again later when the store cannot now.
    async fn take_back(self: &Arc<Self>, running: &mut Running, left: Vec<Left>) {
        let mut steps = JoinSet::new();
        // At the same time, because many commits that wait for each other take long.
        for left in left {
            let worker = Arc::clone(self);
            steps.spawn(async move {
                let done = worker.take_one_back(&left).await;
                (left, done)
            });
        }
        for (left, done) in steps.join_all().await {
            match done {
                // Illegal: somebody has withdrawn it meanwhile, or its last step had reached the store after all.
                Ok(_) | Err(StoreError::Illegal(_)) => {}
                Err(error) => {
                    let error = error.with_causes();
                    tracing::error!(submission = %left.submission, store.error = error, "it stays under way for now");
                    running.left_behind.push(left);
                }
            }
        }
    }

    /// At once what was not begun, later what failed: the fault may be with this very submission.
    async fn take_one_back(&self, left: &Left) -> Result<Submission, StoreError> {
        let now = self.clock.now();
        let (event, cause) = match left.why {
            LeftFor::NotBegun => (Event::Recover { again_at: now, ask_at: now }, None),
            LeftFor::Unsure => (Event::Recover { again_at: now, ask_at: self.ask_at() }, None),
            LeftFor::Failed { attempts } => {
                let again_at = self.retry_at(attempts, None, self.settings.retry_delay_min);
                (Event::Recover { again_at, ask_at: self.ask_at().max(again_at) }, Some(broke_off()))
            }
            LeftFor::Hopeless => (Event::Park { why: broke_off() }, Some(broke_off())),
        };
        let facts = cause.as_ref().map_or(Value::Null, |cause| json!({ "why": cause.code }));
        let step = Step { cause, facts, ..Step::plain(event, self.actor()) };
        let moved = self.store.step(&left.submission, step, now).await;
        if matches!(left.why, LeftFor::Hopeless) {
            self.run.lanes.note_parked();
        }
        moved
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

/// `now` and `delay` after it; the end of time when there is no such moment.
fn later(now: Timestamp, delay: Duration) -> Timestamp {
    let delay = SignedDuration::try_from(delay).unwrap_or(SignedDuration::MAX);
    now.saturating_add(delay).unwrap_or(Timestamp::MAX)
}
