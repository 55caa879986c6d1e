//! An archive document as it came: typed as far as it goes, with what does not agree named.
//!
//! Tolerates what real documents have (white space and comments around Base64, `FI` for `fi`, a case id beside a null flavor)
//! and says what it noticed as findings; refuses only what is not a `ClinicalDocument` at all. Judges no signature: that is
//! [`crate::domain::signature::verify`], on the very tree kept here. Never panics on any bytes.

mod consistency;
mod header;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

pub use header::{ReadAuthor, ReadClient, ReadHeader};

use super::cda::{HL7, HL7FI};
use crate::domain::finding::{Finding, Rule, redacted_debug};
use crate::domain::text::Text;
use crate::domain::xml::{Element, Limits, Tree, XmlError, parse};

/// What was read of a document.
#[derive(Clone)]
pub struct ReadDocument {
    tree: Tree,
    /// The header, as far as it is there.
    pub header: ReadHeader,
    /// The display form (XHTML text); absent when there is none or it cannot be decoded, which a finding says.
    pub display: Option<String>,
    /// The content; absent when there is none or it cannot be decoded, which a finding says.
    pub content: Option<Value>,
    /// What does not agree or cannot be read.
    pub findings: Vec<Finding>,
}

redacted_debug!(ReadDocument);

impl ReadDocument {
    /// The tree that it was read from: the one to verify signatures over.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The signatures as they stand: `signatureCollection/signature`, unjudged.
    pub fn signatures(&self) -> impl Iterator<Item = &Element> {
        let header = self.tree.root.first_in(HL7FI, "localSocialHeader");
        header.into_iter().flat_map(|h| h.all("signatureCollection")).flat_map(|c| c.all("signature"))
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
    read_tree(parse(bytes, Limits::DOCUMENT).map_err(ReadError::Xml)?)
}

/// Reads a document that is a tree already.
///
/// # Errors
/// [`ReadError::NotClinicalDocument`].
pub fn read_tree(tree: Tree) -> Result<ReadDocument, ReadError> {
    if !tree.root.is(HL7, "ClinicalDocument") {
        return Err(ReadError::NotClinicalDocument);
    }
    let mut findings = Vec::new();
    let header = header::read(&tree.root, &mut findings);
    let body = tree.root.at(["component", "nonXMLBody"]);
    if body.is_none() {
        findings.push(unreadable("component/nonXMLBody", &MISSING, &A_BODY));
    }
    let text = body.and_then(|body| body.first("text"));
    let display = text.and_then(|text| base64_text(text, "component/nonXMLBody/text", &mut findings));
    let json = body.and_then(|body| body.first_in(HL7FI, "json"));
    let json = json.and_then(|json| base64_text(json, CONTENT_PATH, &mut findings));
    let content = json.and_then(|json| content(&json, &mut findings));
    consistency::check(&tree.root, &header, display.as_deref(), content.as_ref(), &mut findings);
    Ok(ReadDocument { tree, header, display, content, findings })
}

const CONTENT_PATH: &str = "component/nonXMLBody/hl7fi:json";
const MISSING: Text = Text::fixed("ei mitään", "inget", "nothing");
const A_BODY: Text = Text::fixed("asiakirjan runko", "dokumentets innehåll", "the document's body");

/// The node's text, comments left out, as Base64 of UTF-8.
fn base64_text(node: &Element, path: &str, findings: &mut Vec<Finding>) -> Option<String> {
    let packed: String = node.all_text().chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let text = STANDARD.decode(packed).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    if text.is_none() {
        let found = Text::fixed("jotain muuta", "något annat", "something else");
        let expected = Text::fixed("Base64-muotoinen UTF-8-teksti", "UTF-8-text i Base64", "UTF-8 text in Base64");
        findings.push(unreadable(path, &found, &expected));
    }
    text
}

fn content(json: &str, findings: &mut Vec<Finding>) -> Option<Value> {
    let content = serde_json::from_str::<Value>(json).ok();
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
