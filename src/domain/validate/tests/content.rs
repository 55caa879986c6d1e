//! What the structure's schema cannot say: days, code systems and sets, and what is said not to be checked.

use super::*;
use crate::domain::finding::Severity;

const IN_CASE: &str = "/content/asia_asiakirja";

fn unchecked(record: &CheckedRecord) -> Vec<(&str, &str)> {
    record.unchecked().iter().map(|f| (f.code.as_str(), f.place.input.as_str())).collect()
}

#[test]
fn days_and_moments_are_of_the_calendar() {
    let day = format!("{IN_ENTRY}/paivamaara");
    let moment = format!("{IN_ENTRY}/asiakaskertomusmerkinta/tapahtuma/ajanjakso/alkamishetki");
    for (at, text, code) in [
        (&day, "2026-02-29", "value.partial_date"),
        (&day, "2026-02-00", "value.partial_date"),
        (&day, "2026-13", "value.partial_date"),
        (&moment, "2026-04-31", "value.partial_date"),
        (&moment, "2026-02-29T08:05:00+02:00", "value.instant"),
    ] {
        refuses(ENTRY, &[(at, Some(json!(text)))], &[(code, at)]);
    }
    takes(ENTRY, &[(&day, Some(json!("2028-02-29")))]);
    takes(ENTRY, &[(&moment, Some(json!("2026-09-30")))]);
}

#[test]
fn any_version_of_a_code_system_is_the_system() {
    let at = format!("{IN_ENTRY}/asiakaskertomusmerkinta/palvelutehtava/system");
    for good in ["urn:oid:1.2.246.537.6.1221", "urn:oid:1.2.246.537.6.1221.201601", "urn:oid:1.2.246.537.6.1221.2016.1"]
    {
        takes(ENTRY, &[(&at, Some(json!(good)))]);
    }
    for bad in
        ["urn:oid:1.2.246.537.6.122", "urn:oid:1.2.246.537.6.12210", "1.2.246.537.6.1221", "urn:oid:1.2.246.537.6.1222"]
    {
        refuses(ENTRY, &[(&at, Some(json!(bad)))], &[("value.code_system", &at)]);
    }
}

/// A structure whose code field names its system beside the schema only.
fn loosely_coded() -> Arc<Registry> {
    let name = json!([{"lang": "fi", "value": "Laji"}, {"lang": "sv", "value": "Art"}]);
    let kind = json!([{"lang": "fi", "value": "Koodi"}]);
    let system = json!([{"lang": "fi", "value": "1.2.246.537.6.1248"}]);
    let structure = json!({
        "type": "object", "required": ["koe"], "additionalProperties": false,
        "sosmeta": {"oid": "1.2.246.537.6.1506.7001.2024.1.1", "documentType": "Lausunto"},
        "properties": {"koe": {"type": "object", "additionalProperties": false, "sosmeta": {}, "properties": {
            "laji": {"type": "object", "sosmeta": {"name": name, "representation": kind, "classificationOid": system},
                "properties": {"system": {"type": "string"}, "code": {"type": "string"}, "display": {"type": "string"}}}
        }}}
    });
    let (registry, faults) = Registry::from_texts([("koe".to_owned(), structure.to_string())]);
    assert_eq!(faults, []);
    Arc::new(registry)
}

fn coded(system: &str, code: &str) -> Value {
    let content = json!({"koe": {"laji": {"system": system, "code": code, "display": "x"}}});
    with(ENTRY, &[("/structure", Some(json!("1.2.246.537.6.1506.7001.2024.1.1"))), ("/content", Some(content))])
}

#[test]
fn a_code_system_named_beside_the_schema_counts_too() {
    let checker = Checker::new(loosely_coded(), Environment::Test);
    let judge = |system: &str| checker.record(coded(system, "1").to_string().as_bytes(), now());
    assert!(judge("urn:oid:1.2.246.537.6.1248.2010").is_ok());
    let findings = judge("urn:oid:1.2.246.537.6.1249").unwrap_err();
    assert_eq!((findings.len(), findings[0].code.as_str()), (1, "value.code_system"));
    assert_eq!(findings[0].place.input, "/content/koe/laji/system");
    assert!(findings[0].message.sv.starts_with("Art: "), "{}", findings[0].message.sv);
}

#[test]
fn a_complete_code_set_refuses_what_it_does_not_have_and_an_incomplete_one_says_not_checked() {
    let set = |complete: bool| {
        let text = format!(
            "[[set]]\nroot = \"1.2.246.537.6.1248\"\nname = \"Ratkaisun laji\"\ncomplete = {complete}\n\
             values = [{{ code = \"1\", fi = \"Myönteinen\", certainty = \"verified\", source = \"test\" }}]\n"
        );
        CodeSets::parse(&text).unwrap()
    };
    let judge = |complete: bool, code: &str| {
        let checker = Checker::new(loosely_coded(), Environment::Test).with_code_sets(set(complete));
        checker.record(coded("urn:oid:1.2.246.537.6.1248", code).to_string().as_bytes(), now())
    };
    let at = "/content/koe/laji/code";
    let findings = judge(true, "7").unwrap_err();
    assert_eq!((findings[0].code.as_str(), findings[0].place.input.as_str()), ("content.code_not_in_set", at));
    assert_eq!(findings[0].expected.en, "one of: 1");
    assert_eq!(unchecked(&judge(true, "1").unwrap()), []);
    assert_eq!(unchecked(&judge(false, "1").unwrap()), []);
    let taken = judge(false, "7").unwrap();
    assert_eq!(unchecked(&taken), [("value.code_not_checked", at)]);
    assert!(taken.warnings().is_empty());
}

