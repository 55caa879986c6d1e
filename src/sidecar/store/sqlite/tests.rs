#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::json;

use super::*;
use crate::domain::submission::{Event, State};
use crate::sidecar::ports::{Ground, Outbound, Proof, Verdict};
use crate::sidecar::store::behaviour::{
    Disk, SECRET, T0, accepted, actor, at, behaves, due, envelope, new, oid, scope, step,
};

mod backups;
mod bounds;
mod power_loss;
mod rekey;
mod soak;
mod unreadable;

fn files(database: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(bodies::folder_of(database)).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[derive(Default)]
struct Files(std::cell::OnceCell<tempfile::TempDir>);

impl Disk for Files {
    type Store = SqliteStore;

    fn open(&self, seconds: i64) -> SqliteStore {
        open(&self.0.get_or_init(|| tempfile::tempdir().unwrap()).path().join("s.db"), seconds)
    }
}

behaves!(Files);

fn key() -> StoreKey {
    StoreKey::from_bytes([7; 32])
}

fn open(path: &Path, seconds: i64) -> SqliteStore {
    SqliteStore::open(path, &key(), at(seconds)).unwrap()
}

#[tokio::test]
async fn a_second_process_on_the_same_database_refuses_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let second = SqliteStore::open(&path, &key(), at(0)).err().unwrap();
    assert!(matches!(second, StoreError::InUse { .. }));
    assert!(second.to_string().contains("in use by another process"));
    drop(store);
    open(&path, 0);
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_the_database_and_its_log() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let _store = open(&folder.path().join("s.db"), 0);
    for name in ["s.db", "s.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}");
    }
}

#[test]
fn a_wrong_key_is_recognised_at_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    drop(open(&path, 0));
    let other = StoreKey::from_bytes([8; 32]);
    assert!(matches!(SqliteStore::open(&path, &other, at(0)), Err(StoreError::WrongKey)));
    open(&path, 0);
}

#[test]
fn a_schema_from_the_future_and_a_foreign_database_are_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let (future, foreign) = (folder.path().join("f.db"), folder.path().join("x.db"));
    drop(open(&future, 0));
    Connection::open(&future).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let refused = SqliteStore::open(&future, &key(), at(0));
    assert!(matches!(refused, Err(StoreError::FromTheFuture { found: 99, known: 8 })));
    Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(matches!(SqliteStore::open(&foreign, &key(), at(0)), Err(StoreError::NotOurs { .. })));
    let db = Connection::open(&foreign).unwrap();
    let tables: i64 = db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!(tables, 1);
}

#[tokio::test]
async fn a_restored_backup_gives_no_id_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("s.db"), folder.path().join("backup.db"));
    let mut documents = BTreeSet::new();
    let mut messages = BTreeSet::new();
    let mut given = 0;
    drop(open(&path, 0));
    std::fs::copy(&path, &backup).unwrap();
    for (run, seconds) in [1, 2, 3, 3, -500].into_iter().enumerate() {
        // Runs 1 to 3 each begin from the same old backup; the last two go on from the one before, the clock standing or back.
        if run < 3 {
            std::fs::copy(&backup, &path).unwrap();
        }
        let store = open(&path, seconds);
        for n in 0..5 {
            let s = accepted(&store, new(&format!("{run}.{n}"), "b"), seconds).await;
            documents.insert(s.document.document.to_string());
            messages.insert(s.message_number);
            given += 1;
        }
    }
    assert_eq!((documents.len(), messages.len()), (given, given));
    let one = documents.first().unwrap();
    assert!(one.starts_with("1.2.246.10.1.95.2027.") && one.len() <= 64, "{one}");
}

#[tokio::test]
async fn a_copied_database_tells_nothing_of_persons() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let s = accepted(&store, new(SECRET, SECRET), 0).await;
    store.claim(&actor(), 1, at(1)).await.unwrap();
    store.launch(&s.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    let remarks = vec![crate::sidecar::ports::Remark { code: "c".into(), text: SECRET.into() }];
    let verdict = Some(Verdict::Archived { proof: Proof::Acknowledged, remarks });
    let facts = json!({ "note": SECRET });
    let receive = Step { verdict: verdict.clone(), facts, ..Step::plain(Event::Receive, actor()) };
    assert_eq!(store.step(&s.id, receive, at(2)).await.unwrap().verdict, verdict);
    let entry = Use { action: "cases.search", outcome: "permitted".into(), actor: actor(), subject: json!([SECRET]) };
    store.log_use(entry, at(3)).await.unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path()).filter(|file| file.is_file())
    {
        let bytes = std::fs::read(file).unwrap();
        seen += bytes.len();
        assert!(!bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()));
    }
    assert!(seen > 4096);
}

