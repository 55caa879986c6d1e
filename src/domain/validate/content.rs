//! The content under its structure: its form by the structure's JSON Schema, then what a form cannot say.
//!
//! Fields are known by what the structure says of them (representation, code system), by no structure's own name; the keys
//! that the dialect itself uses everywhere, `asiakas`, its `syntymaaika` and `asiatunnus`, are the exception.

mod codes;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::findings::{Findings, nothing, seen, seen_oid};
use super::rules::Parts;
use super::translate::{Translator, date_flaw, findings_of};
use crate::domain::code_set::CodeSets;
use crate::domain::document::header::DocumentGroup;
use crate::domain::finding::{Finding, Flaw, Rule};
use crate::domain::oid::Oid;
use crate::domain::person::{Client, IDENTITY_CODE_ROOT, PersonalIdentityCode};
use crate::domain::record::CaseReference;
use crate::domain::structure::{Field, Representation, Structure};
use crate::domain::text::Text;
use crate::domain::time::PartialDate;

/// The client or clients, in every structure but one.
const CLIENT_KEY: &str = "asiakas";
/// A client's birth date.
const BIRTH_DATE_KEY: &str = "syntymaaika";
/// The case's own id, on case documents.
const CASE_KEY: &str = "asiatunnus";
/// SOTE organisation register: its codes are OIDs.
const ORGANISATIONS: &str = "1.2.246.537.6.202";
/// Service tasks (palvelutehtävä).
const SERVICE_TASKS: &str = "1.2.246.537.6.1221";

/// Adds what is wrong with the content.
pub(super) fn check(
    structure: &Structure,
    content: &Value,
    parts: &Parts,
    code_sets: &CodeSets,
    findings: &mut Findings,
) {
    let Some(validator) = structure.validator() else {
        findings.push(unusable(structure));
        return;
    };
    findings_of(validator, content, &Translator::for_content(structure), findings);
    let Some(content) = content.as_object() else { return };
    let mut look = Look { structure, parts, code_sets, findings, clients: Vec::new() };
    structure.visit(content, &mut |field, pointer, value| look.field(field, pointer, value));
    look.same_clients(content);
}

struct Look<'a> {
    structure: &'a Structure,
    parts: &'a Parts,
    code_sets: &'a CodeSets,
    findings: &'a mut Findings,
    /// Clients named in the content: where, and under which ids.
    clients: Vec<(String, &'a Value)>,
}

impl<'a> Look<'a> {
    fn field(&mut self, field: &'a Field, pointer: &str, value: &'a Value) {
        if field.representation() == Representation::Code {
            codes::check(self, field, pointer, value);
        }
        match field.representation() {
            Representation::PartialDate | Representation::Moment => {
                if let Some(flaw) = value.as_str().and_then(|text| date_flaw(field.representation(), text)) {
                    self.push(pointer, flaw);
                }
            }
            Representation::Identifier if is_system(field, IDENTITY_CODE_ROOT) => self.identity_code(pointer, value),
            Representation::Identifier if field.key() == CASE_KEY => self.case(pointer, value),
            Representation::Code if is_system(field, ORGANISATIONS) => self.organisation(pointer, value),
            Representation::Code if is_system(field, SERVICE_TASKS) => self.service_task(pointer, value),
            Representation::Group if pointer_is_client(self.structure, pointer) => {
                self.clients.push((pointer.to_owned(), value));
            }
            _ => {}
        }
    }

    fn identity_code(&mut self, pointer: &str, value: &Value) {
        let code = value.get("value").and_then(Value::as_str);
        if let Some(flaw) = code.and_then(|text| text.parse::<PersonalIdentityCode>().err()) {
            self.push(&format!("{pointer}/value"), flaw);
        }
        let urn = format!("urn:oid:{IDENTITY_CODE_ROOT}");
        if let Some(system) = value.get("system").filter(|s| s.is_string() && s.as_str() != Some(&urn)) {
            let rule = Rule::new(self.source(), "systemUri");
            let at = format!("/content{pointer}/system");
            let finding = Finding::error("content.identity_code_system", at, seen(system), Text::same(urn), rule);
            self.add(pointer, finding);
        }
    }

    fn organisation(&mut self, pointer: &str, value: &Value) {
        let code = value.get("code").and_then(Value::as_str);
        if let Some(flaw) = code.and_then(|text| text.parse::<Oid>().err()) {
            self.push(&format!("{pointer}/code"), flaw);
        }
    }

