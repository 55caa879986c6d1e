//! What the archive holds: documents by custodian, versions, cases, invalidation. State and look-ups, no judgement, no wire.
//!
//! Called by `archive.rs` alone, under its lock. Every look-up goes by an index: a run of a hundred thousand documents
//! costs each store the same, and each of them a few hundred bytes. What changes is written into the journal, where there is one.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::hl7_time::PartialDate;
use crate::intake::content::ProducerRow;
use crate::intake::document::{Client, Code, ServiceProcess, Unit};
use crate::joining::Standing;
use crate::oid::Oid;
use crate::person::PersonId;
use crate::sharing::Shared;
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
    pub(crate) effective_time: Box<str>,
    pub(crate) alike: Arc<Alike>,
    pub(crate) people: Arc<People>,
    /// The producer rows of a relationship document.
    pub(crate) rows: Box<[ProducerRow]>,
    /// The day on which the case of a case document was closed.
    pub(crate) case_closed: Option<PartialDate>,
    pub(crate) stored_at: Timestamp,
    pub(crate) body: Body,
    pub(crate) sha256: [u8; 32],
}

/// What many documents have alike: a hundred thousand of them keep it a few times.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Alike {
    pub(crate) group: Code,
    pub(crate) general_type: Option<Code>,
    pub(crate) specific_type: Option<Code>,
    pub(crate) service_task: Option<Code>,
    pub(crate) service_process: Option<ServiceProcess>,
    pub(crate) content_specification: Oid,
    pub(crate) custodian: Oid,
    pub(crate) organiser: Oid,
    pub(crate) unit: Option<Unit>,
    pub(crate) sender: Oid,
}

/// Whom a document is about and by whom, and the case that it belongs to: what a client's documents have alike.
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct People {
    pub(crate) clients: Vec<Client>,
    pub(crate) authors: Vec<PersonId>,
    pub(crate) case: Option<Oid>,
}

impl Stored {
    pub(crate) fn is_of(&self, client: &PersonId) -> bool {
        self.people.clients.iter().any(|one| one.id == *client)
    }
}

/// A document in its place.
pub(crate) struct Held {
    /// Place in the order of arrival, from 0.
    pub(crate) place: usize,
    pub(crate) document: Stored,
    /// Place of the version before.
    before: Option<u32>,
    pub(crate) is_valid: bool,
    /// Place in the order of change: storing and invalidating.
    pub(crate) change: usize,
    pub(crate) changed_at: Timestamp,
}

/// A register's part that belongs to one client: custodian and client.
type Key = (Oid, PersonId);

/// More documents than this are no test.
const DOCUMENTS_MAX: u32 = 10_000_000;

/// Everything stored, in the order of arrival.
#[derive(Default)]
pub(crate) struct Registers {
    held: Vec<Held>,
    by_id: HashMap<Oid, u32>,
    /// The newest version of each document.
    newest: HashMap<Oid, u32>,
    by_client: HashMap<Key, Vec<u32>>,
    relationships: HashMap<Key, Vec<u32>>,
    cases: HashMap<(Oid, Oid), Vec<u32>>,
    changes: usize,
    journal: Option<Journal>,
    alike: Shared<Alike>,
    people: Shared<People>,
}

impl Registers {
    pub(crate) fn document(&self, id: &Oid) -> Option<&Stored> {
        self.held(id).map(|held| &held.document)
    }

