//! Changes of state: claim, launch, any other step, and recovery at start.

use jiff::Timestamp;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::accept::{by_id, by_row};
use super::bodies::{self, Part, Sealed};
use super::fault::{Fault, NotRead};
use super::rows::{Waiting, before, concerned, millis, open, place, seal};
use super::set_aside::{quarantine, row_in_hand, step_of_damaged};
use super::use_log::{Entry, append};
use super::{Tables, chain};
use crate::domain::submission::{Class, Event, IllegalTransition, State};
use crate::sidecar::ports::Outbound;
use crate::sidecar::store::progress::{Told, progress};
use crate::sidecar::store::{
    Actor, Claimed, Predecessor, PredecessorRecord, SignedPlace, Step, StoreError, StoredEnvelope, Submission,
    SubmissionId, Whose,
};
use crate::sidecar::vault::Place;

/// What can be claimed of one organisation, by its dues: waiting for the worker, nothing open before it in its document's chain, nor
/// the document that it replaces or invalidates. Value: the organisation.
pub(super) const CLAIMABLE: &str = concat!(
    "submissions s INDEXED BY submissions_due
    WHERE s.organisation = ?1 AND s.due_at IS NOT NULL AND s.state IN ('queued', 'held', 'unknown')
    AND NOT EXISTS (SELECT 1 FROM submissions p WHERE ",
    before!(),
    ") AND NOT EXISTS (SELECT 1 FROM submissions p WHERE ",
    concerned!(),
    ")"
);

/// Each organisation that has something due at some time: a step in the index for each, however much waits.
const WAITING: &str = "WITH RECURSIVE waiting (organisation) AS (
        SELECT min(organisation) FROM submissions INDEXED BY submissions_due WHERE due_at IS NOT NULL
    UNION ALL
        SELECT (SELECT min(s.organisation) FROM submissions s INDEXED BY submissions_due
            WHERE s.due_at IS NOT NULL AND s.organisation > waiting.organisation)
        FROM waiting WHERE waiting.organisation IS NOT NULL)
    SELECT organisation FROM waiting WHERE organisation IS NOT NULL";

/// Takes up what is due. Bodies are not looked at.
pub(super) fn claim(
    tables: &Tables<'_>,
    actor: &Actor,
    whose: &Whose,
    limit: u32,
    now: Timestamp,
) -> Result<Vec<Submission>, StoreError> {
    let mut claimed = Vec::new();
    for row in due(tables, whose, limit, now)? {
        if let Some(found) = readable(tables, row, actor, now)? {
            claimed.push(claim_one(tables, found, actor, now)?);
        }
    }
    Ok(claimed)
}

/// A submission by its row; one with a value that cannot be read is set aside.
fn readable(tables: &Tables<'_>, row: i64, actor: &Actor, now: Timestamp) -> Result<Option<Submission>, StoreError> {
    let what = match by_row(tables, row) {
        Ok(found) if found.damaged.is_none() => return Ok(Some(found)),
        Ok(_) => "detail",
        Err(StoreError::Damaged { what }) => what,
        Err(error) => return Err(error),
    };
    quarantine(tables, row, Fault::damaged(what), actor, now)?;
    Ok(None)
}

/// Row numbers of what is due. Not ids: of what is damaged the id may be.
fn due(tables: &Tables<'_>, whose: &Whose, limit: u32, now: Timestamp) -> Result<Vec<i64>, StoreError> {
    let mut found: Vec<(i64, i64)> = Vec::new();
    for organisation in waiting(tables, whose)? {
        let mut statement = tables.db.prepare_cached(&format!(
            "SELECT s.due_at, s.row FROM {CLAIMABLE} AND s.due_at <= ?2 ORDER BY s.due_at, s.row LIMIT ?3"
        ))?;
        let rows =
            statement.query_map(params![organisation, millis(now), limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            found.push(row?);
        }
    }
    found.sort();
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(found.into_iter().map(|(_, row)| row).collect())
}

/// Those of these organisations that have something due at some time.
pub(super) fn waiting(tables: &Tables<'_>, whose: &Whose) -> Result<Vec<Owner>, StoreError> {
    let others = match whose {
        Whose::Only(one) => return Ok(vec![Owner(one.as_str().into())]),
        Whose::AllBut(others) => others,
    };
    let (mut statement, mut all) = (tables.db.prepare_cached(WAITING)?, Vec::new());
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let owner = Owner(row.get_ref(0)?.as_bytes().unwrap_or_default().to_vec());
        if !others.iter().any(|other| other.as_str().as_bytes() == owner.0) {
            all.push(owner);
        }
    }
    Ok(all)
}

