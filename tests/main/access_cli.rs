//! `asiasilta access explain` over the examples.

use std::process::{Command, Output};

use serde_json::Value;

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_asiasilta"))
        .args(["access", "explain"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

fn told(arguments: &[&str]) -> (i32, Value) {
    let output = explain(&[arguments, &["--format", "json"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.code().unwrap(), serde_json::from_str(&text).unwrap())
}

const RECORD: &str = "examples/records/02-everyday-life-morning.json";
const MAIN: &str = "examples/organiser/main-relationship.json";

#[test]
fn the_examples_are_explained_offline() {
    let at = ["--at", "2026-09-14T12:00:00Z"];
    let (exit, permitted) = told(&[&[RECORD, "--relationship", MAIN], &at[..]].concat());
    assert_eq!((exit, &permitted["permitted"]), (0, &Value::Bool(true)), "{permitted}");
    let (exit, none) = told(&[&[RECORD], &at[..]].concat());
    assert_eq!((exit, &none["reasons"][0]["code"]), (1, &"access.no_relationship".into()));
    let other = "examples/records/91-unit-not-named.json";
    let (exit, not_named) = told(&[other, "--relationship", "examples/organiser/unit-not-named-relationship.json"]);
    assert_eq!((exit, &not_named["reasons"][0]["code"]), (1, &"access.unit_not_named".into()), "{not_named}");
}

#[test]
fn an_invalidated_version_no_longer_counts_and_an_unknown_case_is_told() {
    let (exit, gone) = told(&[RECORD, "--invalidated", MAIN]);
    assert_eq!((exit, &gone["reasons"][0]["code"]), (1, &"access.no_relationship".into()));
    let (exit, unknown) = told(&[RECORD, "--relationship", MAIN, "--case", "unknown"]);
    assert_eq!((exit, &unknown["reasons"][0]["code"]), (1, &"access.unknown_case".into()));
}

#[test]
fn people_are_told_in_their_language_and_no_person_is_named() {
    for (language, word) in [("fi", "ei sallittu"), ("sv", "inte tillåtet"), ("en", "denied")] {
        let output = explain(&[RECORD, "--language", language]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(word) && text.contains("Kela") && text.contains("klientrelationshandling"), "{text}");
        assert!(!text.contains("140341") && !text.contains("Koemäki"));
    }
}

#[test]
fn what_cannot_be_read_is_told_by_its_place_alone() {
    let output = explain(&["README.md"]);
    assert_eq!(output.status.code(), Some(2));
    let output = explain(&[RECORD, "--relationship", "README.md"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("not a readable relationship document"));
}
