//! Where document bodies are kept: in memory, or in one file of a data directory beside a journal; both survive a restart.
//!
//! A mock's storage: it is not synced to the disk, and nothing is ever deleted but everything at once. The journal says only
//! who sent which bytes, what was invalidated, which standing an organisation was given, and when; the rest is read out of the bodies again. Called by `archive.rs` and
//! `registers.rs`.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::joining::Standing;
use crate::oid::Oid;
use crate::registers::Stored;

const BODIES: &str = "bodies";
const JOURNAL: &str = "journal.jsonl";
/// The registers of a run.
pub(crate) const INDEX: &str = "index.sqlite3";
/// The older arrivals of a run.
pub(crate) const LEDGER: &str = "ledger.jsonl";
/// A journal line is an OID and two numbers.
const LINE_MAX_BYTES: usize = 1024;

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// It cannot be read or written.
    #[error("cannot read or write")]
    Io(#[from] std::io::Error),
    /// A line of the journal that is none of ours.
    #[error("journal.jsonl: line {0} cannot be read")]
    Journal(usize),
    /// A body that is not the document that the journal speaks of.
    #[error("a kept body is not a document")]
    Body,
}

/// Where a kept body is, for [`Bodies::read`]: in the file by its first byte, in memory by its place.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Body {
    pub(crate) at: u64,
    pub(crate) length: u32,
}

/// Where bodies go.
pub(crate) enum Bodies {
    Memory(Mutex<Vec<Arc<[u8]>>>),
    OnDisk { file: File, end: AtomicU64 },
}

impl Default for Bodies {
    fn default() -> Self {
        Self::Memory(Mutex::default())
    }
}

impl Bodies {
    /// Keeps a body.
    pub(crate) fn keep(&self, bytes: &[u8]) -> std::io::Result<Body> {
        let length = u32::try_from(bytes.len()).map_err(std::io::Error::other)?;
        match self {
            Self::Memory(bodies) => {
                let mut bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
                bodies.push(Arc::from(bytes));
                Ok(Body { at: bodies.len() as u64 - 1, length })
            }
            Self::OnDisk { file, end } => {
                let at = end.fetch_add(u64::from(length), Ordering::Relaxed);
                file.write_all_at(bytes, at)?;
                Ok(Body { at, length })
            }
        }
    }

    /// A body's bytes, as they arrived.
    pub(crate) fn read(&self, body: Body) -> std::io::Result<Arc<[u8]>> {
        match self {
            Self::Memory(bodies) => {
                let bodies = bodies.lock().unwrap_or_else(PoisonError::into_inner);
                let kept = usize::try_from(body.at).ok().and_then(|place| bodies.get(place));
                kept.cloned().ok_or_else(|| std::io::ErrorKind::NotFound.into())
            }
            Self::OnDisk { file, .. } => {
                let mut bytes = vec![0; usize::try_from(body.length).unwrap_or(usize::MAX)];
                file.read_exact_at(&mut bytes, body.at)?;
                Ok(bytes.into())
            }
        }
    }