/// An organisation as the tables have it; of what is damaged it may be no text at all.
pub(super) struct Owner(Vec<u8>);

impl ToSql for Owner {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(ValueRef::Text(&self.0)))
    }
}

/// Nothing waits longer than until `latest`.
pub(super) fn pull_forward(tables: &Tables<'_>, latest: Timestamp) -> Result<u64, StoreError> {
    let mut count = 0;
    for organisation in waiting(tables, &Whose::EVERYONES)? {
        let mut statement = tables.db.prepare_cached(
            "UPDATE submissions INDEXED BY submissions_due SET due_at = ?1 WHERE organisation = ?2 AND due_at > ?1",
        )?;
        count += u64::try_from(statement.execute(params![millis(latest), organisation])?).unwrap_or(u64::MAX);
    }
    Ok(count)
}

/// What a claim took up and could not read.
type AllNotRead = Vec<(SubmissionId, NotRead)>;

/// All that a claim hands out, and what of it could not be read, which holds up its own submission only.
pub(super) fn read_whole(
    tables: &Tables<'_>,
    taken: Vec<Submission>,
) -> Result<(Vec<Claimed>, AllNotRead), StoreError> {
    let (mut claimed, mut not_read) = (Vec::new(), Vec::new());
    for submission in taken {
        match whole(tables, &submission) {
            Ok((payload, envelope, predecessor, handed_over)) => {
                claimed.push(Claimed { submission, payload, envelope, predecessor, handed_over });
            }
            Err(error) => not_read.push((submission.id, NotRead::of(error)?)),
        }
    }
    Ok((claimed, not_read))
}

/// All of one submission, as a claim would hand it out.
pub(super) fn read_one(tables: &Tables<'_>, id: &SubmissionId) -> Result<Claimed, StoreError> {
    let submission = by_id(tables, id.as_str())?;
    if submission.damaged.is_some() {
        return Err(StoreError::Damaged { what: "detail" });
    }
    if is_purged(tables, &submission)? {
        return Err(StoreError::Purged);
    }
    let (payload, envelope, predecessor, handed_over) = whole(tables, &submission)?;
    Ok(Claimed { submission, payload, envelope, predecessor, handed_over })
}

type Whole = (Vec<u8>, Option<StoredEnvelope>, Option<Predecessor>, Option<Vec<u8>>);

fn whole(tables: &Tables<'_>, of: &Submission) -> Result<Whole, StoreError> {
    let id = of.id.as_str();
    let handed_over = match of.handed_over_at {
        None => None,
        Some(_) => Some(bodies::open(tables, id, Part::Document)?.ok_or(StoreError::Damaged { what: "document" })?),
    };
    Ok((payload(tables, id)?, envelope(tables, id)?, predecessor(tables, of)?, handed_over))
}

fn payload(tables: &Tables<'_>, id: &str) -> Result<Vec<u8>, StoreError> {
    bodies::open(tables, id, Part::Payload)?.ok_or(StoreError::Damaged { what: "payload" })
}

fn claim_one(tables: &Tables<'_>, found: Submission, actor: &Actor, now: Timestamp) -> Result<Submission, StoreError> {
    let event = if found.state == State::Unknown { Event::Ask } else { Event::Claim };
    apply(tables, found, &Step::plain(event, actor.clone()), now)
}

fn predecessor(tables: &Tables<'_>, of: &Submission) -> Result<Option<Predecessor>, StoreError> {
    let concerned = of.kind.target().or(of.replaces.as_ref());
    let found = chain::submission_of(tables, &of.organisation, concerned).map_err(|error| match error {
        StoreError::Damaged { .. } => StoreError::Damaged { what: "predecessor" },
        other => other,
    });
    let Some(submission) = found? else { return Ok(None) };
    let id = submission.id.as_str();
    Ok(Some(Predecessor {
        class: submission.state.class(),
        was_handed_over: submission.handed_over_at.is_some(),
        record: match bodies::open(tables, id, Part::Payload) {
            Ok(Some(record)) => PredecessorRecord::Kept(record),
            Ok(None) if is_purged(tables, &submission)? => PredecessorRecord::Purged,
            Ok(None) | Err(StoreError::Damaged { .. }) => PredecessorRecord::Damaged,
            // It may be had again: what it is to be compared with waits for that.
            Err(StoreError::Unreadable { source, .. }) => {
                return Err(StoreError::Unreadable { what: "predecessor", source });
            }
            Err(error) => return Err(error),
        },
        document: submission.document,
        unit: submission.unit,
    }))
}

