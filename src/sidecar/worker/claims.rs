//! What the worker has in its hands: what is claimed ahead, what is carried, and what of it has a place on the line.
//!
//! A place is held from the first question to the archive's verdict. Keeping the verdict and claiming the next need the store
//! alone, so that the line does not wait for either: as many again as there are places are claimed ahead or are settling.
//! What is claimed ahead for a line that is narrowed or shut goes back to the queue.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{Id, JoinError, JoinSet};

use super::{Worker, later};
use crate::domain::oid::Oid;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{Claimed, Store, StoreError, SubmissionId, Whose};

pub(super) struct Running {
    pub(super) tasks: JoinSet<Result<(), StoreError>>,
    carried: HashMap<Id, Carried>,
    /// One round of claims at a time.
    pub(super) claims: JoinSet<Claims>,
    ahead: VecDeque<Claimed>,
    /// Of tasks that ended without a settled step; at most as many as ran at the same time while the store failed.
    pub(super) left_behind: Vec<Left>,
    /// How many times in a row the task of a submission has panicked.
    panics: HashMap<SubmissionId, u32>,
    pub(super) claim_is_uncertain: bool,
    /// Whether there may be something to claim that the last round has not taken.
    pub(super) may_have_more: bool,
    /// After a round that failed: when to claim again by true time, if nothing else happens.
    claim_again: Option<Duration>,
    /// Carried while submissions that were not in hand were brought back: one of these may have been let go and taken up in a round
    /// whose end is not known. Looked at when its task has ended.
    unsure: HashSet<SubmissionId>,
    /// Rounds of claims so far: each line is the first in its turn.
    rounds: usize,
}

/// What a task carries.
struct Carried {
    submission: SubmissionId,
    /// Without a verdict, before this one.
    attempts: u32,
}

/// What is to go back to the store.
pub(super) struct Left {
    pub(super) submission: SubmissionId,
    pub(super) why: LeftFor,
}

/// Why something goes back.
#[derive(Clone, Copy)]
pub(super) enum LeftFor {
    /// It was not begun: nothing was asked or sent.
    NotBegun,
    /// Its task ended well; perhaps an earlier claim of it did not.
    Unsure,
    /// Its task failed, after so many attempts.
    Failed { attempts: u32 },
    /// Its task has panicked so many times that a person must look at it.
    Hopeless,
}

/// How a task ended.
pub(super) enum Ending {
    Well,
    /// The store failed it.
    Failed,
    Panicked,
}

/// A task that panics so many times in a row is not tried again by itself.
const PANICS_MAX: u32 = 5;
/// Submissions of which a panic is remembered.
const PANICKED_MAX: usize = 1_000;

/// What a round of claims came to.
#[derive(Default)]
pub(super) struct Claims {
    claimed: Vec<Claimed>,
    may_have_more: bool,
    failed: Option<StoreError>,
}

impl Running {
    pub(super) fn new() -> Self {
        Self {
            tasks: JoinSet::new(),
            carried: HashMap::new(),
            claims: JoinSet::new(),
            ahead: VecDeque::new(),
            left_behind: Vec::new(),
            panics: HashMap::new(),
            claim_is_uncertain: false,
            may_have_more: true,
            claim_again: None,
            unsure: HashSet::new(),
            rounds: 0,
        }
    }

    /// Something has happened, by which there may be something to claim.
    pub(super) fn look_again(&mut self) {
        self.may_have_more = true;
        self.claim_again = None;
    }

    /// Everything that is not to be brought back as another run's.
    pub(super) fn ours(&self) -> Vec<SubmissionId> {
        let ahead = self.ahead.iter().map(|one| &one.submission.id);
        let left = self.left_behind.iter().map(|left| &left.submission);
        self.carried.values().map(|carried| &carried.submission).chain(ahead).chain(left).cloned().collect()
    }

    /// Everything that is not to be brought back as another run's has been said to be ours.
    pub(super) fn said_to_be_ours(&mut self) {
        self.claim_is_uncertain = false;
        self.unsure.extend(self.carried.values().map(|carried| carried.submission.clone()));
    }

