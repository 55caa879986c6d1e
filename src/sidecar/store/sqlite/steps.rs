//! Changes of state: claim, launch, any other step, and recovery at start.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::accept::by_id;
use super::rows::{COLUMNS, millis, open, place, seal, submission};
use super::use_log::{Entry, append};
use super::{Tables, schema};
use crate::domain::submission::{Class, Event, State, advance};
use crate::sidecar::ports::Outbound;
use crate::sidecar::store::{Actor, Claimed, Step, StoreError, StoredEnvelope, Submission, SubmissionId};
use crate::sidecar::vault::Place;

/// What can be claimed: waiting for the worker, and no earlier version of the same document still open. A document's chain is
/// its organisation's own: another's guess at a `setId` delays nobody.
pub(super) const CLAIMABLE: &str = "s.due_at IS NOT NULL AND s.state IN ('queued', 'held', 'unknown') AND NOT EXISTS (
    SELECT 1 FROM submissions p WHERE p.set_id = s.set_id AND p.version < s.version
        AND p.organisation = s.organisation AND p.class = 'open')";

pub(super) fn claim(
    tables: &Tables<'_>,
    actor: &Actor,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<Claimed>, StoreError> {
    let due = due(tables, limit, now)?;
    due.into_iter().map(|found| claim_one(tables, found, actor, now)).collect()
}

fn due(tables: &Tables<'_>, limit: u32, now: Timestamp) -> Result<Vec<Submission>, StoreError> {
    let mut statement = tables.db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM submissions s WHERE {CLAIMABLE} AND s.due_at <= ?1 ORDER BY s.due_at, s.row LIMIT ?2"
    ))?;
    let mut rows = statement.query(params![millis(now), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(submission(tables, row)?);
    }
    Ok(found)
}

fn claim_one(tables: &Tables<'_>, found: Submission, actor: &Actor, now: Timestamp) -> Result<Claimed, StoreError> {
    let event = if found.state == State::Unknown { Event::Ask } else { Event::Claim };
    let submission = apply(tables, found, Step::plain(event, actor.clone()), now)?;
    let id = submission.id.as_str();
    let sealed: Vec<u8> =
        tables.db.prepare_cached("SELECT payload FROM submissions WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    let payload = tables.vault.open(place(id, "payload"), &sealed)?;
    let envelope = envelope(tables, id)?;
    let predecessor = predecessor(tables, &submission)?;
    Ok(Claimed { submission, payload, envelope, predecessor })
}

fn predecessor(tables: &Tables<'_>, of: &Submission) -> Result<Option<Class>, StoreError> {
    let Some(replaced) = &of.replaces else { return Ok(None) };
    let mut statement =
        tables.db.prepare_cached("SELECT class FROM submissions WHERE organisation = ?1 AND document = ?2")?;
    let found: Option<String> =
        statement.query_row([of.organisation.as_str(), replaced.as_str()], |row| row.get(0)).optional()?;
    let known = [Class::Open, Class::Archived, Class::Rejected, Class::HandedOver, Class::Abandoned];
    Ok(found.and_then(|name| known.into_iter().find(|c| c.as_str() == name)))
}

fn envelope(tables: &Tables<'_>, id: &str) -> Result<Option<StoredEnvelope>, StoreError> {
    let mut statement = tables
        .db
        .prepare_cached("SELECT soap_action, content_type, body, ground FROM envelopes WHERE submission = ?1")?;
    let row = statement
        .query_row([id], |row| {
            let (soap_action, content_type): (String, String) = (row.get(0)?, row.get(1)?);
            let (body, ground): (Vec<u8>, Vec<u8>) = (row.get(2)?, row.get(3)?);
            Ok((soap_action, content_type, body, ground))
        })
        .optional()?;
    let Some((soap_action, content_type, body, ground)) = row else { return Ok(None) };
    let body = tables.vault.open(envelope_place(id, "body"), &body)?;
    let (ground, case) = open(tables, envelope_place(id, "ground"), &ground)?;
    Ok(Some(StoredEnvelope { outbound: Outbound { soap_action, content_type, body }, ground, case }))
}

fn envelope_place<'a>(id: &'a str, column: &'static str) -> Place<'a> {
    Place { table: "envelopes", row: id, column }
}

/// Keeps the envelope and moves to `InFlight`. An envelope is kept once: what has been stored is what leaves, each time.
pub(super) fn launch(
    tables: &Tables<'_>,
    id: &SubmissionId,
    envelope: &StoredEnvelope,
    actor: &Actor,
    now: Timestamp,
) -> Result<Submission, StoreError> {
    let facts = json!({ "ground": envelope.ground, "case": envelope.case });
    let step = Step { event: Event::Launch, verdict: None, facts, actor: actor.clone() };
    let id = id.as_str();
    let moved = apply(tables, by_id(tables, id)?, step, now)?;
    let mut statement = tables.db.prepare_cached(
        "INSERT INTO envelopes (submission, sealed_at, soap_action, content_type, body, ground)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    statement.execute(params![
        id,
        millis(now),
        envelope.outbound.soap_action,
        envelope.outbound.content_type,
        tables.vault.seal(envelope_place(id, "body"), &envelope.outbound.body)?,
        seal(tables, envelope_place(id, "ground"), &(&envelope.ground, &envelope.case))?,
    ])?;
    Ok(moved)
}

