//! Documents of every structure there is, whatever their texts say: read, written and read again the same.

use std::path::Path;

use asiasilta::domain::code::Language;
use asiasilta::domain::document::Document;
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::display::display_form;
use asiasilta::domain::document::header::{DocumentGroup, DocumentIds, Header, Software};
use asiasilta::domain::document::read::read;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::structure::{Extent, Representation, Structure};
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::sidecar::structure_files;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value};

use crate::reading_identity::any_text;
use crate::support::{NOW, at, oid, reference};

/// Every structure of the repository, and the published ones where they are.
fn structures() -> Checker {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let published = reference("documents_of_every_structure_read_as_they_were_written", "sosmeta");
    let folders = published.into_iter().chain(["schemas/structures", "tests/structures"].map(|f| ours.join(f)));
    let (registry, _) = structure_files::load(&folders.collect::<Vec<_>>()).unwrap();
    assert!(registry.len() >= 10);
    Checker::new(registry.into(), Environment::Test).assuming_group(DocumentGroup::ClientDocument)
}

fn header_and_content(checker: &Checker, structure: &Structure, language: Language) -> (Header, Map<String, Value>) {
    let template = structure.template(Extent::Full, language).unwrap();
    let checked = checker.record(template.record().to_string().as_bytes(), at("2099-01-01T00:00:00Z")).unwrap();
    let id = oid("1.2.246.10.99999992.95.2026.1.1");
    let ids = DocumentIds { document: id.clone(), set: id, version: 1 };
    let software = Software { moderator: "a".into(), product: "b".into(), version: "1".into() };
    let created = Instant::in_finland(at(NOW));
    let document = document_of(&checked, &Making { ids: &ids, created, found_case: None, software: &software });
    (document.header().clone(), checked.record().content.clone())
}

/// The content with other texts wherever the structure has free text.
fn saying(structure: &Structure, content: &Map<String, Value>, texts: &[String]) -> Map<String, Value> {
    let mut places = Vec::new();
    structure.visit(content, &mut |field, pointer, value| {
        if field.representation() == Representation::Text && value.is_string() {
            places.push(pointer.to_owned());
        }
    });
    let mut changed = Value::Object(content.clone());
    for (place, text) in places.iter().zip(texts.iter().cycle()) {
        *changed.pointer_mut(place).unwrap() = Value::String(text.clone());
    }
    changed.as_object().unwrap().clone()
}

#[test]
fn documents_of_every_structure_read_as_they_were_written() {
    let checker = structures();
    let mut chance = TestRunner::deterministic();
    let any_texts = prop::collection::vec(any_text(), 1..9);
    for (number, structure) in checker.structures().iter().enumerate() {
        let language = if number % 2 == 0 { Language::Fi } else { Language::Sv };
        let (header, content) = header_and_content(&checker, structure, language);
        for _ in 0..3 {
            let content = saying(structure, &content, &any_texts.new_tree(&mut chance).unwrap().current());
            let form = display_form(structure, &content, &header);
            let document = Document::assemble(header.clone(), form, Value::Object(content.clone()).to_string());
            let xml = document.unsigned_xml();
            let back = read(xml.as_bytes()).unwrap();
            let oid = structure.oid();
            assert!(back.findings.iter().all(|f| !f.is_error()), "{oid}: {:?}", back.findings);
            assert!(back.tree().to_xml() == xml, "{oid}");
            assert!(back.display.as_deref() == Some(document.display()), "{oid}");
            assert!(back.content().and_then(Value::as_object) == Some(&content), "{oid}");
            let again = read(back.tree().to_xml().as_bytes()).unwrap();
            assert!(
                again.header == back.header && again.content() == back.content() && again.tree() == back.tree(),
                "{oid}"
            );
        }
    }
}
