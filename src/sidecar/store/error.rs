//! Why the store did not do it, and how much it takes before it refuses more.
//!
//! A variant says who must act. Nothing here carries anything of a record.

use std::io;
use std::path::{Path, PathBuf};

use super::SubmissionId;
use crate::domain::document::header::DocumentIds;
use crate::domain::submission::IllegalTransition;
use crate::sidecar::vault::{KeyFileError, NotOpened};

/// Why the store did not do it. Carries nothing of a record.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// For the operator: another process has the database.
    #[error("{path} is in use by another process; one database serves one sidecar")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// For the operator: made by a later version of this program.
    #[error("the database has schema version {found}, this program knows up to {known}: start the newer program")]
    FromTheFuture {
        /// Found.
        found: i64,
        /// Known.
        known: i64,
    },
    /// For the operator: made by an earlier version of this program, and not started with this one yet.
    #[error(
        "the database has schema version {found}, this program's is {known}: start the sidecar once, which brings it up to date"
    )]
    FromThePast {
        /// Found.
        found: i64,
        /// This program's.
        known: i64,
    },
    /// For the operator: some other program's database.
    #[error("{path} is not a database of asiasilta (application id {found:#x})")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Its application id.
        found: i64,
    },
    /// For the operator: the key is of another store.
    #[error("the store key does not fit this database: it was made with another key")]
    WrongKey,
    /// For the operator: no key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// For the operator: the file system refuses.
    #[error("the file system refuses {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// For the caller: as much waits as may wait, or the disk has no more room than what waits will need.
    #[error("the store takes no more: {}", limit.text())]
    Full {
        /// Which bound was met.
        limit: Limit,
    },
    /// For the operator: no room on the disk. Nothing of it was kept; it goes on by itself when there is room.
    #[error("the disk is full: {text}")]
    DiskFull {
        /// In the system's words.
        text: String,
    },
    /// For the operator: the disk takes no writes. Nothing of it was kept.
    #[error("the disk or the database file is read-only: {text}")]
    ReadOnly {
        /// In the system's words.
        text: String,
    },
    /// For the operator: the database file is damaged. The process ends; see `asiasilta store check`.
    #[error("the database is damaged ({text}): stop, run `asiasilta store check`, put a backup back")]
    Corrupt {
        /// In SQLite's words.
        text: String,
    },
    /// For the operator: the database refuses for another reason.
    #[error("the database refused: {text}")]
    Database {
        /// In its own words.
        text: String,
    },
    /// For the operator: a stored value does not open or does not read.
    #[error("stored value {what} is damaged")]
    Damaged {
        /// Which kind of value.
        what: &'static str,
    },
    /// The store has been closed or its thread has died.
    #[error("the store is closed")]
    Closed,
    /// For the caller: it cannot happen in this state.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// For the caller: no such submission.
    #[error("no such submission")]
    NotFound,
    /// For the caller: another has moved it in its chain since its document was signed.
    #[error("its place in its version chain is no longer the one that its document was signed with")]
    Moved,
    /// For the caller: what it replaces is a document of this store, and stands at another place than the caller says.
    #[error("the document that it replaces stands at another place of its version chain than is said")]
    PredecessorDiffers {
        /// Where the caller says that it stands.
        said: Box<DocumentIds>,
        /// Where it stands.
        known: Box<DocumentIds>,
    },
    /// For the operator: the file of a stored value is there and cannot be read.
    #[error("the file of stored value {what} cannot be read")]
    Unreadable {
        /// Which kind of value.
        what: &'static str,
        /// Why.
        source: io::Error,
    },
    /// For the caller: retention has purged its bodies.
    #[error("its bodies have been purged, their time being over")]
    Purged,
    /// For the caller: an invalidation of it is open.
    #[error("it is not taken back while the invalidation {by} is open")]
    InvalidationOpen {
        /// The invalidation.
        by: SubmissionId,
    },
}

impl StoreError {
    /// An error of the file system, by what it means.
    pub(super) fn from_io(path: &Path, source: io::Error) -> Self {
        let text = || format!("{}: {source}", path.display());
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { text: text() },
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly { text: text() },
            _ => Self::Io { path: path.to_owned(), source },
        }
    }

    /// The error with its causes, for a log line.
    pub fn with_causes(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }

    /// The same once more, for each caller of a transaction that did not commit.
    pub(super) fn repeated(&self) -> Self {
        match self {
            Self::DiskFull { text } => Self::DiskFull { text: text.clone() },
            Self::ReadOnly { text } => Self::ReadOnly { text: text.clone() },
            Self::Corrupt { text } => Self::Corrupt { text: text.clone() },
            Self::Database { text } => Self::Database { text: text.clone() },
            Self::Io { path, source } => {
                Self::Io { path: path.clone(), source: io::Error::new(source.kind(), source.to_string()) }
            }
            other => Self::Database { text: other.to_string() },
        }
    }

    /// Whether the disk or the database refused, not a rule of the store.
    pub(super) fn is_of_the_disk(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. }
                | Self::ReadOnly { .. }
                | Self::Corrupt { .. }
                | Self::Database { .. }
                | Self::Io { .. }
        )
    }
}

impl From<NotOpened> for StoreError {
    fn from(_: NotOpened) -> Self {
        Self::Damaged { what: "sealed value" }
    }
}

/// How much a store takes before it refuses more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreLimits {
    /// Submissions that are not settled.
    pub open_rows_max: u64,
    /// Bytes of their bodies, sealed.
    pub open_bytes_max: u64,
    /// Bytes that stay free on the file system, so that what was accepted can be carried on.
    pub free_disk_bytes_min: u64,
}

impl Default for StoreLimits {
    fn default() -> Self {
        Self { open_rows_max: 500_000, open_bytes_max: 16 << 30, free_disk_bytes_min: 256 << 20 }
    }
}

/// A bound of [`StoreLimits`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Submissions that are not settled.
    Rows,
    /// Their bytes.
    Bytes,
    /// Free room on the disk.
    Disk,
}

impl Limit {
    /// In words, with the configuration key.
    fn text(self) -> &'static str {
        match self {
            Self::Rows => "as many submissions wait as store.open_rows_max allows",
            Self::Bytes => "as many bytes wait as store.open_bytes_max allows",
            Self::Disk => "less is free on the disk than store.free_disk_bytes_min asks for",
        }
    }
}
