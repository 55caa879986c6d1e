//! Where the client's moments and message numbers come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

/// A clock and a source of message numbers. Tests give their own.
#[derive(Clone)]
pub struct Sources {
    /// What time it is.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
    /// A number that this sender has never used.
    pub message_number: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl Sources {
    /// The machine's clock, and numbers of [`rising_numbers`].
    pub fn system() -> Self {
        Self { now: Arc::new(Timestamp::now), message_number: Arc::new(rising_numbers(Timestamp::now)) }
    }
}

/// Numbers that rise with the clock, in nanoseconds, and by one where the clock stands still or goes back. Unique within a
/// process, and across restarts while the clock is not set back.
pub fn rising_numbers(now: impl Fn() -> Timestamp + Send + Sync) -> impl Fn() -> u64 + Send + Sync {
    let last = AtomicU64::new(0);
    move || {
        let clock = u64::try_from(now().as_nanosecond()).unwrap_or(0);
        let next = |last: u64| clock.max(last.saturating_add(1));
        match last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| Some(next(last))) {
            Ok(before) | Err(before) => next(before),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_also_when_the_clock_goes_back() {
        let ticks = AtomicU64::new(10);
        let now = || Timestamp::from_second(i64::try_from(ticks.fetch_sub(1, Ordering::SeqCst)).unwrap_or(0));
        let number = rising_numbers(move || now().unwrap_or(Timestamp::UNIX_EPOCH));
        let numbers: Vec<u64> = (0..4).map(|_| number()).collect();
        assert_eq!(numbers, [10_000_000_000, 10_000_000_001, 10_000_000_002, 10_000_000_003]);
    }
}
