//! Tests of structures, with our reduced ones, with made-up broken ones and, where they are given, with the published ones.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::domain::structure::FaultReason::{Expected, Keyword, NotJson, TooDeep};
use serde_json::json;
use std::io::Write;

/// The published structures, by file name; `None`, said aloud, when there are none to be had. A check that runs is counted in
/// the file that `ASIASILTA_REFERENCE_LOG` names.
pub(crate) fn published(check: &str) -> Option<Vec<(String, String)>> {
    let Some(folder) = std::env::var_os("ASIASILTA_REFERENCE") else {
        eprintln!("reference check skipped, ASIASILTA_REFERENCE is not set: {check}");
        return None;
    };
    eprintln!("reference check: {check}");
    if let Some(log) = std::env::var_os("ASIASILTA_REFERENCE_LOG") {
        let mut log = std::fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
        writeln!(log, "{check}").unwrap();
    }
    let folder = std::path::Path::new(&folder).join("sosmeta");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    files.sort();
    Some(
        files
            .into_iter()
            .filter(|p| p.extension().is_some_and(|e| e == "json"))
            .map(|p| (p.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(p).unwrap()))
            .collect(),
    )
}

fn structure(oid: &str) -> std::sync::Arc<Structure> {
    Registry::reduced().find(&oid.parse().unwrap()).unwrap()
}

fn small() -> Value {
    let names = json!([{"lang": "fi", "value": "Koe"}]);
    json!({
        "type": "object", "required": ["koe"],
        "sosmeta": {"oid": "1.2.246.537.6.1506.7001.2024.1.1", "documentType": "Arvio"},
        "properties": {"koe": {"type": "object", "sosmeta": {"name": names}, "properties": {}}}
    })
}

#[test]
fn every_reduced_structure_loads_under_the_oid_of_its_file() {
    for (oid, text) in [
        ("1.2.246.537.6.1505.1.2023.6.1", "Asiakkuusasiakirja / Klientrelationshandling"),
        ("1.2.246.537.6.1505.2.2022.6.28", "Asia-asiakirja / Ärendehandling"),
        ("1.2.246.537.6.1506.11000.2023.9.8", "Iäkkäiden palvelupäätös / Beslut om äldreservice"),
        (
            "1.2.246.537.6.1506.19002.2022.1.10",
            "Merkintä sosiaalipalvelun alkamisesta / Anteckning om inledande av socialservice",
        ),
        ("1.2.246.537.6.1506.19007.2022.1.10", "Merkintä asiakkaan arjesta / Anteckning om en klients vardag"),
        (
            "1.2.246.537.6.1506.19012.2022.1.10",
            "Merkintä sosiaalipalvelun päättymisestä / Anteckning om avslutning av socialservice",
        ),
    ] {
        let structure = structure(oid);
        assert_eq!(format!("{} / {}", structure.name(Language::Fi), structure.name(Language::Sv)), text);
        assert!(structure.validator().is_some(), "{oid}");
    }
    assert_eq!(Registry::reduced().len(), 6);
}

#[test]
fn group_and_types_come_from_the_structure_itself() {
    let entry = structure("1.2.246.537.6.1506.19007.2022.1.10");
    let (general, specific) = (entry.general_type(Language::Sv).unwrap(), entry.specific_type(Language::Fi).unwrap());
    assert_eq!((general.code.as_str(), general.display.as_deref()), ("19", Some("Klientjournalanteckning")));
    assert_eq!((specific.code.as_str(), specific.display.as_deref()), ("19007", Some("Merkintä asiakkaan arjesta")));
    assert_eq!(entry.group(), Some(DocumentGroup::ClientDocument));
    assert!(!entry.needs_professional_signature());
    assert!(structure("1.2.246.537.6.1506.11000.2023.9.8").needs_professional_signature());
    let relationship = structure("1.2.246.537.6.1505.1.2023.6.1");
    assert_eq!(relationship.group(), Some(DocumentGroup::Relationship));
    assert!(relationship.general_type(Language::Fi).is_none() && relationship.specific_type(Language::Fi).is_none());
    assert_eq!(structure("1.2.246.537.6.1505.2.2022.6.28").group(), Some(DocumentGroup::Case));
}

#[test]
fn the_document_type_in_words_goes_before_the_thousands_of_the_oid() {
    let assessment = Structure::parse(&small().to_string()).unwrap();
    assert_eq!(assessment.general_type(Language::Fi).unwrap().code, "1");
    let mut wordless = small();
    wordless["sosmeta"]["documentType"] = json!("Jotain uutta");
    assert_eq!(Structure::parse(&wordless.to_string()).unwrap().general_type(Language::Fi).unwrap().code, "7");
}

#[test]
fn a_field_is_named_as_its_users_know_it() {
    let structure = structure("1.2.246.537.6.1506.19007.2022.1.10");
    let names = structure.field_names("/merkinta_asiakkaan_arjesta/asiakas/0/henkilotunnus/value").unwrap();
    assert_eq!((&*names.fi, &*names.sv), ("Asiakas › Henkilötunnus", "Klient › Personbeteckning"));
    assert_eq!(structure.field_names("/merkinta_asiakkaan_arjesta"), None);
    assert_eq!(structure.field_names("/merkinta_asiakkaan_arjesta/tuntematon"), None);
    assert_eq!(structure.field_names("/toinen/asiakas"), None);
}

