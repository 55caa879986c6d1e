//! What a decision stands on: a version of the client's relationship document, as the archive gave it.

use jiff::Timestamp;

use super::reason::Reason;
use crate::domain::document::header::DocumentIds;
use crate::domain::oid::Oid;
use crate::domain::relationship::Relationship;

/// What the newest relationship document says, and when it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The document version that was read.
    pub document: DocumentIds,
    /// Owner of the register that it was found in.
    pub organiser: Oid,
    /// What it grants.
    pub relationship: Relationship,
    /// When the archive gave it.
    pub fetched_at: Timestamp,
}

/// Whether a version of a document still counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It counts.
    Valid,
    /// It has been invalidated (mitätöity, makulerad).
    Invalidated,
}

/// Of several versions the one that counts: the newest that has not been invalidated. `None` when there is none.
pub fn newest(versions: impl IntoIterator<Item = (Evidence, Validity)>) -> Option<Evidence> {
    let valid = versions.into_iter().filter(|(_, validity)| *validity == Validity::Valid);
    valid.map(|(evidence, _)| evidence).max_by_key(|evidence| evidence.document.version)
}

impl Evidence {
    pub(super) fn judge(&self, organiser: &Oid, age_max_s: i64, now: Timestamp, reasons: &mut Vec<Reason>) {
        if self.organiser != *organiser {
            reasons.push(Reason::RegisterOwnerMismatch { found: self.organiser.clone() });
        }
        if now.duration_since(self.fetched_at).as_secs() > age_max_s {
            reasons.push(Reason::EvidenceTooOld);
        }
    }
}
