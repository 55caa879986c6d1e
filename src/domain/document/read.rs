//! An archive document as it came: typed as far as it goes, with what does not agree named.
//!
//! Tolerates what real documents have (white space and comments around Base64, `FI` for `fi`, a case id beside a null flavor)
//! and says what it noticed as findings; refuses only what is not a `ClinicalDocument` at all. Judges no signature: that is
//! [`crate::domain::signature::verify`], on the very tree kept here. Never panics on any bytes.

pub mod consistency;
mod frame;
mod header;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::PAD;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
use base64::{alphabet::STANDARD, engine::GeneralPurpose};
use serde_json::Value;
use simdutf8::basic::from_utf8;

pub use frame::ReadFrame;
pub use header::{ReadAuthor, ReadClient, ReadHeader, ReadSigner};

use super::cda::{HL7, HL7FI};
use crate::domain::finding::{Finding, Rule, redacted_debug};
use crate::domain::json::Json;
use crate::domain::source::Lines;
use crate::domain::text::Text;
use crate::domain::validate::json as strict_json;
use crate::domain::xml::{Element, Flat, FlatElement, Limits, Misread, Tree, XmlError, parse_flat, parse_root};
use consistency::Beside;

/// What was read of a document.
#[derive(Clone)]
pub struct ReadDocument {
    flat: Flat<'static>,
    /// The header, as far as it is there.
    pub header: ReadHeader,
    /// The display form (XHTML text); absent when there is none or it cannot be decoded, which a finding says.
    pub display: Option<String>,
    /// The content; absent when there is none or it cannot be decoded, which a finding says.
    pub json: Option<Json>,
    /// What does not agree or cannot be read.
    pub findings: Vec<Finding>,
}

redacted_debug!(ReadDocument);

impl ReadDocument {
    /// The content as a value of `serde_json`, made when first asked for.
    pub fn content(&self) -> Option<&Value> {
        self.json.as_ref().map(Json::value)
    }

    /// All of it as a tree: the one to verify signatures over. Made when first asked for.
    pub fn tree(&self) -> &Tree {
        self.flat.tree()
    }

    /// The signatures as they stand: `signatureCollection/signature`, unjudged.
    pub fn signatures(&self) -> impl Iterator<Item = &Element> {
        let header = self.tree().root.first_in(HL7FI, "localSocialHeader");
        header.into_iter().flat_map(|h| h.all("signatureCollection")).flat_map(|c| c.all("signature"))
    }

    /// What does not agree between the document and what is known beside it. Findings of the document alone are in `findings`
    /// and are not given again. Findings about a frame point into the frame.
    pub fn compare(&self, beside: Beside<'_>) -> Vec<Finding> {
        consistency::with(self, beside)
    }
}

/// Gives findings their lines and columns: where in the text that the tree was read from their paths lead. `from` is where the
/// tree's own text begins in the lines.
pub fn place(findings: &mut [Finding], tree: &Tree, lines: &Lines<'_>, from: usize) {
    for finding in findings {
        let Some(offset) = finding.place.document.as_deref().and_then(|path| tree.offset_of(path)) else { continue };
        let position = lines.position(offset.saturating_add(from));
        finding.place.line = Some(position.line);
        finding.place.column = Some(position.column);
    }
}

/// Why bytes are no archive document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not XML that is read.
    #[error("not readable as a document: {0}")]
    Xml(XmlError),
    /// Another document element.
    #[error("the document element is not ClinicalDocument of urn:hl7-org:v3")]
    NotClinicalDocument,
}

/// Reads a document's bytes.
///
/// # Errors
/// [`ReadError`]; anything less is a finding.
pub fn read(bytes: &[u8]) -> Result<ReadDocument, ReadError> {
    read_placed(bytes).map_err(|(error, _)| error)
}

/// Reads a document's bytes; an error comes with the byte offset of what it is about. Findings have lines and columns.
///
/// # Errors
/// [`ReadError`].
pub fn read_placed(bytes: &[u8]) -> Result<ReadDocument, (ReadError, usize)> {
    let flat = parse_flat(bytes, Limits::DOCUMENT).map_err(|Misread { error, at }| (ReadError::Xml(error), at))?;
    if !flat.root().is(HL7, "ClinicalDocument") {
        return Err((ReadError::NotClinicalDocument, flat.tree().root.at.bytes().unwrap_or_default()));
    }
    let mut document = typed(flat.into_owned());
    if !document.findings.is_empty() {
        place(&mut document.findings, document.flat.tree(), &Lines::of_bytes(bytes), 0);
    }
    Ok(document)
}

