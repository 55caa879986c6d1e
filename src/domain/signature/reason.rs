//! Why a signature is not believed: one name a cause, so that programs and people can tell them apart.

use std::fmt;

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
        match self {
            Self::NotClinicalDocument => "the document element is not a ClinicalDocument",
            Self::SecondDocument => "a second ClinicalDocument stands inside the document",
            Self::BodyMissing => "the document has no component/nonXMLBody",
            Self::SecondBody => "the document has more than one nonXMLBody",
            Self::BodyIdDiffers => "nonXMLBody/@ID is not OID and the document's id",
            Self::DuplicateId => "two elements carry the same id",
            Self::SignatureMissing => "the document has no signature",
            Self::SignatureMisplaced => "an XMLDSig element stands outside its place in signatureCollection",
            Self::TooManySignatures => "the document has more signatures than the limit",
            Self::KindUnknown => "the signature is neither a professional's (1) nor a system's (3)",
            Self::TimestampUnreadable => "the signature has no single readable timestamp",
            Self::SignedInfoNotOne => "the signature does not have exactly one SignedInfo",
            Self::UnexpectedPart => "the signature holds a part that has no place in it",
            Self::CommentInValue => "a signed value is broken up by a comment or an element",
            Self::Sha1 => "SHA-1 is not accepted",
            Self::AlgorithmRefused => "an algorithm is not on the list of accepted ones",
            Self::TransformParameters => "a transform carries parameters (an inclusive-prefix list or other)",
            Self::TransformRefused => "the transforms are not exclusive C14N, alone or after enveloped-signature",
            Self::ReferenceCount => "the signature does not have exactly two references",
            Self::ReferenceTarget => "the references are not this timestamp and this body, once each",
            Self::NotBase64 => "a digest or the signature value is not Base64",
            Self::TimestampChanged => "the timestamp is not the one that was signed",
            Self::BodyChanged => "the body is not the one that was signed",
            Self::ValueWrong => "the signature value does not fit the signed information and the certificate",
            Self::CertificateUnreadable => "the signature does not carry exactly one readable certificate",
            Self::CertificateUntrusted => "the signer's certificate is not trusted",
            Self::CertificateNotValidThen => "the signer's certificate was not valid at the signed time",
            Self::SignedInFuture => "the signed time is in the future",
            Self::CertificateUsage => "the signer's certificate may not sign documents",
            Self::KeyWeak => "the signer's key is not RSA of at least 2048 bits",
            Self::OtherOrganisation => "the signer is another organisation than the expected one",
            Self::OtherProfessional => "the signer is another professional than the document names",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.message())
    }
}
