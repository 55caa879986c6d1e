//! Tests of the judge: every rule with a record that keeps it and one that breaks it, and what findings may not say.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::LazyLock;

use serde_json::json;

use super::*;

const NOW: &str = "2026-11-20T12:00:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

/// Compiled once: building one for every case would be most of the tests' time.
fn checker(environment: Environment) -> &'static Checker {
    static TEST: LazyLock<Checker> = LazyLock::new(|| Checker::new(reduced(), Environment::Test));
    static PRODUCTION: LazyLock<Checker> = LazyLock::new(|| Checker::new(reduced(), Environment::Production));
    match environment {
        Environment::Test => &TEST,
        Environment::Production => &PRODUCTION,
    }
}

fn reduced() -> Arc<Registry> {
    Arc::new(Registry::reduced())
}

pub(crate) fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn judge(value: &Value) -> Result<CheckedRecord, Vec<Finding>> {
    checker(Environment::Test).record(value.to_string().as_bytes(), now())
}

fn faults(value: &Value) -> Vec<(String, String)> {
    let findings = judge(value).expect_err("a refusal");
    findings.into_iter().map(|f| (f.code, f.place.input)).collect()
}

#[test]
fn the_schema_in_the_repository_is_the_one_that_the_types_give() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/local-record.schema.json");
    let made = format!("{}\n", serde_json::to_string_pretty(&local_record_schema()).unwrap());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "{} is out of date: run this test with UPDATE_SCHEMAS=1 and review the change",
        path.display()
    );
}

#[test]
fn every_example_gets_its_verdict() {
    for folder in ["records", "organiser"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder);
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let verdict = checker(Environment::Test).record(&std::fs::read(&path).unwrap(), now());
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            match verdict {
                Ok(checked) => {
                    assert_ne!(name, "90-broken-field.json");
                    assert_eq!(checked.warnings(), [], "{name}");
                }
                Err(findings) => {
                    let said: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.place.input.as_str())).collect();
                    assert_eq!(name, "90-broken-field.json", "{said:?}");
                    assert_eq!(
                        said,
                        [
                            (
                                "field.missing",
                                "/content/merkinta_asiakkaan_arjesta/asiakaskertomusmerkinta/palvelutehtava"
                            ),
                            ("value.partial_date", "/content/merkinta_asiakkaan_arjesta/paivamaara"),
                        ]
                    );
                }
            }
        }
    }
}

const ENTRY: &str = "records/02-everyday-life-morning.json";
const RELATIONSHIP: &str = "organiser/main-relationship.json";
const CASE: &str = "organiser/main-case.json";
const DECISION: &str = "organiser/main-decision.json";
const IN_ENTRY: &str = "/content/merkinta_asiakkaan_arjesta";

/// The code with the check character that fits: made at run time, so that no code outside the 900 series stands in a file.
fn with_check(bare: &str) -> String {
    let fits = |c: &char| format!("{bare}{c}").parse::<crate::domain::person::PersonalIdentityCode>().is_ok();
    format!("{bare}{}", "0123456789ABCDEFHJKLMNPRSTUVWXY".chars().find(fits).unwrap())
}

/// The example with one place set, or taken out by `None`; the pointer's last part may be new.
fn with(name: &str, changes: &[(&str, Option<Value>)]) -> Value {
    let mut value = example(name);
    for (pointer, new) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let parent = value.pointer_mut(parent).unwrap_or_else(|| panic!("no {pointer}"));
        match (parent, new) {
            (Value::Object(members), Some(new)) => drop(members.insert(key.into(), new.clone())),
            (Value::Object(members), None) => drop(members.shift_remove(key)),
            (Value::Array(items), Some(new)) if key == "-" => items.push(new.clone()),
            (Value::Array(items), Some(new)) => items[key.parse::<usize>().unwrap()] = new.clone(),
            _ => panic!("{pointer}"),
        }
    }
    value
}

