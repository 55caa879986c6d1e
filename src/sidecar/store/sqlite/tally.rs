//! The numbers that transactions count on, and the head of the use log: read once, written once a transaction.
//!
//! A transaction that holds many pieces of work counts in memory; what a piece of work counted is taken back with its savepoint,
//! and all of it with its transaction. Only the writer counts: no other process writes to the database.

use std::cell::{Cell, RefCell};

use rusqlite::{Connection, OptionalExtension, params};

use crate::sidecar::store::StoreError;
use crate::sidecar::vault::Vault;

/// As the current transaction has them.
pub(super) struct Tally<'a> {
    vault: &'a Vault,
    numbers: RefCell<Option<Numbers>>,
    is_written: Cell<bool>,
}

/// As a point of a transaction had them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Numbers {
    change: i64,
    sequence: i64,
    head: Head,
}

/// The head of the use log.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Head {
    /// Rows so far.
    pub(super) rows: i64,
    /// The last link; empty before the first.
    pub(super) link: Vec<u8>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(vault: &'a Vault) -> Self {
        Self { vault, numbers: RefCell::default(), is_written: Cell::default() }
    }

    /// The next place in the change list.
    pub(super) fn next_change(&self, db: &Connection) -> Result<i64, StoreError> {
        self.count(db, |numbers| {
            numbers.change = numbers.change.saturating_add(1);
            numbers.change
        })
    }

    /// The next sequence number of this run.
    pub(super) fn next_sequence(&self, db: &Connection) -> Result<i64, StoreError> {
        self.count(db, |numbers| {
            numbers.sequence = numbers.sequence.saturating_add(1);
            numbers.sequence
        })
    }

    /// Moves the head of the use log to what `next` makes of it.
    pub(super) fn move_head(
        &self,
        db: &Connection,
        next: impl FnOnce(&Head) -> Result<Head, StoreError>,
    ) -> Result<(), StoreError> {
        self.with(db, |numbers| {
            numbers.head = next(&numbers.head)?;
            Ok(())
        })
    }

    /// What to go back to when a piece of work is taken back.
    pub(super) fn mark(&self) -> Option<Numbers> {
        self.numbers.borrow().clone()
    }

    /// Takes back what was counted since a mark.
    pub(super) fn back_to(&self, mark: Option<Numbers>) {
        self.put(mark);
    }

    /// Takes back all that no transaction has kept.
    pub(super) fn forget(&self) {
        self.put(None);
    }

    /// Writes what was counted, as the last part of its transaction.
    pub(super) fn write(&self, db: &Connection) -> Result<(), StoreError> {
        if self.is_written.get() {
            return Ok(());
        }
        if let Some(numbers) = &*self.numbers.borrow() {
            set_counter(db, "change", numbers.change)?;
            set_counter(db, "sequence", numbers.sequence)?;
            set_head(db, self.vault, &numbers.head)?;
        }
        self.is_written.set(true);
        Ok(())
    }

    fn count(&self, db: &Connection, on: impl FnOnce(&mut Numbers) -> i64) -> Result<i64, StoreError> {
        self.with(db, |numbers| Ok(on(numbers)))
    }

    fn with<T>(
        &self,
        db: &Connection,
        change: impl FnOnce(&mut Numbers) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut numbers = self.numbers.borrow_mut();
        let known = match &mut *numbers {
            Some(known) => known,
            none => none.insert(Numbers {
                change: counter(db, "change")?,
                sequence: counter(db, "sequence")?,
                head: head(db, self.vault)?,
            }),
        };
        self.is_written.set(false);
        change(known)
    }

    fn put(&self, numbers: Option<Numbers>) {
        self.numbers.replace(numbers);
        self.is_written.set(false);
    }
}

/// A counter's value; 0 before its first use.
pub(super) fn counter(db: &Connection, name: &str) -> Result<i64, StoreError> {
    let mut statement = db.prepare_cached("SELECT value FROM counters WHERE name = ?1")?;
    Ok(statement.query_row([name], |row| row.get(0)).optional()?.unwrap_or(0))
}

pub(super) fn set_counter(db: &Connection, name: &str, value: i64) -> Result<(), StoreError> {
    let mut statement = db.prepare_cached(
        "INSERT INTO counters (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    statement.execute(params![name, value])?;
    Ok(())
}

/// Row count (8 bytes, big-endian), proof (32 bytes) and last link, as `meta` has them. The proof is keyed: whoever cuts rows off the
/// end knows the link of the row that is last then.
///
/// # Errors
/// [`StoreError::Damaged`] when it is not what was written.
pub(super) fn head(db: &Connection, vault: &Vault) -> Result<Head, StoreError> {
    let Some(stored) = stored_head(db)? else { return Ok(Head::default()) };
    let damaged = StoreError::Damaged { what: "use log head" };
    let parts =
        stored.split_first_chunk::<8>().and_then(|(rows, rest)| Some((rows, rest.split_at_checked(PROOF_BYTES)?)));
    let Some((rows, (proof, link))) = parts else { return Err(damaged) };
    let head = Head { rows: i64::from_be_bytes(*rows), link: link.to_vec() };
    if proof_of(vault, &head) == proof { Ok(head) } else { Err(damaged) }
}

/// Gives the head its proof, in a database from before there were proofs.
pub(super) fn prove_head(db: &Connection, vault: &Vault) -> Result<(), StoreError> {
    let Some(stored) = stored_head(db)? else { return Ok(()) };
    let (rows, link) = stored.split_first_chunk::<8>().ok_or(StoreError::Damaged { what: "use log head" })?;
    set_head(db, vault, &Head { rows: i64::from_be_bytes(*rows), link: link.to_vec() })
}

const PROOF_BYTES: usize = 32;

fn proof_of(vault: &Vault, head: &Head) -> Vec<u8> {
    vault.link(&[b"use log head", &head.rows.to_be_bytes(), &head.link])
}

fn stored_head(db: &Connection) -> Result<Option<Vec<u8>>, StoreError> {
    let mut statement = db.prepare_cached("SELECT value FROM meta WHERE name = 'use_log_head'")?;
    Ok(statement.query_row([], |row| row.get(0)).optional()?)
}

fn set_head(db: &Connection, vault: &Vault, head: &Head) -> Result<(), StoreError> {
    if head.rows == 0 {
        return Ok(());
    }
    let value = [&head.rows.to_be_bytes()[..], &proof_of(vault, head), &head.link].concat();
    let mut statement = db.prepare_cached(
        "INSERT INTO meta (name, value) VALUES ('use_log_head', ?1) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    )?;
    statement.execute([value])?;
    Ok(())
}
