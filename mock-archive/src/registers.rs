//! What the archive holds: documents by custodian, versions, cases. State and look-ups, no judgement, no wire.
//!
//! Every look-up goes by an index, so that it costs what it finds and not what is held. What changes is written into the
//! journal, where there is one. Called by `archive.rs` alone, under its lock.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::intake::content::ProducerRow;
use crate::intake::document::{Client, Code};
use crate::oid::Oid;
use crate::person::PersonId;
use crate::storage::{Body, Journal};

/// Document group of relationship documents.
pub(crate) const RELATIONSHIP: &str = "1";
/// Document group of case documents.
pub(crate) const CASE: &str = "2";
/// Document group of client documents.
pub(crate) const CLIENT_DOCUMENT: &str = "5";

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
    pub(crate) content_specification: Oid,
    pub(crate) clients: Vec<Client>,
    pub(crate) authors: Vec<PersonId>,
    pub(crate) custodian: Oid,
    pub(crate) organiser: Oid,
    pub(crate) case: Option<Oid>,
    /// The producer rows of a relationship document.
    pub(crate) rows: Vec<ProducerRow>,
    pub(crate) sender: Oid,
    pub(crate) body: Body,
    pub(crate) sha256: [u8; 32],
}

impl Stored {
    pub(crate) fn is_of(&self, client: &PersonId) -> bool {
        self.clients.iter().any(|one| one.id == *client)
    }
}

/// Everything stored, in the order of arrival.
#[derive(Default)]
pub(crate) struct Registers {
    documents: Vec<Arc<Stored>>,
    by_id: HashMap<Oid, usize>,
    /// Places in `documents`, in the order of arrival.
    by_set: HashMap<Oid, Vec<usize>>,
    by_client: HashMap<PersonId, Vec<usize>>,
    cases: HashMap<(Oid, Oid), Vec<PersonId>>,
    invalidated: HashSet<Oid>,
    journal: Option<Journal>,
}

impl Registers {
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

    pub(crate) fn document(&self, id: &Oid) -> Option<&Arc<Stored>> {
        self.by_id.get(id).and_then(|at| self.documents.get(*at))
    }

    /// Stores a document; a case document registers its case too.
    ///
    /// # Errors
    /// When the journal cannot be written; nothing is stored then.
    pub(crate) fn store(&mut self, document: Stored) -> std::io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.stored(&document)?;
        }
        if let (CASE, Some(case)) = (document.group.code.as_str(), &document.case) {
            let clients = document.clients.iter().map(|client| client.id.clone()).collect();
            self.cases.insert((document.custodian.clone(), case.clone()), clients);
        }
        let place = self.documents.len();
        self.by_id.insert(document.id.clone(), place);
        self.by_set.entry(document.set_id.clone()).or_default().push(place);
        for client in &document.clients {
            let places = self.by_client.entry(client.id.clone()).or_default();
            // A client who is named twice is found once.
            if places.last() != Some(&place) {
                places.push(place);
            }
        }
        self.documents.push(Arc::new(document));
        Ok(())
    }

    /// Marks a document invalid; it is left out of answers. Tells whether it was there and valid.
    pub(crate) fn invalidate(&mut self, id: &Oid) -> bool {
        let newly = self.by_id.contains_key(id) && self.invalidated.insert(id.clone());
        if newly && let Some(journal) = &mut self.journal {
            journal.invalidated(id);
        }
        newly
    }

    pub(crate) fn is_valid(&self, document: &Stored) -> bool {
        !self.invalidated.contains(&document.id)
    }

    /// The clients of a known case.
    pub(crate) fn case(&self, custodian: &Oid, case: &Oid) -> Option<&[PersonId]> {
        self.cases.get(&(custodian.clone(), case.clone())).map(Vec::as_slice)
    }

    /// The newest valid version in the chain of `set_id`.
    pub(crate) fn newest_of_set(&self, set_id: &Oid) -> Option<&Arc<Stored>> {
        self.at(self.by_set.get(set_id))
            .map(|(_, document)| document)
            .filter(|document| self.is_valid(document))
            .max_by_key(|document| document.version)
    }

    pub(crate) fn is_newest(&self, document: &Stored) -> bool {
        self.newest_of_set(&document.set_id).is_some_and(|newest| newest.id == document.id)
    }

    /// The newest relationship document of a client in a register: the last one that arrived, newest version.
    pub(crate) fn relationship(&self, client: &PersonId, custodian: &Oid) -> Option<&Arc<Stored>> {
        self.valid_of(client, custodian)
            .rev()
            .map(|(_, document)| document)
            .find(|document| document.group.code == RELATIONSHIP && self.is_newest(document))
    }

    /// All valid documents of a client in a register with their place in the order of arrival.
    pub(crate) fn valid_of<'a>(
        &'a self,
        client: &PersonId,
        custodian: &Oid,
    ) -> impl DoubleEndedIterator<Item = (usize, &'a Arc<Stored>)> {
        self.at(self.by_client.get(client))
            .filter(move |(_, document)| document.custodian == *custodian && self.is_valid(document))
    }

    fn at<'a>(&'a self, places: Option<&'a Vec<usize>>) -> impl DoubleEndedIterator<Item = (usize, &'a Arc<Stored>)> {
        let places = places.map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.documents.get(*place).map(|document| (*place, document)))
    }
}
