//! The register access right (rekisterinkäyttöoikeus, åtkomsträtt till register): may this unit work in the organiser's
//! register for this client, and if not, why.
//!
//! Pure: evidence, moment and limits are arguments. A [`Permit`] has no public constructor; it comes from [`decide`] only.
//! Rules: Kela, "Tjänsteproducentens åtkomsträtt till register" (26.5.2020) and kanta.fi, register access right; the edges
//! that these leave open (end day inclusive, which time a write is judged by) are in [`Options`].

mod reason;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use reason::Reason;

use super::document::header::DocumentIds;
use super::oid::Oid;
use super::record::{ProfessionalLink, PurchaseKind};
use super::relationship::{Grant, Relationship};
use super::time::day_in_finland;

/// What is to be done in the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Search or fetch.
    Read,
    /// Store a document drawn up on this day (in Finland).
    Write {
        /// The day.
        drawn_up: Date,
    },
}

/// Who wants to do what, where.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// What.
    pub operation: Operation,
    /// Owner of the register.
    pub organiser: &'a Oid,
    /// The producer's unit.
    pub unit: &'a Oid,
    /// Service task of the document, where it is known (code in 1.2.246.537.6.1221).
    pub service_task: Option<&'a str>,
    /// What ties the acting worker to the client.
    pub link: Option<&'a ProfessionalLink>,
    /// How the service is bought; `None` in searches.
    pub purchase: Option<PurchaseKind>,
}

/// What the newest relationship document says, and when it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The document version that was read.
    pub document: DocumentIds,
    /// Owner of the register that it was found in.
    pub organiser: Oid,
    /// What it grants.
    pub relationship: Relationship,
    /// When the archive gave it.
    pub fetched_at: Timestamp,
}

/// What the sources leave open. All of it unknown in the public material: choices of ours until the regulation is entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the right still holds on the end day itself.
    pub end_day_inclusive: bool,
    /// Whether the document's service task must be the row's.
    pub task_must_match: bool,
    /// The age that evidence may have, in seconds.
    pub evidence_age_max_s: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { end_day_inclusive: true, task_must_match: true, evidence_age_max_s: 900 }
    }
}

/// Proof that a unit may do one thing in one register for one client, and by which row of which document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    record: PermitRecord,
}

/// A permit as it is kept with what it permitted. It permits nothing by itself but to ask for that document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermitRecord {
    /// Owner of the register.
    pub organiser: Oid,
    /// The unit.
    pub unit: Oid,
    /// Version OID of the relationship document.
    pub relationship_document: Oid,
    /// Its version number.
    pub relationship_version: u32,
    /// The row in it (JSON Pointer below the root key).
    pub row: String,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// What an auditor should know: sent after the right ended, or drawn up before it began.
    pub remarks: Vec<Remark>,
}

/// Something to know about a write that is permitted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// Drawn up while the right held, sent after it had ended.
    SentAfterEnd,
    /// Drawn up before the right began, sent once it had.
    DrawnUpBeforeStart,
}

impl Permit {
    /// Owner of the register.
    pub fn organiser(&self) -> &Oid {
        &self.record.organiser
    }

    /// The unit.
    pub fn unit(&self) -> &Oid {
        &self.record.unit
    }

    /// The permit as it is kept.
    pub fn record(&self) -> &PermitRecord {
        &self.record
    }
}

/// On what ground a message is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Authority {
    /// The sender owns the register.
    OwnRegister,
    /// The organiser has named the sender's unit.
    RegisterAccess(Permit),
}

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
}

/// Decides on the newest, non-invalidated version of the relationship document.
///
/// A write needs a right that has begun by `now` and had not ended on the day the document was drawn up; sending later, or
/// having drawn it up before the start, is remarked. A read needs a right that holds today.
///
/// # Errors
/// A [`Denial`] with every reason that stands against it.
pub fn decide(
    request: &Request<'_>,
    evidence: Option<&Evidence>,
    options: &Options,
    now: Timestamp,
) -> Result<Permit, Denial> {
    let today = day_in_finland(now);
    let mut reasons = about_the_request(request, today);
    let Some(evidence) = evidence else {
        reasons.insert(0, Reason::NoRelationship);
        return Err(Denial { reasons });
    };
    if evidence.organiser != *request.organiser {
        reasons.push(Reason::RegisterOwnerMismatch { found: evidence.organiser.clone() });
    }
    if now.duration_since(evidence.fetched_at).as_secs() > options.evidence_age_max_s {
        reasons.push(Reason::EvidenceTooOld);
    }
    match best_row(request, evidence, options, today) {
        Ok((grant, remarks)) if reasons.is_empty() => Ok(Permit {
            record: PermitRecord {
                organiser: request.organiser.clone(),
                unit: request.unit.clone(),
                relationship_document: evidence.document.document.clone(),
                relationship_version: evidence.document.version,
                row: grant.row.clone(),
                decided_at: now,
                remarks,
            },
        }),
        Ok(_) => Err(Denial { reasons }),
        Err(reason) => {
            reasons.push(reason);
            Err(Denial { reasons })
        }
    }
}

fn about_the_request(request: &Request<'_>, today: Date) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if request.purchase == Some(PurchaseKind::SelfPay) {
        reasons.push(Reason::SelfPay);
    }
    let on = match request.operation {
        Operation::Read => today,
        Operation::Write { drawn_up } => drawn_up,
    };
    let linked = |l: &ProfessionalLink| l.period.start.date() <= on && l.period.end.is_none_or(|end| on <= end.date());
    if !request.link.is_some_and(linked) {
        reasons.push(Reason::NoProfessionalLink);
    }
    reasons
}

/// The row that permits; else the reason of the row that came nearest to it.
fn best_row<'e>(
    request: &Request<'_>,
    evidence: &'e Evidence,
    options: &Options,
    today: Date,
) -> Result<(&'e Grant, Vec<Remark>), Reason> {
    let mut nearest = Reason::UnitNotNamed;
    for grant in evidence.relationship.grants.iter().filter(|g| g.unit == *request.unit) {
        match judge(request, grant, options, today) {
            Ok(remarks) => return Ok((grant, remarks)),
            Err(reason) if reason.nearness() > nearest.nearness() => nearest = reason,
            Err(_) => {}
        }
    }
    Err(nearest)
}

fn judge(request: &Request<'_>, grant: &Grant, options: &Options, today: Date) -> Result<Vec<Remark>, Reason> {
    if let Some(task) = request.service_task.filter(|t| options.task_must_match && *t != grant.service_task) {
        return Err(Reason::TaskMismatch { asked: task.to_owned(), granted: grant.service_task.clone() });
    }
    let start = grant.start.earliest_day();
    if today < start {
        return Err(Reason::NotStarted { from: start });
    }
    let ended = |on: Date| {
        let end = grant.end?.latest_day();
        (if options.end_day_inclusive { on > end } else { on >= end }).then_some(end)
    };
    match request.operation {
        Operation::Read => ended(today).map_or(Ok(Vec::new()), |since| Err(Reason::Ended { since })),
        Operation::Write { drawn_up } => match ended(drawn_up) {
            Some(since) => Err(Reason::Ended { since }),
            None if ended(today).is_some() => Ok(vec![Remark::SentAfterEnd]),
            None if drawn_up < start => Ok(vec![Remark::DrawnUpBeforeStart]),
            None => Ok(Vec::new()),
        },
    }
}

#[cfg(test)]
mod tests;
