//! Purging the bodies of settled submissions, and what is still kept of them; later, forgetting their rows.
//!
//! Rows with the digests of their keys outlive the bodies: a repeated request still gets its answer. The use log outlives both.
//! Open submissions are never touched, whatever the clock says.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::json;

use super::Tables;
use super::rows::{millis, nearest_moment};
use super::use_log::{Entry, append};
use crate::sidecar::store::{Actor, Due, KeptBodies, Purged, StoreError};

/// The bodies of a document whose open successor is still to be compared with it are kept; so are those of what was handed over,
/// taken back and then refused or given up: its package may be the only one there is.
/// Values: before when what was settled is due, before when what was handed over is.
const PURGEABLE: &str = "s.finished_at IS NOT NULL AND s.held_bytes > 0
    AND s.finished_at < ?1
    AND (s.handed_over_at IS NULL OR s.class = 'archived' OR (s.class = 'handed_over' AND s.finished_at < ?2)) AND NOT EXISTS (
    SELECT 1 FROM submissions n WHERE n.set_id = s.set_id AND n.version > s.version
        AND n.organisation = s.organisation AND n.class = 'open')";

/// Purges one slice; answers with it the names of files that no row names any more.
pub(super) fn purge(
    tables: &Tables<'_>,
    actor: &Actor,
    due: Due,
    limit: u32,
    now: Timestamp,
) -> Result<(Purged, Vec<String>), StoreError> {
    let (mut purged, mut files) = (Purged::default(), Vec::new());
    let found = slice(tables, due, limit)?;
    purged.more = u32::try_from(found.len()).unwrap_or(u32::MAX) == limit;
    for (row, id, bytes) in found {
        let mut statement = tables.db.prepare_cached("DELETE FROM bodies WHERE owner = ?1 RETURNING file")?;
        for file in statement.query_map([row], |row| row.get::<_, Option<String>>(0))? {
            files.extend(file?);
        }
        tables.db.prepare_cached("DELETE FROM envelopes WHERE submission = ?1")?.execute([&id])?;
        tables.db.prepare_cached("UPDATE submissions SET held_bytes = 0 WHERE row = ?1")?.execute([row])?;
        purged.submissions += 1;
        purged.bytes += bytes.unsigned_abs();
    }
    if purged.submissions > 0 {
        let facts = json!({ "submissions": purged.submissions, "finished_before": due.settled_before,
            "confirmed_before": due.confirmed_before });
        let entry = Entry { submission: None, action: "bodies.purge", outcome: "purged", actor, facts: &facts };
        append(tables, &entry, now)?;
    }
    Ok((purged, files))
}

/// Forgets one slice of the submissions whose bodies are gone; answers how many. What an open one still follows in its chain stays.
pub(super) fn forget(
    tables: &Tables<'_>,
    actor: &Actor,
    finished_before: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "DELETE FROM submissions WHERE row IN (
            SELECT s.row FROM submissions s WHERE s.finished_at IS NOT NULL AND s.held_bytes = 0 AND s.finished_at < ?1
                AND NOT EXISTS (SELECT 1 FROM submissions n WHERE n.set_id = s.set_id
                    AND n.organisation = s.organisation AND n.class = 'open')
            ORDER BY s.finished_at LIMIT ?2)",
    )?;
    let forgotten = u64::try_from(statement.execute(params![millis(finished_before), limit])?).unwrap_or(u64::MAX);
    if forgotten > 0 {
        let facts = json!({ "submissions": forgotten, "finished_before": finished_before });
        let entry = Entry { submission: None, action: "rows.forget", outcome: "forgotten", actor, facts: &facts };
        append(tables, &entry, now)?;
    }
    Ok(forgotten)
}

fn slice(tables: &Tables<'_>, due: Due, limit: u32) -> Result<Vec<(i64, String, i64)>, StoreError> {
    let mut statement = tables.db.prepare_cached(&format!(
        "SELECT s.row, s.id, s.held_bytes FROM submissions s WHERE {PURGEABLE} ORDER BY s.finished_at LIMIT ?3"
    ))?;
    let found = statement
        .query_map(params![millis(due.settled_before), millis(due.confirmed_before), limit], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Settled submissions whose bodies are kept, and the bytes of those.
pub(super) fn held(tables: &Tables<'_>) -> Result<(u64, u64), StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT count(*), coalesce(sum(held_bytes), 0) FROM submissions
         WHERE finished_at IS NOT NULL AND held_bytes > 0",
    )?;
    let (submissions, bytes): (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((submissions.unsigned_abs(), bytes.unsigned_abs()))
}

/// What is kept of settled submissions, and how much of it is purged when what finished before a moment is.
pub(super) fn kept(tables: &Tables<'_>, due: Due) -> Result<KeptBodies, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT count(*), coalesce(sum(held_bytes), 0), min(finished_at) FROM submissions
         WHERE finished_at IS NOT NULL AND held_bytes > 0",
    )?;
    let (submissions, bytes, oldest): (i64, i64, Option<i64>) =
        statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let mut statement = tables.db.prepare_cached(&format!(
        "SELECT count(*), coalesce(sum(held_bytes), 0) FROM submissions s WHERE {PURGEABLE}"
    ))?;
    let moments = [millis(due.settled_before), millis(due.confirmed_before)];
    let (due, due_bytes): (i64, i64) = statement.query_row(moments, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(KeptBodies {
        submissions: submissions.unsigned_abs(),
        bytes: bytes.unsigned_abs(),
        oldest_finished: oldest.map(nearest_moment),
        due: due.unsigned_abs(),
        due_bytes: due_bytes.unsigned_abs(),
    })
}
