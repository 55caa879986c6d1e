//! The names of the faults in a script, with their settings: one row each. The README's table is held equal to it.

use crate::faults::{Fault, HoldAt, TlsFault};

/// A row of the catalogue.
#[derive(Clone, Copy, Debug)]
pub struct FaultRow {
    /// An example; its settings are those of the row.
    pub example: Fault,
    /// What happens, in a sentence.
    pub happens: &'static str,
}

/// Every fault.
pub const CATALOGUE: [FaultRow; 29] = [
    row(Fault::ResetBeforeBody, "the connection is reset before the body is read"),
    row(Fault::ResetDuringBody(100), "the connection is reset after so many bytes of the body"),
    row(Fault::ResetBeforeStore, "the message arrives, nothing is done, the connection is reset"),
    row(
        Fault::Hold(HoldAt::Answer),
        "the message stands still at `arrival`, `inside` or `answer` until it is released",
    ),
    row(Fault::Delay(HoldAt::Answer, 1000), "the message stands still there for so long by the archive's clock"),
    row(Fault::StoredButNeverAnswered, "carried out, the connection is cut without an answer"),
    row(
        Fault::StoredAfterNo,
        "cut without an answer, and carried out only after a question for the document was answered no",
    ),
    row(Fault::StoredThenStatus(502, None), "carried out, then that status"),
    row(Fault::AnswerCutAfter(40), "carried out, the answer's body breaks off"),
    row(Fault::AnswerTwice, "carried out, the answer comes twice on the connection"),
    row(Fault::Trickle(16, 5), "carried out, the answer comes so many bytes at a time"),
    row(Fault::Status(503, Some(7)), "nothing is done, that status and no body"),
    row(Fault::BlockPage, "nothing is done, 200 with a gateway's HTML page and its support id"),
    row(Fault::SoapFault, "nothing is done, 500 with a SOAP fault"),
    row(Fault::NotProcessed, "nothing is done, `AR` with `OURS-OVERLOAD`"),
    row(Fault::EmptyAnswer, "carried out, 200 with an empty body"),
    row(Fault::TruncatedAnswer, "carried out, the answer ends in the middle though HTTP says that it is whole"),
    row(Fault::MalformedAnswer, "carried out, the answer is not well-formed"),
    row(Fault::WrongCharset, "carried out, the answer says UTF-8 and is not"),
    row(Fault::WrongMessageId, "carried out, the answer acknowledges another message"),
    row(Fault::OversizedAnswer(1_000_000), "carried out, the answer is longer by so many bytes"),
    row(Fault::Tls(TlsFault::ServerUnknownIssuer), "the server's certificate is of an unknown authority"),
    row(Fault::Tls(TlsFault::ServerExpired), "the server's certificate has expired"),
    row(Fault::Tls(TlsFault::ServerRevoked), "the server's certificate is on its authority's revocation list"),
    row(Fault::Tls(TlsFault::ServerWrongName), "the server's certificate is for another name"),
    row(Fault::Tls(TlsFault::ClientRefused), "alert: the client's certificate is of an unknown authority"),
    row(Fault::Tls(TlsFault::ClientExpired), "alert: the client's certificate has expired"),
    row(Fault::Tls(TlsFault::ClientRevoked), "alert: the client's certificate is revoked"),
    row(Fault::Tls(TlsFault::HandshakeRefused), "alert: `handshake_failure`"),
];

const fn row(example: Fault, happens: &'static str) -> FaultRow {
    FaultRow { example, happens }
}

impl Fault {
    /// Its name in a script.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ResetBeforeBody => "reset-before-body",
            Self::ResetDuringBody(_) => "reset-during-body",
            Self::ResetBeforeStore => "reset-after-body",
            Self::Hold(_) => "hold",
            Self::Delay(..) => "delay",
            Self::StoredButNeverAnswered => "stored-but-never-answered",
            Self::StoredAfterNo => "stored-after-no",
            Self::StoredThenStatus(..) => "stored-then-status",
            Self::AnswerCutAfter(_) => "answer-cut",
            Self::AnswerTwice => "answer-twice",
            Self::Trickle(..) => "trickle",
            Self::Status(..) => "status",
            Self::BlockPage => "block-page",
            Self::SoapFault => "soap-fault",
            Self::NotProcessed => "not-processed",
            Self::EmptyAnswer => "empty-answer",
            Self::TruncatedAnswer => "truncated-answer",
            Self::MalformedAnswer => "malformed-answer",
            Self::WrongCharset => "wrong-charset",
            Self::WrongMessageId => "wrong-message-id",
            Self::OversizedAnswer(_) => "oversized-answer",
            Self::Tls(fault) => fault.name(),
        }
    }

    /// Its settings in a script: names and values.
    #[must_use]
    pub fn settings(self) -> Vec<(&'static str, String)> {
        let retry = |status: u16, retry_after: Option<u32>| {
            let mut all = vec![("status", status.to_string())];
            all.extend(retry_after.map(|seconds| ("retry_after_secs", seconds.to_string())));
            all
        };
        match self {
            Self::ResetDuringBody(bytes) | Self::AnswerCutAfter(bytes) | Self::OversizedAnswer(bytes) => {
                vec![("bytes", bytes.to_string())]
            }
            Self::Hold(at) => vec![("at", at.name().to_owned())],
            Self::Delay(at, millis) => vec![("at", at.name().to_owned()), ("millis", millis.to_string())],
            Self::Trickle(bytes, millis) => vec![("bytes", bytes.to_string()), ("millis", millis.to_string())],
            Self::Status(status, retry_after) | Self::StoredThenStatus(status, retry_after) => {
                retry(status, retry_after)
            }
            _ => Vec::new(),
        }
    }
}

impl TlsFault {
    fn name(self) -> &'static str {
        match self {
            Self::ServerUnknownIssuer => "server-unknown-issuer",
            Self::ServerExpired => "server-expired",
            Self::ServerRevoked => "server-revoked",
            Self::ServerWrongName => "server-wrong-name",
            Self::ClientRefused => "client-refused",
            Self::ClientExpired => "client-expired",
            Self::ClientRevoked => "client-revoked",
            Self::HandshakeRefused => "handshake-refused",
        }
    }
}

impl HoldAt {
    pub(super) const ALL: [Self; 3] = [Self::Arrival, Self::Inside, Self::Answer];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Arrival => "arrival",
            Self::Inside => "inside",
            Self::Answer => "answer",
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        self.settings().iter().try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}
