//! Rules for the message itself (docs/wire.md §1 to §5, §7): header values, sender, service request, query bounds.

use crate::finding::{Findings, Rule};
use crate::intake::frame::{Frame, FrameDocument, Interaction};
use crate::intake::query::Query;
use crate::oid::Oid;

/// The archive's party id in the test environment.
pub(crate) const ARCHIVE_PARTY: &str = "1.2.246.556.18007.2";
/// Use situation: work in the organiser's own register.
pub(crate) const OWN_REGISTER: &str = "1";
/// Use situation: work under a register access right (a placeholder of ours).
pub(crate) const REGISTER_ACCESS: &str = "OURS-REGISTER-ACCESS";
/// The client register.
pub(crate) const CLIENT_REGISTER: &str = "1";
const STORE_TRIGGER: &str = "RCMR_TE000102UV01";
const PAGE_MAX: u32 = 200;

/// Checks what every message carries. `peer` is the organisation of the client certificate.
pub(crate) fn check(frame: &Frame, peer: &Oid, soap_action: Option<&str>) -> Findings {
    let mut found = Findings::default();
    let id = frame.interaction.id();
    if let Some(action) = soap_action {
        let fits = action.trim().trim_matches('"') == format!("urn:hl7-org:v3:{id}");
        found.require(fits, Rule::MessageSoapAction, "SOAPAction");
    }
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
    if frame.interaction == Interaction::Store {
        match frame.trigger.as_deref() {
            None => found.add(Rule::MessageTriggerMissing, "controlActProcess/code"),
            Some(trigger) => found.require(trigger == STORE_TRIGGER, Rule::MessageTrigger, "controlActProcess/code"),
        }
    }
    found
}

fn service_requests(interaction: Interaction) -> &'static [&'static str] {
    match interaction {
        Interaction::Store => &["SP1", "SP17", "OURS-ARCHIVE-CASE"],
        Interaction::Find => &["OURS-FETCH-RELATIONSHIP", "OURS-FETCH-CASE", "OURS-FETCH-METADATA"],
        Interaction::Fetch => &["OURS-FETCH-RELATIONSHIP", "OURS-FETCH-CASE", "OURS-FETCH-DOCUMENT"],
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

/// Checks a query's bounds.
pub(crate) fn check_query(query: &Query, frame: &Frame) -> Findings {
    let mut found = Findings::default();
    found.require((1..=PAGE_MAX).contains(&query.page_size), Rule::QueryPage, "queryByParameter/initialQuantity");
    found.require(query.register == CLIENT_REGISTER, Rule::FrameRegister, "queryByParameter/registerCode");
    let has_subject = match frame.interaction {
        Interaction::Fetch => query.document.is_some(),
        _ => query.document.is_some() || query.client.is_some(),
    };
    found.require(has_subject, Rule::QuerySubject, "queryByParameter");
    if let (Some(wanted), Some(asked)) = (group_of(&frame.service_request), &query.group) {
        found.require(wanted == asked, Rule::MessageServiceRequest, "queryByParameter/documentGroup");
    }
    found
}
