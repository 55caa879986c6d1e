//! The invalidation (mitätöinti, makulering) of an archived document, as far as the archive's model is public.
//!
//! What is known: that documents are invalidated by a message of their own, that it carries the document group, and that an
//! invalidated document is not offered any more. How it travels is not published: this is the data that it needs, each part
//! with its certainty, and no message. Nothing here writes a wire code; until a profile has one, an invalidation is made in
//! the organiser's own system.

use super::header::{DocumentGroup, Header};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::person::Worker;
use crate::domain::profile::Certainty;
use crate::domain::time::Instant;

/// The longest reason, in characters.
pub const REASON_CHARACTERS_MAX: usize = 500;

/// That one version of a document, or all of them, no longer counts, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalidation {
    target: Target,
    group: DocumentGroup,
    register_owner: Oid,
    reason: String,
    at: Instant,
    by: Worker,
}

redacted_debug!(Invalidation);

/// What is invalidated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// One version, by its own OID.
    Version(Oid),
    /// The document in all its versions, by the OID of the original (`setId`).
    AllVersions(Oid),
}

/// How much of a document is to be invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// This version.
    ThisVersion,
    /// All versions.
    AllVersions,
}

/// Why an invalidation cannot be made. The caller mends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidationFault {
    /// The reason is blank.
    #[error("no reason is given")]
    NoReason,
    /// The reason is longer than [`REASON_CHARACTERS_MAX`].
    #[error("the reason has {0} characters, more than {REASON_CHARACTERS_MAX}")]
    ReasonTooLong(usize),
    /// It would be invalidated before it was made.
    #[error("the document was made after this moment")]
    BeforeDocument,
}

/// A part of an invalidation, and how sure it is that the archive wants it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub name: &'static str,
    /// How sure.
    pub certainty: Certainty,
    /// Where that is from.
    pub source: &'static str,
}

/// What an invalidation consists of.
pub const PARTS: [Part; 6] = [
    part(
        "group",
        Certainty::Verified,
        "code server, 1.2.246.537.6.1505: mandatory in archive, version and invalidate messages",
    ),
    part("target", Certainty::Inferred, "HL7 CDA R2: id names a version, setId all of them"),
    part("register_owner", Certainty::Inferred, "HL7 CDA R2, custodian"),
    part("reason", Certainty::Inferred, "FHIR profile MitatointiProvenance: one target and a reason"),
    part("at", Certainty::Inferred, "FHIR profile MitatointiProvenance"),
    part("by", Certainty::Inferred, "FHIR profile MitatointiProvenance"),
];

const fn part(name: &'static str, certainty: Certainty, source: &'static str) -> Part {
    Part { name, certainty, source }
}

impl Invalidation {
    /// The invalidation of the document with this header.
    ///
    /// # Errors
    /// An [`InvalidationFault`].
    pub fn try_new(
        header: &Header,
        extent: Extent,
        reason: &str,
        at: Instant,
        by: Worker,
    ) -> Result<Self, InvalidationFault> {
        let reason = reason.trim();
        let characters = reason.chars().count();
        if reason.is_empty() {
            return Err(InvalidationFault::NoReason);
        }
        if characters > REASON_CHARACTERS_MAX {
            return Err(InvalidationFault::ReasonTooLong(characters));
        }
        if at.timestamp() < header.created.timestamp() {
            return Err(InvalidationFault::BeforeDocument);
        }
        let target = match extent {
            Extent::ThisVersion => Target::Version(header.ids.document.clone()),
            Extent::AllVersions => Target::AllVersions(header.ids.set.clone()),
        };
        let register_owner = header.organiser.oid.clone();
        Ok(Self { target, group: header.group, register_owner, reason: reason.to_owned(), at, by })
    }

    /// What is invalidated.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The document's group.
    pub fn group(&self) -> DocumentGroup {
        self.group
    }

    /// In whose register it is.
    pub fn register_owner(&self) -> &Oid {
        &self.register_owner
    }

    /// Why, in words.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When it was decided.
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Who decided it.
    pub fn by(&self) -> &Worker {
        &self.by
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::wire::fixtures;

    #[test]
    fn an_invalidation_names_a_version_or_all_of_them_with_a_reason() {
        let mut header = fixtures::header();
        header.ids.set = "1.2.246.10.99999992.95.1".parse().unwrap();
        let make = |extent, reason: &str, at: &str| {
            Invalidation::try_new(&header, extent, reason, at.parse().unwrap(), fixtures::worker())
        };
        let later = "2026-06-11T08:00:00+03:00";
        let one = make(Extent::ThisVersion, " Väärä asiakas. ", later).unwrap();
        assert_eq!(one.target(), &Target::Version(header.ids.document.clone()));
        assert_eq!((one.reason(), one.group()), ("Väärä asiakas.", header.group));
        assert_eq!(one.register_owner(), &header.organiser.oid);
        let all = make(Extent::AllVersions, "Väärä asiakas.", later).unwrap();
        assert_eq!(all.target(), &Target::AllVersions(header.ids.set.clone()));
        assert_eq!(make(Extent::ThisVersion, " ", later).err(), Some(InvalidationFault::NoReason));
        let long = "x".repeat(REASON_CHARACTERS_MAX + 1);
        assert_eq!(make(Extent::ThisVersion, &long, later).err(), Some(InvalidationFault::ReasonTooLong(501)));
        let before = make(Extent::ThisVersion, "x", "2026-06-09T08:00:00+03:00");
        assert_eq!(before.err(), Some(InvalidationFault::BeforeDocument));
        assert_eq!(format!("{one:?}"), "Invalidation(…)");
    }
}
