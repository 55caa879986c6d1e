//! What operators see of the store: counts, ages and bytes, and the lanes that only a person can move on.
//!
//! Nothing here holds anything of a record.

use jiff::Timestamp;

use super::{Submission, SubmissionId};
use crate::domain::oid::Oid;

/// How many stand where, for metrics and readiness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Census {
    /// Count by state name; states without submissions are left out.
    pub by_state: Vec<(String, u64)>,
    /// When the oldest open one was accepted.
    pub oldest_open: Option<Timestamp>,
    /// How many are parked because a stored value of them is damaged.
    pub damaged: u64,
    /// Sealed bytes of the bodies of what is not settled.
    pub open_bytes: u64,
    /// Settled submissions whose bodies retention still keeps.
    pub kept: u64,
    /// Their sealed bytes.
    pub kept_bytes: u64,
    /// Bytes that are free where the database is, where that is known.
    pub free_disk_bytes: Option<u64>,
    /// Packages whose receipt is missing.
    pub packages: Packages,
}

/// Packages for organisers that wait for their receipt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packages {
    /// How many.
    pub waiting: u64,
    /// When the oldest of them was made.
    pub oldest: Option<Timestamp>,
}

/// A version chain whose first open submission is parked: nothing of it moves before a person decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckLane {
    /// The parked submission.
    pub submission: SubmissionId,
    /// Its organisation.
    pub organisation: Oid,
    /// The chain (`setId`).
    pub set: Oid,
    /// Code of the cause.
    pub code: String,
    /// Since when.
    pub since: Timestamp,
}

impl StuckLane {
    pub(super) fn of(parked: Submission) -> Self {
        Self {
            submission: parked.id,
            organisation: parked.organisation,
            set: parked.document.set,
            code: parked.why.map_or_else(|| "unknown".to_owned(), |why| why.code),
            since: parked.updated_at,
        }
    }
}

/// The lanes that only a person can move on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stuck {
    /// How many there are.
    pub total: u64,
    /// The oldest of them.
    pub lanes: Vec<StuckLane>,
}

/// What a slice of purging has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purged {
    /// Submissions whose bodies are gone.
    pub submissions: u64,
    /// Their sealed bytes.
    pub bytes: u64,
    /// Whether there is more to purge.
    pub more: bool,
}

/// What is kept of settled submissions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeptBodies {
    /// Settled submissions whose bodies are still kept.
    pub submissions: u64,
    /// Their sealed bytes.
    pub bytes: u64,
    /// When the first of them was settled.
    pub oldest_finished: Option<Timestamp>,
    /// How many of them are due.
    pub due: u64,
    /// Their sealed bytes.
    pub due_bytes: u64,
}
