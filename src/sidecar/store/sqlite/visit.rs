//! A look into a database beside its sidecar: reads one moment, writes nothing, starts no run.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::bodies::{self, Folder};
use super::room::Room;
use super::{Around, Serial, Tables, data_key, schema};
use crate::sidecar::store::{StoreError, StoreLimits};
use crate::sidecar::vault::StoreKey;

/// How long a look waits for others.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(10);

/// A database that is looked into.
pub(super) struct Visit {
    db: Connection,
    around: Around,
}

impl Visit {
    /// Opens a database of this program's schema with its key.
    pub(super) fn open(database: &Path, key: &StoreKey) -> Result<Self, StoreError> {
        let db = connect(database)?;
        db.pragma_update(None, "query_only", true)?;
        schema::check_current(&db, database)?;
        let vault = Arc::new(data_key::open(&db, key)?);
        let folder = Arc::new(Folder::at(database));
        let room = Arc::new(Room::new(&db, bodies::parent_of(database).to_owned(), StoreLimits::default())?);
        let serial = Serial { installation: 0, restart: 0, nonce: 0 };
        Ok(Self { db, around: Around { vault, folder, room, serial } })
    }

    /// The same, to be changed durably, leaving nothing of what is written over. Whoever asks holds the database's lock.
    pub(super) fn writable(self) -> Result<Self, StoreError> {
        self.db.pragma_update(None, "query_only", false)?;
        self.db.pragma_update(None, "synchronous", "FULL")?;
        self.db.pragma_update(None, "secure_delete", true)?;
        Ok(self)
    }

    pub(super) fn tables(&self) -> Tables<'_> {
        self.around.tables(&self.db)
    }
}

/// A connection to a database that must be there. Ending it leaves the WAL to whoever serves the database.
pub(super) fn connect(database: &Path) -> Result<Connection, StoreError> {
    if !database.is_file() {
        let source = io::Error::from(io::ErrorKind::NotFound);
        return Err(StoreError::Io { path: database.to_owned(), source });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(database, flags)?;
    db.busy_timeout(BUSY_WAIT)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(db)
}
