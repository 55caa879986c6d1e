//! Permits, and on what ground a message is sent.

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use super::options::Reach;
use super::row::{PermittingRow, Rows};
use super::{Evidence, Operation, Options, Request, Rules};
use crate::domain::document::header::DocumentGroup;
use crate::domain::oid::Oid;
use crate::domain::person::PersonId;

/// Proof that a unit may do one thing in one register for one client (or all clients of a joint record), and by which row of
/// which document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    record: PermitRecord,
    operation: Operation,
    clients: Vec<PersonId>,
    tasks: Tasks,
    taskless: bool,
    ends_on: Option<Date>,
}

/// Service tasks that a permit covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tasks {
    Every,
    These(Vec<String>),
}

impl Tasks {
    /// The tasks that rows and role leave; `None` when the role may not do it for any.
    pub(super) fn of(request: &Request<'_>, rows: &Rows<'_>, rules: &Rules) -> Option<Self> {
        let (reach, act) = (rules.options.reach, request.operation.act());
        let allowed = |task: Option<&str>| rules.roles.allows(request.role, task, request.service_process, act);
        if let Some(task) = request.service_task {
            return allowed(Some(task)).then(|| match reach {
                Reach::Register if allowed(None) => Self::Every,
                _ => Self::These(vec![task.to_owned()]),
            });
        }
        let by_role = rules.roles.tasks(request.role, request.service_process, act)?;
        if reach == Reach::Register {
            return Some(by_role);
        }
        let mut of_rows = rows.tasks().peekable();
        // Without a row that permits, the rows say why not; the role may do it for some task.
        let any = of_rows.peek().is_some();
        let left: Vec<String> = of_rows.filter(|task| by_role.cover(task)).map(str::to_owned).collect();
        (!any || !left.is_empty()).then_some(Self::These(left))
    }

    fn cover(&self, task: &str) -> bool {
        match self {
            Self::Every => true,
            Self::These(tasks) => tasks.iter().any(|t| t == task),
        }
    }

    fn both(self, other: Self) -> Self {
        match (self, other) {
            (Self::These(mut tasks), other) => {
                tasks.retain(|task| other.cover(task));
                Self::These(tasks)
            }
            (Self::Every, other) => other,
        }
    }
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

/// Something to know about what is permitted all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remark {
    /// Drawn up while the right held, sent after it had ended.
    SentAfterEnd,
    /// Drawn up before the right began, sent once it had.
    DrawnUpBeforeStart,
    /// Read on a day that the right had ended before, as the options allow.
    ReadAfterEnd,
}

impl Permit {
    pub(super) fn granted(
        request: &Request<'_>,
        evidence: &Evidence,
        row: &PermittingRow<'_>,
        ends_on: Option<Date>,
        tasks: Tasks,
        options: &Options,
        now: Timestamp,
    ) -> Self {
        Self {
            record: PermitRecord {
                organiser: request.organiser.clone(),
                unit: request.unit.clone(),
                relationship_document: evidence.document.document.clone(),
                relationship_version: evidence.document.version,
                row: row.grant.row.clone(),
                decided_at: now,
                remarks: row.remarks.clone(),
            },
            operation: request.operation,
            clients: vec![request.client.clone()],
            tasks,
            taskless: options.taskless_readable,
            ends_on,
        }
    }

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
            (Tasks::Every, _) => true,
            (tasks, Some(task)) => tasks.cover(task),
            (Tasks::These(_), None) => {
                self.taskless || matches!(group, Some(DocumentGroup::Relationship | DocumentGroup::Case))
            }
        }
    }

    /// The last day of the right as the document stands, over rows that follow one another without a gap; `None` while it has
    /// no end. May be in the past: see [`Remark::SentAfterEnd`].
    pub fn ends_on(&self) -> Option<Date> {
        self.ends_on
    }

    /// The last day, when it is at most this many days away from `today` and not past.
    pub fn ends_within(&self, days: u16, today: Date) -> Option<Date> {
        let horizon = today.checked_add(i64::from(days).days()).unwrap_or(Date::MAX);
        self.ends_on.filter(|end| (today..=horizon).contains(end))
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
        self.tasks = self.tasks.both(other.tasks);
        self.taskless &= other.taskless;
        self.ends_on = self.ends_on.into_iter().chain(other.ends_on).min();
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
