//! What time it is, waiting for a time, and chance: what a test decides itself.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

/// What time it is, and waiting for a time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Returns once it is `at` or later.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;

    /// Time that has truly passed since some moment, whatever the clock was set to meanwhile.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        sleep_in_naps(Timestamp::now, at).await;
    }

    fn elapsed(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

/// The longest single sleep: a clock that was set meanwhile is noticed after it.
const NAP_MAX: Duration = Duration::from_secs(60);

/// Sleeps until a clock says that it is `at` or later.
pub(crate) async fn sleep_in_naps(now: impl Fn() -> Timestamp + Send, at: Timestamp) {
    while let Ok(left) = Duration::try_from(at.duration_since(now())) {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP_MAX)).await;
    }
}

/// Randomness for jitter.
pub trait Chance: Send + Sync + 'static {
    /// A number from 0 up to but not including 1.
    fn fraction(&self) -> f64;
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fraction(&self) -> f64 {
        let mut bytes = [0u8; 4];
        // Jitter only spreads load: without randomness the middle serves.
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            return 0.5;
        }
        f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}
