//! The rows of a relationship document that name a unit: which of them permits, and which one comes nearest.

use jiff::ToSpan;
use jiff::civil::Date;

use super::options::Reach;
use super::permit::Remark;
use super::reason::Reason;
use super::{Operation, Options, Request};
use crate::domain::relationship::{Grant, Relationship};

/// A unit's rows, each with its days.
pub(super) struct Rows<'a> {
    request: &'a Request<'a>,
    options: &'a Options,
    today: Date,
    rows: Vec<Row<'a>>,
}

/// One row and the days on which it holds.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) grant: &'a Grant,
    start: Date,
    end: Option<Date>,
    against: Against,
}

/// What stands against a row.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Against {
    task: bool,
    not_started: bool,
    ended: bool,
    too_early: bool,
}

impl Against {
    const NOTHING: Self = Self { task: false, not_started: false, ended: false, too_early: false };
}

impl<'a> Rows<'a> {
    pub(super) fn of(
        request: &'a Request<'a>,
        relationship: &'a Relationship,
        options: &'a Options,
        today: Date,
    ) -> Self {
        let of_unit = relationship.grants.iter().filter(|grant| grant.unit == *request.unit);
        let whole_end = relationship.end.filter(|_| options.relationship_end_counts);
        let rows = of_unit.map(|grant| {
            let (start, end) = days(grant, whole_end.map(|end| options.partial_days.end(end)), options);
            Row { grant, start, end, against: against(request, grant, (start, end), options, today) }
        });
        Self { request, options, today, rows: rows.collect() }
    }

    /// The row that permits: with the fewest remarks, and of these the one that held when the document was drawn up. Else the
    /// reasons of the row that came nearest.
    pub(super) fn best(&self) -> Result<PermittingRow<'a>, Vec<Reason>> {
        let permitting = self.permitting().map(|row| (row, self.remarks(row)));
        let doubt = |remarks: &[Remark]| (remarks.len(), remarks.contains(&Remark::DrawnUpBeforeStart));
        if let Some((row, remarks)) = permitting.min_by_key(|(_, remarks)| doubt(remarks)) {
            return Ok(PermittingRow { grant: row.grant, remarks });
        }
        match self.rows.iter().max_by_key(|row| row.nearness()) {
            Some(row) => Err(self.reasons(row)),
            None => Err(vec![Reason::UnitNotNamed]),
        }
    }

    /// Service tasks of the rows that permit.
    pub(super) fn tasks(&self) -> impl Iterator<Item = &'a str> {
        self.permitting().map(|row| row.grant.service_task.as_str())
    }

    /// The last day on which some row still holds without a gap; `None` while one has no end.
    pub(super) fn ends_on(&self) -> Option<Date> {
        let mut last = Date::MIN;
        for row in self.permitting() {
            last = last.max(self.last_day(row)?);
        }
        // As often as there are rows at most: each round goes on into a later one.
        loop {
            let next = last.checked_add(1.day()).unwrap_or(Date::MAX);
            let goes_on = |row: &&Row<'_>| !row.against.task && row.start <= next;
            let reached = self.rows.iter().filter(goes_on).map(|row| self.last_day(row));
            match reached.max_by_key(|day| day.unwrap_or(Date::MAX)).flatten() {
                Some(day) if day > last => last = day,
                Some(_) => return Some(last),
                None => return None,
            }
        }
    }

    fn permitting(&self) -> impl Iterator<Item = &Row<'a>> {
        self.rows.iter().filter(|row| row.against == Against::NOTHING)
    }

    fn last_day(&self, row: &Row<'_>) -> Option<Date> {
        let end = row.end?;
        Some(if self.options.end_day_inclusive { end } else { end.checked_sub(1.day()).unwrap_or(Date::MIN) })
    }

    fn remarks(&self, row: &Row<'_>) -> Vec<Remark> {
        let mut remarks = Vec::new();
        let is_over = row.end.is_some_and(|end| self.options.is_past(end, self.today));
        match self.request.operation {
            Operation::Read if is_over => remarks.push(Remark::ReadAfterEnd),
            Operation::Write { .. } if is_over => remarks.push(Remark::SentAfterEnd),
            _ => {}
        }
        if matches!(self.request.operation, Operation::Write { drawn_up } if drawn_up < row.start) {
            remarks.push(Remark::DrawnUpBeforeStart);
        }
        remarks
    }

    fn reasons(&self, row: &Row<'_>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if let (true, Some(asked)) = (row.against.task, self.request.service_task) {
            let granted = row.grant.service_task.clone();
            reasons.push(Reason::TaskMismatch { asked: asked.to_owned(), granted });
        }
        if row.against.not_started {
            reasons.push(Reason::NotStarted { from: row.start });
        }
        if row.against.too_early {
            reasons.push(Reason::DrawnUpBeforeStart { from: row.start });
        }
        if let (true, Some(since)) = (row.against.ended, row.end) {
            reasons.push(Reason::Ended { since });
        }
        reasons
    }
}

/// A row that permits.
pub(super) struct PermittingRow<'a> {
    pub(super) grant: &'a Grant,
    pub(super) remarks: Vec<Remark>,
}

impl Row<'_> {
    /// Of the right task before another one, then not ended, then able to come; of those not begun the first to begin, of those
    /// ended the last to end.
    fn nearness(&self) -> (bool, bool, bool, bool, i32) {
        let Against { task, not_started, ended, too_early } = self.against;
        let nearest = if not_started { -number(self.start) } else { self.end.map_or(i32::MAX, number) };
        (!task, !ended, !too_early, !not_started, nearest)
    }
}

/// Grows with the day.
fn number(day: Date) -> i32 {
    i32::from(day.year()) * 10_000 + i32::from(day.month()) * 100 + i32::from(day.day())
}

/// The days of a row: its own, within its producer's and within the whole relationship's where these bound it.
fn days(grant: &Grant, whole_end: Option<Date>, options: &Options) -> (Date, Option<Date>) {
    let partial = options.partial_days;
    let mut start = partial.start(grant.start);
    let mut end = earlier(grant.end.map(|end| partial.end(end)), whole_end);
    if let Some(producer) = grant.below.as_ref().filter(|_| options.subcontractor_within_producer) {
        start = start.max(partial.start(producer.start));
        end = earlier(end, producer.end.map(|end| partial.end(end)));
    }
    (start, end)
}

fn earlier(one: Option<Date>, other: Option<Date>) -> Option<Date> {
    one.into_iter().chain(other).min()
}

fn against(
    request: &Request<'_>,
    grant: &Grant,
    (start, end): (Date, Option<Date>),
    options: &Options,
    today: Date,
) -> Against {
    let other_task = |task| options.reach == Reach::Task && task != grant.service_task;
    let judged = options.judged_day(request.operation, today);
    let ended = |end: Date| match request.operation {
        Operation::Read => options.is_past(options.read_end(end), today),
        Operation::Write { .. } => options.is_past(end, judged),
    };
    Against {
        task: request.service_task.is_some_and(other_task),
        not_started: today < start,
        ended: end.is_some_and(ended),
        too_early: !options.drawn_up_before_start
            && matches!(request.operation, Operation::Write { drawn_up } if drawn_up < start),
    }
}
