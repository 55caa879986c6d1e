//! Tests of the readable form.
#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;
use crate::domain::code::Code;
use crate::domain::document::header::{DocumentGroup, DocumentIds, Software};
use crate::domain::record::LocalRecord;
use crate::domain::structure::Registry;
use crate::domain::xml::{Limits, parse};

fn header(structure: &Structure, record: &LocalRecord, language: Language) -> Header {
    Header {
        ids: DocumentIds {
            document: "1.2.246.10.99999992.95.2026.1.1".parse().unwrap(),
            set: "1.2.246.10.99999992.95.2026.1.1".parse().unwrap(),
            version: 1,
        },
        replaces: None,
        group: structure.group().unwrap_or(DocumentGroup::ClientDocument),
        general_type: structure.general_type(language),
        specific_type: structure.specific_type(language),
        structure: structure.oid().clone(),
        drawn_up: record.drawn_up,
        created: record.drawn_up,
        language,
        clients: record.clients.clone(),
        author: Some(record.author.clone()),
        organiser: record.organiser.clone(),
        unit: record.unit.clone(),
        case: None,
        case_period: None,
        relationship: None,
        service_task: None,
        service_process: None,
        retention_class: Code {
            code: "1".into(),
            system: "1.2.246.537.6.1258.201601".parse().unwrap(),
            system_name: None,
            display: None,
        },
        special_content: false,
        guardian_disclosure: None,
        withheld_from_client: None,
        software: Software { moderator: "a".into(), product: "b".into(), version: "1".into() },
    }
}

