//! How documents of ten structures look: generated examples, their lists doubled, against checked-in pages.
//!
//! The structures are our own: the reduced ones and four in `tests/structures/`, made for what the others lack. A change of the
//! pages is reviewed by eye: run with `UPDATE_SNAPSHOTS=1`, and with `DISPLAY_PAGES=folder` for pages that a browser shows. Of
//! published structures, which may not be copied here, the digest alone is kept.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{env, fs};

use asiasilta::domain::code::Language;
use asiasilta::domain::document::build::{Making, document_with};
use asiasilta::domain::document::display::{IdentityCodes, Logo, Look, XHTML, html_page, plain_text};
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::structure::{Extent, Registry, Structure};
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::xml::{Element, Limits, parse};
use serde_json::{Value, json};

use crate::support::{at, oid, reference};

const LOGO: &[u8] =
    b"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 120 40\"><rect width=\"40\" height=\"40\" \
    fill=\"#0b5\"/><rect x=\"50\" y=\"14\" width=\"70\" height=\"12\" fill=\"#333\"/></svg>";
const NOW: &str = "2026-11-20T12:00:00Z";
/// Of the published structures, by their document's code.
const PUBLISHED: [&str; 10] = [
    "1505.1",
    "1505.2",
    "1506.1003",
    "1506.6000",
    "1506.8004",
    "1506.11000",
    "1506.15009",
    "1506.16009",
    "1506.19004",
    "1506.19007",
];

pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)
}

fn structures_in(folder: &Path) -> Vec<(String, String)> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|e| e == "json"));
    let mut texts: Vec<_> = json
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    texts.sort();
    texts
}

pub(crate) fn registry(folder: &Path) -> Arc<Registry> {
    let (registry, faults) = Registry::from_texts(structures_in(folder));
    assert!(faults.is_empty(), "{faults:?}");
    Arc::new(registry)
}

/// Every list of groups or values once more, so that lists and tables show; clients stay who they are.
fn doubled(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.iter_mut().filter(|(key, _)| *key != "asiakas").for_each(|(_, member)| doubled(member));
        }
        Value::Array(items) => {
            items.iter_mut().for_each(doubled);
            items.extend(items.first().cloned());
        }
        _ => {}
    }
}

fn look() -> Look {
    Look { identity_codes: IdentityCodes::Masked, logo: Some(Logo::try_new(LOGO).unwrap()) }
}

/// The display form of a record that passed the judge.
fn shown(checker: &Checker, record: &Value, look: &Look) -> String {
    let checked = checker.record(record.to_string().as_bytes(), at(NOW)).unwrap_or_else(|findings| {
        panic!("{:?}", findings.iter().map(ToString::to_string).collect::<Vec<_>>());
    });
    let id = oid("1.2.246.10.99999992.95.2026.1.1");
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let making = Making {
        ids: &DocumentIds { document: id.clone(), set: id, version: 1 },
        created: Instant::in_finland(at(NOW)),
        found_case: Some(&case),
        software: &Software { moderator: "a".into(), product: "b".into(), version: "1".into() },
    };
    document_with(&checked, &making, look).display().to_owned()
}

pub(crate) fn record_of(structure: &Structure, language: Language) -> Value {
    let template = structure.template(Extent::Full, language).unwrap_or_else(|e| panic!("{}: {e}", structure.oid()));
    let mut record = template.record().clone();
    doubled(&mut record["content"]);
    record
}

fn page_of(registry: &Arc<Registry>, structure: &Structure, language: Language) -> String {
    let checker = Checker::new(Arc::clone(registry), Environment::Test);
    let xhtml = shown(&checker, &record_of(structure, language), &look());
    if let Some(folder) = env::var_os("DISPLAY_PAGES") {
        let path = Path::new(&folder).join(format!("{}-{}.html", structure.oid(), language.as_str()));
        fs::write(path, html_page(&xhtml, structure.name(language))).unwrap();
    }
    xhtml
}

/// One element a line, so that a review sees what changed.
fn lined(xhtml: &str) -> String {
    let mut text = ["<div", "<h1", "<h2", "<h3", "<p", "<ul", "<li", "<table", "<tr", "</div"]
        .into_iter()
        .fold(xhtml.to_owned(), |text, tag| text.replace(tag, &format!("\n{tag}")));
    text.push('\n');
    text.trim_start().to_owned()
}

#[track_caller]
fn is_as_reviewed(name: &str, text: &str) {
    let path = folder("snapshots").join(name);
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|set| set == "1") {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let reviewed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        reviewed == text,
        "{name} differs from what was reviewed: run with UPDATE_SNAPSHOTS=1 and look at the change"
    );
}

/// What no display form shows, whatever it is made from.
fn promises(xhtml: &str, name: &str) {
    let tree = parse(xhtml.as_bytes(), Limits::DOCUMENT).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(tree.root.is(XHTML, "div") && tree.root.descendants().all(|e| e.namespace == XHTML), "{name}");
    let text = plain_text(xhtml).unwrap();
    let is_oid = |word: &&str| word.parse::<Oid>().is_ok_and(|oid| oid.arcs().count() > 4);
    let seen = text.split(|c: char| !c.is_ascii_digit() && c != '.').find(is_oid);
    assert!(seen.is_none(), "{name} shows {}", seen.unwrap_or_default());
    let words = text.split_whitespace().map(|w| w.trim_matches([',', '.', '|']));
    let code = words.filter(|w| w.parse::<asiasilta::domain::person::PersonalIdentityCode>().is_ok());
    assert_eq!(code.count(), 0, "{name} shows an identity code");
    assert!(!text.contains("urn:oid"), "{name}");
    let empty =
        |e: &&Element| matches!(e.name.as_str(), "p" | "li" | "ul" | "h1" | "h2") && e.all_text().trim().is_empty();
    assert!(tree.root.descendants().find(empty).is_none(), "{name} has an empty block");
}

