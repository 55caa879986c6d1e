//! Whether what the archive has under a document's id is what was sent: by its ids and the digest of its bytes.
//!
//! Asks nobody and moves nothing.

use crate::domain::document::header::DocumentIds;
use crate::sidecar::ports::{Digest, HeldBytes, Presence, Proof};

/// What a question has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The archive has it, known by this.
    Same(Proof),
    /// The archive has something else under its id.
    Other,
    /// The archive has nothing under its id.
    Absent,
}

impl Judgement {
    /// The name in metrics and in the use log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Same(_) => "stored",
            Self::Other => "other_bytes",
            Self::Absent => "absent",
        }
    }
}

/// Compares what the archive has with the ids and, where both sides' are known, the bytes of what was sent.
pub(super) fn judge(presence: &Presence, ids: &DocumentIds, sent: Option<Digest>) -> Judgement {
    let Presence::Stored(holding) = presence else { return Judgement::Absent };
    if holding.ids != *ids {
        return Judgement::Other;
    }
    match (holding.bytes, sent) {
        (HeldBytes::Known(held), Some(sent)) if held == sent => Judgement::Same(Proof::Found),
        (HeldBytes::Known(_), Some(_)) => Judgement::Other,
        (HeldBytes::NotGiven, _) | (_, None) => Judgement::Same(Proof::FoundByIds),
    }
}
