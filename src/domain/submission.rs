//! The states of a submission and the one function that moves between them.
//!
//! Knows nothing of stores, clocks or the network: the outbox stores what [`advance`] answers, and the worker decides which
//! event has happened. Always: accepted = archived + rejected + handed over + abandoned + open.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::document::invalidation::Extent;
use super::oid::Oid;
use super::text::Text;

/// What a submission asks of the archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// That it stores a document.
    Document,
    /// That a document no longer counts.
    Invalidation {
        /// The version that it was asked for.
        target: Oid,
        /// That version, or all.
        extent: Extent,
    },
}

impl Kind {
    /// The name in the API.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Document => "document",
            Self::Invalidation { .. } => "invalidation",
        }
    }

    /// The version that is to count no longer.
    pub fn target(&self) -> Option<&Oid> {
        match self {
            Self::Document => None,
            Self::Invalidation { target, .. } => Some(target),
        }
    }
}

/// Why a submission waits or was stopped: a stable name for programs, a sentence for people, nothing of any person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Stable, dotted: `access.not_started`.
    pub code: String,
    /// The sentence.
    pub message: Text,
    /// The cases that a person chooses from, when that is what it waits for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<CaseChoice>,
}

/// A case that a record may belong to, with what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CaseChoice {
    /// The case.
    pub case: Oid,
    /// What speaks for it.
    pub reasons: Vec<Cause>,
}

impl Cause {
    /// The same cause, with the cases that a person chooses from.
    #[must_use]
    pub fn with_candidates(self, candidates: Vec<CaseChoice>) -> Self {
        Self { candidates, ..self }
    }

    /// Whether the archive has refused something as a duplicate, which is not final.
    pub fn says_duplicate(&self) -> bool {
        self.code == REFUSED_AS_DUPLICATE
    }

    /// A cause by its name and sentence.
    pub fn new(code: impl Into<String>, message: Text) -> Self {
        Self { code: code.into(), message, candidates: Vec::new() }
    }
}

/// What has become of a submission so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum State {
    /// Durably accepted; waits for the worker.
    Queued,
    /// Waits for a professional's signature.
    AwaitingSignature,
    /// The worker prepares it; nothing has left.
    Claimed,
    /// Its envelope is stored and may have left.
    InFlight,
    /// The archive has it. Final.
    Archived,
    /// The archive said no. Final; never retried by itself.
    Rejected,
    /// It may have arrived: nothing is sent before the archive has been asked.
    Unknown,
    /// The archive is being asked whether it has the document.
    Reconciling,
    /// Not possible now, may become so by itself.
    Held {
        /// When it becomes possible, where that is known.
        until: Option<Timestamp>,
        /// What it waits for.
        why: Cause,
    },
    /// A person decides.
    Parked {
        /// What about.
        why: Cause,
        /// Whether it may have reached the archive: then it is asked for before anything else, also once released.
        #[serde(default)]
        sent: bool,
    },
    /// It goes to the organiser another way, the archive being no option. Left only by being taken back.
    HandedOver {
        /// What stood in the way of the archive.
        #[serde(default)]
        why: Option<Cause>,
        /// The organiser's word that it has come.
        #[serde(default)]
        receipt: Option<Receipt>,
    },
    /// Given up. Final.
    Abandoned {
        /// Who gave it up: a role or system, see [`Event::Withdraw`].
        by: String,
        /// In whose words.
        why: String,
    },
}

/// The organiser's confirmation of what was handed over, as an operator entered it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who entered it: a role or a name.
    pub by: String,
    /// The organiser's own reference.
    pub reference: String,
    /// When it was entered.
    pub at: Timestamp,
}

/// The part of the whole that a submission counts in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Something is still to happen.
    Open,
    /// In the archive.
    Archived,
    /// Refused by the archive.
    Rejected,
    /// Gone to the organiser another way.
    HandedOver,
    /// Given up.
    Abandoned,
}

impl Class {
    /// The name in the API, the store and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Archived => "archived",
            Self::Rejected => "rejected",
            Self::HandedOver => "handed_over",
            Self::Abandoned => "abandoned",
        }
    }
}

impl State {
    /// Every state's name, in the order of a submission's life.
    pub const NAMES: [&'static str; 12] = [
        "queued",
        "awaiting_signature",
        "claimed",
        "in_flight",
        "unknown",
        "reconciling",
        "held",
        "parked",
        "archived",
        "rejected",
        "handed_over",
        "abandoned",
    ];