#[test]
fn a_condition_in_words_is_said_not_to_be_checked_with_the_structures_own_words() {
    let end = format!("{IN_CASE}/asian_tiedot/paattymispaiva");
    let open = takes(CASE, &[(&end, None)]);
    let finding = open.unchecked().iter().find(|f| f.place.input == end).expect("a notice");
    assert_eq!((finding.code.as_str(), finding.severity), ("field.condition_not_checked", Severity::NotChecked));
    assert!(!finding.is_error() && finding.severity < Severity::Warning);
    let prose = open.structure().root().field("asian_tiedot").unwrap().field("paattymispaiva").unwrap();
    assert!(finding.message.fi.starts_with("Asian tiedot › "), "{}", finding.message.fi);
    assert!(finding.message.fi.contains(prose.condition(crate::domain::code::Language::Fi)));
    assert_eq!(finding.place.document.as_deref(), Some("/ClinicalDocument/component/nonXMLBody/hl7fi:json"));
    let closed = takes(CASE, &[(&end, Some(json!("2026-10-01")))]);
    assert!(!unchecked(&closed).iter().any(|(_, at)| *at == end));
}

#[test]
fn a_clients_missing_id_is_checked_and_so_not_said_to_be_unchecked() {
    let taken = takes(ENTRY, &[]);
    assert!(!unchecked(&taken).iter().any(|(_, at)| at.contains("tilapainen") || at.contains("henkilotunnus")));
}

#[test]
fn findings_stand_in_the_document_where_a_document_shows_the_part() {
    for (at, value, place) in [
        (
            "/unit/oid",
            json!("1.2.x"),
            Some("componentOf/encompassingEncounter/encounterParticipant/assignedEntity/representedOrganization"),
        ),
        ("/clients/0/birth_date", json!("1941-02-30"), Some("recordTarget[1]/patientRole/patient/birthTime")),
        ("/purchase", json!("x"), None),
    ] {
        let findings = judge(&with(ENTRY, &[(at, Some(value))])).unwrap_err();
        let expected = place.map(|path| format!("/ClinicalDocument/{path}"));
        assert_eq!(findings[0].place.document, expected, "{at}");
    }
}

#[test]
fn a_group_that_is_not_handled_is_refused_unless_one_is_assumed() {
    let consent = with(
        ENTRY,
        &[("/structure", Some(json!("1.2.246.537.6.1505.8.2023.6.1"))), ("/content", Some(json!({"koe": {}})))],
    );
    let structure = json!({
        "type": "object", "required": ["koe"], "sosmeta": {"oid": "1.2.246.537.6.1505.8.2023.6.1"},
        "properties": {"koe": {"type": "object", "sosmeta": {}, "properties": {}}}
    });
    let checker = || {
        let (registry, _) = Registry::from_texts([("koe".to_owned(), structure.to_string())]);
        Checker::new(Arc::new(registry), Environment::Test)
    };
    let bytes = consent.to_string();
    let findings = checker().record(bytes.as_bytes(), now()).unwrap_err();
    assert_eq!(
        (findings[0].code.as_str(), findings[0].place.input.as_str()),
        ("structure.other_service", "/structure")
    );
    let hint = findings[0].hint.as_ref().unwrap();
    assert!([&hint.fi, &hint.sv, &hint.en].iter().all(|text| text.contains("Kan")), "{hint:?}");
    let taken = checker().assuming_group(DocumentGroup::ClientDocument).record(bytes.as_bytes(), now()).unwrap();
    assert_eq!(taken.group(), DocumentGroup::ClientDocument);
}

#[test]
fn numbers_stand_in_the_document_as_the_caller_wrote_them() {
    // Digits stay; an exponent is always written as `e` with its sign.
    for (written, kept) in [
        ("1.10", "1.10"),
        ("1.0", "1.0"),
        ("0", "0"),
        ("-0.50", "-0.50"),
        ("12345678901234567890123.450", "12345678901234567890123.450"),
        ("100000000000000000001", "100000000000000000001"),
        ("1.20E5", "1.20e+5"),
        ("2e-7", "2e-7"),
    ] {
        let text = with(ENTRY, &[("/content/merkinta_asiakkaan_arjesta/luku", Some(json!("LUKU")))]);
        let text = text.to_string().replace("\"LUKU\"", written);
        let value = json::read(text.as_bytes()).unwrap();
        let again = value["content"].to_string();
        assert!(again.contains(&format!("\"luku\":{kept}}}")), "{written}: {again}");
        assert!(json::read(again.as_bytes()).unwrap() == value["content"]);
    }
    for not_finite in ["1e999", "-1e999", "01", "1.", "{\"$serde_json::private::Number\":\"x\"}"] {
        assert!(json::read(not_finite.as_bytes()).is_err(), "{not_finite}");
    }
}