#[test]
fn ten_structures_look_as_reviewed() {
    let (own, reduced) = (registry(&folder("structures")), Arc::new(Registry::reduced()));
    let mut pages = 0;
    for registry in [own, reduced] {
        for structure in registry.iter() {
            let language = if pages % 4 == 3 { Language::Sv } else { Language::Fi };
            let xhtml = page_of(&registry, structure, language);
            let name = format!("display/{}-{}.xhtml", structure.oid(), language.as_str());
            promises(&xhtml, &name);
            is_as_reviewed(&name, &lined(&xhtml));
            pages += 1;
        }
    }
    assert_eq!(pages, 10);
}

#[test]
fn ten_published_structures_look_as_reviewed() {
    let Some(folder) = reference("ten_published_structures_look_as_reviewed", "sosmeta") else { return };
    let registry = registry(&folder);
    let mut digests = String::new();
    for kind in PUBLISHED {
        let newest = registry.versions(&oid(&format!("1.2.246.537.6.{kind}"))).last();
        let structure = newest.unwrap_or_else(|| panic!("no {kind}"));
        let xhtml = page_of(&registry, structure, Language::Fi);
        let digest: String = openssl::sha::sha256(xhtml.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(digests, "{digest} {}", structure.oid()).unwrap();
    }
    is_as_reviewed("display/published.sha256", &digests);
}

#[test]
fn every_published_structure_shows_neither_oids_nor_identity_codes() {
    let name = "every_published_structure_shows_neither_oids_nor_identity_codes";
    let Some(folder) = reference(name, "sosmeta") else { return };
    let registry = registry(&folder);
    let checker = Checker::new(Arc::clone(&registry), Environment::Test);
    let mut shown_structures = 0;
    for structure in registry.iter().filter(|s| s.group().is_some()) {
        let language = if shown_structures % 2 == 0 { Language::Fi } else { Language::Sv };
        let xhtml = shown(&checker, &record_of(structure, language), &Look::default());
        promises(&xhtml, structure.oid().as_str());
        shown_structures += 1;
    }
    assert!(shown_structures > 100, "{shown_structures}");
}

fn plan(change: impl Fn(&mut Value)) -> String {
    let registry = registry(&folder("structures"));
    let structure = registry.find(&oid("1.2.246.537.6.1506.15901.2026.1.1")).unwrap();
    let mut record = record_of(&structure, Language::Fi);
    let client = &mut record["content"]["koesuunnitelma"]["asiakas"][0];
    client["turvakielto"] = json!(false);
    client["kotikunta"] = json!("Salattula");
    client["yhteystiedot"]["osoite"] = json!([{"lahiosoite": "Piilokuja 1", "postinumero": "00000"}]);
    let worker = &mut record["content"]["koesuunnitelma"]["omatyontekija"];
    worker["yhteystiedot"]["osoite"] = json!([{"lahiosoite": "Virastotie 2"}]);
    change(&mut record);
    let checker = Checker::new(registry, Environment::Test);
    plain_text(&shown(&checker, &record, &Look::default())).unwrap()
}

#[test]
fn a_safety_ban_keeps_whereabouts_from_the_page_and_an_authoritys_address_on_it() {
    let open = plan(|_| {});
    let banned = plan(|record| {
        record["clients"][0]["safety_ban"] = json!(true);
        record["content"]["koesuunnitelma"]["asiakas"][0]["turvakielto"] = json!(true);
    });
    for kept in ["Piilokuja 1", "00000", "Salattula"] {
        assert!(open.contains(kept) && !banned.contains(kept), "{kept}\n{banned}");
    }
    assert!(open.contains("Virastotie 2") && banned.contains("Virastotie 2"), "{banned}");
    let untold = plan(|record| {
        record["clients"][0]["safety_ban"] = json!(true);
        record["content"]["koesuunnitelma"]["asiakas"][0].as_object_mut().unwrap().remove("turvakielto");
    });
    assert!(!untold.contains("Piilokuja 1"), "the header's ban is enough");
}

#[test]
fn identity_codes_are_masked_unless_asked_otherwise() {
    let registry = registry(&folder("structures"));
    let structure = registry.find(&oid("1.2.246.537.6.1506.4901.2026.1.1")).unwrap();
    let record = record_of(&structure, Language::Fi);
    let code = record["clients"][0]["identity_code"].as_str().unwrap().to_owned();
    let checker = Checker::new(registry, Environment::Test);
    let with = |identity_codes| shown(&checker, &record, &Look { identity_codes, logo: None });
    let masked = with(IdentityCodes::default());
    assert!(masked.contains(&format!("{}*****", &code[..6])) && !masked.contains(&code));
    assert!(with(IdentityCodes::Whole).contains(&code));
}
