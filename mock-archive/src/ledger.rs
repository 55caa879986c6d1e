//! The ledger: every arrival, written down before anything is recognised as a repetition.
//!
//! The judge of delivery: it tells whether a client sent a document again without asking first, and whether each
//! document was stored once. Holds document ids, digests and organisations, no persons. Written by `archive.rs`. Beside a data
//! directory only the newest arrivals stay in memory, the others go into a file there (`ledger/older.rs`); reports and assertions
//! are over all of them.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::finding::Rule;
use crate::ledger::asked::Asked;
use crate::ledger::older::Older;
use crate::oid::Oid;

mod asked;
mod older;

/// A run that needs more is not a test; entries beyond are counted, and every assertion fails.
const ENTRIES_MAX: u64 = 1_000_000;
/// So many arrivals stay in memory when the older ones have a file to go to.
const NEWEST: usize = 4_096;

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArrivalKind {
    /// A store message.
    Store {
        /// The document's id as the frame names it.
        document_id: Oid,
        /// The chain of versions that it belongs to.
        set_id: Oid,
        /// Its version.
        version: u32,
        /// SHA-256 of the document's bytes; `None` when the message carried none.
        body_sha256: Option<[u8; 32]>,
    },
    /// An invalidation.
    Invalidation {
        /// The document's set id.
        set_id: Oid,
        /// The version; `None` when all are meant.
        document_id: Option<Oid>,
    },
    /// A find by document id: the question before a resend.
    Question {
        /// The document asked for.
        document_id: Oid,
    },
    /// A find by client.
    Find,
    /// A fetch.
    Fetch {
        /// The document wanted, when the message names one.
        document_id: Option<Oid>,
    },
    /// A message that could not be read.
    Unreadable,
}

/// What became of an arrival.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Nothing yet, or the connection broke before there was a verdict.
    Open,
    /// `AA`: stored now. With the rules that warned.
    Stored(Vec<Rule>),
    /// `AA`: the same bytes were stored before.
    AlreadyStored,
    /// `AA`: so many versions were invalidated now; none when they were invalid before.
    Invalidated(usize),
    /// `AE`, with the rules.
    Refused(Vec<Rule>),
    /// Not looked at: a scripted fault, an `AR`, or a message that is no message.
    NotProcessed,
    /// A query answered with so many documents in all.
    Answered(usize),
}

/// One line of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Place in the order of arrival, from 1.
    pub sequence: u64,
    /// When it arrived, by the archive's clock.
    pub at: Timestamp,
    /// The organisation of the client certificate.
    pub sender: Oid,
    /// What arrived.
    pub kind: ArrivalKind,
    /// What became of it.
    pub verdict: Verdict,
}

/// A promise of delivery was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerBreach {
    /// Documents that arrived again, or were invalidated again, without a question in between.
    #[error("arrived again without a question in between: {}", list(.0))]
    UnaskedSecondArrival(Vec<(Oid, u64)>),
    /// Documents stored more than once.
    #[error("stored more than once: {}", .0.iter().map(Oid::as_str).collect::<Vec<_>>().join(", "))]
    StoredMoreThanOnce(Vec<Oid>),
    /// Documents that arrived more than once, asked for or not, with all their arrivals.
    #[error("arrived more than once: {}", list(.0))]
    ArrivedMoreThanOnce(Vec<(Oid, u64)>),
    /// Versions that arrived before the version before them was stored.
    #[error("arrived before the version before was stored: {}", list(.0))]
    OutOfOrder(Vec<(Oid, u64)>),
    /// More arrivals than the ledger holds; nothing can be said.
    #[error("the ledger is full: {ENTRIES_MAX} arrivals")]
    Full,
    /// The file of the older arrivals cannot be read; nothing can be said.
    #[error("the older arrivals cannot be read")]
    Unreadable,
}

fn list(arrivals: &[(Oid, u64)]) -> String {
    arrivals.iter().map(|(id, sequence)| format!("{id} (arrival {sequence})")).collect::<Vec<_>>().join(", ")
}

/// The ledger; copies share their entries.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    book: Arc<Mutex<Book>>,
    arrivals: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Book {
    /// The newest arrivals; without a file of older ones, all.
    newest: VecDeque<Entry>,
    older: Option<Older>,
    overflown: bool,
}

