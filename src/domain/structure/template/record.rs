//! The local record around an example's content.

use serde_json::{Map, Value, json};

use super::people::{self, Facts, ORGANISER, Person, REGISTRATION_NUMBER, TEMPLATE_CASE, UNIT};
use super::{Representation, Structure, leaf};
use crate::domain::code::Language;
use crate::domain::code_set::CodeSets;
use crate::domain::document::header::DocumentGroup;
use crate::domain::oid::Oid;

const SERVICE_TASKS: &str = "1.2.246.537.6.1221";
const SERVICE_PROCESSES: &str = "1.2.246.537.6.1277";
const RETENTION_CLASSES: &str = "1.2.246.537.6.1258";

/// A record that the content agrees with: its clients, its service task, its case.
pub(super) fn around(structure: &Structure, content: &Map<String, Value>, language: Language) -> Value {
    let author = worker();
    let group = structure.group().unwrap_or(DocumentGroup::ClientDocument);
    let mut record = json!({
        "structure": structure.oid().as_str(),
        "language": language.as_str(),
        "clients": (0..clients(structure, content)).map(|index| client(&people::client(index))).collect::<Vec<_>>(),
        "organiser": {"oid": ORGANISER.0, "name": ORGANISER.1},
        "unit": {"oid": UNIT.0, "name": UNIT.1},
        "author": author,
        "acting_worker": author,
        "professional_link": {
            "kind": "assignment",
            "reference": "TEST-1",
            "period": {"start": leaf::DAY},
            "asserted_by": "Esimerkkihoiva Oy, työvuorojärjestelmä"
        },
        "purchase": "purchased_service",
        "case": if group == DocumentGroup::Relationship { "none" } else { TEMPLATE_CASE },
        "drawn_up": leaf::MOMENT,
        "retention_class": code(RETENTION_CLASSES, language),
        "special_content": false,
        "content": content
    });
    if let Some(members) = record.as_object_mut() {
        if group != DocumentGroup::Relationship {
            let told = service_task(structure, content).unwrap_or_else(|| code(SERVICE_TASKS, language));
            members.insert("service_task".into(), told);
        }
        if group == DocumentGroup::ClientDocument {
            members.insert("service_process".into(), code(SERVICE_PROCESSES, language));
        }
    }
    record
}

/// How many clients the content has; one where it has no room for them.
fn clients(structure: &Structure, content: &Map<String, Value>) -> usize {
    let root = content.get(structure.root_key());
    let field = structure.root().fields().iter().find(|f| people::is_client(f));
    let told = field.and_then(|field| root?.get(field.key()));
    told.and_then(Value::as_array).map_or(1, Vec::len).max(1)
}

/// The content's first service task.
fn service_task(structure: &Structure, content: &Map<String, Value>) -> Option<Value> {
    let mut found = None;
    structure.visit(content, &mut |field, _, value| {
        let is_task = field.representation() == Representation::Code
            && field.system().is_some_and(|s| s.as_str() == SERVICE_TASKS);
        if is_task && found.is_none() {
            found = Some(json!({"code": value.get("code"), "display": value.get("display")}));
        }
    });
    found
}

fn code(system: &'static str, language: Language) -> Value {
    let set = CodeSets::built_in().find(&Oid::fixed(system));
    let (code, display) = match set.and_then(|set| set.values().first()) {
        Some(value) => (value.code.as_str(), value.name(language)),
        None => ("TEST", "TEST"),
    };
    json!({"code": code, "display": display})
}

fn client(facts: &Facts) -> Value {
    json!({
        "identity_code": facts.identity_code,
        "name": {"family": facts.family, "given": facts.given},
        "birth_date": facts.birth_date,
        "gender": "female",
        "safety_ban": false
    })
}

fn worker() -> Value {
    let facts = Person::Author.facts();
    json!({
        "name": {"family": facts.family, "given": facts.given},
        "title": "lähihoitaja",
        "identity_code": facts.identity_code,
        "registration_number": REGISTRATION_NUMBER
    })
}