    /// The name in the API, the store and metrics.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::AwaitingSignature => "awaiting_signature",
            Self::Claimed => "claimed",
            Self::InFlight => "in_flight",
            Self::Archived => "archived",
            Self::Rejected => "rejected",
            Self::Unknown => "unknown",
            Self::Reconciling => "reconciling",
            Self::Held { .. } => "held",
            Self::Parked { .. } => "parked",
            Self::HandedOver { .. } => "handed_over",
            Self::Abandoned { .. } => "abandoned",
        }
    }

    /// Whether it was handed over and the organiser has not confirmed it.
    pub fn awaits_receipt(&self) -> bool {
        matches!(self, Self::HandedOver { receipt: None, .. })
    }

    /// Where it counts.
    pub fn class(&self) -> Class {
        match self {
            Self::Archived => Class::Archived,
            Self::Rejected => Class::Rejected,
            Self::HandedOver { .. } => Class::HandedOver,
            Self::Abandoned { .. } => Class::Abandoned,
            Self::Queued
            | Self::AwaitingSignature
            | Self::Claimed
            | Self::InFlight
            | Self::Unknown
            | Self::Reconciling
            | Self::Held { .. }
            | Self::Parked { .. } => Class::Open,
        }
    }
}

/// What has happened to a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The worker takes it up to prepare it.
    Claim,
    /// A professional must sign it first.
    NeedSignature,
    /// The professional's signature has come.
    Sign,
    /// Preparing did not succeed for a passing reason; nothing has left.
    RetryLater {
        /// When to try again.
        at: Timestamp,
    },
    /// It is not possible now.
    Hold {
        /// When it becomes possible, where that is known.
        until: Option<Timestamp>,
        /// When to decide again on newer evidence; `until` counts where it comes first.
        recheck_at: Timestamp,
        /// What it waits for.
        why: Cause,
    },
    /// A person must decide.
    Park {
        /// What about.
        why: Cause,
    },
    /// Its envelope is stored; the first byte may leave after this.
    Launch,
    /// The archive took it.
    Receive,
    /// The archive refused it.
    Refuse,
    /// No verdict came: no answer, or one that says to come back. Asked before anything is sent again.
    LoseAnswer {
        /// When to ask.
        ask_at: Timestamp,
    },
    /// The worker asks the archive for the document.
    Ask,
    /// The archive has the document.
    Find,
    /// The archive does not have it: the same bytes leave again.
    Miss,
    /// Whoever had it in hand has it no longer.
    Recover {
        /// When to take it up again, should nothing of it have left.
        again_at: Timestamp,
        /// When to ask, should it have left: its bytes may still be on their way.
        ask_at: Timestamp,
    },
    /// The caller takes it back; possible while nothing has left.
    Withdraw {
        /// The caller's name in the configuration.
        by: String,
        /// In whose words.
        why: String,
    },
    /// A person gives it up.
    Abandon {
        /// Who.
        by: String,
        /// In whose words.
        why: String,
    },
    /// Its package for the organiser is stored: it goes another way.
    HandOver {
        /// What stands in the way of the archive.
        why: Cause,
    },
    /// The organiser has confirmed what was handed over.
    EnterReceipt {
        /// Who says so.
        by: String,
        /// The organiser's reference.
        reference: String,
    },
    /// What was handed over is to be archived after all.
    TakeBack,
    /// A person lets it go on.
    Release,
    /// A person lets it go on in the place of its predecessor, which never arrived.
    TakePlace,
}

impl Event {
    /// The name in the use log and in timelines.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Claim => "claim",
            Self::NeedSignature => "need_signature",
            Self::Sign => "sign",
            Self::RetryLater { .. } => "retry_later",
            Self::Hold { .. } => "hold",
            Self::Park { .. } => "park",
            Self::Launch => "launch",
            Self::Receive => "receive",
            Self::Refuse => "refuse",
            Self::LoseAnswer { .. } => "lose_answer",
            Self::Ask => "ask",
            Self::Find => "find",
            Self::Miss => "miss",
            Self::Recover { .. } => "recover",
            Self::Withdraw { .. } => "withdraw",
            Self::Abandon { .. } => "abandon",
            Self::HandOver { .. } => "hand_over",
            Self::EnterReceipt { .. } => "enter_receipt",
            Self::TakeBack => "take_back",
            Self::Release => "release",
            Self::TakePlace => "take_place",
        }
    }
}

