//! Checkpoints: what has been committed goes from the log (WAL) into the database file, beside the commits and not between them.
//!
//! A thread with a connection of its own copies when it is told to: after many pieces of work, and once nothing more comes. It
//! never makes the writer wait. Should it not keep up, SQLite's own checkpoint at the end of a commit bounds the log
//! ([`LOG_PAGES_MAX`]); what it finds left to copy is then little.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use crate::sidecar::store::StoreError;

/// Pages of 4 KiB in the log above which each commit copies what is left to copy.
pub(super) const LOG_PAGES_MAX: u32 = 4_000;
/// Pages that the copying connection keeps in memory.
const CACHE_PAGES: u32 = 16;

/// Copies when told; ends with its owner.
pub(super) struct Checkpoints {
    told: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(super) fn start(database: &Path) -> Result<Self, StoreError> {
        let db = Connection::open(database)?;
        db.pragma_update(None, "cache_size", CACHE_PAGES)?;
        let (told, orders) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || copy(&db, &orders))
            .map_err(|error| StoreError::Database { text: format!("no thread to make checkpoints with: {error}") })?;
        Ok(Self { told: Some(told), thread: Some(thread) })
    }

    /// Asks for a checkpoint; one that is already asked for serves both.
    pub(super) fn ask(&self) {
        let Some(told) = &self.told else { return };
        if let Err(TrySendError::Disconnected(())) = told.try_send(()) {
            tracing::error!("the store's checkpoint thread has ended; commits make the checkpoints");
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.told = None;
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the store's checkpoint thread had panicked");
        }
    }
}

fn copy(db: &Connection, orders: &Receiver<()>) {
    while orders.recv().is_ok() {
        // What it did is told as a row; that others were in its way, there too.
        if let Err(error) = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            // The log keeps everything; a later checkpoint, or the commit that meets the bound, tries again.
            tracing::warn!(store.error = %error, "a checkpoint of the store did not succeed");
        }
    }
}
