//! What came back, read into types: the acceptance of a stored document, the answers to a search and to a fetch.
//!
//! Only an acknowledgement that names our message is the archive's word: `AA` is [`Outcome::Archived`], `AE`
//! [`Outcome::Rejected`], `AR` [`Outcome::TryLater`]. Everything else leaves open whether a sent document is there, so it becomes a
//! [`Doubt`] and [`Outcome::Unknown`], and the sender asks before it sends again. `docs/answers.md` has the whole table, what each
//! answer comes to and who must act, and a test holds the two equal.
//!
//! A search or fetch answers with [`QueryAnswer`]; a doubt there leaves nothing open but the answer. Nothing here panics on a
//! peer's bytes, and no doubt repeats what they said but codes and a support id. Called by `archive::client`.

mod acknowledgement;
mod entry;
mod reading;
mod refusal;

use std::time::Duration;

pub use acknowledgement::{Detail, Rejection, Severity};
pub(super) use entry::inline;
pub use entry::{
    ClientId, Entry, EntryPage, EntryStatus, Fetched, QueryAnswer, Summary, fetch_answer, find_answer, summary_answer,
};

pub use refusal::Refusal;

use super::multipart::MultipartError;
use super::soap::SoapError;
use super::{MessageId, Reply};
use crate::domain::profile::{EmptyAnswer, WireProfile};
use acknowledgement::{AckCode, Acknowledgement};

/// Who must act so that it goes better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody yet: time, or the question that is asked next, settles it.
    NobodyYet,
    /// Who handed the record in, or asked.
    Caller,
    /// Whoever runs this installation: network, certificates, keys, configuration, agreements with the archive.
    Operator,
    /// The archive, when it goes on.
    Archive,
    /// The makers of this program: a defect.
    Us,
}

impl Actor {
    /// Stable name, for programs and tables.
    pub fn code(self) -> &'static str {
        match self {
            Self::NobodyYet => "nobody yet",
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Archive => "archive",
            Self::Us => "us",
        }
    }
}

/// What a sending came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The archive has it.
    Archived(Receipt),
    /// The archive will not have it.
    Rejected(Rejection),
    /// Not now.
    TryLater {
        /// Why.
        why: NotNow,
        /// What the peer asked for.
        retry_after: Option<Duration>,
    },
    /// It may be there or not: ask first.
    Unknown {
        /// Why.
        why: Doubt,
        /// What the peer asked for.
        retry_after: Option<Duration>,
    },
}

impl Outcome {
    /// Which of the four it is, in words.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Archived(_) => "archived",
            Self::Rejected(_) => "rejected",
            Self::TryLater { .. } => "try later",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// Who must act, when it goes on.
    pub fn actor(&self) -> Actor {
        match self {
            Self::Archived(_) | Self::TryLater { why: NotNow::NotProcessed(_), .. } => Actor::NobodyYet,
            Self::Rejected(rejection) => rejection.actor,
            Self::TryLater { why: NotNow::NothingSent(why), .. } => why.actor(),
            Self::Unknown { why, .. } => why.actor(),
        }
    }

    /// Whether the archive must be asked for the document before the envelope is sent again.
    pub fn must_ask_first(&self) -> bool {
        match self {
            Self::TryLater { why: NotNow::NothingSent(_), .. } => false,
            Self::TryLater { why: NotNow::NotProcessed(_), .. } | Self::Unknown { .. } => true,
            Self::Archived(_) | Self::Rejected(_) => false,
        }
    }
}

/// The archive's word that it has a document. The caller adds when it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The message that was acknowledged.
    pub message_id: MessageId,
    /// Warnings and remarks with it.
    pub details: Vec<Detail>,
}

/// Why it may be tried again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotNow {
    /// The archive answered `AR`.
    NotProcessed(Vec<Detail>),
    /// No byte of the message reached the archive's application.
    NothingSent(Unsent),
}

/// Why nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsent {
    /// No connection: name, address, port, network, or time ran out while connecting.
    #[error("no connection to the archive")]
    Unreachable,
    /// The peer's certificate or protocol was not accepted here.
    #[error("the archive's side of TLS was not accepted")]
    PeerNotTrusted,
    /// The peer refused our certificate.
    #[error("the archive refused this installation's certificate")]
    OurCertificateRefused,
    /// The peer refused the handshake for another reason: protocol version, cipher suite.
    #[error("the archive refused the TLS handshake")]
    HandshakeRefused,
    /// The request could not be made.
    #[error("a request that cannot be made")]
    Request,
}

impl Unsent {
    /// Who must act, when it goes on.
    pub fn actor(self) -> Actor {
        match self {
            Self::Unreachable | Self::PeerNotTrusted | Self::OurCertificateRefused | Self::HandshakeRefused => {
                Actor::Operator
            }
            Self::Request => Actor::Us,
        }
    }
}