/// Changes the file behind the store's back and answers whether the use log still verifies.
async fn verifies_after(sql: &str) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    for n in 0..4 {
        accepted(&store, new(&n.to_string(), "b"), 0).await;
    }
    assert_eq!(store.verify_use_log().await.unwrap(), 4);
    drop(store);
    let db = Connection::open(&path).unwrap();
    db.execute_batch(&format!("DROP TRIGGER use_log_keeps; DROP TRIGGER use_log_stays; {sql}")).unwrap();
    drop(db);
    // A head without its proof is noticed when it is opened.
    match SqliteStore::open(&path, &key(), at(1)) {
        Ok(store) => store.verify_use_log().await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn tampering_with_the_use_log_is_detected() {
    assert!(verifies_after("").await);
    for sql in [
        "UPDATE use_log SET outcome = 'archived' WHERE row = 2",
        "UPDATE use_log SET at = at + 1 WHERE row = 2",
        "UPDATE use_log SET detail = (SELECT detail FROM use_log WHERE row = 3) WHERE row = 2",
        "DELETE FROM use_log WHERE row = 2",
        "DELETE FROM use_log WHERE row = 4",
        "DELETE FROM use_log WHERE row = 4;
         UPDATE meta SET value = CAST(unhex('0000000000000003') || (SELECT link FROM use_log WHERE row = 3) AS BLOB)
             WHERE name = 'use_log_head'",
        "DELETE FROM use_log WHERE row = 4;
         UPDATE meta SET value = CAST(unhex('0000000000000003') || substr(value, 9, 32)
             || (SELECT link FROM use_log WHERE row = 3) AS BLOB) WHERE name = 'use_log_head'",
        "DELETE FROM use_log",
        "DELETE FROM use_log WHERE row = 2; UPDATE use_log SET row = row - 1 WHERE row > 2",
        "INSERT INTO use_log SELECT 5, at, submission, action, outcome, detail, link FROM use_log WHERE row = 4",
    ] {
        assert!(!verifies_after(sql).await, "{sql}");
    }
}

#[tokio::test]
async fn the_use_log_refuses_updates_and_deletes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    accepted(&store, new("1", "b"), 0).await;
    drop(store);
    let db = Connection::open(&path).unwrap();
    for sql in ["DELETE FROM use_log", "UPDATE use_log SET at = 0"] {
        assert!(db.execute_batch(sql).unwrap_err().to_string().contains("append-only"));
    }
}

/// A log of nine rows, entered a second apart, whose first five were let go.
async fn shortened(path: &Path) -> SqliteStore {
    let store = open(path, 0);
    for second in 0..9 {
        accepted(&store, new(&format!("{second}"), "b"), second).await;
    }
    assert_eq!(store.forget_uses(&actor(), at(5), 3, at(20)).await.unwrap(), 3);
    assert_eq!(store.forget_uses(&actor(), at(5), 3, at(21)).await.unwrap(), 2);
    assert_eq!(store.forget_uses(&actor(), at(5), 3, at(22)).await.unwrap(), 0);
    store
}

fn read_out(path: &Path, period: (Timestamp, Timestamp)) -> (Vec<UseLogEntry>, u64) {
    let mut entries = Vec::new();
    let keep = |entry| {
        entries.push(entry);
        Ok(())
    };
    let proved = read_use_log(path, &key(), period, keep).unwrap();
    (entries, proved)
}

#[tokio::test]
async fn the_use_log_is_let_go_from_its_first_row_and_what_stays_is_proved_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = shortened(&path).await;
    // Four that are younger, and the two that tell of what was let go.
    assert_eq!(store.verify_use_log().await.unwrap(), 6);
    let (entries, proved) = read_out(&path, (Timestamp::MIN, Timestamp::MAX));
    assert_eq!((entries.len(), proved), (6, 6));
    let rows: Vec<_> = entries.iter().map(|entry| (entry.row, entry.action.as_str())).collect();
    assert_eq!(rows[3..5], [(9, "accept"), (10, "use_log.forget")]);
    assert_eq!(entries[4].facts["rows"], 3);
    assert_eq!((&entries[5].facts["from"], &entries[5].facts["rows"]), (&json!(4), &json!(2)));
    let (entries, proved) = read_out(&path, (at(6), at(8)));
    assert_eq!((entries.iter().map(|entry| entry.row).collect::<Vec<_>>(), proved), (vec![7, 8], 6));
    drop(store);
    let store = open(&path, 30);
    accepted(&store, new("later", "b"), 30).await;
    assert_eq!(store.verify_use_log().await.unwrap(), 7);
    drop(store);
    assert_eq!(check(&path, &key()).unwrap().faults, Vec::<String>::new());
}

