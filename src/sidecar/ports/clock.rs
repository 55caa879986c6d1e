//! What time it is, waiting, and chance: what a test decides itself.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;

/// What time it is, and waiting.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Returns once so much time has truly passed, whatever the clock was set to meanwhile.
    fn sleep(&self, time: Duration) -> impl Future<Output = ()> + Send;

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

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
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