fn typed(flat: Flat<'static>) -> ReadDocument {
    let mut findings = Vec::new();
    let root = flat.root();
    let header = header::read(root, &mut findings);
    let body = root.at(["component", "nonXMLBody"]);
    if body.is_none() {
        findings.push(unreadable("component/nonXMLBody", &MISSING, &A_BODY));
    }
    let text = body.and_then(|body| body.first("text"));
    let display = text.and_then(|text| base64_text(text, "component/nonXMLBody/text", &mut findings));
    let json = body.and_then(|body| body.first_in(HL7FI, "json"));
    let json = json.and_then(|json| base64_text(json, CONTENT_PATH, &mut findings));
    let json = json.and_then(|json| content(&json, &mut findings));
    let form = display.as_deref().and_then(|form| display_root(form, &mut findings));
    let form = form.as_ref().map(Flat::root);
    findings.extend(consistency::within(root, &header, form, json.as_ref().map(Json::root)));
    ReadDocument { flat, header, display, json, findings }
}

const CONTENT_PATH: &str = "component/nonXMLBody/hl7fi:json";
const MISSING: Text = Text::fixed("ei mitään", "inget", "nothing");
const A_BODY: Text = Text::fixed("asiakirjan runko", "handlingens kropp", "the document's body");

/// The standard alphabet with its padding, by the widest steps that the machine has.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static BASE64: LazyLock<base64::engine::Simd> = LazyLock::new(|| base64::engine::Simd::standard(PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static BASE64: LazyLock<GeneralPurpose> = LazyLock::new(|| GeneralPurpose::new(&STANDARD, PAD));

/// The node's text, comments left out, as Base64 of UTF-8.
fn base64_text(node: FlatElement<'_>, path: &str, findings: &mut Vec<Finding>) -> Option<String> {
    let text = decoded(node).and_then(|bytes| Some(from_utf8(&bytes).ok()?.to_owned()));
    if text.is_none() {
        let found = Text::fixed("jotain muuta", "något annat", "something else");
        let expected = Text::fixed("Base64-muotoinen UTF-8-teksti", "UTF-8-text i Base64", "UTF-8 text in Base64");
        findings.push(unreadable(path, &found, &expected));
    }
    text
}

fn decoded(node: FlatElement<'_>) -> Option<Vec<u8>> {
    let text = node.all_text();
    // Most have no white space inside, and looking for it costs as much as decoding.
    let packed = text.trim_ascii();
    BASE64.decode(packed).ok().or_else(|| {
        let packed: Vec<u8> = packed.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        BASE64.decode(packed).ok()
    })
}

/// The display form's document element. Only its own attributes are looked at, but all of it must be well-formed.
fn display_root(display: &str, findings: &mut Vec<Finding>) -> Option<Flat<'static>> {
    let root = parse_root(display, Limits::DOCUMENT).ok();
    if root.is_none() {
        let found = Text::fixed("jotain muuta", "något annat", "something else");
        let expected = Text::fixed("hyvin muodostettu XHTML", "välformad XHTML", "well-formed XHTML");
        findings.push(unreadable("component/nonXMLBody/text", &found, &expected).warning());
    }
    root
}

fn content(json: &str, findings: &mut Vec<Finding>) -> Option<Json> {
    // As strict as what is taken in: where a field stands twice, readers differ, and a right must not hang on that.
    let content = strict_json::read_text(json).ok();
    if content.is_none() {
        let found = Text::fixed("jotain muuta", "något annat", "something else");
        findings.push(unreadable(CONTENT_PATH, &found, &Text::same("JSON")));
    }
    content
}

fn unreadable(path: &str, found: &Text, expected: &Text) -> Finding {
    let rule = Rule::new("Sosiaalihuollon asiakirjastandardi 3.3", "");
    disagreement("document.unreadable", "", path, found.clone(), expected.clone(), rule)
}

/// A finding about a document that was read: at a JSON Pointer of its content (empty when it is about the header alone) and a
/// path of the document.
fn disagreement(code: &str, pointer: &str, path: &str, found: Text, expected: Text, rule: Rule) -> Finding {
    let path = format!("/ClinicalDocument/{path}");
    Finding::error(code, pointer, found, expected, rule).named(&Text::same(path.clone())).in_document(path)
}
