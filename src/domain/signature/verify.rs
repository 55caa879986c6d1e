//! Judging the signatures of a document that was read: strict, and with every cause that was found.
//!
//! Works on the very tree that the caller goes on to read, so what was judged is what is used. Only the one shape that the
//! archive's documents have is believed, with SHA-256, -384 or -512: anything more, less or elsewhere is a [`Reason`]. Does not say whether a signature is
//! of the kind that a document needs, and asks no revocation service.

mod xmldsig;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::{
    CertificateFacts, Crypto, ExpectedSigner, RSA_BITS_MIN, Reason, SignatureKind, Trust, TrustPolicy, XMLDSIG,
};
use crate::domain::document::cda::{HL7, HL7FI, body_id};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::person::{REGISTRATION_NUMBER_ROOT, RegistrationNumber};
use crate::domain::xml::{Element, Node, Tree};

/// Signatures on one document, at most (a bound of ours).
const SIGNATURES_MAX: usize = 20;
/// How far the signer's clock may be ahead of ours.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
const KIND_ROOT: &str = "1.2.246.537.5.40127";

/// What the signatures of a document are worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Each signature, in document order.
    pub signatures: Vec<SignatureVerdict>,
    /// What is wrong with the document as a whole.
    pub reasons: Vec<Reason>,
}

impl Verdict {
    /// Whether there is a signature and nothing is wrong with the document or any signature.
    pub fn is_valid(&self) -> bool {
        !self.signatures.is_empty() && self.all_reasons().next().is_none()
    }

    /// Whether it is valid and has a signature of this kind.
    pub fn is_valid_and_signed_by(&self, kind: SignatureKind) -> bool {
        self.is_valid() && self.signatures.iter().any(|s| s.kind == Some(kind))
    }

    /// Every cause: of the document, then of each signature.
    pub fn all_reasons(&self) -> impl Iterator<Item = Reason> + '_ {
        self.reasons.iter().chain(self.signatures.iter().flat_map(|s| &s.reasons)).copied()
    }
}

/// What one signature is worth. What it says is given even when it is not believed.
#[derive(Clone, PartialEq, Eq)]
pub struct SignatureVerdict {
    /// Professional or system.
    pub kind: Option<SignatureKind>,
    /// The signed time, by the signer's own clock.
    pub signed_at: Option<Timestamp>,
    /// What the signer's certificate says.
    pub signer: Option<CertificateFacts>,
    /// Why it is not believed; empty when it is.
    pub reasons: Vec<Reason>,
}

redacted_debug!(SignatureVerdict);

/// Judges every signature of a document.
pub fn verify(tree: &Tree, crypto: &dyn Crypto, policy: &TrustPolicy) -> Verdict {
    let root = &tree.root;
    let mut reasons = Vec::new();
    let body = body_of(root, &mut reasons);
    check_ids(root, &mut reasons);
    let header = sole(root, HL7FI, "localSocialHeader");
    let collection = header.and_then(|h| sole(h, HL7FI, "signatureCollection"));
    let signatures: Vec<&Element> = collection.into_iter().flat_map(|c| c.all("signature")).collect();
    check_places(root, &signatures, &mut reasons);
    if signatures.is_empty() {
        reasons.push(Reason::SignatureMissing);
    }
    if signatures.len() > SIGNATURES_MAX {
        reasons.push(Reason::TooManySignatures);
    }
    let judge = Judge { root, body, crypto, policy };
    let signatures = signatures.into_iter().take(SIGNATURES_MAX).map(|s| judge.signature(s)).collect();
    Verdict { signatures, reasons }
}

