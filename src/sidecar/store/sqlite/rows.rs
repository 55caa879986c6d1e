//! Between rows and values: sealing and opening, names and numbers.

use jiff::Timestamp;
use rusqlite::Row;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Tables;
use super::fault::cause_of;
use super::plain::no_identifier;
use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Extent;
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Kind, State};
use crate::sidecar::store::{StoreError, Submission, SubmissionId};
use crate::sidecar::vault::{Place, Vault};

/// Whether row `p` goes before row `s`: an earlier version of the same chain, or an invalidation's turn in it. Ordered by version
/// and then by acceptance, so that no two wait for each other. A chain is its organisation's own: another's guess at a `setId`
/// delays nobody.
macro_rules! before {
    () => {
        "p.set_id = s.set_id AND p.organisation = s.organisation AND p.class = 'open' AND (p.version < s.version OR \
         (p.version = s.version AND p.row < s.row AND (p.kind <> 'document' OR s.kind <> 'document')))"
    };
}
pub(super) use before;

/// Whether row `p` is the document that row `s` replaces or invalidates, not settled.
macro_rules! concerned {
    () => {
        "p.document IN (s.replaces, s.target) AND p.organisation = s.organisation AND p.class = 'open'"
    };
}
pub(super) use concerned;

/// The columns that [`submission`] reads, in its order, of a table or alias `s`.
pub(super) const COLUMNS: &str = concat!(
    "s.id, s.organisation, s.unit, s.document, s.set_id, s.version, s.message_number, \
    s.replaces, s.structure, s.detail, s.accepted_at, s.updated_at, s.due_at, s.attempts, s.held_since, s.change, \
    s.warnings, s.verdict, s.state, s.run, s.waiting, s.damaged, \
    EXISTS (SELECT 1 FROM envelopes e WHERE e.submission = s.id), \
    COALESCE((SELECT COALESCE(p.target, p.document) FROM submissions p WHERE ",
    before!(),
    " ORDER BY p.version DESC, p.row DESC LIMIT 1), (SELECT p.document FROM submissions p WHERE ",
    concerned!(),
    ")), s.kind, s.target, s.handed_over_at, CASE WHEN s.handed_over_at IS NOT NULL THEN (SELECT i.id FROM submissions i \
        WHERE i.set_id = s.set_id AND i.organisation = s.organisation AND i.class = 'open' AND i.kind <> 'document' \
        AND (i.target = s.document OR i.kind = 'invalidation_of_all') ORDER BY i.row LIMIT 1) END"
);

/// What stands in a submission's way, and for how long, sealed in one column.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Waiting {
    pub(super) why: Option<Cause>,
    pub(super) held_for: Option<String>,
}

/// Seals a value as JSON.
pub(super) fn seal<T: Serialize>(tables: &Tables<'_>, place: Place<'_>, value: &T) -> Result<Vec<u8>, StoreError> {
    seal_with(tables.vault, place, value)
}

/// [`seal`], outside a transaction.
pub(super) fn seal_with<T: Serialize>(vault: &Vault, place: Place<'_>, value: &T) -> Result<Vec<u8>, StoreError> {
    let json = serde_json::to_vec(value).map_err(|_| StoreError::Damaged { what: place.column })?;
    Ok(vault.seal(place, &json)?)
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

/// A moment that tells of a time only: what lies beyond the calendar is its first or last one.
pub(super) fn nearest_moment(millis: i64) -> Timestamp {
    moment(millis).unwrap_or(if millis < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

fn optional_moment(millis: Option<i64>) -> Result<Option<Timestamp>, StoreError> {
    millis.map(moment).transpose()
}

fn oid(text: &str) -> Result<Oid, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: "identifier" })
}

fn submission_id(text: &str) -> Result<SubmissionId, StoreError> {
    text.parse().map_err(|_| StoreError::Damaged { what: "submission id" })
}

/// A kind's name in its column.
pub(super) fn kind_name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Document => "document",
        Kind::Invalidation { extent: Extent::ThisVersion, .. } => "invalidation",
        Kind::Invalidation { extent: Extent::AllVersions, .. } => "invalidation_of_all",
    }
}

fn kind(name: &str, target: Option<&str>) -> Result<Kind, StoreError> {
    match (name, target.map(oid).transpose()?) {
        ("document", None) => Ok(Kind::Document),
        ("invalidation", Some(target)) => Ok(Kind::Invalidation { target, extent: Extent::ThisVersion }),
        ("invalidation_of_all", Some(target)) => Ok(Kind::Invalidation { target, extent: Extent::AllVersions }),
        _ => Err(StoreError::Damaged { what: "kind" }),
    }
}

