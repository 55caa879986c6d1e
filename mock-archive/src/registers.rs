//! What the archive holds: documents by custodian, versions, cases, invalidation. State and look-ups, no judgement, no wire.
//!
//! Called by `archive.rs` alone, under its lock. Every look-up goes by an index: a run of a hundred thousand documents
//! costs each store the same, and each of them some two hundred bytes (`registers/row.rs`). What changes is written into the
//! journal, where there is one.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::hl7_time::PartialDate;
use crate::intake::content::ProducerRow;
use crate::intake::document::{Client, Code, ServiceProcess, Unit};
use crate::joining::Standing;
use crate::oid::Oid;
use crate::person::PersonId;
use crate::registers::row::{EffectiveTime, Ids, Later, Row, ShortId, Special};
use crate::sharing::Shared;
use crate::storage::{Body, Journal};

mod row;

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
    pub(crate) rows: Arc<[ProducerRow]>,
    /// The day on which the case of a case document was closed.
    pub(crate) case_closed: Option<PartialDate>,
    pub(crate) stored_at: Timestamp,
    pub(crate) body: Body,
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
    pub(crate) clients: Box<[Client]>,
    pub(crate) authors: Box<[PersonId]>,
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
    pub(crate) place: u32,
    pub(crate) document: Stored,
    pub(crate) is_valid: bool,
    /// Place in the order of change: storing and invalidating.
    pub(crate) change: u32,
    pub(crate) changed_at: Timestamp,
}

/// A register's part that belongs to one client: custodian and client.
type Key = (Oid, PersonId);

/// More documents than this are no test.
const DOCUMENTS_MAX: u32 = 10_000_000;

/// Everything stored, in the order of arrival.
#[derive(Default)]
pub(crate) struct Registers {
    rows: Vec<Row>,
    /// Of versions after the first, by place.
    later: HashMap<u32, Later>,
    /// Of relationship documents and case documents, by place.
    special: HashMap<u32, Special>,
    ids: Ids,
    by_id: HashMap<ShortId, u32>,
    /// The newest version of each document that has more than one.
    newest: HashMap<ShortId, u32>,
    by_client: HashMap<Key, Vec<u32>>,
    relationships: HashMap<Key, Vec<u32>>,
    cases: HashMap<(Oid, Oid), Vec<u32>>,
    /// The invalidated documents: their place in the order of change, and when.
    invalidated: HashMap<u32, (u32, Timestamp)>,
    changes: u32,
    journal: Option<Journal>,
    alike: Shared<Alike>,
    people: Shared<People>,
}

