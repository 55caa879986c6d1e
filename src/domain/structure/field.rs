//! The fields of a structure, read from its JSON Schema nodes.
//!
//! Knows the dialect: `type`, `properties`, `items`, `required` and the `sosmeta` annotations. What a value must look like is the
//! schema's matter, not this file's.

mod read;

pub(super) use read::{Reader, pointer, requires, strip_annotations};

use crate::domain::code::Language;
use crate::domain::oid::Oid;

/// What a field holds (`representation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// Other fields; `Otsikko` or none.
    Group,
    /// Teksti, Nimi: a string.
    Text,
    /// Fraasi: one fixed sentence.
    Phrase,
    /// Allekirjoitus: a string.
    Signature,
    /// Koodi: `{system, code, display}`.
    Code,
    /// Tunnus: `{system?, value}`.
    Identifier,
    /// Pvm: a day known in part.
    PartialDate,
    /// Hetki: a day known in part or a moment.
    Moment,
    /// Kytkin: a boolean.
    Switch,
    /// Numero, Lkm: a number.
    Number,
    /// Määrä, Mitta, Prosentti: `{value, code}`.
    Quantity,
}

impl Representation {
    /// Its name in the structures, or one of their names where they tell more apart.
    pub fn name(self) -> &'static str {
        match self {
            Self::Group => "Otsikko",
            Self::Text => "Teksti",
            Self::Phrase => "Fraasi",
            Self::Signature => "Allekirjoitus",
            Self::Code => "Koodi",
            Self::Identifier => "Tunnus",
            Self::PartialDate => "Pvm",
            Self::Moment => "Hetki",
            Self::Switch => "Kytkin",
            Self::Number => "Numero",
            Self::Quantity => "Määrä",
        }
    }
}

/// A field of a structure.
pub struct Field {
    key: String,
    name_fi: String,
    name_sv: String,
    representation: Representation,
    repeatable: bool,
    required: bool,
    hidden: bool,
    hidden_title: bool,
    row: u64,
    system: Option<Oid>,
    condition: Option<Box<Condition>>,
    phrase: Option<Box<str>>,
    codes: Vec<ListedCode>,
    fields: Vec<Field>,
}

/// When a field must be there, in the structure's own words: no schema says it.
struct Condition {
    fi: Box<str>,
    sv: Box<str>,
}

/// A value that a code field's own list has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCode {
    /// The code.
    pub code: Box<str>,
    /// Its name as the structure's `valueSet` has it; empty where that has none.
    pub name: Box<str>,
}

impl Field {
    /// The key in the content.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name as users know it; in the other language when it has none in this one, the key when it has none at all.
    pub fn name(&self, language: Language) -> &str {
        let (first, second) = match language {
            Language::Fi => (&self.name_fi, &self.name_sv),
            Language::Sv => (&self.name_sv, &self.name_fi),
        };
        [first, second, &self.key].into_iter().find(|n| !n.is_empty()).map_or("", |n| n)
    }

    /// What it holds.
    pub fn representation(&self) -> Representation {
        self.representation
    }

    /// Whether it is a list of that.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Whether its parent must have it.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether it is a level that readers do not see: its fields stand in its place (`hiddenField`).
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Whether its value is shown without its name (`hiddenTitle`).
    pub fn hides_title(&self) -> bool {
        self.hidden_title
    }

    /// The code system of a code (`classificationOid`) or the system of an identifier (`systemUri`).
    pub fn system(&self) -> Option<&Oid> {
        self.system.as_ref()
    }

    /// Whether it is required under a condition that the structure gives in words only (`conditionalRequired`).
    pub fn is_conditional(&self) -> bool {
        self.condition.is_some()
    }

    /// Its duty in a word: `required`, `conditional` or `optional`.
    pub fn duty(&self) -> &'static str {
        match (self.required, self.condition.is_some()) {
            (true, _) => "required",
            (false, true) => "conditional",
            (false, false) => "optional",
        }
    }

    /// The condition in the structure's words, in the other language where it has none in this one; empty where it has none
    /// at all, or where the field is not conditional.
    pub fn condition(&self, language: Language) -> &str {
        let Some(condition) = &self.condition else { return "" };
        let (first, second) = match language {
            Language::Fi => (&condition.fi, &condition.sv),
            Language::Sv => (&condition.sv, &condition.fi),
        };
        if first.is_empty() { second } else { first }
    }

    /// The one sentence of a phrase.
    pub fn phrase(&self) -> Option<&str> {
        self.phrase.as_deref()
    }

    /// The codes that the structure itself lists, in its order; empty where any code of the system will do.
    pub fn codes(&self) -> &[ListedCode] {
        &self.codes
    }

    /// The fields below it, in row order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field below it with this key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.key == key)
    }
}
