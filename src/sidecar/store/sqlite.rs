//! The embedded store: one SQLite file, one writer thread with group commit, one reader beside it.
//!
//! Durable at `synchronous=FULL` in WAL mode. One process a database, kept by a lock file. Schema in `schema`, the
//! transactions in `accept`, `steps` and `use_log`, reads in `queries`.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    Accepted, Actor, Census, ChangesWanted, Claimed, Earlier, NewSubmission, Scope, Step, Store, StoreError,
    StoredEnvelope, Submission, SubmissionId, TimelineEntry, Use,
};
use crate::domain::oid::Oid;
use crate::sidecar::vault::{StoreKey, Vault};

mod accept;
mod lock;
mod queries;
mod rows;
mod schema;
mod steps;
mod use_log;
mod writer;

#[cfg(test)]
mod tests;

use lock::LockFile;
use writer::Writer;

/// A store in one SQLite file. Dropping it writes what is queued, closes the database and lets go of the lock.
pub struct SqliteStore {
    // Fields drop in this order: the writer's thread ends before the lock is let go.
    writer: Writer,
    reader: Arc<Mutex<Reader>>,
    vault: Arc<Vault>,
    path: PathBuf,
    _lock: LockFile,
}

/// What a transaction works with.
pub(super) struct Tables<'a> {
    db: &'a Connection,
    vault: &'a Vault,
    serial: Serial,
}

/// The arcs that make this run's document ids its own.
#[derive(Debug, Clone, Copy)]
struct Serial {
    installation: u64,
    restart: u64,
}

struct Reader {
    db: Connection,
    vault: Arc<Vault>,
    serial: Serial,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's message tells of schema and files; statements here are constant and values are bound, not written in.
        Self::Database { text: error.to_string() }
    }
}

/// Makes the database file, when there is none, readable by its owner only. SQLite gives its WAL the same mode.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

impl SqliteStore {
    /// Opens the database at `path`, making it when there is none, and begins a new run of document ids.
    ///
    /// Blocking; a database of ordinary size opens in milliseconds.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::FromTheFuture`], [`StoreError::NotOurs`], [`StoreError::WrongKey`],
    /// [`StoreError::Io`] or [`StoreError::Database`]; nothing has been changed then.
    pub fn open(path: &Path, key: &StoreKey, now: Timestamp) -> Result<Self, StoreError> {
        let lock = LockFile::take(path)?;
        let vault = Arc::new(Vault::new(key)?);
        make_private(path)?;
        let db = Connection::open(path)?;
        let serial = schema::prepare(&db, path, &vault, now)?;
        let reader_db = Connection::open(path)?;
        schema::configure_reader(&reader_db)?;
        let writer = Writer::start(db, Arc::clone(&vault), serial)?;
        let reader = Arc::new(Mutex::new(Reader { db: reader_db, vault: Arc::clone(&vault), serial }));
        Ok(Self { writer, reader, vault, path: path.to_owned(), _lock: lock })
    }

    /// Where the database is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.run(work).await
    }

    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tables<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = Arc::clone(&self.reader);
        let task = tokio::task::spawn_blocking(move || {
            // Reads change nothing, so a reader that panicked has left nothing half done.
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            work(&Tables { db: &reader.db, vault: &reader.vault, serial: reader.serial })
        });
        task.await.map_err(|_| StoreError::Closed)?
    }
}

impl Store for SqliteStore {
    async fn accept(&self, new: NewSubmission, now: Timestamp) -> Result<Accepted, StoreError> {
        self.write(move |tables| accept::accept(tables, &new, now)).await
    }

    async fn earlier(
        &self,
        organisation: &Oid,
        idempotency_key: &str,
        payload: &[u8],
    ) -> Result<Option<Earlier>, StoreError> {
        let key = accept::Key::new(&self.vault, organisation, idempotency_key, payload);
        self.read(move |tables| accept::earlier(tables, &key)).await
    }

    async fn claim(&self, actor: &Actor, limit: u32, now: Timestamp) -> Result<Vec<Claimed>, StoreError> {
        let actor = actor.clone();
        self.write(move |tables| steps::claim(tables, &actor, limit, now)).await
    }

    async fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        let (id, envelope, actor) = (id.clone(), envelope.clone(), actor.clone());
        self.write(move |tables| steps::launch(tables, &id, &envelope, &actor, now)).await
    }

    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        let id = id.clone();
        self.write(move |tables| steps::step(tables, &id, step, now)).await
    }

    async fn recover(&self, actor: &Actor, now: Timestamp) -> Result<u64, StoreError> {
        let actor = actor.clone();
        self.write(move |tables| steps::recover(tables, &actor, now)).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(queries::next_due).await
    }

    async fn find(
        &self,
        id: &SubmissionId,
        scope: &Scope,
    ) -> Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError> {
        let (id, scope) = (id.clone(), scope.clone());
        self.read(move |tables| queries::find(tables, &id, &scope)).await
    }

    async fn changes(&self, wanted: ChangesWanted, scope: &Scope) -> Result<Vec<Submission>, StoreError> {
        let scope = scope.clone();
        self.read(move |tables| queries::changes(tables, &wanted, &scope)).await
    }

    async fn log_use(&self, entry: Use, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tables| use_log::note_use(tables, &entry, now)).await
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.write(|_| Ok(())).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.read(queries::census).await
    }

    async fn verify_use_log(&self) -> Result<u64, StoreError> {
        self.read(use_log::verify).await
    }
}
