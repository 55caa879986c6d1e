//! Reads: one submission with its way, the change list, what is due next, how many stand where.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Rows, params};

use super::plain::{by_id_or_plain, submission_or_plain};
use super::rows::{COLUMNS, before, nearest_moment};
use super::steps::{CLAIMABLE, waiting};
use super::{Tables, retention};
use crate::sidecar::store::{
    Census, ChangesWanted, Packages, Scope, StoreError, Stuck, StuckLane, Submission, SubmissionId, TimelineEntry,
    Whose,
};

const LIST_MAX: u32 = 1000;
/// Whether row `s` has an id that can be read. Others are no one's to ask for, and make no list shorter: a short one is the last.
const NAMED: &str = "length(s.id) = 36 AND s.id NOT GLOB '*[^-0-9a-f]*'";
/// Of a longer way the oldest lines are left out.
const TIMELINE_MAX: u32 = 200;

pub(super) fn find(
    tables: &Tables<'_>,
    id: &SubmissionId,
    scope: &Scope,
) -> Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError> {
    match by_id_or_plain(tables, id.as_str()) {
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
        entries.push(TimelineEntry { at: nearest_moment(row.get(0)?), event: row.get(1)?, state: row.get(2)? });
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
             AND s.unit IN (SELECT value FROM json_each(?3)) AND (?4 IS NULL OR s.state = ?4 OR s.class = ?4) AND {NAMED}
         ORDER BY s.change LIMIT ?5"
    ))?;
    let after = i64::try_from(wanted.after).unwrap_or(i64::MAX);
    let limit = wanted.limit.min(LIST_MAX);
    all(tables, statement.query(params![after, scope.organisation.as_str(), units, wanted.state, limit])?)
}

pub(super) fn next_due(tables: &Tables<'_>, whose: &Whose) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<i64> = None;
    for organisation in waiting(tables, whose)? {
        let mut statement =
            tables.db.prepare_cached(&format!("SELECT s.due_at FROM {CLAIMABLE} ORDER BY s.due_at LIMIT 1"))?;
        let its: Option<i64> = statement.query_row([organisation], |row| row.get(0)).optional()?;
        next = next.into_iter().chain(its).min();
    }
    Ok(next.map(nearest_moment))
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
        oldest_open: oldest.map(nearest_moment),
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
    Ok(Packages { waiting: waiting.unsigned_abs(), oldest: oldest.map(nearest_moment) })
}

/// Parked submissions that are the first open one of their chain, oldest first. Their number is exact; of their lanes some.
pub(super) fn stuck(tables: &Tables<'_>, limit: u32) -> Result<Stuck, StoreError> {
    const FIRST: &str =
        concat!("s.state = 'parked' AND NOT EXISTS (SELECT 1 FROM submissions p WHERE ", before!(), ")");
    let count = format!("SELECT count(*) FROM submissions s WHERE {FIRST}");
    let total: i64 = tables.db.prepare_cached(&count)?.query_row([], |row| row.get(0))?;
    let list =
        format!("SELECT {COLUMNS} FROM submissions s WHERE {FIRST} AND {NAMED} ORDER BY s.accepted_at, s.row LIMIT ?1");
    let mut statement = tables.db.prepare_cached(&list)?;
    let lanes = all(tables, statement.query([limit])?)?.into_iter().map(StuckLane::of).collect();
    Ok(Stuck { total: total.unsigned_abs(), lanes })
}

/// The submissions of rows of [`COLUMNS`] that are [`NAMED`].
fn all(tables: &Tables<'_>, mut rows: Rows<'_>) -> Result<Vec<Submission>, StoreError> {
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        match submission_or_plain(tables, row) {
            // No id after all.
            Err(StoreError::Damaged { .. }) => {}
            one => found.push(one?),
        }
    }
    Ok(found)
}