impl Book {
    fn older_count(&self) -> u64 {
        self.older.as_ref().map_or(0, Older::count)
    }

    fn count(&self) -> u64 {
        self.older_count() + self.newest.len() as u64
    }

    /// Sends the oldest arrival in memory to the file. When that cannot be written, everything stays in memory from now on.
    fn make_room(&mut self) {
        if self.newest.len() < NEWEST {
            return;
        }
        let (Some(older), Some(entry)) = (&mut self.older, self.newest.front()) else { return };
        match older.push(entry) {
            Ok(()) => drop(self.newest.pop_front()),
            Err(error) => tracing::error!(error = %error, "an arrival cannot be written into the data directory"),
        }
    }

    /// All arrivals, oldest first.
    fn each(&mut self, mut visit: impl FnMut(Entry)) -> std::io::Result<()> {
        if let Some(older) = &mut self.older {
            older.each(&mut visit)?;
        }
        self.newest.iter().cloned().for_each(visit);
        Ok(())
    }
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on only the newest arrivals stay in memory. What an earlier run has left in the file is forgotten.
    pub(crate) fn keep_older_in(&self, file: &Path) -> std::io::Result<()> {
        self.book().older = Some(Older::create(file)?);
        Ok(())
    }

    /// Writes an arrival down; the number is for [`Self::settle`].
    pub(crate) fn arrived(&self, at: Timestamp, sender: Oid, kind: ArrivalKind) -> u64 {
        let mut book = self.book();
        let sequence = book.count() + 1;
        if sequence > ENTRIES_MAX {
            book.overflown = true;
        } else {
            book.make_room();
            book.newest.push_back(Entry { sequence, at, sender, kind, verdict: Verdict::Open });
        }
        self.arrivals.send_replace(sequence);
        sequence
    }

    /// Writes down what became of an arrival.
    pub(crate) fn settle(&self, sequence: u64, verdict: Verdict) {
        let mut book = self.book();
        let older = book.older_count();
        match sequence.checked_sub(older + 1) {
            Some(index) => {
                let entry = usize::try_from(index).ok().and_then(|index| book.newest.get_mut(index));
                if let Some(entry) = entry {
                    entry.verdict = verdict;
                }
            }
            // It stood still while thousands came.
            None => book.older.iter_mut().for_each(|older| older.settle_late(sequence, verdict.clone())),
        }
    }

    /// Forgets every arrival.
    pub(crate) fn clear(&self) {
        let mut book = self.book();
        let mut older = book.older.take();
        if let Some(Err(error)) = older.as_mut().map(Older::clear) {
            tracing::error!(error = %error, "older arrivals cannot be forgotten, so newer ones stay in memory");
            older = None;
        }
        *book = Book { older, ..Book::default() };
        drop(book);
        self.arrivals.send_replace(0);
    }

    /// Returns once so many messages have arrived.
    pub async fn until_arrivals(&self, count: u64) {
        let mut arrivals = self.arrivals.subscribe();
        // The sender lives as long as this ledger, so waiting cannot fail.
        drop(arrivals.wait_for(|so_far| *so_far >= count).await);
    }

