//! Structure by the XSDs in `schemas/xsd`: which schema a text is held against, and what a breach is called.
//!
//! The engine is behind [`Engine`]; without the feature `xsd` there is none and nothing is found. A finding carries declared
//! names and the schema's constraint, never a value or a name that a peer has made up.

use std::collections::HashSet;
use std::sync::LazyLock;

use crate::finding::{Finding, Rule};

#[cfg(feature = "xsd")]
mod engine;
#[cfg(test)]
mod tests;

/// One text may break a schema in so many places; more help nobody.
const FAULTS_MAX: usize = 20;

/// One breach: the path of local names to the element, and the constraint of XML Schema that it breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fault {
    path: String,
    constraint: &'static str,
}

/// Holds a text against one schema. The text is well-formed, without a DOCTYPE and within the limits of `xml.rs`.
trait Engine: Send + Sync {
    fn faults(&self, text: &str) -> Vec<Fault>;
}

/// A schema's files: name and content. The first is the one that includes the others.
type Files = &'static [(&'static str, &'static str)];

macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!(concat!("../../schemas/xsd/", $name)))),*] };
}

const DOCUMENT: Files = files!["document.xsd", "document-header.xsd", "types.xsd", "signature.xsd"];
const MESSAGE: Files =
    files!["message.xsd", "message-parts.xsd", "message-header.xsd", "types.xsd", "soap-1.1.xsd", "soap-1.2.xsd"];

#[cfg(feature = "xsd")]
fn engine(files: Files) -> Option<Box<dyn Engine>> {
    Some(Box::new(engine::XsdSchema::new(files)))
}

#[cfg(not(feature = "xsd"))]
fn engine(_: Files) -> Option<Box<dyn Engine>> {
    None
}

static DOCUMENT_ENGINE: LazyLock<Option<Box<dyn Engine>>> = LazyLock::new(|| engine(DOCUMENT));
static MESSAGE_ENGINE: LazyLock<Option<Box<dyn Engine>>> = LazyLock::new(|| engine(MESSAGE));

/// Holds an envelope or a bare message against its schema.
pub(crate) fn check_message(text: &str) -> Vec<Finding> {
    check(&MESSAGE_ENGINE, text, Rule::MessageSchema)
}

/// Holds a document against its schema.
pub(crate) fn check_document(text: &str) -> Vec<Finding> {
    check(&DOCUMENT_ENGINE, text, Rule::DocumentSchema)
}

fn check(engine: &Option<Box<dyn Engine>>, text: &str, rule: Rule) -> Vec<Finding> {
    let Some(engine) = engine else { return Vec::new() };
    let mut places = HashSet::new();
    let mut findings = Vec::new();
    for Fault { path, constraint } in engine.faults(text.strip_prefix('\u{feff}').unwrap_or(text)) {
        let place = place(&path, constraint);
        // After the first wrong child every follower is wrong too: one finding a parent.
        if places.insert(place.clone()) && findings.len() < FAULTS_MAX {
            findings.push(Finding::new(rule, format!("{place} ({constraint})")));
        }
    }
    findings
}

/// The declared names of a path; for a wrong child its parent.
fn place(path: &str, constraint: &str) -> String {
    let mut names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    if constraint.starts_with("cvc-complex-type.2.4") && names.len() > 1 {
        names.pop();
    }
    let declared: Vec<&str> = names.into_iter().take_while(|name| DECLARED.contains(name)).collect();
    if declared.is_empty() { "the root element".to_owned() } else { declared.join("/") }
}

/// Every name that the schemas declare.
static DECLARED: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let files = DOCUMENT.iter().chain(MESSAGE);
    files.flat_map(|(_, text)| text.split("name=\"").skip(1).filter_map(|rest| rest.split('"').next())).collect()
});
