//! Status, content type and bytes to one message with its parts, or to why not.

use super::Doubt;
use crate::domain::profile::{Addressing, WireProfile};
use crate::domain::wire::multipart::{self, MultipartError, ReadPart};
use crate::domain::wire::soap::{self, Content, Opened, SoapError};
use crate::domain::wire::{HL7_NAMESPACE, MessageId, Reply};
use crate::domain::xml::{Element, Limits, XmlError};

/// Bytes of a page that are searched for a support id.
const PAGE_SEARCHED_MAX: usize = 16 * 1024;
/// Content types of an envelope: SOAP 1.1's, what some servers say instead, SOAP 1.2's.
const MEDIA_TYPES: [&str; 3] = ["text/xml", "application/xml", "application/soap+xml"];

/// A message that came back, and the parts beside it.
pub(super) struct Answer<'a> {
    pub(super) message: Element,
    pub(super) relates_to: Option<String>,
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

/// Reads one message; the part that holds it is not among the parts. Where the profile has addressing, an answer that relates to
/// another message than `sent` is no answer to it; one that does not say is told by its acknowledgement alone.
pub(super) fn read<'a>(profile: &WireProfile, sent: &MessageId, reply: &'a Reply) -> Result<Answer<'a>, Doubt> {
    let answer = message_of(reply)?;
    let addressed = profile.transport.addressing.value == Addressing::WsAddressing1;
    match &answer.relates_to {
        Some(other) if addressed && *other != soap::message_urn(sent) => Err(Doubt::OtherMessage),
        _ => Ok(answer),
    }
}

fn message_of(reply: &Reply) -> Result<Answer<'_>, Doubt> {
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
        let (message, relates_to) = message(root.body)?;
        return Ok(Answer { message, relates_to, parts });
    }
    let media = content_type.split(';').next().unwrap_or_default().trim();
    if !MEDIA_TYPES.iter().any(|known| media.eq_ignore_ascii_case(known)) {
        return Err(Doubt::ContentType);
    }
    if other_charset(content_type) {
        return Err(Doubt::Charset);
    }
    let (message, relates_to) = message(&reply.body)?;
    Ok(Answer { message, relates_to, parts: Vec::new() })
}

/// Whether a content type names a charset in which these bytes would not be UTF-8.
fn other_charset(content_type: &str) -> bool {
    let mut parameters = content_type.split(';').skip(1).filter_map(|p| p.split_once('='));
    let charset = parameters.find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let utf_8 = |value: &str| ["utf-8", "utf8", "us-ascii"].iter().any(|known| value.eq_ignore_ascii_case(known));
    charset.is_some_and(|(_, value)| !utf_8(value.trim().trim_matches('"')))
}

/// SOAP faults come with status 500, in 1.2 with 400 for the sender's (1.1, 6.2; 1.2 part 2, 7.5.2.2).
fn other_status(reply: &Reply) -> Doubt {
    match soap::unwrap(&reply.body, Limits::DOCUMENT) {
        Ok(Content::Fault { code }) if reply.status >= 500 || reply.status == 400 => Doubt::Fault { code },
        _ => Doubt::Status(reply.status),
    }
}

fn message(bytes: &[u8]) -> Result<(Element, Option<String>), Doubt> {
    match soap::open(bytes, Limits::DOCUMENT) {
        Ok(Opened { content: Content::Message(message), relates_to }) => Ok((message, relates_to)),
        Ok(Opened { content: Content::Fault { code }, .. }) => Err(Doubt::Fault { code }),
        Err(SoapError::Xml(XmlError::NotUtf8)) => Err(Doubt::Charset),
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
