//! Why a call has no result: who must act, and whether the same call may go better later.

use std::time::Duration;

use super::RetryAfter;
use crate::archive::transport::TransportError;
use crate::domain::wire::MessageFault;
use crate::domain::wire::answer::{Actor, Detail, Doubt, Rejection, Unsent};

/// Why a call has no result. Its texts hold codes, no contents and no persons.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The message cannot be made. Nothing was sent.
    #[error(transparent)]
    Message(#[from] MessageFault),
    /// The authority is not for what is to be done. Nothing was sent.
    #[error("{0}")]
    Ground(&'static str),
    /// The archive could not be reached. Nothing was sent.
    #[error(transparent)]
    Unsent(Unsent),
    /// What came back is not an answer.
    #[error(transparent)]
    Doubt(#[from] Doubt),
    /// The archive refuses.
    #[error("the archive refuses: {}", codes(&.0.details))]
    Refused(Rejection),
    /// The archive does not answer now.
    #[error("the archive does not answer now: {}", codes(.details))]
    NotProcessed {
        /// Why.
        details: Vec<Detail>,
        /// What it asked for.
        retry_after: RetryAfter,
    },
    /// The answer is about something else than was asked for; none of it is passed on.
    #[error("an answer about another {0} than was asked for")]
    Foreign(&'static str),
    /// A search with more entries than are read.
    #[error("a search with more than {0} entries or pages")]
    TooMany(usize),
}

/// Whether the same call may go better later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Not by itself.
    Never,
    /// It may; the peer may have said after how long.
    Later(Option<Duration>),
}

impl ClientError {
    /// Who must act.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Message(MessageFault::NoBoundary) | Self::Ground(_) => Actor::Us,
            Self::Message(_) | Self::TooMany(_) => Actor::Caller,
            Self::Unsent(why) => why.actor(),
            Self::Doubt(doubt) => doubt.actor(),
            Self::Refused(rejection) => rejection.actor,
            Self::NotProcessed { .. } => Actor::NobodyYet,
            Self::Foreign(_) => Actor::Archive,
        }
    }

    /// Whether the same call may go better later.
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unsent(Unsent::Unreachable) => Retry::Later(None),
            // Certificates and trust are put right by a person, and then it goes better without the caller doing anything.
            Self::Unsent(Unsent::PeerNotTrusted | Unsent::OurCertificateRefused | Unsent::HandshakeRefused) => {
                Retry::Later(None)
            }
            Self::Doubt(_) => Retry::Later(None),
            Self::NotProcessed { retry_after, .. } => Retry::Later(*retry_after),
            Self::Message(_)
            | Self::Ground(_)
            | Self::Unsent(Unsent::Request)
            | Self::Refused(_)
            | Self::Foreign(_)
            | Self::TooMany(_) => Retry::Never,
        }
    }
}

impl From<TransportError> for ClientError {
    fn from(error: TransportError) -> Self {
        match error {
            TransportError::Unsent(why) => Self::Unsent(why),
            TransportError::Lost(why) => Self::Doubt(Doubt::Lost(why)),
        }
    }
}

/// The codes alone: texts may repeat what was sent.
fn codes(details: &[Detail]) -> String {
    let codes: Vec<_> = details.iter().filter_map(|d| d.code.as_deref()).collect();
    if codes.is_empty() { "no code".into() } else { codes.join(", ") }
}
