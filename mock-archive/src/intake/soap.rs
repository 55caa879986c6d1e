//! The SOAP 1.1 envelope: finds the message in its body (docs/wire.md §1). Reads no message.

use roxmltree::{Document, Node};

use crate::intake::multipart;
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

/// The envelope's bytes and the other parts.
pub(crate) struct Parts<'a> {
    pub(crate) envelope: &'a [u8],
    /// Content id and bytes, in their order.
    pub(crate) attachments: Vec<multipart::Part<'a>>,
}

/// Takes an HTTP body apart. `None` when the content type is neither of the two, or the parts cannot be told.
pub(crate) fn parts<'a>(message: &HttpMessage<'a>) -> Option<Parts<'a>> {
    let media_type = message.content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("text/xml") {
        return Some(Parts { envelope: message.body, attachments: Vec::new() });
    }
    if !media_type.eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    let boundary = multipart::parameter(message.content_type, "boundary")?;
    let mut attachments = multipart::parts(&boundary, message.body)?;
    let start = multipart::parameter(message.content_type, "start").map(|id| multipart::bare_id(&id));
    let root = match start {
        Some(start) => attachments.iter().position(|part| part.content_id.as_deref() == Some(&start))?,
        None => 0,
    };
    if attachments.is_empty() {
        return None;
    }
    let envelope = attachments.remove(root).body;
    Some(Parts { envelope, attachments })
}

/// The message element: the one child of the envelope's body.
pub(crate) fn message<'a, 'i>(document: &'a Document<'i>) -> Option<Node<'a, 'i>> {
    let envelope = document.root_element();
    if !xml::is(envelope, xml::SOAP, "Envelope") {
        return None;
    }
    let body = xml::child(envelope, xml::SOAP, "Body")?;
    let mut elements = body.children().filter(Node::is_element);
    let message = elements.next()?;
    elements.next().is_none().then_some(message)
}
