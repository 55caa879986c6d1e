//! Submissions whose stored values cannot be read: each is set aside for a person, or put back for a while, and holds up no other.
//!
//! Goes by the plain columns alone where it must. What is wrong with a value is told in `fault`.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, params};
use serde_json::json;

use super::accept::by_id;
use super::fault::{Fault, NotRead, not_now};
use super::rows::millis;
use super::steps::apply;
use super::use_log::{Entry, append};
use super::{Tables, plain};
use crate::domain::submission::{Event, IllegalTransition, State};
use crate::sidecar::store::{Actor, Step, StoreError, Submission, SubmissionId};

/// How long what could not be read for want of something is left alone the first time; each time twice as long.
const READ_AGAIN_AFTER_MIN_S: i64 = 10;
/// And at most.
const READ_AGAIN_AFTER_MAX_S: i64 = 600;

/// Sets aside, or puts back, what a claim took up and could not read. What is put back is told in one line: there may be much of it.
pub(super) fn settle(
    tables: &Tables<'_>,
    not_read: &[(SubmissionId, NotRead)],
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Somebody may have ended it since it was claimed.
    let mut in_hand = tables
        .db
        .prepare_cached("SELECT row FROM submissions WHERE id = ?1 AND state IN ('claimed', 'reconciling')")?;
    let (mut put_back_count, mut last_error) = (0_u64, None);
    for (id, why) in not_read {
        let Some(row) = in_hand.query_row([id.as_str()], |row| row.get::<_, i64>(0)).optional()? else { continue };
        match why {
            NotRead::For(fault) => quarantine(tables, row, *fault, actor, now)?,
            NotRead::Now(error) => {
                put_back(tables, id, actor, now)?;
                put_back_count += 1;
                last_error = Some(error);
            }
        }
    }
    if let Some(error) = last_error {
        tracing::warn!(
            submissions = put_back_count,
            error,
            "stored files cannot be opened now; they are read again later"
        );
    }
    Ok(())
}

/// Sets a submission aside by its row number. Said once: it is not taken up again by itself.
pub(super) fn quarantine(
    tables: &Tables<'_>,
    row: i64,
    fault: Fault,
    actor: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let value = fault.name();
    let mut statement = tables.db.prepare_cached(
        "UPDATE submissions SET state = 'parked', class = 'open', due_at = NULL, damaged = ?2, updated_at = ?3, change = ?4
             WHERE row = ?1 RETURNING id",
    )?;
    let values = params![row, value, millis(now), tables.tally.next_change(tables.db)?];
    let id = statement.query_row(values, |row| {
        // It may be what is damaged.
        let id = row.get_ref(0)?.as_bytes().map(String::from_utf8_lossy).unwrap_or_default();
        Ok(id.parse::<SubmissionId>().map_err(|_| id.into_owned()))
    })?;
    let name = id.as_ref().map_or_else(String::as_str, SubmissionId::as_str);
    tracing::error!(submission = name, row, value, "a stored value cannot be read; the submission is parked");
    let facts = json!({ "column": value });
    let entry = Entry { submission: id.as_ref().ok(), action: "quarantine", outcome: "parked", actor, facts: &facts };
    append(tables, &entry, now)
}

/// A step of a submission with a value that cannot be read. While it is in hand it is set aside instead: whoever has it takes a
/// refusal for a sign that somebody else has moved it.
pub(super) fn step_of_damaged(
    tables: &Tables<'_>,
    id: &SubmissionId,
    what: &'static str,
    step: &Step,
    now: Timestamp,
) -> Result<Result<Submission, IllegalTransition>, StoreError> {
    let Some(row) = row_in_hand(tables, id.as_str())? else {
        return plain::give_up(tables, id, step, now).map(Ok);
    };
    quarantine(tables, row, Fault::damaged(what), &step.actor, now)?;
    let state = plain::by_id_or_plain(tables, id.as_str())?.state.name();
    Ok(Err(IllegalTransition { state, event: step.event.name() }))
}

/// Its row, while the worker has it.
pub(super) fn row_in_hand(tables: &Tables<'_>, id: &str) -> Result<Option<i64>, StoreError> {
    let mut in_hand = tables.db.prepare_cached(
        "SELECT row FROM submissions WHERE id = ?1 AND state IN ('claimed', 'in_flight', 'reconciling')",
    )?;
    Ok(in_hand.query_row([id], |row| row.get(0)).optional()?)
}

/// Puts a submission back for a while. Why it waits for the archive stays what is told: what comes next depends on that.
fn put_back(tables: &Tables<'_>, id: &SubmissionId, actor: &Actor, now: Timestamp) -> Result<(), StoreError> {
    let found = by_id(tables, id.as_str())?;
    let at = now.saturating_add(read_again_after(found.attempts)).unwrap_or(Timestamp::MAX);
    // Told under the cause that it had, an answer that is still awaited makes no row of the use log each time.
    let cause = if found.state == State::Reconciling { found.why.clone() } else { None };
    let recover = Step::plain(Event::Recover { again_at: at, ask_at: at }, actor.clone());
    let step = Step { cause: cause.or_else(|| Some(not_now())), ..recover };
    apply(tables, found, &step, now).map(drop)
}

/// After so many attempts without a verdict.
fn read_again_after(attempts: u32) -> SignedDuration {
    let doubled = READ_AGAIN_AFTER_MIN_S.saturating_mul(2_i64.saturating_pow(attempts));
    SignedDuration::from_secs(doubled.min(READ_AGAIN_AFTER_MAX_S))
}