    /// The archive goes by the metadata's task, readers by the content's. A warning only: some structures may speak of other
    /// tasks than the one they are written for.
    fn service_task(&mut self, pointer: &str, value: &Value) {
        if self.structure.group() == Some(DocumentGroup::Relationship) {
            return;
        }
        let told = value.get("code").and_then(Value::as_str);
        if self.parts.service_task.as_ref().zip(told).is_some_and(|(task, told)| task.code != told) {
            let finding = Finding::error(
                "content.service_task_differs",
                format!("/content{pointer}/code"),
                Text::fixed("toinen palvelutehtävä", "en annan serviceuppgift", "another service task"),
                Text::fixed(
                    "sama koodi kuin kentässä service_task",
                    "samma kod som i fältet service_task",
                    "the same code as in service_task",
                ),
                Rule::new("HL7 Finland localSocialHeader", "functionCode"),
            );
            self.add(pointer, finding.warning());
        }
    }

    /// A case document tells its case twice: in the metadata and here.
    fn case(&mut self, pointer: &str, value: &Value) {
        if self.structure.group() != Some(DocumentGroup::Case) {
            return;
        }
        let Some(CaseReference::Known(case)) = &self.parts.case else { return };
        let Some(told) = value.get("value").filter(|v| v.is_string()) else { return };
        if told.as_str() != Some(case.as_str()) {
            let at = format!("/content{pointer}/value");
            let rule = Rule::new("HL7 CDA R2", "encompassingEncounter/id");
            let finding = Finding::error("content.case_differs", at, seen(told), seen_oid(case), rule);
            self.add(pointer, finding);
        }
    }

    /// The clients of the content are the clients of the record: each side's ids are found on the other.
    fn same_clients(&mut self, content: &Map<String, Value>) {
        let root = self.structure.root();
        let Some(field) = root.field(CLIENT_KEY).filter(|f| knows_persons(f)) else { return };
        // With a client that cannot be read there is nothing sure to compare with.
        let Some(clients) = self.parts.clients.iter().map(Option::as_ref).collect::<Option<Vec<_>>>() else { return };
        if clients.is_empty() || content.get(root.key()).is_none_or(|r| r.get(CLIENT_KEY).is_none()) {
            return;
        }
        let mut told = BTreeSet::new();
        for (pointer, value) in std::mem::take(&mut self.clients) {
            let ids = ids_of(field, value);
            if ids.is_empty() {
                self.add(&pointer, self.no_id(&pointer));
            } else if let Some(index) = clients.iter().position(|c| is_one_of(c, &ids)) {
                told.insert(index);
                self.birth_date(field, &pointer, value, clients.get(index).copied());
            } else if !self.findings.has_error_within(&format!("/content{pointer}")) {
                self.add(&pointer, self.stranger(&pointer));
            }
        }
        let at = format!("/{}/{CLIENT_KEY}", root.key());
        // Wrong ids above are one fault; saying that the right ones are missing would be saying it twice.
        let clean = !self.findings.has_error_within(&format!("/content{at}"));
        for index in (0..clients.len()).filter(|i| clean && !told.contains(i)) {
            self.add(&at, self.absent(&at, index));
        }
    }

    fn birth_date(&mut self, field: &Field, pointer: &str, value: &Value, client: Option<&Client>) {
        let dates = field.fields().iter().filter(|f| f.key() == BIRTH_DATE_KEY);
        for date in dates {
            let told = value.get(date.key()).and_then(Value::as_str).and_then(|t| t.parse::<PartialDate>().ok());
            let born = client.map(|c| c.birth_date.date());
            let fits = told.zip(born).is_none_or(|(t, born)| t.earliest_day() <= born && born <= t.latest_day());
            if !fits {
                let pointer = format!("{pointer}/{}", date.key());
                let finding = Finding::error(
                    "content.birth_date_differs",
                    format!("/content{pointer}"),
                    Text::fixed(
                        "toinen päivä kuin asiakkaan birth_date",
                        "en annan dag än klientens birth_date",
                        "another day than the client's birth_date",
                    ),
                    Text::fixed("sama syntymäaika", "samma födelsedatum", "the same birth date"),
                    Rule::new(self.source(), ""),
                );
                self.add(&pointer, finding);
            }
        }
    }

    fn no_id(&self, pointer: &str) -> Finding {
        Finding::error(
            "content.client_no_id",
            format!("/content{pointer}"),
            Text::fixed("asiakas ilman tunnusta", "en klient utan kod", "a client without an id"),
            Text::fixed(
                "henkilötunnus tai tilapäinen yksilöintitunnus",
                "personbeteckning eller temporär identifikationskod",
                "an identity code or a temporary id",
            ),
            Rule::new(self.source(), "conditionalRequired"),
        )
    }

