//! What a step makes of a submission: the part of a change of state that every store shares.
//!
//! Pure. The next state comes from the domain; this keeps what is told along with it: causes, patience, attempts, places in a
//! chain. Called by a store inside the transaction that keeps the result.

use jiff::Timestamp;

use super::{Step, Submission};
use crate::domain::document::header::DocumentIds;
use crate::domain::oid::Oid;
use crate::domain::submission::{Cause, Class, Event, IllegalTransition, Kind, State, advance};

/// Whether a step has its row in the use log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    Yes,
    /// It says nothing that the log does not say already.
    No,
}

/// The submission after a step.
pub(super) fn progress(
    mut s: Submission,
    step: &Step,
    change: u64,
    now: Timestamp,
) -> Result<(Submission, Told), IllegalTransition> {
    let name = step.event.name();
    let told = if says_nothing_new(&s, step) { Told::No } else { Told::Yes };
    // Its bytes are at the organiser's: its place stands, and it is no longer the caller's to take back.
    let settled = s.handed_over_at.is_some() && matches!(step.event, Event::TakePlace | Event::Withdraw { .. });
    let no_document = s.kind != Kind::Document && matches!(step.event, Event::HandOver { .. });
    // Whoever had it in hand has lost it to somebody else.
    let is_late = step.after.is_some_and(|after| after != s.change);
    if settled || no_document || is_late {
        return Err(IllegalTransition { state: s.state.name(), event: name });
    }
    let transition = advance(&s.state, step.event.clone(), now)?;
    if matches!(step.event, Event::HandOver { .. }) {
        s.handed_over_at.get_or_insert(now);
    }
    s.state = transition.next;
    s.due_at = transition.due_at;
    s.updated_at = now;
    s.attempts = match step.event {
        // Counted anew from the message, and from a person's decision, on.
        Event::Launch | Event::Release => 0,
        _ => s.attempts.saturating_add(u32::from(is_attempt(&step.event, now))),
    };
    s.verdict = step.verdict.clone().or(s.verdict);
    note_cause(&mut s, step.cause.clone(), name, now);
    s.damaged = None;
    s.change = change;
    Ok((s, told))
}

/// Whether it ended without a verdict. What was never begun goes back at once, and is none.
fn is_attempt(event: &Event, now: Timestamp) -> bool {
    match event {
        Event::RetryLater { .. } | Event::LoseAnswer { .. } => true,
        Event::Recover { again_at, .. } => *again_at > now,
        _ => false,
    }
}

/// Trying again what still does not succeed for the same cause, without having read or sent anything, uses no record: an outage
/// does not fill the log.
fn says_nothing_new(s: &Submission, step: &Step) -> bool {
    let Some(known) = &s.why else { return false };
    match step.event {
        Event::Claim => s.attempts > 0 && s.state == State::Queued,
        Event::Ask => s.attempts > 1,
        Event::RetryLater { .. } | Event::LoseAnswer { .. } | Event::Recover { .. } => {
            // That one stays, whatever follows.
            let stays = known.says_duplicate() && s.attempts > 1;
            let same = step.cause.as_ref().is_some_and(|cause| stays || cause.code == known.code);
            same && s.state != State::InFlight && step.facts.get("reads").is_none()
        }
        _ => false,
    }
}

fn note_cause(s: &mut Submission, cause: Option<Cause>, event: &str, now: Timestamp) {
    s.why = match &s.state {
        State::Held { why, .. } | State::Parked { why, .. } => Some(why.clone()),
        State::HandedOver { why, .. } => why.clone(),
        state if state.class() != Class::Open => None,
        // A question that nobody answered, a restart: it is still what the answer is judged by.
        State::Unknown | State::Reconciling
            if event != "release" && s.why.as_ref().is_some_and(Cause::says_duplicate) =>
        {
            s.why.take()
        }
        _ if matches!(event, "release" | "take_place" | "take_back" | "sign" | "launch") => None,
        _ => cause.or(s.why.take()),
    };
    match &s.state {
        // Another reason is waited for anew.
        State::Held { why, .. } if s.held_for.as_ref() != Some(&why.code) => {
            s.held_since = Some(now);
            s.held_for = Some(why.code.clone());
        }
        // Released by a person: patience begins anew.
        _ if matches!(event, "release" | "take_place" | "take_back") => {
            s.held_since = None;
            s.held_for = None;
        }
        _ => {}
    }
}

/// Where a document stands in its chain: what it replaces, and its original and number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChainPlace {
    pub(super) replaces: Option<Oid>,
    pub(super) set: Oid,
    pub(super) version: u32,
}

impl ChainPlace {
    /// The place of one that never arrived, for the document that was to replace it. The first place makes it an original.
    pub(super) fn of_missing(missing: &Submission, heir: &Oid) -> Self {
        match &missing.replaces {
            None => Self { replaces: None, set: heir.clone(), version: 1 },
            Some(replaced) => Self {
                replaces: Some(replaced.clone()),
                set: missing.document.set.clone(),
                version: missing.document.version,
            },
        }
    }

    /// The place after a document.
    pub(super) fn after(document: &DocumentIds) -> Self {
        Self {
            replaces: Some(document.document.clone()),
            set: document.set.clone(),
            version: document.version.saturating_add(1),
        }
    }
}

/// Whether a document of this class has not come to the archive from here and will not. What was handed over may still come.
pub(super) fn never_arrived(class: Class) -> bool {
    matches!(class, Class::Rejected | Class::Abandoned)
}
