//! One `ds:Signature`: its shape, algorithms, references and value.
//!
//! Says nothing of the signer: hands the certificate back.

use super::{decoded, sole};
use crate::domain::signature::{Crypto, Digest, ENVELOPED, EXCLUSIVE_C14N, Reason, RsaWith, XMLDSIG, c14n};
use crate::domain::xml::{Element, Node};

const SHA1: [&str; 2] = ["http://www.w3.org/2000/09/xmldsig#sha1", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"];
const DIGESTS: [(&str, Digest); 3] = [
    ("http://www.w3.org/2001/04/xmlenc#sha256", Digest::Sha256),
    ("http://www.w3.org/2001/04/xmldsig-more#sha384", Digest::Sha384),
    ("http://www.w3.org/2001/04/xmlenc#sha512", Digest::Sha512),
];
const SIGNATURES: [(&str, RsaWith); 3] = [
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", RsaWith(Digest::Sha256)),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha384", RsaWith(Digest::Sha384)),
    ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha512", RsaWith(Digest::Sha512)),
];

/// What the two references must be to.
#[derive(Clone, Copy)]
pub(super) struct Targets<'a> {
    pub(super) timestamp: Option<&'a Element>,
    pub(super) body: Option<&'a Element>,
}

/// Checks one signature against its targets; the certificate it carries, DER, when there is exactly one.
pub(super) fn check(
    signature: &Element,
    targets: Targets<'_>,
    crypto: &dyn Crypto,
    reasons: &mut Vec<Reason>,
) -> Option<Vec<u8>> {
    let infos = signature.elements().filter(|e| e.name == "SignedInfo").count();
    let Some(info) = sole(signature, XMLDSIG, "SignedInfo").filter(|_| infos == 1) else {
        reasons.push(Reason::SignedInfoNotOne);
        return None;
    };
    if !consists_of(signature, &["SignedInfo", "SignatureValue", "KeyInfo"]) {
        reasons.push(Reason::UnexpectedPart);
    }
    let algorithm = signed_info(info, targets, crypto, reasons);
    let certificate = noted(certificate_of(signature), reasons);
    let value = noted(sole(signature, XMLDSIG, "SignatureValue").map_or(Err(Reason::NotBase64), decoded), reasons);
    if let (Some(algorithm), Some(certificate), Some(value)) = (algorithm, &certificate, value)
        && !crypto.verifies(algorithm, certificate, c14n::canonical(info).as_bytes(), &value)
    {
        reasons.push(Reason::ValueWrong);
    }
    certificate
}

fn noted<T>(result: Result<T, Reason>, reasons: &mut Vec<Reason>) -> Option<T> {
    result.map_err(|reason| reasons.push(reason)).ok()
}

/// Whether an element holds these XMLDSig elements in this order, and but for white space, comments and instructions nothing.
fn consists_of(element: &Element, names: &[&str]) -> bool {
    let in_order = element.elements().map(|e| (e.namespace.as_str(), e.name.as_str()));
    let text = element.children.iter().any(|n| matches!(n, Node::Text(t) if !t.trim().is_empty()));
    !text && in_order.eq(names.iter().map(|name| (XMLDSIG, *name)))
}

fn certificate_of(signature: &Element) -> Result<Vec<u8>, Reason> {
    let key = sole(signature, XMLDSIG, "KeyInfo");
    let data = key.and_then(|k| sole(k, XMLDSIG, "X509Data"));
    let certificate = data.and_then(|d| sole(d, XMLDSIG, "X509Certificate"));
    certificate.map_or(Err(Reason::CertificateUnreadable), decoded)
}

/// Checks methods and references; the signature's algorithm when it is one to believe.
fn signed_info(
    info: &Element,
    targets: Targets<'_>,
    crypto: &dyn Crypto,
    reasons: &mut Vec<Reason>,
) -> Option<RsaWith> {
    let references: Vec<&Element> = info.all("Reference").collect();
    if references.len() != 2 {
        reasons.push(Reason::ReferenceCount);
    } else if !consists_of(info, &["CanonicalizationMethod", "SignatureMethod", "Reference", "Reference"]) {
        reasons.push(Reason::UnexpectedPart);
    }
    let canonicalization = info.first("CanonicalizationMethod").map_or(Err(Reason::AlgorithmRefused), algorithm);
    if noted(canonicalization, reasons).is_some_and(|a| a != EXCLUSIVE_C14N) {
        reasons.push(Reason::AlgorithmRefused);
    }
    let mut seen = Vec::new();
    for reference in references.into_iter().take(2) {
        match reference_to(reference, targets) {
            Some((target, changed)) if !seen.contains(&changed) => {
                seen.push(changed);
                let digest = noted(digest_of(reference, target, crypto), reasons);
                if digest == Some(false) {
                    reasons.push(changed);
                }
            }
            _ => reasons.push(Reason::ReferenceTarget),
        }
    }
    let method = info.first("SignatureMethod").map_or(Err(Reason::AlgorithmRefused), algorithm);
    noted(method.and_then(|uri| listed(uri, &SIGNATURES)), reasons)
}

/// The element that a reference names, if it is one of the two that it may name, and what is the matter if its digest differs.
fn reference_to<'a>(reference: &Element, targets: Targets<'a>) -> Option<(&'a Element, Reason)> {
    let id = reference.attribute("URI")?.strip_prefix('#')?;
    let is = |target: &&Element| target.attribute("ID") == Some(id);
    let body = targets.body.filter(is).map(|body| (body, Reason::BodyChanged));
    body.or_else(|| targets.timestamp.filter(is).map(|timestamp| (timestamp, Reason::TimestampChanged)))
}

/// Whether the target has the digest that the reference says.
fn digest_of(reference: &Element, target: &Element, crypto: &dyn Crypto) -> Result<bool, Reason> {
    if !consists_of(reference, &["Transforms", "DigestMethod", "DigestValue"]) {
        return Err(Reason::UnexpectedPart);
    }
    transforms(reference.first("Transforms").ok_or(Reason::TransformRefused)?)?;
    let method = reference.first("DigestMethod").ok_or(Reason::AlgorithmRefused)?;
    let digest = listed(algorithm(method)?, &DIGESTS)?;
    let said = decoded(reference.first("DigestValue").ok_or(Reason::NotBase64)?)?;
    Ok(crypto.digest(digest, c14n::canonical(target).as_bytes()) == said)
}

/// Exclusive C14N alone or after enveloped-signature, which drops nothing: no signature stands in a target.
fn transforms(list: &Element) -> Result<(), Reason> {
    let algorithms = list.elements().map(algorithm).collect::<Result<Vec<&str>, Reason>>()?;
    let named = list.elements().all(|e| e.is(XMLDSIG, "Transform"));
    match algorithms.as_slice() {
        [EXCLUSIVE_C14N] | [ENVELOPED, EXCLUSIVE_C14N] if named => Ok(()),
        _ => Err(Reason::TransformRefused),
    }
}

/// The algorithm of a method or transform that has no parameters.
fn algorithm(method: &Element) -> Result<&str, Reason> {
    if method.elements().next().is_some() {
        return Err(Reason::TransformParameters);
    }
    method.attribute("Algorithm").ok_or(Reason::AlgorithmRefused)
}

fn listed<T: Copy>(uri: &str, list: &[(&str, T)]) -> Result<T, Reason> {
    if SHA1.contains(&uri) {
        return Err(Reason::Sha1);
    }
    list.iter().find(|(name, _)| *name == uri).map(|(_, value)| *value).ok_or(Reason::AlgorithmRefused)
}
