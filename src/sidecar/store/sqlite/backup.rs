//! Backups: a folder with a copy of the database at one moment, the bodies' files that it names, and a note that it is whole.
//!
//! Made beside a running sidecar. Sealed as the store is; the key is not in it. Putting one back never overwrites a database.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::bodies::{folder_of, parent_of, sync_folder};
use super::check::{CheckReport, check};
use super::lock::LockFile;
use super::use_log::{Entry, append};
use super::visit::{Visit, connect};
use super::{SqliteStore, Tables, make_private, steps};
use crate::sidecar::store::{Actor, StoreError};
use crate::sidecar::vault::StoreKey;

const DATABASE: &str = "store.sqlite";
const NOTE: &str = "backup.json";
const FORMAT: u32 = 1;

/// What stands in a backup's note, written last: a backup without it is not whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupNote {
    format: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// Submissions in it.
    pub submissions: u64,
    /// Files of bodies in it.
    pub files: u64,
}

/// Why a backup was not put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something already where it would go.
    #[error("{0} is there already: a restore overwrites nothing, move it away first")]
    Occupied(PathBuf),
    /// It was not finished, or is no backup.
    #[error("{0} is no whole backup: its backup.json is missing or does not read")]
    NotWhole(PathBuf),
    /// The check found faults.
    #[error("the backup does not pass its check: {}", .0.faults.join("; "))]
    Faults(CheckReport),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a backup in a folder that is not there yet, and checks it.
///
/// # Errors
/// [`StoreError`]; what was made so far stays without its note.
pub fn backup(
    database: &Path,
    key: &StoreKey,
    to: &Path,
    now: Timestamp,
) -> Result<(BackupNote, CheckReport), StoreError> {
    drop(Visit::open(database, key)?);
    DirBuilder::new().mode(0o700).create(to).map_err(|source| StoreError::from_io(to, source))?;
    let copy = to.join(DATABASE);
    make_private(&copy)?;
    let live = connect(database)?;
    live.execute("VACUUM INTO ?1", [copy.to_string_lossy()])?;
    let files = copy_bodies(&live, database, &copy)?;
    sync_file(&copy)?;
    let report = check(&copy, key)?;
    let note = BackupNote { format: FORMAT, made_at: now, submissions: report.submissions, files };
    if report.faults.is_empty() {
        write_note(&to.join(NOTE), &note)?;
    }
    sync_folder(to)?;
    sync_folder(parent_of(to))?;
    Ok((note, report))
}

/// Copies the files that the copy names. One that retention has purged meanwhile is purged in the copy too.
fn copy_bodies(live: &Connection, database: &Path, copy: &Path) -> Result<u64, StoreError> {
    let (from, to) = (folder_of(database), folder_of(copy));
    DirBuilder::new().mode(0o700).create(&to).map_err(|source| StoreError::from_io(&to, source))?;
    let db = Connection::open(copy)?;
    let mut copied = 0;
    for (owner, name) in named_files(&db)? {
        match copy_file(&from.join(&name), &to.join(&name)) {
            Ok(()) => copied += 1,
            Err(StoreError::Io { source, .. })
                if source.kind() == io::ErrorKind::NotFound && !is_named(live, &name)? =>
            {
                forget_bodies(&db, owner)?;
            }
            Err(error) => return Err(error),
        }
    }
    sync_folder(&to)?;
    Ok(copied)
}

