//! The store message `RCMR_IN200002FI01`: the transfer frame (siirtokehys) around one signed document.
//!
//! Written from the same [`Header`] as the document, so the two cannot disagree. The document's bytes go in untouched. Elements,
//! attributes and order are those of a real frame; where the frame of a client document is not known, `docs/wire.md` 5 is
//! followed.

mod document;

use super::message::{Kind, element, message, simple, soap_action};
use super::multipart::{self, Part};
use super::{Envelope, MessageContext, MessageFault, soap};
use crate::domain::document::header::{DocumentGroup, Header};
use crate::domain::profile::{Coded, WireProfile};
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
    let frame = soap::wrap(store_frame(profile, context, header)?);
    let content_id = content_id(header);
    let parts = [
        Part { content_type: soap::CONTENT_TYPE, content_id: "frame", binary: false, body: frame.as_bytes() },
        Part {
            content_type: "application/xml; charset=utf-8",
            content_id: &content_id,
            binary: true,
            body: document_xml,
        },
    ];
    let (content_type, body) =
        multipart::write(header.ids.document.as_str(), &parts).ok_or(MessageFault::NoBoundary)?;
    Ok(Envelope {
        soap_action: soap_action(profile, &profile.interaction.store.value),
        content_type,
        message_id: context.message_id.clone(),
        body,
    })
}

/// The frame alone.
///
/// # Errors
/// [`MessageFault`]: a document about nobody, a client without id.
pub fn store_frame(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    header: &Header,
) -> Result<Element, MessageFault> {
    let kind = Kind {
        interaction: &profile.interaction.store.value,
        trigger: &profile.trigger.store.value,
        accept_ack: &profile.processing.accept_ack_store.value,
        service_request: service_request(profile, header),
    };
    let document = document::clinical_document(profile, context, header)?;
    Ok(message(profile, context, &kind, element("subject").child(document)))
}

fn service_request<'a>(profile: &'a WireProfile, header: &Header) -> &'a Coded {
    let requests = &profile.service_request;
    match (header.ids.version, header.group) {
        (2.., _) => &requests.archive_new_version.value,
        (_, DocumentGroup::Relationship) => &requests.archive_relationship.value,
        (_, DocumentGroup::Case) => &requests.archive_case.value,
        (_, DocumentGroup::ClientDocument) => &requests.archive_client_document.value,
    }
}

/// `Content-ID` of the document's part.
fn content_id(header: &Header) -> String {
    format!("OID{}", header.ids.document)
}

/// `text`: which part the document is.
fn place(header: &Header) -> Element {
    let reference = simple("reference", "value", &format!("cid:{}", content_id(header)));
    simple("text", "mediaType", "multipart/related").child(reference)
}

#[cfg(test)]
mod tests;