/// The body that every signature must cover: the document element's own, and the only one.
fn body_of<'a>(root: &'a Element, reasons: &mut Vec<Reason>) -> Option<&'a Element> {
    if !root.is(HL7, "ClinicalDocument") {
        reasons.push(Reason::NotClinicalDocument);
    }
    if root.descendants().filter(|e| e.name == "ClinicalDocument").count() > 1 {
        reasons.push(Reason::SecondDocument);
    }
    if root.descendants().filter(|e| e.name == "nonXMLBody").count() > 1 {
        reasons.push(Reason::SecondBody);
    }
    let body = sole(root, HL7, "component").and_then(|component| sole(component, HL7, "nonXMLBody"));
    let Some(body) = body else {
        reasons.push(Reason::BodyMissing);
        return None;
    };
    let document = sole(root, HL7, "id").and_then(|id| id.attribute("root"));
    if document.map(body_id).as_deref() != body.attribute("ID") {
        reasons.push(Reason::BodyIdDiffers);
    }
    Some(body)
}

/// The child of this name, when there is exactly one.
fn sole<'a>(parent: &'a Element, namespace: &str, name: &str) -> Option<&'a Element> {
    let mut found = parent.elements().filter(|e| e.is(namespace, name));
    found.next().filter(|_| found.next().is_none())
}

/// Every attribute that any reader may take for an id: `ID`, `Id`, `id`, `xml:id`. Two alike are two targets for one reference.
fn check_ids(root: &Element, reasons: &mut Vec<Reason>) {
    let attributes = root.descendants().flat_map(|e| &e.attributes);
    let mut ids: Vec<&str> =
        attributes.filter(|a| a.name.eq_ignore_ascii_case("id")).map(|a| a.value.as_str()).collect();
    let before = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < before {
        reasons.push(Reason::DuplicateId);
    }
}

/// `Signature` and `SignedInfo` of XMLDSig belong in the collection's signatures, one each, and nowhere else.
fn check_places(root: &Element, signatures: &[&Element], reasons: &mut Vec<Reason>) {
    let count = |name: &str| root.descendants().filter(|e| e.name == name && e.namespace == XMLDSIG).count();
    let own: Vec<&Element> =
        signatures.iter().flat_map(|s| s.elements().filter(|e| e.is(XMLDSIG, "Signature"))).collect();
    let own_infos = own.iter().flat_map(|s| s.all("SignedInfo")).count();
    if count("Signature") != own.len() || count("SignedInfo") != own_infos {
        reasons.push(Reason::SignatureMisplaced);
    }
}

struct Judge<'a> {
    root: &'a Element,
    body: Option<&'a Element>,
    crypto: &'a dyn Crypto,
    policy: &'a TrustPolicy,
}

