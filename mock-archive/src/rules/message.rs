//! Rules for the message itself (docs/wire.md §1 to §5, §7): header values, sender, service request, query bounds.

use crate::finding::{Findings, Rule};
use crate::intake::frame::{Frame, FrameDocument, Interaction, Invalidation};
use crate::intake::query::Query;
use crate::intake::soap::Manner;
use crate::oid::Oid;

/// The archive's party id in the test environment.
pub(crate) const ARCHIVE_PARTY: &str = "1.2.246.556.18007.2";
/// Use situation: work in the organiser's own register.
pub(crate) const OWN_REGISTER: &str = "1";
/// Use situation: work under a register access right (a placeholder of ours).
pub(crate) const REGISTER_ACCESS: &str = "OURS-REGISTER-ACCESS";
/// The client register.
pub(crate) const CLIENT_REGISTER: &str = "1";
/// Service request: store version 2 or later, of any group.
pub(crate) const NEW_VERSION: &str = "OURS-NEW-VERSION";
/// Service request: the archive's summary of a client.
pub(crate) const SUMMARY: &str = "OURS-FETCH-SUMMARY";
/// What stands before an interaction id in an action.
pub(crate) const ACTION_PREFIX: &str = "urn:hl7-org:v3:";
const ANONYMOUS: &str = "http://www.w3.org/2005/08/addressing/anonymous";
const PAGE_MAX: u32 = 200;
const REASON_MAX_CHARS: usize = 500;

/// Checks how a message came: the action of HTTP and the addressing headers.
pub(crate) fn check_manner(frame: &Frame, manner: &Manner) -> Findings {
    let mut found = Findings::default();
    let action = format!("{ACTION_PREFIX}{}", frame.interaction.id());
    found.require(manner.action.as_ref() == Some(&action), Rule::MessageSoapAction, "SOAPAction");
    if let Some(addressing) = &manner.addressing {
        let message_id = format!("urn:oid:{}.{}", frame.id.root, frame.id.extension);
        let fits = addressing.action.as_ref() == Some(&action)
            && addressing.message_id.as_ref() == Some(&message_id)
            && addressing.reply_to.as_deref() == Some(ANONYMOUS);
        found.require(fits, Rule::MessageAddressing, "Envelope/Header");
    }
    found
}

/// Checks what every message carries. `peer` is the organisation of the client certificate.
pub(crate) fn check(frame: &Frame, peer: &Oid) -> Findings {
    let mut found = Findings::default();
    let id = frame.interaction.id();
    found.require(frame.named_interaction == id, Rule::MessageInteraction, "interactionId");
    let is_number = frame.id.extension.bytes().all(|byte| byte.is_ascii_digit());
    found.require(is_number, Rule::MessageNumber, "id/@extension");
    let test = (frame.processing.0.as_str(), frame.processing.1.as_str()) == ("D", "T");
    found.require(test, Rule::MessageProcessing, "processingCode");
    found.require(frame.receiver == *ARCHIVE_PARTY, Rule::MessageReceiver, "receiver/device/id");
    found.require(peer.is_or_is_below(&frame.sender), Rule::MessageSender, "sender/device/id");
    let known_use = [OWN_REGISTER, REGISTER_ACCESS].contains(&frame.use_situation.as_str());
    found.require(known_use, Rule::MessageUseSituation, "controlActProcess/reasonCode");
    let fits = service_requests(frame.interaction).contains(&frame.service_request.as_str());
    found.require(fits, Rule::MessageServiceRequest, "controlActProcess/reasonCode");
    if let Some(expected) = trigger(frame.interaction) {
        match frame.trigger.as_deref() {
            None => found.add(Rule::MessageTriggerMissing, "controlActProcess/code"),
            Some(trigger) => found.require(trigger == expected, Rule::MessageTrigger, "controlActProcess/code"),
        }
    }
    found
}

/// The trigger event of what changes a register; those of queries are looked at by nobody.
fn trigger(interaction: Interaction) -> Option<&'static str> {
    match interaction {
        Interaction::Store => Some("RCMR_TE000102UV01"),
        Interaction::Invalidate => Some("RCMR_TE000025UV01"),
        Interaction::Find | Interaction::Fetch => None,
    }
}

fn service_requests(interaction: Interaction) -> &'static [&'static str] {
    match interaction {
        Interaction::Store => &["SP1", "SP17", "OURS-ARCHIVE-CASE", NEW_VERSION],
        Interaction::Invalidate => &["OURS-INVALIDATE"],
        Interaction::Find => &["OURS-FETCH-RELATIONSHIP", "OURS-FETCH-CASE", "OURS-FETCH-METADATA"],
        Interaction::Fetch => &["OURS-FETCH-RELATIONSHIP", "OURS-FETCH-CASE", "OURS-FETCH-DOCUMENT", SUMMARY],
    }
}

/// The group that a service request is about, when it is about one.
pub(crate) fn group_of(service_request: &str) -> Option<&'static str> {
    match service_request {
        "SP1" | "OURS-FETCH-RELATIONSHIP" => Some("1"),
        "OURS-ARCHIVE-CASE" | "OURS-FETCH-CASE" => Some("2"),
        "SP17" => Some("5"),
        _ => None,
    }
}

/// Checks the frame's own copy of the document's metadata.
pub(crate) fn check_document(document: &FrameDocument) -> Findings {
    let mut found = Findings::default();
    found.require(document.register == CLIENT_REGISTER, Rule::FrameRegister, "clinicalDocument/code");
    let states = document.states.each_ref().map(String::as_str);
    found.require(states == ["COMPLETED", "LA", "AC"], Rule::FrameStates, "clinicalDocument/statusCode");
    found
}

/// Checks an invalidation by itself.
pub(crate) fn check_invalidation(invalidation: &Invalidation) -> Findings {
    let mut found = Findings::default();
    found.require(invalidation.register == CLIENT_REGISTER, Rule::FrameRegister, "clinicalDocument/code");
    found.require(invalidation.status == "NULLIFIED", Rule::FrameNullified, "clinicalDocument/statusCode");
    let length = invalidation.reason.trim().chars().count();
    let within = (1..=REASON_MAX_CHARS).contains(&length);
    found.require(within, Rule::InvalidationReason, "localSocialHeader/reasonOfInvalidation");
    found
}

/// Checks a query's bounds.
pub(crate) fn check_query(query: &Query, frame: &Frame) -> Findings {
    let mut found = Findings::default();
    found.require((1..=PAGE_MAX).contains(&query.page_size), Rule::QueryPage, "queryByParameter/initialQuantity");
    found.require(query.register == CLIENT_REGISTER, Rule::FrameRegister, "queryByParameter/registerCode");
    let has_subject = match frame.interaction {
        Interaction::Fetch if frame.service_request == SUMMARY => query.document.is_none() && query.client.is_some(),
        Interaction::Fetch => query.document.is_some(),
        _ => query.document.is_some() || query.client.is_some(),
    };
    found.require(has_subject, Rule::QuerySubject, "queryByParameter");
    if let (Some(wanted), Some(asked)) = (group_of(&frame.service_request), &query.group) {
        found.require(wanted == asked, Rule::MessageServiceRequest, "queryByParameter/documentGroup");
    }
    found
}
