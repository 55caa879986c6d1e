//! What the archive holds: documents by custodian, versions, cases, invalidation. State and look-ups, no judgement, no wire.
//!
//! Called by `archive.rs` alone, under its lock. Every document's metadata lie in a database (`registers/table.rs`) and every
//! look-up goes by an index there: a run of a hundred thousand documents costs each store the same, and no memory when the
//! database is a file. What changes is written into the journal, where there is one.

use std::io;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::hl7_time::PartialDate;
use crate::intake::content::ProducerRow;
use crate::intake::document::{Client, Code, ServiceProcess, Unit};
use crate::joining::Standing;
use crate::oid::Oid;
use crate::person::PersonId;
use crate::registers::table::Table;
use crate::storage::{Body, Journal};

mod table;
#[cfg(test)]
mod tests;

/// Document group of relationship documents.
pub(crate) const RELATIONSHIP: &str = "1";
/// Document group of case documents.
pub(crate) const CASE: &str = "2";
/// Document group of client documents.
pub(crate) const CLIENT_DOCUMENT: &str = "5";
/// The groups of which something is known.
pub(crate) const KNOWN_GROUPS: [&str; 3] = [RELATIONSHIP, CASE, CLIENT_DOCUMENT];

/// A stored document with the metadata that queries ask for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Stored {
    pub(crate) id: Oid,
    pub(crate) set_id: Oid,
    pub(crate) version: u32,
    pub(crate) effective_time: Box<str>,
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
    pub(crate) clients: Vec<Client>,
    pub(crate) authors: Vec<PersonId>,
    /// The case that it belongs to; a relationship document has none.
    pub(crate) case: Option<Oid>,
    /// The producer rows of a relationship document.
    pub(crate) rows: Vec<ProducerRow>,
    /// The day on which the case of a case document was closed.
    pub(crate) case_closed: Option<PartialDate>,
    pub(crate) stored_at: Timestamp,
    pub(crate) body: Body,
}

impl Stored {
    pub(crate) fn is_of(&self, client: &PersonId) -> bool {
        self.clients.iter().any(|one| one.id == *client)
    }
}

/// A document in its place.
pub(crate) struct Held {
    /// Place in the order of arrival, from 0.
    pub(crate) place: u32,
    pub(crate) document: Stored,
    pub(crate) is_valid: bool,
    /// The newest version of its document, valid or not.
    pub(crate) is_newest: bool,
    /// Place in the order of change: storing and invalidating.
    pub(crate) change: u32,
    pub(crate) changed_at: Timestamp,
}

impl Held {
    /// Is this the newest version of its document, and valid? A version before an invalidated one does not come back.
    pub(crate) fn is_current(&self) -> bool {
        self.is_newest && self.is_valid
    }
}

/// More documents than this are no test.
const DOCUMENTS_MAX: u32 = 10_000_000;

/// Everything stored, in the order of arrival. Every call fails when the database cannot be read or written.
pub(crate) struct Registers {
    table: Table,
    documents: u32,
    changes: u32,
    journal: Option<Journal>,
}

impl Registers {
    /// Empty registers in memory.
    pub(crate) fn in_memory() -> io::Result<Self> {
        Table::in_memory().map(Self::over)
    }

    /// Empty registers in a file, readable by its owner alone. What an earlier run has left there is forgotten.
    pub(crate) fn in_file(path: &Path) -> io::Result<Self> {
        Table::in_file(path).map(Self::over)
    }

    fn over(table: Table) -> Self {
        Self { table, documents: 0, changes: 0, journal: None }
    }

    /// From now on every change is written there as well.
    pub(crate) fn keep_journal(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Forgets everything, in the journal too.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        if let Some(journal) = &mut self.journal {
            journal.clear()?;
        }
        self.table.clear()?;
        (self.documents, self.changes) = (0, 0);
        Ok(())
    }

    /// A document by its id, valid or not.
    pub(crate) fn held(&self, id: &Oid) -> io::Result<Option<Held>> {
        self.table.held(id)
    }

    /// Stores a document that keeps the rules of versions; a case document registers its case too.
    ///
    /// # Errors
    /// When database or journal cannot be written, the registers are full or the document is none that the rules let through;
    /// nothing is stored then.
    pub(crate) fn store(&mut self, document: &Stored) -> io::Result<()> {
        if self.documents >= DOCUMENTS_MAX {
            return Err(io::Error::other("the registers are full"));
        }
        let is_first = document.id == document.set_id;
        if is_first && document.version != 1 || !is_first && self.newest(&document.set_id)?.is_none() {
            return Err(io::Error::other("a document that the registers cannot take"));
        }
        let change = self.changes + 1;
        let storing = self.table.begin()?;
        self.table.insert(document, self.documents, change)?;
        if let Some(journal) = &mut self.journal {
            journal.stored(document)?;
        }
        storing.commit().map_err(io::Error::other)?;
        (self.documents, self.changes) = (self.documents + 1, change);
        Ok(())
    }

    /// Marks a document invalid. Tells whether it was there and valid.
    pub(crate) fn invalidate(&mut self, id: &Oid, at: Timestamp) -> io::Result<bool> {
        if !self.table.invalidate(id, self.changes + 1, at)? {
            return Ok(false);
        }
        self.changes += 1;
        if let Some(journal) = &mut self.journal {
            journal.invalidated(id, at);
        }
        Ok(true)
    }

    /// Writes an organisation's standing into the journal, where there is one.
    pub(crate) fn note_standing(&mut self, organisation: &Oid, standing: Standing, at: Timestamp) {
        if let Some(journal) = &mut self.journal {
            journal.standing(organisation, standing, at);
        }
    }

    /// The versions of a document, oldest first, the invalidated ones among them.
    pub(crate) fn versions(&self, set_id: &Oid) -> io::Result<Vec<Held>> {
        self.table.versions(set_id)
    }

    /// The newest version of a document, valid or not.
    pub(crate) fn newest(&self, set_id: &Oid) -> io::Result<Option<Held>> {
        self.table.newest(set_id)
    }

    /// The case document of a known case: the last one that arrived, newest version.
    pub(crate) fn case(&self, custodian: &Oid, case: &Oid) -> io::Result<Option<Stored>> {
        self.table.case(custodian, case)
    }

    /// The newest relationship document of a client in a register: the last one that arrived, newest version.
    pub(crate) fn relationship(&self, client: &PersonId, custodian: &Oid) -> io::Result<Option<Stored>> {
        self.table.relationship(client, custodian)
    }

    /// All documents of a client in a register, in the order of arrival, the invalidated ones among them.
    pub(crate) fn of_client(&self, client: &PersonId, custodian: &Oid) -> io::Result<Vec<Held>> {
        self.table.of_client(client, custodian)
    }
}
