//! `docs/failure-matrix.md` against the sources: every row names a test that exists.

use std::collections::BTreeSet;
use std::path::Path;

const COLUMNS: usize = 5;
const SECTIONS: [&str; 6] =
    ["The store", "The worker", "The line to the archive", "Invalidations", "The API", "Operators"];

/// Names of all tests in the Rust files below: functions under a test attribute, and those that the stores' suite lists.
fn tests_below(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_in(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn tests_in(source: &str) -> Vec<String> {
    let (mut names, mut marked, mut listed) = (Vec::new(), false, false);
    for line in source.lines().map(str::trim) {
        listed = line.contains("behaves! {") || (listed && line != "}");
        if listed && !line.contains(' ') {
            names.push(line.to_owned());
        } else if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((_, rest)) = line.split_once("fn ").filter(|_| marked) {
            names.push(rest.split('(').next().unwrap().to_owned());
            marked = false;
        }
    }
    names
}

/// The cells of each row below a table's head.
fn rows(text: &str) -> Vec<Vec<&str>> {
    text.lines()
        .filter(|line| line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| component |"))
        .map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
        .collect()
}

/// The tests that a cell names: in backticks, of more than one word.
fn named(cell: &str) -> Vec<&str> {
    let is_name =
        |s: &&str| s.contains('_') && s.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    cell.split('`').skip(1).step_by(2).filter(is_name).collect()
}

#[test]
fn every_row_of_the_failure_matrix_names_a_test_that_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/failure-matrix.md")).unwrap();
    let mut known = BTreeSet::new();
    for folder in ["src", "tests", "mock-archive/src"] {
        tests_below(&root.join(folder), &mut known);
    }
    for section in SECTIONS {
        let (_, after) =
            text.split_once(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("no section {section}"));
        let rows = rows(after.split("\n## ").next().unwrap());
        assert!(!rows.is_empty(), "{section} has no row");
        for row in rows {
            assert_eq!(row.len(), COLUMNS, "{section}: {row:?}");
            let tests = named(row[COLUMNS - 1]);
            assert!(!tests.is_empty() || row[COLUMNS - 1].contains("the same"), "{section}: no test in {row:?}");
            for test in tests {
                assert!(known.contains(test), "{section}: no test is called {test}");
            }
        }
    }
}

#[test]
fn only_functions_under_a_test_attribute_count_as_tests() {
    let source = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test]\nasync fn three() {}";
    assert_eq!(tests_in(source), ["one", "three"]);
    assert_eq!(tests_in("behaves! { $disk:\n    four\n}\nfive"), ["four"]);
    assert_eq!(named("`a_b` and `kill.rs`, `c`"), ["a_b"]);
}
