//! The key that the values of a database are sealed with: made by chance with the database, kept in `meta` sealed with the store
//! key. A new store key seals it anew; no value is sealed again.
//!
//! Databases from before there were data keys keep the store key that they were made with as theirs.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::json;

use super::lock::LockFile;
use super::use_log::{Entry, append};
use super::visit::{BUSY_WAIT, Visit};
use crate::sidecar::store::{Actor, StoreError};
use crate::sidecar::vault::{StoreKey, Vault};

/// The vault of a database that has its data key.
pub(super) fn open(db: &Connection, key: &StoreKey) -> Result<Vault, StoreError> {
    let wrapped = meta(db, "data_key")?.ok_or(StoreError::Damaged { what: "data key" })?;
    checked(db, &unwrapped(key, &wrapped)?)
}

/// The vault of a database whose schema is up to date, inside the transaction that brought it there.
pub(super) fn open_or_make(db: &Connection, key: &StoreKey) -> Result<Vault, StoreError> {
    match (meta(db, "data_key")?, meta(db, "key_check")?) {
        (Some(wrapped), _) => checked(db, &unwrapped(key, &wrapped)?),
        (None, Some(_)) => {
            let vault = checked(db, key)?;
            put(db, "data_key", &key.wrap(key)?)?;
            Ok(vault)
        }
        (None, None) => {
            let data_key = StoreKey::random()?;
            let vault = Vault::new(&data_key)?;
            put(db, "data_key", &key.wrap(&data_key)?)?;
            put(db, "key_check", vault.check_value())?;
            Ok(vault)
        }
    }
}

/// What the key from before still opens, once the new one is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OldKey {
    /// Nothing in the database.
    OpensNothing,
    /// The data key, where its old seal stands in the files until the next checkpoint.
    MayOpenUntilCheckpoint,
}

/// Gives a database that no sidecar serves a new store key. Backups from before open with the key from before.
///
/// # Errors
/// [`StoreError`], [`StoreError::InUse`] and [`StoreError::WrongKey`] among them; the key is the old one then.
pub fn rekey(database: &Path, key: &StoreKey, new_key: &StoreKey, now: Timestamp) -> Result<OldKey, StoreError> {
    rekey_waiting(database, key, new_key, BUSY_WAIT, now)
}

/// [`rekey`], waiting so long for others who look into the database.
pub(super) fn rekey_waiting(
    database: &Path,
    key: &StoreKey,
    new_key: &StoreKey,
    wait: Duration,
    now: Timestamp,
) -> Result<OldKey, StoreError> {
    let _lock = LockFile::take(database)?;
    let visit = Visit::open(database, key)?.writable()?;
    let tables = visit.tables();
    let wrapped = meta(tables.db, "data_key")?.ok_or(StoreError::Damaged { what: "data key" })?;
    let data_key = unwrapped(key, &wrapped)?;
    tables.db.execute_batch("BEGIN IMMEDIATE")?;
    put(tables.db, "data_key", &new_key.wrap(&data_key)?)?;
    let actor = Actor { name: "operator".into(), instance: "asiasilta store rekey".into() };
    let facts = json!({});
    let entry = Entry { submission: None, action: "store.rekey", outcome: "rekeyed", actor: &actor, facts: &facts };
    append(&tables, &entry, now)?;
    tables.tally.write(tables.db)?;
    tables.db.execute_batch("COMMIT")?;
    // From here on the new key is in force, whatever else fails.
    tables.db.busy_timeout(wait).map_or_else(|error| Ok(kept(&error)), |()| Ok(write_over(tables.db)))
}

/// Sees to it that what was sealed with the old key does not stay behind: the log goes into the file, and is emptied.
fn write_over(db: &Connection) -> OldKey {
    match db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)) {
        Ok(false) => OldKey::OpensNothing,
        Ok(true) => {
            tracing::warn!("another process looks into the database: what the old store key opens stays for now");
            OldKey::MayOpenUntilCheckpoint
        }
        Err(error) => kept(&error),
    }
}

fn kept(error: &rusqlite::Error) -> OldKey {
    tracing::warn!(store.error = %error, "the checkpoint failed: what the old store key opens stays for now");
    OldKey::MayOpenUntilCheckpoint
}

fn unwrapped(key: &StoreKey, wrapped: &[u8]) -> Result<StoreKey, StoreError> {
    key.unwrap_data_key(wrapped).map_err(|_| StoreError::WrongKey)
}

fn checked(db: &Connection, data_key: &StoreKey) -> Result<Vault, StoreError> {
    let vault = Vault::new(data_key)?;
    let is_its = meta(db, "key_check")?.is_some_and(|value| value == vault.check_value());
    if is_its { Ok(vault) } else { Err(StoreError::WrongKey) }
}

fn meta(db: &Connection, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    Ok(db.query_row("SELECT value FROM meta WHERE name = ?1", [name], |row| row.get(0)).optional()?)
}

fn put(db: &Connection, name: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    db.execute(sql, params![name, value])?;
    Ok(())
}
