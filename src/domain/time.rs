//! Points in time, calendar days and days known in part.
//!
//! Fetches no clock: what is "now" is an argument. The archive's day is the day in Finland.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::tz::{self, Offset, TimeZone};
use jiff::{Timestamp, Zoned};

use super::finding::{Flaw, shape, text_value};
use super::text::Text;

static HELSINKI: TimeZone = tz::get!("Europe/Helsinki");

/// The day it is in Finland at this moment.
pub fn day_in_finland(now: Timestamp) -> Date {
    now.to_zoned(HELSINKI.clone()).date()
}

/// The moment at which this day begins in Finland; `None` past the calendar's end.
pub fn start_of_day_in_finland(day: Date) -> Option<Timestamp> {
    day.to_zoned(HELSINKI.clone()).ok().map(|z| z.timestamp())
}

/// A moment with the offset it was written in. Seconds are the finest that HL7's `TS` here carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instant {
    timestamp: Timestamp,
    offset: Offset,
}

impl Instant {
    /// The moment as written in Finland.
    pub fn in_finland(now: Timestamp) -> Self {
        Self { timestamp: now, offset: HELSINKI.to_offset(now) }
    }

    /// The moment, free of any offset.
    pub fn timestamp(self) -> Timestamp {
        self.timestamp
    }

    /// The day it was in Finland.
    pub fn day(self) -> Date {
        day_in_finland(self.timestamp)
    }

    /// HL7 V3 `TS`: `yyyyMMddHHmmss+zzzz`.
    pub fn hl7(self) -> String {
        let at: DateTime = self.offset.to_datetime(self.timestamp);
        let seconds = self.offset.seconds();
        let sign = if seconds < 0 { '-' } else { '+' };
        let minutes = seconds.abs() / 60;
        format!("{}{sign}{:02}{:02}", at.strftime("%Y%m%d%H%M%S"), minutes / 60, minutes % 60)
    }

    /// Reads HL7 V3 `TS` of full seconds with an offset.
    ///
    /// # Errors
    /// A [`Flaw`] when the text is anything else.
    pub fn from_hl7(text: &str) -> Result<Self, Flaw> {
        if text.len() != 19 || !text.is_ascii() {
            return Err(instant_flaw(text, "HL7 V3 TS"));
        }
        let part = |range: std::ops::Range<usize>| text.get(range).unwrap_or_default();
        let iso = format!(
            "{}-{}-{}T{}:{}:{}{}:{}",
            part(0..4),
            part(4..6),
            part(6..8),
            part(8..10),
            part(10..12),
            part(12..14),
            part(14..17),
            part(17..19)
        );
        parse_rfc3339(&iso).ok_or_else(|| instant_flaw(text, "HL7 V3 TS"))
    }

    /// The same moment as RFC 3339 with its offset.
    pub fn rfc3339(self) -> String {
        self.timestamp.display_with_offset(self.offset).to_string()
    }
}