impl Judge<'_> {
    fn signature(&self, signature: &Element) -> SignatureVerdict {
        let mut reasons = Vec::new();
        let kind = kind_of(signature);
        if kind.is_none() {
            reasons.push(Reason::KindUnknown);
        }
        let timestamp = sole(signature, HL7FI, "signatureTimestamp").filter(|t| t.attribute("ID").is_some());
        let signed_at = timestamp.and_then(|t| plain_text(t).ok()).and_then(|text| text.trim().parse().ok());
        if signed_at.is_none() {
            reasons.push(Reason::TimestampUnreadable);
        }
        let certificate = match sole(signature, XMLDSIG, "Signature") {
            Some(xmldsig) => {
                let targets = xmldsig::Targets { timestamp, body: self.body };
                xmldsig::check(xmldsig, targets, self.crypto, &mut reasons)
            }
            None => {
                reasons.push(Reason::SignedInfoNotOne);
                None
            }
        };
        let signer = certificate.as_deref().and_then(|der| self.crypto.certificate(der));
        match (&certificate, &signer) {
            (Some(der), Some(facts)) => self.signer(kind, signed_at, der, facts, &mut reasons),
            _ if reasons.contains(&Reason::CertificateUnreadable) => {}
            _ => reasons.push(Reason::CertificateUnreadable),
        }
        SignatureVerdict { kind, signed_at, signer, reasons }
    }

    fn signer(
        &self,
        kind: Option<SignatureKind>,
        signed_at: Option<Timestamp>,
        der: &[u8],
        facts: &CertificateFacts,
        reasons: &mut Vec<Reason>,
    ) {
        if facts.rsa_bits.is_none_or(|bits| bits < RSA_BITS_MIN) {
            reasons.push(Reason::KeyWeak);
        }
        if !facts.may_sign() {
            reasons.push(Reason::CertificateUsage);
        }
        if signed_at.is_some_and(|at| at.duration_since(self.policy.now) > CLOCK_TOLERANCE) {
            reasons.push(Reason::SignedInFuture);
        }
        // What counts is the signed time: documents outlive certificates by decades.
        if !signed_at.is_some_and(|at| facts.is_valid_at(at)) {
            reasons.push(Reason::CertificateNotValidThen);
        }
        let trusted = match &self.policy.trust {
            Trust::Pinned(pinned) => pinned.iter().any(|p| p == der),
            Trust::Authorities(list) => signed_at.is_some_and(|at| self.crypto.chains_to(der, list, at)),
        };
        if !trusted {
            reasons.push(Reason::CertificateUntrusted);
        }
        reasons.extend(kind.and_then(|kind| self.other_than_expected(kind, facts)));
    }

    /// A system signature must be of the expected organisation, a professional's of a person that the document names.
    fn other_than_expected(&self, kind: SignatureKind, facts: &CertificateFacts) -> Option<Reason> {
        match (kind, &self.policy.system_signer) {
            (SignatureKind::System, ExpectedSigner::Anyone) => {
                facts.organisation_oid().is_none().then_some(Reason::OtherOrganisation)
            }
            (SignatureKind::System, ExpectedSigner::Organisation(expected)) => {
                let own = facts.organisation_oid().is_some_and(|oid| oid.is_within(expected));
                (!own).then_some(Reason::OtherOrganisation)
            }
            // The kind itself and the names in the header are not signed: what the certificate is for decides.
            (SignatureKind::Professional, _) => {
                let serial = facts.subject_serial.as_deref().filter(|s| s.parse::<RegistrationNumber>().is_ok());
                let named = serial.is_some_and(|serial| self.professionals().any(|named| named.trim() == serial));
                (!named).then_some(Reason::OtherProfessional)
            }
        }
    }

    /// The registration numbers that the document names as signers or, where it names none, as authors.
    fn professionals(&self) -> impl Iterator<Item = String> + '_ {
        let header = self.root.first_in(HL7FI, "localSocialHeader");
        let signers: Vec<String> = header
            .into_iter()
            .flat_map(|h| h.all("signature"))
            .filter_map(|s| s.first("assignedAuthorSigner"))
            .map(Element::all_text)
            .collect();
        let authors = self
            .root
            .all("author")
            .filter_map(|a| a.at(["assignedAuthor", "id"]))
            .filter(|id| id.attribute("root") == Some(REGISTRATION_NUMBER_ROOT))
            .filter_map(|id| id.attribute("extension").map(str::to_owned));
        let authors: Vec<String> = if signers.is_empty() { authors.collect() } else { Vec::new() };
        signers.into_iter().chain(authors)
    }
}

fn kind_of(signature: &Element) -> Option<SignatureKind> {
    let description = sole(signature, HL7FI, "signatureDescription")?;
    let system: Oid = description.attribute("codeSystem")?.parse().ok()?;
    let root: Oid = KIND_ROOT.parse().ok()?;
    SignatureKind::by_code(description.attribute("code")?).filter(|_| system.is_within(&root))
}

/// The text of an element that holds text and nothing else.
fn plain_text(element: &Element) -> Result<&str, Reason> {
    match element.children.as_slice() {
        [Node::Text(text)] => Ok(text),
        _ => Err(Reason::CommentInValue),
    }
}

/// Base64 of an element that holds it and nothing else; white space in it does not matter.
fn decoded(element: &Element) -> Result<Vec<u8>, Reason> {
    let packed: String = plain_text(element)?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    STANDARD.decode(packed).map_err(|_| Reason::NotBase64)
}
