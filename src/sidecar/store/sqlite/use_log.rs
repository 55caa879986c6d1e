//! The use log: who did what to which record, append-only, each row chained to the one before by a keyed digest.
//!
//! Whoever has the database file but not the key cannot change, drop or insert a row unseen. The head of the chain stands in
//! `meta` with a keyed proof, so that rows cut off the end are missed too, and so does, sealed, where it begins once its first rows
//! were let go; putting the whole file back to an earlier state is not seen here.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};

use super::Tables;
use super::rows::{millis, open, seal};
use super::tally::{Head, head, set_counter};
use crate::sidecar::store::{Actor, StoreError, SubmissionId, Use, UseLogEntry};
use crate::sidecar::vault::Place;

/// One row to be.
pub(super) struct Entry<'a> {
    pub(super) submission: Option<&'a SubmissionId>,
    pub(super) action: &'a str,
    pub(super) outcome: &'a str,
    pub(super) actor: &'a Actor,
    pub(super) facts: &'a Value,
}

pub(super) fn note_use(tables: &Tables<'_>, entry: &Use, now: Timestamp) -> Result<(), StoreError> {
    let entry = Entry {
        submission: None,
        action: entry.action,
        outcome: &entry.outcome,
        actor: &entry.actor,
        facts: &entry.subject,
    };
    append(tables, &entry, now)
}

pub(super) fn append(tables: &Tables<'_>, entry: &Entry<'_>, now: Timestamp) -> Result<(), StoreError> {
    tables.tally.move_head(tables.db, |head| {
        let row = head.rows.saturating_add(1);
        let link = insert(tables, entry, &head.link, row, millis(now))?;
        Ok(Head { rows: row, link })
    })
}

