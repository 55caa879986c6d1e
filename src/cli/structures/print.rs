//! Structures and their differences as text for terminals.

use std::fmt::Write;

use asiasilta::domain::code::Language;
use asiasilta::domain::structure::{Change, Difference, Field, Registry, Representation, Structure};

const COLUMNS: [&str; 6] = ["OID", "Name (fi)", "Name (sv)", "Type", "Valid from", "Root"];
/// Cells longer than this push their own line's others to the right; all lines that wide would be unreadable.
const WIDTH_MAX: usize = 48;

/// A table with a line for each structure, in the order of their types and versions.
pub(super) fn list(registry: &Registry) -> String {
    let mut structures: Vec<_> = registry.iter().collect();
    structures.sort_by_key(|s| s.oid().arcs().map(|arc| arc.parse::<u64>().unwrap_or(u64::MAX)).collect::<Vec<_>>());
    let rows = structures.into_iter().map(|s| {
        [
            s.oid().to_string(),
            s.name(Language::Fi).to_owned(),
            s.name(Language::Sv).to_owned(),
            s.document_type().to_owned(),
            s.valid_from().map_or_else(|| "-".to_owned(), |day| day.to_string()),
            s.root_key().to_owned(),
        ]
    });
    table(&[COLUMNS.map(str::to_owned)].into_iter().chain(rows).collect::<Vec<_>>())
}

fn table(rows: &[[String; 6]]) -> String {
    let mut widths = [0; 6];
    for (width, cell) in rows.iter().flat_map(|row| (0..).zip(row)) {
        let widest: Option<&mut usize> = widths.get_mut(width);
        widest.into_iter().for_each(|w| *w = (*w).max(cell.chars().count()).min(WIDTH_MAX));
    }
    let line = |row: &[String; 6]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
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