    /// All entries so far, in the order of arrival. Those that cannot be read back from the data directory are missing, which the
    /// log says; an assertion fails then.
    #[must_use]
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::new();
        if let Err(error) = self.book().each(|entry| entries.push(entry)) {
            tracing::error!(error = %error, "older arrivals cannot be read");
        }
        entries
    }

    /// Visits every entry, for what has to be said of all of them.
    fn each_of_all(&self, visit: impl FnMut(Entry)) -> Result<(), LedgerBreach> {
        let mut book = self.book();
        if book.overflown {
            return Err(LedgerBreach::Full);
        }
        book.each(visit).map_err(|error| {
            tracing::error!(error = %error, "older arrivals cannot be read");
            LedgerBreach::Unreadable
        })
    }

    /// No document arrived a second time, and no invalidation of the same, without a question for the document, from the same
    /// sender, since the last arrival. For an invalidation of all versions a question for any of them counts.
    ///
    /// # Errors
    /// [`LedgerBreach::UnaskedSecondArrival`] names the documents and their arrivals; [`LedgerBreach::Full`].
    pub fn assert_no_unasked_second_arrival(&self) -> Result<(), LedgerBreach> {
        let (mut asked, mut breaches) = (Asked::default(), Vec::new());
        self.each_of_all(|entry| breaches.extend(asked.unasked(entry)))?;
        if breaches.is_empty() { Ok(()) } else { Err(LedgerBreach::UnaskedSecondArrival(breaches)) }
    }

    /// No document arrived twice, whether asked for in between or not.
    ///
    /// # Errors
    /// [`LedgerBreach::ArrivedMoreThanOnce`] names documents and arrivals; [`LedgerBreach::Full`].
    pub fn assert_nothing_arrived_twice(&self) -> Result<(), LedgerBreach> {
        let mut arrivals: BTreeMap<Oid, Vec<u64>> = BTreeMap::new();
        self.each_of_all(|entry| {
            if let ArrivalKind::Store { document_id, .. } = entry.kind {
                arrivals.entry(document_id).or_default().push(entry.sequence);
            }
        })?;
        let twice = arrivals.into_iter().filter(|(_, all)| all.len() > 1);
        let twice: Vec<_> = twice.flat_map(|(id, all)| all.into_iter().map(move |one| (id.clone(), one))).collect();
        if twice.is_empty() { Ok(()) } else { Err(LedgerBreach::ArrivedMoreThanOnce(twice)) }
    }

    /// In each chain a version arrived only after the version before it had been stored; the first that arrived begins it.
    ///
    /// # Errors
    /// [`LedgerBreach::OutOfOrder`] names documents and arrivals; [`LedgerBreach::Full`].
    pub fn assert_order_in_each_chain(&self) -> Result<(), LedgerBreach> {
        let mut newest: BTreeMap<Oid, u32> = BTreeMap::new();
        let mut breaches = Vec::new();
        self.each_of_all(|entry| {
            let ArrivalKind::Store { document_id, set_id, version, .. } = entry.kind else { return };
            let stored = newest.get(&set_id).copied().unwrap_or(0);
            if version > stored.saturating_add(1) {
                breaches.push((document_id, entry.sequence));
            }
            if matches!(entry.verdict, Verdict::Stored(_)) {
                newest.insert(set_id, stored.max(version));
            }
        })?;
        if breaches.is_empty() { Ok(()) } else { Err(LedgerBreach::OutOfOrder(breaches)) }
    }

    /// Who asked for a document (by question or fetch), in the order of arrival.
    #[must_use]
    pub fn askers(&self, document: &Oid) -> Vec<Oid> {
        let asks = |entry: &Entry| match &entry.kind {
            ArrivalKind::Question { document_id } => document_id == document,
            ArrivalKind::Fetch { document_id } => document_id.as_ref() == Some(document),
            _ => false,
        };
        self.entries().into_iter().filter(asks).map(|entry| entry.sender).collect()
    }

    /// Each archived document was stored exactly once; gives their number.
    ///
    /// # Errors
    /// [`LedgerBreach::StoredMoreThanOnce`] names the documents; [`LedgerBreach::Full`].
    pub fn stored_once(&self) -> Result<usize, LedgerBreach> {
        let mut times: BTreeMap<Oid, usize> = BTreeMap::new();
        self.each_of_all(|entry| {
            if let (ArrivalKind::Store { document_id, .. }, Verdict::Stored(_)) = (entry.kind, entry.verdict) {
                *times.entry(document_id).or_default() += 1;
            }
        })?;
        let more: Vec<_> = times.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.clone()).collect();
        if more.is_empty() { Ok(times.len()) } else { Err(LedgerBreach::StoredMoreThanOnce(more)) }
    }

    /// The ids of the archived documents, in the order in which they were stored.
    #[must_use]
    pub fn archived_ids(&self) -> Vec<Oid> {
        self.entries()
            .into_iter()
            .filter_map(|entry| match (entry.kind, entry.verdict) {
                (ArrivalKind::Store { document_id, .. }, Verdict::Stored(_)) => Some(document_id),
                _ => None,
            })
            .collect()
    }
}

