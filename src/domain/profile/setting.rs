//! A setting of the wire profile: what its value can be, how sure it is, and how people read it.
//!
//! Which settings there are, the profile itself says.

use serde::{Deserialize, Serialize};

use crate::domain::code::Code;
use crate::domain::oid::Oid;

/// How sure a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Certainty {
    /// Seen in a real message or in a publication.
    Verified,
    /// Follows from publications.
    Inferred,
    /// Ours, to be replaced.
    Placeholder,
    /// Set by the operator.
    Operator,
}

impl Certainty {
    /// As profiles write it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Inferred => "inferred",
            Self::Placeholder => "placeholder",
            Self::Operator => "operator",
        }
    }
}

/// One value of a profile.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting<T> {
    /// The value.
    pub value: T,
    /// How sure it is.
    pub certainty: Certainty,
    /// Where it is from.
    pub source: String,
}

/// A code and, where messages carry one, its name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coded {
    /// The code.
    pub code: String,
    /// Its name.
    #[serde(default)]
    pub display: Option<String>,
}

/// A code system with its version arc.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct System {
    /// OID with the version arc.
    pub oid: Oid,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
}

impl System {
    /// This code of this system.
    pub fn code(&self, coded: &Coded) -> Code {
        Code {
            code: coded.code.clone(),
            system: self.oid.clone(),
            system_name: self.name.clone(),
            display: coded.display.clone(),
        }
    }
}

/// SOAP versions that are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SoapVersion {
    /// SOAP 1.1 (W3C Note, 8 May 2000).
    #[serde(rename = "1.1")]
    V1_1,
    /// SOAP 1.2 (W3C Recommendation, 27 April 2007).
    #[serde(rename = "1.2")]
    V1_2,
}

/// Whether messages carry WS-Addressing 1.0 headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Addressing {
    /// No headers.
    None,
    /// `Action`, `MessageID`, `ReplyTo`; an answer must relate to the message.
    #[serde(rename = "ws-addressing-1.0")]
    WsAddressing1,
}

/// What an empty HTTP 200 says about a stored document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EmptyAnswer {
    /// Nothing: ask for the document.
    Unknown,
    /// That it is stored: errors alone are answered.
    Archived,
}

/// How a document travels with its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DocumentPlace {
    /// As a part of its own (`multipart/related`), named by `text/reference`.
    Multipart,
    /// As Base64 in `text`.
    Inline,
}

/// Where the case stands in a store frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CasePlace {
    /// `componentOf/encounterEvent/id`.
    #[serde(rename = "componentOf/encounterEvent")]
    EncounterEvent,
}

/// A value as people read it.
pub(super) trait Shown {
    fn shown(&self) -> String;
}

/// As it stands in the file: what serde calls it.
macro_rules! shown_as_written {
    ($($type:ty),+) => { $(impl Shown for $type {
        fn shown(&self) -> String {
            match serde_json::to_value(self) {
                Ok(serde_json::Value::String(text)) => text,
                Ok(other) => other.to_string(),
                // Enums of unit variants, texts and numbers all serialise.
                Err(_) => String::new(),
            }
        }
    })+ };
}

shown_as_written!(String, u32, SoapVersion, Addressing, EmptyAnswer, DocumentPlace, CasePlace);

impl Shown for Oid {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Coded {
    fn shown(&self) -> String {
        named(&self.code, self.display.as_deref())
    }
}

impl Shown for System {
    fn shown(&self) -> String {
        named(self.oid.as_str(), self.name.as_deref())
    }
}

fn named(code: &str, name: Option<&str>) -> String {
    name.map_or_else(|| code.to_owned(), |name| format!("{code} ({name})"))
}

/// One line of [`super::WireProfile::settings`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SettingInfo<'a> {
    /// `section.name`.
    pub key: &'static str,
    /// The value, with its name where it has one.
    pub value: String,
    /// How sure it is.
    pub certainty: Certainty,
    /// Where it is from.
    pub source: &'a str,
}
