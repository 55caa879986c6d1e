//! Which submissions are meant: a caller's, an organisation's, those of the change list, those that retention takes.

use jiff::Timestamp;

use super::Submission;
use crate::domain::oid::Oid;

/// Which submissions a caller may see.
#[derive(Debug, Clone)]
pub struct Scope {
    /// Of this organisation.
    pub organisation: Oid,
    /// Of these units.
    pub units: Vec<Oid>,
}

impl Scope {
    /// Whether a submission is within it.
    pub fn sees(&self, submission: &Submission) -> bool {
        submission.organisation == self.organisation && self.units.contains(&submission.unit)
    }
}

/// Which part of the change list is wanted.
#[derive(Debug, Clone)]
pub struct ChangesWanted {
    /// State or class by its name; any when `None`.
    pub state: Option<String>,
    /// Changes after this one.
    pub after: u64,
    /// How many at most.
    pub limit: u32,
}

/// What retention takes: bodies of what was settled before these moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Of what was archived, rejected or given up.
    pub settled_before: Timestamp,
    /// Of what was handed over and confirmed. Without a receipt nothing of it is ever due.
    pub confirmed_before: Timestamp,
}

/// Whose submissions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// This organisation's.
    Only(Oid),
    /// Every organisation's but these.
    AllBut(Vec<Oid>),
}

impl Whose {
    /// Every organisation's.
    pub const EVERYONES: Self = Self::AllBut(Vec::new());

    /// Whether this organisation's are among them.
    pub fn includes(&self, organisation: &Oid) -> bool {
        match self {
            Self::Only(one) => one == organisation,
            Self::AllBut(others) => !others.contains(organisation),
        }
    }
}
