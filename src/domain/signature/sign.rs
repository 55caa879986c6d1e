//! Making a signature, in two steps: what is to be signed, and the signature put in its place.
//!
//! [`sign`] does both with a key at hand. [`prepare`] and [`Prepared::complete`] are for a professional's card: the bytes go
//! out, the signature comes back later. Nothing is completed with a signature that does not verify.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::verify::verify;
use super::{Crypto, Digest, ENVELOPED, EXCLUSIVE_C14N, RSA_BITS_MIN, RsaWith, SignatureKind, Signer, SignerFault};
use super::{ExpectedSigner, Reason, Trust, TrustPolicy, XMLDSIG, c14n};
use crate::domain::document::Document;
use crate::domain::document::cda::{self, HL7FI, social};
use crate::domain::document::header::{DocumentGroup, Header};
use crate::domain::document::read::read;
use crate::domain::finding::redacted_debug;
use crate::domain::time::{Instant, xml_utc};
use crate::domain::xml::{Element, Tree};

const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SIGNATURE_ID: &str = "Signature.1";
const TIMESTAMP_ID: &str = "CDA-timestamp.Signature.1";
/// Code system of the kind of signature, as documents write it.
const KIND_SYSTEM: &str = "1.2.246.537.5.40127.2006";
const KIND_SYSTEM_NAME: &str = "KanTa-palvelut - Sähköisen allekirjoituksen tyyppi";

/// A document with a signature that verifies. Made by [`sign`], [`Prepared::complete`] and [`signed_before`] only.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedDocument {
    header: Header,
    kind: SignatureKind,
    xml: Vec<u8>,
}

redacted_debug!(SignedDocument);

impl SignedDocument {
    /// What the document says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Who signed it.
    pub fn kind(&self) -> SignatureKind {
        self.kind
    }

    /// The exact bytes, XML declaration included. Never to be written anew from a tree.
    pub fn xml(&self) -> &[u8] {
        &self.xml
    }

    /// Its parts: header and exact bytes.
    pub fn into_parts(self) -> (Header, Vec<u8>) {
        (self.header, self.xml)
    }
}

/// Takes up bytes that were signed before, for a document made anew from the same record, ids, case and moment: what they say of
/// themselves is what the document says, and their one signature holds. Whether its certificate is trusted is not judged: it was
/// this installation's own then, and may have been renewed since.
///
/// # Errors
/// [`SignError::NotTheSame`], [`SignError::DoesNotVerify`].
pub fn signed_before(document: &Document, xml: Vec<u8>, crypto: &dyn Crypto) -> Result<SignedDocument, SignError> {
    let (header, kept) = (document.header(), read(&xml).map_err(|_| SignError::NotTheSame)?);
    let said = &kept.header;
    let same = said.document.as_ref() == Some(&header.ids.document)
        && said.set.as_ref() == Some(&header.ids.set)
        && said.version == Some(header.ids.version)
        && said.replaces.as_ref() == header.replaces.as_ref().map(|(replaced, _)| replaced)
        && said.custodian.as_ref().is_some_and(|owner| owner.oid == header.organiser.oid)
        && said.unit.as_ref().is_some_and(|unit| unit.oid == header.unit.oid)
        && said.case == header.case
        && said.structure.as_ref() == Some(&header.structure)
        && said.drawn_up == Some(header.drawn_up)
        && said.created == Some(header.created)
        && said.clients.len() == header.clients.len()
        && said.clients.iter().zip(&header.clients).all(|(said, client)| said.ids.first() == client.id().as_ref());
    if !same {
        return Err(SignError::NotTheSame);
    }
    let now = Timestamp::MAX;
    let policy = TrustPolicy { trust: Trust::Pinned(Vec::new()), system_signer: ExpectedSigner::Anyone, now };
    let verdict = verify(kept.tree(), crypto, &policy);
    let holds = verdict.all_reasons().all(|reason| reason == Reason::CertificateUntrusted);
    match verdict.signatures.as_slice() {
        [signature] if holds => {
            let kind = signature.kind.ok_or(SignError::DoesNotVerify)?;
            Ok(SignedDocument { header: header.clone(), kind, xml })
        }
        _ => Err(SignError::DoesNotVerify),
    }
}

