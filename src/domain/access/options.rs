//! Choices where the sources of the access rule are silent.

use jiff::ToSpan;
use jiff::civil::Date;
use serde::Deserialize;

use super::Operation;
use crate::domain::time::PartialDate;

/// What the sources leave open. The values come from an [`super::AccessProfile`], each with its certainty; the defaults are
/// those of `profiles/access/default.toml`, mostly the ones that show less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the right still holds on the end day itself.
    pub end_day_inclusive: bool,
    /// Days after the end on which reading still goes.
    pub reads_after_end_days: u16,
    /// What a row opens: documents of its service task, or all of the client's in the register.
    pub reach: Reach,
    /// Whether client documents that name no service task may be read too. Relationship and case documents always may.
    pub taskless_readable: bool,
    /// Which moment of a document its right is judged by.
    pub write_time: WriteTime,
    /// Whether a document drawn up before the right began may be stored once it has begun.
    pub drawn_up_before_start: bool,
    /// Which day a start or an end stands for that is known to the month or year only.
    pub partial_days: PartialDays,
    /// Whether a subcontractor's row holds only while its producer's does.
    pub subcontractor_within_producer: bool,
    /// Whether all rows end when the client relationship as a whole does.
    pub relationship_end_counts: bool,
    /// Whether two parties in phase 1 can use the register access right, where the producer has it as a partial implementation.
    pub both_phase_1: bool,
    /// What counts where nobody has stated how a party stands.
    pub unstated: Unstated,
    /// The age that evidence may have, in seconds.
    pub evidence_age_max_s: i64,
    /// How many days before its end a right is said to be about to end.
    pub ending_soon_days: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            end_day_inclusive: true,
            reads_after_end_days: 0,
            reach: Reach::Task,
            taskless_readable: false,
            write_time: WriteTime::DrawnUp,
            drawn_up_before_start: true,
            partial_days: PartialDays::Careful,
            subcontractor_within_producer: true,
            relationship_end_counts: true,
            both_phase_1: false,
            unstated: Unstated::Permit,
            evidence_age_max_s: 900,
            ending_soon_days: 14,
        }
    }
}

impl Options {
    /// The day that an end is held against: a document's own where writes are judged by it, else today.
    pub(super) fn judged_day(&self, operation: Operation, today: Date) -> Date {
        match (operation, self.write_time) {
            (Operation::Write { drawn_up }, WriteTime::DrawnUp) => drawn_up,
            _ => today,
        }
    }

    /// Whether a right that ends on `end` has ended on `on`.
    pub(super) fn is_past(&self, end: Date, on: Date) -> bool {
        if self.end_day_inclusive { on > end } else { on >= end }
    }

    /// The last day on which a read still goes for a right that ends on `end`.
    pub(super) fn read_end(&self, end: Date) -> Date {
        end.checked_add(i64::from(self.reads_after_end_days).days()).unwrap_or(Date::MAX)
    }
}

/// What a row of the relationship document opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Documents of its service task; in a search that names none, those of the unit's rows.
    Task,
    /// All of the client's documents in the register.
    Register,
}

/// Which moment of a document its right is judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WriteTime {
    /// When it was drawn up; that it is sent after the end is remarked.
    DrawnUp,
    /// When it is sent.
    Sent,
}

/// What counts where nobody has stated how a party stands to the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unstated {
    /// As if it fitted: the archive itself refuses where it does not.
    Permit,
    /// A reason against.
    Deny,
}

/// What a day known in part grants. The rows' structure allows such days; no source says how they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartialDays {
    /// The right holds on days on which it surely does: from the last day that the start can mean to the first one that the
    /// end can mean.
    Careful,
    /// The right holds on every day on which it may.
    Generous,
}

impl PartialDays {
    pub(super) fn start(self, date: PartialDate) -> Date {
        if self == Self::Careful { date.latest_day() } else { date.earliest_day() }
    }

    pub(super) fn end(self, date: PartialDate) -> Date {
        if self == Self::Careful { date.earliest_day() } else { date.latest_day() }
    }
}
