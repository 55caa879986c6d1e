//! Who has asked for what since it last arrived: what a second arrival is judged by. Called by `ledger.rs`.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::{ArrivalKind, Entry};
use crate::oid::Oid;

/// What may arrive again: a document, or an invalidation of one version or of all.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Parcel {
    Document(Oid),
    Version(Oid),
    /// By the set id.
    AllVersions(Oid),
}

/// Senders that have asked since each parcel's last arrival.
#[derive(Default)]
pub(super) struct Asked {
    askers: BTreeMap<Parcel, BTreeSet<Oid>>,
    /// The set ids of the documents that arrived.
    sets: BTreeMap<Oid, Oid>,
}

impl Asked {
    /// Takes the next entry in; gives the document and the arrival when it arrived again and its sender had not asked.
    pub(super) fn unasked(&mut self, entry: Entry) -> Option<(Oid, u64)> {
        let (named, parcel) = match entry.kind {
            ArrivalKind::Question { document_id } => {
                self.note(&document_id, &entry.sender);
                return None;
            }
            ArrivalKind::Store { document_id, set_id, .. } => {
                self.sets.insert(document_id.clone(), set_id);
                (document_id.clone(), Parcel::Document(document_id))
            }
            ArrivalKind::Invalidation { document_id: Some(id), .. } => (id.clone(), Parcel::Version(id)),
            ArrivalKind::Invalidation { set_id, document_id: None } => (set_id.clone(), Parcel::AllVersions(set_id)),
            ArrivalKind::Find | ArrivalKind::Fetch { .. } | ArrivalKind::Unreadable => return None,
        };
        // A question before the first arrival says nothing about a second one.
        let askers = self.askers.insert(parcel, BTreeSet::new())?;
        (!askers.contains(&entry.sender)).then_some((named, entry.sequence))
    }

    fn note(&mut self, document: &Oid, sender: &Oid) {
        let set = self.sets.get(document).unwrap_or(document).clone();
        for parcel in [Parcel::Document(document.clone()), Parcel::Version(document.clone()), Parcel::AllVersions(set)]
        {
            if let Some(askers) = self.askers.get_mut(&parcel) {
                askers.insert(sender.clone());
            }
        }
    }
}