/// Why a document was not signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// Only a relationship document is signed without a case: the archive would refuse it.
    #[error("the document has no case yet, and only a relationship document goes without one")]
    NoCase,
    /// A professional signature on a document that names no author.
    #[error("a professional signature needs an author, and the document names none")]
    NoAuthor,
    /// The certificate is not one.
    #[error("the signer's certificate cannot be read")]
    CertificateUnreadable,
    /// The certificate is not valid at the time of signing.
    #[error("the signer's certificate is not valid at the time of signing")]
    CertificateNotValid,
    /// The certificate is not for signing documents, or its key is too weak.
    #[error("the signer's certificate is not for signing documents with RSA of at least 2048 bits")]
    CertificateUnfit,
    /// The professional's certificate has another registration number than the author.
    #[error("the certificate's serial number is not the author's registration number")]
    OtherProfessional,
    /// The key did not sign.
    #[error(transparent)]
    Signer(#[from] SignerFault),
    /// The bytes that were signed before are another document's, or say something else of it.
    #[error("what was signed before does not agree with the document")]
    NotTheSame,
    /// What came back is not a signature of what was to be signed.
    #[error("the signature does not fit what was to be signed and the certificate")]
    DoesNotVerify,
}

/// A document waiting for its signature.
#[derive(Clone)]
pub struct Prepared {
    document: Document,
    kind: SignatureKind,
    signed_at: Timestamp,
    signed_info: Element,
}

redacted_debug!(Prepared);

/// Signs a document with a key at hand.
///
/// # Errors
/// [`SignError`]; nothing is signed with a certificate that a verifier would refuse.
pub fn sign(
    document: &Document,
    kind: SignatureKind,
    signed_at: Timestamp,
    signer: &dyn Signer,
    crypto: &dyn Crypto,
) -> Result<SignedDocument, SignError> {
    let prepared = prepare(document, kind, signed_at, crypto)?;
    prepared.check_certificate(signer.certificate_der(), crypto)?;
    let value = signer.sign_rsa_sha256(prepared.to_be_signed().as_bytes())?;
    prepared.complete(&value, signer.certificate_der(), crypto)
}

/// Works out what is to be signed: digests of the timestamp and the body.
///
/// # Errors
/// [`SignError::NoCase`] and [`SignError::NoAuthor`].
pub fn prepare(
    document: &Document,
    kind: SignatureKind,
    signed_at: Timestamp,
    crypto: &dyn Crypto,
) -> Result<Prepared, SignError> {
    let header = document.header();
    if header.case.is_none() && header.group != DocumentGroup::Relationship {
        return Err(SignError::NoCase);
    }
    if kind == SignatureKind::Professional && cda::author_of(header).is_none() {
        return Err(SignError::NoAuthor);
    }
    let signed_info = dsig("SignedInfo")
        .child(method("CanonicalizationMethod", EXCLUSIVE_C14N))
        .child(method("SignatureMethod", RSA_SHA256))
        .child(reference(TIMESTAMP_ID, &timestamp(signed_at), kind, crypto))
        .child(reference(&document.body_id(), &cda::body(document), kind, crypto));
    Ok(Prepared { document: document.clone(), kind, signed_at, signed_info })
}

impl Prepared {
    /// The bytes to sign with RSA (PKCS #1 v1.5) and SHA-256: the canonical `SignedInfo`.
    pub fn to_be_signed(&self) -> String {
        c14n::canonical(&self.signed_info)
    }

