//! SOAP envelopes, 1.1 and 1.2, with or without WS-Addressing 1.0 headers: one message in the body, or a fault.
//!
//! Written in the version that the profile names, read in both: which message an answer belongs to is told by the message's own
//! id. Knows nothing of what messages mean.

use super::MessageId;
use super::message::tree;
use crate::domain::profile::SoapVersion;
use crate::domain::xml::{Element, Limits, Node, Tree, XmlError, parse};

/// The namespace of SOAP 1.1 (W3C Note, 8 May 2000, section 4).
pub const NAMESPACE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// The namespace of SOAP 1.2 (W3C Recommendation, 27 April 2007, part 1, section 5).
pub const NAMESPACE_1_2: &str = "http://www.w3.org/2003/05/soap-envelope";
/// The namespace of WS-Addressing 1.0 (W3C Recommendation, 9 May 2006).
pub const ADDRESSING_NAMESPACE: &str = "http://www.w3.org/2005/08/addressing";
/// Where an answer is wanted: on the connection that asked (WS-Addressing 1.0 Core, 2.1).
const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
/// Characters of a fault code that are kept.
const FAULT_CODE_MAX: usize = 64;

/// The namespace of a version's envelope.
pub fn namespace(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V1_1 => NAMESPACE,
        SoapVersion::V1_2 => NAMESPACE_1_2,
    }
}

/// The media type of a version's envelope (RFC 3902 for 1.2).
pub fn media_type(version: SoapVersion) -> &'static str {
    match version {
        SoapVersion::V1_1 => "text/xml",
        SoapVersion::V1_2 => "application/soap+xml",
    }
}

/// What WS-Addressing says of a message that is sent.
#[derive(Clone, Copy)]
pub struct Addressed<'a> {
    /// `Action`.
    pub action: &'a str,
    /// The message's id, as [`message_urn`] writes it in `MessageID`.
    pub id: &'a MessageId,
}

/// `MessageID` of a message: `urn:oid:<root>.<extension>`.
pub fn message_urn(id: &MessageId) -> String {
    format!("urn:oid:{}.{}", id.root, id.extension)
}

/// What an envelope holds.
pub struct Opened {
    /// Its body.
    pub content: Content,
    /// `RelatesTo`, when there is one: the message that it answers.
    pub relates_to: Option<String>,
}

/// What a body holds.
pub enum Content {
    /// A message.
    Message(Element),
    /// A fault: its code. Its words may repeat what was sent and are left behind.
    Fault {
        /// Local name of the fault code: `Client`, `Server`; `Sender`, `Receiver` in 1.2; 64 characters at most.
        code: String,
    },
}

/// Why bytes are not an envelope with one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SoapError {
    /// Not XML that is read.
    #[error(transparent)]
    Xml(#[from] XmlError),
    /// Another root element, or a body without exactly one element.
    #[error("no SOAP envelope with one message")]
    NotAnEnvelope,
}

/// The message in an envelope of this version, with XML declaration.
pub fn wrap(version: SoapVersion, addressed: Option<Addressed<'_>>, message: Element) -> String {
    let element = |name: &str| Element { prefix: "soap".into(), ..Element::new(namespace(version), name) };
    let header = addressed.map(|addressed| element("Header").children(headers(addressed)));
    tree(element("Envelope").children(header).child(element("Body").child(message))).to_xml()
}

fn headers(addressed: Addressed<'_>) -> [Element; 3] {
    let element = |name: &str| Element { prefix: "wsa".into(), ..Element::new(ADDRESSING_NAMESPACE, name) };
    [
        element("Action").text(addressed.action),
        element("MessageID").text(message_urn(addressed.id)),
        element("ReplyTo").child(element("Address").text(ANONYMOUS)),
    ]
}

/// Reads an envelope of either version. Header blocks but `RelatesTo` are passed over: none that must be understood is known.
///
/// # Errors
/// [`SoapError`].
pub fn open(bytes: &[u8], limits: Limits) -> Result<Opened, SoapError> {
    let Tree { mut root, .. } = parse(bytes, limits)?;
    if !root.is(NAMESPACE, "Envelope") && !root.is(NAMESPACE_1_2, "Envelope") {
        return Err(SoapError::NotAnEnvelope);
    }
    let relates_to = root.first("Header").and_then(|h| h.first_in(ADDRESSING_NAMESPACE, "RelatesTo"));
    let relates_to = relates_to.map(|r| r.all_text().trim().to_owned());
    let message = only_one_in_body(&mut root).ok_or(SoapError::NotAnEnvelope)?;
    let content = match message.is(&root.namespace, "Fault") {
        true => Content::Fault { code: fault_code(&message) },
        false => Content::Message(message),
    };
    Ok(Opened { content, relates_to })
}

