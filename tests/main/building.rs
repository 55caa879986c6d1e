//! From a record's bytes to a document's bytes: what they depend on, and what of the record they carry.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::cda::HL7FI;
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::structure::Registry;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::xml::{Limits, parse};
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{at, identity_code, oid};

const NOW: &str = "2026-11-20T12:00:00Z";

fn checker() -> Checker {
    Checker::new(Arc::new(Registry::reduced()), Environment::Test)
}

fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn xml(checker: &Checker, record: &Value, arc: u64, created: Timestamp) -> String {
    let checked = checker.record(record.to_string().as_bytes(), at(NOW)).unwrap();
    let id = oid("1.2.246.10.99999992.95.2026").child(arc);
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let software = Software { moderator: "m".into(), product: "p".into(), version: "1".into() };
    let ids = DocumentIds { document: id.clone(), set: id, version: 1 };
    let created = Instant::in_finland(created);
    document_of(&checked, &Making { ids: &ids, created, found_case: Some(&case), software: &software }).unsigned_xml()
}

/// The journal entry of a client who was a minor then, with what only a minor's document has.
fn minors_entry(description: &str, grounds: &str) -> Value {
    let mut record = example("records/02-everyday-life-morning.json");
    let code = identity_code("140310A912");
    let client = &mut record["clients"][0];
    client["identity_code"] = json!(code);
    client["birth_date"] = json!("2010-03-14");
    record["guardian_disclosure"] = json!({"decision": {"code": "2", "display": "Ei luovuteta"}, "grounds": grounds});
    record["withheld_from_client"] = json!({"code": "1", "display": "Vaarantaa kehitystä"});
    let content = &mut record["content"]["merkinta_asiakkaan_arjesta"];
    content["asiakas"][0]["henkilotunnus"]["value"] = json!(code);
    content["asiakaskertomusmerkinta"]["tapahtuma"]["kuvaus"] = json!(description);
    record
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Two judges, each made anew, so that nothing that one of them keeps can play a part.
    #[test]
    fn bytes_depend_only_on_the_record_the_ids_and_the_clock(
        description in "[^\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\u{202a}-\u{202e}\u{2066}-\u{2069}\u{fffe}\u{ffff}]{1,200}",
        grounds in "[a-zåäö <>&\"']{1,40}[a-z]",
        arc in 1u64..1_000_000,
        second in 1_780_000_000i64..1_790_000_000,
    ) {
        static FIRST: LazyLock<Checker> = LazyLock::new(checker);
        static SECOND: LazyLock<Checker> = LazyLock::new(checker);
        prop_assume!(!description.trim().is_empty());
        let created = Timestamp::from_second(second).unwrap();
        let record = minors_entry(&description, &grounds);
        let made = xml(&FIRST, &record, arc, created);
        prop_assert!(made == xml(&SECOND, &record, arc, created));
        prop_assert!(made != xml(&FIRST, &record, arc + 1, created));
        prop_assert!(made != xml(&FIRST, &record, arc, created + jiff::SignedDuration::from_secs(1)));
        let other = minors_entry(&(description.clone() + "x"), &grounds);
        prop_assert!(made != xml(&FIRST, &other, arc, created));
        let tree = parse(made.as_bytes(), Limits::DOCUMENT).unwrap();
        let said = tree.root.first_in(HL7FI, "localSocialHeader").unwrap().first("authorizationRestrictionArgument");
        prop_assert_eq!(said.unwrap().all_text(), grounds);
    }
}

#[test]
fn a_case_documents_days_come_from_its_content() {
    let mut record = example("organiser/main-case.json");
    record["content"]["asia_asiakirja"]["asian_tiedot"]["paattymispaiva"] = json!("2026-09-30");
    let made = xml(&checker(), &record, 1, at(NOW));
    assert!(
        made.contains("<effectiveTime><low value=\"20260112\"/><high value=\"20260930\"/></effectiveTime>"),
        "{made}"
    );
}