/// Why it is not known what became of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// HTTP 200 without a body.
    #[error("an empty answer")]
    Empty,
    /// An HTML page, mostly a gateway's.
    #[error("an HTML page with status {status}{}", support(.support_id.as_deref()))]
    BlockPage {
        /// HTTP status.
        status: u16,
        /// The number that the gateway's operator asks for; digits.
        support_id: Option<String>,
    },
    /// A status other than 200.
    #[error("status {0}")]
    Status(u16),
    /// A content type that is neither SOAP's nor `multipart/related`.
    #[error("an answer of another content type")]
    ContentType,
    /// An answer that says, or turns out, to be in another charset than UTF-8.
    #[error("an answer that is not in UTF-8")]
    Charset,
    /// The answer ends too early.
    #[error("an answer that was cut off")]
    Truncated,
    /// Parts that cannot be read.
    #[error(transparent)]
    Parts(MultipartError),
    /// No SOAP envelope that can be read.
    #[error(transparent)]
    NotSoap(SoapError),
    /// A SOAP fault.
    #[error("a SOAP fault {code}")]
    Fault {
        /// Its code.
        code: String,
    },
    /// Another message than the one that answers ours.
    #[error("an answer of another interaction")]
    OtherInteraction,
    /// An acknowledgement of another message than ours.
    #[error("an answer to another message")]
    OtherMessage,
    /// Something missing or unreadable.
    #[error("an answer without readable {0}")]
    Incomplete(&'static str),
    /// The connection broke or time ran out after bytes may have left.
    #[error(transparent)]
    Lost(Lost),
}

/// How an answer was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Lost {
    /// The connection broke.
    #[error("the connection broke after sending had begun")]
    Connection,
    /// No answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The peer refused our certificate after the handshake, as TLS 1.3 does.
    #[error("the archive refused this installation's certificate")]
    OurCertificateRefused,
    /// An answer larger than is read.
    #[error("an answer larger than is read")]
    TooLarge,
}

/// Fault codes by which the peer says that it does not take messages of this form: the profile does not suit it (SOAP 1.1, 4.4.1;
/// SOAP 1.2 part 1, 5.4.6).
fn is_senders(code: &str) -> bool {
    let code = code.split('.').next().unwrap_or_default();
    ["Client", "Sender", "VersionMismatch", "MustUnderstand", "DataEncodingUnknown"].contains(&code)
}

fn support(id: Option<&str>) -> String {
    id.map(|id| format!(", support id {id}")).unwrap_or_default()
}

impl Doubt {
    /// Who must act, when it goes on.
    pub fn actor(&self) -> Actor {
        match self {
            // Cut by something on the way, or late: the question comes next, and mostly that is all.
            Self::Truncated | Self::Lost(Lost::Connection | Lost::TimedOut) => Actor::NobodyYet,
            Self::BlockPage { .. } | Self::Lost(Lost::OurCertificateRefused) => Actor::Operator,
            Self::Status(500..) => Actor::Archive,
            // A gateway or the address: not the archive's verdict.
            Self::Status(_) => Actor::Operator,
            Self::Fault { code } if is_senders(code) => Actor::Operator,
            Self::Fault { .. }
            | Self::Empty
            | Self::ContentType
            | Self::Charset
            | Self::Parts(_)
            | Self::NotSoap(_)
            | Self::OtherInteraction
            | Self::OtherMessage
            | Self::Incomplete(_)
            | Self::Lost(Lost::TooLarge) => Actor::Archive,
        }
    }

    /// Every [`Doubt::code`], sorted.
    pub fn codes() -> [&'static str; 16] {
        [
            "block_page",
            "certificate_refused",
            "charset",
            "connection_lost",
            "content_type",
            "empty",
            "fault",
            "incomplete",
            "not_soap",
            "other_interaction",
            "other_message",
            "parts",
            "status",
            "timed_out",
            "too_large",
            "truncated",
        ]
    }

    /// Stable name, for programs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::BlockPage { .. } => "block_page",
            Self::Status(_) => "status",
            Self::ContentType => "content_type",
            Self::Charset => "charset",
            Self::Truncated => "truncated",
            Self::Parts(_) => "parts",
            Self::NotSoap(_) => "not_soap",
            Self::Fault { .. } => "fault",
            Self::OtherInteraction => "other_interaction",
            Self::OtherMessage => "other_message",
            Self::Incomplete(_) => "incomplete",
            Self::Lost(Lost::Connection) => "connection_lost",
            Self::Lost(Lost::TimedOut) => "timed_out",
            Self::Lost(Lost::OurCertificateRefused) => "certificate_refused",
            Self::Lost(Lost::TooLarge) => "too_large",
        }
    }
}

/// What the answer to a store message says (the table above).
pub fn acceptance(profile: &WireProfile, sent: &MessageId, reply: &Reply) -> Outcome {
    let retry_after = reply.retry_after_s.map(|s| Duration::from_secs(s.into()));
    let read = reading::read(profile, sent, reply).and_then(|answer| {
        answer.expect(&profile.interaction.acceptance.value)?;
        Acknowledgement::read(&answer.message, sent)
    });
    match read {
        Ok(Acknowledgement { code: AckCode::Accepted, details }) => {
            Outcome::Archived(Receipt { message_id: sent.clone(), details })
        }
        Ok(Acknowledgement { code: AckCode::Refused, details }) => {
            Outcome::Rejected(Rejection::new(profile, sent, details))
        }
        Ok(Acknowledgement { code: AckCode::NotProcessed, details }) => {
            Outcome::TryLater { why: NotNow::NotProcessed(details), retry_after }
        }
        Err(Doubt::Empty) if profile.transport.empty_answer.value == EmptyAnswer::Archived => {
            Outcome::Archived(Receipt { message_id: sent.clone(), details: Vec::new() })
        }
        Err(why) => Outcome::Unknown { why, retry_after },
    }
}

#[cfg(test)]
mod table;
#[cfg(test)]
mod tests;
