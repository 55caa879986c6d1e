//! XML signatures of a document, verified independently: exclusive C14N by bergshamra, RSA, digests and X.509 by openssl.
//!
//! The verified nodes are reached by structure, not by id look-up: the body is the document's own `component/nonXMLBody`,
//! the timestamp the signature's own. The header is not covered by a signature; `rules/` compares it. Called by
//! `archive.rs`; `uppsala` parses a text that `xml.rs` has taken before, so depth and DOCTYPE are settled.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bergshamra_c14n::C14nMode;
use bergshamra_xml::NodeSet;
use jiff::Timestamp;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::sign::Verifier;
use openssl::x509::X509;
use uppsala::{Document, NodeId};

use crate::finding::{Finding, Rule};
use crate::xml::{DSIG, FINLAND, HL7};

#[cfg(test)]
mod tests;
mod trust;

pub(crate) use trust::Trust;

const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const SHA256: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const SIGNATURES_MAX: usize = 10;

/// Who signs (code system 1.2.246.537.5.40127).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignatureKind {
    /// 1: a professional.
    Professional,
    /// 3: a system.
    System,
}

/// A signature that holds, and whose certificate is trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VerifiedSignature {
    pub(crate) kind: SignatureKind,
    /// The `serialNumber` of the certificate's subject.
    pub(crate) signer: String,
}

/// Verifies every signature of a document.
pub(crate) fn verify(text: &str, trust: &Trust) -> Result<Vec<VerifiedSignature>, Finding> {
    let document = uppsala::parse(text.strip_prefix('\u{feff}').unwrap_or(text))
        .map_err(|_| Finding::new(Rule::SignatureForm, "document"))?;
    let signatures = signatures(&document);
    if signatures.is_empty() || signatures.len() > SIGNATURES_MAX {
        return Err(Finding::new(Rule::SignaturePresent, "signatureCollection"));
    }
    signatures
        .iter()
        .enumerate()
        .map(|(index, node)| {
            verify_one(&document, *node, trust)
                .map_err(|rule| Finding::new(rule, format!("signatureCollection/signature[{}]", index + 1)))
        })
        .collect()
}

fn signatures(document: &Document<'_>) -> Vec<NodeId> {
    document
        .document_element()
        .and_then(|root| document.first_child_element_by_name_ns(root, FINLAND, "localSocialHeader"))
        .and_then(|header| document.first_child_element_by_name_ns(header, FINLAND, "signatureCollection"))
        .map(|collection| document.child_elements_by_name_ns(collection, FINLAND, "signature"))
        .unwrap_or_default()
}

fn verify_one(document: &Document<'_>, node: NodeId, trust: &Trust) -> Result<VerifiedSignature, Rule> {
    let parts = Parts::read(document, node).ok_or(Rule::SignatureForm)?;
    algorithms(document, &parts)?;
    references(document, &parts)?;
    let certificate = certificate(document, &parts).ok_or(Rule::SignatureForm)?;
    value(document, &parts, &certificate)?;
    let signed_at: Timestamp =
        document.text_content_deep(parts.timestamp).trim().parse().map_err(|_| Rule::SignatureForm)?;
    trust.check(&certificate, signed_at)?;
    Ok(VerifiedSignature { kind: parts.kind, signer: subject_serial(&certificate).ok_or(Rule::SignatureSigner)? })
}

/// The elements of one signature.
struct Parts {
    kind: SignatureKind,
    timestamp: NodeId,
    body: NodeId,
    signed_info: NodeId,
    signature: NodeId,
}

impl Parts {
    fn read(document: &Document<'_>, node: NodeId) -> Option<Self> {
        let hl7 = |parent, name| document.first_child_element_by_name_ns(parent, HL7, name);
        let description = document.first_child_element_by_name_ns(node, FINLAND, "signatureDescription")?;
        let kind = match document.get_attribute(description, "code")? {
            "1" => SignatureKind::Professional,
            "3" => SignatureKind::System,
            _ => return None,
        };
        let signature = only(document, node, DSIG, "Signature")?;
        Some(Self {
            kind,
            timestamp: only(document, node, FINLAND, "signatureTimestamp")?,
            body: hl7(hl7(document.document_element()?, "component")?, "nonXMLBody")?,
            signed_info: only(document, signature, DSIG, "SignedInfo")?,
            signature,
        })
    }
}

