//! The mock's verdicts by `schemas/xsd` beside two other engines: libxml2 (xmllint) and Xerces (the JDK), over every example
//! record's document and frame and over changed ones.

use std::path::{Path, PathBuf};

use mock_archive::Acceptance;

use super::mutants::{Chance, Place, mutate, prepared};
use super::{Bench, Made, PRODUCER};
use crate::support::{oid, oracle};

/// Changed documents and frames for each record.
const MUTANTS_EACH: usize = 6;
const SEED: u64 = 0x5eed_0004;

/// A text, the schema it is held against, and whether the mock found that it follows it.
struct Judged {
    schema: &'static str,
    text: String,
    follows: bool,
}

/// What the mock said by its schemas: of the frame, unless it was unreadable, which the mock says alone; and of the document, where
/// the frame let it be looked at.
fn judged(made: &Made, acceptance: &Acceptance) -> Vec<Judged> {
    let rules: Vec<&str> = acceptance.findings.iter().map(|finding| finding.rule.id()).collect();
    let (frame, document) = (made.frame.clone(), made.document.clone());
    let unreadable = rules == ["message.form"] || rules == ["message.interaction"];
    let of_frame = Judged { schema: "message.xsd", text: frame, follows: !rules.contains(&"message.schema") };
    let of_document = Judged { schema: "document.xsd", text: document, follows: !rules.contains(&"document.schema") };
    let of_message =
        |rule: &&str| rule.starts_with("message.") || rule.starts_with("frame.") || rule.starts_with("person.");
    let looked_at = !rules.iter().any(of_message);
    let both = [(!unreadable).then_some(of_frame), looked_at.then_some(of_document)];
    both.into_iter().flatten().collect()
}

/// A text with one of its childless elements taken out, doubled, or with an attribute too many.
fn misbuilt(text: &str, within: (&str, &str), chance: &mut Chance) -> String {
    let start = text.find(within.0).unwrap();
    let end = start + text[start..].find(within.1).unwrap();
    let ends: Vec<usize> = text[start..end].match_indices("/>").map(|(at, _)| start + at + 2).collect();
    let end = ends[chance.below(ends.len())];
    let start = text[..end].rfind('<').unwrap();
    let element = &text[start..end];
    let bent = match chance.below(3) {
        0 => String::new(),
        1 => element.repeat(2),
        _ => element.replace("/>", " bent=\"1\"/>"),
    };
    format!("{}{bent}{}", &text[..start], &text[end..])
}

fn mutant(made: &Made, index: usize, chance: &mut Chance) -> Made {
    let social_header = ("<hl7fi:localSocialHeader", "signatureDescription");
    let mut mutant = made.clone();
    match index % 6 {
        0 => mutant.frame = misbuilt(&made.frame, ("<id ", "</controlActProcess>"), chance),
        1 => mutant.document = misbuilt(&made.document, ("<realmCode", "<hl7fi:localSocialHeader"), chance),
        2 => mutant.document = misbuilt(&made.document, social_header, chance),
        place => mutant = mutate(made, [Place::Frame, Place::Header, Place::SocialHeader][place % 3], chance).1,
    }
    mutant
}

fn judge_everything(bench: &mut Bench, records: &[(PathBuf, &'static str)]) -> Vec<Judged> {
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let mut chance = Chance::of(SEED);
    let mut all = Vec::new();
    for (path, sender) in records {
        let found_case = (*sender == PRODUCER).then_some(&case);
        // Each under an id of its own: what the archive has already it does not look at again.
        for index in 0..=MUTANTS_EACH {
            let made = bench.make(path, sender, found_case);
            let one = if index < MUTANTS_EACH { mutant(&made, index, &mut chance) } else { made };
            all.extend(judged(&one, &bench.give(&one)));
        }
    }
    all
}

fn schema(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/xsd").join(name)
}

/// Verdicts of libxml2; `None` where it is missing and may be.
fn libxml2(name: &str, files: &[PathBuf]) -> Option<Vec<bool>> {
    let mut xmllint = oracle("xmllint", "--version")?;
    let output = xmllint.args(["--noout", "--nonet", "--schema"]).arg(schema(name)).args(files).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let verdict = |file: &PathBuf| {
        let (valid, invalid) =
            (format!("{} validates", file.display()), format!("{} fails to validate", file.display()));
        assert!(said.contains(&valid) != said.contains(&invalid), "xmllint has no verdict on {}", file.display());
        said.contains(&valid)
    };
    Some(files.iter().map(verdict).collect())
}

/// Verdicts of Xerces; `None` where there is no JDK and may be none.
fn xerces(name: &str, files: &[PathBuf]) -> Option<Vec<bool>> {
    let mut java = oracle("java", "-version")?;
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/ValidateSchema.java");
    let output = java.arg(program).arg(schema(name)).args(files).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let verdicts: Vec<bool> = String::from_utf8(output.stdout).unwrap().lines().map(|line| line == "valid").collect();
    assert_eq!(verdicts.len(), files.len());
    Some(verdicts)
}

#[test]
fn libxml2_and_xerces_say_of_every_records_document_and_frame_what_the_mock_says() {
    let (mut bench, records) = prepared();
    let all = judge_everything(&mut bench, &records);
    let folder = tempfile::tempdir().unwrap();
    for name in ["document.xsd", "message.xsd"] {
        let ours: Vec<&Judged> = all.iter().filter(|one| one.schema == name).collect();
        let (good, bad) =
            (ours.iter().filter(|one| one.follows).count(), ours.iter().filter(|one| !one.follows).count());
        assert!(good >= records.len() && bad >= records.len(), "{name}: {good} follow it, {bad} do not");
        let file = |index: usize| folder.path().join(format!("{name}-{index:03}.xml"));
        let files: Vec<PathBuf> = (0..ours.len()).map(file).collect();
        for (path, one) in files.iter().zip(&ours) {
            std::fs::write(path, &one.text).unwrap();
        }
        for (engine, verdicts) in [("libxml2", libxml2(name, &files)), ("Xerces", xerces(name, &files))] {
            for (index, verdict) in verdicts.into_iter().flatten().enumerate() {
                let one = ours[index];
                assert_eq!(verdict, one.follows, "{engine}, {name}, text {index}:\n{}", one.text);
            }
        }
    }
}
