//! Sealed bodies: small ones in a row, large ones in files beside the database.
//!
//! A file is whole on the disk, and its name in its folder, before the transaction that names it begins. Its name is random. One
//! that no row names (its transaction did not come to be, or its row was purged) is swept by a later run.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::{Connection, OptionalExtension, params};

use super::Tables;
use super::fault::{folder_away, no_file};
use crate::sidecar::store::StoreError;
use crate::sidecar::vault::{Place, Vault};

/// Sealed bytes above which a body goes to a file.
pub(super) const ROW_BYTES_MAX: usize = 64 << 10;

/// Which body of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// What was accepted.
    Payload,
    /// What leaves.
    Envelope,
    /// What goes to the organiser another way, encrypted to it.
    Package,
    /// The signed document in the package.
    Document,
}

impl Part {
    pub(super) const ALL: [Self; 4] = [Self::Payload, Self::Envelope, Self::Package, Self::Document];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Envelope => "envelope",
            Self::Package => "package",
            Self::Document => "document",
        }
    }

    /// The place that a body is sealed to.
    pub(super) fn place(self, id: &str) -> Place<'_> {
        match self {
            Self::Payload => Place { table: "submissions", row: id, column: "payload" },
            Self::Envelope => Place { table: "envelopes", row: id, column: "body" },
            Self::Package => Place { table: "bodies", row: id, column: "package" },
            Self::Document => Place { table: "bodies", row: id, column: "document" },
        }
    }
}

/// The folder `<database>.bodies`.
pub(super) struct Folder {
    path: PathBuf,
    /// The file system that it was on when it was opened.
    device: Option<u64>,
    /// What names of this run begin with.
    prefix: String,
    swept: AtomicBool,
    /// Number of the system's error that each read meets; 0 for none.
    #[cfg(test)]
    pub(super) fault: std::sync::atomic::AtomicI32,
}

/// A sealed body on its way into a transaction.
pub(super) struct Sealed {
    bytes: i64,
    kept: Kept,
}

enum Kept {
    Row(Vec<u8>),
    File(NewFile),
}

/// A file that is removed again unless a row has come to name it.
struct NewFile {
    path: PathBuf,
    name: String,
    named: AtomicBool,
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.named.load(Ordering::Relaxed) {
            remove(&self.path);
        }
    }
}

/// The folder of a database's bodies.
pub(super) fn folder_of(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".bodies");
    PathBuf::from(name)
}

/// Makes what stands in a folder by name durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let io = |source| StoreError::Io { path: path.to_owned(), source };
    File::open(path).and_then(|folder| folder.sync_all()).map_err(io)
}

/// The folder that a path stands in.
pub(super) fn parent_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Folder {
    /// Makes the folder when there is none.
    pub(super) fn open(database: &Path, run: u64) -> Result<Self, StoreError> {
        let path = folder_of(database);
        let io = |source| StoreError::Io { path: path.clone(), source };
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => sync_folder(parent_of(&path))?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io(error)),
        }
        let device = Some(fs::metadata(&path).map_err(io)?.dev());
        Ok(Self { device, prefix: format!("{run:x}-"), swept: AtomicBool::new(false), ..Self::at(database) })
    }

    /// The folder as it stands, for reading.
    pub(super) fn at(database: &Path) -> Self {
        Self {
            path: folder_of(database),
            device: None,
            prefix: String::new(),
            swept: AtomicBool::new(true),
            #[cfg(test)]
            fault: std::sync::atomic::AtomicI32::new(0),
        }
    }

    /// Seals a body to its place; a large one is then on the disk.
    pub(super) fn seal(&self, vault: &Vault, part: Part, id: &str, plain: &[u8]) -> Result<Sealed, StoreError> {
        let sealed = vault.seal(part.place(id), plain)?;
        let bytes = i64::try_from(sealed.len()).unwrap_or(i64::MAX);
        let kept = if sealed.len() > ROW_BYTES_MAX { Kept::File(self.write(&sealed)?) } else { Kept::Row(sealed) };
        Ok(Sealed { bytes, kept })
    }

    fn write(&self, sealed: &[u8]) -> Result<NewFile, StoreError> {
        let name = format!("{}{}", self.prefix, uuid::Uuid::new_v4().simple());
        let path = self.path.join(&name);
        let io = |source| StoreError::from_io(&path, source);
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(io)?;
        let new = NewFile { path: path.clone(), name, named: AtomicBool::new(false) };
        file.write_all(sealed).and_then(|()| file.sync_all()).map_err(io)?;
        sync_folder(&self.path)?;
        Ok(new)
    }

    /// What a file of so many bytes holds.
    fn read(&self, name: &str, part: Part, bytes: i64) -> Result<Vec<u8>, StoreError> {
        let what = part.name();
        let error = match self.read_file(name, bytes) {
            Ok(Some(sealed)) => return Ok(sealed),
            Ok(None) => return Err(StoreError::Damaged { what }),
            Err(error) => error,
        };
        // A file is at fault only where its folder is not.
        match self.look_at_itself() {
            Err(source) => Err(StoreError::Unreadable { what, source: folder_away(source) }),
            Ok(()) if error.kind() == ErrorKind::NotFound => Err(StoreError::Damaged { what }),
            Ok(()) => Err(StoreError::Unreadable { what, source: error }),
        }
    }

    /// Whether the folder is there, open to this process, and the one that was opened.
    fn look_at_itself(&self) -> io::Result<()> {
        // Its own entry: that needs the right to search it, as its files do.
        let itself = self.path.join(".");
        let found = fs::metadata(&itself)?.dev();
        fs::read_dir(&itself)?.next().transpose()?;
        if self.device.is_some_and(|opened| opened != found) {
            return Err(io::Error::new(ErrorKind::NotFound, "another file system stands in its place"));
        }
        Ok(())
    }

    /// `None` of a file of another size: it is not what was written, and may be larger than memory.
    fn read_file(&self, name: &str, bytes: i64) -> io::Result<Option<Vec<u8>>> {
        #[cfg(test)]
        self.scripted()?;
        let path = self.path.join(name);
        // Looked at before it is opened: opening what is no file may wait for somebody at its other end.
        let found = fs::metadata(&path)?;
        if !found.is_file() {
            return Err(no_file());
        }
        if i64::try_from(found.len()).ok() != Some(bytes) {
            return Ok(None);
        }
        fs::read(&path).map(Some)
    }

    /// The fault that a test has scripted.
    #[cfg(test)]
    fn scripted(&self) -> io::Result<()> {
        match self.fault.load(Ordering::Relaxed) {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Removes files that no row names any more.
    pub(super) fn remove_all(&self, names: &[String]) {
        names.iter().for_each(|name| remove(&self.path.join(name)));
    }

    /// Removes, once a run, what earlier runs have left without a row; answers how many.
    pub(super) fn sweep(&self, db: &Connection) -> Result<usize, StoreError> {
        if self.swept.swap(true, Ordering::Relaxed) {
            return Ok(0);
        }
        let orphans = orphans(&self.path, db)?;
        // A name of this run may belong to a transaction that is still to come.
        let old: Vec<String> = orphans.into_iter().filter(|name| !name.starts_with(&self.prefix)).collect();
        self.remove_all(&old);
        Ok(old.len())
    }
}

/// Files in a folder of bodies that no row names.
pub(super) fn orphans(folder: &Path, db: &Connection) -> Result<Vec<String>, StoreError> {
    let io = |source| StoreError::Io { path: folder.to_owned(), source };
    let mut found = Vec::new();
    let mut statement = db.prepare("SELECT 1 FROM bodies WHERE file = ?1")?;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(io(error)),
    };
    for entry in entries {
        let name = entry.map_err(io)?.file_name().to_string_lossy().into_owned();
        if !statement.exists([&name])? {
            found.push(name);
        }
    }
    Ok(found)
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        // It stays until a later run sweeps it; its content is sealed.
        Err(error) => tracing::warn!(%error, "a body's file could not be removed"),
    }
}

