//! From a checked record to its document: same record, ids, moment and case give the same bytes.

use super::Document;
use super::display::{Look, display_form_with};
use super::header::{CasePeriod, DocumentGroup, DocumentIds, GuardianDisclosure, Header, Software};
use crate::domain::code::{Code, CodeValue};
use crate::domain::oid::Oid;
use crate::domain::record::CaseReference;
use crate::domain::relationship::Relationship;
use crate::domain::time::Instant;
use crate::domain::validate::CheckedRecord;

/// What a document needs beside its record.
#[derive(Debug, Clone, Copy)]
pub struct Making<'a> {
    /// Ids of the version.
    pub ids: &'a DocumentIds,
    /// When the document is made (`creationTime`).
    pub created: Instant,
    /// The case that was found, for a record that says `find`.
    pub found_case: Option<&'a Oid>,
    /// The writing system.
    pub software: &'a Software,
}

/// The document of a checked record. A record whose case is still to be found, without `found_case`, gives a document
/// that says so (`encompassingEncounter/id/@nullFlavor`); it can be shown and checked, and is not to be signed.
pub fn document_of(checked: &CheckedRecord, making: &Making<'_>) -> Document {
    document_with(checked, making, &Look::default())
}

/// The same with another look of the display form.
pub fn document_with(checked: &CheckedRecord, making: &Making<'_>, look: &Look) -> Document {
    let header = header_of(checked, making);
    let display = display_form_with(checked.structure(), &checked.record().content, &header, look);
    Document::assemble(header, display, checked.content_json().to_owned())
}

fn header_of(checked: &CheckedRecord, making: &Making<'_>) -> Header {
    let (record, structure) = (checked.record(), checked.structure());
    let group = checked.group();
    let is_relationship = group == DocumentGroup::Relationship;
    let case = match &record.case {
        CaseReference::Known(case) => Some(case),
        CaseReference::Find => making.found_case,
        CaseReference::None => None,
    };
    Header {
        ids: making.ids.clone(),
        replaces: record.replaces.as_ref().map(|r| (r.document.clone(), r.reason.clone())),
        group,
        general_type: structure.general_type(record.language),
        specific_type: structure.specific_type(record.language),
        structure: record.structure.clone(),
        drawn_up: record.drawn_up,
        created: making.created,
        language: record.language,
        clients: record.clients.clone(),
        author: (!is_relationship).then(|| record.author.clone()),
        organiser: record.organiser.clone(),
        unit: record.unit.clone(),
        case: case.cloned(),
        case_period: (group == DocumentGroup::Case).then(|| CasePeriod::from_content(&record.content)).flatten(),
        relationship: is_relationship.then(|| Relationship::from_content(&record.content).id).flatten(),
        service_task: record.service_task.as_ref().map(|v| coded(v, SERVICE_TASK, None)),
        service_process: record.service_process.as_ref().map(|v| coded(v, SERVICE_PROCESS, None)),
        retention_class: coded(&record.retention_class, RETENTION_CLASS, Some(RETENTION_CLASS_NAME)),
        special_content: record.special_content,
        guardian_disclosure: record.guardian_disclosure.as_ref().map(|told| GuardianDisclosure {
            decision: coded(&told.decision, GUARDIAN_DISCLOSURE, None),
            grounds: told.grounds.clone(),
        }),
        withheld_from_client: record.withheld_from_client.as_ref().map(|v| coded(v, WITHHOLDING, None)),
        software: making.software.clone(),
    }
}

const SERVICE_TASK: &str = "1.2.246.537.6.1221.201601";
const SERVICE_PROCESS: &str = "1.2.246.537.6.1277.201701";
const GUARDIAN_DISCLOSURE: &str = "1.2.246.537.6.1286.201901";
const WITHHOLDING: &str = "1.2.246.537.6.1288.201901";
const RETENTION_CLASS: &str = "1.2.246.537.6.1258.201601";
const RETENTION_CLASS_NAME: &str = "Sosiaalihuolto - asiakirjan kokonaissäilytysaika";

fn coded(value: &CodeValue, system: &'static str, system_name: Option<&str>) -> Code {
    Code {
        code: value.code.clone(),
        system: Oid::fixed(system),
        system_name: system_name.map(str::to_owned),
        display: Some(value.display.clone()),
    }
}
