//! Submissions with a plain column that does not read: told by what does, and given up by it.
//!
//! For lists, for what stands in the same chain, and for a person's last word only. Whatever is to leave is read by `rows`, which
//! takes nothing for granted.

use jiff::Timestamp;
use rusqlite::types::ValueRef;
use rusqlite::{Row, params};

use super::Tables;
use super::accept::by_id;
use super::fault::cause_of;
use super::rows::{COLUMNS, millis, moment, opened, place, plain_state, seal, submission};
use super::use_log::{Entry, append};
use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Extent;
use crate::domain::oid::Oid;
use crate::domain::submission::{Class, Event, IllegalTransition, Kind, State, advance};
use crate::sidecar::store::{Step, StoreError, Submission, SubmissionId};

/// Stands for an identifier that cannot be read; nothing bears it.
pub(super) fn no_identifier() -> Oid {
    Oid::fixed("0.0")
}

/// The submission of a row of [`COLUMNS`]; one with a column that does not read is marked as damaged, with 0.0 for an identifier, 1970
/// for a moment and 0 for a number that cannot be read.
///
/// # Errors
/// [`StoreError::Damaged`] where not even its id can be read.
pub(super) fn submission_or_plain(tables: &Tables<'_>, row: &Row<'_>) -> Result<Submission, StoreError> {
    match submission(tables, row) {
        Err(StoreError::Damaged { what }) => plain(tables, row, what),
        other => other,
    }
}

/// [`submission_or_plain`] of this id, which must be there.
pub(super) fn by_id_or_plain(tables: &Tables<'_>, id: &str) -> Result<Submission, StoreError> {
    let mut statement = tables.db.prepare_cached(&format!("SELECT {COLUMNS} FROM submissions s WHERE s.id = ?1"))?;
    let mut rows = statement.query([id])?;
    rows.next()?.map_or(Err(StoreError::NotFound), |row| submission_or_plain(tables, row))
}

/// The submission with this id for what stands in its chain: what became of it, its place and its unit do read, whatever else does
/// not.
///
/// # Errors
/// [`StoreError::Damaged`] where one of those does not.
pub(super) fn in_chain(tables: &Tables<'_>, id: &str) -> Result<Submission, StoreError> {
    let what = match by_id(tables, id) {
        Err(StoreError::Damaged { what }) => what,
        found => return found,
    };
    let found = by_id_or_plain(tables, id)?;
    let mut statement = tables.db.prepare_cached("SELECT 1 FROM submissions WHERE id = ?1 AND class = ?2")?;
    let class_reads = statement.exists([id, found.state.class().as_str()])?;
    if class_reads && place_reads(&found) { Ok(found) } else { Err(StoreError::Damaged { what }) }
}

/// Whether nothing stands for a part of its place that does not read.
fn place_reads(of: &Submission) -> bool {
    let replaced = of.replaces.as_ref();
    let identifiers = [&of.organisation, &of.unit, &of.document.document, &of.document.set].into_iter().chain(replaced);
    let is_told = |identifier: &Oid| *identifier != no_identifier();
    identifiers.into_iter().all(is_told) && of.document.version > 0 && of.handed_over_at != Some(Timestamp::UNIX_EPOCH)
}

