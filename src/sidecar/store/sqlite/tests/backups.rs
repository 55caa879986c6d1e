//! Checking, backing up, putting back.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::sidecar::store::sqlite::bodies::{ROW_BYTES_MAX, folder_of};

const CANARIES: [&str; 3] = [SECRET, "Kanarialintu Koemäki", "canary-key-010190-900P"];

fn large() -> String {
    CANARIES[1].repeat(2 * ROW_BYTES_MAX / CANARIES[1].len())
}

/// One settled with its envelope, one under way, one waiting with a large body.
async fn filled(database: &Path) -> (SqliteStore, Vec<Submission>) {
    let store = open(database, 0);
    let mut all = Vec::new();
    for (n, body) in ["b", CANARIES[0], &large()].into_iter().enumerate() {
        all.push(accepted(&store, new(&format!("{}{n}", CANARIES[2]), body), 0).await);
    }
    store.claim(&actor(), 2, at(1)).await.unwrap();
    for s in &all[..2] {
        store.launch(&s.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    }
    step(&store, &all[0], Event::Receive, 2).await;
    (store, all)
}

fn every_file(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { found.extend(every_file(&entry)) } else { found.push(entry) }
    }
    found
}

#[tokio::test]
async fn a_backup_made_beside_the_running_store_is_put_back_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to, back) = (folder.path().join("s.db"), folder.path().join("backup"), folder.path().join("back.db"));
    let (store, all) = filled(&path).await;
    let (note, report) = backup(&path, &key(), &to, at(3)).unwrap();
    assert_eq!((note.submissions, note.files, report.open, report.faults), (3, 1, 2, vec![]));
    // The store went on meanwhile, and knows no more of it after the restore.
    let later = accepted(&store, new("later", "b"), 4).await;
    drop(store);

    let restored = restore(&to, &back, &key(), at(5)).unwrap();
    assert_eq!(restored, note);
    let store = open(&back, 6);
    let (left, _) = store.find(&all[1].id, &scope()).await.unwrap().unwrap();
    assert_eq!((left.state, left.due_at), (State::Unknown, Some(at(5))), "in name, before any worker has started");
    assert!(store.find(&later.id, &scope()).await.unwrap().is_none());
    let new_one = accepted(&store, new("new", "b"), 6).await;
    assert_ne!(new_one.document.document, later.document.document);
    assert!(new_one.change > later.change);
    // Nothing unsettled is taken for new: what may have left is unknown, the rest is of an earlier run, and both are asked for.
    store.recover(&actor(), at(7), at(6)).await.unwrap();
    let claimed = store.claim(&actor(), 10, at(8)).await.unwrap();
    let of = |s: &Submission| claimed.iter().find(|c| c.submission.id == s.id).unwrap();
    assert_eq!(of(&all[1]).submission.state, State::Reconciling);
    assert!(of(&all[2]).submission.from_earlier_run && of(&all[2]).payload == large().into_bytes());
    store.verify_use_log().await.unwrap();
    drop(store);
    assert_eq!(check(&back, &key()).unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn a_restore_overwrites_nothing_and_takes_only_whole_backups_of_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let (path, to, back) = (folder.path().join("s.db"), folder.path().join("backup"), folder.path().join("back.db"));
    let (store, _) = filled(&path).await;
    backup(&path, &key(), &to, at(3)).unwrap();
    assert!(matches!(backup(&path, &key(), &to, at(3)), Err(StoreError::Io { .. })), "nor does a backup");
    assert!(matches!(restore(&to, &path, &key(), at(4)), Err(RestoreError::Store(StoreError::InUse { .. }))));
    drop(store);
    assert!(matches!(restore(&to, &path, &key(), at(4)), Err(RestoreError::Occupied(_))));
    let other = StoreKey::from_bytes([8; 32]);
    assert!(matches!(restore(&to, &back, &other, at(4)), Err(RestoreError::Store(StoreError::WrongKey))));
    let lost = every_file(&to).into_iter().find(|file| file.starts_with(folder_of(&to.join("store.sqlite")))).unwrap();
    let content = fs::read(&lost).unwrap();
    fs::remove_file(&lost).unwrap();
    assert!(matches!(restore(&to, &back, &key(), at(4)), Err(RestoreError::Faults(r)) if r.faults.len() == 1));
    fs::write(&lost, content).unwrap();
    fs::remove_file(to.join("backup.json")).unwrap();
    assert!(matches!(restore(&to, &back, &key(), at(4)), Err(RestoreError::NotWhole(_))));
    assert!(!back.exists());
}

#[tokio::test]
async fn a_check_names_what_is_damaged_by_submission_and_column() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let (store, all) = filled(&path).await;
    let report = check(&path, &key()).unwrap();
    assert_eq!((report.submissions, report.bodies, report.faults), (3, 5, vec![]), "beside the running store");
    drop(store);
    let db = Connection::open(&path).unwrap();
    for (sql, expected) in [
        ("UPDATE submissions SET verdict = x'00' WHERE row = 1", "verdict"),
        ("UPDATE submissions SET state = 'archived' WHERE row = 2", "detail"),
        ("UPDATE bodies SET sealed = zeroblob(40) WHERE owner = 1 AND part = 'payload'", "payload"),
        ("UPDATE bodies SET bytes = 1 WHERE owner = 3", "held_bytes"),
        ("DELETE FROM envelopes", "envelope"),
        ("DROP TRIGGER use_log_keeps; UPDATE use_log SET at = at + 1 WHERE row = 2", "use log"),
    ] {
        db.execute_batch("BEGIN").unwrap();
        db.execute_batch(sql).unwrap();
        db.execute_batch("COMMIT").unwrap();
        let faults = check(&path, &key()).unwrap().faults;
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{sql}: {faults:?}");
        assert!(faults.iter().all(|fault| !CANARIES.iter().any(|canary| fault.contains(canary))));
    }
    assert!(check(&path, &key()).unwrap().faults.iter().any(|fault| fault.contains(all[0].id.as_str())));
}

#[tokio::test]
async fn a_copied_database_its_log_its_files_and_a_backup_tell_nothing_of_persons_or_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let (_store, _) = filled(&path).await;
    backup(&path, &key(), &folder.path().join("backup"), at(3)).unwrap();
    let files = every_file(folder.path());
    let named = |end: &str| files.iter().any(|file| file.to_string_lossy().ends_with(end));
    assert!(named("s.db") && named("s.db-wal") && named("backup/store.sqlite"));
    assert_eq!(files.iter().filter(|file| file.to_string_lossy().contains(".bodies/")).count(), 2);
    for file in &files {
        let bytes = fs::read(file).unwrap();
        for canary in
            CANARIES.iter().flat_map(|canary| [canary.to_string(), crate::sidecar::vault::to_hex(canary.as_bytes())])
        {
            let told = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!told && !file.to_string_lossy().contains(&canary), "{}", file.display());
        }
    }
}
