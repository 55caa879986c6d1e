//! Signatures of archive documents: XMLDSig over the body and a timestamp, made and judged.
//!
//! Computes canonical bytes, references and the verdict; keys, digests and certificates come through the ports [`Signer`] and
//! [`Crypto`]. A signature covers the body and its time, **not the header**: what the header says is compared with the content
//! by [`super::document::read`]. The worker signs, the reader of fetched documents verifies.

pub mod c14n;
mod reason;
mod sign;
mod verify;

use std::fmt;

use jiff::Timestamp;

pub use reason::Reason;
pub use sign::{Prepared, SignError, SignedDocument, prepare, sign, signed_before};
pub use verify::{SignatureVerdict, Verdict, verify};

use super::finding::redacted_debug;
use super::oid::Oid;

/// Namespace of XMLDSig.
pub const XMLDSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// Exclusive C14N without comments.
pub const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The enveloped-signature transform.
pub const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// The shortest RSA key that signs or is believed, in bits.
pub const RSA_BITS_MIN: u32 = 2048;

/// Who signs (1.2.246.537.5.40127).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignatureKind {
    /// 1: a professional, with a personal certificate.
    Professional,
    /// 3: the system, with the organisation's certificate.
    System,
}

impl SignatureKind {
    /// The code in 1.2.246.537.5.40127.
    pub fn code(self) -> &'static str {
        match self {
            Self::Professional => "1",
            Self::System => "3",
        }
    }

    /// The kind by its code.
    pub fn by_code(code: &str) -> Option<Self> {
        [Self::Professional, Self::System].into_iter().find(|kind| kind.code() == code)
    }
}

/// Digests that a signature may be made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256, the one we write.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// RSA signatures (PKCS #1 v1.5) that are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RsaWith(pub Digest);

/// The key could not sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key refused to sign: {0}")]
pub struct SignerFault(pub String);

/// Holds a key and its certificate. Implemented behind the domain, where keys are.
pub trait Signer: Send + Sync {
    /// The RSA signature (PKCS #1 v1.5, SHA-256) of these bytes.
    ///
    /// # Errors
    /// [`SignerFault`] when the key does not sign.
    fn sign_rsa_sha256(&self, bytes: &[u8]) -> Result<Vec<u8>, SignerFault>;

    /// The certificate of that key, DER.
    fn certificate_der(&self) -> &[u8];
}

/// Digests, RSA and X.509. Pure: no key, no clock, no network.
pub trait Crypto: Send + Sync {
    /// The digest of these bytes.
    fn digest(&self, digest: Digest, bytes: &[u8]) -> Vec<u8>;

    /// Whether `signature` of `bytes` was made with the key of this certificate. `false` for anything unreadable.
    fn verifies(&self, algorithm: RsaWith, certificate_der: &[u8], bytes: &[u8], signature: &[u8]) -> bool;

    /// What the certificate says; `None` when it is not one.
    fn certificate(&self, der: &[u8]) -> Option<CertificateFacts>;

    /// Whether a chain leads from the certificate to one of these authorities (DER; roots and those between), every
    /// certificate in it valid at that time.
    fn chains_to(&self, der: &[u8], authorities: &[Vec<u8>], at: Timestamp) -> bool;
}

/// What a signer's certificate says. May name a person, so it has no derived `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// `serialNumber` of the subject: an organisation's OID, or a professional's registration number.
    pub subject_serial: Option<String>,
    /// `commonName` of the subject.
    pub common_name: Option<String>,
    /// `organizationName` of the subject.
    pub organisation: Option<String>,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
    /// Bits of an RSA key; `None` for any other key.
    pub rsa_bits: Option<u32>,
    /// Key usage, where the certificate limits it.
    pub key_usage: Option<KeyUsage>,
}

redacted_debug!(CertificateFacts);

impl CertificateFacts {
    /// Whether it is valid at this moment.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.not_before <= at && at <= self.not_after
    }

    /// Whether its key may sign documents: digitalSignature or nonRepudiation, or no limit at all.
    pub fn may_sign(&self) -> bool {
        self.key_usage.is_none_or(|usage| usage.digital_signature || usage.non_repudiation)
    }

    /// The organisation that the subject's serial number names, when it is an OID.
    pub fn organisation_oid(&self) -> Option<Oid> {
        self.subject_serial.as_deref()?.parse().ok()
    }
}

/// The two bits of X.509 key usage that matter for documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage {
    /// digitalSignature.
    pub digital_signature: bool,
    /// nonRepudiation (contentCommitment).
    pub non_repudiation: bool,
}

/// Whose signatures are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustPolicy {
    /// By which certificates.
    pub trust: Trust,
    /// Which organisation a system signature must be from: the sender's or the author's, never the custodian's (under a
    /// register access right the producer signs what the organiser keeps).
    pub system_signer: ExpectedSigner,
    /// What "in the future" is measured from.
    pub now: Timestamp,
}

/// What a signer's certificate is measured by.
#[derive(Clone, PartialEq, Eq)]
pub enum Trust {
    /// It is one of these (DER).
    Pinned(Vec<Vec<u8>>),
    /// It descends from one of these authorities (DER; roots and those between).
    Authorities(Vec<Vec<u8>>),
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned(list) => write!(f, "Pinned({})", list.len()),
            Self::Authorities(list) => write!(f, "Authorities({})", list.len()),
        }
    }
}

/// Which organisation must have made a system signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedSigner {
    /// Any that is trusted.
    Anyone,
    /// The one with this OID, or a part of it: the subject's serial number is that OID or lies below it.
    Organisation(Oid),
}
