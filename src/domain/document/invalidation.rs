//! The invalidation (mitätöinti, makulering) of an archived document: what is decided, in types.
//!
//! [`wire::invalidation`](crate::domain::wire::invalidation) writes it as the message of `docs/wire.md` 5.1. That a message of its
//! own invalidates and that it carries the document group is verified (code server, 1.2.246.537.6.1505); reason and one target
//! follow from the FHIR profile MitatointiProvenance; the message's form is ours. Decides nothing about who may.

pub mod order;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::header::{DocumentGroup, DocumentIds, Header};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::person::Client;
use crate::domain::time::Instant;

/// The longest reason, in characters.
pub const REASON_CHARACTERS_MAX: usize = 500;

/// How much of a document is to be invalidated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Extent {
    /// This version.
    #[default]
    ThisVersion,
    /// All versions.
    AllVersions,
}

/// What an invalidation must know of its document.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its ids.
    pub ids: &'a DocumentIds,
    /// Its group.
    pub group: DocumentGroup,
    /// In whose register it is.
    pub register_owner: &'a Oid,
    /// Its clients, as the document names them: on a wrong client's document the wrong one.
    pub clients: &'a [Client],
    /// When it was made, where that is known.
    pub made: Option<Instant>,
}

redacted_debug!(Subject<'_>);

impl<'a> From<&'a Header> for Subject<'a> {
    fn from(header: &'a Header) -> Self {
        Self {
            ids: &header.ids,
            group: header.group,
            register_owner: &header.organiser.oid,
            clients: &header.clients,
            made: Some(header.created),
        }
    }
}

/// That one version of a document, or all of them, no longer counts, and why.
#[derive(Clone, PartialEq, Eq)]
pub struct Invalidation {
    ids: DocumentIds,
    extent: Extent,
    group: DocumentGroup,
    register_owner: Oid,
    clients: Vec<Client>,
    reason: String,
    at: Instant,
}

redacted_debug!(Invalidation);

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

impl Invalidation {
    /// The invalidation of this document, decided at `at`.
    ///
    /// # Errors
    /// An [`InvalidationFault`].
    pub fn try_new(
        subject: &Subject<'_>,
        extent: Extent,
        reason: &str,
        at: Instant,
    ) -> Result<Self, InvalidationFault> {
        let reason = reason.trim();
        let characters = reason.chars().count();
        if reason.is_empty() {
            return Err(InvalidationFault::NoReason);
        }
        if characters > REASON_CHARACTERS_MAX {
            return Err(InvalidationFault::ReasonTooLong(characters));
        }
        if subject.made.is_some_and(|made| at.timestamp() < made.timestamp()) {
            return Err(InvalidationFault::BeforeDocument);
        }
        Ok(Self {
            ids: subject.ids.clone(),
            extent,
            group: subject.group,
            register_owner: subject.register_owner.clone(),
            clients: subject.clients.to_vec(),
            reason: reason.to_owned(),
            at,
        })
    }

    /// The version that no longer counts; `None` when all versions are meant.
    pub fn version(&self) -> Option<&Oid> {
        match self.extent {
            Extent::ThisVersion => Some(&self.ids.document),
            Extent::AllVersions => None,
        }
    }

    /// The ids of the document that it was asked for.
    pub fn ids(&self) -> &DocumentIds {
        &self.ids
    }

    /// The document's group.
    pub fn group(&self) -> DocumentGroup {
        self.group
    }

    /// In whose register it is.
    pub fn register_owner(&self) -> &Oid {
        &self.register_owner
    }

    /// The document's clients.
    pub fn clients(&self) -> &[Client] {
        &self.clients
    }

    /// Why, in words.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// When it was decided.
    pub fn at(&self) -> Instant {
        self.at
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
            Invalidation::try_new(&Subject::from(&header), extent, reason, at.parse().unwrap())
        };
        let later = "2026-06-11T08:00:00+03:00";
        let one = make(Extent::ThisVersion, " Väärä asiakas. ", later).unwrap();
        assert_eq!(one.version(), Some(&header.ids.document));
        assert_eq!((one.reason(), one.group()), ("Väärä asiakas.", header.group));
        assert_eq!(one.register_owner(), &header.organiser.oid);
        let all = make(Extent::AllVersions, "Väärä asiakas.", later).unwrap();
        assert_eq!((all.version(), &all.ids().set), (None, &header.ids.set));
        assert_eq!(make(Extent::ThisVersion, " ", later).err(), Some(InvalidationFault::NoReason));
        let long = "x".repeat(REASON_CHARACTERS_MAX + 1);
        assert_eq!(make(Extent::ThisVersion, &long, later).err(), Some(InvalidationFault::ReasonTooLong(501)));
        let before = make(Extent::ThisVersion, "x", "2026-06-09T08:00:00+03:00");
        assert_eq!(before.err(), Some(InvalidationFault::BeforeDocument));
        assert_eq!(format!("{one:?}"), "Invalidation(…)");
    }
}
