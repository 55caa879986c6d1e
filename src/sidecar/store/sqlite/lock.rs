//! The lock file that keeps a second process off a database. The lock ends with the process, however that ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::sidecar::store::StoreError;

/// Holds the lock while it lives. The file itself stays: removing it would let two processes lock two files.
pub(super) struct LockFile {
    _file: File,
}

impl LockFile {
    /// Locks `<database>.lock`.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let mut name = database.as_os_str().to_owned();
        name.push(".lock");
        let path = PathBuf::from(name);
        let io = |source| StoreError::Io { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(StoreError::Io { path, source }),
        }
    }
}
