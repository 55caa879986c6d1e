//! In the test environment no real person's identity code may appear anywhere: not in a field, free text or a key.

use serde_json::Value;

use super::findings::{Findings, below};
use crate::domain::finding::{Finding, Rule};
use crate::domain::person::mentions_real_person;
use crate::domain::text::Text;

/// Adds a finding for every text that has such a code in it. Numbers cannot hold one: a code has a letter or a sign.
pub(super) fn refuse_real(value: &Value, findings: &mut Findings) {
    look("", value, findings);
}

fn look(pointer: &str, value: &Value, findings: &mut Findings) {
    match value {
        Value::String(text) if mentions_real_person(text) => findings.push(finding(pointer)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| look(&format!("{pointer}/{i}"), item, findings));
        }
        Value::Object(members) => {
            for (key, member) in members {
                let at = below(pointer, key);
                if mentions_real_person(key) {
                    findings.push(finding(&at));
                }
                look(&at, member, findings);
            }
        }
        _ => {}
    }
}

fn finding(pointer: &str) -> Finding {
    Finding::error(
        "person.not_artificial",
        pointer,
        Text::fixed(
            "henkilötunnus, joka voi olla oikean henkilön",
            "en personbeteckning som kan tillhöra en verklig person",
            "an identity code that may be a real person's",
        ),
        Text::fixed(
            "testiympäristössä vain testihenkilöitä, joiden yksilönumero on 900–999",
            "i testmiljön endast artificiella personer med individnummer 900–999",
            "artificial persons only in the test environment, with individual number 900 to 999",
        ),
        Rule::new("Kanta, testiympäristö", "900-sarja"),
    )
}