/// A table: what arrived, from whom, and what became of it. Ids of documents and organisations, no persons.
impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries();
        let count = |fits: fn(&Verdict) -> bool| entries.iter().filter(|entry| fits(&entry.verdict)).count();
        writeln!(
            f,
            "{} arrivals: {} stored, {} stored before, {} refused, {} not processed, {} without a verdict",
            entries.len(),
            count(|verdict| matches!(verdict, Verdict::Stored(_))),
            count(|verdict| matches!(verdict, Verdict::AlreadyStored)),
            count(|verdict| matches!(verdict, Verdict::Refused(_))),
            count(|verdict| matches!(verdict, Verdict::NotProcessed)),
            count(|verdict| matches!(verdict, Verdict::Open)),
        )?;
        let whats: Vec<String> = entries.iter().map(|entry| entry.kind.to_string()).collect();
        let what_width = whats.iter().map(String::len).max().unwrap_or_default();
        let sender_width = entries.iter().map(|entry| entry.sender.as_str().len()).max().unwrap_or_default();
        for (entry, what) in entries.iter().zip(&whats) {
            writeln!(
                f,
                "{:>6}  {:.0}  {:sender_width$}  {what:what_width$}  {}",
                entry.sequence,
                entry.at,
                entry.sender.as_str(),
                entry.verdict
            )?;
        }
        Ok(())
    }
}

