//! What is done to a submission and by whom, and how its way is told.
//!
//! What a step makes of a submission says [`super::progress`]; uses of the register that are no steps are [`super::Use`]s.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::submission::{Cause, Event};
use crate::sidecar::ports::Verdict;

/// Who did something, for the use log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Actor {
    /// Token name, operator, or `worker`.
    pub name: String,
    /// Process that it was done through.
    pub instance: String,
}

/// A change of state with what is to be kept of it.
pub struct Step {
    /// What happened.
    pub event: Event,
    /// What the archive said, when it did.
    pub verdict: Option<Verdict>,
    /// What stood in the way, of an event that does not carry it itself.
    pub cause: Option<Cause>,
    /// Facts for the use log; nothing of any person that the submission does not hold already.
    pub facts: Value,
    /// Who did it.
    pub actor: Actor,
    /// The change after which it is to follow, see [`super::Submission::change`]: should anything have happened since, the step
    /// cannot.
    pub after: Option<u64>,
}

impl Step {
    /// A step without a verdict or facts, after whatever was before.
    pub fn plain(event: Event, actor: Actor) -> Self {
        Self { event, verdict: None, cause: None, facts: Value::Null, actor, after: None }
    }
}

/// One line of a submission's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When.
    pub at: Timestamp,
    /// What happened: an event's name, or `accept`.
    pub event: String,
    /// The state after it.
    pub state: String,
}
