//! What stands around a document's content, typed: the CDA header and `hl7fi:localSocialHeader`.
//!
//! The same values feed the document and the frame that carries it, so the two cannot disagree.

use serde_json::{Map, Value};

use crate::domain::code::{Code, Language};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{Client, Worker};
use crate::domain::time::{Instant, PartialDate};

/// The ids of one document version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentIds {
    /// OID of this version.
    pub document: Oid,
    /// OID of the original; equals `document` in version 1.
    pub set: Oid,
    /// From 1.
    pub version: u32,
}

/// The system that wrote the document (`softwareSupport`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Software {
    /// Vendor.
    pub moderator: String,
    /// Product.
    pub product: String,
    /// Version.
    pub version: String,
}

/// Document groups (1.2.246.537.6.1505) that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentGroup {
    /// 1, asiakkuusasiakirja.
    Relationship,
    /// 2, asia-asiakirja.
    Case,
    /// 5, asiakasasiakirja of the second or later phase.
    ClientDocument,
}

impl DocumentGroup {
    /// The code in 1.2.246.537.6.1505.
    pub fn code(self) -> &'static str {
        match self {
            Self::Relationship => "1",
            Self::Case => "2",
            Self::ClientDocument => "5",
        }
    }

    /// The group by its code.
    pub fn by_code(code: &str) -> Option<Self> {
        [Self::Relationship, Self::Case, Self::ClientDocument].into_iter().find(|g| g.code() == code)
    }
}

/// When a case was opened and closed, as its document's content says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CasePeriod {
    /// Opening day.
    pub opened: PartialDate,
    /// Closing day; absent while the case is open.
    pub closed: Option<PartialDate>,
}

impl CasePeriod {
    /// The days in the content of a case document: the whole JSON with its one root key.
    pub fn from_content(content: &Map<String, Value>) -> Option<Self> {
        content.values().next().and_then(Self::of_case)
    }

    /// The days below the root key; `None` where the opening day is not there or is none.
    pub(crate) fn of_case(root: &Value) -> Option<Self> {
        let details = root.get("asian_tiedot")?;
        let day = |name: &str| details.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
        Some(Self { opened: day("avauspaiva")?, closed: day("paattymispaiva") })
    }
}

/// Whether the guardians of a minor client may be given the document.
#[derive(Clone, PartialEq, Eq)]
pub struct GuardianDisclosure {
    /// The decision, of 1.2.246.537.6.1286.
    pub decision: Code,
    /// The grounds of a minor's request that it is not disclosed (`authorizationRestrictionArgument`).
    pub grounds: Option<String>,
}

redacted_debug!(GuardianDisclosure);

/// What a document says of itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Version, original, number.
    pub ids: DocumentIds,
    /// The version that this one replaces, with the reason.
    pub replaces: Option<(Oid, String)>,
    /// Group.
    pub group: DocumentGroup,
    /// General document type (1 to 19 of 1.2.246.537.6.1506); absent on relationship and case documents.
    pub general_type: Option<Code>,
    /// Specific document type (for example 19007 of 1.2.246.537.6.1506); absent on relationship and case documents.
    pub specific_type: Option<Code>,
    /// OID of the structure (`contentSpecificationId`).
    pub structure: Oid,
    /// When the record was drawn up (`effectiveTime`).
    pub drawn_up: Instant,
    /// When this document was made (`creationTime`).
    pub created: Instant,
    /// Language.
    pub language: Language,
    /// Clients, one or more.
    pub clients: Vec<Client>,
    /// Author; absent on relationship documents.
    pub author: Option<Worker>,
    /// Register owner (`custodian`) and, in every document of ours, `outsourcingServiceCustomer`.
    pub organiser: Organisation,
    /// Service unit (`encounterParticipant`).
    pub unit: Unit,
    /// Case (`encompassingEncounter/id`); absent on a relationship document and before it is found.
    pub case: Option<Oid>,
    /// When the case was opened and closed (`encompassingEncounter/effectiveTime`); on case documents.
    pub case_period: Option<CasePeriod>,
    /// The relationship (`encompassingClientRelationship`); on relationship documents.
    pub relationship: Option<Oid>,
    /// Service task.
    pub service_task: Option<Code>,
    /// Service process.
    pub service_process: Option<Code>,
    /// Retention class.
    pub retention_class: Code,
    /// Special content.
    pub special_content: bool,
    /// Disclosure of a minor's document to the guardians (`authorization/consent`).
    pub guardian_disclosure: Option<GuardianDisclosure>,
    /// Why it is shown to the client later or not at all (`inaccessibleArgument`).
    pub withheld_from_client: Option<Code>,
    /// The writing system.
    pub software: Software,
}

redacted_debug!(Header);
