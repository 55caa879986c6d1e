//! The SOAP envelope, version 1.1 or 1.2: finds the message in its body and the addressing headers (docs/wire.md §1).
//!
//! Reads no message; whether action and addressing fit it is for `rules/message.rs`.

use roxmltree::{Document, Node};

use crate::intake::multipart::{self, parameter};
use crate::xml;

/// The HTTP message as far as the archive looks at it.
#[derive(Clone, Copy)]
pub struct HttpMessage<'a> {
    /// The `Content-Type` header.
    pub content_type: &'a str,
    /// The `SOAPAction` header, when there is one.
    pub soap_action: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl std::fmt::Debug for HttpMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpMessage(..)")
    }
}

/// The version of SOAP in which a message came, and in which it is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SoapVersion {
    #[default]
    V11,
    V12,
}

impl SoapVersion {
    pub(crate) fn namespace(self) -> &'static str {
        match self {
            Self::V11 => xml::SOAP_11,
            Self::V12 => xml::SOAP_12,
        }
    }

    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::V11 => "text/xml",
            Self::V12 => "application/soap+xml",
        }
    }

    fn of_media_type(media_type: &str) -> Option<Self> {
        [Self::V11, Self::V12].into_iter().find(|version| media_type.eq_ignore_ascii_case(version.media_type()))
    }
}

/// WS-Addressing 1.0 headers as they stood; `None` where one is missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addressing {
    pub(crate) action: Option<String>,
    pub(crate) message_id: Option<String>,
    pub(crate) reply_to: Option<String>,
}

/// How a message came. Its answer goes the same way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manner {
    pub(crate) soap: SoapVersion,
    /// The action of the HTTP message: a header in SOAP 1.1, a parameter of the media type in 1.2.
    pub(crate) action: Option<String>,
    /// The WS-Addressing headers, when there is any.
    pub(crate) addressing: Option<Addressing>,
}

/// The envelope's bytes and the other parts.
pub(crate) struct Parts<'a> {
    pub(crate) envelope: &'a [u8],
    /// Content id and bytes, in their order.
    pub(crate) attachments: Vec<multipart::Part<'a>>,
    pub(crate) soap: SoapVersion,
    pub(crate) action: Option<String>,
}

/// Takes an HTTP body apart. `None` when the content type is none of ours, or the parts cannot be told.
pub(crate) fn parts<'a>(message: &HttpMessage<'a>) -> Option<Parts<'a>> {
    let content_type = message.content_type;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if let Some(soap) = SoapVersion::of_media_type(media_type) {
        let action = action(message, soap, "action");
        return Some(Parts { envelope: message.body, attachments: Vec::new(), soap, action });
    }
    if !media_type.eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    let soap = match parameter(content_type, "type") {
        Some(root_type) => SoapVersion::of_media_type(&root_type)?,
        None => SoapVersion::V11,
    };
    let boundary = parameter(content_type, "boundary")?;
    let mut attachments = multipart::parts(&boundary, message.body)?;
    let start = parameter(content_type, "start").map(|id| multipart::bare_id(&id));
    let root = match start {
        Some(start) => attachments.iter().position(|part| part.content_id.as_deref() == Some(&start))?,
        None => 0,
    };
    if attachments.is_empty() {
        return None;
    }
    let envelope = attachments.remove(root).body;
    Some(Parts { envelope, attachments, soap, action: action(message, soap, "start-info") })
}

/// The action that the HTTP message names; quotes taken off.
fn action(message: &HttpMessage<'_>, soap: SoapVersion, name: &str) -> Option<String> {
    match soap {
        SoapVersion::V11 => message.soap_action.map(|action| action.trim().trim_matches('"').to_owned()),
        SoapVersion::V12 => parameter(message.content_type, name),
    }
}

/// An envelope's message, and the addressing around it.
pub(crate) struct Envelope<'a, 'i> {
    pub(crate) message: Node<'a, 'i>,
    pub(crate) addressing: Option<Addressing>,
}

/// Opens an envelope of that version: the one child of its body, and its headers. `None` when it is no such envelope, or
/// when it has a header that must be understood and is not.
pub(crate) fn open<'a, 'i>(document: &'a Document<'i>, soap: SoapVersion) -> Option<Envelope<'a, 'i>> {
    let envelope = document.root_element();
    if !xml::is(envelope, soap.namespace(), "Envelope") {
        return None;
    }
    let body = xml::child(envelope, soap.namespace(), "Body")?;
    let mut elements = body.children().filter(Node::is_element);
    let message = elements.next()?;
    if elements.next().is_some() {
        return None;
    }
    let header = xml::child(envelope, soap.namespace(), "Header");
    let blocks = || header.into_iter().flat_map(|header| header.children().filter(Node::is_element));
    let is_addressing = |block: &Node<'_, '_>| block.tag_name().namespace() == Some(xml::ADDRESSING);
    let must =
        |block: &Node<'_, '_>| matches!(block.attribute((soap.namespace(), "mustUnderstand")), Some("1" | "true"));
    if blocks().any(|block| must(&block) && !is_addressing(&block)) {
        return None;
    }
    let addressing = blocks().any(|block| is_addressing(&block)).then(|| header.map(addressing)).flatten();
    Some(Envelope { message, addressing })
}

fn addressing(header: Node<'_, '_>) -> Addressing {
    let text = |node: Node<'_, '_>| xml::text(node).trim().to_owned();
    let value = |name| xml::child(header, xml::ADDRESSING, name).map(text);
    let reply_to = xml::child(header, xml::ADDRESSING, "ReplyTo")
        .and_then(|reply_to| xml::child(reply_to, xml::ADDRESSING, "Address"))
        .map(text);
    Addressing { action: value("Action"), message_id: value("MessageID"), reply_to }
}
