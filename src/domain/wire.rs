//! Bytes to meaning and back: the messages of the archive's Medical Records interface over SOAP, as `docs/wire.md` has them.
//!
//! Out: [`frame::store_message`], [`invalidation::invalidate_message`], [`query::find_message`], [`query::fetch_message`] and
//! [`query::summary_message`] give an [`Envelope`], the same bytes for
//! the same input. In: [`answer`] reads a [`Reply`] into typed answers and never panics on a peer's bytes. Every name and code
//! comes from a [`WireProfile`](super::profile::WireProfile). Opens no connection, reads no clock, draws no ids: moments and
//! message ids are arguments. Called by `archive::client`.

pub mod answer;
#[cfg(test)]
mod combinations;
mod envelope;
#[cfg(test)]
pub(crate) mod fixtures;
pub mod frame;
pub mod invalidation;
mod message;
pub mod multipart;
pub mod query;
pub mod soap;
mod use_case;

pub use envelope::{Envelope, EnvelopeFault, document_in};
pub use message::{MessageContext, MessageFault, MessageId, UseSituation};
pub use use_case::UseCase;

/// The namespace of HL7 V3 messages and CDA documents.
pub const HL7_NAMESPACE: &str = "urn:hl7-org:v3";
/// The namespace of the Finnish header elements.
pub const HL7_FINLAND_NAMESPACE: &str = "urn:hl7finland";

/// What came back for an envelope, as far as the transport knows.
#[derive(Clone, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Content-Type`, when there is one.
    pub content_type: Option<String>,
    /// `Retry-After` in seconds, when it is given so.
    pub retry_after_s: Option<u32>,
    /// The whole body.
    pub body: Vec<u8>,
}

super::finding::redacted_debug!(Reply);