#[tokio::test]
async fn what_was_tampered_with_is_not_let_go() {
    for sql in [
        "UPDATE use_log SET at = 0 WHERE row > 2",
        "DELETE FROM use_log WHERE row = 2",
        "UPDATE use_log SET action = 'x' WHERE row = 1",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let store = open(&path, 0);
        for second in 0..4 {
            accepted(&store, new(&format!("{second}"), "b"), second).await;
        }
        drop(store);
        let db = Connection::open(&path).unwrap();
        db.execute_batch(&format!("DROP TRIGGER use_log_keeps; DROP TRIGGER use_log_stays; {sql}")).unwrap();
        drop(db);
        let store = open(&path, 10);
        let refused = store.forget_uses(&actor(), at(3), 100, at(11)).await;
        assert!(matches!(refused, Err(StoreError::Damaged { what: "use log" })), "{sql}: {refused:?}");
        assert!(store.verify_use_log().await.is_err(), "{sql}");
    }
}

#[tokio::test]
async fn rows_cut_off_the_front_of_a_shortened_use_log_are_missed() {
    let cut = "DROP TRIGGER use_log_stays;";
    for sql in [
        format!("{cut} DELETE FROM use_log WHERE row = 6"),
        format!(
            "{cut} DELETE FROM use_log WHERE row <= 8; UPDATE counters SET value = 8 WHERE name = 'use_log_let_go'"
        ),
        "DELETE FROM meta WHERE name = 'use_log_begin'".to_owned(),
        "UPDATE meta SET value = (SELECT link FROM use_log WHERE row = 6) WHERE name = 'use_log_begin'".to_owned(),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        drop(shortened(&path).await);
        Connection::open(&path).unwrap().execute_batch(&sql).unwrap();
        assert!(open(&path, 30).verify_use_log().await.is_err(), "{sql}");
        let read = read_use_log(&path, &key(), (Timestamp::MIN, Timestamp::MAX), |_| Ok(()));
        assert!(read.is_err(), "{sql}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    drop(shortened(&path).await);
    let refused = Connection::open(&path).unwrap().execute_batch("DELETE FROM use_log").unwrap_err();
    assert!(refused.to_string().contains("append-only"), "what is not let go is deleted");
}

#[tokio::test]
async fn a_full_disk_promises_nothing_and_the_store_goes_on_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("s.db"), 0));
    accepted(&*store, new("first", "b"), 0).await;
    let limit = |pages: i64| {
        store.write(move |tables| {
            // Answers the limit that it set, which is never below what is in use.
            Ok(tables.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |row| row.get::<_, i64>(0))?)
        })
    };
    limit(1).await.unwrap();
    let large = "x".repeat(60_000);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..16 {
        let (store, new) = (Arc::clone(&store), new(&n.to_string(), &large));
        tasks.spawn(async move { store.accept(new, at(1)).await });
    }
    for refused in tasks.join_all().await {
        assert!(matches!(refused, Err(StoreError::DiskFull { .. })));
    }
    assert!(store.ready().await.is_err(), "not ready while the disk is full");
    assert_eq!(store.census().await.unwrap().by_state, [("queued".to_owned(), 1)]);
    limit(1_000_000).await.unwrap();
    store.ready().await.unwrap();
    accepted(&*store, new("0", &large), 2).await;
    assert_eq!(store.verify_use_log().await.unwrap(), 2);
}

/// Writes over one value behind the store's back.
fn damage(path: &Path, column: &str, of: &Submission) {
    let db = Connection::open(path).unwrap();
    let sql = match column {
        "payload" => {
            "UPDATE bodies SET sealed = x'00' WHERE owner = (SELECT row FROM submissions WHERE id = ?1)".into()
        }
        _ => format!("UPDATE submissions SET {column} = x'00' WHERE id = ?1"),
    };
    assert_eq!(db.execute(&sql, [of.id.as_str()]).unwrap(), 1);
}