/// Code of a refusal that is not final: perhaps it is this document that the archive has. Remembered until a question is answered.
pub const REFUSED_AS_DUPLICATE: &str = "archive.duplicate_id";

/// The state after an event, and when the worker takes the submission up again by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transition {
    /// The new state.
    pub next: State,
    /// When the worker acts on it; `None` when only somebody else can.
    pub due_at: Option<Timestamp>,
}

/// An event that cannot happen in a state. A fault of ours, or a race that the other side has won.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{event} cannot happen to a submission that is {state}")]
pub struct IllegalTransition {
    /// The state's name.
    pub state: &'static str,
    /// The event's name.
    pub event: &'static str,
}

/// The state that follows from a state and an event at this moment. Moments in the past count as now.
///
/// # Errors
/// [`IllegalTransition`] when the event cannot happen in the state; the state stays as it was.
pub fn advance(state: &State, event: Event, now: Timestamp) -> Result<Transition, IllegalTransition> {
    let illegal = IllegalTransition { state: state.name(), event: event.name() };
    let due = |next, at: Timestamp| Ok(Transition { next, due_at: Some(at.max(now)) });
    let rest = |next| Ok(Transition { next, due_at: None });
    match (state, event) {
        (State::Queued | State::Held { .. }, Event::Claim) => rest(State::Claimed),
        (State::Claimed, Event::NeedSignature) => rest(State::AwaitingSignature),
        (State::AwaitingSignature, Event::Sign)
        | (State::Parked { sent: false, .. }, Event::Release | Event::TakePlace) => due(State::Queued, now),
        (State::Parked { sent: true, .. }, Event::Release) => due(State::Unknown, now),
        (State::Held { .. }, Event::Release) => due(State::Queued, now),
        (State::Claimed, Event::RetryLater { at }) => due(State::Queued, at),
        (State::Claimed, Event::Hold { until, recheck_at, why }) => {
            let at = until.map_or(recheck_at, |u| u.min(recheck_at));
            due(State::Held { until, why }, at)
        }
        (State::Claimed, Event::Park { why }) => rest(State::Parked { why, sent: false }),
        (State::InFlight | State::Reconciling, Event::Park { why }) => rest(State::Parked { why, sent: true }),
        (State::Claimed, Event::Launch) | (State::Reconciling, Event::Miss) => rest(State::InFlight),
        // Found while claimed: an earlier run had sent it, and this database did not know.
        (State::InFlight, Event::Receive) | (State::Claimed | State::Reconciling, Event::Find) => rest(State::Archived),
        (State::InFlight, Event::Refuse) => rest(State::Rejected),
        (State::InFlight | State::Reconciling, Event::LoseAnswer { ask_at }) => due(State::Unknown, ask_at),
        (State::Unknown, Event::Ask) => rest(State::Reconciling),
        (State::Claimed, Event::Recover { again_at, .. }) => due(State::Queued, again_at),
        (State::InFlight | State::Reconciling, Event::Recover { ask_at, .. }) => due(State::Unknown, ask_at),
        // Also while claimed: `Launch` is then refused, so that nothing leaves.
        (waiting, Event::Withdraw { by, why } | Event::Abandon { by, why }) if nothing_has_left(waiting) => {
            rest(State::Abandoned { by, why })
        }
        // A person may give up on an answer; a caller may not, because the archive may have the document.
        (State::Unknown | State::Parked { sent: true, .. }, Event::Abandon { by, why }) => {
            rest(State::Abandoned { by, why })
        }
        // What awaits a professional's signature must not go out with the system's.
        (waiting, Event::HandOver { why }) if nothing_has_left(waiting) && *waiting != State::AwaitingSignature => {
            rest(State::HandedOver { why: Some(why), receipt: None })
        }
        (State::HandedOver { why, receipt: None }, Event::EnterReceipt { by, reference }) => {
            let receipt = Some(Receipt { by, reference, at: now });
            rest(State::HandedOver { why: why.clone(), receipt })
        }
        (State::HandedOver { .. }, Event::TakeBack) => due(State::Queued, now),
        _ => Err(illegal),
    }
}

/// Whether no byte of it can have reached the archive. Nothing that has left comes back to one of these states.
pub fn nothing_has_left(state: &State) -> bool {
    matches!(
        state,
        State::Queued
            | State::AwaitingSignature
            | State::Claimed
            | State::Held { .. }
            | State::Parked { sent: false, .. }
    )
}

#[cfg(test)]
mod tests;