/// Enters a body of the submission with this row number. Counts it among the bytes that wait.
pub(super) fn insert(tables: &Tables<'_>, owner: i64, part: Part, body: &Sealed) -> Result<(), StoreError> {
    let (sealed, file) = match &body.kept {
        Kept::Row(sealed) => (Some(sealed), None),
        Kept::File(file) => (None, Some(&file.name)),
    };
    let mut statement = tables
        .db
        .prepare_cached("INSERT INTO bodies (owner, part, bytes, sealed, file) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    statement.execute(params![owner, part.name(), body.bytes, sealed, file])?;
    if let Kept::File(file) = &body.kept {
        file.named.store(true, Ordering::Relaxed);
    }
    tables.room.hold(body.bytes());
    Ok(())
}

/// Takes a submission's package out, for another one. Its file, where it has one, is left to the next run's sweep.
pub(super) fn remove_package(tables: &Tables<'_>, id: &str) -> Result<(), StoreError> {
    let mut statement = tables.db.prepare_cached(
        "DELETE FROM bodies WHERE part = 'package' AND owner = (SELECT row FROM submissions WHERE id = ?1) RETURNING bytes",
    )?;
    let bytes: Option<i64> = statement.query_row([id], |row| row.get(0)).optional()?;
    let mut statement =
        tables.db.prepare_cached("UPDATE submissions SET held_bytes = held_bytes - ?2 WHERE id = ?1")?;
    statement.execute(params![id, bytes.unwrap_or_default()])?;
    Ok(())
}

impl Sealed {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.unsigned_abs()
    }
}

/// Whether anything is kept of a submission: retention takes all of it or nothing.
pub(super) fn has_any(tables: &Tables<'_>, id: &str) -> Result<bool, StoreError> {
    let mut statement = tables
        .db
        .prepare_cached("SELECT 1 FROM bodies b JOIN submissions s ON s.row = b.owner WHERE s.id = ?1 LIMIT 1")?;
    Ok(statement.exists([id])?)
}

/// Opens a body of a submission; `None` when it has none (or none any more).
pub(super) fn open(tables: &Tables<'_>, id: &str, part: Part) -> Result<Option<Vec<u8>>, StoreError> {
    let damaged = || StoreError::Damaged { what: part.name() };
    let mut statement = tables.db.prepare_cached(
        "SELECT b.sealed, b.file, b.bytes FROM bodies b JOIN submissions s ON s.row = b.owner WHERE s.id = ?1 AND b.part = ?2",
    )?;
    let found: Option<(Option<Vec<u8>>, Option<String>, i64)> =
        statement.query_row([id, part.name()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).optional()?;
    let sealed = match found {
        None => return Ok(None),
        Some((Some(sealed), _, _)) => sealed,
        Some((None, Some(file), bytes)) => tables.folder.read(&file, part, bytes)?,
        Some((None, None, _)) => return Err(damaged()),
    };
    tables.vault.open(part.place(id), &sealed).map(Some).map_err(|_| damaged())
}
