//! The schemas themselves, and that two other engines say the same of them.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use super::*;
use crate::outside::{reference, say};
use crate::samples::{Invalidating, Question, Sample};

fn rules(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| finding.at.clone()).collect()
}

#[test]
fn every_sample_follows_the_schemas() {
    for sample in [Sample::relationship(), Sample::case(), Sample::decision(), Sample::entry()] {
        assert_eq!(rules(&check_document(&sample.document())), Vec::<String>::new());
        assert_eq!(rules(&check_message(&sample.frame(None))), Vec::<String>::new());
        assert_eq!(rules(&check_message(&sample.frame(Some("OID1.2.3")))), Vec::<String>::new());
    }
    assert_eq!(rules(&check_message(&Question::find("").envelope())), Vec::<String>::new());
}

#[test]
fn a_fault_is_told_once_a_parent_and_names_nothing_that_a_peer_made_up() {
    let document = Sample::entry().document();
    let crossed = document.replacen("<languageCode code=\"fi\"/>", "<secret010190/><languageCode code=\"fi\"/>", 1);
    assert_eq!(rules(&check_document(&crossed)), ["ClinicalDocument (cvc-complex-type.2.4)"]);
    let inside = document.replacen(
        "<languageCode code=\"fi\"/>",
        "<languageCode code=\"fi\"><secret010190 a=\"b\"/></languageCode>",
        1,
    );
    let found = rules(&check_document(&inside));
    assert!(!found.is_empty() && found.iter().all(|at| !at.contains("secret")), "{found:?}");
    let value = document.replacen("<versionNumber value=\"1\"/>", "<versionNumber value=\"secret\"/>", 1);
    let found = rules(&check_document(&value));
    assert!(
        found.iter().all(|at| at.starts_with("ClinicalDocument/versionNumber (") && !at.contains("secret")),
        "{found:?}"
    );
    assert_eq!(rules(&check_document("<other/>")).len(), 1);
}

#[test]
fn an_envelope_carries_one_declared_message() {
    let good = Question::find("").envelope();
    assert_eq!(check_message(&good), []);
    for (from, to) in [
        ("RCMR_IN200029FI01", "RCMR_IN200099FI01"),
        ("<statusCode code=\"new\"/>", ""),
        ("ITSVersion=\"XML_1.0\"", ""),
        ("<initialQuantity value=\"50\"/>", "<initialQuantity value=\"many\"/>"),
    ] {
        assert!(!check_message(&good.replace(from, to)).is_empty(), "{from} -> {to}");
    }
}

/// Each text with one element taken out, doubled, renamed, or one attribute's value or name bent: evenly over the text.
fn mutants(text: &str, count: usize) -> Vec<String> {
    let xml = roxmltree::Document::parse(text).unwrap();
    let elements: Vec<_> =
        xml.descendants().filter(|node| node.is_element() && node.parent_element().is_some()).collect();
    (0..count)
        .map(|index| {
            let node = elements.get(index * elements.len() / count).unwrap();
            let (range, name) = (node.range(), node.tag_name().name());
            let element = text.get(range.clone()).unwrap();
            let (first, rest) = element.split_once(' ').unwrap_or((element, ""));
            let bent = match index % 5 {
                0 => String::new(),
                1 => format!("{element}{element}"),
                2 => element.replace(name, &format!("{name}X")),
                3 if rest.contains("=\"") => format!("{first} {}", rest.replacen("=\"", "=\"?", 1)),
                _ => format!("{first} bent=\"1\" {rest}").replacen("> bent=\"1\" ", " bent=\"1\">", 1),
            };
            format!("{}{bent}{}", text.get(..range.start).unwrap(), text.get(range.end..).unwrap())
        })
        .filter(|mutant| roxmltree::Document::parse(mutant).is_ok())
        .collect()
}

