//! Reads: one submission with its way, the change list, what is due next, how many stand where.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::accept::by_id;
use super::rows::{COLUMNS, before, moment, submission};
use super::steps::{CLAIMABLE, waiting};
use super::{Tables, retention};
use crate::sidecar::store::{
    Census, ChangesWanted, Packages, Scope, StoreError, Stuck, StuckLane, Submission, SubmissionId, TimelineEntry,
    Whose,
};

const LIST_MAX: u32 = 1000;
/// Of a longer way the oldest lines are left out.
const TIMELINE_MAX: u32 = 200;

pub(super) fn find(
    tables: &Tables<'_>,
    id: &SubmissionId,
    scope: &Scope,
) -> Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError> {
    match by_id(tables, id.as_str()) {
        Ok(found) if scope.sees(&found) => Ok(Some((found, timeline(tables, id)?))),
        Ok(_) | Err(StoreError::NotFound) => Ok(None),
        Err(error) => Err(error),
    }
}

fn timeline(tables: &Tables<'_>, id: &SubmissionId) -> Result<Vec<TimelineEntry>, StoreError> {
    let mut statement = tables
        .db
        .prepare_cached("SELECT at, action, outcome FROM use_log WHERE submission = ?1 ORDER BY row DESC LIMIT ?2")?;
    let mut rows = statement.query(params![id.as_str(), TIMELINE_MAX])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(TimelineEntry { at: moment(row.get(0)?)?, event: row.get(1)?, state: row.get(2)? });
    }
    entries.reverse();
    Ok(entries)
}

pub(super) fn changes(
    tables: &Tables<'_>,
    wanted: &ChangesWanted,
    scope: &Scope,
) -> Result<Vec<Submission>, StoreError> {
    let units = serde_json::to_string(&scope.units).map_err(|_| StoreError::Damaged { what: "units" })?;
    let mut statement = tables.db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM submissions s WHERE s.change > ?1 AND s.organisation = ?2
             AND s.unit IN (SELECT value FROM json_each(?3)) AND (?4 IS NULL OR s.state = ?4 OR s.class = ?4)
         ORDER BY s.change LIMIT ?5"
    ))?;
    let after = i64::try_from(wanted.after).unwrap_or(i64::MAX);
    let limit = wanted.limit.min(LIST_MAX);
    let mut rows = statement.query(params![after, scope.organisation.as_str(), units, wanted.state, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(submission(tables, row)?);
    }
    Ok(found)
}

pub(super) fn next_due(tables: &Tables<'_>, whose: &Whose) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<i64> = None;
    for organisation in waiting(tables, whose)? {
        let mut statement =
            tables.db.prepare_cached(&format!("SELECT s.due_at FROM {CLAIMABLE} ORDER BY s.due_at LIMIT 1"))?;
        let its: Option<i64> = statement.query_row([organisation], |row| row.get(0)).optional()?;
        next = next.into_iter().chain(its).min();
    }
    next.map(moment).transpose()
}

pub(super) fn census(tables: &Tables<'_>) -> Result<Census, StoreError> {
    let mut statement = tables.db.prepare_cached("SELECT state, count(*) FROM submissions GROUP BY state")?;
    let counted = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let mut by_state = Vec::new();
    for entry in counted {
        let (state, count) = entry?;
        by_state.push((state, count.unsigned_abs()));
    }
    let mut statement = tables.db.prepare_cached("SELECT min(accepted_at) FROM submissions WHERE class = 'open'")?;
    let oldest: Option<i64> = statement.query_row([], |row| row.get(0))?;
    let mut statement = tables.db.prepare_cached("SELECT count(*) FROM submissions WHERE damaged IS NOT NULL")?;
    let damaged: i64 = statement.query_row([], |row| row.get(0))?;
    let open_bytes = "SELECT coalesce(sum(held_bytes), 0) FROM submissions WHERE class = 'open'";
    let open_bytes: i64 = tables.db.prepare_cached(open_bytes)?.query_row([], |row| row.get(0))?;
    let (kept, kept_bytes) = retention::held(tables)?;
    let packages = packages(tables)?;
    Ok(Census {
        by_state,
        oldest_open: oldest.map(moment).transpose()?,
        damaged: damaged.unsigned_abs(),
        open_bytes: open_bytes.unsigned_abs(),
        kept,
        kept_bytes,
        free_disk_bytes: tables.room.free_bytes().ok(),
        packages,
    })
}

pub(super) fn packages(tables: &Tables<'_>) -> Result<Packages, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT count(*), min(handed_over_at) FROM submissions WHERE state = 'handed_over' AND finished_at IS NULL",
    )?;
    let (waiting, oldest): (i64, Option<i64>) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Packages { waiting: waiting.unsigned_abs(), oldest: oldest.map(moment).transpose()? })
}

/// Parked submissions that are the first open one of their chain, oldest first. Their number is exact; of their lanes some.
pub(super) fn stuck(tables: &Tables<'_>, limit: u32) -> Result<Stuck, StoreError> {
    const FIRST: &str =
        concat!("s.state = 'parked' AND NOT EXISTS (SELECT 1 FROM submissions p WHERE ", before!(), ")");
    let count = format!("SELECT count(*) FROM submissions s WHERE {FIRST}");
    let total: i64 = tables.db.prepare_cached(&count)?.query_row([], |row| row.get(0))?;
    let list = format!("SELECT {COLUMNS} FROM submissions s WHERE {FIRST} ORDER BY s.accepted_at, s.row LIMIT ?1");
    let mut statement = tables.db.prepare_cached(&list)?;
    let mut rows = statement.query([limit])?;
    let mut lanes = Vec::new();
    while let Some(row) = rows.next()? {
        lanes.push(StuckLane::of(submission(tables, row)?));
    }
    Ok(Stuck { total: total.unsigned_abs(), lanes })
}
