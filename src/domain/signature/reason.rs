//! Why a signature is not believed: one name a cause, so that programs and people can tell them apart.

use std::fmt;

use crate::domain::text::Text;

/// One cause. A verdict holds all that were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The document element is not a `ClinicalDocument`.
    NotClinicalDocument,
    /// A second `ClinicalDocument` stands somewhere inside.
    SecondDocument,
    /// The document element has no `component/nonXMLBody`.
    BodyMissing,
    /// More than one `nonXMLBody`, wherever it stands.
    SecondBody,
    /// `nonXMLBody/@ID` is not `OID` and the document's id.
    BodyIdDiffers,
    /// Two elements carry the same id.
    DuplicateId,
    /// No `localSocialHeader/signatureCollection/signature`.
    SignatureMissing,
    /// An XMLDSig element stands where none belongs.
    SignatureMisplaced,
    /// More signatures than the limit.
    TooManySignatures,
    /// `signatureDescription` is neither 1 nor 3 of 1.2.246.537.5.40127.
    KindUnknown,
    /// Not exactly one readable `signatureTimestamp` with an `ID`.
    TimestampUnreadable,
    /// Not exactly one `SignedInfo`.
    SignedInfoNotOne,
    /// An element, attribute value or text that has no place in the signature.
    UnexpectedPart,
    /// A comment or element inside a digest, a signature value, a timestamp or a certificate.
    CommentInValue,
    /// SHA-1, in a digest or in the signature.
    Sha1,
    /// An algorithm that is not on the list.
    AlgorithmRefused,
    /// An inclusive-prefix list or another parameter of a transform.
    TransformParameters,
    /// The transforms are not exclusive C14N, with enveloped-signature before it or not.
    TransformRefused,
    /// Not exactly two references.
    ReferenceCount,
    /// A reference to anything but this signature's timestamp and the document's body, or one of them twice.
    ReferenceTarget,
    /// A digest or the signature value is not Base64.
    NotBase64,
    /// The timestamp is not the one that was signed.
    TimestampChanged,
    /// The body is not the one that was signed.
    BodyChanged,
    /// The signature value does not fit the signed information and the certificate.
    ValueWrong,
    /// Not exactly one readable certificate.
    CertificateUnreadable,
    /// The certificate is neither pinned nor from a trusted authority.
    CertificateUntrusted,
    /// The certificate was not valid at the signed time.
    CertificateNotValidThen,
    /// The signed time is later than now.
    SignedInFuture,
    /// The certificate's key may not sign documents.
    CertificateUsage,
    /// The key is not RSA of at least [`super::RSA_BITS_MIN`] bits.
    KeyWeak,
    /// A system signature of another organisation than the expected one.
    OtherOrganisation,
    /// A professional signature by another person than the one that the document names.
    OtherProfessional,
}

