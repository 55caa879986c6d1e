//! Every structure, out and in: the published ones, ours, and random ones in the same dialect.

mod commands;
mod dialect;
mod random;

use std::sync::{Arc, LazyLock};

use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::domain::code::Language;
use asiasilta::domain::document::header::DocumentGroup;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::round_trip::{Returned, RoundTripFault, Signing, round_trip};
use asiasilta::domain::structure::{Extent, Registry, Structure, Template};
use asiasilta::domain::validate::Checker;
use asiasilta::sidecar::structure_files;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{at, oid, reference};

static KEYS: LazyLock<[SigningIdentity; 2]> = LazyLock::new(|| {
    ["1.2.246.10.99999992.10.0", "90000000017"].map(|serial| SigningIdentity::throw_away(serial).unwrap())
});

/// All the way with throw-away keys.
fn travel(registry: Registry, record: &Value) -> Result<Returned, RoundTripFault> {
    let checker = Checker::new(Arc::new(registry), Environment::Test).assuming_group(DocumentGroup::ClientDocument);
    let [system, professional] = &*KEYS;
    round_trip(&checker, record, Signing { system, professional, crypto: &OpensslCrypto, now: Timestamp::now() })
}

fn registry_of(text: &str) -> Registry {
    let (registry, faults) = Registry::from_texts([("made".to_owned(), text.to_owned())]);
    assert_eq!(faults, []);
    registry
}

/// A structure with these fields beside one client.
fn made(fields: Value) -> Value {
    let text = |fi: &str| json!([{"lang": "fi", "value": fi}]);
    let of = |what: &str, name: &str| json!({"name": text(name), "representation": text(what)});
    let mut properties = json!({"asiakas": {
        "type": "array", "minItems": 1,
        "items": {"type": "object", "additionalProperties": false, "required": ["sukunimi"],
            "sosmeta": {"name": text("Asiakas")},
            "properties": {
                "sukunimi": {"type": "string", "minLength": 1, "sosmeta": of("Nimi", "Sukunimi")},
                "henkilotunnus": {"type": "object", "additionalProperties": false, "required": ["value"],
                    "sosmeta": {"name": text("Henkilötunnus"), "representation": text("Tunnus"),
                        "systemUri": [{"lang": "", "value": "urn:oid:1.2.246.21"}], "conditionalRequired": true},
                    "properties": {"system": {"type": "string"}, "value": {"type": "string"}}}
            }}
    }});
    let required: Vec<String> =
        std::iter::once("asiakas".to_owned()).chain(fields.as_object().unwrap().keys().cloned()).collect();
    properties.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object", "additionalProperties": false, "required": ["koe"],
        "sosmeta": {"oid": "1.2.246.537.6.1506.7001.2024.1.1", "documentType": "Lausunto"},
        "properties": {"koe": {"type": "object", "additionalProperties": false, "required": required,
            "sosmeta": {"name": text("Koe")}, "properties": properties}}
    })
}

fn template(registry: &Registry, extent: Extent) -> Template {
    let structure = registry.iter().next().unwrap();
    structure.template(extent, Language::Fi).unwrap()
}

#[test]
fn check_passes_for_every_published_structure() {
    let Some(folder) = reference("check_passes_for_every_published_structure", "sosmeta") else { return };
    let files = std::fs::read_dir(&folder)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().path().extension().is_some_and(|e| e == "json"));
    let count = files.count();
    assert!(count >= 164, "{count}");
    let run = commands::asiasilta(&["structures", "check", "--structures", folder.to_str().unwrap()]);
    assert!(run.ends_with(0), "{run}");
    assert_eq!(run.lines().len(), count + 1, "{run}");
    assert!(run.lines().iter().take(count).all(|line| line.starts_with("ok ")), "{run}");
    assert_eq!(*run.lines().last().unwrap(), format!("{count}/{count} minimal, {count}/{count} full"));
}

#[test]
fn the_published_folder_and_ours_are_one_registry_and_repeated_oids_are_named() {
    let Some(folder) = reference("the_published_folder_and_ours_are_one_registry", "sosmeta") else { return };
    let ours = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/structures");
    let (registry, faults) = structure_files::load(&[ours, folder]).unwrap();
    assert!(registry.len() >= 164);
    assert_eq!(faults.len(), 6);
    assert!(faults.iter().all(|f| f.to_string().contains("was already there")), "{faults:?}");
}

#[test]
fn an_example_never_comes_back_when_the_record_and_its_content_disagree() {
    let registry = registry_of(&made(json!({})).to_string());
    let mut record = template(&registry, Extent::Full).record().clone();
    record["content"]["koe"]["asiakas"][0]["henkilotunnus"]["value"] = json!("010190-900P");
    let Err(RoundTripFault::Refused(findings)) = travel(registry, &record) else { panic!("taken") };
    assert_eq!(findings[0].code, "content.client_differs");
}

#[test]
fn what_the_schema_asks_and_no_step_answers_is_said_with_its_place() {
    let impossible = json!({"mahdoton": {"type": "number", "multipleOf": 7, "minimum": 1, "sosmeta": {}}});
    let registry = registry_of(&made(impossible).to_string());
    let structure: &Structure = registry.iter().next().unwrap();
    let fault = structure.template(Extent::Minimal, Language::Fi).err().unwrap();
    assert_eq!(fault.to_string(), "no example value meets the schema's multipleOf at /koe/mahdoton");
}

#[test]
fn a_type_means_its_newest_version_valid_on_the_day() {
    let version = |tail: &str, valid: &str| {
        let mut structure = made(json!({}));
        structure["sosmeta"]["oid"] = json!(format!("1.2.246.537.6.1506.7001.{tail}"));
        structure["sosmeta"]["documentDefinitionVersion"] = json!(valid);
        (tail.to_owned(), structure.to_string())
    };
    // As text 2024.10.1 stands before 2024.9.30; the days say otherwise.
    let texts =
        [version("2024.9.30", "2024-09-30"), version("2024.10.1", "2024-10-01"), version("2022.1.10", "2022-01-10")];
    let (registry, faults) = Registry::from_texts(texts);
    assert_eq!((registry.len(), faults.len()), (3, 0));
    let kind = oid("1.2.246.537.6.1506.7001");
    for (day, tail) in [
        ("2022-01-09", None),
        ("2022-01-10", Some("2022.1.10")),
        ("2024-09-29", Some("2022.1.10")),
        ("2024-09-30", Some("2024.9.30")),
        ("2024-10-01", Some("2024.10.1")),
        ("2030-01-01", Some("2024.10.1")),
    ] {
        let found = registry.valid_on(&kind, day.parse().unwrap()).map(|s| s.oid().to_string());
        assert_eq!(found, tail.map(|tail| format!("{kind}.{tail}")), "{day}");
    }
    assert!(
        registry
            .valid_on(
                &oid("1.2.246.537.6.1506.700"),
                at("2030-01-01T00:00:00Z").to_zoned(jiff::tz::TimeZone::UTC).date()
            )
            .is_none()
    );
}