impl fmt::Display for ArrivalKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store { document_id, .. } => write!(f, "store {document_id}"),
            Self::Invalidation { set_id, document_id: None } => write!(f, "invalidate {set_id}, all versions"),
            Self::Invalidation { document_id: Some(id), .. } => write!(f, "invalidate {id}"),
            Self::Question { document_id } => write!(f, "question {document_id}"),
            Self::Find => f.write_str("find"),
            Self::Fetch { document_id: Some(id) } => write!(f, "fetch {id}"),
            Self::Fetch { document_id: None } => f.write_str("fetch"),
            Self::Unreadable => f.write_str("unreadable"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = |rules: &[Rule]| rules.iter().map(|rule| rule.id()).collect::<Vec<_>>().join(" ");
        match self {
            Self::Open => f.write_str("open"),
            Self::Stored(warnings) if warnings.is_empty() => f.write_str("stored"),
            Self::Stored(warnings) => write!(f, "stored, warned by {}", ids(warnings)),
            Self::AlreadyStored => f.write_str("stored before"),
            Self::Invalidated(count) => write!(f, "invalidated {count}"),
            Self::Refused(rules) => write!(f, "refused by {}", ids(rules)),
            Self::NotProcessed => f.write_str("not processed"),
            Self::Answered(count) => write!(f, "answered with {count}"),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed parse is a failed test")]
mod tests {
    use super::*;

    fn oid(text: &str) -> Oid {
        Oid::parse(text).unwrap()
    }

    fn note(ledger: &Ledger, sender: &str, kind: ArrivalKind, verdict: Verdict) {
        let sequence = ledger.arrived(Timestamp::UNIX_EPOCH, oid(sender), kind);
        ledger.settle(sequence, verdict);
    }

    fn store(ledger: &Ledger, sender: &str, id: &str, verdict: Verdict) {
        version(ledger, sender, id, id, 1, verdict);
    }

    fn version(ledger: &Ledger, sender: &str, set: &str, id: &str, version: u32, verdict: Verdict) {
        let (document_id, set_id) = (oid(id), oid(set));
        note(ledger, sender, ArrivalKind::Store { document_id, set_id, version, body_sha256: None }, verdict);
    }

    fn ask(ledger: &Ledger, sender: &str, id: &str) {
        note(ledger, sender, ArrivalKind::Question { document_id: oid(id) }, Verdict::Answered(0));
    }

    #[test]
    fn a_second_arrival_without_a_question_is_a_breach() {
        let ledger = Ledger::default();
        ask(&ledger, "1.2.1", "1.9.1");
        store(&ledger, "1.2.1", "1.9.1", Verdict::Stored(Vec::new()));
        store(&ledger, "1.2.1", "1.9.2", Verdict::NotProcessed);
        assert_eq!(ledger.assert_no_unasked_second_arrival(), Ok(()));
        store(&ledger, "1.2.1", "1.9.1", Verdict::AlreadyStored);
        let breach = ledger.assert_no_unasked_second_arrival().unwrap_err();
        assert_eq!(breach, LedgerBreach::UnaskedSecondArrival(vec![(oid("1.9.1"), 4)]));
        assert_eq!(breach.to_string(), "arrived again without a question in between: 1.9.1 (arrival 4)");
    }

    #[test]
    fn a_question_counts_for_its_sender_its_document_and_one_resend() {
        let ledger = Ledger::default();
        store(&ledger, "1.2.1", "1.9.1", Verdict::NotProcessed);
        ask(&ledger, "1.2.1", "1.9.1");
        store(&ledger, "1.2.1", "1.9.1", Verdict::Stored(Vec::new()));
        assert_eq!(ledger.assert_no_unasked_second_arrival(), Ok(()));
        ask(&ledger, "1.2.2", "1.9.1");
        ask(&ledger, "1.2.1", "1.9.2");
        store(&ledger, "1.2.1", "1.9.1", Verdict::AlreadyStored);
        assert!(ledger.assert_no_unasked_second_arrival().is_err());
    }

    fn invalidate(ledger: &Ledger, set: &str, id: Option<&str>) {
        let kind = ArrivalKind::Invalidation { set_id: oid(set), document_id: id.map(oid) };
        note(ledger, "1.2.1", kind, Verdict::Invalidated(1));
    }

    #[test]
    fn a_second_invalidation_without_a_question_is_a_breach() {
        let ledger = Ledger::default();
        version(&ledger, "1.2.1", "1.9.1", "1.9.2", 2, Verdict::Stored(Vec::new()));
        ask(&ledger, "1.2.1", "1.9.2");
        invalidate(&ledger, "1.9.1", Some("1.9.2"));
        invalidate(&ledger, "1.9.1", None);
        invalidate(&ledger, "1.9.3", None);
        assert_eq!(ledger.assert_no_unasked_second_arrival(), Ok(()), "three different ones");
        ask(&ledger, "1.2.2", "1.9.2");
        ask(&ledger, "1.2.1", "1.9.3");
        invalidate(&ledger, "1.9.1", Some("1.9.2"));
        let breach = LedgerBreach::UnaskedSecondArrival(vec![(oid("1.9.2"), 8)]);
        assert_eq!(ledger.assert_no_unasked_second_arrival(), Err(breach));
    }

    #[test]
    fn a_question_for_one_version_counts_for_an_invalidation_of_all() {
        let ledger = Ledger::default();
        version(&ledger, "1.2.1", "1.9.1", "1.9.2", 2, Verdict::Stored(Vec::new()));
        store(&ledger, "1.2.1", "1.9.4", Verdict::Stored(Vec::new()));
        invalidate(&ledger, "1.9.1", None);
        ask(&ledger, "1.2.1", "1.9.2");
        invalidate(&ledger, "1.9.1", None);
        assert_eq!(ledger.assert_no_unasked_second_arrival(), Ok(()));
        ask(&ledger, "1.2.1", "1.9.4");
        invalidate(&ledger, "1.9.1", None);
        let breach = LedgerBreach::UnaskedSecondArrival(vec![(oid("1.9.1"), 7)]);
        assert_eq!(ledger.assert_no_unasked_second_arrival(), Err(breach));
    }

    #[test]
    fn storing_twice_is_a_breach() {
        let ledger = Ledger::default();
        store(&ledger, "1.2.1", "1.9.1", Verdict::Stored(Vec::new()));
        store(&ledger, "1.2.1", "1.9.2", Verdict::Refused(vec![Rule::PairId]));
        assert_eq!(ledger.stored_once(), Ok(1));
        store(&ledger, "1.2.1", "1.9.1", Verdict::Stored(Vec::new()));
        assert_eq!(ledger.stored_once(), Err(LedgerBreach::StoredMoreThanOnce(vec![oid("1.9.1")])));
    }

    #[test]
    fn versions_have_an_order_and_documents_one_arrival() {
        let ledger = Ledger::default();
        version(&ledger, "1.2.1", "1.9.1", "1.9.1", 1, Verdict::NotProcessed);
        assert_eq!(ledger.assert_nothing_arrived_twice(), Ok(()));
        version(&ledger, "1.2.1", "1.9.1", "1.9.2", 2, Verdict::Refused(vec![Rule::VersionSuccessor]));
        assert_eq!(ledger.assert_order_in_each_chain(), Err(LedgerBreach::OutOfOrder(vec![(oid("1.9.2"), 2)])));
        version(&ledger, "1.2.1", "1.9.1", "1.9.1", 1, Verdict::Stored(Vec::new()));
        let twice = vec![(oid("1.9.1"), 1), (oid("1.9.1"), 3)];
        assert_eq!(ledger.assert_nothing_arrived_twice(), Err(LedgerBreach::ArrivedMoreThanOnce(twice)));
        let ledger = Ledger::default();
        version(&ledger, "1.2.1", "1.9.1", "1.9.1", 1, Verdict::Stored(Vec::new()));
        version(&ledger, "1.2.1", "1.9.1", "1.9.2", 2, Verdict::Stored(Vec::new()));
        assert_eq!(ledger.assert_order_in_each_chain(), Ok(()));
    }

    #[test]
    fn what_has_left_the_memory_is_still_in_report_and_assertions() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = Ledger::default();
        ledger.keep_older_in(&directory.path().join("ledger.jsonl")).unwrap();
        let kind = ArrivalKind::Find;
        let held = ledger.arrived(Timestamp::UNIX_EPOCH, oid("1.2.1"), kind);
        store(&ledger, "1.2.1", "1.9.1", Verdict::Refused(vec![Rule::PairId]));
        for number in 0..3 * NEWEST {
            store(&ledger, "1.2.1", &format!("1.9.2.{number}"), Verdict::Stored(Vec::new()));
        }
        ledger.settle(held, Verdict::Answered(7));
        assert!(ledger.book().newest.len() <= NEWEST);
        let entries = ledger.entries();
        assert_eq!(entries.len(), 3 * NEWEST + 2);
        assert!(entries.iter().zip(1..).all(|(entry, place)| entry.sequence == place));
        let verdicts: Vec<_> = entries.iter().take(2).map(|entry| entry.verdict.clone()).collect();
        assert_eq!(verdicts, [Verdict::Answered(7), Verdict::Refused(vec![Rule::PairId])]);
        assert_eq!(ledger.stored_once(), Ok(3 * NEWEST));
        store(&ledger, "1.2.1", "1.9.1", Verdict::Stored(Vec::new()));
        assert!(ledger.assert_no_unasked_second_arrival().is_err());
        std::fs::write(directory.path().join("ledger.jsonl"), "torn").unwrap();
        assert_eq!(ledger.stored_once(), Err(LedgerBreach::Unreadable));
        ledger.clear();
        assert!(ledger.entries().is_empty());
        store(&ledger, "1.2.1", "1.9.1", Verdict::Stored(Vec::new()));
        assert_eq!(ledger.stored_once(), Ok(1));
    }

    #[test]
    fn the_ledger_tells_who_asked_for_what() {
        let ledger = Ledger::default();
        ask(&ledger, "1.2.2", "1.9.1");
        ask(&ledger, "1.2.1", "1.9.2");
        note(&ledger, "1.2.1", ArrivalKind::Fetch { document_id: Some(oid("1.9.1")) }, Verdict::Answered(1));
        assert_eq!(ledger.askers(&oid("1.9.1")), [oid("1.2.2"), oid("1.2.1")]);
    }

    #[test]
    fn the_report_names_documents_and_rules() {
        let ledger = Ledger::default();
        store(&ledger, "1.2.1", "1.9.2", Verdict::Refused(vec![Rule::PairId]));
        let report = ledger.to_string();
        let sums = "1 arrivals: 0 stored, 0 stored before, 1 refused, 0 not processed, 0 without a verdict\n";
        assert!(report.starts_with(sums), "{report}");
        assert!(report.contains("1.2.1  store 1.9.2  refused by pair.id"), "{report}");
    }
}