/// The child element of that name, when there is exactly one.
fn only(document: &Document<'_>, parent: NodeId, namespace: &str, name: &str) -> Option<NodeId> {
    match document.child_elements_by_name_ns(parent, namespace, name).as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

fn algorithm<'a>(document: &'a Document<'_>, parent: NodeId, name: &str) -> Option<&'a str> {
    document.get_attribute(only(document, parent, DSIG, name)?, "Algorithm")
}

fn algorithms(document: &Document<'_>, parts: &Parts) -> Result<(), Rule> {
    let info = parts.signed_info;
    let main = algorithm(document, info, "CanonicalizationMethod") == Some(EXCLUSIVE_C14N)
        && algorithm(document, info, "SignatureMethod") == Some(RSA_SHA256)
        && no_children(document, info, "CanonicalizationMethod")
        && no_children(document, info, "SignatureMethod");
    let references = document.child_elements_by_name_ns(info, DSIG, "Reference");
    let fits = references.iter().all(|reference| {
        algorithm(document, *reference, "DigestMethod") == Some(SHA256) && transforms_fit(document, *reference)
    });
    if main && fits { Ok(()) } else { Err(Rule::SignatureAlgorithms) }
}

/// Parameters of a method (an inclusive prefix list, an output length) change what it does; none is in use.
fn no_children(document: &Document<'_>, parent: NodeId, name: &str) -> bool {
    only(document, parent, DSIG, name).is_some_and(|node| elements(document, node).is_empty())
}

fn elements(document: &Document<'_>, node: NodeId) -> Vec<NodeId> {
    document.children(node).into_iter().filter(|child| document.element(*child).is_some()).collect()
}

/// Exclusive C14N, before it at most an enveloped-signature (which takes nothing out of body or timestamp).
fn transforms_fit(document: &Document<'_>, reference: NodeId) -> bool {
    let Some(transforms) = only(document, reference, DSIG, "Transforms") else {
        return false;
    };
    let all = elements(document, transforms);
    let bare = all.iter().all(|transform| elements(document, *transform).is_empty());
    let names: Vec<_> = all.iter().map(|transform| document.get_attribute(*transform, "Algorithm")).collect();
    let known = matches!(names.as_slice(), [Some(EXCLUSIVE_C14N)] | [Some(ENVELOPED), Some(EXCLUSIVE_C14N)]);
    bare && known
}

/// Exactly the timestamp and the body, each by an id that occurs once in the document; and their digests.
fn references(document: &Document<'_>, parts: &Parts) -> Result<(), Rule> {
    let all = document.child_elements_by_name_ns(parts.signed_info, DSIG, "Reference");
    let [first, second] = all.as_slice() else {
        return Err(Rule::SignatureReferences);
    };
    let targets = [parts.timestamp, parts.body];
    let ids = targets.map(|target| document.get_attribute(target, "ID").unwrap_or_default());
    if ids.iter().any(|id| id.is_empty() || occurrences(document, id) != 1) {
        return Err(Rule::SignatureReferences);
    }
    let target_of = |reference: NodeId| {
        let id = document.get_attribute(reference, "URI")?.strip_prefix('#')?;
        targets.into_iter().zip(ids).find_map(|(target, known)| (known == id).then_some(target))
    };
    match (target_of(*first), target_of(*second)) {
        (Some(one), Some(other)) if one != other => {
            digest(document, *first, one)?;
            digest(document, *second, other)
        }
        _ => Err(Rule::SignatureReferences),
    }
}

/// How many elements carry the id, in any spelling that some verifier takes for an id.
fn occurrences(document: &Document<'_>, id: &str) -> usize {
    let Some(root) = document.document_element() else {
        return 0;
    };
    let carries = |node: &NodeId| ["ID", "Id", "id"].iter().any(|name| document.get_attribute(*node, name) == Some(id));
    std::iter::once(root).chain(document.descendants(root)).filter(carries).count()
}

fn digest(document: &Document<'_>, reference: NodeId, target: NodeId) -> Result<(), Rule> {
    let expected = base64_of(document, reference, "DigestValue").ok_or(Rule::SignatureForm)?;
    let bytes = canonical(document, target).ok_or(Rule::SignatureDigest)?;
    if openssl::sha::sha256(&bytes).as_slice() == expected { Ok(()) } else { Err(Rule::SignatureDigest) }
}

fn canonical(document: &Document<'_>, target: NodeId) -> Option<Vec<u8>> {
    let nodes = NodeSet::tree_without_comments(target, document);
    bergshamra_c14n::canonicalize_doc::<&str>(document, C14nMode::Exclusive, Some(&nodes), &[]).ok()
}

fn base64_of(document: &Document<'_>, parent: NodeId, name: &str) -> Option<Vec<u8>> {
    let mut text = document.text_content_deep(only(document, parent, DSIG, name)?);
    text.retain(|sign| !sign.is_ascii_whitespace());
    STANDARD.decode(text).ok()
}

fn certificate(document: &Document<'_>, parts: &Parts) -> Option<X509> {
    let info = only(document, parts.signature, DSIG, "KeyInfo")?;
    let data = only(document, info, DSIG, "X509Data")?;
    X509::from_der(&base64_of(document, data, "X509Certificate")?).ok()
}

fn value(document: &Document<'_>, parts: &Parts, certificate: &X509) -> Result<(), Rule> {
    let signed = canonical(document, parts.signed_info).ok_or(Rule::SignatureValue)?;
    let value = base64_of(document, parts.signature, "SignatureValue").ok_or(Rule::SignatureForm)?;
    let key = certificate.public_key().map_err(|_| Rule::SignatureForm)?;
    if key.id() != openssl::pkey::Id::RSA || key.bits() < 2048 {
        return Err(Rule::SignatureAlgorithms);
    }
    let holds = Verifier::new(MessageDigest::sha256(), &key)
        .and_then(|mut verifier| verifier.verify_oneshot(&value, &signed))
        .unwrap_or(false);
    if holds { Ok(()) } else { Err(Rule::SignatureValue) }
}

/// The `serialNumber` attribute (2.5.4.5) of a certificate's subject.
pub(crate) fn subject_serial(certificate: &X509) -> Option<String> {
    let entry = certificate.subject_name().entries_by_nid(Nid::SERIALNUMBER).next()?;
    entry.data().to_string().ok()
}
