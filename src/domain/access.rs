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

use super::document::header::{DocumentGroup, DocumentIds};
use super::oid::Oid;
use super::person::PersonId;
use super::record::{ProfessionalLink, PurchaseKind};
use super::relationship::{Grant, Relationship};
use super::time::{PartialDate, day_in_finland};

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
    /// Whose documents.
    pub client: &'a PersonId,
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

/// What the sources leave open. All of it unknown in the public material: choices of ours until the regulation is entered,
/// each by default the one that shows less.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Whether the right still holds on the end day itself.
    pub end_day_inclusive: bool,
    /// Which day a start or an end stands for that is known to the month or year only.
    pub partial_days: PartialDays,
    /// Whether the document's service task must be the row's; in a search that names no task, whether documents of other
    /// tasks than those of the unit's rows are left out.
    pub task_must_match: bool,
    /// Whether client documents that name no service task may be read too. Relationship and case documents always may.
    pub taskless_readable: bool,
    /// The age that evidence may have, in seconds.
    pub evidence_age_max_s: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            end_day_inclusive: true,
            partial_days: PartialDays::Careful,
            task_must_match: true,
            taskless_readable: false,
            evidence_age_max_s: 900,
        }
    }
}

/// What a day known in part grants. The rows' structure allows such days; no source says how they count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialDays {
    /// The right holds on days on which it surely does: from the last day that the start can mean to the first one that the
    /// end can mean.
    Careful,
    /// The right holds on every day on which it may.
    Generous,
}

impl PartialDays {
    fn start(self, date: PartialDate) -> Date {
        if self == Self::Careful { date.latest_day() } else { date.earliest_day() }
    }

    fn end(self, date: PartialDate) -> Date {
        if self == Self::Careful { date.earliest_day() } else { date.latest_day() }
    }
}

/// Proof that a unit may do one thing in one register for one client (or all clients of a joint record), and by which row of
/// which document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    record: PermitRecord,
    operation: Operation,
    clients: Vec<PersonId>,
    /// Every task when `None`.
    tasks: Option<Vec<String>>,
    taskless: bool,
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

    /// What it permits. A permit to write covers looking up the case that the document goes to, never the other way round.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// Whether it is for this client.
    pub fn is_for(&self, client: &PersonId) -> bool {
        self.clients.contains(client)
    }

    /// Whether it covers a document of this service task and group.
    pub fn covers(&self, service_task: Option<&str>, group: Option<DocumentGroup>) -> bool {
        match (&self.tasks, service_task) {
            (None, _) => true,
            (Some(tasks), Some(task)) => tasks.iter().any(|t| t == task),
            (Some(_), None) => {
                self.taskless || matches!(group, Some(DocumentGroup::Relationship | DocumentGroup::Case))
            }
        }
    }

    /// One permit for the clients of both, for what both cover; `None` when they are not for the same thing of the same unit
    /// in the same register. What is kept is the record of the first.
    #[must_use]
    pub fn joined(mut self, other: Self) -> Option<Self> {
        let same =
            (self.organiser(), self.unit(), self.operation) == (other.organiser(), other.unit(), other.operation);
        if !same {
            return None;
        }
        self.clients.extend(other.clients);
        self.tasks = match (self.tasks, other.tasks) {
            (Some(mut tasks), Some(others)) => {
                tasks.retain(|t| others.contains(t));
                Some(tasks)
            }
            (tasks, others) => tasks.or(others),
        };
        self.taskless &= other.taskless;
        Some(self)
    }

    /// The permit as it is kept. It names no client: what it is kept with does.
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
            operation: request.operation,
            clients: vec![request.client.clone()],
            tasks: options.task_must_match.then(|| tasks(request, evidence, options, today)),
            taskless: options.taskless_readable,
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

/// The task that was asked for; without one, those of every row that permits.
fn tasks(request: &Request<'_>, evidence: &Evidence, options: &Options, today: Date) -> Vec<String> {
    if let Some(task) = request.service_task {
        return vec![task.to_owned()];
    }
    let rows = evidence.relationship.grants.iter().filter(|g| g.unit == *request.unit);
    rows.filter(|g| judge(request, g, options, today).is_ok()).map(|g| g.service_task.clone()).collect()
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
    let start = options.partial_days.start(grant.start);
    if today < start {
        return Err(Reason::NotStarted { from: start });
    }
    let ended = |on: Date| {
        let end = options.partial_days.end(grant.end?);
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
