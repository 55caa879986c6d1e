//! Status, content type and bytes to one message with its parts, or to why not.

use super::Doubt;
use crate::domain::wire::multipart::{self, MultipartError, ReadPart};
use crate::domain::wire::soap::{self, Content, SoapError};
use crate::domain::wire::{HL7_NAMESPACE, Reply};
use crate::domain::xml::{Element, Limits, XmlError};

/// Bytes of a page that are searched for a support id.
const PAGE_SEARCHED_MAX: usize = 16 * 1024;

/// A message that came back, and the parts beside it.
pub(super) struct Answer<'a> {
    pub(super) message: Element,
    pub(super) parts: Vec<ReadPart<'a>>,
}

impl Answer<'_> {
    /// Whether it is this interaction, by root element and by `interactionId` where that is given.
    pub(super) fn is(&self, interaction: &str) -> bool {
        let named = self.message.first("interactionId").and_then(|id| id.attribute("extension"));
        self.message.is(HL7_NAMESPACE, interaction) && named.is_none_or(|n| n == interaction)
    }

    pub(super) fn expect(&self, interaction: &str) -> Result<(), Doubt> {
        if self.is(interaction) { Ok(()) } else { Err(Doubt::OtherInteraction) }
    }
}

/// Reads one message; the part that holds it is not among the parts.
pub(super) fn read(reply: &Reply) -> Result<Answer<'_>, Doubt> {
    let content_type = reply.content_type.as_deref().unwrap_or_default();
    if is_html(content_type, &reply.body) {
        return Err(Doubt::BlockPage { status: reply.status, support_id: support_id(&reply.body) });
    }
    if reply.status != 200 {
        return Err(other_status(reply));
    }
    if reply.body.trim_ascii().is_empty() {
        return Err(Doubt::Empty);
    }
    if multipart::is_multipart(content_type) {
        let mut parts = multipart::read(content_type, &reply.body).map_err(|e| match e {
            MultipartError::Truncated => Doubt::Truncated,
            other => Doubt::Parts(other),
        })?;
        let root = parts.remove(0);
        return Ok(Answer { message: message(root.body)?, parts });
    }
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !media.eq_ignore_ascii_case("text/xml") && !media.eq_ignore_ascii_case("application/xml") {
        return Err(Doubt::ContentType);
    }
    Ok(Answer { message: message(&reply.body)?, parts: Vec::new() })
}

/// SOAP 1.1 faults come with status 500 (section 6.2).
fn other_status(reply: &Reply) -> Doubt {
    match soap::unwrap(&reply.body, Limits::DOCUMENT) {
        Ok(Content::Fault { code }) if reply.status >= 500 => Doubt::Fault { code },
        _ => Doubt::Status(reply.status),
    }
}

fn message(bytes: &[u8]) -> Result<Element, Doubt> {
    match soap::unwrap(bytes, Limits::DOCUMENT) {
        Ok(Content::Message(message)) => Ok(message),
        Ok(Content::Fault { code }) => Err(Doubt::Fault { code }),
        Err(SoapError::Xml(XmlError::Malformed { .. })) if !bytes.trim_ascii_end().ends_with(b"Envelope>") => {
            Err(Doubt::Truncated)
        }
        Err(other) => Err(Doubt::NotSoap(other)),
    }
}

fn is_html(content_type: &str, body: &[u8]) -> bool {
    let starts = |text: &[u8], with: &[u8]| text.get(..with.len()).is_some_and(|s| s.eq_ignore_ascii_case(with));
    let body = body.trim_ascii_start();
    starts(content_type.trim_start().as_bytes(), b"text/html")
        || starts(body, b"<html")
        || starts(body, b"<!doctype html")
}

/// The digits after "support id", as gateways print it.
fn support_id(body: &[u8]) -> Option<String> {
    let page = String::from_utf8_lossy(body.get(..PAGE_SEARCHED_MAX).unwrap_or(body)).to_ascii_lowercase();
    let (_, after) = page.split_once("support id")?;
    let digits: String =
        after.chars().take(80).skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).take(32).collect();
    (!digits.is_empty()).then_some(digits)
}
