//! Findings as they are gathered, the words they are made of, and pointers that repeat no personal data.

use serde_json::Value;

use super::document_place;
use crate::domain::finding::{Finding, Rule, shape};
use crate::domain::oid::Oid;
use crate::domain::text::Text;

/// The most findings given for one record.
pub const FINDINGS_MAX: usize = 200;

/// Findings in the order they were made.
#[derive(Default)]
pub(super) struct Findings {
    list: Vec<Finding>,
    errors: usize,
    cut: bool,
}

impl Findings {
    pub(super) fn push(&mut self, finding: Finding) {
        if self.is_full() {
            self.cut = true;
            return;
        }
        self.errors += usize::from(finding.is_error());
        self.list.push(match document_place::of(&finding.place.input) {
            Some(path) if finding.place.document.is_none() => finding.in_document(path),
            _ => finding,
        });
    }

    /// Whether more would be dropped. One place is kept for saying so.
    pub(super) fn is_full(&self) -> bool {
        self.list.len() + 1 >= FINDINGS_MAX
    }

    /// Whether there is an error at this place already.
    pub(super) fn has_error_at(&self, pointer: &str) -> bool {
        self.list.iter().any(|f| f.is_error() && f.place.input == pointer)
    }

    /// Whether there is an error at this place or below it.
    pub(super) fn has_error_within(&self, pointer: &str) -> bool {
        let within = |at: &str| at.strip_prefix(pointer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        self.list.iter().any(|f| f.is_error() && within(&f.place.input))
    }

    /// The warnings when there is nothing worse, else everything.
    pub(super) fn split(mut self) -> Result<Vec<Finding>, Vec<Finding>> {
        if self.cut {
            self.list.push(more());
            self.errors += 1;
        }
        if self.errors == 0 { Ok(self.list) } else { Err(self.list) }
    }
}

fn more() -> Finding {
    Finding::error(
        "findings.more",
        "",
        Text::fixed(
            "enemmän virheitä kuin tässä luetellaan",
            "fler fel än vad som räknas upp här",
            "more faults than are listed here",
        ),
        Text::fixed(
            "korjattu tietue; loput näkyvät, kun nämä on korjattu",
            "en rättad post; resten syns när dessa är rättade",
            "a mended record; the rest shows when these are mended",
        ),
        Rule::new("asiasilta", "FINDINGS_MAX"),
    )
}

/// The JSON Pointer one member below. A key that no schema knows is the caller's own text and may say anything: unless it looks
/// like a field's name, `…` stands for it.
pub(super) fn below(pointer: &str, key: &str) -> String {
    if is_field_name(key) { format!("{pointer}/{key}") } else { format!("{pointer}/…") }
}

/// Lower-case letters, digits and underscores, and no run of six digits as in a birth date.
fn is_field_name(key: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    (1..=80).contains(&key.len()) && key.bytes().all(plain) && digits < 6
}

/// What a value is, without what it says. Only object identifiers of the Finnish arc are shown.
pub(super) fn seen(value: &Value) -> Text {
    match value {
        Value::Null => Text::fixed("tyhjä arvo (null)", "ett tomt värde (null)", "null"),
        Value::Bool(_) => Text::fixed("totuusarvo", "ett sanningsvärde", "a boolean"),
        Value::Number(_) => Text::fixed("luku", "ett tal", "a number"),
        Value::String(text) if text.is_empty() => Text::fixed("tyhjä teksti", "en tom text", "an empty text"),
        Value::String(text) if is_identifier(text) => Text::same(text.as_str()),
        Value::String(text) => shape(text),
        Value::Array(items) => {
            let n = items.len();
            Text::made(
                format!("{n} kohdan luettelo"),
                format!("en lista med {n} poster"),
                format!("a list of {n} items"),
            )
        }
        Value::Object(members) => {
            let n = members.len();
            Text::made(
                format!("{n} kentän ryhmä"),
                format!("ett objekt med {n} fält"),
                format!("an object of {n} fields"),
            )
        }
    }
}

/// An OID as far as it may be shown: `1.1.1941` is an OID too.
pub(super) fn seen_oid(oid: &Oid) -> Text {
    seen(&Value::from(oid.as_str()))
}

/// Whether it is an OID below Finland's arc, bare or as a URN: no such text tells of a person.
fn is_identifier(text: &str) -> bool {
    let bare = text.strip_prefix("urn:oid:").unwrap_or(text);
    bare.starts_with("1.2.246.") && bare.parse::<Oid>().is_ok()
}

/// Nothing stood there.
pub(super) fn nothing() -> Text {
    Text::fixed("ei mitään", "ingenting", "nothing")
}

/// One of these words; long lists are cut.
pub(super) fn one_of(words: &[String]) -> Text {
    const SHOWN: usize = 24;
    let mut list = words.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if words.len() > SHOWN {
        list.push_str(", …");
    }
    Text::made(format!("jokin näistä: {list}"), format!("något av dessa: {list}"), format!("one of: {list}"))
}
