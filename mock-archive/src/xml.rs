//! Reading XML with limits: no DOCTYPE, bounded nodes and depth; and short ways to an element's children.
//!
//! Writes nothing and knows no message. Used by `intake/` and, for well-formedness before C14N, by `signature.rs`.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use roxmltree::{Document, Node, ParsingOptions};

pub(crate) const HL7: &str = "urn:hl7-org:v3";
pub(crate) const FINLAND: &str = "urn:hl7finland";
pub(crate) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
pub(crate) const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub(crate) const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";
pub(crate) const ADDRESSING: &str = "http://www.w3.org/2005/08/addressing";
pub(crate) const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// More nodes than any message or document of the archive has.
const NODES_MAX: u32 = 200_000;
/// C14N walks the tree by recursion, so depth is bounded before it starts.
const DEPTH_MAX: usize = 100;

/// Why a text is not taken as XML. Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum XmlFault {
    NotWellFormed,
    Doctype,
    TooDeep,
}

impl fmt::Display for XmlFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotWellFormed => "not well-formed XML within the limits",
            Self::Doctype => "a DOCTYPE is not taken",
            Self::TooDeep => "elements are nested more than 100 deep",
        })
    }
}

/// Parses `text`; a byte order mark is passed over.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, XmlFault> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.contains("<!DOCTYPE") {
        return Err(XmlFault::Doctype);
    }
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|_| XmlFault::NotWellFormed)?;
    if depth(&document) > DEPTH_MAX { Err(XmlFault::TooDeep) } else { Ok(document) }
}

/// The deepest nesting of nodes below the document, counted without recursion.
fn depth(document: &Document<'_>) -> usize {
    let (mut node, mut depth, mut deepest) = (document.root(), 0_usize, 0_usize);
    loop {
        if let Some(child) = node.first_child() {
            (node, depth) = (child, depth + 1);
            deepest = deepest.max(depth);
            continue;
        }
        while node.next_sibling().is_none() {
            match node.parent() {
                Some(parent) => (node, depth) = (parent, depth.saturating_sub(1)),
                None => return deepest,
            }
        }
        let Some(next) = node.next_sibling() else {
            return deepest;
        };
        node = next;
    }
}

/// The first child element of that name.
pub(crate) fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    children(node, namespace, name).next()
}

/// The child elements of that name.
pub(crate) fn children<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> impl Iterator<Item = Node<'a, 'i>> {
    node.children().filter(move |child| is(*child, namespace, name))
}

/// The element at the end of a path of HL7 names, first match at each step.
pub(crate) fn at<'a, 'i>(node: Node<'a, 'i>, path: &[&str]) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(node, |node, name| child(node, HL7, name))
}

pub(crate) fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.is_element() && node.tag_name().name() == name && node.tag_name().namespace().unwrap_or_default() == namespace
}

/// All text below an element, comments left out.
pub(crate) fn text<'a>(node: Node<'a, '_>) -> Cow<'a, str> {
    let mut texts = node.descendants().filter(Node::is_text).filter_map(|text| text.text());
    let first = texts.next().unwrap_or_default();
    match texts.next() {
        None => first.into(),
        Some(second) => [first, second].into_iter().chain(texts).collect::<String>().into(),
    }
}

/// Decodes Base64 (RFC 4648), broken by white space or not.
pub(crate) fn base64(mut text: Cow<'_, str>) -> Option<Vec<u8>> {
    // Most have none, so it is taken out only where it is in the way.
    STANDARD.decode(text.as_bytes()).ok().or_else(|| {
        text.to_mut().retain(|sign| !sign.is_ascii_whitespace());
        STANDARD.decode(text.as_bytes()).ok()
    })
}

/// Every text, attribute value, comment and processing instruction of a document.
pub(crate) fn strings<'a>(document: &'a Document<'_>) -> impl Iterator<Item = &'a str> {
    document.descendants().flat_map(|node| {
        let pi = node.pi().and_then(|pi| pi.value);
        node.text().into_iter().chain(pi).chain(node.attributes().map(|attribute| attribute.value()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_doctype_is_refused_even_when_empty() {
        assert_eq!(parse("<!DOCTYPE a><a/>").err(), Some(XmlFault::Doctype));
        assert_eq!(parse("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").err(), Some(XmlFault::Doctype));
        assert_eq!(parse("<a>&b;</a>").err(), Some(XmlFault::NotWellFormed));
    }

    #[test]
    fn depth_is_bounded_whatever_hides_it() {
        let nested = |depth: usize, between: &str| {
            format!("{}{}", format!("<a b='/>'>{between}").repeat(depth), "</a>".repeat(depth))
        };
        for between in ["", "<!--</a>-->", "<![CDATA[</a>]]>"] {
            assert!(parse(&nested(DEPTH_MAX - 1, between)).is_ok());
            assert_eq!(parse(&nested(DEPTH_MAX + 1, between)).err(), Some(XmlFault::TooDeep));
        }
        assert_eq!(parse(&nested(90_000, "")).err(), Some(XmlFault::TooDeep));
        assert_eq!(parse(&nested(300_000, "")).err(), Some(XmlFault::NotWellFormed));
        assert!(parse(&format!("<a>{}</a>", "<b/><c d='/'>e</c>".repeat(500))).is_ok());
    }
}
