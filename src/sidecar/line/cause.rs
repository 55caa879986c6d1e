//! The client's errors in the sidecar's words: may it pass, and what does the operator read.

use crate::archive::client::{ClientError, Retry};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::wire::answer::{Doubt, Lost, Unsent};
use crate::sidecar::ports::ArchiveFault;

/// The archive answered that it did not process the message.
pub(super) const NOT_PROCESSED: Text = Text::fixed(
    "arkisto ei käsittele sanomia juuri nyt",
    "arkivet behandlar inte meddelanden just nu",
    "the archive does not process messages just now",
);

/// A question without an answer.
pub(super) fn of_question(error: ClientError) -> ArchiveFault {
    let why = why_of_question(&error);
    match error.retry() {
        Retry::Later(retry_after) => ArchiveFault::Passing { retry_after, why },
        Retry::Never => ArchiveFault::Lasting { why },
    }
}

/// Why a question has no answer, in words.
pub(super) fn text_of_question(error: &ClientError) -> Text {
    why_of_question(error).message
}

fn why_of_question(error: &ClientError) -> Cause {
    match error {
        ClientError::Unsent(why) => of_unsent(*why),
        ClientError::Doubt(doubt) => of_doubt(doubt),
        ClientError::NotProcessed { .. } => Cause::new("archive.not_processed", NOT_PROCESSED),
        // The texts of these are written by the program or are the archive's codes: they name no person.
        other => Cause::new("archive.refused", said(&other.to_string())),
    }
}

/// Nothing was sent.
pub(super) fn of_unsent(why: Unsent) -> Cause {
    let (code, text) = match why {
        Unsent::Unreachable => (
            "archive.unreachable",
            Text::fixed(
                "arkistoon ei saada yhteyttä: osoite, verkko tai yhdyskäytävä",
                "arkivet kan inte nås: adress, nät eller nätsluss",
                "the archive cannot be reached: address, network or gateway",
            ),
        ),
        Unsent::PeerNotTrusted => (
            "archive.peer_not_trusted",
            Text::fixed(
                "arkiston palvelinvarmenteeseen ei luoteta: tarkista archive.trust_anchors",
                "arkivets servercertifikat är inte betrott: kontrollera archive.trust_anchors",
                "the archive's server certificate is not trusted: check archive.trust_anchors",
            ),
        ),
        Unsent::OurCertificateRefused => (
            "archive.certificate_refused",
            Text::fixed(
                "arkisto ei hyväksy varmennettamme: tarkista archive.transport_certificate ja sen voimassaolo",
                "arkivet godtar inte vårt certifikat: kontrollera archive.transport_certificate och dess giltighet",
                "the archive refuses our certificate: check archive.transport_certificate and its validity",
            ),
        ),
        Unsent::HandshakeRefused => (
            "archive.handshake_refused",
            Text::fixed(
                "arkisto hylkäsi TLS-yhteyden: protokollaversio tai salausmenetelmä ei kelpaa",
                "arkivet avvisade TLS-förbindelsen: protokollversionen eller krypteringen duger inte",
                "the archive refused the TLS handshake: protocol version or cipher suite",
            ),
        ),
        Unsent::Request => (
            "archive.request",
            Text::fixed("pyyntöä ei voi muodostaa", "begäran kan inte skapas", "the request cannot be made"),
        ),
    };
    Cause::new(code, text)
}

/// It may have arrived.
pub(super) fn of_doubt(doubt: &Doubt) -> Cause {
    if *doubt == Doubt::Lost(Lost::OurCertificateRefused) {
        return of_unsent(Unsent::OurCertificateRefused);
    }
    Cause::new(format!("archive.{}", doubt.code()), said(&doubt.to_string()))
}

fn said(what: &str) -> Text {
    Text::made(
        format!("arkistolta ei saatu luettavaa vastausta ({what})"),
        format!("inget läsbart svar från arkivet ({what})"),
        format!("no readable answer from the archive ({what})"),
    )
}