fn example(name: &str) -> LocalRecord {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn shown(name: &str) -> String {
    let record = example(name);
    let structure = Registry::reduced().find(&record.structure).unwrap();
    display_form(&structure, &record.content, &header(&structure, &record, record.language))
}

/// A structure of one text, one hidden level with a switch, a title-less text and a number of hours.
fn made_up() -> Structure {
    let named = |fi: &str, more: Value| {
        let mut meta = json!({"name": [{"lang": "fi", "value": fi}]});
        meta.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        meta
    };
    let of = |what: &str| json!([{"lang": "fi", "value": what}]);
    let schema = json!({
        "sosmeta": {"oid": "1.2.246.537.6.1506.7001.2024.1.1", "documentType": "Lausunto"},
        "properties": {"koe": {"type": "object", "sosmeta": named("Koe", json!({})), "properties": {
            "toinen": {"type": "string", "sosmeta": named("Toinen", json!({"rowNumber": 2, "representation": of("Teksti")}))},
            "taso": {"type": "object", "sosmeta": named("Piilotaso", json!({"rowNumber": 1, "hiddenField": true})), "properties": {
                "kytkin": {"type": "boolean", "sosmeta": named("Kytkin", json!({"representation": of("Kytkin"), "rowNumber": 2}))},
                "nimeton": {"type": "string", "sosmeta": named("Nimetön", json!({"hiddenTitle": true, "rowNumber": 1}))},
                "maara": {"type": "object", "sosmeta": named("Määrä", json!({"representation": of("Määrä"), "rowNumber": 3}))},
                "tunnus": {"type": "object", "sosmeta": named("Tunnus", json!({"representation": of("Tunnus"), "rowNumber": 4}))},
                "kuukausi": {"type": "string", "sosmeta": named("Kuukausi", json!({"representation": of("Pvm"), "rowNumber": 5}))}
            }}
        }}}
    });
    Structure::parse(&schema.to_string()).unwrap()
}

#[test]
fn a_journal_entry_reads_as_people_write_it() {
    let text = plain_text(&shown("records/02-everyday-life-morning.json")).unwrap();
    for line in [
        "Esimerkin hyvinvointialue",
        "Asiakaskertomusmerkintä",
        "14.9.2026",
        "Merkintä asiakkaan arjesta",
        "Asiakas",
        "Sukunimi: Koemäki",
        "Henkilötunnus: 140341*****",
        "Palvelutehtävä",
        "Alkamishetki: 14.9.2026 klo 8.05",
        "Käynti asiakkaan luona",
        "Esimerkkihoiva Oy, kotihoito",
        "Laura Maria Testihoitaja, lähihoitaja",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    assert!(!text.contains("1.2.246"), "{text}");
    let positions: Vec<_> =
        ["Asiakas\n", "Palvelutehtävä\n", "Kuvaus\n", "Laatija\n"].map(|w| text.find(w).unwrap()).into();
    assert!(positions.is_sorted());
}

#[test]
fn a_swedish_document_has_swedish_names_and_finnish_ones_only_where_there_are_no_others() {
    let text = plain_text(&shown("records/03-everyday-life-swedish.json")).unwrap();
    for line in [
        "Anteckning om en klients vardag",
        "Klientjournalanteckning",
        "Inledningstidpunkt: 23.9.2026 kl. 18.10",
        "Beskrivning",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    let structure = made_up();
    let record = example("records/03-everyday-life-swedish.json");
    let content = json!({"koe": {"taso": {"kytkin": false}}});
    let xhtml = display_form(&structure, content.as_object().unwrap(), &header(&structure, &record, Language::Sv));
    assert!(plain_text(&xhtml).unwrap().contains("Kytkin\nNej\n"));
}

#[test]
fn row_order_hidden_levels_and_hidden_titles_are_kept() {
    let (structure, record) = (made_up(), example("records/01-service-started.json"));
    let content = json!({"koe": {
        "toinen": "viimeinen",
        "taso": {
            "kytkin": true, "nimeton": "ilman nimeä", "maara": {"value": 2.5, "code": "h"},
            "tunnus": {"value": "1.2.246.10.99999991.14.2026.1"}, "kuukausi": "2026-03"
        }
    }});
    let xhtml = display_form(&structure, content.as_object().unwrap(), &header(&structure, &record, Language::Fi));
    let text = plain_text(&xhtml).unwrap();
    let (_, body) = text.split_once("===\n").unwrap();
    assert!(
        body.starts_with("ilman nimeä\n\nKytkin\nKyllä\n\nMäärä\n2,5 h\n\nKuukausi\n3.2026\n\nToinen\nviimeinen\n"),
        "{body}"
    );
    assert!(!text.contains("Piilotaso") && !text.contains("Nimetön") && !text.contains("Tunnus"), "{text}");
}

#[test]
fn the_form_has_the_archives_classes_and_the_documents_oid() {
    let tree = parse(shown("records/01-service-started.json").as_bytes(), Limits::DOCUMENT).unwrap();
    assert!(tree.root.is(XHTML, "div"));
    assert_eq!(tree.root.attribute("class"), Some("soc-document"));
    assert_eq!(tree.root.attribute("id"), Some("OID1.2.246.10.99999992.95.2026.1.1"));
    let classes: Vec<_> = tree.root.elements().filter_map(|e| e.attribute("class")).collect();
    assert_eq!(classes, ["soc-header", "soc-main-wrapper", "soc-footer"]);
    let item = tree.root.descendants().find(|e| e.attribute("class") == Some("soc-item")).unwrap();
    let inside: Vec<_> = item.elements().map(|e| (e.name.as_str(), e.attribute("class").unwrap())).collect();
    assert_eq!(inside, [("h1", "soc-title"), ("div", "soc-content")]);
}

#[test]
fn text_is_escaped_and_its_lines_are_kept() {
    let (structure, record) = (made_up(), example("records/01-service-started.json"));
    let content = json!({"koe": {"toinen": "a < b & \"c\" </p><script>\r\nuusi rivi\u{1}"}});
    let xhtml = display_form(&structure, content.as_object().unwrap(), &header(&structure, &record, Language::Fi));
    assert!(xhtml.contains("a &lt; b &amp; \"c\" &lt;/p&gt;&lt;script&gt;<br/>uusi rivi\u{fffd}"), "{xhtml}");
    assert!(parse(xhtml.as_bytes(), Limits::DOCUMENT).is_ok());
}

#[test]
fn plain_text_drops_what_could_drive_a_terminal() {
    let text = plain_text("<div><p>a\u{9b}31m<br/>b <b>c</b></p></div>").unwrap();
    assert_eq!(text, "a31m\nb c\n");
    assert!(plain_text("<div>").is_err());
}

/// The smallest content that a structure allows, with one item in every list.
fn smallest(node: &Value) -> Value {
    if let Some(first) = node["enum"].as_array().and_then(|e| e.first()) {
        return first.clone();
    }
    match node["type"].as_str().unwrap() {
        "array" => json!([smallest(&node["items"])]),
        "boolean" => json!(true),
        "number" => json!(1),
        "string" => match node["pattern"].as_str() {
            Some(urn) if urn.contains("urn:oid") => {
                json!(urn.trim_start_matches('^').split("(\\").next().unwrap().replace('\\', ""))
            }
            Some(_) => json!("2026-01-05"),
            None => json!("x"),
        },
        _ => {
            let required: Vec<_> =
                node["required"].as_array().into_iter().flatten().map(|r| r.as_str().unwrap()).collect();
            let members = node["properties"].as_object().into_iter().flatten();
            members.filter(|(k, _)| required.contains(&k.as_str())).map(|(k, v)| (k.clone(), smallest(v))).collect()
        }
    }
}

#[test]
fn every_published_structure_gives_a_well_formed_form() {
    let Some(texts) = crate::domain::structure::tests::published("every_published_structure_gives_a_well_formed_form")
    else {
        return;
    };
    let record = example("records/01-service-started.json");
    for (name, text) in texts {
        let structure = Structure::parse(&text).unwrap();
        let content = smallest(&serde_json::from_str(&text).unwrap());
        assert!(structure.validator().unwrap().is_valid(&content), "{name}");
        let xhtml = display_form(&structure, content.as_object().unwrap(), &header(&structure, &record, Language::Sv));
        assert!(parse(xhtml.as_bytes(), Limits::DOCUMENT).is_ok(), "{name}");
        assert!(xhtml.contains("soc-item"), "{name}");
    }
}

#[test]
fn what_follows_a_subgroup_stands_apart_from_it() {
    let text = plain_text(&shown("organiser/main-decision.json")).unwrap();
    assert!(text.contains("Postitoimipaikka: ESIMERKKILÄ\n\nPuhelinnumero: 000 000 000\n"), "{text}");
    assert!(text.contains("Postiosoite\nLähiosoite"), "{text}");
}

#[test]
fn a_question_stands_before_its_answer_without_a_colon() {
    assert_eq!(["Kuvaus", "Mistä syystä?"].map(label), ["Kuvaus:", "Mistä syystä?"]);
}
