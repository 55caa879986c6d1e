//! The registers' database: SQLite, in memory or in a file of the data directory. Called by `registers.rs` alone.
//!
//! The file is no more than an index of the bodies beside it: it is not synced, and every run makes it anew from the journal.
//! What a document's metadata are is one JSON text; what is looked for has a column or a row of its own.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{CachedStatement, Connection, OptionalExtension, Params, Row, Transaction, params};

use crate::oid::Oid;
use crate::person::PersonId;
use crate::registers::{CASE, Held, RELATIONSHIP, Stored};

/// Pages kept in memory, in KiB; SQLite reads the others from the file.
const CACHE_KIB: i32 = 4 * 1024;

const SCHEMA: &str = "
    CREATE TABLE document (
        place INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        set_id TEXT NOT NULL,
        custodian TEXT NOT NULL,
        -- Of a case document: its case.
        of_case TEXT,
        change INTEGER NOT NULL,
        invalidated_at TEXT,
        metadata TEXT NOT NULL
    ) STRICT;
    CREATE INDEX version ON document (set_id, place);
    CREATE INDEX case_document ON document (custodian, of_case, place) WHERE of_case IS NOT NULL;
    CREATE TABLE client (
        custodian TEXT NOT NULL,
        root TEXT NOT NULL,
        extension TEXT NOT NULL,
        place INTEGER NOT NULL,
        has_relationship INTEGER NOT NULL,
        PRIMARY KEY (custodian, root, extension, place)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX relationship ON client (custodian, root, extension, place) WHERE has_relationship = 1;
";

/// Every look-up reads the same columns, in the order of [`held`].
macro_rules! held_where {
    ($rest:literal) => {
        concat!(
            "SELECT place, metadata, change, invalidated_at, NOT EXISTS (SELECT 1 FROM document AS later ",
            "WHERE later.set_id = document.set_id AND later.place > document.place) AS is_newest FROM document ",
            $rest
        )
    };
}

const BY_ID: &str = held_where!("WHERE id = ?");
const VERSIONS: &str = held_where!("WHERE set_id = ? ORDER BY place");
const NEWEST: &str = held_where!("WHERE set_id = ? ORDER BY place DESC LIMIT 1");
const OF_CASE: &str = held_where!(
    "WHERE custodian = ? AND of_case = ? AND invalidated_at IS NULL AND is_newest ORDER BY place DESC LIMIT 1"
);
const RELATIONSHIP_OF: &str = held_where!(
    "JOIN client USING (place) WHERE client.custodian = ? AND root = ? AND extension = ? AND has_relationship = 1
     AND invalidated_at IS NULL AND is_newest ORDER BY client.place DESC LIMIT 1"
);
const OF_CLIENT: &str = held_where!(
    "JOIN client USING (place) WHERE client.custodian = ? AND root = ? AND extension = ? ORDER BY client.place"
);
const INVALIDATE: &str = "UPDATE document SET change = ?, invalidated_at = ? WHERE id = ? AND invalidated_at IS NULL";
const INSERT_DOCUMENT: &str = "INSERT INTO document VALUES (?, ?, ?, ?, ?, ?, NULL, ?)";
// A client may be named twice.
const INSERT_CLIENT: &str = "INSERT OR IGNORE INTO client VALUES (?, ?, ?, ?, ?)";

pub(super) struct Table(Connection);

impl Table {
    pub(super) fn in_memory() -> io::Result<Self> {
        Connection::open_in_memory().and_then(Self::prepared).map_err(io::Error::other)
    }

    pub(super) fn in_file(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // SQLite would make it readable by everyone.
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Connection::open(path).and_then(Self::prepared).map_err(io::Error::other)
    }

    fn prepared(connection: Connection) -> rusqlite::Result<Self> {
        // Plans for all values alike: a statement is planned once, not for each value that is bound.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        // A transaction can be taken back; after a crash nobody reads the file.
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self(connection))
    }

    /// What is written from now on is taken back, unless the transaction is committed.
    pub(super) fn begin(&self) -> io::Result<Transaction<'_>> {
        self.0.unchecked_transaction().map_err(io::Error::other)
    }

    pub(super) fn clear(&self) -> io::Result<()> {
        self.0.execute_batch("BEGIN; DELETE FROM client; DELETE FROM document; COMMIT").map_err(io::Error::other)
    }

    /// Writes a document down, under its clients, and a case document under its case. Inside [`Self::begin`].
    pub(super) fn insert(&self, document: &Stored, place: u32, change: u32) -> io::Result<()> {
        let metadata = serde_json::to_string(document)?;
        let of_case = document.case.as_ref().filter(|_| document.group.code == CASE);
        let values = params![
            place,
            document.id.as_str(),
            document.set_id.as_str(),
            document.custodian.as_str(),
            of_case.map(Oid::as_str),
            change,
            metadata
        ];
        self.statement(INSERT_DOCUMENT)?.execute(values).map_err(io::Error::other)?;
        let mut under_client = self.statement(INSERT_CLIENT)?;
        let (custodian, has_relationship) = (document.custodian.as_str(), document.group.code == RELATIONSHIP);
        for client in &document.clients {
            let values = params![custodian, client.id.root, client.id.extension, place, has_relationship];
            under_client.execute(values).map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// Tells whether the document was there and valid.
    pub(super) fn invalidate(&self, id: &Oid, change: u32, at: Timestamp) -> io::Result<bool> {
        let changed = self.statement(INVALIDATE)?.execute(params![change, at.to_string(), id.as_str()]);
        Ok(changed.map_err(io::Error::other)? > 0)
    }

    pub(super) fn held(&self, id: &Oid) -> io::Result<Option<Held>> {
        self.one(BY_ID, [id.as_str()])
    }

    pub(super) fn versions(&self, set_id: &Oid) -> io::Result<Vec<Held>> {
        self.all(VERSIONS, [set_id.as_str()])
    }

    pub(super) fn newest(&self, set_id: &Oid) -> io::Result<Option<Held>> {
        self.one(NEWEST, [set_id.as_str()])
    }

    pub(super) fn case(&self, custodian: &Oid, case: &Oid) -> io::Result<Option<Stored>> {
        Ok(self.one(OF_CASE, [custodian.as_str(), case.as_str()])?.map(|held| held.document))
    }

    pub(super) fn relationship(&self, client: &PersonId, custodian: &Oid) -> io::Result<Option<Stored>> {
        let wanted = [custodian.as_str(), &client.root, &client.extension];
        Ok(self.one(RELATIONSHIP_OF, wanted)?.map(|held| held.document))
    }

    pub(super) fn of_client(&self, client: &PersonId, custodian: &Oid) -> io::Result<Vec<Held>> {
        self.all(OF_CLIENT, [custodian.as_str(), &client.root, &client.extension])
    }

    fn statement(&self, sql: &'static str) -> io::Result<CachedStatement<'_>> {
        self.0.prepare_cached(sql).map_err(io::Error::other)
    }

    fn one(&self, sql: &'static str, values: impl Params) -> io::Result<Option<Held>> {
        let row = self.statement(sql)?.query_row(values, |row| Ok(held(row))).optional();
        row.map_err(io::Error::other)?.transpose()
    }

    fn all(&self, sql: &'static str, values: impl Params) -> io::Result<Vec<Held>> {
        let mut statement = self.statement(sql)?;
        let rows = statement.query_map(values, |row| Ok(held(row))).map_err(io::Error::other)?;
        rows.map(|row| row.map_err(io::Error::other)?).collect()
    }
}

fn held(row: &Row<'_>) -> io::Result<Held> {
    let columns = || Ok((row.get(0)?, row.get_ref(1)?.as_str()?, row.get(2)?, row.get(3)?, row.get(4)?));
    let columns: rusqlite::Result<(u32, &str, u32, Option<String>, bool)> = columns();
    let (place, metadata, change, invalidated_at, is_newest) = columns.map_err(io::Error::other)?;
    let document: Stored = serde_json::from_str(metadata)?;
    let invalidated_at = invalidated_at.map(|at| at.parse().map_err(io::Error::other)).transpose()?;
    let changed_at = invalidated_at.unwrap_or(document.stored_at);
    Ok(Held { place, document, is_valid: invalidated_at.is_none(), is_newest, change, changed_at })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
mod tests {
    use rusqlite::types::Null;

    use super::*;

    #[test]
    fn no_look_up_goes_through_all_documents() {
        let table = Table::in_memory().unwrap();
        for sql in [BY_ID, VERSIONS, NEWEST, OF_CASE, RELATIONSHIP_OF, OF_CLIENT, INVALIDATE] {
            let mut plan = table.0.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let values = vec![Null; plan.parameter_count()];
            let steps = plan.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
            for step in steps.map(Result::unwrap) {
                assert!(!step.starts_with("SCAN") && !step.contains("TEMP B-TREE"), "{sql}: {step}");
            }
        }
    }
}
