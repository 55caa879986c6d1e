//! The document pipeline: what it makes envelopes and packages of, and why it makes none.

use jiff::Timestamp;

use super::{Digest, Outbound};
use crate::domain::access::Authority;
use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Invalidation;
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::person::Worker;
use crate::domain::submission::Cause;

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
        Err(PrepareFault::Lasting(crate::sidecar::handover::no_channel()))
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