/// Verdicts of libxml2 over these texts; `None` where xmllint is missing and may be.
fn xmllint(schema: &str, texts: &[String]) -> Option<Vec<bool>> {
    let required = std::env::var_os("ASIASILTA_REQUIRE_ORACLES").is_some_and(|value| value == "1");
    let folder = tempfile::tempdir().unwrap();
    let schema = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/xsd").join(schema);
    let mut paths = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let path = folder.path().join(format!("{index:03}.xml"));
        std::fs::write(&path, text).unwrap();
        paths.push(path);
    }
    let output = std::process::Command::new("xmllint")
        .args(["--noout", "--nonet", "--schema"])
        .arg(schema)
        .args(&paths)
        .output();
    let Ok(output) = output else {
        assert!(!required, "xmllint is required (ASIASILTA_REQUIRE_ORACLES=1) and missing");
        say("skipped: xmllint is not installed");
        return None;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    let verdict = |path: &std::path::PathBuf| {
        let (valid, invalid) =
            (format!("{} validates", path.display()), format!("{} fails to validate", path.display()));
        assert!(said.contains(&valid) != said.contains(&invalid), "xmllint has no verdict on {}", path.display());
        said.contains(&valid)
    };
    Some(paths.iter().map(verdict).collect())
}

#[test]
fn libxml2_says_the_same_of_every_sample_and_of_a_hundred_mutants() {
    let (mut documents, mut messages) =
        (Vec::new(), vec![Question::find("").envelope(), Invalidating::by_producer("1.2.3").envelope()]);
    for sample in [Sample::relationship(), Sample::case(), Sample::decision(), Sample::entry()] {
        documents.push(sample.document());
        messages.push(sample.frame(Some("OID1.2.3")));
    }
    let soap = |text: &String| text.contains("Envelope");
    let (envelopes, frames): (Vec<_>, Vec<_>) = messages.into_iter().partition(soap);
    type Check = fn(&str) -> Vec<Finding>;
    let mut refused = 0;
    for (schema, check, texts) in [
        ("document.xsd", check_document as Check, documents),
        ("message.xsd", check_message, frames),
        ("soap-1.1.xsd", check_message, envelopes),
    ] {
        let mut all = texts.clone();
        texts.iter().for_each(|text| all.extend(mutants(text, 25)));
        let Some(verdicts) = xmllint(schema, &all) else { return };
        for (index, (text, valid)) in all.iter().zip(verdicts).enumerate() {
            let found = check(text);
            assert_eq!(found.is_empty(), valid, "{schema}, text {index}: {found:?}\n{text}");
            refused += usize::from(!valid);
        }
    }
    assert!(refused >= 40, "{refused}");
}

/// What of the real files is no test person's is not printed.
#[test]
fn the_real_document_and_frame_follow_the_schemas_and_libxml2_says_the_same_of_them_and_their_mutants() {
    let name = "the_real_document_and_frame_follow_the_schemas_and_libxml2_says_the_same_of_them_and_their_mutants";
    let Some(folder) = reference(name) else { return };
    let read = |name: &str| std::fs::read_to_string(folder.join("real").join(name)).unwrap();
    type Check = fn(&str) -> Vec<Finding>;
    for (file, schema, check) in [
        ("relationship-document.xml", "document.xsd", check_document as Check),
        ("relationship-frame.xml", "message.xsd", check_message),
    ] {
        let real = read(file);
        assert_eq!(rules(&check(&real)), Vec::<String>::new(), "{file}");
        let mut all = mutants(&real, 40);
        all.push(real);
        let Some(verdicts) = xmllint(schema, &all) else { return };
        assert_eq!(verdicts.last(), Some(&true), "{file}");
        let differ: Vec<usize> = (0..)
            .zip(all.iter().zip(&verdicts))
            .filter(|(_, (text, valid))| check(text).is_empty() != **valid)
            .map(|(index, _)| index)
            .collect();
        assert_eq!(differ, Vec::<usize>::new(), "{file}: mutants on which the two differ");
        assert!(verdicts.iter().filter(|valid| !**valid).count() >= 10, "{file}");
    }
}