    fn stranger(&self, pointer: &str) -> Finding {
        Finding::error(
            "content.client_differs",
            format!("/content{pointer}"),
            Text::fixed(
                "asiakas, jota tietueen clients ei nimeä",
                "en klient som postens clients inte nämner",
                "a client that the record's clients do not name",
            ),
            Text::fixed(
                "samat tunnukset kuin kentässä clients",
                "samma koder som i fältet clients",
                "the same ids as in clients",
            ),
            Rule::new("HL7 CDA R2", "recordTarget"),
        )
    }

    fn absent(&self, pointer: &str, index: usize) -> Finding {
        Finding::error(
            "content.client_missing",
            format!("/content{pointer}"),
            nothing(),
            Text::made(
                format!("myös asiakas /clients/{index}"),
                format!("även klienten /clients/{index}"),
                format!("the client /clients/{index} as well"),
            ),
            Rule::new("HL7 CDA R2", "recordTarget"),
        )
    }

    fn push(&mut self, pointer: &str, flaw: Flaw) {
        self.add(pointer, flaw.at(format!("/content{pointer}")));
    }

    /// Adds a finding under the field's name, unless the place has one already: the schema saw the same fault.
    fn add(&mut self, pointer: &str, finding: Finding) {
        if self.findings.has_error_at(&finding.place.input) {
            return;
        }
        let named = self.structure.field_names(pointer);
        self.findings.push(match named {
            Some(names) => finding.named(&names),
            None => finding,
        });
    }

    fn source(&self) -> String {
        format!("THL Sosmeta {}", self.structure.oid())
    }
}

/// Whether a field is one of a client's ids, of which the rule `content.client_no_id` demands one: its condition is checked.
pub(super) fn is_covered_client_id(structure: &Structure, pointer: &str, group: &Field, field: &Field) -> bool {
    field.representation() == Representation::Identifier
        && pointer_is_client(structure, pointer)
        && knows_persons(group)
}

/// Whether a code's values are OIDs of organisations.
pub(super) fn is_organisation(field: &Field) -> bool {
    is_system(field, ORGANISATIONS)
}

fn is_system(field: &Field, root: &str) -> bool {
    field.system().is_some_and(|s| s.as_str() == root)
}

/// Whether a field's persons have an identity code: one structure has clients of another kind.
fn knows_persons(field: &Field) -> bool {
    field.fields().iter().any(|f| is_system(f, IDENTITY_CODE_ROOT))
}

fn pointer_is_client(structure: &Structure, pointer: &str) -> bool {
    let mut tokens = pointer.split('/').skip(1);
    let leads = tokens.next() == Some(structure.root_key()) && tokens.next() == Some(CLIENT_KEY);
    leads && tokens.all(|t| t.bytes().all(|b| b.is_ascii_digit()))
}

/// Every id that the content gives a client: its identifiers' values.
fn ids_of<'v>(field: &Field, value: &'v Value) -> Vec<&'v str> {
    let identifiers = field.fields().iter().filter(|f| f.representation() == Representation::Identifier);
    let value_of = |f: &Field| value.get(f.key())?.get("value")?.as_str();
    identifiers.filter_map(value_of).filter(|id| !id.is_empty()).collect()
}

fn is_one_of(client: &Client, ids: &[&str]) -> bool {
    let code = client.identity_code.as_ref().map(PersonalIdentityCode::reveal);
    let temporary = client.temporary_id.as_ref().map(|t| t.value.reveal());
    // An identity code decides where both sides have one; a shared temporary id does not make two codes one person.
    match code {
        Some(code) if ids.iter().any(|id| id.parse::<PersonalIdentityCode>().is_ok()) => ids.contains(&code),
        _ => [code, temporary].into_iter().flatten().any(|id| ids.contains(&id)),
    }
}

fn unusable(structure: &Structure) -> Finding {
    Finding::error(
        "structure.unusable",
        "/structure",
        Text::same(structure.oid().as_str()),
        Text::fixed(
            "rakenne, jonka JSON Schema on kelvollinen; pyydä ylläpitoa tarkistamaan tiedosto",
            "en struktur vars JSON Schema är giltigt; be administrationen kontrollera filen",
            "a structure with a valid JSON Schema; ask the operator to check the file",
        ),
        Rule::new("JSON Schema draft-07", ""),
    )
}
