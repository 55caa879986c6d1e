//! What is wrong with an input, said so that the person who must mend it can.
//!
//! A [`Finding`] names the field as the caller wrote it, what was found, what was expected and the rule with its source,
//! in Finnish, Swedish and English. It never repeats a person's data: values of persons and free text appear as their shape.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::text::Text;

/// Whether a finding stops the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A rule that nobody here can judge yet; the document is accepted, and somebody may want to look.
    NotChecked,
    /// Worth knowing; the document is accepted.
    Warning,
    /// The document is not accepted.
    Error,
}

/// Where a rule comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The publication, for example `THL Sosmeta 1506.19007.2022.1.10`.
    pub source: String,
    /// The place in it; empty when the source is one rule.
    pub clause: String,
}

impl Rule {
    /// A rule by its source and clause.
    pub fn new(source: impl Into<String>, clause: impl Into<String>) -> Self {
        Self { source: source.into(), clause: clause.into() }
    }
}

/// The place a finding points at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// JSON Pointer (RFC 6901) into the caller's own input; empty is the whole input.
    pub input: String,
    /// Path in the archive document, when the rule is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub document: Option<String>,
    /// Line in the parsed text, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Column in the parsed text, in characters from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
}

/// One thing to mend or to know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable name, dotted, for programs: `value.check_character`.
    pub code: String,
    /// Whether it stops the document.
    pub severity: Severity,
    /// The whole sentence: field, found, expected.
    pub message: Text,
    /// Where.
    #[serde(rename = "where")]
    pub place: Place,
    /// By which rule.
    pub rule: Rule,
    /// What stood there; a shape, never a person's data.
    pub found: Text,
    /// What should have stood there.
    pub expected: Text,
    /// What to do about it, when that is not obvious.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<Text>,
}

impl Finding {
    /// An error at a JSON Pointer of the caller's input; the message is composed of its parts.
    pub fn error(code: impl Into<String>, input: impl Into<String>, found: Text, expected: Text, rule: Rule) -> Self {
        let input = input.into();
        let message = sentence(&input, &found, &expected);
        Self {
            code: code.into(),
            severity: Severity::Error,
            message,
            place: Place { input, ..Place::default() },
            rule,
            found,
            expected,
            hint: None,
        }
    }

    /// The same finding as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same finding as something that was not checked.
    #[must_use]
    pub fn not_checked(mut self) -> Self {
        self.severity = Severity::NotChecked;
        self
    }

    /// The same finding with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: Text) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same finding, naming the field as its user knows it (for example `Asiakas › Sukunimi`).
    #[must_use]
    pub fn named(mut self, field: &Text) -> Self {
        self.message = Text::made(
            format!("{}: {}", field.fi, self.message.fi),
            format!("{}: {}", field.sv, self.message.sv),
            format!("{}: {}", field.en, self.message.en),
        );
        self
    }

    /// The same finding, also placed in the archive document.
    #[must_use]
    pub fn in_document(mut self, path: impl Into<String>) -> Self {
        self.place.document = Some(path.into());
        self
    }

    /// Whether it stops the document.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message.en)
    }
}

fn sentence(input: &str, found: &Text, expected: &Text) -> Text {
    let field = if input.is_empty() { "/" } else { input };
    Text::made(
        format!("{field} – löytyi: {}; pitäisi olla: {}", found.fi, expected.fi),
        format!("{field} – påträffat: {}; förväntat: {}", found.sv, expected.sv),
        format!("{field} – found: {}; expected: {}", found.en, expected.en),
    )
}

/// Why a text is not the value it should be. Carries nothing of the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Stable name: `value.check_character`.
    pub code: &'static str,
    /// What was found, as a shape.
    pub found: Text,
    /// What was expected.
    pub expected: Text,
    /// The publication the rule comes from.
    pub source: &'static str,
}

impl Flaw {
    /// The finding for this flaw at a place in the caller's input.
    pub fn at(self, input: impl Into<String>) -> Finding {
        Finding::error(self.code, input, self.found, self.expected, Rule::new(self.source, ""))
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "found {}, expected {}", self.found.en, self.expected.en)
    }
}

impl std::error::Error for Flaw {}

/// The shape of a text, for `found`: its length, nothing of what it says.
pub fn shape(text: &str) -> Text {
    let n = text.chars().count();
    Text::made(format!("{n} merkin teksti"), format!("en text på {n} tecken"), format!("a text of {n} characters"))
}

/// Implements parsing from JSON, and a JSON Schema with the given `format`, for a value that has [`std::str::FromStr`].
macro_rules! text_value {
    ($type:ty, $format:literal, $description:literal) => {
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "format": $format, "description": $description })
            }
        }
    };
}
pub(crate) use text_value;

/// Says only the type: for values of persons.
macro_rules! redacted_debug {
    ($type:ty) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($type), "(…)"))
            }
        }
    };
}
pub(crate) use redacted_debug;
