//! The archive's clock: the system's time unless a test sets it. "Today" is the day in Europe/Helsinki.
//!
//! Does not wait and has no timers. Asked by the rules (is a right in force today?) and by the answers (creation time).

use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A clock that is shared by its copies: setting one sets all.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    set_to: Arc<Mutex<Option<Timestamp>>>,
}

impl Clock {
    /// The system's time.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `instant` until it is set again.
    #[must_use]
    pub fn standing_at(instant: Timestamp) -> Self {
        let clock = Self::default();
        clock.set(instant);
        clock
    }

    /// Lets the clock stand at `instant`.
    pub fn set(&self, instant: Timestamp) {
        *self.set_to.lock().unwrap_or_else(PoisonError::into_inner) = Some(instant);
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.set_to.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or_else(Timestamp::now)
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
}