    /// A task has ended. What of it is to go back: all that did not end well, and what is unsure although it did.
    pub(super) fn end(&mut self, task: Id, ending: &Ending) -> Option<Left> {
        let Carried { submission, attempts } = self.carried.remove(&task)?;
        let is_unsure = self.unsure.remove(&submission);
        let why = match ending {
            Ending::Well => {
                self.panics.remove(&submission);
                is_unsure.then_some(LeftFor::Unsure)?
            }
            Ending::Failed => LeftFor::Failed { attempts },
            Ending::Panicked if self.panics_of(&submission) >= PANICS_MAX => {
                self.panics.remove(&submission);
                LeftFor::Hopeless
            }
            Ending::Panicked => LeftFor::Failed { attempts },
        };
        Some(Left { submission, why })
    }

    /// How many times in a row it has panicked, this time included.
    fn panics_of(&mut self, submission: &SubmissionId) -> u32 {
        // Of what somebody has ended meanwhile nothing tells it.
        if self.panics.len() >= PANICKED_MAX {
            self.panics.clear();
        }
        let count = self.panics.entry(submission.clone()).or_default();
        *count = count.saturating_add(1);
        *count
    }

    /// Whether it is claimed anew, whatever became of an earlier claim.
    pub(super) fn has_in_hand(&self, id: &SubmissionId) -> bool {
        self.ahead.iter().any(|one| one.submission.id == *id)
            || self.carried.values().any(|carried| carried.submission == *id)
    }

    fn ahead_of_each(&self) -> BTreeMap<Oid, usize> {
        let mut each = BTreeMap::new();
        for one in &self.ahead {
            *each.entry(one.submission.organisation.clone()).or_default() += 1;
        }
        each
    }
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// Begins what has a place, gives back what will not have one soon, claims more; answers when to look again by itself.
    pub(super) async fn fill_room(self: &Arc<Self>, running: &mut Running) -> Option<Timestamp> {
        if let Err(error) = self.look_at_lanes().await {
            tracing::error!(store.error = error.with_causes(), "stuck lanes cannot be looked for; looking again later");
        }
        let look_again = self.moment(self.run.lanes.next_look());
        self.begin_what_has_a_place(running);
        let (now, of_one) = (self.clock.elapsed(), self.most_of_one());
        self.give_back(running, |organisation| self.run.flow.ahead_max(organisation, now, of_one)).await;
        if let Some(again) = running.claim_again {
            return Some(look_again.min(self.moment(again)));
        }
        let room = self.claimable(running);
        if room > 0 && running.claims.is_empty() && running.may_have_more {
            self.claim(running, room);
        }
        match room > 0 && running.claims.is_empty() {
            true => Some(self.next_look(running, look_again).await),
            // When one of them ends, it is looked at again.
            false => Some(look_again),
        }
    }

    fn begin_what_has_a_place(self: &Arc<Self>, running: &mut Running) {
        let (all, of_one) = (self.settings.parallel_max, self.most_of_one());
        for one in std::mem::take(&mut running.ahead) {
            let settling_too = running.tasks.len() + running.left_behind.len();
            let place = match settling_too < all.saturating_mul(2) {
                true => self.run.flow.take_place(&one.submission.organisation, self.clock.elapsed(), (all, of_one)),
                false => None,
            };
            let Some(place) = place else {
                running.ahead.push_back(one);
                continue;
            };
            let carried = Carried { submission: one.submission.id.clone(), attempts: one.submission.attempts };
            let worker = Arc::clone(self);
            let task = running.tasks.spawn(async move { worker.carry(one, place).await });
            running.carried.insert(task.id(), carried);
        }
    }

    /// Gives back what is ahead beyond so many of an organisation. Nothing was asked or sent for it.
    async fn give_back(self: &Arc<Self>, running: &mut Running, most: impl Fn(&Oid) -> usize) {
        let mut surplus = Vec::new();
        for (organisation, ahead) in running.ahead_of_each() {
            for _ in most(&organisation)..ahead {
                // The last ones, so that those before them keep their turn.
                let at = running.ahead.iter().rposition(|one| one.submission.organisation == organisation);
                let Some(one) = at.and_then(|at| running.ahead.remove(at)) else { break };
                surplus.push(Left { submission: one.submission.id, why: LeftFor::NotBegun });
            }
        }
        self.take_back(running, surplus).await;
    }

