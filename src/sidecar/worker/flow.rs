//! The flow to the archive: for each organisation how much may be under way at once, whether the line is shut after failures, and
//! how many retries are in the budget.
//!
//! A line is narrowed by half when an exchange fails and widened again as exchanges succeed, so that a queue drains at what the
//! archive bears. It is shut by a cause that every exchange would meet, by a Retry-After, or by failures in a row; then one
//! submission at a time tries. In memory only, by true time: a new run finds out anew. Told by `journey` after each exchange,
//! asked by the worker before it claims.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::Worker;
use crate::domain::oid::Oid;
use crate::domain::submission::Cause;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{Store, Whose};

/// Causes by which every exchange would fail alike: no connection, or TLS not agreed.
const NO_LINE: [&str; 4] =
    ["archive.unreachable", "archive.peer_not_trusted", "archive.certificate_refused", "archive.handshake_refused"];
/// So many failures in a row, for whatever causes, are the line's and not a document's.
const FAILURES_TO_SHUT: u32 = 5;
/// Retries that may be made without any success.
const BUDGET_MAX: f64 = 32.0;
/// What each success adds: beyond the reserve, at most one exchange in three is a retry.
const BUDGET_PER_SUCCESS: f64 = 0.5;
/// Causes told of one trouble, at most.
const TOLD_MAX: usize = 8;

/// Every organisation's line.
#[derive(Default)]
pub(super) struct Flow {
    lines: Mutex<BTreeMap<Oid, Line>>,
    freed: Notify,
}

/// A submission's place on its organisation's line: what has one may speak with the archive. Dropping it frees the place.
pub(super) struct LinePlace {
    flow: Arc<Flow>,
    organisation: Oid,
}

impl Drop for LinePlace {
    fn drop(&mut self) {
        if let Some(line) = self.flow.lines().get_mut(&self.organisation) {
            line.under_way = line.under_way.saturating_sub(1);
        }
        self.flow.freed.notify_one();
    }
}

struct Line {
    /// Places that are taken.
    under_way: usize,
    /// How much may be, by what went well so far.
    width: f64,
    /// Below this it widens fast, above slowly.
    known_width: f64,
    failures_in_row: u32,
    shut: Option<Shut>,
    budget: f64,
    /// Codes told of in the present trouble.
    trouble: Option<BTreeSet<String>>,
}

#[derive(Clone, Copy)]
struct Shut {
    /// How often in a row.
    times: u32,
    until: Duration,
}

/// What is to be claimed now.
pub(super) struct Plan {
    /// Whose, and how many at most, in this order.
    pub(super) claims: Vec<(Whose, usize)>,
    /// Whose dues are to be waited for: of those who have room.
    pub(super) waits_for: Whose,
    /// When the next shut line is tried again, by true time.
    pub(super) opens_at: Option<Duration>,
}

impl Flow {
    fn lines(&self) -> MutexGuard<'_, BTreeMap<Oid, Line>> {
        // Each change leaves a line that can be gone on with.
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to claim with room for so many in all, and for at most so many of one organisation at once and again ahead. `ahead`:
    /// how many of each are claimed and have no place yet.
    pub(super) fn plan(&self, now: Duration, room: usize, most: usize, ahead: &BTreeMap<Oid, usize>) -> Plan {
        let (mut closed, mut narrow, mut opens_at) = (Vec::new(), Vec::new(), None::<Duration>);
        let each = room.min(most.saturating_mul(2));
        for (organisation, line) in &*self.lines() {
            if let Some(until) = line.shut_until(now) {
                opens_at = Some(opens_at.map_or(until, |at| at.min(until)));
            }
            let in_hand = ahead.get(organisation).copied().unwrap_or(0).saturating_add(line.under_way);
            match line.claims_max(now, most).saturating_sub(in_hand) {
                0 => closed.push(organisation.clone()),
                some if some < each => narrow.push((organisation.clone(), some)),
                _ => {}
            }
        }
        let waits_for = Whose::AllBut(closed.clone());
        closed.extend(narrow.iter().map(|(organisation, _)| organisation.clone()));
        let narrow = narrow.into_iter().map(|(organisation, some)| (Whose::Only(organisation), some));
        let claims = narrow.chain([(Whose::AllBut(closed), each)]).collect();
        Plan { claims, waits_for, opens_at }
    }

