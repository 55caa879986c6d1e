//! In the test environment no real person's identity code may appear anywhere: not in a field, free text or a key.

use serde_json::Value;

use super::findings::Findings;
use super::texts::each_text;
use crate::domain::finding::{Finding, Rule};
use crate::domain::person::mentions_real_person;
use crate::domain::text::Text;

/// Adds a finding for every text that has such a code in it. Numbers cannot hold one: a code has a letter or a sign.
pub(super) fn refuse_real(value: &Value, findings: &mut Findings) {
    each_text(value, &mut |way, text| {
        if mentions_real_person(text.as_str()) {
            findings.push(finding(&way.pointer()));
        }
    });
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
