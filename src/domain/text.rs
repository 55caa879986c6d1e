//! A sentence in the three languages that every message of ours is given in.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The same sentence in Finnish, Swedish and English.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// Finnish.
    pub fi: Cow<'static, str>,
    /// Swedish.
    pub sv: Cow<'static, str>,
    /// English.
    pub en: Cow<'static, str>,
}

impl Text {
    /// A text known when the program is written.
    pub const fn fixed(fi: &'static str, sv: &'static str, en: &'static str) -> Self {
        Self { fi: Cow::Borrowed(fi), sv: Cow::Borrowed(sv), en: Cow::Borrowed(en) }
    }

    /// A text made at run time.
    pub fn made(fi: impl Into<String>, sv: impl Into<String>, en: impl Into<String>) -> Self {
        Self { fi: Cow::Owned(fi.into()), sv: Cow::Owned(sv.into()), en: Cow::Owned(en.into()) }
    }

    /// The same word in every language: codes, identifiers, JSON keywords.
    pub fn same(word: impl Into<String>) -> Self {
        let word = word.into();
        Self::made(word.clone(), word.clone(), word)
    }
}
