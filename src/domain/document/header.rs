//! What stands around a document's content, typed: the CDA header and `hl7fi:localSocialHeader`.
//!
//! The same values feed the document and the frame that carries it, so the two cannot disagree.

use crate::domain::code::{Code, Language};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{Client, Worker};
use crate::domain::time::Instant;

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
    /// The writing system.
    pub software: Software,
}

redacted_debug!(Header);