fn envelope(tables: &Tables<'_>, id: &str) -> Result<Option<StoredEnvelope>, StoreError> {
    let mut statement =
        tables.db.prepare_cached("SELECT soap_action, content_type, ground FROM envelopes WHERE submission = ?1")?;
    let row = statement
        .query_row([id], |row| {
            let (soap_action, content_type): (String, String) = (row.get(0)?, row.get(1)?);
            Ok((soap_action, content_type, row.get::<_, Vec<u8>>(2)?))
        })
        .optional()?;
    let Some((soap_action, content_type, ground)) = row else { return Ok(None) };
    let body = bodies::open(tables, id, Part::Envelope)?.ok_or(StoreError::Damaged { what: "envelope" })?;
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
    (envelope, body): (&StoredEnvelope, &Sealed),
    step: Step,
    now: Timestamp,
) -> Result<Submission, StoreError> {
    let facts = json!({ "ground": envelope.ground, "case": envelope.case, "reads": step.facts });
    let id = id.as_str();
    let moved = apply(tables, sound(tables, id)?, &Step { facts, ..step }, now)?;
    let mut statement = tables.db.prepare_cached(
        "INSERT INTO envelopes (submission, sealed_at, soap_action, content_type, ground) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute(params![
        id,
        millis(now),
        envelope.outbound.soap_action,
        envelope.outbound.content_type,
        seal(tables, envelope_place(id, "ground"), &(&envelope.ground, &envelope.case))?,
    ])?;
    bodies::insert(tables, hold(tables, id, body)?, Part::Envelope, body)?;
    Ok(moved)
}

/// Counts a body to its submission; answers with the row's number.
fn hold(tables: &Tables<'_>, id: &str, body: &Sealed) -> Result<i64, StoreError> {
    let mut statement =
        tables.db.prepare_cached("UPDATE submissions SET held_bytes = held_bytes + ?2 WHERE id = ?1 RETURNING row")?;
    let held = params![id, i64::try_from(body.bytes()).unwrap_or(i64::MAX)];
    Ok(statement.query_row(held, |row| row.get(0))?)
}

/// Keeps package and document and moves to `HandedOver`. A document is kept once: of one that was handed over before, only the
/// package is new.
pub(super) fn hand_over(
    tables: &Tables<'_>,
    id: &SubmissionId,
    (package, document): &(Sealed, Sealed),
    place: &SignedPlace,
    step: &Step,
    now: Timestamp,
) -> Result<Submission, StoreError> {
    let (id, found) = (id.as_str(), sound(tables, id.as_str())?);
    if SignedPlace::of(&found) != *place {
        return Err(StoreError::Moved);
    }
    let again = found.handed_over_at.is_some();
    let moved = apply(tables, found, step, now)?;
    if again {
        bodies::remove_package(tables, id)?;
    } else {
        bodies::insert(tables, hold(tables, id, document)?, Part::Document, document)?;
    }
    bodies::insert(tables, hold(tables, id, package)?, Part::Package, package)?;
    Ok(moved)
}

/// The inner refusal is a step that was not taken and a change that stands all the same: an error would take it back.
pub(super) fn step(
    tables: &Tables<'_>,
    id: &SubmissionId,
    step: Step,
    now: Timestamp,
) -> Result<Result<Submission, IllegalTransition>, StoreError> {
    match sound(tables, id.as_str()) {
        Err(StoreError::Damaged { what }) => step_of_damaged(tables, id, what, &step, now),
        found => step_of(tables, found?, &step, now).map(Ok),
    }
}