    /// How many may be claimed now: while every place is taken in handfuls, because a claim is a commit, whatever it takes up.
    fn claimable(&self, running: &Running) -> usize {
        let most = self.settings.parallel_max;
        if running.ahead.len() > most / 2 && self.run.flow.under_way() >= most {
            return 0;
        }
        let in_hand = running.tasks.len() + running.left_behind.len() + running.ahead.len();
        most.saturating_mul(2).saturating_sub(in_hand)
    }

    /// Starts to claim, beside what is carried.
    fn claim(self: &Arc<Self>, running: &mut Running, room: usize) {
        let mut plan = self.run.flow.plan(self.clock.elapsed(), room, self.most_of_one(), &running.ahead_of_each());
        // The room may be used up before the last of them.
        let turns = plan.claims.len();
        plan.claims.rotate_left(running.rounds % turns.max(1));
        running.rounds = running.rounds.wrapping_add(1);
        running.may_have_more = false;
        let worker = Arc::clone(self);
        running.claims.spawn(async move { worker.claim_as_planned(plan.claims, room).await });
    }

    async fn claim_as_planned(&self, claims: Vec<(Whose, usize)>, mut room: usize) -> Claims {
        let mut round = Claims::default();
        for (whose, most) in claims {
            let limit = most.min(room);
            if limit == 0 {
                round.may_have_more = true;
                break;
            }
            let number = u32::try_from(limit).unwrap_or(u32::MAX);
            match self.store.claim_of(&whose, &self.actor(), number, self.clock.now()).await {
                Ok(claimed) => {
                    room = room.saturating_sub(claimed.len());
                    round.may_have_more |= claimed.len() >= limit;
                    round.claimed.extend(claimed);
                }
                Err(error) => {
                    round.failed = Some(error);
                    break;
                }
            }
        }
        round
    }

    /// Takes over what a round of claims came to.
    pub(super) fn take_claims(&self, running: &mut Running, round: Result<Claims, JoinError>) {
        let round = round.unwrap_or_else(|_| Claims {
            failed: Some(StoreError::Database { text: "a round of claims panicked".into() }),
            ..Claims::default()
        });
        running.may_have_more |= round.may_have_more;
        for one in round.claimed {
            self.run.flow.meet(&one.submission.organisation, self.most_of_one());
            // What could be claimed had been brought back after all.
            running.left_behind.retain(|left| left.submission != one.submission.id);
            running.ahead.push_back(one);
        }
        if let Some(error) = round.failed {
            // A transaction that failed may still have been kept.
            running.claim_is_uncertain = true;
            self.complain(&error);
            running.claim_again = Some(self.clock.elapsed().saturating_add(self.settings.retry_delay_min));
        }
    }

    /// When something is due next of those who have room, a shut line is tried again, or the lanes are looked at.
    async fn next_look(&self, running: &Running, lanes: Timestamp) -> Timestamp {
        let (now, most) = (self.clock.elapsed(), self.settings.parallel_max);
        let plan = self.run.flow.plan(now, most, self.most_of_one(), &running.ahead_of_each());
        let due = self.store.next_due_of(&plan.waits_for).await.unwrap_or_else(|error| self.complain(&error));
        let opens = plan.opens_at.map(|at| self.moment(at));
        [due, opens].into_iter().flatten().fold(lanes, Timestamp::min)
    }

    /// Ends what is in hand: what has not begun goes back, what has is carried to its next rest.
    pub(super) async fn wind_up(self: &Arc<Self>, running: &mut Running) {
        while let Some(round) = running.claims.join_next().await {
            self.take_claims(running, round);
        }
        self.give_back(running, |_| 0).await;
        while let Some(ended) = running.tasks.join_next_with_id().await {
            self.settle_task(running, ended).await;
        }
    }

    pub(super) fn complain(&self, error: &StoreError) -> Option<Timestamp> {
        tracing::error!(store.error = error.with_causes(), "the store gives no work; trying again");
        Some(later(self.clock.now(), self.settings.retry_delay_min))
    }
}
