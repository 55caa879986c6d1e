//! The archive as the sidecar sees it: what is asked, what is sent, and what comes back.
//!
//! What a search is for and what it finds is [`super::search`]'s.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Asker, CasesWanted, Contents, Ground, Listed, Outbound, Page, PageWanted, Wanted};
use crate::domain::access::{Authority, Evidence};
use crate::domain::document::header::DocumentIds;
use crate::domain::find_case::{KnownCase, KnownDecision};
use crate::domain::oid::Oid;
use crate::domain::submission::Cause;
use crate::domain::wire::answer::Entry;

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
