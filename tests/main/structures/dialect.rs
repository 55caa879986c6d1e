//! The dialect's oddities in one structure, each as published files have it, and files that are none.

use std::fs;

use asiasilta::domain::code::Language;
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::display::plain_text;
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::document::read::read;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::structure::Extent;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::sidecar::structure_files;
use serde_json::{Value, json};

use super::{made, registry_of, travel};
use crate::support::{NOW, at, oid};

fn named(fi: &str, kind: &str) -> Value {
    json!({"name": [{"lang": "fi", "value": fi}], "representation": [{"lang": "fi", "value": kind}]})
}

fn text(fi: &str) -> Value {
    json!({"type": "string", "minLength": 1, "sosmeta": named(fi, "Teksti")})
}

fn code(system: Value, codes: Value) -> Value {
    json!({"type": "object", "additionalProperties": false, "required": ["system", "code", "display"],
        "sosmeta": named("Koodi", "Koodi"),
        "properties": {"system": system, "code": codes, "display": {"type": "string", "minLength": 1}}})
}

fn group(fi: &str, properties: Value) -> Value {
    let keys: Vec<_> = properties.as_object().unwrap().keys().cloned().collect();
    json!({"type": "object", "additionalProperties": false, "required": keys, "properties": properties,
        "sosmeta": {"name": [{"lang": "fi", "value": fi}]}})
}

/// A field so many groups deep.
fn nested(levels: usize) -> Value {
    (0..levels).fold(text("Syvin"), |inside, at| group(&format!("Taso {at}"), json!({"taso": inside})))
}

fn odd() -> Value {
    let free = json!({"type": "string"});
    let mut structure = made(json!({
        "kahdeksan_pykala_tunti": text("8 § -tunti"),
        "hoito__ja_kasvatus": text("Hoito- ja kasvatus"),
        "tyhja_otsikko": group("Tyhjä otsikko", json!({})),
        "nimettomat": {"type": "array", "minItems": 1, "items": {"type": "string"}, "sosmeta": named("Luettelo", "Teksti")},
        "oma_lista": code(json!({"type": "string", "enum": ["koe/tama_suunnitelma_on"]}), json!({"type": "string", "enum": ["1", "2"]})),
        "vapaa": code(free.clone(), free),
        "kahdesti": code(json!({"type": "string", "pattern": "^urn:oid:1\\.2\\.246\\.537\\.6\\.1243(\\.\\d+)*$"}),
            json!({"type": "string", "enum": ["13", "14", "14"]})),
        "kuukausi": {"type": "string", "pattern": "^-?[0-9]{4}(-(0[1-9]|1[0-2])(-(0[0-9]|[1-2][0-9]|3[0-1]))?)?$",
            "sosmeta": named("Kuukausi", "Pvm")},
        "luku": {"type": "number", "sosmeta": named("Luku", "Numero")},
        "maara": {"type": "object", "additionalProperties": false, "required": ["value", "code"],
            "properties": {"value": {"type": "number"}, "code": {"type": "string"}}, "sosmeta": named("Määrä", "Määrä")},
        "syva": nested(16),
    }));
    let meta = structure["sosmeta"].as_object_mut().unwrap();
    meta.insert("status".into(), json!("Testissä"));
    meta.insert("dataComponentLibraryVersion".into(), json!("2022-01-10R2"));
    meta.insert("documentDefinitionVersion".into(), json!("2024-01-01R2"));
    structure
}

#[test]
fn oddities_of_the_dialect_go_all_the_way_in_both_languages() {
    for extent in [Extent::Minimal, Extent::Full] {
        for language in [Language::Fi, Language::Sv] {
            let registry = registry_of(&odd().to_string());
            let template = registry.iter().next().unwrap().template(extent, language).unwrap();
            let back = travel(registry, template.record());
            assert!(back.is_ok(), "{extent:?}: {back:?}");
        }
    }
}

#[test]
fn numbers_are_embedded_shown_and_read_as_the_caller_wrote_them() {
    let registry = registry_of(&odd().to_string());
    let record = registry.iter().next().unwrap().template(Extent::Full, Language::Fi).unwrap().record().clone();
    let checker = Checker::new(registry.into(), Environment::Test);
    let id = oid("1.2.246.10.99999992.95.2026.1.1");
    let ids = DocumentIds { document: id.clone(), set: id, version: 1 };
    let software = Software { moderator: "a".into(), product: "b".into(), version: "1".into() };
    let making = Making { ids: &ids, created: Instant::in_finland(at(NOW)), found_case: None, software: &software };
    for (written, shown) in [("1.10", "1,10"), ("12345678901234567890123", "12345678901234567890123"), ("-0.0", "-0,0")]
    {
        let mut record = record.clone();
        record["content"]["koe"]["luku"] = json!("LUKU");
        record["content"]["koe"]["maara"]["value"] = json!("LUKU");
        let text = record.to_string().replace("\"LUKU\"", written);
        let checked = checker.record(text.as_bytes(), at("2099-01-01T00:00:00Z")).unwrap();
        let document = document_of(&checked, &making);
        assert!(document.content_json().contains(&format!("\"luku\":{written},")), "{}", document.content_json());
        let back = read(document.unsigned_xml().as_bytes()).unwrap();
        assert_eq!(back.content().unwrap().to_string(), document.content_json());
        let page = plain_text(&back.display.unwrap()).unwrap();
        assert!(page.contains(&format!("Luku: {shown}\n")) || page.contains(&format!("\n{shown}\n")), "{page}");
    }
}

#[test]
fn a_file_in_another_encoding_is_named_and_the_rest_still_load() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a-hyva.json"), odd().to_string()).unwrap();
    let latin: Vec<u8> = odd().to_string().chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    fs::write(folder.path().join("b-latin1.json"), latin).unwrap();
    fs::write(folder.path().join("c-pitka.json"), vec![b' '; (4 << 20) + 1]).unwrap();
    fs::write(folder.path().join("d-rikki.json"), "{\n  \"a\": }").unwrap();
    let (registry, faults) = structure_files::load(&[folder.path()]).unwrap();
    assert_eq!(registry.len(), 1);
    let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
    for (fault, parts) in
        said.iter().zip([["b-latin1.json", "UTF-8"], ["c-pitka.json", "4194304"], ["d-rikki.json", "line 2, column 8"]])
    {
        assert!(parts.iter().all(|part| fault.contains(part)), "{fault}");
    }
    assert_eq!(said.len(), 3, "{said:?}");
}
