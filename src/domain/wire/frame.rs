//! The store message `RCMR_IN200002FI01`: the transfer frame (siirtokehys) around one signed document.
//!
//! Written from the same [`Header`] as the document, so the two cannot disagree. The document's bytes go in untouched. Elements,
//! attributes and order are those of a real frame; where the frame of a client document is not known, `docs/wire.md` 5 is
//! followed.

pub(super) mod document;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::message::{Beside, element, envelope, message, simple};
use super::use_case::Asking;
use super::{Envelope, MessageContext, MessageFault, UseCase};
use crate::domain::document::header::Header;
use crate::domain::profile::{DocumentPlace, WireProfile};
use crate::domain::xml::Element;

/// The message with this document, ready to be sent: the same bytes for the same input.
///
/// # Errors
/// [`MessageFault`]: a document about nobody, a client without id, a document that holds every boundary.
pub fn store_message(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    header: &Header,
    document_xml: &[u8],
) -> Result<Envelope, MessageFault> {
    let content_id = content_id(header);
    let frame = store_frame(profile, context, header, document_xml)?;
    let beside = match profile.transport.document_place.value {
        DocumentPlace::Multipart => Some(Beside { content_id: &content_id, xml: document_xml }),
        DocumentPlace::Inline => None,
    };
    envelope(profile, context.message_id, &profile.interaction.store.value, frame, beside)
}

/// The frame alone; the document is in it where the profile has it inline.
///
/// # Errors
/// [`MessageFault`]: a document about nobody, a client without id.
pub fn store_frame(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    header: &Header,
    document_xml: &[u8],
) -> Result<Element, MessageFault> {
    let kind = UseCase::archiving(header).kind(profile, Asking::Fetch);
    let text = match profile.transport.document_place.value {
        DocumentPlace::Multipart => reference(header),
        DocumentPlace::Inline => inline(document_xml),
    };
    let document = document::clinical_document(profile, context, header, text)?;
    Ok(message(profile, context, &kind, element("subject").child(document)))
}

/// `Content-ID` of the document's part.
fn content_id(header: &Header) -> String {
    format!("OID{}", header.ids.document)
}

/// `text`: which part the document is.
fn reference(header: &Header) -> Element {
    let reference = simple("reference", "value", &format!("cid:{}", content_id(header)));
    simple("text", "mediaType", "multipart/related").child(reference)
}

/// `text`: the document itself.
fn inline(document_xml: &[u8]) -> Element {
    simple("text", "mediaType", "text/xml").with("representation", "B64").text(STANDARD.encode(document_xml))
}

#[cfg(test)]
mod tests;
