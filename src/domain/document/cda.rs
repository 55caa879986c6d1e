//! A document as XML: HL7 CDA R2 `ClinicalDocument` in the order and with the names that the archive's documents have.
//!
//! The elements follow HL7's `POCD_MT000040.xsd`; `hl7fi:localSocialHeader` and `hl7fi:json` (see [`social`]) are the Finnish
//! extension of the social-care document standard 3.3. Writes no comments and no white space between elements, and Base64 in
//! one line. Checks nothing: a [`Header`] is already what it says.

pub mod social;

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Document;
use super::header::{CasePeriod, DocumentGroup, GuardianDisclosure, Header};
use crate::domain::code::Code;
use crate::domain::organisation::Organisation;
use crate::domain::person::{Client, Gender, PersonName, REGISTRATION_NUMBER_ROOT, Worker};
use crate::domain::time::{Instant, PartialDate};
use crate::domain::xml::{Element, Name};

/// Namespace of HL7 V3 and CDA.
pub const HL7: &str = "urn:hl7-org:v3";
/// Namespace of the Finnish extension.
pub const HL7FI: &str = "urn:hl7finland";
/// What `nonXMLBody/@ID` begins with, before the document's OID.
pub const BODY_ID_PREFIX: &str = "OID";
/// `text/@mediaType` of the display form.
pub const DISPLAY_MEDIA_TYPE: &str = "application/xhtml+xml";

/// A value of a code system that this document always carries, as the archive's own documents write it.
pub(crate) struct Fixed {
    pub(crate) code: &'static str,
    pub(crate) system: &'static str,
    pub(crate) system_name: &'static str,
    pub(crate) display: &'static str,
}

const CONFIDENTIAL: Fixed = Fixed {
    code: "6",
    system: "1.2.246.777.5.99902.2006",
    system_name: "KanTa-palvelut - Asiakirjan luottamuksellisuus",
    display: "Sosiaalihuollon salassapidettävä",
};
const MALE: Fixed = gender("1", "Mies");
const FEMALE: Fixed = gender("2", "Nainen");

const fn gender(code: &'static str, display: &'static str) -> Fixed {
    Fixed { code, system: "1.2.246.537.5.1.1997", system_name: "AR/YDIN - Sukupuoli", display }
}

/// The value of `nonXMLBody/@ID` of the document with this id.
pub fn body_id(document: &str) -> String {
    format!("{BODY_ID_PREFIX}{document}")
}

/// The whole document; `signed` holds what a signature adds at the end of `localSocialHeader`.
pub(crate) fn clinical_document(document: &Document, signed: Vec<Element>) -> Element {
    let header = document.header();
    let mut root = hl7("ClinicalDocument")
        .child(hl7("realmCode").with("code", "FI"))
        .child(hl7("typeId").with("extension", "POCD_HD000040").with("root", "2.16.840.1.113883.1.3"))
        .child(id(header.ids.document.as_str()))
        .child(optional_code("code", header.general_type.as_ref()))
        .child(time("effectiveTime", header.drawn_up))
        .child(fixed(hl7("confidentialityCode"), &CONFIDENTIAL))
        .child(hl7("languageCode").with("code", header.language.as_str()))
        .child(hl7("setId").with("root", header.ids.set.as_str()))
        .child(hl7("versionNumber").with("value", header.ids.version.to_string()))
        .children(header.clients.iter().map(record_target))
        .child(author(header))
        .child(custodian(&header.organiser));
    if header.replaces.is_some() {
        root = root.child(related_document(header));
    }
    root.children(header.guardian_disclosure.iter().map(authorization))
        .child(hl7("componentOf").child(encounter(header)))
        .child(social::local_social_header(header).children(signed))
        .child(hl7("component").child(body(document)))
}

/// An element of HL7 V3, without prefix.
pub(crate) fn hl7(name: &str) -> Element {
    static SHARED: LazyLock<Name> = LazyLock::new(|| HL7.into());
    Element { namespace: SHARED.clone(), ..Element::new("", name) }
}

/// The same element with a code's attributes, in the order of the archive's documents.
pub(crate) fn coded(element: Element, code: &Code) -> Element {
    let mut element = element.with("code", code.code.as_str()).with("codeSystem", code.system.as_str());
    if let Some(name) = &code.system_name {
        element = element.with("codeSystemName", name.as_str());
    }
    match &code.display {
        Some(display) => element.with("displayName", display.as_str()),
        None => element,
    }
}

pub(crate) fn fixed(element: Element, value: &Fixed) -> Element {
    element
        .with("code", value.code)
        .with("codeSystem", value.system)
        .with("codeSystemName", value.system_name)
        .with("displayName", value.display)
}

/// CDA demands the element where the archive has nothing to say: null flavor `NA`.
fn not_applicable(name: &str) -> Element {
    hl7(name).with("nullFlavor", "NA")
}

fn optional_code(name: &str, code: Option<&Code>) -> Element {
    code.map_or_else(|| not_applicable(name), |code| coded(hl7(name), code))
}

fn id(root: &str) -> Element {
    hl7("id").with("root", root)
}

fn time(name: &str, at: Instant) -> Element {
    hl7(name).with("value", at.hl7())
}

