//! The message that says that a document no longer counts (`docs/wire.md` 5.1; ours). It carries no document.

use super::frame::document::{custodian, record_target, register_codes};
use super::message::{element, envelope, message, simple};
use super::use_case::Asking;
use super::{Envelope, HL7_FINLAND_NAMESPACE, MessageContext, MessageFault, UseCase};
use crate::domain::document::invalidation::Invalidation;
use crate::domain::profile::WireProfile;
use crate::domain::xml::Element;

/// The message, ready to be sent: the same bytes for the same input. Who decided it is the context's acting worker.
///
/// # Errors
/// [`MessageFault`]: a document about nobody, a client without id.
pub fn invalidate_message(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    invalidation: &Invalidation,
) -> Result<Envelope, MessageFault> {
    let kind = UseCase::Invalidate.kind(profile, Asking::Fetch);
    let subject = element("subject").child(clinical_document(profile, invalidation)?);
    envelope(profile, context.message_id, kind.interaction, message(profile, context, &kind, subject), None)
}

fn clinical_document(profile: &WireProfile, invalidation: &Invalidation) -> Result<Element, MessageFault> {
    if invalidation.clients().is_empty() {
        return Err(MessageFault::NoClient);
    }
    let clients = invalidation.clients().iter().map(record_target).collect::<Result<Vec<_>, _>>()?;
    let [realm, type_id, code] = register_codes(profile);
    Ok(simple("clinicalDocument", "classCode", "DOCCLIN")
        .with("moodCode", "EVN")
        .children([realm, type_id])
        .children(invalidation.version().map(|version| simple("id", "root", version.as_str())))
        .children([
            code,
            simple("statusCode", "code", "NULLIFIED"),
            simple("effectiveTime", "value", &invalidation.at().hl7()),
            simple("setId", "root", invalidation.ids().set.as_str()),
        ])
        .children(clients)
        .children([custodian(invalidation.register_owner()), social_header(profile, invalidation)]))
}

fn social_header(profile: &WireProfile, invalidation: &Invalidation) -> Element {
    let element = |name: &str| Element::new(HL7_FINLAND_NAMESPACE, name);
    let system = profile.system.document_group.value.oid.as_str();
    element("localSocialHeader").children([
        element("documentGroup").with("code", invalidation.group().code()).with("codeSystem", system),
        element("reasonOfInvalidation").text(invalidation.reason()),
    ])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::document::invalidation::{Extent, Subject};
    use crate::domain::wire::fixtures::{ORGANISER, context, header, message_id, unit, worker};
    use crate::domain::wire::soap::{Content, unwrap};
    use crate::domain::xml::Limits;

    fn document(extent: Extent) -> Element {
        let (id, worker, unit) = (message_id("5"), worker(), unit());
        let at = "2026-06-11T08:00:00+03:00".parse().unwrap();
        let invalidation = Invalidation::try_new(&Subject::from(&header()), extent, "Väärä <asiakas>", at).unwrap();
        let profile = WireProfile::default_profile().unwrap();
        let envelope = invalidate_message(&profile, &context(&id, &worker, &unit), &invalidation).unwrap();
        let Content::Message(message) = unwrap(&envelope.body, Limits::DOCUMENT).unwrap() else { panic!() };
        assert_eq!(message.name.as_str(), "RCMR_IN200025FI01");
        assert_eq!(message.first("acceptAckCode").unwrap().attribute("code"), Some("ER"));
        let reason = message.at(["controlActProcess", "reasonCode"]).unwrap();
        assert_eq!(reason.attribute("code"), Some("OURS-INVALIDATE"));
        message.at(["controlActProcess", "subject", "clinicalDocument"]).unwrap().clone()
    }

    #[test]
    fn the_message_names_the_version_the_chain_the_client_the_group_and_the_reason() {
        let one = document(Extent::ThisVersion);
        let names: Vec<_> = one.elements().map(|e| e.name.as_str()).collect();
        assert_eq!(
            names.join(" "),
            "realmCode typeId id code statusCode effectiveTime setId recordTarget custodian localSocialHeader"
        );
        assert_eq!(one.first("statusCode").unwrap().attribute("code"), Some("NULLIFIED"));
        let owner = one.at(["custodian", "assignedCustodian", "representedOrganization", "id"]).unwrap();
        assert_eq!(owner.attribute("root"), Some(ORGANISER));
        let social = one.first_in(HL7_FINLAND_NAMESPACE, "localSocialHeader").unwrap();
        assert_eq!(social.first("documentGroup").unwrap().attribute("code"), Some("5"));
        assert_eq!(social.first("reasonOfInvalidation").unwrap().all_text(), "Väärä <asiakas>");
        assert!(document(Extent::AllVersions).first("id").is_none());
    }
}
