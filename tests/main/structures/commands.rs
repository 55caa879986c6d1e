//! `asiasilta structures …` as a user runs it.

use std::fmt;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::made;
use asiasilta::domain::structure::REDUCED;

/// What a run of the binary gave.
pub(crate) struct Run(Output);

impl Run {
    pub(crate) fn ends_with(&self, status: i32) -> bool {
        self.0.status.code() == Some(status)
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.0.stdout).unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<&str> {
        self.text().lines().collect()
    }

    fn errors(&self) -> &str {
        std::str::from_utf8(&self.0.stderr).unwrap()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}{}", self.0.status, self.errors(), self.text())
    }
}

pub(crate) fn asiasilta(arguments: &[&str]) -> Run {
    Run(Command::new(env!("CARGO_BIN_EXE_asiasilta")).args(arguments).output().unwrap())
}

fn asiasilta_with(arguments: &[&str], input: &str) -> Run {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asiasilta"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Run(child.wait_with_output().unwrap())
}

#[test]
fn list_has_a_line_for_each_structure_in_the_order_of_types() {
    let run = asiasilta(&["structures", "list"]);
    assert!(run.ends_with(0), "{run}");
    let rows: Vec<_> = run.lines().into_iter().filter(|line| !line.starts_with(' ')).collect();
    let oids: Vec<_> = rows.iter().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(oids[0], "OID");
    assert_eq!(oids[1..], REDUCED.map(|(oid, _)| oid));
    let entry = rows[5];
    for part in ["Merkintä asiakkaan arjesta", "Anteckning om en klients vardag", "2022-01-10"] {
        assert!(entry.contains(part), "{part}: {entry}");
    }
    assert!(run.lines().iter().all(|line| line.chars().count() <= 120), "{run}");
}

#[test]
fn show_names_every_field_with_its_kind_duty_and_code_system() {
    let run = asiasilta(&["structures", "show", "19007"]);
    assert!(run.ends_with(0), "{run}");
    for line in [
        "Merkintä asiakkaan arjesta / Anteckning om en klients vardag",
        "  asiakas[]  Asiakas / Klient  [group, required]",
        "    henkilotunnus  Henkilötunnus / Personbeteckning  [Tunnus, conditional, 1.2.246.21]",
        "    palvelutehtava  Palvelutehtävä / Serviceuppgift  [Koodi, required, 1.2.246.537.6.1221]",
    ] {
        assert!(run.lines().contains(&line), "{line}\n{run}");
    }
    let same = asiasilta(&["structures", "show", "1.2.246.537.6.1506.19007.2022.1.10"]);
    assert_eq!(run.text(), same.text());
}

#[test]
fn a_structure_that_is_not_there_is_said_so() {
    for (arguments, said) in [
        (vec!["structures", "show", "1.2.3"], "no structure 1.2.3"),
        (vec!["structures", "show", "six"], "expected the OID of a structure, or a type such as 1506.19007"),
        (vec!["structures", "show", "19007", "--on", "2022-01-09"], "none of that type is valid on 2022-01-09"),
        (vec!["structures", "list", "--structures", "/nowhere/at/all"], "cannot read the folder /nowhere/at/all"),
    ] {
        let run = asiasilta(&arguments);
        assert!(run.ends_with(2) && run.errors().contains(said), "{run}");
    }
}

#[test]
fn a_template_of_any_structure_is_a_record_that_build_takes() {
    for (oid, _) in REDUCED {
        for more in [vec![], vec!["--full"], vec!["--full", "--language", "sv"]] {
            let made = asiasilta(&[&["structures", "template", oid], &*more].concat());
            assert!(made.ends_with(0), "{made}");
            let built = asiasilta_with(&["build", "-"], made.text());
            assert!(built.ends_with(0) && built.text().contains("ClinicalDocument"), "{oid} {more:?}: {built}");
            assert_eq!(made.text(), asiasilta(&[&["structures", "template", oid], &*more].concat()).text());
        }
    }
}

