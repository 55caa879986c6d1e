//! The older part of the ledger: a file of a data directory, one JSON line an arrival. It does not outlive the run: the next one
//! begins it anew. Called by `ledger.rs`.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::ledger::{Entry, Verdict};

/// Arrivals that left the memory, in their order.
#[derive(Debug)]
pub(super) struct Older {
    file: BufWriter<File>,
    count: u64,
    /// Verdicts of arrivals that were open when they were written down.
    late: BTreeMap<u64, Verdict>,
}

impl Older {
    /// An empty file, readable by its owner alone.
    pub(super) fn create(path: &Path) -> std::io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(true).mode(0o600).open(path)?;
        Ok(Self { file: BufWriter::new(file), count: 0, late: BTreeMap::new() })
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn push(&mut self, entry: &Entry) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(entry).map_err(std::io::Error::other)?;
        line.push(b'\n');
        self.file.write_all(&line)?;
        self.count += 1;
        Ok(())
    }

    pub(super) fn settle_late(&mut self, sequence: u64, verdict: Verdict) {
        self.late.insert(sequence, verdict);
    }

    /// Visits every arrival; fails when the file does not hold what was written.
    pub(super) fn each(&mut self, visit: &mut impl FnMut(Entry)) -> std::io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0))?;
        let mut lines = BufReader::new(&*file).lines();
        for _ in 0..self.count {
            let line = lines.next().ok_or(std::io::ErrorKind::UnexpectedEof)??;
            let mut entry: Entry = serde_json::from_str(&line).map_err(std::io::Error::other)?;
            if let Some(verdict) = self.late.get(&entry.sequence) {
                entry.verdict = verdict.clone();
            }
            visit(entry);
        }
        drop(lines);
        file.seek(SeekFrom::End(0)).map(drop)
    }

    pub(super) fn clear(&mut self) -> std::io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        (self.count, self.late) = (0, BTreeMap::new());
        Ok(())
    }
}
