//! What the sidecar needs from outside: the archive, a clock, chance and the document pipeline.
//!
//! Types come from the domain, so that an adapter has little to say. Nothing here knows HTTP, TLS or SQL.

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::archive::client::Cursor;
use crate::domain::access::{Authority, Evidence, PermitRecord};
use crate::domain::document::header::{DocumentGroup, DocumentIds};
use crate::domain::document::invalidation::Invalidation;
use crate::domain::document::read::ReadAuthor;
use crate::domain::find_case::{KnownCase, KnownDecision};
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{PersonId, Worker};
use crate::domain::record::ProfessionalLink;
use crate::domain::signature::SignatureKind;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::time::Instant;
use crate::domain::wire::answer::Entry;
use crate::domain::wire::query::Period;

/// What leaves, byte for byte. Equal each time it leaves. Not `Debug`: it holds a document.
#[derive(Clone, PartialEq, Eq)]
pub struct Outbound {
    /// SOAP action of the message; empty where its content type says it.
    pub soap_action: String,
    /// Content type with its parameters.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

/// In whose name the archive is asked, about which client, in whose register.
#[derive(Clone)]
pub struct Asker {
    /// The sending organisation.
    pub organisation: Oid,
    /// Owner of the register.
    pub organiser: Organisation,
    /// The acting worker's unit.
    pub unit: Unit,
    /// The acting worker.
    pub worker: Worker,
    /// What ties the worker to the client.
    pub link: ProfessionalLink,
    /// The client.
    pub client: PersonId,
}

/// On what ground an envelope was sent, as it is kept with it. It permits asking for that document, nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ground", content = "permits", rename_all = "snake_case")]
pub enum Ground {
    /// The sender owns the register.
    OwnRegister,
    /// The organiser has named the unit: one permit a client.
    RegisterAccess(Vec<PermitRecord>),
    /// The sender has stored the document itself: that is enough to invalidate it, also after a right has ended.
    OwnDocument,
}

/// One thing that the archive said, in its own words. Its text may hold a person's data: kept sealed, never logged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remark {
    /// The archive's code.
    pub code: String,
    /// Its text.
    pub text: String,
}

impl std::fmt::Debug for Remark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remark").field("code", &self.code).finish_non_exhaustive()
    }
}

/// What the archive said about a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Stored.
    Archived {
        /// How it is known.
        proof: Proof,
        /// Remarks on the way.
        remarks: Vec<Remark>,
    },
    /// Refused.
    Rejected {
        /// Why.
        remarks: Vec<Remark>,
    },
}

/// How it is known that a document is in the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The archive acknowledged it.
    Acknowledged,
    /// The acknowledgement was lost; the archive has the document with the ids and the bytes that were sent. Of an invalidation: it
    /// has the document as invalidated.
    Found,
    /// The acknowledgement was lost; the archive has a document with these ids. Its bytes are not compared: the archive does not
    /// give them (any more), or what an earlier run had sent is not known.
    FoundByIds,
}

/// How a send ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The archive has it.
    Archived(Vec<Remark>),
    /// The archive will not have it.
    Rejected(Vec<Remark>),
    /// The archive has a document with this id. It may be this one, from an earlier send: asked, not final.
    Duplicate(Vec<Remark>),
    /// The archive (or what stands before it) asks to come back; nothing is said about the document.
    TryLater {
        /// After how long, where it says so.
        retry_after: Option<Duration>,
        /// In short.
        why: Cause,
    },
    /// No answer, or one that cannot be read.
    Unknown {
        /// After how long it asks to come back, where it says so.
        retry_after: Option<Duration>,
        /// In short.
        why: Cause,
    },
}

impl Outcome {
    /// The name in metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Archived(_) => "archived",
            Self::Rejected(_) => "rejected",
            Self::Duplicate(_) => "duplicate",
            Self::TryLater { .. } => "try_later",
            Self::Unknown { .. } => "unknown",
        }
    }
}

/// Why a question to the archive has no answer.
#[derive(Debug, Clone)]
pub enum ArchiveFault {
    /// For a passing reason: ask again.
    Passing {
        /// After how long, where it is said.
        retry_after: Option<Duration>,
        /// In short, without any person's data.
        why: Cause,
    },
    /// The archive refused the question, or its answer cannot be read: a person decides.
    Lasting {
        /// In short, without any person's data.
        why: Cause,
    },
}

