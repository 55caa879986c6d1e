//! Retention: once an hour the bodies of what has long been settled are purged, what was settled longer ago still is forgotten, and
//! the use log is let go as far as its time is over, in slices that delay nobody. What could be missed is let go only after an hour
//! in which the clock on the wall ran as time passed.
//!
//! Decides nothing about open submissions. What goes is told by `asiasilta store retention` before it goes.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::ports::Clock;
use super::store::{Actor, Due, Purged, Store, StoreError};

/// Submissions purged, or forgotten, in one transaction.
const SLICE: u32 = 50;
/// Entries of the use log that are let go in one.
const USES_SLICE: u32 = 1_000;
const EVERY: Duration = Duration::from_secs(3600);
/// How far the clock on the wall may be off true time from one run to the next.
const CLOCK_OFF_MAX: SignedDuration = SignedDuration::from_mins(5);
/// How long it must have run as time passed before anything is let go that could be missed.
const STEADY_MIN: Duration = Duration::from_secs(3600);
const AFTER_FAILURE: Duration = Duration::from_secs(60);

/// How long what is settled is kept.
#[derive(Debug, Clone, Copy)]
pub struct KeptFor {
    /// Records and envelopes.
    pub bodies: Duration,
    /// Records, documents and packages of what was handed over, from its receipt on.
    pub confirmed: Duration,
    /// Rows, and the digests of their keys.
    pub settled: Duration,
    /// The use log; for ever when `None`.
    pub uses: Option<Duration>,
}

impl KeptFor {
    /// Whose bodies are due at this moment.
    pub fn due(self, now: Timestamp) -> Due {
        let before = |kept| finished_before(kept, now);
        Due { settled_before: before(self.bodies), confirmed_before: before(self.confirmed) }
    }

    /// While the clock may have been set ahead: bodies of what is settled alone. A request whose key is forgotten is a new one, what
    /// was handed over may be taken back, and the use log is let go for good. What is to be kept for no time at all needs no clock.
    fn bodies_alone(self) -> Self {
        let later = |kept: Duration| if kept.is_zero() { kept } else { Duration::MAX };
        Self { confirmed: later(self.confirmed), settled: later(self.settled), uses: None, ..self }
    }
}

/// Purges until `stop` turns true or the store has come to its end.
pub async fn run<S: Store, C: Clock>(
    store: Arc<S>,
    clock: Arc<C>,
    kept_for: KeptFor,
    actor: Actor,
    mut stop: watch::Receiver<bool>,
) {
    let mut steadiness = Steadiness::default();
    while !*stop.borrow() {
        let read = (clock.now(), clock.elapsed());
        let kept_for = if steadiness.lasts(read) { kept_for } else { kept_for.bodies_alone() };
        let pause = match all_due(&*store, &actor, kept_for, read.0).await {
            Ok(()) => EVERY,
            Err(error) => {
                tracing::error!(store.error = error.with_causes(), "retention could not purge; trying again");
                AFTER_FAILURE
            }
        };
        tokio::select! {
            changed = stop.changed() => if changed.is_err() { return },
            () = store.closed() => return,
            () = clock.sleep(pause) => {}
        }
    }
}

/// Since when the clock on the wall has run as time passed.
#[derive(Default)]
struct Steadiness {
    before: Option<(Timestamp, Duration)>,
    since: Duration,
}

impl Steadiness {
    /// Whether it has for long enough, as a further reading of both shows.
    fn lasts(&mut self, read: (Timestamp, Duration)) -> bool {
        if !self.before.replace(read).is_some_and(|before| runs_as_time_passes(before, read)) {
            self.since = read.1;
        }
        read.1.saturating_sub(self.since) >= STEADY_MIN
    }
}

/// Whether the clock on the wall ran as time passed between two readings of both. After a clock that was set ahead everything is
/// due too early.
fn runs_as_time_passes(before: (Timestamp, Duration), now: (Timestamp, Duration)) -> bool {
    let passed = signed(now.1.saturating_sub(before.1));
    (now.0.duration_since(before.0) - passed).abs() <= CLOCK_OFF_MAX
}

