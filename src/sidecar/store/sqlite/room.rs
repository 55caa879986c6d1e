//! How much waits, and whether there is room for more.
//!
//! Counts submissions that are not settled and the bytes of their bodies, and asks the file system what is free. Refuses before
//! anything is written, so that what was accepted still has room to be carried on.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;

use crate::sidecar::store::{Limit, StoreError, StoreLimits};

/// Counts of what waits, kept beside the transactions.
pub(super) struct Room {
    limits: StoreLimits,
    folder: PathBuf,
    held: Mutex<Held>,
    /// Whether the present transaction has seen that enough is free.
    has_disk: AtomicBool,
}

#[derive(Clone, Copy)]
struct Held {
    rows: u64,
    bytes: u64,
    /// Something has been settled or rolled back since it was counted: it may be less.
    stale: bool,
}

impl Room {
    pub(super) fn new(db: &Connection, folder: PathBuf, limits: StoreLimits) -> Result<Self, StoreError> {
        Ok(Self { limits, folder, held: Mutex::new(count(db)?), has_disk: AtomicBool::new(false) })
    }

    /// Takes a place for a submission whose body has this many bytes.
    pub(super) fn admit(&self, db: &Connection, bytes: u64) -> Result<(), StoreError> {
        if !self.has_disk.load(Ordering::Relaxed) {
            self.check_disk()?;
            self.has_disk.store(true, Ordering::Relaxed);
        }
        let mut held = self.held();
        let over = |held: &Held| self.over(held, bytes);
        if over(&held).is_some() && held.stale {
            *held = count(db)?;
        }
        match over(&held) {
            Some(limit) => Err(StoreError::Full { limit }),
            None => {
                held.rows += 1;
                Ok(())
            }
        }
    }

    /// A transaction begins: what one asks of the disk is little beside what stays free, so the disk is asked once.
    pub(super) fn look_at_disk_again(&self) {
        self.has_disk.store(false, Ordering::Relaxed);
    }

    /// Whether one more would be taken now.
    pub(super) fn check(&self, db: &Connection) -> Result<(), StoreError> {
        self.check_disk()?;
        let mut held = self.held();
        if held.stale {
            *held = count(db)?;
        }
        self.over(&held, 0).map_or(Ok(()), |limit| Err(StoreError::Full { limit }))
    }

    /// Counts bytes in.
    pub(super) fn hold(&self, bytes: u64) {
        let mut held = self.held();
        held.bytes = held.bytes.saturating_add(bytes);
    }

    /// What is counted may be less now.
    pub(super) fn loosen(&self) {
        self.held().stale = true;
    }

    fn over(&self, held: &Held, bytes: u64) -> Option<Limit> {
        if held.rows >= self.limits.open_rows_max {
            return Some(Limit::Rows);
        }
        (held.bytes.saturating_add(bytes) > self.limits.open_bytes_max).then_some(Limit::Bytes)
    }

    /// Bytes that are free where the database is.
    pub(super) fn free_bytes(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::statvfs(&self.folder)
            .map_err(|error| StoreError::from_io(&self.folder, std::io::Error::from(error)))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }

    fn check_disk(&self) -> Result<(), StoreError> {
        if self.free_bytes()? < self.limits.free_disk_bytes_min {
            Err(StoreError::Full { limit: Limit::Disk })
        } else {
            Ok(())
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From an index that holds all that is asked.
fn count(db: &Connection) -> Result<Held, StoreError> {
    let mut statement =
        db.prepare_cached("SELECT count(*), coalesce(sum(held_bytes), 0) FROM submissions WHERE class = 'open'")?;
    let (rows, bytes): (i64, i64) = statement.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(Held { rows: rows.unsigned_abs(), bytes: bytes.unsigned_abs(), stale: false })
}
