//! Coded values and the languages of documents.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::oid::Oid;

/// A value of a code system, as CDA and the structures carry it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// The value.
    pub code: String,
    /// The code system with its version arc, for example `1.2.246.537.6.1505.201601`.
    pub system: Oid,
    /// The code system's name, when it is written.
    pub system_name: Option<String>,
    /// The value's name.
    pub display: Option<String>,
}

impl Code {
    /// Whether this is `code` of the code system with this root, in any version of it.
    pub fn is(&self, root: &Oid, code: &str) -> bool {
        self.system.is_within(root) && self.code == code
    }
}

/// A code and its name, where the field itself tells the code system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeValue {
    /// The value in its code system.
    #[schemars(length(min = 1, max = 64))]
    pub code: String,
    /// The value's name in the document's language.
    #[schemars(length(min = 1, max = 500))]
    pub display: String,
}

/// The language that a document is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(inline)]
pub enum Language {
    /// Finnish.
    Fi,
    /// Swedish.
    Sv,
}

impl Language {
    /// The code as documents carry it: `fi` or `sv`. Real documents have it in either case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fi => "fi",
            Self::Sv => "sv",
        }
    }

    /// The language by its code, in either case.
    pub fn by_code(code: &str) -> Option<Self> {
        [Self::Fi, Self::Sv].into_iter().find(|l| l.as_str().eq_ignore_ascii_case(code))
    }
}