/// The submission with this id. One that is in hand and of which only the plain columns tell that, is not sound.
fn sound(tables: &Tables<'_>, id: &str) -> Result<Submission, StoreError> {
    let found = by_id(tables, id)?;
    if found.damaged.is_some() && row_in_hand(tables, id)?.is_some() {
        return Err(StoreError::Damaged { what: "detail" });
    }
    Ok(found)
}

fn step_of(tables: &Tables<'_>, found: Submission, step: &Step, now: Timestamp) -> Result<Submission, StoreError> {
    if matches!(step.event, Event::HandOver { .. }) {
        return Err(IllegalTransition { state: found.state.name(), event: step.event.name() }.into());
    }
    if step.event == Event::TakeBack {
        may_come_back(tables, &found)?;
    }
    let found = if step.event == Event::TakePlace { chain::take_place(tables, found)? } else { found };
    apply(tables, found, step, now)
}

/// Nothing comes back that is to count no longer, or of which nothing is kept.
fn may_come_back(tables: &Tables<'_>, of: &Submission) -> Result<(), StoreError> {
    if let Some(by) = of.invalidated_by.clone() {
        return Err(StoreError::InvalidationOpen { by });
    }
    if is_purged(tables, of)? { Err(StoreError::Purged) } else { Ok(()) }
}

/// Whether retention has taken its bodies. What it never takes has lost them another way.
fn is_purged(tables: &Tables<'_>, of: &Submission) -> Result<bool, StoreError> {
    let may_be = of.state.class() != Class::Open && !of.state.awaits_receipt();
    Ok(may_be && !bodies::has_any(tables, of.id.as_str())?)
}

pub(super) fn recover(
    tables: &Tables<'_>,
    running: &[SubmissionId],
    actor: &Actor,
    ask_at: Timestamp,
    now: Timestamp,
) -> Result<u64, StoreError> {
    let mut statement = tables.db.prepare_cached(
        "SELECT row, id FROM submissions WHERE state IN ('claimed', 'in_flight', 'reconciling') ORDER BY row",
    )?;
    let (mut rows, mut left) = (statement.query([])?, Vec::new());
    while let Some(row) = rows.next()? {
        let id = row.get_ref(1)?;
        if !running.iter().any(|one| id.as_bytes().is_ok_and(|id| id == one.as_str().as_bytes())) {
            left.push(row.get::<_, i64>(0)?);
        }
    }
    let mut count = 0;
    for row in left {
        if let Some(found) = readable(tables, row, actor, now)? {
            apply(tables, found, &Step::plain(Event::Recover { again_at: now, ask_at }, actor.clone()), now)?;
            count += 1;
        }
    }
    Ok(count)
}

/// The one place where a state changes: the domain decides, the row and the use log follow.
pub(super) fn apply(tables: &Tables<'_>, s: Submission, step: &Step, now: Timestamp) -> Result<Submission, StoreError> {
    let change = tables.tally.next_change(tables.db)?.unsigned_abs();
    let (s, told) = progress(s, step, change, now)?;
    update(tables, &s)?;
    if told == Told::Yes {
        let entry = Entry {
            submission: Some(&s.id),
            action: step.event.name(),
            outcome: s.state.name(),
            actor: &step.actor,
            facts: &step.facts,
        };
        append(tables, &entry, now)?;
    }
    Ok(s)
}

fn update(tables: &Tables<'_>, s: &Submission) -> Result<(), StoreError> {
    let id = s.id.as_str();
    let verdict = s.verdict.as_ref().map(|v| seal(tables, place(id, "verdict"), v)).transpose()?;
    let settled = s.state.class() != Class::Open;
    // Until the organiser has confirmed it, what was handed over is not done with, and retention does not see it.
    let finished = settled && !s.state.awaits_receipt();
    let waiting = Waiting { why: s.why.clone(), held_for: s.held_for.clone() };
    let mut statement = tables.db.prepare_cached(
        "UPDATE submissions SET state = ?2, class = ?3, detail = ?4, updated_at = ?5, due_at = ?6, attempts = ?7,
             held_since = ?8, change = ?9, verdict = ?10, waiting = ?11, finished_at = ?12, handed_over_at = ?13,
             damaged = NULL WHERE id = ?1",
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
        seal(tables, place(id, "waiting"), &waiting)?,
        finished.then_some(millis(s.updated_at)),
        s.handed_over_at.map(millis),
    ])?;
    if settled {
        tables.room.loosen();
    }
    Ok(())
}