fn unsigned(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Damaged { what: "number" })
}

fn small(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|_| StoreError::Damaged { what: "number" })
}

/// Reads a row of [`COLUMNS`]. A sealed value that does not open harms its own submission only: the state is then told by the
/// plain columns, and what is only told along is left out.
pub(super) fn submission(tables: &Tables<'_>, row: &Row<'_>) -> Result<Submission, StoreError> {
    let text = |at: usize| row.get_ref(at).map_err(StoreError::from).and_then(|v| v.as_str().map_err(|_| no_text()));
    let some_text =
        |at: usize| row.get_ref(at).map_err(StoreError::from).and_then(|v| v.as_str_or_null().map_err(|_| no_text()));
    let some_oid = |at: usize| some_text(at).and_then(|text| text.map(oid).transpose());
    let number = |at: usize| row.get::<_, i64>(at).map_err(StoreError::from);
    let some_moment = |at: usize| row.get(at).map_err(StoreError::from).and_then(optional_moment);
    let blob = |at: usize| row.get::<_, Option<Vec<u8>>>(at).map_err(StoreError::from);
    let id = text(0)?;
    let waiting: Waiting = opened(tables, place(id, "waiting"), blob(20)?).unwrap_or_default();
    let mut damaged: Option<String> = row.get(21)?;
    let state = match opened(tables, place(id, "detail"), blob(9)?) {
        Some(state) if damaged.is_none() => state,
        _ => plain_state(text(18)?, damaged.get_or_insert_with(|| "detail".into()), row.get(22)?),
    };
    let why = match &state {
        State::Held { why, .. } | State::Parked { why, .. } => Some(why.clone()),
        State::HandedOver { why, .. } => why.clone(),
        _ => waiting.why,
    };
    Ok(Submission {
        id: in_column("id", submission_id(id))?,
        organisation: in_column("organisation", text(1).and_then(oid))?,
        unit: in_column("unit", text(2).and_then(oid))?,
        kind: in_column("kind", text(24).and_then(|name| kind(name, some_text(25)?)))?,
        has_envelope: row.get(22)?,
        document: DocumentIds {
            document: in_column("document", text(3).and_then(oid))?,
            set: in_column("set_id", text(4).and_then(oid))?,
            version: in_column("version", number(5).and_then(small))?,
        },
        message_number: in_column("message_number", text(6))?.to_owned(),
        replaces: in_column("replaces", some_oid(7))?,
        structure: in_column("structure", text(8).and_then(oid))?,
        state,
        accepted_at: in_column("accepted_at", number(10).and_then(moment))?,
        updated_at: in_column("updated_at", number(11).and_then(moment))?,
        due_at: in_column("due_at", some_moment(12))?,
        attempts: in_column("attempts", number(13).and_then(small))?,
        held_since: in_column("held_since", some_moment(14))?,
        held_for: waiting.held_for,
        why,
        // Another's document: what is damaged in its row is no fault of this one.
        waits_for: some_oid(23).unwrap_or_else(|_| Some(no_identifier())),
        handed_over_at: in_column("handed_over_at", some_moment(26))?,
        invalidated_by: some_text(27)?.map(submission_id).transpose()?,
        from_earlier_run: number(19)? != tables.serial.run(),
        damaged,
        change: in_column("change", number(15).and_then(unsigned))?,
        warnings: opened(tables, place(id, "warnings"), blob(16)?).unwrap_or_default(),
        verdict: opened(tables, place(id, "verdict"), blob(17)?),
    })
}

/// Names the column in which a value does not read.
fn in_column<T>(column: &'static str, read: Result<T, StoreError>) -> Result<T, StoreError> {
    read.map_err(|error| match error {
        StoreError::Damaged { .. } => StoreError::Damaged { what: column },
        other => other,
    })
}

fn no_text() -> StoreError {
    StoreError::Damaged { what: "text" }
}

/// The value, when there is one and it opens.
pub(super) fn opened<T: DeserializeOwned>(tables: &Tables<'_>, place: Place<'_>, sealed: Option<Vec<u8>>) -> Option<T> {
    open(tables, place, &sealed?).ok()
}

/// The state of a submission with a damaged value: a final one stays, any other is a person's to decide.
pub(super) fn plain_state(name: &str, column: &str, sent: bool) -> State {
    match name {
        "archived" => State::Archived,
        "rejected" => State::Rejected,
        "handed_over" => State::HandedOver { why: None, receipt: None },
        "abandoned" => State::Abandoned { by: String::new(), why: String::new() },
        _ => State::Parked { why: cause_of(column), sent },
    }
}