pub(super) fn step(
    tables: &Tables<'_>,
    id: &SubmissionId,
    step: Step,
    now: Timestamp,
) -> Result<Submission, StoreError> {
    apply(tables, by_id(tables, id.as_str())?, step, now)
}

pub(super) fn recover(
    tables: &Tables<'_>,
    actor: &Actor,
    ask_at: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT id FROM submissions WHERE state IN ('claimed', 'in_flight', 'reconciling') ORDER BY row",
    )?;
    let ids = statement.query_map([], |row| row.get::<_, String>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut count = 0;
    for id in ids {
        apply(tables, by_id(tables, &id)?, Step::plain(Event::Recover { ask_at }, actor.clone()), now)?;
        count += 1;
    }
    Ok(count)
}

/// The one place where a state changes: the domain decides, the row and the use log follow.
fn apply(tables: &Tables<'_>, mut s: Submission, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
    let (name, counts) = (step.event.name(), matches!(step.event, Event::RetryLater { .. } | Event::LoseAnswer { .. }));
    let transition = advance(&s.state, step.event, now)?;
    s.state = transition.next;
    s.due_at = transition.due_at;
    s.updated_at = now;
    s.attempts = s.attempts.saturating_add(u32::from(counts));
    s.verdict = step.verdict.or(s.verdict);
    s.held_since = match &s.state {
        State::Held { .. } => s.held_since.or(Some(now)),
        // Released by a person: patience begins anew.
        State::Queued if name == "release" => None,
        _ => s.held_since,
    };
    s.change = schema::count_on(tables.db, "change")?.unsigned_abs();
    update(tables, &s)?;
    let entry = Entry {
        submission: Some(&s.id),
        action: name,
        outcome: s.state.name(),
        actor: &step.actor,
        facts: &step.facts,
    };
    append(tables, &entry, now)?;
    Ok(s)
}

fn update(tables: &Tables<'_>, s: &Submission) -> Result<(), StoreError> {
    let id = s.id.as_str();
    let verdict = s.verdict.as_ref().map(|v| seal(tables, place(id, "verdict"), v)).transpose()?;
    let mut statement = tables.db.prepare_cached(
        "UPDATE submissions SET state = ?2, class = ?3, detail = ?4, updated_at = ?5, due_at = ?6, attempts = ?7,
             held_since = ?8, change = ?9, verdict = ?10 WHERE id = ?1",
    )?;
    statement.execute(params![
        id,
        s.state.name(),
        s.state.class().as_str(),
        seal(tables, place(id, "detail"), &s.state)?,
        millis(s.updated_at),
        s.due_at.map(millis),
        s.attempts,
        s.held_since.map(millis),
        i64::try_from(s.change).unwrap_or(i64::MAX),
        verdict,
    ])?;
    Ok(())
}