/// Holds that this change alone gives exactly these findings, each whole in all three languages.
#[track_caller]
fn refuses(name: &str, changes: &[(&str, Option<Value>)], expected: &[(&str, &str)]) -> Vec<Finding> {
    let findings = judge(&with(name, changes)).expect_err("a refusal");
    let said: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.place.input.as_str())).collect();
    assert_eq!(said, expected);
    for finding in &findings {
        for text in [&finding.message, &finding.found, &finding.expected] {
            assert!([&text.fi, &text.sv, &text.en].iter().all(|t| !t.trim().is_empty()), "{finding}");
        }
        assert!(!finding.rule.source.is_empty() && finding.is_error());
        assert_ne!(finding.message.fi, finding.message.en);
    }
    findings
}

#[track_caller]
fn takes(name: &str, changes: &[(&str, Option<Value>)]) -> CheckedRecord {
    let said = |f: Vec<Finding>| f.into_iter().map(|f| format!("{f}")).collect::<Vec<_>>();
    judge(&with(name, changes)).map_err(said).unwrap()
}

#[test]
fn a_checked_record_carries_the_content_as_it_was_written() {
    let checked = takes(ENTRY, &[]);
    assert_eq!(checked.content_json(), example(ENTRY)["content"].to_string());
    assert_eq!(checked.structure().oid(), &checked.record().structure);
    assert_eq!(checked.group(), DocumentGroup::ClientDocument);
    assert_eq!(format!("{checked:?}"), "CheckedRecord(…)");
}

