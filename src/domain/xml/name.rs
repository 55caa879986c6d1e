//! Names and namespace URIs of a tree: written once, shared by all who bear them.
//!
//! A document repeats a few names some hundred times; a copy of each would be most of what reading costs.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use super::XmlError;

/// A name, prefix or namespace URI; empty for none. Cloning copies no text.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Option<Arc<str>>);

impl Name {
    /// The text.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        // The empty text is always `None`, so that equality and order are those of the texts.
        Self((!text.is_empty()).then(|| text.into()))
    }
}

impl From<String> for Name {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl Deref for Name {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl PartialEq<str> for Name {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Name {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Names met lately. Bounded: a name that falls on a taken place takes it over.
pub(super) struct Names {
    places: Vec<Name>,
}

impl Names {
    const PLACES: usize = 256;

    pub(super) fn new() -> Self {
        Self { places: vec![Name::default(); Self::PLACES] }
    }

    /// Any text: a namespace URI.
    pub(super) fn text(&mut self, text: &str) -> Name {
        let Some(place) = self.places.get_mut(place_of(text)) else { return text.into() };
        if *place != text {
            *place = text.into();
        }
        place.clone()
    }

    /// A name without colon (Namespaces in XML 1.0, `NCName`). What is remembered was looked at before.
    pub(super) fn checked(&mut self, name: &str) -> Result<Name, XmlError> {
        let Some(place) = self.places.get_mut(place_of(name)) else { return Ok(name.into()) };
        if *place != name || name.is_empty() {
            if !is_ncname(name) {
                return Err(XmlError::Malformed { at: 0, what: "a name with a character that names do not have" });
            }
            *place = name.into();
        }
        Ok(place.clone())
    }
}

fn place_of(text: &str) -> usize {
    let bytes = text.as_bytes();
    let byte = |at: usize| bytes.get(at).copied().map_or(0, usize::from);
    let mixed = bytes.len() * 31 + byte(0) * 7 + byte(bytes.len() / 2) * 17 + byte(bytes.len().saturating_sub(1)) * 13;
    mixed % Names::PLACES
}

/// XML 1.0 §2.3 `Name` without the colon.
fn is_ncname(name: &str) -> bool {
    let starts = |c: char| {
        matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{2ff}'
            | '\u{370}'..='\u{37d}' | '\u{37f}'..='\u{1fff}' | '\u{200c}' | '\u{200d}' | '\u{2070}'..='\u{218f}'
            | '\u{2c00}'..='\u{2fef}' | '\u{3001}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{fffd}'
            | '\u{10000}'..='\u{effff}')
    };
    let goes_on = |c: char| {
        starts(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{36f}' | '\u{203f}'..='\u{2040}')
    };
    let mut characters = name.chars();
    characters.next().is_some_and(starts) && characters.all(goes_on)
}
