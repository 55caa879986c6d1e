//! Restarts over a data directory, and what a full disk leaves in it.
#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use super::*;
use crate::answers::AckCode;
use crate::samples::{Sample, kit, oid};
use crate::server::MockArchive;

/// Tells the test that it is started again, and the directory.
const FULL: &str = "MOCK_ARCHIVE_TEST_FULL_DIRECTORY";

fn archive(directory: &Path) -> crate::archive::Archive {
    let clock = crate::clock::Clock::standing_at(crate::samples::NOW.parse().unwrap());
    let builder = MockArchive::builder().clock(clock).pki(Arc::clone(&kit().pki)).data_directory(directory);
    builder.archive().unwrap()
}

#[test]
fn what_was_stored_and_invalidated_survives_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let first = archive(directory.path());
    for sample in [Sample::relationship(), Sample::case(), Sample::entry()] {
        assert_eq!(sample.give_to(&first).code, AckCode::Aa);
    }
    assert!(first.invalidate(&oid(&Sample::case().id)).unwrap());
    first.set_standing(oid("1.2.3"), Standing::NotJoined);
    drop(first);
    let second = archive(directory.path());
    assert!(Sample::entry().give_to(&second).already_stored, "same bytes, known");
    assert!(!second.invalidate(&oid(&Sample::case().id)).unwrap(), "invalid since the first run");
    assert!(second.invalidate(&oid(&Sample::entry().id)).unwrap());
    assert_eq!(second.known_standings().get(&oid("1.2.3")), Some(&Standing::NotJoined));
    second.reset().unwrap();
    drop(second);
    assert!(!Sample::relationship().give_to(&archive(directory.path())).already_stored);
}

#[test]
fn what_stands_twice_in_the_journal_is_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let first = archive(directory.path());
    assert_eq!(Sample::relationship().give_to(&first).code, AckCode::Aa);
    drop(first);
    let journal = directory.path().join(JOURNAL);
    let line = std::fs::read_to_string(&journal).unwrap();
    std::fs::write(&journal, line.repeat(2)).unwrap();
    assert!(Sample::relationship().give_to(&archive(directory.path())).already_stored);
}

#[test]
fn every_file_is_readable_by_its_owner_alone() {
    let directory = tempfile::tempdir().unwrap();
    let archive = archive(&directory.path().join("data"));
    assert_eq!(Sample::relationship().give_to(&archive).code, AckCode::Aa);
    for file in std::fs::read_dir(directory.path().join("data")).unwrap().map(Result::unwrap) {
        let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().unwrap());
        assert_eq!(mode & 0o077, 0, "{:?}", file.file_name());
    }
}

#[test]
fn a_line_cut_off_is_taken_off_and_a_foreign_one_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    drop(archive(directory.path()));
    let journal = directory.path().join(JOURNAL);
    std::fs::write(&journal, "{\"at\":\"2026-11-22T10:00:00Z\",\"invalidated\":\"1.2.3\"}\n{\"stored\":{\"sen")
        .unwrap();
    assert_eq!(open(directory.path()).unwrap().records.filter(Result::is_ok).count(), 1);
    assert_eq!(
        std::fs::read_to_string(&journal).unwrap(),
        "{\"at\":\"2026-11-22T10:00:00Z\",\"invalidated\":\"1.2.3\"}\n"
    );
    std::fs::write(&journal, "{\"other\":1}\n").unwrap();
    let read = open(directory.path()).unwrap().records.next();
    assert!(matches!(read, Some(Err(StorageError::Journal(1)))));
}

/// A limit on the size of files stands in for a disk that is full: what goes beyond it is written in part, then refused. It is the
/// whole process's, so this test is started again under it.
#[test]
#[cfg(target_os = "linux")]
fn a_line_that_a_full_disk_cuts_is_taken_back_and_the_next_can_be_read() {
    if let Some(directory) = std::env::var_os(FULL) {
        return write_until_full(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut limited = std::process::Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 2; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    limited.args(["--exact", "storage::tests::a_line_that_a_full_disk_cuts_is_taken_back_and_the_next_can_be_read"]);
    let ended = limited.env(FULL, directory.path()).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
    let read: Vec<_> = open(directory.path()).unwrap().records.map(Result::unwrap).collect();
    assert!(read.len() > 1);
    assert!(matches!(read.last(), Some(Record::Invalidated { document, .. }) if *document == oid("1.2.9")));
}

/// Long lines until one is refused, then a short one that there is room for.
fn write_until_full(directory: &Path) {
    let mut journal = open(directory).unwrap().journal;
    let line = |document: &str, padding: usize| json!({"invalidated": document, "at": "2026-11-22T10:00:00Z", "padding": "x".repeat(padding)});
    let written = (0..100).take_while(|_| journal.write(&line("1.2.3", 300)).is_ok()).count();
    assert!((1..100).contains(&written), "{written}");
    journal.write(&line("1.2.9", 0)).unwrap();
}
