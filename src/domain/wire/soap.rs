//! SOAP 1.1 envelopes without headers: one message in the body, or a fault.

use super::message::tree;
use crate::domain::xml::{Element, Limits, Tree, XmlError, parse};

/// The namespace of SOAP 1.1 (W3C Note, 8 May 2000, section 4).
pub const NAMESPACE: &str = "http://schemas.xmlsoap.org/soap/envelope/";
/// What a message without parts is sent as.
pub const CONTENT_TYPE: &str = "text/xml; charset=utf-8";

/// What a body holds.
pub enum Content {
    /// A message.
    Message(Element),
    /// A fault: `faultcode`. `faultstring` may repeat what was sent and is left behind.
    Fault {
        /// Local name of the fault code: `Client`, `Server`, …; 64 characters at most.
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
    #[error("no SOAP 1.1 envelope with one message")]
    NotAnEnvelope,
}

/// The message in an envelope, with XML declaration.
pub fn wrap(message: Element) -> String {
    let element = |name: &str| Element { prefix: "soap".into(), ..Element::new(NAMESPACE, name) };
    tree(element("Envelope").child(element("Body").child(message))).to_xml()
}

/// Reads an envelope. Header blocks are passed over: none that must be understood is known.
///
/// # Errors
/// [`SoapError`].
pub fn unwrap(bytes: &[u8], limits: Limits) -> Result<Content, SoapError> {
    let Tree { root, .. } = parse(bytes, limits)?;
    if !root.is(NAMESPACE, "Envelope") {
        return Err(SoapError::NotAnEnvelope);
    }
    let body = root.first("Body").ok_or(SoapError::NotAnEnvelope)?;
    let mut inside = body.elements();
    match (inside.next(), inside.next()) {
        (Some(fault), None) if fault.is(NAMESPACE, "Fault") => Ok(Content::Fault { code: fault_code(fault) }),
        (Some(message), None) => Ok(Content::Message(message.clone())),
        _ => Err(SoapError::NotAnEnvelope),
    }
}

fn fault_code(fault: &Element) -> String {
    let text = fault.first_in("", "faultcode").map(Element::all_text).unwrap_or_default();
    let local = text.rsplit(':').next().unwrap_or_default().trim();
    local.chars().filter(|c| c.is_ascii_alphanumeric() || ".-_".contains(*c)).take(64).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_wrapped_message_is_unwrapped_as_it_was() {
        let text = wrap(Element::new("urn:x", "m").child(Element::new("urn:x", "a").with("b", "ä&")));
        assert!(text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap="));
        let Content::Message(message) = unwrap(text.as_bytes(), Limits::DOCUMENT).unwrap() else { panic!("a fault") };
        assert_eq!(message.first("a").and_then(|a| a.attribute("b")), Some("ä&"));
    }

    #[test]
    fn a_fault_gives_its_code_and_nothing_of_its_text() {
        let text = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header/><s:Body><s:Fault>\
            <faultcode>s:Server</faultcode><faultstring>010190-900P</faultstring></s:Fault></s:Body></s:Envelope>";
        let Content::Fault { code } = unwrap(text.as_bytes(), Limits::DOCUMENT).unwrap() else { panic!("a message") };
        assert_eq!(code, "Server");
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