    /// Something of an organisation is claimed.
    pub(super) fn meet(&self, organisation: &Oid, most: usize) {
        self.lines().entry(organisation.clone()).or_insert_with(|| Line::new(most));
    }

    /// A place on an organisation's line, if it has one now: at most so many `(in all, of one organisation)`.
    pub(super) fn take_place(
        self: &Arc<Self>,
        organisation: &Oid,
        now: Duration,
        (all, most): (usize, usize),
    ) -> Option<LinePlace> {
        if self.under_way() >= all {
            return None;
        }
        let mut lines = self.lines();
        let line = lines.entry(organisation.clone()).or_insert_with(|| Line::new(most));
        if line.shut_until(now).is_some() || line.room(most) == 0 {
            return None;
        }
        line.under_way += 1;
        Some(LinePlace { flow: Arc::clone(self), organisation: organisation.clone() })
    }

    /// How many of an organisation may stay claimed without a place: as many as [`Flow::plan`] lets it claim.
    pub(super) fn ahead_max(&self, organisation: &Oid, now: Duration, most: usize) -> usize {
        self.lines().get(organisation).map_or(0, |line| line.claims_max(now, most).saturating_sub(line.under_way))
    }

    /// Places that are taken, in all.
    pub(super) fn under_way(&self) -> usize {
        self.lines().values().map(|line| line.under_way).sum()
    }

    /// Ends when a place has become free.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Takes a retry from the budget, if there is one.
    fn take_retry(&self, organisation: &Oid) -> bool {
        let mut lines = self.lines();
        let Some(line) = lines.get_mut(organisation).filter(|line| line.budget >= 1.0) else { return false };
        line.budget -= 1.0;
        true
    }

    /// How many lines are in trouble.
    fn troubled(&self) -> usize {
        self.lines().values().filter(|line| line.trouble.is_some()).count()
    }
}

impl Line {
    fn new(most: usize) -> Self {
        let width = f64::from(u32::try_from(most).unwrap_or(u32::MAX));
        Self {
            under_way: 0,
            width,
            known_width: width,
            failures_in_row: 0,
            shut: None,
            budget: BUDGET_MAX,
            trouble: None,
        }
    }

    /// Until when nobody tries.
    fn shut_until(&self, now: Duration) -> Option<Duration> {
        self.shut.map(|shut| shut.until).filter(|until| *until > now)
    }

    /// How many may be under way. After it was shut, and until it has gone well once, one at a time.
    fn places(&self, most: usize) -> usize {
        if self.shut.is_some() {
            return 1;
        }
        let wide = (1..most).take_while(|n| f64::from(u32::try_from(*n).unwrap_or(u32::MAX)) + 1.0 <= self.width);
        wide.count() + 1
    }

    fn room(&self, most: usize) -> usize {
        self.places(most).saturating_sub(self.under_way)
    }

    /// How many may be claimed, with those that are: as many ahead as have places, none for the one that tries.
    fn claims_max(&self, now: Duration, most: usize) -> usize {
        match (self.shut_until(now), self.shut) {
            (Some(_), _) => 0,
            (None, Some(_)) => 1,
            (None, None) => self.places(most).saturating_mul(2),
        }
    }

    /// An exchange went well.
    fn works(&mut self, now: Duration, most: usize) {
        self.failures_in_row = 0;
        self.budget = (self.budget + BUDGET_PER_SUCCESS).min(BUDGET_MAX);
        // What went well although the archive has asked to wait had begun before.
        if self.shut.is_some_and(|shut| shut.until > now) {
            return;
        }
        self.shut = None;
        let step = if self.width < self.known_width { 1.0 } else { 1.0 / self.width };
        self.width = (self.width + step).min(f64::from(u32::try_from(most).unwrap_or(u32::MAX)));
    }