    /// Forgets every body.
    pub(crate) fn clear(&self) -> std::io::Result<()> {
        match self {
            Self::Memory(bodies) => bodies.lock().unwrap_or_else(PoisonError::into_inner).clear(),
            Self::OnDisk { file, end } => {
                file.set_len(0)?;
                end.store(0, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// What the journal holds, one line each.
pub(crate) enum Record {
    Stored { sender: Oid, body: Body, at: Timestamp },
    Invalidated { document: Oid, at: Timestamp },
    Standing { organisation: Oid, standing: Standing },
}

/// The journal of a data directory. A line stands in it whole or not at all, also when the disk is full.
pub(crate) struct Journal {
    file: File,
    /// Where a line was cut that is not taken back yet.
    cut_at: Option<u64>,
}

impl Journal {
    /// Over a file that is opened for appending.
    pub(crate) fn over(file: File) -> Self {
        Self { file, cut_at: None }
    }

    pub(crate) fn stored(&mut self, document: &Stored) -> std::io::Result<()> {
        let Body { at: offset, length } = document.body;
        self.write(&json!({
            "stored": {"sender": document.sender.as_str(), "offset": offset, "length": length},
            "at": document.stored_at.to_string(),
        }))
    }

    /// A failure is only logged: the invalidation has happened.
    pub(crate) fn invalidated(&mut self, document: &Oid, at: Timestamp) {
        if let Err(error) = self.write(&json!({"invalidated": document.as_str(), "at": at.to_string()})) {
            tracing::error!(error = %error, "an invalidation is not in the journal");
        }
    }

    /// A failure is only logged: the standing counts in this run.
    pub(crate) fn standing(&mut self, organisation: &Oid, standing: Standing, at: Timestamp) {
        let standing = json!({"organisation": organisation.as_str(), "is": standing.to_string()});
        if let Err(error) = self.write(&json!({"standing": standing, "at": at.to_string()})) {
            tracing::error!(error = %error, "a standing is not in the journal");
        }
    }

    pub(crate) fn clear(&mut self) -> std::io::Result<()> {
        self.file.set_len(0)?;
        self.cut_at = None;
        Ok(())
    }

    fn write(&mut self, record: &Value) -> std::io::Result<()> {
        // What follows half a line could not be read.
        self.take_back()?;
        let whole = self.file.metadata()?.len();
        self.file.write_all(format!("{record}\n").as_bytes()).inspect_err(|_| {
            self.cut_at = Some(whole);
            if let Err(error) = self.take_back() {
                tracing::error!(error = %error, "half a line stays in the journal until the next one is written");
            }
        })
    }

    /// Takes off the half of a line that was not written to its end.
    fn take_back(&mut self) -> std::io::Result<()> {
        if let Some(whole) = self.cut_at {
            self.file.set_len(whole)?;
            self.cut_at = None;
        }
        Ok(())
    }
}

/// An opened data directory.
pub(crate) struct Opened {
    pub(crate) bodies: Bodies,
    pub(crate) journal: Journal,
    /// What an earlier run left.
    pub(crate) records: Records,
}

/// Opens a data directory, readable by its owner alone; makes it when it is not there.
pub(crate) fn open(directory: &Path) -> Result<Opened, StorageError> {
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let file = options().truncate(false).open(directory.join(BODIES))?;
    let journal = options().append(true).open(directory.join(JOURNAL))?;
    let records = Records { reader: BufReader::new(journal.try_clone()?), whole_bytes: 0, lines: 0 };
    let end = AtomicU64::new(file.metadata()?.len());
    Ok(Opened { bodies: Bodies::OnDisk { file, end }, journal: Journal::over(journal), records })
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options
}

/// The journal's records, in their order. A last line without its end was being written when the run before ended; it is taken off.
pub(crate) struct Records {
    reader: BufReader<File>,
    whole_bytes: u64,
    lines: usize,
}

impl Records {
    fn read(&mut self) -> Result<Option<Record>, StorageError> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line)?;
        if !line.ends_with('\n') {
            self.reader.get_ref().set_len(self.whole_bytes)?;
            return Ok(None);
        }
        self.whole_bytes += read as u64;
        self.lines += 1;
        let record = (read <= LINE_MAX_BYTES).then(|| record(&line)).flatten();
        record.map(Some).ok_or(StorageError::Journal(self.lines))
    }
}

impl Iterator for Records {
    type Item = Result<Record, StorageError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

fn record(line: &str) -> Option<Record> {
    let value: Value = serde_json::from_str(line).ok()?;
    let at = value.get("at")?.as_str()?.parse().ok()?;
    if let Some(document) = value.get("invalidated") {
        return Some(Record::Invalidated { document: Oid::parse(document.as_str()?).ok()?, at });
    }
    if let Some(standing) = value.get("standing") {
        let organisation = Oid::parse(standing.get("organisation")?.as_str()?).ok()?;
        return Some(Record::Standing { organisation, standing: standing.get("is")?.as_str()?.parse().ok()? });
    }
    let stored = value.get("stored")?;
    let length = u32::try_from(stored.get("length")?.as_u64()?).ok()?;
    let body = Body { at: stored.get("offset")?.as_u64()?, length };
    Some(Record::Stored { sender: Oid::parse(stored.get("sender")?.as_str()?).ok()?, body, at })
}

#[cfg(test)]
mod tests;
