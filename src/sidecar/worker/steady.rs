//! Whether the clock on the wall runs as time passes. Told once when it was set.
//!
//! Set ahead, everything that waits becomes due too early: questions are put off, because what was sent may still be on its way.
//! Set back, everything becomes due too late: dues are pulled forward. In memory only: a new run assumes both.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;

use crate::sidecar::ports::Clock;

/// Less is a clock that is being brought right slowly, or a thread that had to wait between two readings.
const SET_MIN: SignedDuration = SignedDuration::from_millis(250);

/// What was last read of the clocks, and what is to be done about it.
#[derive(Default)]
pub(super) struct Steadiness(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// The clock on the wall less the time that has passed.
    difference: Option<SignedDuration>,
    /// No question before this much time has passed.
    questions_from: Duration,
    dues_are_late: bool,
}

impl Steadiness {
    /// A run begins: the clock may have been set either way while nobody looked.
    pub(super) fn begin(&self, clock: &impl Clock, reconcile_after: Duration) {
        self.look(clock, reconcile_after);
        let mut seen = self.lock();
        seen.questions_from = clock.elapsed().saturating_add(reconcile_after);
        seen.dues_are_late = true;
    }

    /// Reads the clocks. `reconcile_after` is how long a message may be on its way.
    pub(super) fn look(&self, clock: &impl Clock, reconcile_after: Duration) {
        let passed = clock.elapsed();
        let difference = clock.now().as_duration() - SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let mut seen = self.lock();
        let Some(before) = seen.difference.replace(difference) else { return };
        let set_by = difference - before;
        if set_by.abs() < SET_MIN {
            return;
        }
        tracing::warn!(seconds = set_by.as_secs(), "the clock was set");
        if set_by.is_positive() {
            seen.questions_from = passed.saturating_add(reconcile_after);
        } else {
            seen.dues_are_late = true;
        }
    }

    /// How long questions must still be put off.
    pub(super) fn questions_wait(&self, clock: &impl Clock) -> Option<Duration> {
        let from = self.lock().questions_from;
        from.checked_sub(clock.elapsed()).filter(|wait| !wait.is_zero())
    }

    /// Whether the clock was set back and dues are still to be pulled forward.
    pub(super) fn dues_are_late(&self) -> bool {
        self.lock().dues_are_late
    }

    /// They have been.
    pub(super) fn dues_pulled_forward(&self) {
        self.lock().dues_are_late = false;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        // Each write leaves it whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