#[test]
fn a_broken_structure_is_named_with_its_fault_and_the_others_load() {
    let broken = |change: fn(&mut Value)| {
        let mut value = small();
        change(&mut value);
        value.to_string()
    };
    let deep =
        (0..30).fold(json!({"type": "object"}), |inner, _| json!({"type": "object", "properties": {"a": inner}}));
    let cases = [
        ("not-json", "{".to_owned(), NotJson { line: 1, column: 1 }),
        ("no-oid", broken(|s| s["sosmeta"]["oid"] = json!("1.2.x")), Expected("the OID of the structure")),
        (
            "other-oid",
            broken(|s| s["sosmeta"]["oid"] = json!("1.2.3.4")),
            Expected("an OID below 1.2.246.537.6.1505 or 1.2.246.537.6.1506 with a version"),
        ),
        ("no-root", broken(|s| s["properties"] = json!({})), Expected("exactly one root property")),
        ("root-list", broken(|s| s["properties"]["koe"]["type"] = json!("array")), Expected("items")),
        ("root-text", broken(|s| s["properties"]["koe"]["type"] = json!("string")), Expected("an object with fields")),
        ("reference", broken(|s| s["properties"]["koe"]["$ref"] = json!("#")), Keyword("$ref")),
        (
            "deep",
            {
                let mut s = small();
                s["properties"]["koe"] = deep;
                s.to_string()
            },
            TooDeep,
        ),
    ];
    let expected: Vec<_> = cases.iter().map(|(name, _, reason)| (name.to_string(), reason.clone())).collect();
    let mut texts: Vec<_> = cases.into_iter().map(|(name, text, _)| (name.to_owned(), text)).collect();
    texts.insert(3, ("good".into(), small().to_string()));
    texts.push(("again".into(), small().to_string()));
    let (registry, mut faults) = Registry::from_texts(texts);
    assert_eq!(registry.len(), 1);
    assert!(matches!(faults.pop().unwrap().reason, FaultReason::Repeated(_)));
    assert_eq!(faults.into_iter().map(|f| (f.file, f.reason)).collect::<Vec<_>>(), expected);
}

#[test]
fn a_file_past_the_limit_is_refused_unread() {
    let fault = Structure::parse(&" ".repeat(FILE_BYTES_MAX + 1)).err().unwrap();
    assert_eq!(fault.reason, FaultReason::TooLarge(FILE_BYTES_MAX + 1));
}

#[test]
fn every_published_structure_loads() {
    let Some(texts) = published("every_published_structure_loads") else { return };
    let count = texts.len();
    let (registry, faults) = Registry::from_texts(texts);
    assert!(faults.is_empty(), "{faults:?}");
    assert!(count >= 164);
    assert_eq!(registry.len(), count);
    for structure in registry.iter() {
        assert!(structure.validator().is_some(), "{}", structure.oid());
        assert_eq!(
            structure.general_type(Language::Fi).is_some(),
            structure.group() == Some(DocumentGroup::ClientDocument),
            "{}",
            structure.oid()
        );
    }
}

#[test]
fn what_is_valid_under_a_reduced_structure_is_valid_under_the_published_one() {
    let Some(texts) = published("what_is_valid_under_a_reduced_structure_is_valid_under_the_published_one") else {
        return;
    };
    for structure in Registry::reduced().iter() {
        let file = format!("{}.json", structure.oid());
        let (_, text) = texts.iter().find(|(name, _)| *name == file).unwrap();
        let mut published: Value = serde_json::from_str(text).unwrap();
        field::strip_annotations(&mut published);
        let ours: Value = serde_json::from_str(&structure.schema).unwrap();
        assert_narrower(&ours, &published, &file);
    }
}

/// Every schema node of ours allows nothing that the published one does not.
fn assert_narrower(ours: &Value, theirs: &Value, at: &str) {
    assert_eq!(ours["type"], theirs["type"], "{at}");
    let names = |v: &Value| -> Vec<String> {
        v.as_array().into_iter().flatten().map(|n| n.as_str().unwrap().to_owned()).collect()
    };
    let (our_required, their_required) = (names(&ours["required"]), names(&theirs["required"]));
    assert!(their_required.iter().all(|r| our_required.contains(r)), "{at}: {their_required:?}");
    let number = |v: &Value, k: &str| v[k].as_u64().unwrap_or(0);
    assert!(number(ours, "minLength") >= number(theirs, "minLength"), "{at}");
    assert!(number(ours, "minItems") >= number(theirs, "minItems"), "{at}");
    if !theirs["enum"].is_null() {
        assert!(ours["enum"].as_array().expect(at).iter().all(|v| theirs["enum"].as_array().unwrap().contains(v)));
    }
    if let Some(pattern) = theirs["pattern"].as_str() {
        let ours = ours["pattern"].as_str().expect(at);
        // The published date patterns allow a sign before the year and day 00; ours are the same but for those.
        assert!(
            ours == pattern
                || (ours.starts_with("^[0-9]{4}-") || ours.starts_with("^[0-9]{4}(-"))
                    && pattern.starts_with("^-?[0-9]{4}("),
            "{at}"
        );
    }
    if theirs["type"] == "object" {
        assert_eq!(ours["additionalProperties"], json!(false), "{at}");
    }
    for (key, child) in ours["properties"].as_object().into_iter().flatten() {
        assert!(theirs["properties"].get(key).is_some(), "{at}/{key}");
        assert_narrower(child, &theirs["properties"][key], &format!("{at}/{key}"));
    }
    if !ours["items"].is_null() {
        assert_narrower(&ours["items"], &theirs["items"], &format!("{at}[]"));
    }
}