/// Takes the body's one element out of the tree: it may hold a document, which is not copied for it.
fn only_one_in_body(envelope: &mut Element) -> Option<Element> {
    let namespace = envelope.namespace.clone();
    let is_body = |node: &&mut Node| matches!(node, Node::Element(element) if element.is(&namespace, "Body"));
    let Node::Element(body) = envelope.children.iter_mut().find(is_body)? else { return None };
    let mut inside = std::mem::take(&mut body.children).into_iter().filter_map(|node| match node {
        Node::Element(element) => Some(element),
        _ => None,
    });
    inside.next().filter(|_| inside.next().is_none())
}

/// What an envelope's body holds.
///
/// # Errors
/// [`SoapError`].
pub fn unwrap(bytes: &[u8], limits: Limits) -> Result<Content, SoapError> {
    open(bytes, limits).map(|opened| opened.content)
}

/// `faultcode` of 1.1, `Code/Value` of 1.2, without prefix and without what a code cannot hold.
fn fault_code(fault: &Element) -> String {
    let code = fault.first_in("", "faultcode").or_else(|| fault.at(["Code", "Value"]));
    let text = code.map(Element::all_text).unwrap_or_default();
    let local = text.rsplit(':').next().unwrap_or_default().trim();
    local.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).take(FAULT_CODE_MAX).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const VERSIONS: [SoapVersion; 2] = [SoapVersion::V1_1, SoapVersion::V1_2];

    #[test]
    fn a_wrapped_message_is_unwrapped_as_it_was_in_both_versions() {
        for version in VERSIONS {
            let text =
                wrap(version, None, Element::new("urn:x", "m").child(Element::new("urn:x", "a").with("b", "ä&")));
            let start = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=";
            assert!(text.starts_with(&format!("{start}\"{}\"", namespace(version))));
            let Content::Message(message) = unwrap(text.as_bytes(), Limits::DOCUMENT).unwrap() else {
                panic!("a fault")
            };
            assert_eq!(message.first("a").and_then(|a| a.attribute("b")), Some("ä&"));
        }
    }

    #[test]
    fn addressing_headers_name_the_action_and_the_message() {
        let id = MessageId { root: "1.2.3".parse().unwrap(), extension: "17".into() };
        for version in VERSIONS {
            let addressed = Addressed { action: "urn:a", id: &id };
            let text = wrap(version, Some(addressed), Element::new("urn:x", "m"));
            let root = parse(text.as_bytes(), Limits::DOCUMENT).unwrap().root;
            let names: Vec<_> = root.elements().map(|e| e.name.as_str()).collect();
            assert_eq!(names, ["Header", "Body"]);
            let of =
                |name: &str| root.first("Header").unwrap().first_in(ADDRESSING_NAMESPACE, name).unwrap().all_text();
            let found = [of("Action"), of("MessageID"), of("ReplyTo")];
            assert_eq!(found, ["urn:a", "urn:oid:1.2.3.17", ANONYMOUS]);
        }
    }

    #[test]
    fn a_fault_gives_its_code_and_nothing_of_its_text_in_both_versions() {
        let first = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header/><s:Body><s:Fault>\
            <faultcode>s:Server</faultcode><faultstring>010190-900P</faultstring></s:Fault></s:Body></s:Envelope>";
        let second = "<s:Envelope xmlns:s=\"http://www.w3.org/2003/05/soap-envelope\"><s:Body><s:Fault><s:Code>\
            <s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"fi\">010190-900P</s:Text></s:Reason>\
            </s:Fault></s:Body></s:Envelope>";
        for (text, expected) in [(first, "Server"), (second, "Receiver")] {
            let Content::Fault { code } = unwrap(text.as_bytes(), Limits::DOCUMENT).unwrap() else {
                panic!("a message")
            };
            assert_eq!(code, expected);
        }
    }

    #[test]
    fn other_roots_and_bodies_without_exactly_one_message_are_refused() {
        let body = |inside: &str| format!("<s:Envelope xmlns:s=\"{NAMESPACE}\">{inside}</s:Envelope>");
        for text in ["<a/>".to_owned(), body(""), body("<s:Body/>"), body("<s:Body><a/><b/></s:Body>")] {
            assert_eq!(unwrap(text.as_bytes(), Limits::DOCUMENT).err(), Some(SoapError::NotAnEnvelope), "{text}");
        }
        assert!(matches!(unwrap(b"<a>", Limits::DOCUMENT).err(), Some(SoapError::Xml(_))));
    }
}
