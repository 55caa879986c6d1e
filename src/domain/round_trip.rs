//! A record's whole way without an archive: judged, built, shown, signed, verified, read back, compared.
//!
//! For trying a structure out before anybody depends on it: the command line's `structures check` and the tests call it. Keys
//! and time are the caller's. Sends nothing and stores nothing.

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::document::Document;
use super::document::build::{Making, document_of};
use super::document::display::plain_text;
use super::document::header::{DocumentIds, Header, Software};
use super::document::read::{ReadDocument, ReadError, read};
use super::finding::Finding;
use super::oid::Oid;
use super::person::PersonId;
use super::signature::{
    Crypto, ExpectedSigner, Reason, SignError, SignatureKind, Signer, Trust, TrustPolicy, sign, verify,
};
use super::structure::{Representation, Structure};
use super::time::Instant;
use super::validate::{CheckedRecord, Checker};

/// The id of documents that are never sent.
const DOCUMENT: &str = "1.2.246.10.99999992.95.0.0";

/// What signs and judges signatures on the way.
#[derive(Clone, Copy)]
pub struct Signing<'a> {
    /// The system's key.
    pub system: &'a dyn Signer,
    /// A professional's key; its certificate must name the author's registration number.
    pub professional: &'a dyn Signer,
    /// Digests, RSA and X.509.
    pub crypto: &'a dyn Crypto,
    /// When everything happens.
    pub now: Timestamp,
}

/// What a record that came back whole was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Returned {
    /// Who signed.
    pub signed_by: SignatureKind,
    /// Bytes of the signed document.
    pub document_bytes: usize,
    /// Things that were not checked.
    pub unchecked: usize,
}

/// Where a record's way ended. Holds no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RoundTripFault {
    /// The record was refused.
    #[error("refused: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Refused(Vec<Finding>),
    /// The display form is not well-formed XHTML.
    #[error("the display form is not well-formed")]
    Display,
    /// A text of the content is not in the display form.
    #[error("the display form does not show the text at {0}")]
    NotShown(String),
    /// It could not be signed.
    #[error("not signed: {0}")]
    Sign(SignError),
    /// What was signed cannot be read.
    #[error("not read back: {0}")]
    Read(ReadError),
    /// What was read back does not agree with itself.
    #[error("read back with a finding: {0}")]
    Finding(Box<Finding>),
    /// The signature is not believed.
    #[error("the signature does not verify: {0:?}")]
    Signature(Vec<Reason>),
    /// Something came back otherwise.
    #[error("{0} came back otherwise")]
    Differs(&'static str),
}

/// Sends a record all the way and compares what comes back. It must belong to a case already, or need none.
///
/// # Errors
/// [`RoundTripFault`]: the first step that failed.
pub fn round_trip(checker: &Checker, record: &Value, signing: Signing<'_>) -> Result<Returned, RoundTripFault> {
    let checked = checker.record(record.to_string().as_bytes(), signing.now).map_err(RoundTripFault::Refused)?;
    let document = built(&checked, signing.now);
    shown(checked.structure(), &checked.record().content, document.display())?;
    let has_author = document.header().author.is_some();
    let kind = match checked.structure().needs_professional_signature() && has_author {
        true => SignatureKind::Professional,
        false => SignatureKind::System,
    };
    let signer = if kind == SignatureKind::Professional { signing.professional } else { signing.system };
    let signed = sign(&document, kind, signing.now, signer, signing.crypto).map_err(RoundTripFault::Sign)?;
    let back = read(signed.xml()).map_err(RoundTripFault::Read)?;
    let pinned = vec![signing.system.certificate_der().to_vec(), signing.professional.certificate_der().to_vec()];
    let policy = TrustPolicy { trust: Trust::Pinned(pinned), system_signer: ExpectedSigner::Anyone, now: signing.now };
    let verdict = verify(back.tree(), signing.crypto, &policy);
    if !verdict.is_valid_and_signed_by(kind) {
        return Err(RoundTripFault::Signature(verdict.all_reasons().collect()));
    }
    if let Some(finding) = back.findings.iter().find(|f| f.is_error()) {
        return Err(RoundTripFault::Finding(Box::new(finding.clone())));
    }
    same(&document, &checked.record().content, &back)?;
    Ok(Returned { signed_by: kind, document_bytes: signed.xml().len(), unchecked: checked.unchecked().len() })
}

