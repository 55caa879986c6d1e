//! The use log: who did what to which record, append-only, each row chained to the one before by a keyed digest.
//!
//! Whoever has the database file but not the key cannot change, drop or insert a row unseen. The head of the chain stands in
//! `meta`, so that rows cut off the end are missed too; putting the whole file back to an earlier state is not seen here.

use jiff::Timestamp;
use rusqlite::params;
use serde_json::{Value, json};

use super::Tables;
use super::rows::{millis, seal};
use super::tally::{Head, head};
use crate::sidecar::store::{Actor, StoreError, SubmissionId, Use};
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

/// Follows the chain from the first row to its head.
pub(super) fn verify(tables: &Tables<'_>) -> Result<u64, StoreError> {
    let damaged = || StoreError::Damaged { what: "use log" };
    let mut statement =
        tables.db.prepare("SELECT row, at, submission, action, outcome, detail, link FROM use_log ORDER BY row")?;
    let mut rows = statement.query([])?;
    let (mut before, mut count) = (Vec::new(), 0i64);
    while let Some(found) = rows.next()? {
        let row: i64 = found.get(0)?;
        let submission: Option<String> = found.get(2)?;
        let (action, outcome): (String, String) = (found.get(3)?, found.get(4)?);
        let (detail, stored): (Vec<u8>, Vec<u8>) = (found.get(5)?, found.get(6)?);
        let expected = link(tables, &before, row, found.get(1)?, submission.as_deref(), &action, &outcome, &detail);
        count += 1;
        if expected != stored || row != count {
            return Err(damaged());
        }
        before = stored;
    }
    let head = head(tables.db)?;
    if head.rows != count || head.link != before {
        return Err(damaged());
    }
    u64::try_from(count).map_err(|_| damaged())
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
