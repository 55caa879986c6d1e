//! What the archive holds: documents by custodian, versions, cases, invalidation. State and look-ups, no judgement, no wire.
//!
//! Called by `archive.rs` alone, under its lock. Every look-up goes by an index: a run of a hundred thousand documents
//! costs each store the same. What changes is written into the journal, where there is one.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::hl7_time::PartialDate;
use crate::intake::content::ProducerRow;
use crate::intake::document::{Client, Code, ServiceProcess, Unit};
use crate::oid::Oid;
use crate::person::PersonId;
use crate::storage::{Body, Journal};

/// Document group of relationship documents.
pub(crate) const RELATIONSHIP: &str = "1";
/// Document group of case documents.
pub(crate) const CASE: &str = "2";
/// Document group of client documents.
pub(crate) const CLIENT_DOCUMENT: &str = "5";
/// The groups of which something is known.
pub(crate) const KNOWN_GROUPS: [&str; 3] = [RELATIONSHIP, CASE, CLIENT_DOCUMENT];

/// A stored document with the metadata that queries ask for.
pub(crate) struct Stored {
    pub(crate) id: Oid,
    pub(crate) set_id: Oid,
    pub(crate) version: u32,
    pub(crate) effective_time: String,
    pub(crate) group: Code,
    pub(crate) general_type: Option<Code>,
    pub(crate) specific_type: Option<Code>,
    pub(crate) service_task: Option<Code>,
    pub(crate) service_process: Option<ServiceProcess>,
    pub(crate) content_specification: Oid,
    pub(crate) clients: Vec<Client>,
    pub(crate) authors: Vec<PersonId>,
    pub(crate) custodian: Oid,
    pub(crate) organiser: Oid,
    pub(crate) unit: Option<Unit>,
    pub(crate) case: Option<Oid>,
    /// The producer rows of a relationship document.
    pub(crate) rows: Vec<ProducerRow>,
    /// The day on which the case of a case document was closed.
    pub(crate) case_closed: Option<PartialDate>,
    pub(crate) sender: Oid,
    pub(crate) stored_at: Timestamp,
    pub(crate) body: Body,
    pub(crate) sha256: [u8; 32],
}

impl Stored {
    pub(crate) fn is_of(&self, client: &PersonId) -> bool {
        self.clients.iter().any(|one| one.id == *client)
    }
}

/// A document in its place.
pub(crate) struct Held {
    /// Place in the order of arrival, from 0.
    pub(crate) place: usize,
    pub(crate) document: Arc<Stored>,
    pub(crate) is_valid: bool,
    /// Place in the order of change: storing and invalidating.
    pub(crate) change: usize,
    pub(crate) changed_at: Timestamp,
}

/// A register's part that belongs to one client: custodian and client.
type Key = (Oid, PersonId);

/// Everything stored, in the order of arrival.
#[derive(Default)]
pub(crate) struct Registers {
    held: Vec<Held>,
    by_id: HashMap<Oid, usize>,
    by_set: HashMap<Oid, Vec<usize>>,
    by_client: HashMap<Key, Vec<usize>>,
    relationships: HashMap<Key, Vec<usize>>,
    cases: HashMap<(Oid, Oid), Vec<usize>>,
    changes: usize,
    journal: Option<Journal>,
}

impl Registers {
    pub(crate) fn document(&self, id: &Oid) -> Option<&Arc<Stored>> {
        self.held(id).map(|held| &held.document)
    }

    pub(crate) fn held(&self, id: &Oid) -> Option<&Held> {
        self.by_id.get(id).and_then(|place| self.held.get(*place))
    }

    /// From now on every change is written there as well.
    pub(crate) fn keep_journal(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Forgets everything, in the journal too.
    pub(crate) fn clear(&mut self) -> std::io::Result<()> {
        let mut journal = self.journal.take();
        if let Some(journal) = &mut journal {
            journal.clear()?;
        }
        *self = Self { journal, ..Self::default() };
        Ok(())
    }

    /// Stores a document; a case document registers its case too.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing is stored then.
    pub(crate) fn store(&mut self, document: Stored) -> std::io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.stored(&document)?;
        }
        let place = self.held.len();
        for client in &document.clients {
            let key = (document.custodian.clone(), client.id.clone());
            if document.group.code == RELATIONSHIP {
                self.relationships.entry(key.clone()).or_default().push(place);
            }
            let places = self.by_client.entry(key).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        if let (CASE, Some(case)) = (document.group.code.as_str(), &document.case) {
            self.cases.entry((document.custodian.clone(), case.clone())).or_default().push(place);
        }
        self.by_id.insert(document.id.clone(), place);
        self.by_set.entry(document.set_id.clone()).or_default().push(place);
        self.changes += 1;
        let (change, changed_at) = (self.changes, document.stored_at);
        self.held.push(Held { place, document: Arc::new(document), is_valid: true, change, changed_at });
        Ok(())
    }

    /// Marks a document invalid. Tells whether it was there and valid.
    pub(crate) fn invalidate(&mut self, id: &Oid, at: Timestamp) -> bool {
        let Some(held) = self.by_id.get(id).and_then(|place| self.held.get_mut(*place)) else {
            return false;
        };
        if !std::mem::replace(&mut held.is_valid, false) {
            return false;
        }
        self.changes += 1;
        (held.change, held.changed_at) = (self.changes, at);
        if let Some(journal) = &mut self.journal {
            journal.invalidated(id, at);
        }
        true
    }

    /// The versions of a document, oldest first, the invalidated ones among them.
    pub(crate) fn versions(&self, set_id: &Oid) -> impl DoubleEndedIterator<Item = &Held> {
        self.at(self.by_set.get(set_id))
    }

    /// Is this the newest version of its document, and valid? A version before an invalidated one does not come back.
    pub(crate) fn is_current(&self, held: &Held) -> bool {
        held.is_valid && self.versions(&held.document.set_id).next_back().is_some_and(|last| last.place == held.place)
    }

    /// The case document of a known case: the last one that arrived, newest version.
    pub(crate) fn case(&self, custodian: &Oid, case: &Oid) -> Option<&Arc<Stored>> {
        self.current(self.cases.get(&(custodian.clone(), case.clone())))
    }

    /// The newest relationship document of a client in a register: the last one that arrived, newest version.
    pub(crate) fn relationship(&self, client: &PersonId, custodian: &Oid) -> Option<&Arc<Stored>> {
        self.current(self.relationships.get(&(custodian.clone(), client.clone())))
    }

    /// All documents of a client in a register, in the order of arrival, the invalidated ones among them.
    pub(crate) fn of_client(&self, client: &PersonId, custodian: &Oid) -> impl Iterator<Item = &Held> {
        self.at(self.by_client.get(&(custodian.clone(), client.clone())))
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl DoubleEndedIterator<Item = &'a Held> {
        places.into_iter().flatten().filter_map(|place| self.held.get(*place))
    }

    fn current<'a>(&'a self, places: Option<&'a Vec<usize>>) -> Option<&'a Arc<Stored>> {
        self.at(places).rev().find(|held| self.is_current(held)).map(|held| &held.document)
    }
}
