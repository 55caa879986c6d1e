//! Object identifiers: documents, cases, organisations, code systems, structures.

use std::fmt;
use std::str::FromStr;

use super::finding::{Flaw, text_value};
use super::text::Text;

/// An object identifier in dotted form, for example `1.2.246.537.6.1506.19007.2022.1.10`.
///
/// Arcs are decimal without leading zeros, the first 0 to 2, the second at most 39 below 0 and 1 (ITU-T X.660); at most
/// [`Oid::LENGTH_MAX`] characters (a bound of ours; the archive's own is not known).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Oid(Box<str>);

impl Oid {
    /// The longest identifier taken, in characters.
    pub const LENGTH_MAX: usize = 128;

    /// An identifier written in the program itself; each is checked where it is used by a test that parses it.
    pub(crate) fn fixed(dotted: &'static str) -> Self {
        debug_assert!(dotted.parse::<Self>().is_ok(), "a fixed OID must be one");
        Self(dotted.into())
    }

    /// The dotted form.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The identifier one arc below this one.
    pub fn child(&self, arc: u64) -> Self {
        Self(format!("{}.{arc}", self.0).into())
    }

    /// Whether this is `root` itself or lies below it: `1.2.3.4` is within `1.2.3`, `1.2.34` is not.
    pub fn is_within(&self, root: &Self) -> bool {
        self.0.strip_prefix(&*root.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }

    /// The arcs, as written.
    pub fn arcs(&self) -> impl Iterator<Item = &str> {
        self.0.split('.')
    }
}

impl FromStr for Oid {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        if text.len() > Self::LENGTH_MAX {
            return Err(flaw(text));
        }
        let mut arcs = text.split('.');
        let first = arcs.next().filter(|a| matches!(*a, "0" | "1" | "2"));
        let second = arcs.next().filter(|a| is_arc(a));
        match (first, second) {
            (Some(first), Some(second)) if arcs.all(is_arc) && second_fits(first, second) => Ok(Self(text.into())),
            _ => Err(flaw(text)),
        }
    }
}

fn is_arc(arc: &str) -> bool {
    !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc.len() == 1 || !arc.starts_with('0'))
}

fn second_fits(first: &str, second: &str) -> bool {
    first == "2" || second.parse::<u8>().is_ok_and(|n| n <= 39)
}

fn flaw(text: &str) -> Flaw {
    Flaw {
        code: "value.oid",
        found: super::finding::shape(text),
        expected: Text::fixed(
            "OID-tunnus: numeroita pistein erotettuina ilman etunollia, esimerkiksi 1.2.246.10.99999992.10.1",
            "en OID: tal åtskilda av punkter utan inledande nollor, till exempel 1.2.246.10.99999992.10.1",
            "an OID: numbers separated by dots without leading zeros, for example 1.2.246.10.99999992.10.1",
        ),
        source: "ITU-T X.660",
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl serde::Serialize for Oid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

text_value!(Oid, "oid", "Object identifier in dotted form");

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn dotted_numbers_without_leading_zeros_are_taken_and_others_refused() {
        for good in ["1.2.246.21", "2.999.1", "0.39", "1.2.246.10.32213561.95777.2026.688883.2809773"] {
            assert_eq!(good.parse::<Oid>().unwrap().as_str(), good);
        }
        let long = format!("1.2{}", ".3".repeat(70));
        for bad in ["", "1", "1.", "3.1", "1.40", "1.02.3", "1.2..3", "1.2.a", "urn:oid:1.2", " 1.2", long.as_str()] {
            assert_eq!(bad.parse::<Oid>().unwrap_err().code, "value.oid", "{bad}");
        }
    }

    #[test]
    fn within_counts_whole_arcs() {
        let root: Oid = "1.2.3".parse().unwrap();
        assert!(root.child(4).is_within(&root));
        assert!(root.is_within(&root));
        assert!(!"1.2.34".parse::<Oid>().unwrap().is_within(&root));
    }
}
