//! Tests of the judge: every rule with a record that keeps it and one that breaks it, and what findings may not say.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::LazyLock;

use serde_json::json;

use super::*;

mod content;
mod form;
mod persons;
mod properties;
mod rules;

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

/// Every place of a value that holds a text, a number or a boolean.
fn leaves(pointer: &str, value: &Value, out: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(k, v)| leaves(&format!("{pointer}/{k}"), v, out)),
        Value::Array(items) => items.iter().enumerate().for_each(|(i, v)| leaves(&format!("{pointer}/{i}"), v, out)),
        _ => out.push(pointer.to_owned()),
    }
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

#[test]
fn every_code_of_a_finding_is_in_the_documentation() {
    let documented = include_str!("../../../docs/findings.md");
    let sources = [
        include_str!("../validate.rs"),
        include_str!("content.rs"),
        include_str!("findings.rs"),
        include_str!("json.rs"),
        include_str!("persons.rs"),
        include_str!("predecessor.rs"),
        include_str!("rules.rs"),
        include_str!("rules/conditional.rs"),
        include_str!("translate.rs"),
        include_str!("../oid.rs"),
        include_str!("../person.rs"),
        include_str!("../record.rs"),
        include_str!("../time.rs"),
    ];
    let is_code = |word: &&str| {
        word.split_once('.').is_some_and(|(area, rest)| {
            let plain = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            plain(area) && plain(rest)
        })
    };
    let codes: Vec<_> = sources.iter().flat_map(|s| s.split('"')).filter(is_code).collect();
    assert!(codes.len() > 50, "{codes:?}");
    for code in codes.iter().filter(|c| !c.ends_with(".rs")) {
        assert!(documented.contains(&format!("`{code}`")), "{code}");
    }
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

#[test]
fn the_examples_are_valid_under_the_published_structures_too() {
    let Some(texts) =
        crate::domain::structure::tests::published("the_examples_are_valid_under_the_published_structures_too")
    else {
        return;
    };
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