#[test]
fn bytes_that_are_no_json_object_within_limits_are_refused_with_their_place() {
    let judge = |bytes: &[u8]| checker(Environment::Test).record(bytes, now()).err().unwrap();
    for (bytes, code, input, place) in [
        (&b"\xff"[..], "json.not_utf8", "", None),
        (b"", "json.syntax", "", Some((1, 1))),
        ("{\n \"ä\": ]}".as_bytes(), "json.syntax", "", Some((2, 7))),
        (b"{} x", "json.syntax", "", Some((1, 4))),
        (br#"{"clients":[{"a":1,"a":2}]}"#, "json.repeated_key", "/clients/0/a", None),
        (br#"{"Canary Person":1,"Canary Person":2}"#, "json.repeated_key", "/…", None),
    ] {
        let findings = judge(bytes);
        let found = &findings[0];
        assert_eq!((found.code.as_str(), found.place.input.as_str()), (code, input));
        assert_eq!(found.place.line.zip(found.place.column), place);
    }
    let deep = |n: usize| format!("{}1{}", "[".repeat(n), "]".repeat(n));
    assert_eq!(judge(deep(DEPTH_MAX).as_bytes())[0].code, "value.wrong_type");
    assert_eq!(judge(deep(DEPTH_MAX + 1).as_bytes())[0].code, "json.too_deep");
    assert_eq!(judge(deep(100_000).as_bytes())[0].code, "json.too_deep");
    assert_eq!(judge(&vec![b' '; BYTES_MAX + 1])[0].code, "json.too_large");
    assert_eq!(judge(b"7")[0].code, "value.wrong_type");
}

#[test]
fn every_kind_of_wrong_form_is_told_with_its_own_field() {
    let cases: Vec<(&str, Option<Value>, &str, &str)> = vec![
        ("/language", Some(json!("en")), "value.not_listed", ""),
        ("/purchase", Some(json!(7)), "value.not_listed", ""),
        ("/clients", Some(json!([])), "list.too_short", ""),
        ("/unit/name", Some(json!("")), "value.empty", ""),
        ("/unit/name", Some(json!("x".repeat(301))), "value.too_long", ""),
        ("/unit/oid", Some(json!("1.2.x")), "value.oid", ""),
        ("/unit/oid", None, "field.missing", ""),
        ("/unit/nmae", Some(json!("x")), "field.unknown", ""),
        ("/unit", Some(json!("x")), "value.wrong_type", ""),
        ("/drawn_up", Some(json!("2026-09-14")), "value.instant", ""),
        ("/event_day", Some(json!("2026-02-30")), "value.day", ""),
        ("/event_day", Some(json!(5)), "value.wrong_type", ""),
        ("/decision", Some(json!("x")), "value.oid", ""),
        ("/case", Some(json!("etsi")), "value.case_reference", ""),
        ("/service_task", Some(json!({"code": "1"})), "field.missing", "/display"),
        ("/service_task", Some(json!("1")), "value.wrong_type", ""),
        ("/special_content", Some(json!("E")), "value.wrong_type", ""),
        ("/content", Some(json!([])), "value.wrong_type", ""),
        ("/author/registration_number", Some(json!("x")), "value.registration_number", ""),
        ("/author/name/given/0", Some(json!("")), "value.empty", ""),
        ("/clients/0/identity_code", Some(json!("140341-912X")), "value.check_character", ""),
        (
            "/replaces",
            Some(json!({"document": "1.2.3", "set": "1.2.3", "version": 0, "reason": "x"})),
            "number.out_of_range",
            "/version",
        ),
    ];
    for (pointer, value, code, below) in cases {
        refuses(ENTRY, &[(pointer, value)], &[(code, &format!("{pointer}{below}"))]);
    }
    let many = Value::Array(vec![example(ENTRY)["clients"][0].clone(); 51]);
    let findings = judge(&with(ENTRY, &[("/clients", Some(many))])).err().unwrap();
    assert_eq!(findings[0].code, "list.too_long");
}

#[test]
fn an_unknown_field_is_answered_with_the_known_ones() {
    let findings = refuses(ENTRY, &[("/unit/nmae", Some(json!("x")))], &[("field.unknown", "/unit/nmae")]);
    assert_eq!(findings[0].expected.en, "one of: oid, name");
    let at = format!("{IN_ENTRY}/laatija/nimi");
    let findings = refuses(ENTRY, &[(&at, Some(json!("x")))], &[("field.unknown", &at)]);
    assert!(findings[0].expected.en.contains("sukunimi, etunimet"), "{}", findings[0].expected.en);
    assert!(findings[0].message.sv.starts_with("Upprättare: "), "{}", findings[0].message.sv);
}

#[test]
fn every_kind_of_wrong_content_is_told_by_pointer_and_by_name() {
    let cases: Vec<(String, Option<Value>, &str, &str, &str)> = vec![
        ("/laatija/sukunimi".into(), None, "field.missing", "", "Laatija › Sukunimi"),
        ("/laatija/sukunimi".into(), Some(json!("")), "value.empty", "", "Laatija › Sukunimi"),
        ("/laatija/sukunimi".into(), Some(json!(1)), "value.wrong_type", "", "Laatija › Sukunimi"),
        (
            "/laatija/palveluyksikko/system".into(),
            Some(json!("urn:oid:1.2.3")),
            "value.code_system",
            "",
            "Laatija › Palveluyksikkö",
        ),
        ("/laatija/palveluyksikko/code".into(), Some(json!("koti")), "value.oid", "", "Laatija › Palveluyksikkö"),
        (
            "/asiakas/0/henkilotunnus/value".into(),
            Some(json!("140341-912X")),
            "value.check_character",
            "",
            "Asiakas › Henkilötunnus",
        ),
        (
            "/asiakas/0/henkilotunnus/system".into(),
            Some(json!("1.2.246.21")),
            "content.identity_code_system",
            "",
            "Asiakas › Henkilötunnus",
        ),
        ("/asiakas/0/henkilotunnus".into(), None, "content.client_no_id", "/asiakas/0", "Asiakas"),
        ("/asiakas".into(), Some(json!([])), "list.too_short", "", "Asiakas"),
        ("/asiakas".into(), None, "field.missing", "", "Asiakas"),
        ("/paivamaara".into(), Some(json!("2026-02-30")), "value.partial_date", "", "Päivämäärä"),
        ("/paivamaara".into(), Some(json!("eilen")), "value.partial_date", "", "Päivämäärä"),
        (
            "/asiakaskertomusmerkinta/tapahtuma/ajanjakso/alkamishetki".into(),
            Some(json!("2026-02-30T10:00:00+02:00")),
            "value.instant",
            "",
            "Asiakaskertomusmerkintä › Tapahtuma › Ajanjakso › Alkamishetki",
        ),
        (
            "/asiakaskertomusmerkinta/tapahtuma/kuvaus".into(),
            Some(json!(null)),
            "value.wrong_type",
            "",
            "Asiakaskertomusmerkintä › Tapahtuma › Kuvaus",
        ),
    ];
    for (pointer, value, code, at, name) in cases {
        let pointer = format!("{IN_ENTRY}{pointer}");
        let at = if at.is_empty() { pointer.clone() } else { format!("{IN_ENTRY}{at}") };
        let findings = refuses(ENTRY, &[(&pointer, value)], &[(code, &at)]);
        assert!(findings[0].message.fi.starts_with(&format!("{name}: {at}: ")), "{}", findings[0].message.fi);
    }
}

#[test]
fn a_fixed_list_and_the_root_key_are_told_too() {
    let language = json!({"system": "urn:oid:1.2.246.537.5.40175", "code": "xx", "display": "x"});
    let at = "/content/asiakkuusasiakirja/asiakas/asiointikieli";
    let code = format!("{at}/code");
    refuses(RELATIONSHIP, &[(at, Some(language))], &[("value.not_listed", &code)]);
    let expected = [("field.unknown", "/content/toinen"), ("field.missing", IN_ENTRY)];
    let content = json!({"toinen": {}});
    let findings = judge(&with(ENTRY, &[("/content", Some(content))])).err().unwrap();
    let mut said: Vec<_> = findings.iter().map(|f| (f.code.as_str(), f.place.input.as_str())).collect();
    said.sort_by_key(|(code, _)| std::cmp::Reverse(*code));
    assert_eq!(said, expected);
}

#[test]
fn an_optional_field_may_be_null() {
    takes(ENTRY, &[("/decision", Some(json!(null))), ("/replaces", Some(json!(null)))]);
    takes(RELATIONSHIP, &[("/service_task", Some(json!(null)))]);
}

#[test]
fn a_client_has_an_identity_code_or_a_temporary_id() {
    let at = format!("{IN_ENTRY}/asiakas/0");
    let temporary = json!({"root": "1.2.246.10.99999991.22.2026", "value": "140341-999X"});
    let in_content = json!({"value": "140341-999X"});
    takes(
        ENTRY,
        &[
            ("/clients/0/identity_code", None),
            ("/clients/0/temporary_id", Some(temporary)),
            (&format!("{at}/henkilotunnus"), None),
            (&format!("{at}/tilapainen_yksilointitunnus"), Some(in_content)),
        ],
    );
    refuses(
        ENTRY,
        &[("/clients/0/identity_code", None)],
        &[("content.client_differs", &at), ("client.no_id", "/clients/0/identity_code")],
    );
}

#[test]
fn the_birth_date_agrees_with_the_identity_code_and_with_the_content() {
    refuses(
        ENTRY,
        &[("/clients/0/birth_date", Some(json!("1941-03-15")))],
        &[("client.birth_date", "/clients/0/birth_date")],
    );
    let at = "/content/asiakkuusasiakirja/asiakas/syntymaaika";
    takes(RELATIONSHIP, &[(at, Some(json!("1941-03")))]);
    refuses(RELATIONSHIP, &[(at, Some(json!("1941-04")))], &[("content.birth_date_differs", at)]);
}

#[test]
fn the_contents_clients_are_the_records_clients() {
    let other = example("records/91-unit-not-named.json")["clients"][0].clone();
    let other_code = other["identity_code"].as_str().unwrap().to_owned();
    let at = format!("{IN_ENTRY}/asiakas");
    refuses(ENTRY, &[("/clients/-", Some(other.clone()))], &[("content.client_missing", &at)]);
    let code = format!("{at}/0/henkilotunnus/value");
    refuses(ENTRY, &[(&code, Some(json!(other_code)))], &[("content.client_differs", &format!("{at}/0"))]);
    let both = json!({"sukunimi": "Mallikas", "etunimet": "Eino", "henkilotunnus": {"value": other_code}});
    takes(ENTRY, &[("/clients/-", Some(other)), (&format!("{at}/-"), Some(both))]);
    let again = example(ENTRY)["clients"][0].clone();
    refuses(
        ENTRY,
        &[("/clients/-", Some(again))],
        &[("content.client_missing", &at), ("client.repeated", "/clients/1")],
    );
}

#[test]
fn a_bare_boolean_is_no_professional_link() {
    let findings =
        refuses(ENTRY, &[("/professional_link", Some(json!(true)))], &[("link.bare_boolean", "/professional_link")]);
    assert!(findings[0].hint.as_ref().unwrap().en.contains("who asserts it"));
    refuses(ENTRY, &[("/professional_link", Some(json!("yes")))], &[("value.wrong_type", "/professional_link")]);
}

#[test]
fn the_links_period_covers_the_day_of_drawing_up() {
    let period = "/professional_link/period";
    let start = |s: &str| Some(json!({ "start": s }));
    takes(ENTRY, &[(period, start("2026-09-14"))]);
    refuses(ENTRY, &[(period, start("2026-09-15"))], &[("link.period_misses", period)]);
    let ended = Some(json!({"start": "2026-09-01", "end": "2026-09-13"}));
    refuses(ENTRY, &[(period, ended)], &[("link.period_misses", period)]);
    let reversed = Some(json!({"start": "2026-09-15", "end": "2026-09-14"}));
    refuses(ENTRY, &[(period, reversed)], &[("link.period_reversed", "/professional_link/period/end")]);
}

#[test]
fn what_the_client_pays_for_stays_in_the_producers_own_register() {
    let findings = refuses(ENTRY, &[("/purchase", Some(json!("self_pay")))], &[("purchase.self_pay", "/purchase")]);
    assert!(findings[0].hint.as_ref().unwrap().en.contains("own register"));
    takes(ENTRY, &[("/purchase", Some(json!("service_voucher")))]);
}

#[test]
fn a_producers_unit_is_not_the_organiser() {
    let organiser = example(ENTRY)["organiser"]["oid"].clone();
    refuses(ENTRY, &[("/unit/oid", Some(organiser))], &[("unit.is_organiser", "/unit/oid")]);
}

#[test]
fn only_a_relationship_document_has_no_case() {
    refuses(ENTRY, &[("/case", Some(json!("none")))], &[("case.only_relationship_has_none", "/case")]);
    takes(ENTRY, &[("/case", Some(json!("1.2.246.10.99999991.14.2026.1")))]);
    for other in ["find", "1.2.246.10.99999991.14.2026.1"] {
        refuses(RELATIONSHIP, &[("/case", Some(json!(other)))], &[("case.relationship_has_none", "/case")]);
    }
    for other in ["find", "none"] {
        refuses(CASE, &[("/case", Some(json!(other)))], &[("case.oid_needed", "/case")]);
    }
}

#[test]
fn a_case_document_tells_the_same_case_twice() {
    let at = "/content/asia_asiakirja/asian_tiedot/asiatunnus/value";
    refuses(CASE, &[(at, Some(json!("1.2.246.10.99999991.14.2026.9")))], &[("content.case_differs", at)]);
}

#[test]
fn task_and_process_are_asked_for_where_the_header_has_them() {
    refuses(ENTRY, &[("/service_task", None)], &[("service_task.missing", "/service_task")]);
    refuses(CASE, &[("/service_task", None)], &[("service_task.missing", "/service_task")]);
    refuses(ENTRY, &[("/service_process", None)], &[("service_process.missing", "/service_process")]);
    assert!(example(RELATIONSHIP).get("service_task").is_none() && example(CASE).get("service_process").is_none());
}

#[test]
fn a_record_from_the_future_is_refused_past_the_clocks_tolerance() {
    let link = ("/professional_link/period", Some(json!({"start": "2026-09-01"})));
    let at = |s: &str| [("/drawn_up", Some(json!(s))), link.clone()];
    takes(ENTRY, &at("2026-11-20T14:05:00+02:00"));
    refuses(ENTRY, &at("2026-11-20T14:05:01+02:00"), &[("drawn_up.future", "/drawn_up")]);
}

#[test]
fn a_replaced_version_and_its_original_fit_together() {
    let of = |document: &str, version: u32| {
        Some(json!({"document": document, "set": "1.2.246.10.1.95.1", "version": version, "reason": "Kirjoitusvirhe."}))
    };
    takes(ENTRY, &[("/replaces", of("1.2.246.10.1.95.1", 1))]);
    takes(ENTRY, &[("/replaces", of("1.2.246.10.1.95.2", 2))]);
    refuses(ENTRY, &[("/replaces", of("1.2.246.10.1.95.1", 2))], &[("replaces.version", "/replaces/version")]);
    refuses(ENTRY, &[("/replaces", of("1.2.246.10.1.95.2", 1))], &[("replaces.version", "/replaces/version")]);
}

#[test]
fn an_unknown_structure_is_named() {
    let other = "1.2.246.537.6.1506.19099.2022.1.10";
    let findings = refuses(ENTRY, &[("/structure", Some(json!(other)))], &[("structure.unknown", "/structure")]);
    assert_eq!(findings[0].found.en, other);
}

#[test]
fn the_replaced_disclosure_entry_is_a_warning() {
    let text = include_str!("../../../schemas/structures/1.2.246.537.6.1506.19007.2022.1.10.json");
    let text = text.replace("1506.19007.2022.1.10", "1506.19010.2022.1.10");
    let (registry, faults) = Registry::from_texts([("19010".to_owned(), text)]);
    assert!(faults.is_empty());
    let record = with(ENTRY, &[("/structure", Some(json!("1.2.246.537.6.1506.19010.2022.1.10")))]);
    let checker = Checker::new(Arc::new(registry), Environment::Test);
    let checked = checker.record(record.to_string().as_bytes(), now()).unwrap();
    let codes: Vec<_> = checked.warnings().iter().map(|w| (w.code.as_str(), w.is_error())).collect();
    assert_eq!(codes, [("structure.replaced", false)]);
}

#[test]
fn a_structure_whose_schema_is_broken_lets_nothing_through() {
    let text = include_str!("../../../schemas/structures/1.2.246.537.6.1506.19007.2022.1.10.json");
    let text = text.replace(r#""minItems": 1"#, r#""minItems": "x""#);
    let registry = Registry::from_texts([("broken".to_owned(), text)]).0;
    let checker = Checker::new(Arc::new(registry), Environment::Test);
    let findings = checker.record(example(ENTRY).to_string().as_bytes(), now()).err().unwrap();
    assert_eq!(findings[0].code, "structure.unusable");
}

#[test]
fn a_real_persons_code_is_refused_anywhere_in_the_test_environment_only() {
    let real = with_check("140341-123");
    let text = format!("{IN_ENTRY}/asiakaskertomusmerkinta/tapahtuma/kuvaus");
    let said = Some(json!(format!("Naapuri ({real}) kävi.")));
    refuses(ENTRY, &[(&text, said.clone())], &[("person.not_artificial", &text)]);
    let value = with(ENTRY, &[(&text, said)]);
    checker(Environment::Production).record(value.to_string().as_bytes(), now()).unwrap();
    let key = format!("/content/{real}");
    let findings = faults(&with(ENTRY, &[(&key, Some(json!(1)))]));
    assert!(findings.contains(&("person.not_artificial".into(), "/content/…".into())), "{findings:?}");
    refuses(
        ENTRY,
        &[("/author/identity_code", Some(json!(real)))],
        &[("person.not_artificial", "/author/identity_code")],
    );
}

#[test]
fn a_decision_is_judged_like_everything_else() {
    let at = "/content/iakkaiden_palvelupaatos/paatos/paatoksen_voimassaolo/alkamispaiva";
    refuses(DECISION, &[(at, Some(json!("2026-13")))], &[("value.partial_date", at)]);
    assert!(takes(DECISION, &[]).structure().needs_professional_signature());
}

#[test]
fn all_findings_come_at_once_and_too_many_end_with_saying_so() {
    let findings = judge(&json!({
        "structure": "1.2.246.537.6.1506.19007.2022.1.10", "purchase": "self_pay", "unit": 1,
        "content": {"merkinta_asiakkaan_arjesta": {"paivamaara": "x"}}
    }));
    let codes: Vec<_> = findings.err().unwrap().into_iter().map(|f| f.code).collect();
    for code in ["field.missing", "value.wrong_type", "purchase.self_pay", "value.partial_date", "service_task.missing"]
    {
        assert!(codes.iter().any(|c| c == code), "{code}: {codes:?}");
    }
    let services = Value::Array(vec![json!(1); 500]);
    let at = format!("{IN_ENTRY}/asiakaskertomusmerkinta/sosiaalipalvelu");
    let findings = judge(&with(ENTRY, &[(&at, Some(services))])).err().unwrap();
    assert_eq!(findings.len(), FINDINGS_MAX);
    assert_eq!(findings.last().unwrap().code, "findings.more");
}

/// Every place of a value that holds a text, a number or a boolean.
fn leaves(pointer: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(k, v)| leaves(&format!("{pointer}/{k}"), v, out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| leaves(&format!("{pointer}/{i}"), v, out)),
        _ => out.push(pointer.to_owned()),
    }
}

#[test]
fn no_finding_repeats_a_persons_data() {
    let real = with_check("140341-123");
    let canaries = [
        "Kanarialintunen",
        "140341-912X",
        "Kanarialintunen kertoi, että 0401234567 ei vastaa",
        "1.1.1941",
        "kanarialintunen",
        real.as_str(),
    ];
    let parts = ["anarialintunen", "140341", "0401234567", "1.1.1941", "vastaa"];
    let mut refused = 0;
    for name in [ENTRY, RELATIONSHIP, CASE, DECISION] {
        let mut places = Vec::new();
        leaves("", &example(name), &mut places);
        for place in places {
            for canary in canaries {
                let (parent, _) = place.rsplit_once('/').unwrap();
                let as_value = vec![(place.as_str(), Some(json!(canary)))];
                let as_key = format!("{parent}/{}", canary.to_uppercase());
                let in_object = example(name).pointer(parent).unwrap().is_object();
                let as_key = in_object.then(|| vec![(as_key.as_str(), Some(json!(canary)))]);
                for changes in [Some(as_value), as_key].into_iter().flatten() {
                    let Err(findings) = judge(&with(name, &changes)) else { continue };
                    let said = serde_json::to_string(&findings).unwrap();
                    refused += 1;
                    assert!(parts.iter().all(|p| !said.to_lowercase().contains(p)), "{place}: {canary}: {said}");
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn the_examples_are_valid_under_the_published_structures_too() {
    let Some(texts) = crate::domain::structure::tests::published() else { return };
    let published = Checker::new(Arc::new(Registry::from_texts(texts).0), Environment::Test);
    for folder in ["records", "organiser"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder);
        for entry in std::fs::read_dir(path).unwrap() {
            let path = entry.unwrap().path();
            let verdict = published.record(&std::fs::read(&path).unwrap(), now());
            assert_eq!(verdict.is_ok(), !path.ends_with("90-broken-field.json"), "{}", path.display());
        }
    }
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(|n| json!(n)),
            any::<f64>().prop_map(|n| json!(n)),
            "\\PC{0,20}".prop_map(Value::String),
            Just(json!("2026-02-30")),
            Just(json!("urn:oid:1.2.246.21")),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
                prop::collection::vec(("[a-z_/~]{0,12}", inner), 0..5).prop_map(|m| m.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(checker(Environment::Test).record(&bytes, now()).is_err());
        }

        #[test]
        fn an_example_with_anything_anywhere_never_panics(
            name in prop::sample::select(vec![ENTRY, RELATIONSHIP, CASE, DECISION]),
            place in any::<prop::sample::Index>(),
            up in 0usize..4,
            value in any_json(),
        ) {
            let mut places = Vec::new();
            leaves("", &example(name), &mut places);
            let mut at = place.get(&places).as_str();
            for _ in 0..up {
                at = at.rsplit_once('/').map_or("", |(parent, _)| parent);
            }
            let mut changed = example(name);
            *changed.pointer_mut(at).unwrap() = value;
            if let Err(findings) = judge(&changed) {
                prop_assert!(findings.iter().any(Finding::is_error));
                prop_assert!(findings.len() <= FINDINGS_MAX);
                prop_assert!(findings.iter().all(|f| f.code != "internal.schema_disagrees"));
            }
        }
    }
}
