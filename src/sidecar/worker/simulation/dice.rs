//! Chance, time and crash points of a simulated world: all of them follow from the seed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::sidecar::ports::{Chance, Clock};

/// Every throw of a world, in one order.
pub(super) struct Dice(Mutex<u64>);

impl Dice {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }

    /// SplitMix64.
    pub(super) fn next(&self) -> u64 {
        let mut state = self.0.lock().unwrap();
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }

    pub(super) fn between(&self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    pub(super) fn percent(&self, chance: u64) -> bool {
        self.below(100) < chance
    }

    pub(super) fn pick<'a, T>(&self, of: &'a [T]) -> Option<&'a T> {
        if of.is_empty() { None } else { of.get(usize::try_from(self.below(of.len() as u64)).unwrap()) }
    }

    pub(super) fn millis_up_to(&self, longest: Duration) -> Duration {
        Duration::from_millis(self.below(u64::try_from(longest.as_millis()).unwrap()))
    }
}

impl Chance for Dice {
    fn fraction(&self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap()) / (f64::from(u32::MAX) + 1.0)
    }
}

/// The runtime's paused time, and a clock on the wall that can be set.
pub(super) struct SimClock {
    begin: Timestamp,
    start: Instant,
    set_ahead_ms: AtomicI64,
}

impl SimClock {
    pub(super) fn new() -> Self {
        Self { begin: "2026-10-06T09:00:00Z".parse().unwrap(), start: Instant::now(), set_ahead_ms: AtomicI64::new(0) }
    }

    /// Sets the clock on the wall by so much.
    pub(super) fn jump(&self, millis: i64) {
        self.set_ahead_ms.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.start.elapsed()).unwrap();
        self.begin + passed + SignedDuration::from_millis(self.set_ahead_ms.load(Ordering::SeqCst))
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }
}

/// The places where a process can die: every await of the store and of the archive passes one.
#[derive(Default)]
pub(super) struct Points {
    left: AtomicUsize,
    pub(super) reached: Notify,
}

impl Points {
    /// The process is to die at its `nth` await from now; never for 0.
    pub(super) fn arm(&self, nth: usize) {
        self.left.store(nth, Ordering::SeqCst);
    }

    pub(super) async fn pass(&self) {
        let left = self.left.load(Ordering::SeqCst);
        self.left.store(left.saturating_sub(1), Ordering::SeqCst);
        if left == 1 {
            self.reached.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }
}
