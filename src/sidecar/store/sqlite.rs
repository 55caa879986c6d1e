//! The embedded store: one SQLite file, one writer thread with group commit, one reader beside it.
//!
//! Durable at `synchronous=FULL` in WAL mode. One process a database, kept by a lock file. Schema in `schema`, the
//! transactions in `accept`, `steps` and `use_log`, reads in `queries`.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::Connection;
use serde_json::Value;

use super::{
    Accepted, Actor, Census, ChangesWanted, Claimed, Earlier, NewSubmission, Scope, Step, Store, StoreError,
    StoredEnvelope, Stuck, Submission, SubmissionId, TimelineEntry, Use, Whose,
};
use crate::domain::oid::Oid;
use crate::sidecar::vault::{StoreKey, Vault};

mod accept;
mod chain;
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

/// How long a proof that something can be written serves.
const PROOF_AGE_MAX: Duration = Duration::from_secs(5);

/// A store in one SQLite file. Dropping it writes what is queued, closes the database and lets go of the lock.
pub struct SqliteStore {
    // Fields drop in this order: the writer's thread ends before the lock is let go.
    writer: Writer,
    reader: Arc<Mutex<Reader>>,
    vault: Arc<Vault>,
    path: PathBuf,
    /// When it was last proved that something can be written.
    proved: tokio::sync::Mutex<Option<Instant>>,
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
    /// By chance: copies of one database that were started in the same second give different ids.
    nonce: u64,
}

impl Serial {
    /// The run's number, as the tables have it.
    fn run(self) -> i64 {
        i64::try_from(self.restart).unwrap_or(i64::MAX)
    }
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
        Ok(Self { writer, reader, vault, path: path.to_owned(), proved: tokio::sync::Mutex::default(), _lock: lock })
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

    async fn claim_of(
        &self,
        whose: &Whose,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (actor, whose) = (actor.clone(), whose.clone());
        self.write(move |tables| steps::claim(tables, &actor, &whose, limit, now)).await
    }

    async fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        reads: Value,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        let (id, envelope, actor) = (id.clone(), envelope.clone(), actor.clone());
        self.write(move |tables| steps::launch(tables, &id, &envelope, &reads, &actor, now)).await
    }

    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        let id = id.clone();
        self.write(move |tables| steps::step(tables, &id, step, now)).await
    }

    async fn recover(&self, actor: &Actor, ask_at: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let actor = actor.clone();
        self.write(move |tables| steps::recover(tables, &actor, ask_at, now)).await
    }

    async fn next_due_of(&self, whose: &Whose) -> Result<Option<Timestamp>, StoreError> {
        let whose = whose.clone();
        self.read(move |tables| queries::next_due(tables, &whose)).await
    }

    async fn pull_forward(&self, latest: Timestamp) -> Result<u64, StoreError> {
        self.write(move |tables| steps::pull_forward(tables, latest)).await
    }

    async fn stuck(&self, limit: u32) -> Result<Stuck, StoreError> {
        self.read(move |tables| queries::stuck(tables, limit)).await
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

    async fn closed(&self) {
        self.writer.closed().await;
    }

    async fn ready(&self) -> Result<(), StoreError> {
        let mut proved = self.proved.lock().await;
        if !self.writer.has_failed() && proved.is_some_and(|at| at.elapsed() < PROOF_AGE_MAX) {
            return Ok(());
        }
        *proved = None;
        // Two transactions: what is deleted in the one that wrote it need not reach the disk.
        self.write(schema::write_proof).await?;
        self.write(schema::drop_proof).await?;
        *proved = Some(Instant::now());
        Ok(())
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.read(queries::census).await
    }

    async fn verify_use_log(&self) -> Result<u64, StoreError> {
        self.read(use_log::verify).await
    }
}