    pub(crate) fn held(&self, id: &Oid) -> Option<&Held> {
        self.by_id.get(id).and_then(|place| self.at(*place))
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
    /// When the journal cannot be written, or the registers are full; nothing is stored then.
    pub(crate) fn store(&mut self, mut document: Stored) -> std::io::Result<()> {
        let place = u32::try_from(self.held.len()).ok().filter(|place| *place < DOCUMENTS_MAX);
        let place = place.ok_or_else(|| std::io::Error::other("the registers are full"))?;
        if let Some(journal) = &mut self.journal {
            journal.stored(&document)?;
        }
        document.alike = self.alike.kept(document.alike);
        document.people = self.people.kept(document.people);
        self.index(&document, place);
        self.by_id.insert(document.id.clone(), place);
        let before = self.newest.insert(document.set_id.clone(), place);
        self.changes += 1;
        let (change, changed_at) = (self.changes, document.stored_at);
        let place = self.held.len();
        self.held.push(Held { place, document, before, is_valid: true, change, changed_at });
        Ok(())
    }

    /// Writes a document down under its clients, and a case document under its case.
    fn index(&mut self, document: &Stored, place: u32) {
        let (alike, people) = (&document.alike, &document.people);
        for client in &people.clients {
            let key = (alike.custodian.clone(), client.id.clone());
            if alike.group.code == RELATIONSHIP {
                self.relationships.entry(key.clone()).or_default().push(place);
            }
            let places = self.by_client.entry(key).or_default();
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        if let (CASE, Some(case)) = (alike.group.code.as_str(), &people.case) {
            self.cases.entry((alike.custodian.clone(), case.clone())).or_default().push(place);
        }
    }

    /// Marks a document invalid. Tells whether it was there and valid.
    pub(crate) fn invalidate(&mut self, id: &Oid, at: Timestamp) -> bool {
        let place = self.by_id.get(id).and_then(|place| usize::try_from(*place).ok());
        let Some(held) = place.and_then(|place| self.held.get_mut(place)) else {
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

    /// Writes an organisation's standing into the journal, where there is one.
    pub(crate) fn note_standing(&mut self, organisation: &Oid, standing: Standing, at: Timestamp) {
        if let Some(journal) = &mut self.journal {
            journal.standing(organisation, standing, at);
        }
    }

    /// The versions of a document, oldest first, the invalidated ones among them.
    pub(crate) fn versions(&self, set_id: &Oid) -> Vec<&Held> {
        let before = |held: &&Held| held.before.and_then(|place| self.at(place));
        let mut versions: Vec<&Held> = std::iter::successors(self.newest(set_id), before).collect();
        versions.reverse();
        versions
    }

    /// The newest version of a document, valid or not.
    pub(crate) fn newest(&self, set_id: &Oid) -> Option<&Held> {
        self.newest.get(set_id).and_then(|place| self.at(*place))
    }

    /// Is this the newest version of its document, and valid? A version before an invalidated one does not come back.
    pub(crate) fn is_current(&self, held: &Held) -> bool {
        held.is_valid && self.newest(&held.document.set_id).is_some_and(|newest| newest.place == held.place)
    }

    /// The case document of a known case: the last one that arrived, newest version.
    pub(crate) fn case(&self, custodian: &Oid, case: &Oid) -> Option<&Stored> {
        self.current(self.cases.get(&(custodian.clone(), case.clone())))
    }

    /// The newest relationship document of a client in a register: the last one that arrived, newest version.
    pub(crate) fn relationship(&self, client: &PersonId, custodian: &Oid) -> Option<&Stored> {
        self.current(self.relationships.get(&(custodian.clone(), client.clone())))
    }

    /// All documents of a client in a register, in the order of arrival, the invalidated ones among them.
    pub(crate) fn of_client(&self, client: &PersonId, custodian: &Oid) -> impl Iterator<Item = &Held> {
        let places = self.by_client.get(&(custodian.clone(), client.clone()));
        places.into_iter().flatten().filter_map(|place| self.at(*place))
    }

    fn at(&self, place: u32) -> Option<&Held> {
        self.held.get(usize::try_from(place).ok()?)
    }

    fn current(&self, places: Option<&Vec<u32>>) -> Option<&Stored> {
        let mut newest_first = places.into_iter().flatten().rev().filter_map(|place| self.at(*place));
        newest_first.find(|held| self.is_current(held)).map(|held| &held.document)
    }
}