fn plain(tables: &Tables<'_>, row: &Row<'_>, what: &'static str) -> Result<Submission, StoreError> {
    let text = |at: usize| row.get_ref(at).ok().and_then(|value| value.as_str().ok());
    let number = |at: usize| row.get_ref(at).ok().and_then(|value| value.as_i64().ok());
    let blob = |at: usize| row.get_ref(at).ok().and_then(|value| value.as_blob().ok()).map(<[u8]>::to_vec);
    let is_given = |at: usize| row.get_ref(at).is_ok_and(|value| value != ValueRef::Null);
    let some_oid =
        |at: usize| is_given(at).then(|| text(at).and_then(|text| text.parse().ok()).unwrap_or_else(no_identifier));
    let oid = |at: usize| some_oid(at).unwrap_or_else(no_identifier);
    let some_moment = |at: usize| {
        is_given(at).then(|| number(at).and_then(|millis| moment(millis).ok()).unwrap_or(Timestamp::UNIX_EPOCH))
    };
    let at = |at: usize| some_moment(at).unwrap_or(Timestamp::UNIX_EPOCH);
    let small = |at: usize| number(at).and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let id: SubmissionId = text(0).and_then(|id| id.parse().ok()).ok_or(StoreError::Damaged { what })?;
    let has_envelope = number(22) != Some(0);
    let damaged = text(21).unwrap_or(what).to_owned();
    let name = text(18).unwrap_or_default();
    let state = match opened::<State>(tables, place(id.as_str(), "detail"), blob(9)) {
        Some(told) if told.class() != Class::Open && told.name() == name => told,
        _ => plain_state(name, &damaged, has_envelope),
    };
    Ok(Submission {
        organisation: oid(1),
        unit: oid(2),
        kind: plain_kind(text(24), some_oid(25)),
        document: DocumentIds { document: oid(3), set: oid(4), version: small(5) },
        has_envelope,
        message_number: text(6).unwrap_or_default().to_owned(),
        replaces: some_oid(7),
        structure: oid(8),
        accepted_at: at(10),
        updated_at: at(11),
        due_at: some_moment(12),
        attempts: small(13),
        held_since: some_moment(14),
        held_for: None,
        why: (state.class() == Class::Open).then(|| cause_of(&damaged)),
        state,
        waits_for: some_oid(23),
        handed_over_at: some_moment(26),
        invalidated_by: text(27).and_then(|id| id.parse().ok()),
        from_earlier_run: number(19) != Some(tables.serial.run()),
        damaged: Some(damaged),
        change: number(15).and_then(|number| u64::try_from(number).ok()).unwrap_or_default(),
        warnings: opened(tables, place(id.as_str(), "warnings"), blob(16)).unwrap_or_default(),
        verdict: opened(tables, place(id.as_str(), "verdict"), blob(17)),
        id,
    })
}

fn plain_kind(name: Option<&str>, target: Option<Oid>) -> Kind {
    let extent = match name {
        Some("invalidation") => Extent::ThisVersion,
        Some("invalidation_of_all") => Extent::AllVersions,
        _ => return Kind::Document,
    };
    Kind::Invalidation { target: target.unwrap_or_else(no_identifier), extent }
}

/// A person gives up what cannot be read whole and is in nobody's hand. Nothing else happens to it, and no column is written over but those of its state.
pub(super) fn give_up(
    tables: &Tables<'_>,
    id: &SubmissionId,
    step: &Step,
    now: Timestamp,
) -> Result<Submission, StoreError> {
    let found = by_id_or_plain(tables, id.as_str())?;
    let illegal = IllegalTransition { state: found.state.name(), event: step.event.name() };
    let is_late = step.after.is_some_and(|after| after != found.change);
    if is_late || !matches!(step.event, Event::Abandon { .. }) {
        return Err(illegal.into());
    }
    let next = advance(&found.state, step.event.clone(), now)?.next;
    let mut statement = tables.db.prepare_cached(
        "UPDATE submissions SET state = ?2, class = ?3, detail = ?4, updated_at = ?5, finished_at = ?5, change = ?6,
             due_at = NULL, damaged = NULL WHERE id = ?1",
    )?;
    statement.execute(params![
        id.as_str(),
        next.name(),
        next.class().as_str(),
        seal(tables, place(id.as_str(), "detail"), &next)?,
        millis(now),
        tables.tally.next_change(tables.db)?,
    ])?;
    tables.room.loosen();
    let entry = Entry {
        submission: Some(id),
        action: step.event.name(),
        outcome: next.name(),
        actor: &step.actor,
        facts: &step.facts,
    };
    append(tables, &entry, now)?;
    by_id_or_plain(tables, id.as_str())
}
