//! The use log from outside: what is entered that is no step, and an entry as it is read out.
//!
//! Knows nothing of the chain that entries stand in; that is the store's own.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::Actor;

/// A use of the register that is no submission: a search.
pub struct Use {
    /// What was done: `decisions.search`.
    pub action: &'static str,
    /// How it ended: `permitted`, `denied: …`, `failed`.
    pub outcome: String,
    /// Who did it.
    pub actor: Actor,
    /// Persons, unit, organiser, link, evidence.
    pub subject: Value,
}

/// An entry of the use log, as it is read out.
#[derive(Debug, Serialize)]
pub struct UseLogEntry {
    /// Its place in the chain, from 1 on.
    pub row: u64,
    /// When it was entered.
    pub at: Timestamp,
    /// The submission that it is of; none of a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub submission: Option<String>,
    /// What was done.
    pub action: String,
    /// How it ended.
    pub outcome: String,
    /// Who did it.
    pub actor: Value,
    /// Persons, unit, organiser, link, evidence, ground: what the entry is about.
    pub facts: Value,
}
