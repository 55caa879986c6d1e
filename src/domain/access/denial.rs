//! Refusals: all reasons of one client, and of a joint case those of every client who does not permit.

use jiff::civil::Date;

use super::reason::Reason;

/// Why not; every reason at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Denial {
    /// At least one.
    pub reasons: Vec<Reason>,
}

impl Denial {
    /// Whether all reasons may pass without anyone changing the record, and if so, the day on which to look again, when one
    /// is known.
    pub fn may_pass(&self) -> Option<Option<Date>> {
        if !self.reasons.iter().all(Reason::may_pass) {
            return None;
        }
        Some(self.reasons.iter().filter_map(Reason::passes_on).max())
    }

    /// The day from which it passes by itself: only when every reason has one.
    pub fn passes_on(&self) -> Option<Date> {
        let days: Option<Vec<Date>> = self.reasons.iter().map(Reason::passes_on).collect();
        days?.into_iter().max()
    }
}

/// Why a joint case does not permit. Every client must; named here are those who do not, by their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointDenial {
    /// How many clients there are.
    pub clients: usize,
    /// Place of a client, from 0, and why not. Empty only without clients.
    pub denied: Vec<(usize, Denial)>,
}

impl JointDenial {
    /// As [`Denial::may_pass`], for all clients together.
    pub fn may_pass(&self) -> Option<Option<Date>> {
        let days: Option<Vec<Option<Date>>> = self.denied.iter().map(|(_, denial)| denial.may_pass()).collect();
        Some(days?.into_iter().flatten().max())
    }

    /// As [`Denial::passes_on`], for all clients together.
    pub fn passes_on(&self) -> Option<Date> {
        let days: Option<Vec<Date>> = self.denied.iter().map(|(_, denial)| denial.passes_on()).collect();
        days?.into_iter().max()
    }
}
