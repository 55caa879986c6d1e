//! `asiasilta profile show`: what an operator reads before production.

use std::process::{Command, Output};

use serde_json::Value;

fn show(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asiasilta")).args(["profile", "show"]).args(arguments).output().unwrap()
}

#[test]
fn every_value_is_shown_with_its_certainty_and_source() {
    let shown = String::from_utf8(show(&[]).stdout).unwrap();
    let line = |key: &str| shown.lines().find(|l| l.starts_with(&format!("{key} "))).unwrap().to_owned();
    let store = line("interaction.store");
    assert!(
        store.contains("verified") && store.contains("RCMR_IN200002FI01") && store.contains("real frame"),
        "{store}"
    );
    assert!(line("service_request.archive_case").contains("placeholder  OURS-ARCHIVE-CASE"));
    assert!(line("system.service_request").contains("1.2.246.537.6.1503.201601 (Sosiaalihuolto"));
    assert!(shown.contains("production refuses this profile"));
}

#[test]
fn an_operators_file_takes_the_place_of_placeholders_and_is_refused_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("archive.toml");
    std::fs::write(&path, "[use_situation]\nregister_access = { value = { code = \"9\" } }\n").unwrap();
    let shown = show(&["--format", "json", "--profile", path.to_str().unwrap()]);
    let shown: Value = serde_json::from_slice(&shown.stdout).unwrap();
    let settings = shown["settings"].as_array().unwrap();
    let of = |key: &str| settings.iter().find(|s| s["key"] == key).unwrap();
    assert_eq!(of("use_situation.register_access")["certainty"], "operator");
    assert_eq!(of("use_situation.register_access")["value"], "9");
    let listed = |name: &str, key: &str| shown[name].as_array().unwrap().iter().any(|k| k == key);
    assert!(!listed("placeholders", "use_situation.register_access"));
    assert!(listed("placeholders", "interaction.find") && listed("inferred", "processing.production"));
    std::fs::write(&path, "[use_situation]\nnothing = { value = 1 }\n").unwrap();
    let refused = show(&["--profile", path.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8(refused.stderr).unwrap().contains("use_situation.nothing"));
}
