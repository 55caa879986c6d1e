//! What a record that passed was not measured by: silence is never a pass.
//!
//! Conditions of fields stand in the structures as prose (`conditionalRequired` with `implementationNote`): a field that is not
//! there, where its group is, is named with the structure's own words. Codes of a set that is known in part are named by set.
//! Neither stops anything. Looks only at records that passed.

use std::collections::BTreeSet;

use serde_json::Value;

use super::content::is_covered_client_id;
use super::document_place;
use super::findings::{FINDINGS_MAX, nothing};
use crate::domain::code::Language;
use crate::domain::code_set::{CodeSets, Membership};
use crate::domain::finding::{Finding, Rule};
use crate::domain::oid::Oid;
use crate::domain::structure::{Field, Representation, Structure};
use crate::domain::text::Text;

/// Everything in the record's content that was not checked, at most [`FINDINGS_MAX`]: one for a field, one for a code system.
pub(super) fn of(structure: &Structure, record: &Value, code_sets: &CodeSets) -> Vec<Finding> {
    let Some(content) = record.get("content").and_then(Value::as_object) else { return Vec::new() };
    let mut list = List { structure, found: Vec::new(), said: BTreeSet::new() };
    structure.visit(content, &mut |field, pointer, value| match field.representation() {
        Representation::Group => list.conditions(field, pointer, value),
        Representation::Code => list.code(field, pointer, value, code_sets),
        _ => {}
    });
    list.found
}

struct List<'a> {
    structure: &'a Structure,
    found: Vec<Finding>,
    /// Fields and code systems that were said: a list of a hundred rows has one condition.
    said: BTreeSet<String>,
}

impl List<'_> {
    fn conditions(&mut self, group: &Field, pointer: &str, value: &Value) {
        for field in group.fields().iter().filter(|f| f.is_conditional() && value.get(f.key()).is_none()) {
            if is_covered_client_id(self.structure, pointer, group, field) {
                continue;
            }
            let at = format!("{pointer}/{}", field.key());
            let fields: Vec<_> = at.split('/').filter(|t| !t.bytes().all(|b| b.is_ascii_digit())).collect();
            if !self.said.insert(fields.join("/")) {
                continue;
            }
            let rule = Rule::new(format!("THL Sosmeta {}", self.structure.oid()), "conditionalRequired");
            self.push("field.condition_not_checked", &at, &at, nothing(), condition(field), rule);
        }
    }

    fn code(&mut self, field: &Field, pointer: &str, value: &Value, code_sets: &CodeSets) {
        let (Some(system), Some(code)) = (field.system(), value.get("code").and_then(Value::as_str)) else { return };
        // A list of the structure's own is complete: the schema has judged it. Organisations are OIDs, judged as such.
        let judged = !field.codes().is_empty() || super::content::is_organisation(field);
        if judged || code_sets.membership(system, code) != Membership::NotKnown || !self.said.insert(system.to_string())
        {
            return;
        }
        let name = code_sets.find(system).map(|set| format!(" ({})", set.name())).unwrap_or_default();
        let expected = Text::made(
            format!("koodiston {system}{name} arvo; luettelo ei ole täydellinen, joten arvoa ei tarkistettu"),
            format!(
                "ett värde i kodsystemet {system}{name}; förteckningen är inte fullständig, så värdet kontrollerades inte"
            ),
            format!("a value of the code set {system}{name}; the list is not complete, so the value was not checked"),
        );
        let found = Text::fixed(
            "koodi, jota luettelossa ei ole",
            "en kod som inte finns i förteckningen",
            "a code that is not listed",
        );
        let rule = Rule::new("koodistopalvelu.kanta.fi", root(code_sets, system));
        self.push("value.code_not_checked", pointer, &format!("{pointer}/code"), found, expected, rule);
    }

    fn push(&mut self, code: &str, field: &str, at: &str, found: Text, expected: Text, rule: Rule) {
        if self.found.len() >= FINDINGS_MAX {
            return;
        }
        let at = format!("/content{at}");
        let place = document_place::of(&at);
        let finding = Finding::error(code, at, found, expected, rule).not_checked();
        let finding = match self.structure.field_names(field) {
            Some(names) => finding.named(&names),
            None => finding,
        };
        self.found.push(match place {
            Some(path) => finding.in_document(path),
            None => finding,
        });
    }
}

fn root(code_sets: &CodeSets, system: &Oid) -> String {
    code_sets.find(system).map_or(system, |set| set.root()).to_string()
}

/// The structure's own words; they have no English, whose readers get the Finnish ones.
fn condition(field: &Field) -> Text {
    let words = |language, none: &str, lead: &str| match field.condition(language) {
        "" => none.to_owned(),
        prose => format!("{lead} ({prose})"),
    };
    Text::made(
        words(
            Language::Fi,
            "ehdollisesti pakollinen kenttä, jonka ehtoa rakenne ei kerro; ei tarkistettu",
            "ehdollisesti pakollinen kenttä, jonka ehtoa ei tarkistettu",
        ),
        words(
            Language::Sv,
            "ett villkorligt obligatoriskt fält vars villkor strukturen inte anger; kontrollerades inte",
            "ett villkorligt obligatoriskt fält vars villkor inte kontrollerades",
        ),
        words(
            Language::Fi,
            "a conditionally required field whose condition the structure does not tell; not checked",
            "a conditionally required field whose condition was not checked",
        ),
    )
}