    /// An exchange came to nothing; `shuts` whatever came before. Whether the line is now to be shut, and how often it was.
    fn fails(&mut self, now: Duration, shuts: bool) -> Option<u32> {
        // Others were under way when it was shut; one failure counts once.
        if self.shut.is_some_and(|shut| shut.until > now) {
            return None;
        }
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        self.width = (self.width / 2.0).max(1.0);
        self.known_width = self.width;
        let before = self.shut.map(|shut| shut.times.saturating_add(1));
        let shut = shuts || before.is_some() || self.failures_in_row >= FAILURES_TO_SHUT;
        shut.then(|| {
            self.width = 1.0;
            before.unwrap_or(0)
        })
    }
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    /// How many of one organisation may be under way at once.
    pub(super) fn most_of_one(&self) -> usize {
        self.settings.parallel_per_organisation_max.min(self.settings.parallel_max)
    }

    /// The archive has answered.
    pub(super) fn line_works(&self, organisation: &Oid) {
        self.metrics.archive_answered(self.clock.now());
        let (now, most) = (self.clock.elapsed(), self.most_of_one());
        let told = {
            let mut lines = self.run.flow.lines();
            let line = lines.entry(organisation.clone()).or_insert_with(|| Line::new(most));
            line.works(now, most);
            line.trouble.take()
        };
        if let Some(codes) = told {
            let codes: Vec<_> = codes.into_iter().collect();
            tracing::info!(%organisation, codes = codes.join(" "), "the archive answers again");
            self.metrics.lines_in_trouble(self.run.flow.troubled());
        }
    }

    /// An exchange came to nothing.
    pub(super) fn line_fails(&self, organisation: &Oid, why: &Cause, asked: Option<Duration>) {
        self.metrics.count_archive_fault(&why.code);
        let (now, most) = (self.clock.elapsed(), self.most_of_one());
        let no_line = NO_LINE.contains(&why.code.as_str());
        let mut lines = self.run.flow.lines();
        let line = lines.entry(organisation.clone()).or_insert_with(|| Line::new(most));
        if let Some(times) = line.fails(now, no_line || asked.is_some()) {
            let delay = self.delay(times, asked, self.settings.retry_delay_min);
            line.shut = Some(Shut { times, until: now.saturating_add(delay) });
        }
        // An archive at its limit lets some through: that is no trouble to tell of.
        let lasts = no_line || line.failures_in_row >= FAILURES_TO_SHUT || line.trouble.is_some();
        let is_new = lasts && {
            let told = line.trouble.get_or_insert_default();
            told.len() < TOLD_MAX && told.insert(why.code.clone())
        };
        drop(lines);
        if is_new {
            tracing::warn!(%organisation, code = why.code, why = why.message.en.as_ref(), "the archive cannot be used now");
            self.metrics.lines_in_trouble(self.run.flow.troubled());
        }
    }