fn named_files(db: &Connection) -> Result<Vec<(i64, String)>, StoreError> {
    let mut statement = db.prepare("SELECT owner, file FROM bodies WHERE file IS NOT NULL ORDER BY row")?;
    let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn is_named(db: &Connection, file: &str) -> Result<bool, StoreError> {
    Ok(db.prepare_cached("SELECT 1 FROM bodies WHERE file = ?1")?.exists([file])?)
}

fn forget_bodies(db: &Connection, owner: i64) -> Result<(), StoreError> {
    db.execute("DELETE FROM bodies WHERE owner = ?1", [owner])?;
    db.execute("DELETE FROM envelopes WHERE submission = (SELECT id FROM submissions WHERE row = ?1)", [owner])?;
    db.execute("UPDATE submissions SET held_bytes = 0 WHERE row = ?1", [owner])?;
    Ok(())
}

/// Puts a backup where no database is, and begins a new run on it: ids go on above all that were given out. What was under way
/// with an envelope is `Unknown`, and every other submission that is not settled is of an earlier run: the archive is asked for
/// each before anything of it leaves.
///
/// # Errors
/// [`RestoreError`]; nothing is at `database` then, or a copy that was not finished under another name.
pub fn restore(from: &Path, database: &Path, key: &StoreKey, now: Timestamp) -> Result<BackupNote, RestoreError> {
    let note = read_note(from)?;
    let copy = from.join(DATABASE);
    let report = check(&copy, key)?;
    if !report.faults.is_empty() {
        return Err(RestoreError::Faults(report));
    }
    let lock = LockFile::take(database)?;
    let mut wal = database.as_os_str().to_owned();
    wal.push("-wal");
    for place in [database.to_owned(), PathBuf::from(wal), folder_of(database)] {
        if place.exists() {
            return Err(RestoreError::Occupied(place));
        }
    }
    copy_tree(&folder_of(&copy), &folder_of(database))?;
    let mut unfinished = database.as_os_str().to_owned();
    unfinished.push(".restoring");
    let unfinished = PathBuf::from(unfinished);
    copy_file(&copy, &unfinished)?;
    fs::rename(&unfinished, database).map_err(|source| StoreError::from_io(database, source))?;
    sync_folder(parent_of(database))?;
    drop(lock);
    begin_anew(database, key, &note, now)?;
    Ok(note)
}

fn begin_anew(database: &Path, key: &StoreKey, note: &BackupNote, now: Timestamp) -> Result<(), StoreError> {
    let store = SqliteStore::open(database, key, now)?;
    let facts = json!({ "backup_made_at": note.made_at, "submissions": note.submissions });
    let note_it = move |tables: &Tables<'_>| {
        let actor = Actor { name: "operator".into(), instance: "asiasilta store restore".into() };
        steps::recover(tables, &[], &actor, now, now)?;
        let entry =
            Entry { submission: None, action: "store.restore", outcome: "restored", actor: &actor, facts: &facts };
        append(tables, &entry, now)
    };
    // On a thread of its own: the caller's may be one that drives asynchronous work.
    let noted = std::thread::scope(|scope| scope.spawn(|| store.writer.run_blocking(note_it)).join());
    noted.unwrap_or(Err(StoreError::Closed))
}

fn read_note(from: &Path) -> Result<BackupNote, RestoreError> {
    let not_whole = || RestoreError::NotWhole(from.to_owned());
    let bytes = fs::read(from.join(NOTE)).map_err(|_| not_whole())?;
    let note: BackupNote = serde_json::from_slice(&bytes).map_err(|_| not_whole())?;
    if note.format == FORMAT { Ok(note) } else { Err(not_whole()) }
}

fn write_note(path: &Path, note: &BackupNote) -> Result<(), StoreError> {
    let io = |source| StoreError::from_io(path, source);
    let text = serde_json::to_vec_pretty(note).map_err(|error| io(io::Error::other(error)))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(io)
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), StoreError> {
    DirBuilder::new().mode(0o700).create(to).map_err(|source| StoreError::from_io(to, source))?;
    let io = |source| StoreError::from_io(from, source);
    for entry in fs::read_dir(from).map_err(io)? {
        let entry = entry.map_err(io)?;
        copy_file(&entry.path(), &to.join(entry.file_name()))?;
    }
    sync_folder(to)
}

/// Copies a file, its mode with it, onto the disk.
fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::copy(from, to).map_err(|source| StoreError::from_io(from, source))?;
    sync_file(to)
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|source| StoreError::from_io(path, source))
}
