//! An object identifier, parsed once. Knows nothing of what the identifier names.
//!
//! Used by everything here; the only identifiers that may stand in logs, reports and error texts.

use std::fmt;

/// The longest object identifier taken, in characters (HL7's habit; the archive's own limit is not public).
const OID_MAX_CHARS: usize = 64;

/// An object identifier: digits and dots, no arc with a leading zero, first arc 0 to 2, at most 64 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Oid(std::sync::Arc<str>);

/// The text is not an object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an object identifier: expected digits and dots such as 1.2.246.10, at most 64 characters")]
pub struct NotAnOid;

impl Oid {
    /// Reads an object identifier; surrounding white space and a `urn:oid:` prefix are taken off.
    ///
    /// # Errors
    /// [`NotAnOid`] when what remains is not one.
    pub fn parse(text: &str) -> Result<Self, NotAnOid> {
        let trimmed = text.trim();
        let bare = trimmed.strip_prefix("urn:oid:").unwrap_or(trimmed);
        let first_arc_fits = matches!(bare.as_bytes().first(), Some(b'0'..=b'2'));
        let arcs_fit = bare.split('.').all(|arc| {
            !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'))
        });
        let second_byte_is_dot = bare.as_bytes().get(1) == Some(&b'.');
        if bare.len() <= OID_MAX_CHARS && first_arc_fits && second_byte_is_dot && arcs_fit {
            Ok(Self(bare.into()))
        } else {
            Err(NotAnOid)
        }
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is this `other`, or an identifier below it?
    #[must_use]
    pub fn is_or_is_below(&self, other: &Self) -> bool {
        self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<Oid> for String {
    fn from(oid: Oid) -> Self {
        oid.0.as_ref().to_owned()
    }
}

impl TryFrom<String> for Oid {
    type Error = NotAnOid;

    fn try_from(text: String) -> Result<Self, NotAnOid> {
        Self::parse(&text)
    }
}

impl AsRef<str> for Oid {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for Oid {
    type Err = NotAnOid;

    fn from_str(text: &str) -> Result<Self, NotAnOid> {
        Self::parse(text)
    }
}

impl PartialEq<str> for Oid {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn only_object_identifiers_are_read() {
        for good in ["1.2.246.10.99999992.10.0", " urn:oid:1.2.246.21 ", "2.16.840.1"] {
            assert!(Oid::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "1", "3.1", "1..2", "1.02", "1.2.a", "10.2", &format!("1.{}", "2".repeat(70))] {
            assert_eq!(Oid::parse(bad), Err(NotAnOid), "{bad}");
        }
    }

    #[test]
    fn below_means_a_whole_arc_below() {
        let org = Oid::parse("1.2.246.10.99999992.10.0").unwrap();
        assert!(org.is_or_is_below(&org));
        assert!(Oid::parse("1.2.246.10.99999992.10.0.1").unwrap().is_or_is_below(&org));
        assert!(!Oid::parse("1.2.246.10.99999992.10.1").unwrap().is_or_is_below(&org));
        assert!(!org.is_or_is_below(&Oid::parse("1.2.246.10.99999992.10.0.1").unwrap()));
    }
}
