//! The embedded store: one SQLite file, one writer thread with group commit, one reader beside it.
//!
//! Durable at `synchronous=FULL` in WAL mode. One process a database, kept by a lock file. Schema in `schema`, the
//! transactions in `accept`, `steps` and `use_log`, reads in `queries`.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode};

use super::{
    Accepted, Actor, Census, ChangesWanted, Claimed, Due, Earlier, Handover, KeptBodies, NewSubmission, Packages,
    Purged, Scope, Step, Store, StoreError, StoreLimits, StoredEnvelope, Stuck, Submission, SubmissionId,
    TimelineEntry, Use, UseLogEntry, Whose,
};
use crate::domain::oid::Oid;
use crate::domain::submission::Kind;
use crate::sidecar::vault::{StoreKey, Vault};

mod accept;
mod backup;
mod bodies;
mod chain;
mod check;
mod checkpoint;
mod data_key;
mod fault;
mod lock;
mod plain;
mod queries;
mod retention;
mod room;
mod rows;
mod schema;
mod set_aside;
mod steps;
mod tally;
mod use_log;
mod visit;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{BackupNote, RestoreError, backup, restore};
use bodies::{Folder, Part};
pub use check::{CheckReport, check};
use checkpoint::Checkpoints;
pub use data_key::{OldKey, rekey};
use lock::LockFile;
use room::Room;
use schema::Durability;
use tally::Tally;
use writer::Writer;

/// How long a proof that something can be written serves.
const PROOF_AGE_MAX: Duration = Duration::from_secs(5);

/// A store in one SQLite file. Dropping it writes what is queued, closes the database and lets go of the lock.
pub struct SqliteStore {
    // Fields drop in this order: the writer's thread ends before the lock is let go.
    writer: Writer,
    reader: Arc<Mutex<Connection>>,
    around: Around,
    path: PathBuf,
    /// When it was last proved that something can be written.
    proved: tokio::sync::Mutex<Option<Instant>>,
    _lock: LockFile,
}

/// What a transaction works with.
pub(super) struct Tables<'a> {
    db: &'a Connection,
    vault: &'a Vault,
    folder: &'a Folder,
    room: &'a Room,
    serial: Serial,
    tally: Tally<'a>,
}

/// What stands around each connection of a store.
#[derive(Clone)]
struct Around {
    vault: Arc<Vault>,
    folder: Arc<Folder>,
    room: Arc<Room>,
    serial: Serial,
}

impl Around {
    fn tables<'a>(&'a self, db: &'a Connection) -> Tables<'a> {
        Tables {
            db,
            vault: &self.vault,
            folder: &self.folder,
            room: &self.room,
            serial: self.serial,
            tally: Tally::new(&self.vault),
        }
    }
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

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        // SQLite's message tells of schema and files; statements here are constant and values are bound, not written in.
        let text = error.to_string();
        if is_of_a_value(&error) {
            return Self::Damaged { what: "column" };
        }
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull { text },
            Some(ErrorCode::ReadOnly) => Self::ReadOnly { text },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { text },
            _ => Self::Database { text },
        }
    }
}