impl Registers {
    /// A document by its id, valid or not.
    pub(crate) fn held(&self, id: &Oid) -> Option<Held> {
        self.at(self.place(id)?)
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

    /// Stores a document that keeps the rules of versions; a case document registers its case too.
    ///
    /// # Errors
    /// When the journal cannot be written, the registers are full or the document is none that the rules let through; nothing is
    /// stored then.
    pub(crate) fn store(&mut self, document: Stored) -> std::io::Result<()> {
        let refused = || std::io::Error::other("a document that the registers cannot take");
        let place = u32::try_from(self.rows.len()).ok().filter(|place| *place < DOCUMENTS_MAX);
        let place = place.ok_or_else(|| std::io::Error::other("the registers are full"))?;
        let is_first = document.id == document.set_id;
        let chain = self.place(&document.set_id).zip(self.newest_place(&document.set_id));
        if chain.is_none() && !is_first || is_first && document.version != 1 {
            return Err(refused());
        }
        let effective_time = EffectiveTime::new(&document.effective_time).ok_or_else(refused)?;
        let stored_at_nanos = row::nanos(document.stored_at).ok_or_else(refused)?;
        let id = self.ids.shorten(&document.id).ok_or_else(refused)?;
        let set_id = self.ids.shorten(&document.set_id).ok_or_else(refused)?;
        if let Some(journal) = &mut self.journal {
            journal.stored(&document)?;
        }
        let alike = self.alike.kept(document.alike);
        let people = self.people.kept(document.people);
        self.index(&alike, &people, place);
        self.by_id.insert(id, place);
        if let Some((first, before)) = chain.filter(|_| !is_first) {
            self.newest.insert(set_id, place);
            self.later.insert(place, Later { first, before, version: document.version });
        }
        if !document.rows.is_empty() || document.case_closed.is_some() {
            self.special.insert(place, Special { rows: document.rows, case_closed: document.case_closed });
        }
        self.changes += 1;
        self.rows.push(Row {
            alike,
            people,
            stored_at_nanos,
            body_at: document.body.at,
            body_length: document.body.length,
            id,
            change: self.changes,
            effective_time,
        });
        Ok(())
    }

    /// Writes a document down under its clients, and a case document under its case.
    fn index(&mut self, alike: &Alike, people: &People, place: u32) {
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
        let Some(place) = self.place(id).filter(|place| !self.invalidated.contains_key(place)) else {
            return false;
        };
        self.changes += 1;
        self.invalidated.insert(place, (self.changes, at));
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
    pub(crate) fn versions(&self, set_id: &Oid) -> Vec<Held> {
        let before = |place: &u32| self.later.get(place).map(|later| later.before);
        let places = std::iter::successors(self.newest_place(set_id), before);
        let mut versions: Vec<Held> = places.filter_map(|place| self.at(place)).collect();
        versions.reverse();
        versions
    }

    /// The newest version of a document, valid or not.
    pub(crate) fn newest(&self, set_id: &Oid) -> Option<Held> {
        self.at(self.newest_place(set_id)?)
    }

    /// Is this the newest version of its document, and valid? A version before an invalidated one does not come back.
    pub(crate) fn is_current(&self, held: &Held) -> bool {
        self.is_current_at(held.place)
    }

    fn is_current_at(&self, place: u32) -> bool {
        let set_id = self.row(self.first(place)).map(|first| first.id);
        let newest = set_id.and_then(|set_id| self.newest.get(&set_id).or_else(|| self.by_id.get(&set_id)));
        newest == Some(&place) && !self.invalidated.contains_key(&place)
    }

    /// The case document of a known case: the last one that arrived, newest version.
    pub(crate) fn case(&self, custodian: &Oid, case: &Oid) -> Option<Stored> {
        self.current(self.cases.get(&(custodian.clone(), case.clone())))
    }

    /// The newest relationship document of a client in a register: the last one that arrived, newest version.
    pub(crate) fn relationship(&self, client: &PersonId, custodian: &Oid) -> Option<Stored> {
        self.current(self.relationships.get(&(custodian.clone(), client.clone())))
    }

    /// All documents of a client in a register, in the order of arrival, the invalidated ones among them.
    pub(crate) fn of_client(&self, client: &PersonId, custodian: &Oid) -> impl Iterator<Item = Held> {
        let places = self.by_client.get(&(custodian.clone(), client.clone()));
        places.into_iter().flatten().filter_map(|place| self.at(*place))
    }

    fn place(&self, id: &Oid) -> Option<u32> {
        self.by_id.get(&self.ids.find(id)?).copied()
    }

    fn newest_place(&self, set_id: &Oid) -> Option<u32> {
        let short = self.ids.find(set_id)?;
        let only = || self.by_id.get(&short).filter(|place| !self.later.contains_key(place));
        self.newest.get(&short).or_else(only).copied()
    }

    /// Place of version 1 of the document at a place.
    fn first(&self, place: u32) -> u32 {
        self.later.get(&place).map_or(place, |later| later.first)
    }

    fn row(&self, place: u32) -> Option<&Row> {
        self.rows.get(usize::try_from(place).ok()?)
    }

    fn at(&self, place: u32) -> Option<Held> {
        let row = self.row(place)?;
        let (stored_at, special) = (row::moment(row.stored_at_nanos), self.special.get(&place));
        let document = Stored {
            id: self.ids.whole(row.id)?,
            set_id: self.ids.whole(self.row(self.first(place))?.id)?,
            version: self.later.get(&place).map_or(1, |later| later.version),
            effective_time: row.effective_time.text(),
            alike: Arc::clone(&row.alike),
            people: Arc::clone(&row.people),
            rows: special.map(|special| Arc::clone(&special.rows)).unwrap_or_default(),
            case_closed: special.and_then(|special| special.case_closed),
            stored_at,
            body: Body { at: row.body_at, length: row.body_length },
        };
        let invalidated = self.invalidated.get(&place);
        let (change, changed_at) = invalidated.copied().unwrap_or((row.change, stored_at));
        Some(Held { place, document, is_valid: invalidated.is_none(), change, changed_at })
    }

    fn current(&self, places: Option<&Vec<u32>>) -> Option<Stored> {
        let newest = places.into_iter().flatten().rev().find(|place| self.is_current_at(**place));
        newest.and_then(|place| self.at(*place)).map(|held| held.document)
    }
}