fn built(checked: &CheckedRecord, now: Timestamp) -> Document {
    let document = Oid::fixed(DOCUMENT);
    let ids = DocumentIds { document: document.clone(), set: document, version: 1 };
    let software = Software {
        moderator: "asiasilta".into(),
        product: "asiasilta".into(),
        version: env!("CARGO_PKG_VERSION").into(),
    };
    let created = Instant::in_finland(now);
    document_of(checked, &Making { ids: &ids, created, found_case: None, software: &software })
}

/// Every text of the content stands in the display form, white space aside.
fn shown(structure: &Structure, content: &Map<String, Value>, display: &str) -> Result<(), RoundTripFault> {
    let page = words(&plain_text(display).map_err(|_| RoundTripFault::Display)?);
    let mut missing = None;
    structure.visit(content, &mut |field, pointer, value| {
        let is_text = matches!(field.representation(), Representation::Text | Representation::Phrase);
        let Some(text) = value.as_str().filter(|_| is_text && !field.is_hidden()) else { return };
        if missing.is_none() && !page.contains(&words(text)) {
            missing = Some(pointer.to_owned());
        }
    });
    missing.map_or(Ok(()), |pointer| Err(RoundTripFault::NotShown(pointer)))
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn same(document: &Document, content: &Map<String, Value>, back: &ReadDocument) -> Result<(), RoundTripFault> {
    let (sent, got) = (document.header(), &back.header);
    let codes =
        |all: [&Option<super::code::Code>; 4]| all.map(|c| c.as_ref().map(|c| (c.code.clone(), c.system.clone())));
    let equal = [
        ("the content", back.content().and_then(Value::as_object) == Some(content)),
        ("the display form", back.display.as_deref() == Some(document.display())),
        ("the document's id", got.document.as_ref() == Some(&sent.ids.document)),
        ("the set and version", got.set.as_ref() == Some(&sent.ids.set) && got.version == Some(sent.ids.version)),
        ("the document group", got.group == Some(sent.group)),
        ("the structure", got.structure.as_ref() == Some(&sent.structure)),
        ("the language", got.language == Some(sent.language)),
        ("the moment of drawing up", got.drawn_up.is_some_and(|t| t.hl7() == sent.drawn_up.hl7())),
        ("the case", got.case == sent.case),
        ("the client relationship", got.relationship == sent.relationship),
        ("the clients", clients(sent) == ids(back)),
        ("the register owner", got.custodian.as_ref().map(|c| &c.oid) == Some(&sent.organiser.oid)),
        ("the unit", got.unit.as_ref().map(|u| &u.oid) == Some(&sent.unit.oid)),
        (
            "the types, task and process",
            codes([&got.general_type, &got.specific_type, &got.service_task, &got.service_process])
                == codes([&sent.general_type, &sent.specific_type, &sent.service_task, &sent.service_process]),
        ),
    ];
    let differs = equal.into_iter().find(|(_, equal)| !equal);
    differs.map_or(Ok(()), |(what, _)| Err(RoundTripFault::Differs(what)))
}

fn clients(header: &Header) -> Vec<Vec<String>> {
    let of = |c: &super::person::Client| c.id().iter().map(|id| id.reveal().to_owned()).collect();
    header.clients.iter().map(of).collect()
}

fn ids(back: &ReadDocument) -> Vec<Vec<String>> {
    back.header.clients.iter().map(|c| c.ids.iter().map(|id| PersonId::reveal(id).to_owned()).collect()).collect()
}