/// Whether a stored value is not of its column's kind.
fn is_of_a_value(error: &rusqlite::Error) -> bool {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, Utf8Error};
    matches!(error, FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..) | Utf8Error(..))
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
        Self::open_within(path, key, StoreLimits::default(), now)
    }

    /// [`SqliteStore::open`] with bounds of one's own.
    ///
    /// # Errors
    /// Those of [`SqliteStore::open`].
    pub fn open_within(path: &Path, key: &StoreKey, limits: StoreLimits, now: Timestamp) -> Result<Self, StoreError> {
        Self::open_as(path, key, limits, Durability::Full, now)
    }

    fn open_as(
        path: &Path,
        key: &StoreKey,
        limits: StoreLimits,
        durability: Durability,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let lock = LockFile::take(path)?;
        make_private(path)?;
        let db = Connection::open(path)?;
        let (vault, serial) = schema::prepare(&db, path, key, durability, now)?;
        let reader_db = Connection::open(path)?;
        schema::configure_reader(&reader_db)?;
        let folder = Arc::new(Folder::open(path, serial.restart)?);
        // SQLite makes the names of its own files durable, not that of the file that was made for it.
        bodies::sync_folder(bodies::parent_of(path))?;
        let room = Arc::new(Room::new(&db, bodies::parent_of(path).to_owned(), limits)?);
        let around = Around { vault: Arc::new(vault), folder, room, serial };
        let writer = Writer::start(db, around.clone(), Checkpoints::start(path)?)?;
        let reader = Arc::new(Mutex::new(reader_db));
        Ok(Self { writer, reader, around, path: path.to_owned(), proved: tokio::sync::Mutex::default(), _lock: lock })
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
        let (reader, around) = (Arc::clone(&self.reader), self.around.clone());
        let task = tokio::task::spawn_blocking(move || {
            // Reads change nothing, so a reader that panicked has left nothing half done.
            let reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            work(&around.tables(&reader))
        });
        let done = task.await.map_err(|_| StoreError::Closed)?;
        if let Err(error @ StoreError::Corrupt { .. }) = &done {
            self.close_because(error).await;
        }
        done
    }

    /// Tells the writer of damage that a reader has met: it promises nothing more on such a file, and ends.
    async fn close_because(&self, damage: &StoreError) {
        let met = damage.repeated();
        if let Err(StoreError::Closed) = self.write(move |_| Err::<(), _>(met)).await {
            tracing::debug!("the store had closed before");
        }
    }
}

/// What is kept of settled submissions in a database that a sidecar may be serving, see [`Store::kept_bodies`].
///
/// # Errors
/// [`StoreError`] when it cannot be opened.
pub fn kept_bodies(database: &Path, key: &StoreKey, due: Due) -> Result<KeptBodies, StoreError> {
    retention::kept(&visit::Visit::open(database, key)?.tables(), due)
}

/// Shows the use log's entries from one moment until another, of a database that a sidecar may be serving; answers how many rows its
/// chain proves. What was shown is worth nothing when this fails.
///
/// # Errors
/// [`StoreError`] when the database cannot be opened, a row is not as it was entered, or `each` refuses.
pub fn read_use_log(
    database: &Path,
    key: &StoreKey,
    period: (Timestamp, Timestamp),
    each: impl FnMut(UseLogEntry) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let visit = visit::Visit::open(database, key)?;
    let tables = visit.tables();
    at_one_moment(&tables, |tables| use_log::read(tables, period, each))
}

/// Reads everything as it was at one moment, whoever writes meanwhile.
fn at_one_moment<T>(
    tables: &Tables<'_>,
    read: impl FnOnce(&Tables<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    tables.db.execute_batch("BEGIN")?;
    let found = read(tables);
    tables.db.execute_batch("COMMIT")?;
    found
}

/// Here when it takes no time, on a thread of its own when it does.
async fn unhurried<T: Send + 'static>(
    long: bool,
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    if !long {
        return work();
    }
    tokio::task::spawn_blocking(work).await.map_err(|_| StoreError::Closed)?
}

impl Store for SqliteStore {
    async fn accept(&self, new: NewSubmission, now: Timestamp) -> Result<Accepted, StoreError> {
        let (vault, folder) = (Arc::clone(&self.around.vault), Arc::clone(&self.around.folder));
        let large = new.payload.len() > bodies::ROW_BYTES_MAX / 2;
        let stands_alone = new.replaces.is_none() && new.kind == Kind::Document;
        let prepare = move || accept::Prepared::new(&vault, &folder, new);
        let prepared = unhurried(large, prepare).await?;
        let accept = move |tables: &Tables<'_>| accept::accept(tables, &prepared, now);
        if stands_alone { self.writer.run_decided(accept).await } else { self.write(accept).await }
    }

    async fn earlier(
        &self,
        organisation: &Oid,
        idempotency_key: &str,
        payload: &[u8],
    ) -> Result<Option<Earlier>, StoreError> {
        let key = accept::Key::new(&self.around.vault, organisation, idempotency_key, payload);
        self.read(move |tables| accept::earlier(tables, &key)).await
    }

    async fn chain_of(&self, organisation: &Oid, document: &Oid) -> Result<Vec<Submission>, StoreError> {
        let (organisation, document) = (organisation.clone(), document.clone());
        self.read(move |tables| chain::chain_of(tables, &organisation, &document)).await
    }

