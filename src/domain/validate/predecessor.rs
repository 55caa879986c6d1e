//! What a replacement says of the document that it replaces, against what is known of that document.
//!
//! Knows no store: whoever has the document says where it stands.

use super::findings::{Findings, seen_oid};
use crate::domain::document::header::DocumentIds;
use crate::domain::finding::{Finding, Rule};
use crate::domain::text::Text;

const HINT: Text = Text::fixed(
    "käytä tunnuksia, jotka korvattavan asiakirjan lähetys nyt näyttää (set_id, version); ne ovat voineet muuttua hyväksymisen jälkeen",
    "använd de koder som försändelsen av handlingen som ersätts nu visar (set_id, version); de kan ha ändrats efter att den godkändes",
    "give the ids that the replaced document's submission shows now (set_id, version); they may have changed since it was accepted",
);

/// What differs of the place in its version chain; nothing when it is the same.
pub fn predecessor_findings(said: &DocumentIds, known: &DocumentIds) -> Vec<Finding> {
    let differs = |field: &str, found: Text, expected: Text| {
        let rule = Rule::new("HL7 CDA R2", "setId, versionNumber");
        let pointer = format!("/replaces/{field}");
        Finding::error("replaces.predecessor_differs", pointer, found, expected, rule).with_hint(HINT)
    };
    let mut findings = Findings::default();
    if said.set != known.set {
        findings.push(differs("set", seen_oid(&said.set), Text::same(known.set.as_str())));
    }
    if said.version != known.version {
        let numbers = [said.version, known.version].map(|version| Text::same(version.to_string()));
        let [found, expected] = numbers;
        findings.push(differs("version", found, expected));
    }
    findings.split().err().unwrap_or_default()
}
