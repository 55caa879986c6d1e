//! Between rows and values: sealing and opening, names and numbers.

use jiff::Timestamp;
use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Tables;
use crate::domain::document::header::DocumentIds;
use crate::domain::oid::Oid;
use crate::sidecar::store::{StoreError, Submission, SubmissionId};
use crate::sidecar::vault::Place;

/// The columns that [`submission`] reads, in its order, of a table or alias `s`.
pub(super) const COLUMNS: &str = "s.id, s.organisation, s.unit, s.document, s.set_id, s.version, s.message_number, \
    s.replaces, s.structure, s.detail, s.accepted_at, s.updated_at, s.due_at, s.attempts, s.held_since, s.change, \
    s.warnings, s.verdict";

/// Seals a value as JSON.
pub(super) fn seal<T: Serialize>(tables: &Tables<'_>, place: Place<'_>, value: &T) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(value).map_err(|_| StoreError::Damaged { what: place.column })?;
    Ok(tables.vault.seal(place, &json)?)
}

/// Opens a value sealed as JSON.
pub(super) fn open<T: DeserializeOwned>(tables: &Tables<'_>, place: Place<'_>, sealed: &[u8]) -> Result<T, StoreError> {
    let json = tables.vault.open(place, sealed).map_err(|_| StoreError::Damaged { what: place.column })?;
    serde_json::from_slice(&json).map_err(|_| StoreError::Damaged { what: place.column })
}

/// The place of a column of a submission.
pub(super) fn place<'a>(id: &'a str, column: &'static str) -> Place<'a> {
    Place { table: "submissions", row: id, column }
}

/// Milliseconds since 1970, as the tables have moments.
pub(super) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(super) fn moment(millis: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|_| StoreError::Damaged { what: "moment" })
}

fn optional_moment(millis: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    millis.map(moment).transpose()
}

fn oid(text: &str) -> Result<Oid, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: "identifier" })
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged { what: "number" })
}

fn small(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Damaged { what: "number" })
}

/// Reads a row of [`COLUMNS`].
pub(super) fn submission(tables: &Tables<'_>, row: &Row<'_>) -> Result<Submission, StoreError> {
    let text = |at: usize| {
        row.get_ref(at)
            .map_err(StoreError::from)
            .and_then(|v| v.as_str().map_err(|_| StoreError::Damaged { what: "text" }))
    };
    let id = text(0)?;
    let blob = |at: usize| row.get::<_, Vec<u8>>(at).map_err(StoreError::from);
    let verdict: Option<Vec<u8>> = row.get(17)?;
    Ok(Submission {
        id: id.parse::<SubmissionId>().map_err(|_| StoreError::Damaged { what: "submission id" })?,
        organisation: oid(text(1)?)?,
        unit: oid(text(2)?)?,
        document: DocumentIds { document: oid(text(3)?)?, set: oid(text(4)?)?, version: small(row.get(5)?)? },
        message_number: text(6)?.to_owned(),
        replaces: row.get::<_, Option<String>>(7)?.as_deref().map(oid).transpose()?,
        structure: oid(text(8)?)?,
        state: open(tables, place(id, "detail"), &blob(9)?)?,
        accepted_at: moment(row.get(10)?)?,
        updated_at: moment(row.get(11)?)?,
        due_at: optional_moment(row.get(12)?)?,
        attempts: small(row.get(13)?)?,
        held_since: optional_moment(row.get(14)?)?,
        change: unsigned(row.get(15)?)?,
        warnings: open(tables, place(id, "warnings"), &blob(16)?)?,
        verdict: verdict.map(|v| open(tables, place(id, "verdict"), &v)).transpose()?,
    })
}