    async fn claim_of(
        &self,
        whose: &Whose,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        let (by, whose) = (actor.clone(), whose.clone());
        let taken = self.write(move |tables| steps::claim(tables, &by, &whose, limit, now)).await?;
        // Beside the writer: bodies are large, and nobody else takes these up.
        let (claimed, not_read) = self.read(move |tables| steps::read_whole(tables, taken)).await?;
        if !not_read.is_empty() {
            let by = actor.clone();
            self.write(move |tables| set_aside::settle(tables, &not_read, &by, now)).await?;
        }
        Ok(claimed)
    }

    async fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        let (id, envelope) = (id.clone(), envelope.clone());
        let (vault, folder) = (Arc::clone(&self.around.vault), Arc::clone(&self.around.folder));
        let large = envelope.outbound.body.len() > bodies::ROW_BYTES_MAX / 2;
        let seal = move || {
            let body = folder.seal(&vault, Part::Envelope, id.as_str(), &envelope.outbound.body)?;
            Ok((id, envelope, body))
        };
        let (id, envelope, body) = unhurried(large, seal).await?;
        self.write(move |tables| steps::launch(tables, &id, (&envelope, &body), step, now)).await
    }

    async fn hand_over(
        &self,
        id: &SubmissionId,
        handover: &Handover,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        let (id, Handover { bodies, place }) = (id.clone(), handover.clone());
        let (vault, folder) = (Arc::clone(&self.around.vault), Arc::clone(&self.around.folder));
        let seal = move || {
            let package = folder.seal(&vault, Part::Package, id.as_str(), &bodies.package)?;
            let document = folder.seal(&vault, Part::Document, id.as_str(), &bodies.document)?;
            Ok((id, (package, document)))
        };
        let (id, sealed) = unhurried(true, seal).await?;
        self.write(move |tables| steps::hand_over(tables, &id, &sealed, &place, &step, now)).await
    }

    async fn whole(&self, id: &SubmissionId) -> Result<Claimed, StoreError> {
        let id = id.clone();
        self.read(move |tables| steps::read_one(tables, &id)).await
    }

    async fn package(&self, id: &SubmissionId) -> Result<Option<Vec<u8>>, StoreError> {
        let id = id.clone();
        self.read(move |tables| bodies::open(tables, id.as_str(), Part::Package)).await
    }

    async fn packages(&self) -> Result<Packages, StoreError> {
        self.read(queries::packages).await
    }

    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        let id = id.clone();
        Ok(self.write(move |tables| steps::step(tables, &id, step, now)).await??)
    }

    async fn recover_all_but(
        &self,
        running: &[SubmissionId],
        actor: &Actor,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let (running, actor) = (running.to_vec(), actor.clone());
        self.write(move |tables| steps::recover(tables, &running, &actor, ask_at, now)).await
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
        self.read(|tables| tables.room.check(tables.db)).await?;
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

    async fn purge(&self, actor: &Actor, due: Due, limit: u32, now: Timestamp) -> Result<Purged, StoreError> {
        let actor = actor.clone();
        let work = move |tables: &Tables<'_>| retention::purge(tables, &actor, due, limit, now);
        let (purged, files) = self.write(work).await?;
        // Only now: a transaction that had not come to be would still need them.
        self.read(move |tables| {
            tables.folder.remove_all(&files);
            if purged.more { Ok(0) } else { tables.folder.sweep(tables.db) }
        })
        .await?;
        Ok(purged)
    }

    async fn forget(
        &self,
        actor: &Actor,
        finished_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let actor = actor.clone();
        self.write(move |tables| retention::forget(tables, &actor, finished_before, limit, now)).await
    }

    async fn forget_uses(
        &self,
        actor: &Actor,
        entered_before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        let actor = actor.clone();
        self.write(move |tables| use_log::forget(tables, &actor, entered_before, limit, now)).await
    }

    async fn kept_bodies(&self, due: Due) -> Result<KeptBodies, StoreError> {
        self.read(move |tables| retention::kept(tables, due)).await
    }

    async fn verify_use_log(&self) -> Result<u64, StoreError> {
        self.read(|tables| at_one_moment(tables, use_log::verify)).await
    }
}
