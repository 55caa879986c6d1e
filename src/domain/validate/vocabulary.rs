//! Which keys of a caller's input findings may repeat: those that the record's schema or a structure has, and such a one
//! mistyped by one letter. Any other key is the caller's own text, and may be a person's name.

use std::collections::HashSet;

use serde_json::Value;

use crate::domain::finding::Finding;
use crate::domain::structure::{Field, Structure};

/// Parts of codes, identifiers and quantities, which are no fields of their own.
const PARTS: [&str; 4] = ["system", "code", "display", "value"];
/// A shorter key is too near to too many names of persons to be taken for a field's name with a wrong letter.
const WRONG_LETTER_CHARACTERS_MIN: usize = 6;
/// The same for two letters in the wrong order.
const SWAPPED_CHARACTERS_MIN: usize = 4;

/// Names of fields.
pub(super) struct Vocabulary<'a> {
    words: HashSet<&'a str>,
}

impl<'a> Vocabulary<'a> {
    /// The names in the record's schema and in these structures.
    pub(super) fn of(schema: &'a Value, structures: impl IntoIterator<Item = &'a Structure>) -> Self {
        let mut words = HashSet::from(PARTS);
        properties(schema, &mut words);
        structures.into_iter().for_each(|structure| fields(structure.root(), &mut words));
        Self { words }
    }

    /// Puts `…` for every key in the finding's pointer that is no field's name.
    pub(super) fn mask(&self, finding: &mut Finding) {
        let own = std::mem::take(&mut finding.place.input);
        let steps: Vec<&str> = own.split('/').map(|step| if self.may_show(step) { step } else { "…" }).collect();
        let shown = steps.join("/");
        if shown != own {
            for text in [&mut finding.message.fi, &mut finding.message.sv, &mut finding.message.en] {
                *text = text.replace(&own, &shown).into();
            }
        }
        finding.place.input = shown;
    }

    fn may_show(&self, step: &str) -> bool {
        let index = step.len() < 6 && step.bytes().all(|b| b.is_ascii_digit());
        index || self.words.contains(step) || self.is_mistyped(step)
    }

    fn is_mistyped(&self, step: &str) -> bool {
        let near = |word: &&str| {
            (step.len() >= WRONG_LETTER_CHARACTERS_MIN && has_one_wrong_letter(step, word))
                || (step.len() >= SWAPPED_CHARACTERS_MIN && has_two_swapped(step, word))
        };
        self.words.iter().any(near)
    }
}

fn properties<'a>(node: &'a Value, words: &mut HashSet<&'a str>) {
    match node {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                words.extend(properties.keys().map(String::as_str));
            }
            members.values().for_each(|member| properties(member, words));
        }
        Value::Array(items) => items.iter().for_each(|item| properties(item, words)),
        _ => {}
    }
}

fn fields<'a>(field: &'a Field, words: &mut HashSet<&'a str>) {
    words.insert(field.key());
    field.fields().iter().for_each(|inside| fields(inside, words));
}

/// One letter more, one less or another one.
fn has_one_wrong_letter(one: &str, other: &str) -> bool {
    let (one, other) = past_the_same(one, other);
    match (one, other) {
        ([_, rest @ ..], [_, other_rest @ ..]) => rest == other || rest == other_rest || one == other_rest,
        ([_], []) | ([], [_]) => true,
        _ => false,
    }
}

/// Two neighbours in the wrong order.
fn has_two_swapped(one: &str, other: &str) -> bool {
    match past_the_same(one, other) {
        ([a, b, one @ ..], [c, d, other @ ..]) => a == d && b == c && one == other,
        _ => false,
    }
}

fn past_the_same<'a>(one: &'a str, other: &'a str) -> (&'a [u8], &'a [u8]) {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    (one.get(same..).unwrap_or_default(), other.get(same..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::finding::Rule;
    use crate::domain::structure::Registry;
    use crate::domain::text::Text;
    use crate::domain::validate::local_record_schema;

    #[test]
    fn a_key_that_is_no_fields_name_is_not_repeated() {
        let (schema, registry) = (local_record_schema(), Registry::reduced());
        let vocabulary = Vocabulary::of(&schema, registry.iter().map(AsRef::as_ref));
        for (pointer, shown) in [
            ("/clients/12/birth_date", "/clients/12/birth_date"),
            ("/content/x/asiakas/0/henkilotunnus/value", "/content/…/asiakas/0/henkilotunnus/value"),
            ("/content/asiakas/sukunmi", "/content/asiakas/sukunmi"),
            ("/content/asiakas/skuunimi", "/content/asiakas/skuunimi"),
            ("/unit/nmae", "/unit/nmae"),
            ("/koemaki_aino", "/…"),
            ("/unit/nama", "/unit/…"),
            ("/clients/0/010190900", "/clients/0/…"),
            ("", ""),
        ] {
            let same = || Text::same("x");
            let mut finding = Finding::error("c", pointer, same(), same(), Rule::new("r", ""));
            vocabulary.mask(&mut finding);
            assert_eq!(finding.place.input, shown);
            let expected = Finding::error("c", shown, same(), same(), Rule::new("r", ""));
            assert_eq!(finding.message, expected.message);
        }
    }
}