async fn all_due<S: Store>(store: &S, actor: &Actor, kept_for: KeptFor, now: Timestamp) -> Result<(), StoreError> {
    let purged = purge_due(store, actor, kept_for, now).await?;
    if purged.submissions > 0 {
        tracing::info!(submissions = purged.submissions, bytes = purged.bytes, "purged settled bodies");
    }
    let before = finished_before(kept_for.settled, now);
    let forgotten = all_slices(SLICE, |slice| store.forget(actor, before, slice, now)).await?;
    if forgotten > 0 {
        tracing::info!(submissions = forgotten, "forgot what was settled long ago");
    }
    let Some(kept_for) = kept_for.uses else { return Ok(()) };
    let before = finished_before(kept_for, now);
    let forgotten = all_slices(USES_SLICE, |slice| store.forget_uses(actor, before, slice, now)).await?;
    if forgotten > 0 {
        tracing::info!(entries = forgotten, "let the first part of the use log go, its time being over");
    }
    Ok(())
}

/// Slices of `size` until one is not full; answers how much they took together. Others write between the slices.
async fn all_slices<F>(size: u32, mut slice: impl FnMut(u32) -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut all = 0;
    loop {
        let taken = slice(size).await?;
        all += taken;
        if taken < u64::from(size) {
            return Ok(all);
        }
    }
}

/// Purges everything that is due at `now`, slice by slice; others write between the slices.
///
/// # Errors
/// [`StoreError`]; slices before it stand.
pub async fn purge_due<S: Store>(
    store: &S,
    actor: &Actor,
    kept_for: KeptFor,
    now: Timestamp,
) -> Result<Purged, StoreError> {
    let mut all = Purged::default();
    loop {
        let slice = store.purge(actor, kept_for.due(now), SLICE, now).await?;
        all.submissions += slice.submissions;
        all.bytes += slice.bytes;
        if !slice.more {
            return Ok(all);
        }
    }
}

/// What was settled, or entered, before this moment is due.
fn finished_before(kept_for: Duration, now: Timestamp) -> Timestamp {
    now.saturating_sub(signed(kept_for)).unwrap_or(Timestamp::MIN)
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_shows_and_one_that_is_brought_right_slowly_does_not() {
        let read =
            |seconds: i64, passed: u64| (Timestamp::constant(1_800_000_000 + seconds, 0), Duration::from_secs(passed));
        let before = read(0, 10);
        assert!(runs_as_time_passes(before, read(3_600, 3_610)));
        assert!(runs_as_time_passes(before, read(3_800, 3_610)));
        for set in [86_400, 4_000, 3_000, -86_400] {
            assert!(!runs_as_time_passes(before, read(set, 3_610)), "{set}");
        }
    }

    #[test]
    fn what_is_to_be_kept_for_no_time_waits_for_no_clock() {
        let kept_for = |confirmed, settled| {
            let (confirmed, settled) = (Duration::from_secs(confirmed), Duration::from_secs(settled));
            let due = KeptFor { bodies: Duration::ZERO, confirmed, settled, uses: None }.bodies_alone();
            (due.confirmed.as_secs(), due.settled.as_secs())
        };
        assert_eq!(kept_for(0, 86_400), (0, u64::MAX));
        assert_eq!(kept_for(86_400, 0), (u64::MAX, 0));
    }

    #[test]
    fn a_clock_is_trusted_after_a_whole_hour_however_often_it_is_read() {
        let read = |ahead: i64, passed: u64| {
            let now = Timestamp::constant(1_800_000_000, 0) + SignedDuration::from_secs(ahead);
            (now + signed(Duration::from_secs(passed)), Duration::from_secs(passed))
        };
        let mut steadiness = Steadiness::default();
        let readings = [(0, 5, false), (0, 65, false), (0, 3_604, false), (0, 3_605, true), (86_400, 7_205, false)];
        for (ahead, passed, trusted) in readings {
            assert_eq!(steadiness.lasts(read(ahead, passed)), trusted, "{passed}");
        }
        for (passed, trusted) in [(7_265, false), (10_804, false), (10_805, true)] {
            assert_eq!(steadiness.lasts(read(86_400, passed)), trusted, "{passed}");
        }
    }
}