impl FromStr for Instant {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        parse_rfc3339(text).ok_or_else(|| instant_flaw(text, "RFC 3339"))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

text_value!(Instant, "instant", "Moment with offset (RFC 3339), for example 2026-10-05T14:30:00+03:00");

fn parse_rfc3339(text: &str) -> Option<Instant> {
    // The parser is more generous (week dates, zone names in brackets); the field is not.
    let plain = text.len() <= 40 && text.bytes().all(|b| b.is_ascii_digit() || b"-T:.+Z".contains(&b));
    let shaped = text.get(10..11) == Some("T") && text.len() >= 20;
    if !plain || !shaped {
        return None;
    }
    let timestamp: Timestamp = text.parse().ok()?;
    let offset = if text.ends_with('Z') { Offset::UTC } else { offset_of(text)? };
    Some(Instant { timestamp, offset })
}

fn offset_of(text: &str) -> Option<Offset> {
    let tail = text.get(text.len().checked_sub(6)?..)?;
    let (sign, rest) = tail.split_at_checked(1)?;
    let (hours, minutes) = rest.split_once(':')?;
    let seconds = hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60;
    Offset::from_seconds(if sign == "-" { -seconds } else { seconds }).ok()
}

fn instant_flaw(text: &str, source: &'static str) -> Flaw {
    Flaw {
        code: "value.instant",
        found: shape(text),
        expected: Text::fixed(
            "ajankohta, jossa on sekunnit ja aikavyöhyke, esimerkiksi 2026-10-05T14:30:00+03:00",
            "en tidpunkt med sekunder och tidszon, till exempel 2026-10-05T14:30:00+03:00",
            "a moment with seconds and offset, for example 2026-10-05T14:30:00+03:00",
        ),
        source,
    }
}

/// A day known in part: a year, a month of a year, or a day (Sosmeta representation `Pvm`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PartialDate {
    /// `YYYY`
    Year(i16),
    /// `YYYY-MM`
    Month(i16, i8),
    /// `YYYY-MM-DD`
    Day(Date),
}

impl PartialDate {
    /// The first day it can mean.
    pub fn earliest_day(self) -> Date {
        match self {
            Self::Year(year) => Date::new(year, 1, 1).unwrap_or(Date::MIN),
            Self::Month(year, month) => Date::new(year, month, 1).unwrap_or(Date::MIN),
            Self::Day(day) => day,
        }
    }

    /// The last day it can mean.
    pub fn latest_day(self) -> Date {
        match self {
            Self::Year(_) => self.earliest_day().last_of_year(),
            Self::Month(..) => self.earliest_day().last_of_month(),
            Self::Day(day) => day,
        }
    }

    /// HL7 V3 `TS`: `yyyy`, `yyyyMM` or `yyyyMMdd`.
    pub fn hl7(self) -> String {
        self.to_string().replace('-', "")
    }
}

impl FromStr for PartialDate {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        parse_partial(text).ok_or_else(|| Flaw {
            code: "value.partial_date",
            found: date_shape(text),
            expected: Text::fixed(
                "todellinen päivä, kuukausi tai vuosi: YYYY-MM-DD, YYYY-MM tai YYYY",
                "en verklig dag, månad eller ett år: YYYY-MM-DD, YYYY-MM eller YYYY",
                "a real day, month or year: YYYY-MM-DD, YYYY-MM or YYYY",
            ),
            source: "THL Sosmeta, Pvm",
        })
    }
}

/// A text in a date's form says more than its length: the calendar does not have it.
fn date_shape(text: &str) -> Text {
    let digits = |b: u8| if b.is_ascii_digit() { '9' } else { char::from(b) };
    match text.bytes().map(digits).collect::<String>().as_str() {
        "9999-99-99" => Text::fixed(
            "päivä, jota kalenterissa ei ole",
            "en dag som inte finns i kalendern",
            "a day that the calendar does not have",
        ),
        "9999-99" => Text::fixed(
            "kuukausi, jota kalenterissa ei ole",
            "en månad som inte finns i kalendern",
            "a month that the calendar does not have",
        ),
        _ => shape(text),
    }
}

fn parse_partial(text: &str) -> Option<PartialDate> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i16>().ok();
    match text.len() {
        4 => number(0..4).map(PartialDate::Year),
        7 if text.get(4..5) == Some("-") => {
            let (year, month) = (number(0..4)?, i8::try_from(number(5..7)?).ok()?);
            Date::new(year, month, 1).ok().map(|_| PartialDate::Month(year, month))
        }
        10 if text.get(4..5) == Some("-") && text.get(7..8) == Some("-") => text.parse().ok().map(PartialDate::Day),
        _ => None,
    }
}

impl fmt::Display for PartialDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Year(year) => write!(f, "{year:04}"),
            Self::Month(year, month) => write!(f, "{year:04}-{month:02}"),
            Self::Day(day) => write!(f, "{day}"),
        }
    }
}