#[test]
fn a_full_template_has_every_field_and_content_alone_has_no_record() {
    let full = asiasilta(&["structures", "template", "19007", "--full", "--content"]);
    let content: Value = serde_json::from_str(full.text()).unwrap();
    let root = &content["merkinta_asiakkaan_arjesta"];
    assert_eq!(content.as_object().unwrap().len(), 1);
    for pointer in [
        "/asiakas/0/henkilotunnus/value",
        "/asiakaskertomusmerkinta/tapahtuma/ajanjakso/alkamishetki",
        "/asiakaskertomusmerkinta/sosiaalipalvelu/0/code",
        "/laatija/palveluyksikko/code",
    ] {
        assert!(root.pointer(pointer).is_some(), "{pointer}: {full}");
    }
    assert_eq!(root["asiakaskertomusmerkinta"]["palvelutehtava"]["system"], "urn:oid:1.2.246.537.6.1221");
    let minimal = asiasilta(&["structures", "template", "19007", "--content"]);
    assert!(minimal.text().len() < full.text().len() / 2);
}

#[test]
fn diff_tells_added_removed_and_changed_fields() {
    let folder = tempfile::tempdir().unwrap();
    let text = |fi: &str| serde_json::json!([{"lang": "fi", "value": fi}]);
    let field = |name: &str| serde_json::json!({"type": "string", "sosmeta": {"name": text(name), "representation": text("Teksti")}});
    let write = |tail: &str, fields: Value| {
        let mut structure = made(fields);
        structure["sosmeta"]["oid"] = format!("1.2.246.537.6.1506.7001.{tail}").into();
        std::fs::write(folder.path().join(format!("{tail}.json")), structure.to_string()).unwrap();
    };
    write("2024.1.1", serde_json::json!({"yksi": field("Yksi"), "kaksi": field("Kaksi")}));
    write("2025.1.1", serde_json::json!({"yksi": field("Ykkönen"), "kolme": field("Kolme")}));
    let folder = folder.path().to_str().unwrap();
    let run = asiasilta(&["structures", "diff", "1506.7001.2024.1.1", "1506.7001", "--structures", folder]);
    let expected = [
        "- 1.2.246.537.6.1506.7001.2024.1.1 Koe",
        "+ 1.2.246.537.6.1506.7001.2025.1.1 Koe",
        "",
        "- kaksi  (Kaksi)",
        "+ kolme  (Kolme, required)",
        "~ yksi  (Yksi)",
        "    name (fi): \"Yksi\" -> \"Ykkönen\"",
        "    name (sv): \"Yksi\" -> \"Ykkönen\"",
        "1 added, 1 removed, 1 changed",
    ];
    assert!(run.ends_with(0), "{run}");
    assert_eq!(run.lines(), expected);
}

#[test]
fn check_fails_when_a_file_is_broken_or_a_structure_has_no_way_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let check = || asiasilta(&["structures", "check", "--structures", path]);
    let empty = check();
    assert!(empty.ends_with(1) && empty.lines() == ["0/0 minimal, 0/0 full"], "{empty}");
    let listed = asiasilta(&["structures", "list", "--structures", path]);
    assert!(
        listed.ends_with(2) && listed.errors().contains(&format!("no document structure (*.json) in {path}")),
        "{listed}"
    );
    std::fs::write(folder.path().join("good.json"), made(serde_json::json!({})).to_string()).unwrap();
    let good = check();
    assert!(good.ends_with(0) && good.lines()[1] == "1/1 minimal, 1/1 full", "{good}");
    let latin = folder.path().join("latin.json");
    std::fs::write(&latin, b"{\"a\": \"\xe4\"}").unwrap();
    let broken = check();
    assert!(broken.ends_with(1) && broken.errors().contains("structure latin.json: cannot be read"), "{broken}");
    assert_eq!(broken.lines()[1], "1/1 minimal, 1/1 full, 1 files cannot be used");
    std::fs::remove_file(latin).unwrap();
    let mut impossible = made(serde_json::json!({"luku": {"type": "number", "multipleOf": 7, "sosmeta": {}}}));
    impossible["sosmeta"]["oid"] = "1.2.246.537.6.1506.7002.2024.1.1".into();
    std::fs::write(folder.path().join("impossible.json"), impossible.to_string()).unwrap();
    let failed = check();
    assert!(failed.ends_with(1), "{failed}");
    assert!(failed.lines()[0].starts_with("ok ") && failed.lines()[1].starts_with("FAIL "), "{failed}");
    assert_eq!(failed.lines()[2], "1/2 minimal, 1/2 full");
}