/// Whether the archive has a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It has one under this id.
    Stored(Holding),
    /// It has not.
    Absent,
}

/// What the archive has under an id: to be compared with what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holding {
    /// The ids that it knows it by.
    pub ids: DocumentIds,
    /// The document's bytes.
    pub bytes: HeldBytes,
}

/// What is known of the bytes that the archive has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBytes {
    /// They were fetched.
    Known(Digest),
    /// The archive does not give them: the right to read has ended, or the document is invalidated.
    NotGiven,
}

/// SHA-256 of a document's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let mut digest = [0; 32];
        let made = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        digest.iter_mut().zip(made.as_ref()).for_each(|(to, from)| *to = *from);
        Self(digest)
    }
}

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

/// The archive as the sidecar sees it.
pub trait Archive: Send + Sync + 'static {
    /// The newest relationship document of a client: the one read before there is a right.
    fn relationship(&self, asker: &Asker) -> impl Future<Output = Result<Option<Evidence>, ArchiveFault>> + Send;

    /// All of the client's cases in the organiser's register, open and closed.
    fn cases(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &CasesWanted,
    ) -> impl Future<Output = Result<Vec<KnownCase>, ArchiveFault>> + Send;

    /// All of the client's decisions in the organiser's register; what they decide, where the contents are fetched.
    fn decisions(
        &self,
        asker: &Asker,
        authority: &Authority,
        contents: Contents,
    ) -> impl Future<Output = Result<Vec<KnownDecision>, ArchiveFault>> + Send;

    /// One page of a search in the organiser's register.
    fn search(
        &self,
        asker: &Asker,
        authority: &Authority,
        wanted: &Wanted,
        page: &PageWanted,
    ) -> impl Future<Output = Result<Page, ArchiveFault>> + Send;

    /// One document of the client; `None` when it is not there or was invalidated.
    fn document(
        &self,
        asker: &Asker,
        authority: &Authority,
        document: &Oid,
    ) -> impl Future<Output = Result<Option<Listed>, ArchiveFault>> + Send;

    /// Whether the archive has a document that this side has sent or may have sent, and which bytes it has.
    fn presence(
        &self,
        asker: &Asker,
        ground: &Ground,
        document: &Oid,
    ) -> impl Future<Output = Result<Presence, ArchiveFault>> + Send;

    /// What the archive knows of a document that this side has sent, or of its own register; invalidated ones too. Needs no right.
    fn entry(&self, asker: &Asker, document: &Oid) -> impl Future<Output = Result<Option<Entry>, ArchiveFault>> + Send;

    /// Sends an envelope once.
    fn send(&self, outbound: &Outbound) -> impl Future<Output = Outcome> + Send;
}

/// What time it is, and waiting for a time.
pub trait Clock: Send + Sync + 'static {
    /// Now.
    fn now(&self) -> Timestamp;

    /// Returns once it is `at` or later.
    fn sleep_until(&self, at: Timestamp) -> impl Future<Output = ()> + Send;

    /// Time that has truly passed since some moment, whatever the clock was set to meanwhile.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep_until(&self, at: Timestamp) {
        sleep_in_naps(Timestamp::now, at).await;
    }

    fn elapsed(&self) -> Duration {
        static START: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
        START.elapsed()
    }
}

/// The longest single sleep: a clock that was set meanwhile is noticed after it.
const NAP_MAX: Duration = Duration::from_secs(60);

/// Sleeps until a clock says that it is `at` or later.
pub(crate) async fn sleep_in_naps(now: impl Fn() -> Timestamp + Send, at: Timestamp) {
    while let Ok(left) = Duration::try_from(at.duration_since(now())) {
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(NAP_MAX)).await;
    }
}

/// Randomness for jitter.
pub trait Chance: Send + Sync + 'static {
    /// A number from 0 up to but not including 1.
    fn fraction(&self) -> f64;
}

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemChance;

