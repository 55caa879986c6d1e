//! What is looked for in a register, and what is found there.

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::archive::client::Cursor;
use crate::domain::document::header::DocumentGroup;
use crate::domain::document::read::ReadAuthor;
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::signature::SignatureKind;
use crate::domain::text::Text;
use crate::domain::time::Instant;
use crate::domain::wire::answer::Entry;
use crate::domain::wire::query::Period;

/// What a look-up of cases is narrowed by.
#[derive(Debug, Clone, Default)]
pub struct CasesWanted {
    /// Service task (code in 1.2.246.537.6.1221).
    pub service_task: Option<String>,
    /// This case only.
    pub case: Option<Oid>,
}

/// What a search is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Decisions.
    Decisions,
    /// Case documents.
    Cases,
    /// Documents of any kind, or of one group.
    Documents(Option<DocumentGroup>),
}

/// What a search is narrowed by.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// What it is for.
    pub subject: Subject,
    /// Specific or general types (codes in 1.2.246.537.6.1506); none for all.
    pub types: Vec<String>,
    /// Service task (code in 1.2.246.537.6.1221).
    pub service_task: Option<String>,
    /// Service process (code in 1.2.246.537.6.1277).
    pub service_process: Option<String>,
    /// The case.
    pub case: Option<Oid>,
    /// Drawn up between these moments.
    pub drawn_up: Period,
    /// Stored or invalidated after this moment.
    pub stored_after: Option<Instant>,
    /// Whether the documents' contents are wanted too.
    pub contents: Contents,
}

impl Wanted {
    /// Everything of this kind, metadata only.
    pub fn all(subject: Subject) -> Self {
        Self {
            subject,
            types: Vec::new(),
            service_task: None,
            service_process: None,
            case: None,
            drawn_up: Period::default(),
            stored_after: None,
            contents: Contents::Omit,
        }
    }
}

/// Which page of a search.
#[derive(Debug, Clone)]
pub struct PageWanted {
    /// Documents at most.
    pub size: u32,
    /// Where it goes on; `None` for the first.
    pub cursor: Option<Cursor>,
    /// Bytes of fetched documents together; what is beyond is told to be left out.
    pub content_bytes_max: usize,
}

/// A page of a search.
#[derive(Clone)]
pub struct Page {
    /// In the archive's order, newest versions.
    pub documents: Vec<Listed>,
    /// Where the next page begins.
    pub next: Option<Cursor>,
}

/// Whether a search also fetches what it finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// Metadata only.
    #[default]
    Omit,
    /// Documents are fetched, verified and decoded.
    Fetch,
}

/// A document that was found. Not `Debug`: it may hold a document's content.
#[derive(Clone)]
pub struct Listed {
    /// What the archive knows of it.
    pub about: Entry,
    /// What is inside.
    pub inside: Inside,
}

/// What is known of a document's inside.
#[derive(Clone)]
pub enum Inside {
    /// It was not asked for.
    NotAsked,
    /// Fetched; its signature holds.
    Opened(Box<Opened>),
    /// Fetched; it does not hold, for this reason. The content is not passed on.
    NotVerified(Text),
    /// Not fetched, for this reason.
    NotFetched(Text),
}

/// A document whose signature holds.
#[derive(Clone)]
pub struct Opened {
    /// The content.
    pub content: Value,
    /// The display form (XHTML).
    pub display: Option<String>,
    /// The document, byte for byte.
    pub xml: Vec<u8>,
    /// The unit that it was made in, as it says itself.
    pub unit: Option<Unit>,
    /// Who wrote it.
    pub author: Option<ReadAuthor>,
    /// Who signed it.
    pub signatures: Vec<SignedBy>,
}

/// A signature that holds.
#[derive(Clone)]
pub struct SignedBy {
    /// Of a system or a professional.
    pub kind: Option<SignatureKind>,
    /// When, by the signer's clock.
    pub at: Option<Timestamp>,
    /// Serial number of the certificate's subject: an organisation's OID or a registration number.
    pub serial: Option<String>,
    /// Organisation in the certificate's subject.
    pub organisation: Option<String>,
}