    /// Puts the signature in its place.
    ///
    /// # Errors
    /// [`SignError`] when the certificate does not do or the signature does not verify with it.
    pub fn complete(
        self,
        value: &[u8],
        certificate_der: &[u8],
        crypto: &dyn Crypto,
    ) -> Result<SignedDocument, SignError> {
        self.check_certificate(certificate_der, crypto)?;
        let signed = self.to_be_signed();
        if !crypto.verifies(RsaWith(Digest::Sha256), certificate_der, signed.as_bytes(), value) {
            return Err(SignError::DoesNotVerify);
        }
        let mut added = Vec::new();
        if let (SignatureKind::Professional, Some(author)) = (self.kind, cda::author_of(self.document.header())) {
            added.push(social::professional_signature(author, Instant::in_finland(self.signed_at)));
        }
        added.push(Element::new(HL7FI, "signatureCollection").child(self.signature(value, certificate_der)));
        let root = cda::clinical_document(&self.document, added);
        let xml = Tree { prolog: Vec::new(), root }.to_xml().into_bytes();
        Ok(SignedDocument { header: self.document.header().clone(), kind: self.kind, xml })
    }

    fn check_certificate(&self, der: &[u8], crypto: &dyn Crypto) -> Result<(), SignError> {
        let facts = crypto.certificate(der).ok_or(SignError::CertificateUnreadable)?;
        if !facts.is_valid_at(self.signed_at) {
            return Err(SignError::CertificateNotValid);
        }
        if !facts.may_sign() || facts.rsa_bits.is_none_or(|bits| bits < RSA_BITS_MIN) {
            return Err(SignError::CertificateUnfit);
        }
        let author = cda::author_of(self.document.header()).map(|worker| worker.registration_number.reveal());
        if self.kind == SignatureKind::Professional && facts.subject_serial.as_deref() != author {
            return Err(SignError::OtherProfessional);
        }
        Ok(())
    }

    fn signature(&self, value: &[u8], certificate_der: &[u8]) -> Element {
        let (code, display) = match self.kind {
            SignatureKind::Professional => ("1", "Ammattihenkilön allekirjoitus"),
            SignatureKind::System => ("3", "Järjestelmäallekirjoitus"),
        };
        let description = Element::new(HL7FI, "signatureDescription")
            .with("code", code)
            .with("displayName", display)
            .with("codeSystem", KIND_SYSTEM)
            .with("codeSystemName", KIND_SYSTEM_NAME);
        let certificate = dsig("X509Certificate").text(STANDARD.encode(certificate_der));
        let xmldsig = dsig("Signature")
            .child(self.signed_info.clone())
            .child(dsig("SignatureValue").text(STANDARD.encode(value)))
            .child(dsig("KeyInfo").child(dsig("X509Data").child(certificate)));
        Element::new(HL7FI, "signature")
            .with("ID", SIGNATURE_ID)
            .child(description)
            .child(timestamp(self.signed_at))
            .child(xmldsig)
    }
}

fn timestamp(signed_at: Timestamp) -> Element {
    Element::new(HL7FI, "signatureTimestamp").with("ID", TIMESTAMP_ID).text(xml_utc(signed_at))
}

fn reference(id: &str, target: &Element, kind: SignatureKind, crypto: &dyn Crypto) -> Element {
    let digest = crypto.digest(Digest::Sha256, c14n::canonical(target).as_bytes());
    // Documents with a system signature carry the enveloped-signature transform, those with a professional's do not.
    let enveloped = (kind == SignatureKind::System).then(|| method("Transform", ENVELOPED));
    let transforms = dsig("Transforms").children(enveloped).child(method("Transform", EXCLUSIVE_C14N));
    dsig("Reference")
        .with("URI", format!("#{id}"))
        .child(transforms)
        .child(method("DigestMethod", SHA256))
        .child(dsig("DigestValue").text(STANDARD.encode(digest)))
}

fn method(name: &str, algorithm: &str) -> Element {
    dsig(name).with("Algorithm", algorithm)
}

fn dsig(name: &str) -> Element {
    Element::new(XMLDSIG, name)
}