impl Chance for SystemChance {
    fn fraction(&self) -> f64 {
        let mut bytes = [0u8; 4];
        // Jitter only spreads load: without randomness the middle serves.
        if aws_lc_rs::rand::fill(&mut bytes).is_err() {
            return 0.5;
        }
        f64::from(u32::from_be_bytes(bytes)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// What the pipeline makes an envelope of.
pub struct Preparation<'a> {
    /// The sending organisation.
    pub organisation: &'a Oid,
    /// The record as it came; the pipeline checks it again, by the rules of the day it is sent.
    pub payload: &'a [u8],
    /// Ids of the document.
    pub ids: &'a DocumentIds,
    /// Number of the message: digits, unique for ever.
    pub message_number: &'a str,
    /// When the document is made and signed.
    pub created: Timestamp,
    /// The case, where the document has one.
    pub case: Option<&'a Oid>,
    /// On what ground it is sent.
    pub authority: &'a Authority,
    /// The signed document, where it was handed over before: these bytes go, and no others.
    pub kept: Option<&'a [u8]>,
}

/// What the pipeline makes a package for an organiser of.
pub struct HandoverPreparation<'a> {
    /// The package's id.
    pub package: &'a str,
    /// Who gets it.
    pub organiser: &'a Oid,
    /// The record as it came.
    pub payload: &'a [u8],
    /// Ids of the document.
    pub ids: &'a DocumentIds,
    /// When the document is made and signed, and the package made.
    pub created: Timestamp,
    /// The case, where the document has one.
    pub case: Option<&'a Oid>,
    /// Codes of what stands in the way of the archive.
    pub why: &'a [String],
    /// The signed document, where it was handed over before.
    pub kept: Option<&'a [u8]>,
}

/// What is kept of a submission that goes another way. Not `Debug`: it holds a document.
#[derive(Clone)]
pub struct HandoverBodies {
    /// The package, encrypted to the organiser.
    pub package: Vec<u8>,
    /// The signed document in it, byte for byte, for the way back.
    pub document: Vec<u8>,
}

/// What the envelope of an invalidation is made of.
pub struct Invalidating<'a> {
    /// The sending organisation.
    pub organisation: &'a Oid,
    /// What is decided.
    pub invalidation: &'a Invalidation,
    /// In whose name.
    pub worker: &'a Worker,
    /// The unit that the worker acts in.
    pub unit: &'a Unit,
    /// Number of the message: digits, unique for ever.
    pub message_number: &'a str,
    /// When the message is made.
    pub created: Timestamp,
}

/// Why no envelope was made.
#[derive(Debug, Clone)]
pub enum PrepareFault {
    /// The signing key cannot be used now.
    Passing(Cause),
    /// A person decides: the record no longer passes, or the certificate does not fit.
    Lasting(Cause),
}

/// Record to signed envelope: build, sign, frame. Blocking; called outside the async threads.
pub trait Pipeline: Send + Sync + 'static {
    /// Makes the envelope.
    ///
    /// # Errors
    /// [`PrepareFault`].
    fn prepare(&self, preparation: &Preparation<'_>) -> Result<Outbound, PrepareFault>;

    /// Makes a signed document and its package for an organiser who has given a key.
    ///
    /// # Errors
    /// [`PrepareFault`]; without a key always.
    fn hand_over(&self, _preparation: &HandoverPreparation<'_>) -> Result<HandoverBodies, PrepareFault> {
        Err(PrepareFault::Lasting(super::handover::no_channel()))
    }

    /// The case in a signed document that was kept.
    fn case_in(&self, _kept: &[u8]) -> Option<Oid> {
        None
    }

    /// Digest of the document in an envelope that was made before; `None` when no document can be read in it.
    fn document_digest(&self, outbound: &Outbound) -> Option<Digest>;

    /// Makes the envelope of an invalidation, in no time worth speaking of: nothing is signed.
    ///
    /// # Errors
    /// [`PrepareFault`].
    fn invalidation(&self, invalidating: &Invalidating<'_>) -> Result<Outbound, PrepareFault>;

    /// Where [`Pipeline::prepare`] is to be called.
    fn pace(&self) -> Pace {
        Pace::Blocks
    }
}

/// How long a piece of work keeps its thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// So long that it is done on a thread where blocking harms nobody.
    Blocks,
    /// No time worth speaking of: a made-up pipeline, done where it is asked for.
    Instant,
}