/// Enters one row after a link; answers its own.
fn insert(tables: &Tables<'_>, entry: &Entry<'_>, before: &[u8], row: i64, at: i64) -> Result<Vec<u8>, StoreError> {
    let detail = json!({ "actor": entry.actor, "facts": entry.facts });
    let name = row.to_string();
    let detail = seal(tables, Place { table: "use_log", row: &name, column: "detail" }, &detail)?;
    let submission = entry.submission.map(SubmissionId::as_str);
    let link = link(tables, before, row, at, submission, entry.action, entry.outcome, &detail);
    let mut statement = tables.db.prepare_cached(
        "INSERT INTO use_log (row, at, submission, action, outcome, detail, link) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    statement.execute(params![row, at, submission, entry.action, entry.outcome, detail, link])?;
    Ok(link)
}

/// Lets up to `limit` of the first rows go that were entered before a moment; answers how many. That it was done is a row of its own.
pub(super) fn forget(
    tables: &Tables<'_>,
    actor: &Actor,
    entered_before: Timestamp,
    limit: u32,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let (from, mut last) = (begin(tables)?, None::<Head>);
    {
        let mut statement = tables.db.prepare_cached(&format!("{ROWS} LIMIT ?1"))?;
        let mut rows = statement.query([limit])?;
        while let Some(found) = rows.next()? {
            let row = Row::read(found)?;
            // In the order of the chain: a row whose clock was ahead keeps those after it. What is let go is proved first, because
            // nobody can prove it afterwards.
            if row.at >= millis(entered_before) {
                break;
            }
            last = Some(row.after(tables, last.as_ref().unwrap_or(&from))?);
        }
    }
    let Some(last) = last else { return Ok(0) };
    set_begin(tables, &last)?;
    let gone = tables.db.prepare_cached("DELETE FROM use_log WHERE row <= ?1")?.execute([last.rows])?;
    let facts = json!({ "rows": gone, "from": from.rows.saturating_add(1), "entered_before": entered_before });
    let entry = Entry { submission: None, action: "use_log.forget", outcome: "forgotten", actor, facts: &facts };
    append(tables, &entry, now)?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

const BEGIN: Place<'static> = Place { table: "meta", row: "use_log_begin", column: "value" };
/// Up to which row the table lets rows be deleted.
const LET_GO: &str = "use_log_let_go";

/// The last row that was let go, and its link. Sealed, because whoever cuts rows off the front knows the links of those that stay.
fn begin(tables: &Tables<'_>) -> Result<Head, StoreError> {
    let mut statement = tables.db.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    let sealed: Option<Vec<u8>> = statement.query_row([BEGIN.row], |row| row.get(0)).optional()?;
    let Some(sealed) = sealed else { return Ok(Head::default()) };
    let (rows, link) = open(tables, BEGIN, &sealed).map_err(|_| damaged())?;
    Ok(Head { rows, link })
}

fn set_begin(tables: &Tables<'_>, last: &Head) -> Result<(), StoreError> {
    let sealed = seal(tables, BEGIN, &(last.rows, &last.link))?;
    let mut statement = tables.db.prepare_cached(
        "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    statement.execute(params![BEGIN.row, sealed])?;
    set_counter(tables.db, LET_GO, last.rows)
}

/// A row as it is stored.
struct Row {
    row: i64,
    at: i64,
    submission: Option<String>,
    action: String,
    outcome: String,
    detail: Vec<u8>,
    link: Vec<u8>,
}

/// Follows the chain from the first row that is there to its head; answers how many rows it proves.
pub(super) fn verify(tables: &Tables<'_>) -> Result<u64, StoreError> {
    walk(tables, |_| Ok(()))
}

/// Shows `each` entry of a period, proving the chain on the way: what was shown counts once this has answered how many rows it proves.
pub(super) fn read(
    tables: &Tables<'_>,
    (from, until): (Timestamp, Timestamp),
    mut each: impl FnMut(UseLogEntry) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    walk(tables, |row| {
        if row.at < millis(from) || row.at >= millis(until) {
            return Ok(());
        }
        let name = row.row.to_string();
        let detail: Value = open(tables, Place { table: "use_log", row: &name, column: "detail" }, &row.detail)?;
        let part = |name| detail.get(name).cloned().unwrap_or_default();
        each(UseLogEntry {
            row: row.row.unsigned_abs(),
            at: Timestamp::from_millisecond(row.at).map_err(|_| damaged())?,
            submission: row.submission,
            action: row.action,
            outcome: row.outcome,
            actor: part("actor"),
            facts: part("facts"),
        })
    })
}

const ROWS: &str = "SELECT row, at, submission, action, outcome, detail, link FROM use_log ORDER BY row";

impl Row {
    fn read(row: &rusqlite::Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            row: row.get(0)?,
            at: row.get(1)?,
            submission: row.get(2)?,
            action: row.get(3)?,
            outcome: row.get(4)?,
            detail: row.get(5)?,
            link: row.get(6)?,
        })
    }

    /// The head with this row, which has to be the next one as it was entered.
    fn after(&self, tables: &Tables<'_>, before: &Head) -> Result<Head, StoreError> {
        let submission = self.submission.as_deref();
        let (action, outcome) = (&self.action, &self.outcome);
        let expected = link(tables, &before.link, self.row, self.at, submission, action, outcome, &self.detail);
        if expected != self.link || Some(self.row) != before.rows.checked_add(1) {
            return Err(damaged());
        }
        Ok(Head { rows: self.row, link: expected })
    }
}

fn walk(tables: &Tables<'_>, mut each: impl FnMut(Row) -> Result<(), StoreError>) -> Result<u64, StoreError> {
    let mut statement = tables.db.prepare(ROWS)?;
    let mut rows = statement.query([])?;
    let first = begin(tables)?;
    let mut last = first.clone();
    while let Some(found) = rows.next()? {
        let row = Row::read(found)?;
        last = row.after(tables, &last)?;
        each(row)?;
    }
    if head(tables.db, tables.vault)? != last {
        return Err(damaged());
    }
    u64::try_from(last.rows.saturating_sub(first.rows)).map_err(|_| damaged())
}

fn damaged() -> StoreError {
    StoreError::Damaged { what: "use log" }
}

#[expect(clippy::too_many_arguments, reason = "the columns of one row, in their order")]
fn link(
    tables: &Tables<'_>,
    before: &[u8],
    row: i64,
    at: i64,
    submission: Option<&str>,
    action: &str,
    outcome: &str,
    detail: &[u8],
) -> Vec<u8> {
    let (row, at) = (row.to_be_bytes(), at.to_be_bytes());
    let submission = submission.unwrap_or_default().as_bytes();
    tables.vault.link(&[before, &row, &at, submission, action.as_bytes(), outcome.as_bytes(), detail])
}
