//! Structures and their differences as text for terminals.

use std::fmt::Write;

use asiasilta::domain::code::Language;
use asiasilta::domain::structure::{Change, Difference, Field, Registry, Representation, Structure};

/// OID, first day of validity, names: with two spaces between them, what a line of 120 characters holds. Longer names go on below.
const WIDTHS: [usize; 4] = [36, 10, 34, 34];

/// A table with a row for each structure, in the order of their types and versions.
pub(super) fn list(registry: &Registry) -> String {
    let mut structures: Vec<_> = registry.iter().collect();
    structures.sort_by_key(|s| s.oid().arcs().map(|arc| arc.parse::<u64>().unwrap_or(u64::MAX)).collect::<Vec<_>>());
    let rows = structures.into_iter().map(|s| {
        let valid = s.valid_from().map_or_else(|| "-".to_owned(), |day| day.to_string());
        row([s.oid().as_str(), &valid, s.name(Language::Fi), s.name(Language::Sv)])
    });
    std::iter::once(row(["OID", "Valid from", "Name (fi)", "Name (sv)"])).chain(rows).collect()
}

/// As many lines as the longest cell takes.
fn row(cells: [&str; 4]) -> String {
    let cells: Vec<_> = cells.iter().zip(WIDTHS).map(|(cell, width)| wrapped(cell, width)).collect();
    let lines = cells.iter().map(Vec::len).max().unwrap_or(0);
    let line = |at: usize| {
        let parts = cells.iter().zip(WIDTHS).map(|(cell, width)| {
            let part = cell.get(at).map(String::as_str).unwrap_or_default();
            format!("{part:width$}")
        });
        parts.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    (0..lines).map(line).collect()
}

/// A text in lines of at most this many characters, parted at spaces; a longer word stands alone.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A structure's names and fields, a line each, indented by level.
pub(super) fn tree(structure: &Structure) -> String {
    let mut out = format!("{}\n{}\n", names(structure.root()), structure.oid());
    let valid = structure.valid_from().map_or_else(|| "-".to_owned(), |day| day.to_string());
    push(&mut out, format_args!("type: {}, valid from: {valid}\n", structure.document_type()));
    push(&mut out, format_args!("\n{}\n", structure.root_key()));
    structure.root().fields().iter().for_each(|field| branch(field, 1, &mut out));
    out
}

fn branch(field: &Field, level: usize, out: &mut String) {
    let indent = "  ".repeat(level);
    let list = if field.is_repeatable() { "[]" } else { "" };
    let kind = match field.representation() {
        Representation::Group if field.is_hidden() => "hidden level",
        Representation::Group => "group",
        other => other.name(),
    };
    let system = field.system().map(|s| format!(", {s}")).unwrap_or_default();
    let duty = field.duty();
    push(out, format_args!("{indent}{}{list}  {}  [{kind}, {duty}{system}]\n", field.key(), names(field)));
    let codes: Vec<_> = field.codes().iter().map(|c| format!("{} {}", c.code, c.name).trim().to_owned()).collect();
    if !codes.is_empty() {
        push(out, format_args!("{indent}    one of: {}\n", codes.join("; ")));
    }
    for (word, text) in [("if", field.condition(Language::Fi)), ("text", field.phrase().unwrap_or_default())] {
        if !text.is_empty() {
            push(out, format_args!("{indent}    {word}: {}\n", one_line(text)));
        }
    }
    field.fields().iter().for_each(|child| branch(child, level + 1, out));
}

/// Both names, or the one where they are the same.
fn names(field: &Field) -> String {
    let (fi, sv) = (field.name(Language::Fi), field.name(Language::Sv));
    if fi == sv { fi.to_owned() } else { format!("{fi} / {sv}") }
}

/// What differs, a line for each field and each trait of a changed one.
pub(super) fn differences(before: &Structure, after: &Structure, found: &[Difference]) -> String {
    let mut out = format!("- {} {}\n", before.oid(), before.name(Language::Fi));
    push(&mut out, format_args!("+ {} {}\n\n", after.oid(), after.name(Language::Fi)));
    let (mut added, mut removed, mut changed) = (0, 0, 0);
    for Difference { path, name, change } in found {
        match change {
            Change::Added { required } => {
                added += 1;
                let duty = if *required { ", required" } else { "" };
                push(&mut out, format_args!("+ {path}  ({name}{duty})\n"));
            }
            Change::Removed => {
                removed += 1;
                push(&mut out, format_args!("- {path}  ({name})\n"));
            }
            Change::Changed(traits) => {
                changed += 1;
                push(&mut out, format_args!("~ {path}  ({name})\n"));
                for (which, was, is) in traits {
                    let (was, is) = (one_line(was), one_line(is));
                    push(&mut out, format_args!("    {}: {was:?} -> {is:?}\n", which.name()));
                }
            }
        }
    }
    push(&mut out, format_args!("{added} added, {removed} removed, {changed} changed\n"));
    out
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_long_names_goes_on_below_and_loses_nothing() {
        let long = "Päätös vammaisuuden perusteella järjestettävästä henkilökohtaisesta avusta ja sen määrästä";
        let row = row(["1.2.246.537.6.1506.16001.2024.12.31", "2024-12-31", long, "Beslut"]);
        assert!(row.lines().count() > 1 && row.lines().all(|line| line.chars().count() <= 120), "{row}");
        assert!(
            long.split(' ').all(|word| row.contains(word)) && row.starts_with("1.2.246.537.6.1506.16001.2024.12.31 ")
        );
    }
}