text_value!(PartialDate, "partial-date", "Day, month or year: YYYY-MM-DD, YYYY-MM or YYYY");

/// A calendar day, `YYYY-MM-DD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(Date);

impl Day {
    /// The day itself.
    pub fn date(self) -> Date {
        self.0
    }

    /// HL7 V3 `TS`: `yyyyMMdd`.
    pub fn hl7(self) -> String {
        PartialDate::Day(self.0).hl7()
    }
}

impl From<Date> for Day {
    fn from(date: Date) -> Self {
        Self(date)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Day {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        match parse_partial(text) {
            Some(PartialDate::Day(day)) => Ok(Self(day)),
            _ => Err(Flaw {
                code: "value.day",
                found: date_shape(text),
                expected: Text::fixed(
                    "todellinen päivä muodossa YYYY-MM-DD",
                    "en verklig dag i formen YYYY-MM-DD",
                    "a real day as YYYY-MM-DD",
                ),
                source: "ISO 8601",
            }),
        }
    }
}

text_value!(Day, "day", "Calendar day, YYYY-MM-DD");

/// The moment in UTC as `xs:dateTime`, for signature timestamps: `2026-10-05T11:30:00Z`.
pub fn xml_utc(at: Timestamp) -> String {
    let utc: Zoned = at.to_zoned(TimeZone::UTC);
    utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_instant_keeps_its_offset_in_hl7_form_and_back() {
        let winter: Instant = "2026-01-05T14:30:00+02:00".parse().unwrap();
        assert_eq!(winter.hl7(), "20260105143000+0200");
        assert_eq!(Instant::from_hl7("20260717130654+0300").unwrap().rfc3339(), "2026-07-17T13:06:54+03:00");
        assert_eq!(Instant::from_hl7(&winter.hl7()).unwrap(), winter);
        assert_eq!("2026-01-05T12:30:00Z".parse::<Instant>().unwrap().timestamp(), winter.timestamp());
        assert_eq!("2026-01-05T12:30:00-00:30".parse::<Instant>().unwrap().hl7(), "20260105123000-0030");
    }

    #[test]
    fn moments_without_offset_seconds_or_reality_are_refused() {
        for bad in [
            "",
            "2026-01-05",
            "2026-01-05T14:30:00",
            "2026-02-30T14:30:00Z",
            "2026-01-05 14:30:00Z",
            "20260105T143000Z",
        ] {
            assert!(bad.parse::<Instant>().is_err(), "{bad}");
        }
        for bad in ["", "20260717130654", "20261317130654+0300", "2026071713065é+030", "20260717130654x0300"] {
            assert!(Instant::from_hl7(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_day_is_the_day_in_finland() {
        let late: Timestamp = "2026-06-30T21:30:00Z".parse().unwrap();
        assert_eq!(day_in_finland(late).to_string(), "2026-07-01");
        let start = start_of_day_in_finland(Date::constant(2026, 3, 29)).unwrap();
        assert_eq!(start.to_string(), "2026-03-28T22:00:00Z");
    }

    #[test]
    fn partial_dates_are_real_and_know_their_first_and_last_day() {
        let month: PartialDate = "2024-02".parse().unwrap();
        assert_eq!(
            (month.earliest_day().to_string(), month.latest_day().to_string()),
            ("2024-02-01".into(), "2024-02-29".into())
        );
        assert_eq!("2026".parse::<PartialDate>().unwrap().latest_day().to_string(), "2026-12-31");
        assert_eq!("2026-02-03".parse::<PartialDate>().unwrap().hl7(), "20260203");
        assert_eq!("2026-02-30".parse::<PartialDate>().unwrap_err().found.en, "a day that the calendar does not have");
        for bad in ["2026-02-30", "2026-13", "26", "2026-2-3", "2026-00-01", "+026", "2026-02-3a"] {
            assert!(bad.parse::<PartialDate>().is_err(), "{bad}");
        }
    }
}