/// A client with both ids goes by the identity code alone, as published documents have it; the content has both.
fn record_target(client: &Client) -> Element {
    let known_by = match client.id() {
        Some(known) => id(known.root()).with("extension", known.reveal()),
        None => hl7("id").with("nullFlavor", "UNK"),
    };
    let gender = hl7("administrativeGenderCode");
    let gender = match client.gender {
        Gender::Male => fixed(gender, &MALE),
        Gender::Female => fixed(gender, &FEMALE),
        Gender::Unknown => gender.with("nullFlavor", "UNK"),
    };
    let patient = hl7("patient")
        .child(person_name(&client.name))
        .child(gender)
        .child(hl7("birthTime").with("value", client.birth_date.hl7()));
    hl7("recordTarget").child(hl7("patientRole").child(known_by).child(patient))
}

/// Given names in order, then the calling name once more with its qualifier, then the family name.
fn person_name(name: &PersonName) -> Element {
    let calling = name.calling.as_ref().map(|calling| hl7("given").with("qualifier", "CL").text(calling.as_str()));
    hl7("name")
        .children(name.given.iter().map(|given| hl7("given").text(given.as_str())))
        .children(calling)
        .child(hl7("family").text(name.family.as_str()))
}

/// A relationship document names no author: the element is there because CDA demands it.
fn author(header: &Header) -> Element {
    let assigned = match author_of(header) {
        Some(worker) => hl7("assignedAuthor")
            .child(id(REGISTRATION_NUMBER_ROOT).with("extension", worker.registration_number.reveal()))
            .child(hl7("assignedPerson").child(person_name(&worker.name))),
        None => hl7("assignedAuthor").child(not_applicable("id")),
    };
    hl7("author").child(not_applicable("time")).child(assigned)
}

/// Who the document names as its author: nobody on a relationship document.
pub(crate) fn author_of(header: &Header) -> Option<&Worker> {
    header.author.as_ref().filter(|_| header.group != DocumentGroup::Relationship)
}

fn custodian(organiser: &Organisation) -> Element {
    let represented = hl7("representedCustodianOrganization")
        .child(id(organiser.oid.as_str()))
        .child(hl7("name").text(organiser.name.as_str()));
    hl7("custodian").child(hl7("assignedCustodian").child(represented))
}

/// HL7 CDA R2, 4.2.3.1: a replacement names the document that it replaces.
fn related_document(header: &Header) -> Element {
    let replaced = header.replaces.iter().map(|(replaced, _)| id(replaced.as_str()));
    let parent = hl7("parentDocument")
        .children(replaced)
        .child(hl7("setId").with("root", header.ids.set.as_str()))
        .child(hl7("versionNumber").with("value", header.ids.version.saturating_sub(1).to_string()));
    hl7("relatedDocument").with("typeCode", "RPLC").child(parent)
}

/// HL7 CDA R2, 4.2.3.3, as published documents use it: whether a minor's guardians may be given the document.
fn authorization(told: &GuardianDisclosure) -> Element {
    let consent =
        hl7("consent").child(coded(hl7("code"), &told.decision)).child(hl7("statusCode").with("code", "completed"));
    hl7("authorization").child(consent)
}

/// The days between which a case is open. Inferred from a published document's comment, in the form of HL7's `IVL<TS>`;
/// an open case has no `high`.
fn case_period(period: &CasePeriod) -> Element {
    let day = |name: &str, day: PartialDate| hl7(name).with("value", day.hl7());
    hl7("effectiveTime").child(day("low", period.opened)).children(period.closed.map(|closed| day("high", closed)))
}

/// The case, the organiser answering for it and the unit. A case not yet found is `NI`; a relationship document has none.
fn encounter(header: &Header) -> Element {
    let case = match (&header.case, header.group) {
        (_, DocumentGroup::Relationship) => not_applicable("id"),
        (Some(case), _) => id(case.as_str()),
        (None, _) => hl7("id").with("nullFlavor", "NI"),
    };
    let period = header.case_period.as_ref().filter(|_| header.group == DocumentGroup::Case);
    let period = period.map_or_else(|| not_applicable("effectiveTime"), case_period);
    let mut encounter = hl7("encompassingEncounter").child(case).child(period);
    if header.group != DocumentGroup::Relationship {
        let organiser = assigned_organisation(header.organiser.oid.as_str(), &header.organiser.name);
        encounter = encounter.child(hl7("responsibleParty").child(organiser));
    }
    let unit = assigned_organisation(header.unit.oid.as_str(), &header.unit.name);
    encounter.child(hl7("encounterParticipant").with("typeCode", "ADM").child(unit))
}

fn assigned_organisation(oid: &str, name: &str) -> Element {
    let organisation = hl7("representedOrganization").child(id(oid)).child(hl7("name").text(name));
    hl7("assignedEntity").child(not_applicable("id")).child(organisation)
}

pub(crate) fn body(document: &Document) -> Element {
    let text = hl7("text")
        .with("mediaType", DISPLAY_MEDIA_TYPE)
        .with("representation", "B64")
        .text(STANDARD.encode(document.display()));
    let json = social::hl7fi("json").text(STANDARD.encode(document.content_json()));
    hl7("nonXMLBody").with("ID", document.body_id()).child(text).child(json)
}
