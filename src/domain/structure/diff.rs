//! What differs between the fields of two structures, or of two versions of one.
//!
//! Fields are told apart by the keys on the way to them; a field that moved is one taken out and one put in. Compares what
//! matters to content and reader: kind, number, duty, condition, code system, listed codes, phrase and names.

use std::collections::BTreeMap;

use super::{Field, Structure};
use crate::domain::code::Language;

/// A field that is in one of two structures only, or is otherwise in the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The keys on the way to the field, below the root: `asiakas/henkilotunnus`.
    pub path: String,
    /// The field's Finnish name.
    pub name: String,
    /// What happened to it.
    pub change: Change,
}

/// How a field differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Only the second has it.
    Added {
        /// Whether its parent must have it.
        required: bool,
    },
    /// Only the first has it.
    Removed,
    /// Both have it: each trait that differs, as it was and as it is.
    Changed(Vec<(Trait, String, String)>),
}

/// What a field is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trait {
    /// What it holds.
    Representation,
    /// One or a list.
    Repeatable,
    /// Required, conditional or optional.
    Duty,
    /// The words of its condition.
    Condition,
    /// Code system or system of identifiers.
    System,
    /// The codes that the structure lists.
    Codes,
    /// The fixed sentence.
    Phrase,
    /// Its name in Finnish.
    NameFi,
    /// Its name in Swedish.
    NameSv,
    /// Whether readers see it, and its title.
    Visibility,
}

impl Trait {
    /// The trait in a word, in English.
    pub fn name(self) -> &'static str {
        match self {
            Self::Representation => "representation",
            Self::Repeatable => "repeatable",
            Self::Duty => "duty",
            Self::Condition => "condition",
            Self::System => "code system",
            Self::Codes => "codes",
            Self::Phrase => "phrase",
            Self::NameFi => "name (fi)",
            Self::NameSv => "name (sv)",
            Self::Visibility => "visibility",
        }
    }
}

/// Every difference from the first to the second, by path.
pub fn differences(first: &Structure, second: &Structure) -> Vec<Difference> {
    let (before, after) = (flat(first), flat(second));
    let mut found = Vec::new();
    for (path, field) in &before {
        let change = match after.get(path) {
            None => Change::Removed,
            Some(now) => match changes(field, now) {
                changed if changed.is_empty() => continue,
                changed => Change::Changed(changed),
            },
        };
        found.push(difference(path, field, change));
    }
    for (path, field) in after.iter().filter(|(path, _)| !before.contains_key(*path)) {
        found.push(difference(path, field, Change::Added { required: field.is_required() }));
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn difference(path: &str, field: &Field, change: Change) -> Difference {
    Difference { path: path.into(), name: field.name(Language::Fi).into(), change }
}

fn flat(structure: &Structure) -> BTreeMap<String, &Field> {
    fn walk<'a>(parent: &'a Field, at: &str, out: &mut BTreeMap<String, &'a Field>) {
        for field in parent.fields() {
            let path = if at.is_empty() { field.key().to_owned() } else { format!("{at}/{}", field.key()) };
            walk(field, &path, out);
            out.insert(path, field);
        }
    }
    let mut out = BTreeMap::new();
    walk(structure.root(), "", &mut out);
    out
}

fn changes(before: &Field, after: &Field) -> Vec<(Trait, String, String)> {
    let (before, after) = (traits(before), traits(after));
    let both = before.into_iter().zip(after);
    both.filter(|((_, was), (_, is))| was != is).map(|((which, was), (_, is))| (which, was, is)).collect()
}

fn traits(field: &Field) -> [(Trait, String); 10] {
    let codes: Vec<_> = field.codes().iter().map(|c| &*c.code).collect();
    [
        (Trait::Representation, field.representation().name().to_owned()),
        (Trait::Repeatable, if field.is_repeatable() { "list" } else { "one" }.to_owned()),
        (Trait::Duty, field.duty().to_owned()),
        (Trait::Condition, field.condition(Language::Fi).to_owned()),
        (Trait::System, field.system().map(ToString::to_string).unwrap_or_default()),
        (Trait::Codes, codes.join(", ")),
        (Trait::Phrase, field.phrase().unwrap_or_default().to_owned()),
        (Trait::NameFi, field.name(Language::Fi).to_owned()),
        (Trait::NameSv, field.name(Language::Sv).to_owned()),
        (Trait::Visibility, visibility(field).to_owned()),
    ]
}

fn visibility(field: &Field) -> &'static str {
    match (field.is_hidden(), field.hides_title()) {
        (false, false) => "shown",
        (false, true) => "shown without title",
        (true, _) => "hidden level",
    }
}
