//! Instants and dates as they are written on the wire. Reads only; `answers.rs` writes.
//!
//! Used by the intake (effective times) and the registers (start and end of a producer's row).

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Reads an HL7 point in time with seconds and offset: `yyyyMMddHHmmss+zzzz`.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if !text.is_ascii() || text.len() != 19 {
        return None;
    }
    let (clock, offset) = text.split_at(14);
    let clock = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S", clock).ok()?;
    offset_of(offset)?.to_timestamp(clock).ok()
}

/// The first moment that a point in time or a Finnish day `yyyyMMdd` can mean.
pub(crate) fn first_moment(text: &str) -> Option<Timestamp> {
    instant(text).or_else(|| start_of(day(text)?))
}

/// The last moment that a point in time or a Finnish day `yyyyMMdd` can mean.
pub(crate) fn last_moment(text: &str) -> Option<Timestamp> {
    instant(text).or_else(|| start_of(day(text)?.tomorrow().ok()?)?.checked_sub(1.nanosecond()).ok())
}

fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    let digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| Date::strptime("%Y%m%d", text).ok()).flatten()
}

fn start_of(day: Date) -> Option<Timestamp> {
    Some(day.to_zoned(crate::clock::helsinki()).ok()?.timestamp())
}

fn offset_of(text: &str) -> Option<Offset> {
    let (sign, digits) = text.split_at_checked(1)?;
    let hours: i32 = digits.get(..2)?.parse().ok()?;
    let minutes: i32 = digits.get(2..)?.parse().ok()?;
    let seconds = (hours * 60 + minutes) * 60;
    match sign {
        "+" => Offset::from_seconds(seconds).ok(),
        "-" => Offset::from_seconds(-seconds).ok(),
        _ => None,
    }
}

/// A date that may lack its day or month, as the structures' `Pvm` fields allow: `YYYY`, `YYYY-MM`, `YYYY-MM-DD`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PartialDate {
    /// The earliest day it can mean.
    pub(crate) earliest: Date,
    /// The latest day it can mean.
    pub(crate) latest: Date,
}

impl PartialDate {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.len() > 10 || !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return None;
        }
        match text.len() {
            4 => {
                let year: i16 = text.parse().ok()?;
                Some(Self { earliest: Date::new(year, 1, 1).ok()?, latest: Date::new(year, 12, 31).ok()? })
            }
            7 => {
                let earliest: Date = format!("{text}-01").parse().ok()?;
                let latest = earliest.checked_add(1.month()).ok()?.yesterday().ok()?;
                Some(Self { earliest, latest })
            }
            10 => {
                let day: Date = text.parse().ok()?;
                Some(Self { earliest: day, latest: day })
            }
            _ => None,
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn an_instant_keeps_its_offset() {
        assert_eq!(instant("20260717130652+0300").unwrap().to_string(), "2026-07-17T10:06:52Z");
        assert_eq!(instant("20260717130652-0330").unwrap().to_string(), "2026-07-17T16:36:52Z");
        for bad in ["20260717130652", "20261317130652+0300", "20260717130652x0300", "2026071713065å+0300", ""] {
            assert_eq!(instant(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_partial_date_spans_every_day_it_can_mean() {
        let span = |text| PartialDate::parse(text).map(|date| (date.earliest.to_string(), date.latest.to_string()));
        assert_eq!(span("2026"), Some(("2026-01-01".into(), "2026-12-31".into())));
        assert_eq!(span("2028-02"), Some(("2028-02-01".into(), "2028-02-29".into())));
        assert_eq!(span("2026-12"), Some(("2026-12-01".into(), "2026-12-31".into())));
        assert_eq!(span("2026-02-03"), Some(("2026-02-03".into(), "2026-02-03".into())));
        for bad in ["", "26", "2026-13", "2026-02-30", "2026/02/03", "20260203", "2026-02-03T00:00:00Z"] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