    /// The first delay of a retry: beyond the budget the longest.
    pub(super) fn first_delay(&self, organisation: &Oid, within_budget: Duration) -> Duration {
        if self.run.flow.take_retry(organisation) {
            return within_budget;
        }
        self.settings.retry_delay_max.max(within_budget)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_halves_when_it_fails_and_widens_fast_to_what_is_known_then_slowly() {
        let mut line = Line::new(16);
        assert_eq!(line.room(16), 16);
        assert_eq!(line.fails(NOW, false), None);
        assert_eq!(line.room(16), 8);
        assert_eq!(line.fails(NOW, false), None);
        assert_eq!(line.room(16), 4);
        line.works(NOW, 16);
        assert_eq!(line.room(16), 4, "a quarter more");
        for _ in 0..4 {
            line.works(NOW, 16);
        }
        assert_eq!(line.room(16), 5);
        line.known_width = 12.0;
        for _ in 0..7 {
            line.works(NOW, 16);
        }
        assert_eq!(line.room(16), 12);
    }

    #[test]
    fn failures_in_a_row_shut_a_line_and_one_success_begins_a_new_row() {
        let mut line = Line::new(4);
        for _ in 0..4 {
            assert_eq!(line.fails(NOW, false), None);
        }
        line.works(NOW, 4);
        for _ in 0..4 {
            assert_eq!(line.fails(NOW, false), None);
        }
        assert_eq!(line.fails(NOW, false), Some(0));
        line.shut = Some(Shut { times: 0, until: NOW });
        assert_eq!(line.fails(NOW, false), Some(1), "the one that tried has failed too");
    }

    #[test]
    fn what_had_begun_before_neither_opens_nor_shuts_a_line_that_is_shut() {
        let mut line = Line::new(4);
        line.shut = Some(Shut { times: 2, until: NOW + Duration::from_secs(1) });
        line.works(NOW, 4);
        assert_eq!(line.shut.unwrap().times, 2);
        assert_eq!(line.fails(NOW, true), None);
        line.works(NOW + Duration::from_secs(1), 4);
        assert!(line.shut.is_none());
    }

    #[test]
    fn a_plan_leaves_out_who_is_shut_or_full_and_gives_the_others_their_room_with_as_much_again_ahead() {
        let flow = Arc::new(Flow::default());
        let (shut, full, narrow, open) = (oid("1.2.1"), oid("1.2.2"), oid("1.2.3"), oid("1.2.4"));
        let taken = [&shut, &full, &full, &narrow, &open].map(|of| flow.take_place(of, NOW, (9, 4)).unwrap());
        let until = NOW + Duration::from_secs(9);
        flow.lines().get_mut(&shut).unwrap().shut = Some(Shut { times: 0, until });
        flow.lines().get_mut(&full).unwrap().width = 2.0;
        flow.lines().get_mut(&narrow).unwrap().width = 2.9;
        let ahead = BTreeMap::from([(full.clone(), 2), (narrow.clone(), 1)]);
        let plan = flow.plan(NOW, 6, 4, &ahead);
        let (first, rest) =
            (Whose::Only(narrow.clone()), Whose::AllBut(vec![shut.clone(), full.clone(), narrow.clone()]));
        assert_eq!(plan.claims, [(first, 2), (rest, 6)]);
        assert_eq!((plan.waits_for, plan.opens_at), (Whose::AllBut(vec![shut.clone(), full.clone()]), Some(until)));
        assert_eq!([&shut, &full, &narrow, &open].map(|of| flow.ahead_max(of, NOW, 4)), [0, 2, 3, 7]);
        // Tried again, by one at a time: the one that is still under way.
        assert_eq!(flow.plan(until, 6, 4, &ahead).opens_at, None);
        let [of_shut, ..] = taken;
        drop(of_shut);
        assert_eq!(flow.plan(until, 6, 4, &ahead).claims.first(), Some(&(Whose::Only(shut), 1)));
    }

    #[test]
    fn places_are_bounded_in_all_and_on_each_line_and_none_is_given_while_it_is_shut() {
        let flow = Arc::new(Flow::default());
        let (one, other) = (oid("1.2.1"), oid("1.2.2"));
        let first = flow.take_place(&one, NOW, (3, 2)).unwrap();
        let _second = flow.take_place(&one, NOW, (3, 2)).unwrap();
        assert!(flow.take_place(&one, NOW, (3, 2)).is_none(), "its line is full");
        let third = flow.take_place(&other, NOW, (3, 2)).unwrap();
        assert!(flow.take_place(&other, NOW, (3, 2)).is_none(), "all are taken");
        drop(first);
        let until = NOW + Duration::from_secs(1);
        flow.lines().get_mut(&other).unwrap().shut = Some(Shut { times: 0, until });
        assert!(flow.take_place(&other, NOW, (3, 2)).is_none(), "it is shut");
        assert!(flow.take_place(&other, until, (3, 2)).is_none(), "one is trying");
        drop(third);
        assert!(flow.take_place(&other, until, (3, 2)).is_some());
    }

    #[test]
    fn the_budget_bounds_retries_by_what_succeeds() {
        let flow = Flow::default();
        let one = oid("1.2.1");
        flow.meet(&one, 4);
        assert_eq!((0..100).filter(|_| flow.take_retry(&one)).count(), 32);
        for _ in 0..10 {
            flow.lines().get_mut(&one).unwrap().works(NOW, 4);
        }
        assert_eq!((0..100).filter(|_| flow.take_retry(&one)).count(), 5);
    }
}