#[tokio::test]
async fn a_damaged_value_parks_its_own_submission_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let mut all = Vec::new();
    for n in 0..4 {
        all.push(accepted(&store, new(&n.to_string(), "b"), 0).await);
    }
    // The last one had been taken up, and may have left, when the process ended.
    store.claim(&actor(), 4, at(1)).await.unwrap();
    store.launch(&all[3].id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    for s in &all[..3] {
        step(&store, s, Event::RetryLater { at: at(2) }, 1).await;
    }
    drop(store);
    damage(&path, "payload", &all[0]);
    damage(&path, "detail", &all[1]);
    damage(&path, "detail", &all[3]);
    let store = open(&path, 5);
    assert_eq!(store.recover(&actor(), at(35), at(5)).await.unwrap(), 0);
    let claimed = store.claim(&actor(), 10, at(40)).await.unwrap();
    assert_eq!(claimed.iter().map(|c| &c.submission.id).collect::<Vec<_>>(), [&all[2].id]);
    assert_eq!(store.claim(&actor(), 10, at(41)).await.unwrap().len(), 0, "each is set aside once");
    for (s, column, may_have_left) in [(0, "payload", false), (1, "detail", false), (3, "detail", true)] {
        let (found, way) = store.find(&all[s].id, &scope()).await.unwrap().unwrap();
        let State::Parked { why, sent } = found.state else { panic!() };
        assert_eq!((why.code.as_str(), sent), ("store.damaged", may_have_left));
        assert!(why.message.en.contains(column) && way.last().unwrap().event == "quarantine");
    }
    let census = store.census().await.unwrap();
    assert_eq!((census.damaged, census.by_state), (3, vec![("claimed".into(), 1), ("parked".into(), 3)]));
    let wanted = ChangesWanted { state: None, after: 0, limit: 10 };
    assert_eq!(store.changes(wanted, &scope()).await.unwrap().len(), 4);
    store.verify_use_log().await.unwrap();
    // A person lets them go on: what still cannot be read is set aside again, what may have left is asked for.
    for s in [0, 1, 3] {
        step(&store, &all[s], Event::Release, 50).await;
    }
    let states: Vec<_> = store.claim(&actor(), 10, at(51)).await.unwrap();
    let states: Vec<_> = states.iter().map(|c| (c.submission.id.clone(), c.submission.state.name())).collect();
    assert_eq!(states, [(all[1].id.clone(), "claimed"), (all[3].id.clone(), "reconciling")]);
}

#[tokio::test]
async fn change_numbers_of_a_restored_backup_are_above_all_that_were_handed_out() {
    let folder = tempfile::tempdir().unwrap();
    let (path, backup) = (folder.path().join("s.db"), folder.path().join("backup.db"));
    drop(open(&path, 0));
    std::fs::copy(&path, &backup).unwrap();
    let store = open(&path, 1);
    let mut cursor = 0;
    for n in 0..50 {
        cursor = accepted(&store, new(&n.to_string(), "b"), 1).await.change;
    }
    drop(store);
    std::fs::copy(&backup, &path).unwrap();
    let store = open(&path, 2);
    let after = accepted(&store, new("after", "b"), 2).await;
    assert!(after.change > cursor && after.change < 1 << 53);
    let wanted = ChangesWanted { state: None, after: cursor, limit: 10 };
    assert_eq!(store.changes(wanted, &scope()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn copies_of_a_database_started_in_the_same_second_give_different_ids() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = (folder.path().join("1.db"), folder.path().join("2.db"));
    drop(open(&one, 0));
    std::fs::copy(&one, &two).unwrap();
    let (one, two) = (open(&one, 1), open(&two, 1));
    let (a, b) = (accepted(&one, new("k", "b"), 1).await, accepted(&two, new("k", "b"), 1).await);
    assert_ne!(a.document.document, b.document.document);
    assert_ne!(a.message_number, b.message_number);
}

#[tokio::test]
async fn a_writer_that_panicked_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"), 0);
    let gone = store.write(|_| -> Result<(), StoreError> { panic!("on purpose") }).await;
    assert!(matches!(gone, Err(StoreError::Closed)));
    tokio::time::timeout(Duration::from_secs(20), store.closed()).await.unwrap();
    assert!(matches!(store.ready().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn the_age_of_the_oldest_open_one_is_read_from_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"), 0);
    let plan = store.read(|tables| {
        let sql = "EXPLAIN QUERY PLAN SELECT min(accepted_at) FROM submissions WHERE class = 'open'";
        Ok(tables.db.query_row(sql, [], |row| row.get::<_, String>(3))?)
    });
    assert!(plan.await.unwrap().contains("submissions_open"));
}

#[tokio::test]
async fn change_numbers_grow_also_when_the_clock_is_set_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let mut last = 0;
    for (run, seconds) in [0, 50, -500, -1000].into_iter().enumerate() {
        let store = open(&path, seconds);
        // The clock is set while it runs, too.
        for (n, back) in [0, 100, 5].into_iter().enumerate() {
            let change = accepted(&store, new(&format!("{run}.{n}"), "b"), seconds - back).await.change;
            assert!(change > last, "run {run}: {change} after {last}");
            last = change;
        }
    }
}
