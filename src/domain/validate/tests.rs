//! Tests of the judge: every rule with a record that keeps it and one that breaks it, and what findings may not say.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;

use serde_json::json;

use super::*;

const NOW: &str = "2026-11-20T12:00:00Z";

pub(crate) fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn checker(environment: Environment) -> Checker {
    Checker::new(Arc::new(Registry::reduced()), environment)
}

pub(crate) fn example(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn judge(value: &Value) -> Result<CheckedRecord, Vec<Finding>> {
    checker(Environment::Test).record(value.to_string().as_bytes(), now())
}

fn faults(value: &Value) -> Vec<(String, String)> {
    let findings = judge(value).err().expect("a refusal");
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
