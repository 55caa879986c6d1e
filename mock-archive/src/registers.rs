//! What the archive holds: documents by custodian, versions, cases. State and look-ups, no judgement, no wire.
//!
//! Called by `archive.rs` alone, under its lock.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::intake::content::ProducerRow;
use crate::intake::document::{Client, Code};
use crate::oid::Oid;
use crate::person::PersonId;

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
    pub(crate) bytes: Arc<[u8]>,
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
    cases: HashMap<(Oid, Oid), Vec<PersonId>>,
    invalidated: HashSet<Oid>,
}

impl Registers {
    pub(crate) fn document(&self, id: &Oid) -> Option<&Arc<Stored>> {
        self.by_id.get(id).and_then(|at| self.documents.get(*at))
    }

    /// Stores a document; a case document registers its case too.
    pub(crate) fn store(&mut self, document: Stored) {
        if let (CASE, Some(case)) = (document.group.code.as_str(), &document.case) {
            let clients = document.clients.iter().map(|client| client.id.clone()).collect();
            self.cases.insert((document.custodian.clone(), case.clone()), clients);
        }
        self.by_id.insert(document.id.clone(), self.documents.len());
        self.documents.push(Arc::new(document));
    }

    /// Marks a document invalid; it is left out of answers. Tells whether it was there and valid.
    pub(crate) fn invalidate(&mut self, id: &Oid) -> bool {
        self.by_id.contains_key(id) && self.invalidated.insert(id.clone())
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
        self.documents
            .iter()
            .filter(|document| document.set_id == *set_id && self.is_valid(document))
            .max_by_key(|document| document.version)
    }

    pub(crate) fn is_newest(&self, document: &Stored) -> bool {
        self.newest_of_set(&document.set_id).is_some_and(|newest| newest.id == document.id)
    }

    /// The newest relationship document of a client in a register: the last one that arrived, newest version.
    pub(crate) fn relationship(&self, client: &PersonId, custodian: &Oid) -> Option<&Arc<Stored>> {
        self.documents.iter().rev().find(|document| {
            document.group.code == RELATIONSHIP
                && document.custodian == *custodian
                && self.is_valid(document)
                && document.is_of(client)
                && self.is_newest(document)
        })
    }

    /// All valid documents of a register with their place in the order of arrival.
    pub(crate) fn valid(&self, custodian: &Oid) -> impl Iterator<Item = (usize, &Arc<Stored>)> {
        self.documents
            .iter()
            .enumerate()
            .filter(move |(_, document)| document.custodian == *custodian && self.is_valid(document))
    }
}
