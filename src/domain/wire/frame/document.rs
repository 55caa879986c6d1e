//! `clinicalDocument`: the document's metadata as the frame repeats them.

use crate::domain::document::header::Header;
use crate::domain::oid::Oid;
use crate::domain::person::{Client, IDENTITY_CODE_ROOT, Worker};
use crate::domain::profile::WireProfile;
use crate::domain::wire::message::{coded, element, name, simple};
use crate::domain::wire::{MessageContext, MessageFault};
use crate::domain::xml::Element;

/// The element, children in the real frame's order.
pub(super) fn clinical_document(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    header: &Header,
    text: Element,
) -> Result<Element, MessageFault> {
    if header.clients.is_empty() {
        return Err(MessageFault::NoClient);
    }
    let clients = header.clients.iter().map(record_target).collect::<Result<Vec<_>, _>>()?;
    let (frame, system, ids) = (&profile.frame, &profile.system, &header.ids);
    let [realm, type_id, code] = register_codes(profile);
    let document = simple("clinicalDocument", "classCode", "DOCCLIN").with("moodCode", "EVN").children([
        realm,
        type_id,
        simple("id", "root", ids.document.as_str()),
        code,
        text,
        simple("statusCode", "code", "COMPLETED"),
        simple("effectiveTime", "value", &header.drawn_up.hl7()),
        simple("setId", "root", ids.set.as_str()),
        simple("versionNumber", "value", &ids.version.to_string()),
        coded("completionCode", &system.completion.value.code(&frame.completion.value)),
        coded("storageCode", &system.storage.value.code(&frame.storage.value)),
    ]);
    Ok(document
        .children(clients)
        .children([author(context, header), custodian(&header.organiser.oid)])
        .children(case(header)))
}

/// `realmCode`, `typeId` and `code`: the register that the document is of.
pub(in crate::domain::wire) fn register_codes(profile: &WireProfile) -> [Element; 3] {
    let frame = &profile.frame;
    [
        simple("realmCode", "code", &frame.realm.value),
        simple("typeId", "extension", &frame.document_type_extension.value)
            .with("root", frame.document_type_root.value.as_str()),
        coded("code", &profile.system.register.value.code(&frame.register.value)),
    ]
}

pub(in crate::domain::wire) fn record_target(client: &Client) -> Result<Element, MessageFault> {
    let id = client.id().ok_or(MessageFault::ClientWithoutId)?;
    let person = simple("patientPerson", "classCode", "PSN")
        .with("determinerCode", "INSTANCE")
        .children([name(&client.name), simple("birthTime", "value", &client.birth_date.hl7())]);
    let patient = simple("patient", "classCode", "PAT").children([
        simple("id", "extension", id.reveal()).with("root", id.root()),
        simple("statusCode", "code", "normal"),
        person,
    ]);
    Ok(simple("recordTarget", "typeCode", "RCT").child(patient))
}

/// The document's author. A relationship document has none; there real frames name the acting worker, without a time.
fn author(context: &MessageContext<'_>, header: &Header) -> Element {
    let (worker, time): (&Worker, Element) = match &header.author {
        Some(author) => (author, simple("time", "value", &header.drawn_up.hl7())),
        None => (context.worker, simple("time", "nullFlavor", "NA")),
    };
    let person =
        simple("assignedPerson", "classCode", "PSN").with("determinerCode", "INSTANCE").child(name(&worker.name));
    let assigned = simple("assignedAuthor", "classCode", "ASSIGNED")
        .children([simple("id", "extension", worker.identity_code.reveal()).with("root", IDENTITY_CODE_ROOT), person]);
    simple("author", "typeCode", "AUT").children([time, assigned])
}

pub(in crate::domain::wire) fn custodian(owner: &Oid) -> Element {
    let organisation = simple("representedOrganization", "classCode", "ORG")
        .with("determinerCode", "INSTANCE")
        .child(simple("id", "root", owner.as_str()));
    let assigned = simple("assignedCustodian", "classCode", "ASSIGNED").child(organisation);
    simple("custodian", "typeCode", "CST").child(assigned)
}

/// `componentOf/encounterEvent/id`: the case, on all but relationship documents (place inferred, `docs/wire.md` 5).
fn case(header: &Header) -> Option<Element> {
    let case = header.case.as_ref()?;
    let event = element("encounterEvent").child(simple("id", "root", case.as_str()));
    Some(element("componentOf").child(event))
}
