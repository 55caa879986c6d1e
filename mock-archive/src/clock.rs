//! The archive's clock: the system's time, that time moved by so much, or an instant at which it stands. "Today" is the day in
//! Europe/Helsinki.
//!
//! Asked by the rules (is a right in force today?), the answers (creation time), the handshake (has a certificate expired?), the
//! delays and the throttle of `faults.rs`.

use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use tokio::sync::watch;

/// A clock that is shared by its copies: setting one sets all.
#[derive(Clone, Debug)]
pub struct Clock(watch::Sender<Hand>);

#[derive(Clone, Copy, Debug)]
enum Hand {
    /// The system's time, moved by this.
    Running(SignedDuration),
    Standing(Timestamp),
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self(watch::Sender::new(Hand::Running(SignedDuration::ZERO)))
    }

    /// A clock that stands at `instant` until it is set again.
    #[must_use]
    pub fn standing_at(instant: Timestamp) -> Self {
        Self(watch::Sender::new(Hand::Standing(instant)))
    }

    /// Lets the clock stand at `instant`.
    pub fn set(&self, instant: Timestamp) {
        self.0.send_replace(Hand::Standing(instant));
    }

    /// Goes by the system's time again.
    pub fn set_to_system(&self) {
        self.0.send_replace(Hand::Running(SignedDuration::ZERO));
    }

    /// Moves the clock on; a running one runs on from there. Stops at the end of time.
    pub fn advance(&self, by: Duration) {
        let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
        self.0.send_modify(|hand| {
            *hand = match *hand {
                Hand::Running(moved) => Hand::Running(moved.saturating_add(by)),
                Hand::Standing(at) => Hand::Standing(at.saturating_add(by).unwrap_or(Timestamp::MAX)),
            };
        });
    }

    /// Does it stand?
    #[must_use]
    pub fn stands(&self) -> bool {
        matches!(*self.0.borrow(), Hand::Standing(_))
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match *self.0.borrow() {
            Hand::Running(moved) => Timestamp::now().saturating_add(moved).unwrap_or(Timestamp::MAX),
            Hand::Standing(instant) => instant,
        }
    }

    /// The present instant on a Finnish wall clock.
    #[must_use]
    pub fn now_in_helsinki(&self) -> Zoned {
        self.now().to_zoned(helsinki())
    }

    /// Today's date in Finland.
    #[must_use]
    pub fn today(&self) -> Date {
        self.now_in_helsinki().date()
    }

    /// The instant after so much time.
    pub(crate) fn after(&self, time: Duration) -> Timestamp {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        self.now().saturating_add(time).unwrap_or(Timestamp::MAX)
    }

    /// Waits until this clock has come so far: a standing one has to be moved.
    pub(crate) async fn until(&self, end: Timestamp) {
        let mut hand = self.0.subscribe();
        loop {
            hand.borrow_and_update();
            let left = end.duration_since(self.now());
            let Ok(left) = Duration::try_from(left) else { return };
            if left.is_zero() {
                return;
            }
            let stands = self.stands();
            tokio::select! {
                // The sender lives in self.
                changed = hand.changed() => if changed.is_err() { return },
                () = tokio::time::sleep(left), if !stands => {}
            }
        }
    }
}

/// The archive's time zone, compiled in so that it needs no system files.
pub(crate) fn helsinki() -> TimeZone {
    jiff::tz::get!("Europe/Helsinki")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn today_turns_at_midnight_in_helsinki() {
        let clock = Clock::standing_at("2026-11-21T21:59:59Z".parse().unwrap());
        assert_eq!(clock.today().to_string(), "2026-11-21");
        clock.set("2026-11-21T22:00:00Z".parse().unwrap());
        assert_eq!(clock.today().to_string(), "2026-11-22");
        clock.clone().set("2026-07-01T20:59:59Z".parse().unwrap());
        assert_eq!(clock.today().to_string(), "2026-07-01");
    }

    #[test]
    fn a_standing_clock_is_moved_and_a_running_one_runs_on() {
        let clock = Clock::standing_at("2026-11-22T10:00:00Z".parse().unwrap());
        clock.advance(Duration::from_secs(90));
        assert_eq!(clock.now().to_string(), "2026-11-22T10:01:30Z");
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
        clock.set_to_system();
        let day = Duration::from_secs(24 * 60 * 60);
        let tomorrow = Timestamp::now().saturating_add(day).unwrap();
        clock.advance(day);
        assert!(!clock.stands() && clock.now() >= tomorrow);
    }
}
