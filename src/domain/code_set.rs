//! Code sets whose values are known, wholly or in part: `profiles/code-sets.toml`.
//!
//! A code outside a complete list is wrong; outside an incomplete list nobody here can say. Sets are found by the root of a code
//! system, so that any version of it counts. The content checks and the makers of examples ask here.

use std::sync::LazyLock;

use serde::Deserialize;

use super::code::Language;
use super::oid::Oid;
use super::profile::Certainty;

const BUILT_IN: &str = include_str!("../../profiles/code-sets.toml");

/// Known code sets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeSets {
    #[serde(default, rename = "set")]
    sets: Vec<CodeSet>,
}

/// One code set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeSet {
    root: Oid,
    name: String,
    complete: bool,
    values: Vec<KnownCode>,
}

/// A value of a code set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownCode {
    /// The code.
    pub code: String,
    /// Its Finnish name.
    pub fi: String,
    /// Its Swedish name, where it is known.
    #[serde(default)]
    pub sv: Option<String>,
    /// How sure it is.
    pub certainty: Certainty,
    /// Where it is from.
    pub source: String,
}

/// What a set says of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It has it.
    Known,
    /// It does not have it, and is complete.
    Absent,
    /// It does not have it, and is not complete; or the set itself is not known.
    NotKnown,
}

/// Why a file of code sets cannot be used. The operator mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeSetFault {
    /// Not TOML of this shape; the text names the place.
    #[error("not a file of code sets: {0}")]
    Shape(String),
    /// A set that is there twice.
    #[error("the code set {0} is there twice")]
    Repeated(Oid),
}

impl CodeSets {
    /// The sets in `profiles/code-sets.toml`.
    pub fn built_in() -> &'static Self {
        // A test holds that the built-in file has no fault.
        static SETS: LazyLock<CodeSets> = LazyLock::new(|| CodeSets::parse(BUILT_IN).unwrap_or_default());
        &SETS
    }

    /// Reads a file of code sets.
    ///
    /// # Errors
    /// [`CodeSetFault`].
    pub fn parse(text: &str) -> Result<Self, CodeSetFault> {
        let sets: Self = toml::from_str(text).map_err(|e| CodeSetFault::Shape(e.message().to_owned()))?;
        let mut roots: Vec<_> = sets.sets.iter().map(|set| &set.root).collect();
        roots.sort();
        match roots.windows(2).find_map(|pair| (pair.first() == pair.get(1)).then(|| pair.first()).flatten()) {
            Some(root) => Err(CodeSetFault::Repeated((*root).clone())),
            None => Ok(sets),
        }
    }

    /// The set that this code system is a version of.
    pub fn find(&self, system: &Oid) -> Option<&CodeSet> {
        let of = self.sets.iter().filter(|set| system.is_within(&set.root));
        of.max_by_key(|set| set.root.as_str().len())
    }

    /// What is known of a code of this system.
    pub fn membership(&self, system: &Oid, code: &str) -> Membership {
        match self.find(system) {
            Some(set) if set.values.iter().any(|value| value.code == code) => Membership::Known,
            Some(set) if set.complete => Membership::Absent,
            _ => Membership::NotKnown,
        }
    }

    /// All of them, in the file's order.
    pub fn iter(&self) -> impl Iterator<Item = &CodeSet> {
        self.sets.iter()
    }
}

impl CodeSet {
    /// The code system without a version.
    pub fn root(&self) -> &Oid {
        &self.root
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether no other values exist.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Its values, in the file's order.
    pub fn values(&self) -> &[KnownCode] {
        &self.values
    }
}

impl KnownCode {
    /// Its name in this language, in Finnish where it has no other.
    pub fn name(&self, language: Language) -> &str {
        self.sv.as_deref().filter(|_| language == Language::Sv).unwrap_or(&self.fi)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        text.parse().unwrap()
    }

    #[test]
    fn every_built_in_value_has_a_name_and_a_source() {
        let sets = CodeSets::parse(BUILT_IN).unwrap();
        assert!(sets.iter().count() >= 10);
        for set in sets.iter() {
            assert!(!set.name().is_empty() && !set.values().is_empty(), "{}", set.root());
            let blank = |v: &KnownCode| [&v.code, &v.fi, &v.source].iter().any(|t| t.trim().is_empty());
            assert!(!set.values().iter().any(blank), "{}", set.root());
        }
    }

    #[test]
    fn a_complete_set_denies_and_an_incomplete_one_does_not_know() {
        let set = |root: &str, complete: bool| {
            format!(
                "[[set]]\nroot = \"{root}\"\nname = \"x\"\ncomplete = {complete}\n\
                 values = [{{ code = \"1\", fi = \"yksi\", certainty = \"verified\", source = \"test\" }}]\n"
            )
        };
        let sets = CodeSets::parse(&(set("1.2.3", true) + &set("1.2.4", false))).unwrap();
        for (system, code, expected) in [
            ("1.2.3", "1", Membership::Known),
            ("1.2.3.2016", "1", Membership::Known),
            ("1.2.3", "2", Membership::Absent),
            ("1.2.4", "1", Membership::Known),
            ("1.2.4", "2", Membership::NotKnown),
            ("1.2.34", "1", Membership::NotKnown),
        ] {
            assert_eq!(sets.membership(&oid(system), code), expected, "{system} {code}");
        }
        let twice = CodeSets::parse(&set("1.2.3", true).repeat(2)).unwrap_err();
        assert_eq!(twice, CodeSetFault::Repeated(oid("1.2.3")));
        assert!(matches!(CodeSets::parse("[[set]]\nroot = \"x\"").unwrap_err(), CodeSetFault::Shape(_)));
    }
}
