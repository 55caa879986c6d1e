//! A question about the right, as programs and people ask it: the local record itself, or as much of it as the decision needs.

use serde::Deserialize;

use super::{CaseStanding, Operation, Request};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{PersonId, PersonalIdentityCode, TemporaryId, Worker};
use crate::domain::record::{CaseReference, LocalRecord, ProfessionalLink, PurchaseKind};
use crate::domain::time::{Instant, day_in_finland};

/// Who wants to do what, where, for whom.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// Read or write.
    pub operation: AskedOperation,
    /// One client, or all of a joint case.
    pub clients: Vec<AskedClient>,
    /// In whose name.
    pub acting_worker: Worker,
    /// The acting worker's unit.
    pub unit: Unit,
    /// Owner of the register.
    pub organiser: Organisation,
    /// What ties the worker to the client.
    pub professional_link: ProfessionalLink,
    /// Code in 1.2.246.537.6.1221.
    #[serde(default)]
    pub service_task: Option<String>,
    /// Code in 1.2.246.537.6.1277.
    #[serde(default)]
    pub service_process: Option<String>,
    /// How the service is bought; nothing in a search.
    #[serde(default)]
    pub purchase: Option<PurchaseKind>,
    /// The case that a document names.
    #[serde(default)]
    pub case: Option<Oid>,
}

redacted_debug!(Question);

/// `"read"`, or `{"write": {"drawn_up": …}}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedOperation {
    /// Search or fetch.
    Read,
    /// Store a document.
    Write {
        /// When it was drawn up.
        drawn_up: Instant,
    },
}

/// What a client is known by.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskedClient {
    /// A personal identity code.
    IdentityCode(PersonalIdentityCode),
    /// A temporary id.
    TemporaryId(TemporaryId),
}

redacted_debug!(AskedClient);

impl From<&AskedClient> for PersonId {
    fn from(client: &AskedClient) -> Self {
        match client {
            AskedClient::IdentityCode(code) => Self::IdentityCode(code.clone()),
            AskedClient::TemporaryId(id) => Self::Temporary(id.clone()),
        }
    }
}

impl Question {
    /// Whether this record may be stored.
    pub fn of_record(record: &LocalRecord) -> Self {
        let asked = |id: PersonId| match id {
            PersonId::IdentityCode(code) => AskedClient::IdentityCode(code),
            PersonId::Temporary(id) => AskedClient::TemporaryId(id),
        };
        Self {
            operation: AskedOperation::Write { drawn_up: record.drawn_up },
            clients: record.clients.iter().filter_map(|client| client.id().map(asked)).collect(),
            acting_worker: record.acting_worker.clone(),
            unit: record.unit.clone(),
            organiser: record.organiser.clone(),
            professional_link: record.professional_link.clone(),
            service_task: record.service_task.as_ref().map(|task| task.code.clone()),
            service_process: record.service_process.as_ref().map(|process| process.code.clone()),
            purchase: Some(record.purchase),
            case: match &record.case {
                CaseReference::Known(case) => Some(case.clone()),
                CaseReference::Find | CaseReference::None => None,
            },
        }
    }

    /// What is to be done.
    pub fn operation(&self) -> Operation {
        match self.operation {
            AskedOperation::Read => Operation::Read,
            AskedOperation::Write { drawn_up } => Operation::Write { drawn_up: day_in_finland(drawn_up.timestamp()) },
        }
    }

    /// The clients, in the order of the question.
    pub fn persons(&self) -> Vec<PersonId> {
        self.clients.iter().map(PersonId::from).collect()
    }

    /// The request that it is, for one client.
    pub fn request<'a>(&'a self, client: &'a PersonId, case: CaseStanding) -> Request<'a> {
        Request {
            operation: self.operation(),
            organiser: &self.organiser.oid,
            unit: &self.unit.oid,
            client,
            service_task: self.service_task.as_deref(),
            service_process: self.service_process.as_deref(),
            role: self.acting_worker.role.as_deref(),
            link: Some(&self.professional_link),
            purchase: self.purchase,
            case,
        }
    }
}