impl Reason {
    /// The sentence, in English.
    pub fn message(self) -> &'static str {
        self.said().3
    }

    /// Stable name for programs: `signature.body_changed`.
    pub fn code(self) -> &'static str {
        self.said().0
    }

    /// The sentence in the three languages.
    pub fn text(self) -> Text {
        let (_, fi, sv, en) = self.said();
        Text::fixed(fi, sv, en)
    }

    /// Name, then the sentence in Finnish, Swedish and English.
    fn said(self) -> (&'static str, &'static str, &'static str, &'static str) {
        match self {
            Self::NotClinicalDocument => (
                "signature.not_clinical_document",
                "juurielementti ei ole ClinicalDocument",
                "rotelementet är inte ClinicalDocument",
                "the document element is not a ClinicalDocument",
            ),
            Self::SecondDocument => (
                "signature.second_document",
                "asiakirjan sisällä on toinen ClinicalDocument",
                "det finns ett andra ClinicalDocument i handlingen",
                "a second ClinicalDocument stands inside the document",
            ),
            Self::BodyMissing => (
                "signature.body_missing",
                "asiakirjassa ei ole elementtiä component/nonXMLBody",
                "handlingen saknar component/nonXMLBody",
                "the document has no component/nonXMLBody",
            ),
            Self::SecondBody => (
                "signature.second_body",
                "asiakirjassa on useampi kuin yksi nonXMLBody",
                "handlingen har fler än en nonXMLBody",
                "the document has more than one nonXMLBody",
            ),
            Self::BodyIdDiffers => (
                "signature.body_id_differs",
                "nonXMLBody/@ID ei ole OID ja asiakirjan tunnus",
                "nonXMLBody/@ID är inte OID och handlingens id",
                "nonXMLBody/@ID is not OID and the document's id",
            ),
            Self::DuplicateId => (
                "signature.duplicate_id",
                "kahdella elementillä on sama tunniste",
                "två element har samma id",
                "two elements carry the same id",
            ),
            Self::SignatureMissing => (
                "signature.missing",
                "asiakirjaa ei ole allekirjoitettu",
                "handlingen har ingen underskrift",
                "the document has no signature",
            ),
            Self::SignatureMisplaced => (
                "signature.misplaced",
                "XMLDSig-elementti on väärässä paikassa",
                "ett XMLDSig-element står på fel plats",
                "an XMLDSig element stands outside its place in signatureCollection",
            ),
            Self::TooManySignatures => (
                "signature.too_many",
                "allekirjoituksia on enemmän kuin sallitaan",
                "handlingen har fler underskrifter än gränsen",
                "the document has more signatures than the limit",
            ),
            Self::KindUnknown => (
                "signature.kind_unknown",
                "allekirjoitus ei ole ammattihenkilön (1) eikä järjestelmän (3)",
                "underskriften är varken en yrkesutbildad persons (1) eller ett systems (3)",
                "the signature is neither a professional's (1) nor a system's (3)",
            ),
            Self::TimestampUnreadable => (
                "signature.timestamp_unreadable",
                "allekirjoituksella ei ole yhtä luettavaa aikaleimaa",
                "underskriften saknar en läsbar tidsstämpel",
                "the signature has no single readable timestamp",
            ),
            Self::SignedInfoNotOne => (
                "signature.signed_info_not_one",
                "allekirjoituksessa ei ole täsmälleen yhtä SignedInfo-elementtiä",
                "underskriften har inte exakt ett SignedInfo",
                "the signature does not have exactly one SignedInfo",
            ),
            Self::UnexpectedPart => (
                "signature.unexpected_part",
                "allekirjoituksessa on osa, joka ei kuulu siihen",
                "underskriften har en del som inte hör dit",
                "the signature holds a part that has no place in it",
            ),
            Self::CommentInValue => (
                "signature.comment_in_value",
                "kommentti tai elementti katkaisee allekirjoitetun arvon",
                "ett undertecknat värde bryts av en kommentar eller ett element",
                "a signed value is broken up by a comment or an element",
            ),
            Self::Sha1 => ("signature.sha1", "SHA-1:tä ei hyväksytä", "SHA-1 godkänns inte", "SHA-1 is not accepted"),
            Self::AlgorithmRefused => (
                "signature.algorithm_refused",
                "algoritmi ei ole hyväksyttyjen joukossa",
                "en algoritm hör inte till de godkända",
                "an algorithm is not on the list of accepted ones",
            ),
            Self::TransformParameters => (
                "signature.transform_parameters",
                "muunnoksella on parametreja",
                "en transform har parametrar",
                "a transform carries parameters (an inclusive-prefix list or other)",
            ),
            Self::TransformRefused => (
                "signature.transform_refused",
                "muunnokset eivät ole eksklusiivinen C14N yksin tai enveloped-signature-muunnoksen jälkeen",
                "transformerna är inte exklusiv C14N, ensam eller efter enveloped-signature",
                "the transforms are not exclusive C14N, alone or after enveloped-signature",
            ),
            Self::ReferenceCount => (
                "signature.reference_count",
                "allekirjoituksessa ei ole täsmälleen kahta viittausta",
                "underskriften har inte exakt två referenser",
                "the signature does not have exactly two references",
            ),
            Self::ReferenceTarget => (
                "signature.reference_target",
                "viittaukset eivät ole tämä aikaleima ja tämä runko, kumpikin kerran",
                "referenserna är inte denna tidsstämpel och detta innehåll, en gång var",
                "the references are not this timestamp and this body, once each",
            ),
            Self::NotBase64 => (
                "signature.not_base64",
                "tiiviste tai allekirjoitusarvo ei ole Base64-muotoa",
                "en kontrollsumma eller ett signaturvärde är inte Base64",
                "a digest or the signature value is not Base64",
            ),
            Self::TimestampChanged => (
                "signature.timestamp_changed",
                "aikaleima ei ole se, joka allekirjoitettiin",
                "tidsstämpeln är inte den som undertecknades",
                "the timestamp is not the one that was signed",
            ),
            Self::BodyChanged => (
                "signature.body_changed",
                "runko ei ole se, joka allekirjoitettiin",
                "innehållet är inte det som undertecknades",
                "the body is not the one that was signed",
            ),
            Self::ValueWrong => (
                "signature.value_wrong",
                "allekirjoitusarvo ei vastaa allekirjoitettuja tietoja ja varmennetta",
                "signaturvärdet motsvarar inte de undertecknade uppgifterna och certifikatet",
                "the signature value does not fit the signed information and the certificate",
            ),
            Self::CertificateUnreadable => (
                "signature.certificate_unreadable",
                "allekirjoituksessa ei ole täsmälleen yhtä luettavaa varmennetta",
                "underskriften har inte exakt ett läsbart certifikat",
                "the signature does not carry exactly one readable certificate",
            ),
            Self::CertificateUntrusted => (
                "signature.certificate_untrusted",
                "allekirjoittajan varmenteeseen ei luoteta",
                "undertecknarens certifikat är inte betrott",
                "the signer's certificate is not trusted",
            ),
            Self::CertificateNotValidThen => (
                "signature.certificate_not_valid_then",
                "allekirjoittajan varmenne ei ollut voimassa allekirjoitushetkellä",
                "undertecknarens certifikat var inte giltigt vid tidpunkten för underskriften",
                "the signer's certificate was not valid at the signed time",
            ),
            Self::SignedInFuture => (
                "signature.signed_in_future",
                "allekirjoitushetki on tulevaisuudessa",
                "tidpunkten för underskriften ligger i framtiden",
                "the signed time is in the future",
            ),
            Self::CertificateUsage => (
                "signature.certificate_usage",
                "allekirjoittajan varmenteella ei saa allekirjoittaa asiakirjoja",
                "undertecknarens certifikat får inte underteckna handlingar",
                "the signer's certificate may not sign documents",
            ),
            Self::KeyWeak => (
                "signature.key_weak",
                "allekirjoittajan avain ei ole vähintään 2048-bittinen RSA",
                "undertecknarens nyckel är inte RSA med minst 2048 bitar",
                "the signer's key is not RSA of at least 2048 bits",
            ),
            Self::OtherOrganisation => (
                "signature.other_organisation",
                "allekirjoittaja on muu kuin odotettu organisaatio",
                "undertecknaren är en annan organisation än väntat",
                "the signer is another organisation than the expected one",
            ),
            Self::OtherProfessional => (
                "signature.other_professional",
                "allekirjoittaja on muu kuin asiakirjan nimeämä ammattihenkilö",
                "undertecknaren är en annan yrkesutbildad person än handlingen nämner",
                "the signer is another professional than the document names",
            ),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
