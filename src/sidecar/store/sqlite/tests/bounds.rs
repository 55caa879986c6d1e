//! What bounds the store: the queue's limits, large bodies in files, retention; and databases of earlier schemas.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use super::*;
use crate::domain::document::invalidation::Extent;
use crate::domain::submission::Cause;
use crate::domain::submission::Kind;
use crate::domain::text::Text;
use crate::sidecar::ports::{Clock, HandoverBodies};
use crate::sidecar::retention::{KeptFor, run};
use crate::sidecar::store::sqlite::bodies::{ROW_BYTES_MAX, folder_of};
use crate::sidecar::store::sqlite::schema::STEPS;
use crate::sidecar::store::{Handover, Limit, SignedPlace, StoreLimits};

fn large() -> String {
    SECRET.repeat(2 * ROW_BYTES_MAX / SECRET.len())
}

/// Carries a submission to the archive.
async fn archive(store: &SqliteStore, seconds: i64) -> Submission {
    let claimed = store.claim(&actor(), 1, at(seconds)).await.unwrap().remove(0);
    let large = Outbound { body: large().into_bytes(), ..envelope().outbound };
    let envelope = StoredEnvelope { outbound: large, ..envelope() };
    store.launch(&claimed.submission.id, &envelope, Step::plain(Event::Launch, actor()), at(seconds)).await.unwrap();
    step(store, &claimed.submission, Event::Receive, seconds).await
}

#[tokio::test]
async fn at_a_bound_of_the_queue_nothing_more_is_taken_and_repeats_are_still_answered() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let limits = StoreLimits { open_rows_max: 2, open_bytes_max: 4096, free_disk_bytes_min: 0 };
    let store = SqliteStore::open_within(&path, &key(), limits, at(0)).unwrap();
    let first = accepted(&store, new("1", "b"), 0).await;
    let refused = store.accept(new("big", &"x".repeat(4096)), at(0)).await;
    assert!(matches!(refused, Err(StoreError::Full { limit: Limit::Bytes })));
    accepted(&store, new("2", "b"), 0).await;
    for _ in 0..3 {
        let refused = store.accept(new("3", "b"), at(0)).await;
        assert!(matches!(refused, Err(StoreError::Full { limit: Limit::Rows })));
    }
    assert!(matches!(store.ready().await, Err(StoreError::Full { limit: Limit::Rows })));
    assert!(matches!(store.accept(new("1", "b"), at(0)).await.unwrap(), Accepted::Replay(_)));
    let withdraw = Event::Withdraw { by: "x".into(), why: "y".into() };
    step(&store, &first, withdraw, 1).await;
    accepted(&store, new("3", "b"), 1).await;
    drop(store);
    // Counted again at the start, not remembered.
    let store = SqliteStore::open_within(&path, &key(), limits, at(2)).unwrap();
    assert!(matches!(store.accept(new("4", "b"), at(2)).await, Err(StoreError::Full { limit: Limit::Rows })));
}

#[tokio::test]
async fn with_too_little_free_disk_nothing_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let limits = StoreLimits { free_disk_bytes_min: u64::MAX, ..StoreLimits::default() };
    let store = SqliteStore::open_within(&folder.path().join("s.db"), &key(), limits, at(0)).unwrap();
    assert!(matches!(store.accept(new("1", "b"), at(0)).await, Err(StoreError::Full { limit: Limit::Disk })));
    assert!(matches!(store.ready().await, Err(StoreError::Full { limit: Limit::Disk })));
    assert_eq!(store.census().await.unwrap().by_state, []);
}

#[tokio::test]
async fn a_large_body_stands_sealed_in_a_private_file_and_comes_back_whole() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    accepted(&store, new("1", &large()), 0).await;
    let kept = files(&path);
    assert_eq!(kept.len(), 1);
    let bytes = fs::read(&kept[0]).unwrap();
    assert!(bytes.len() > ROW_BYTES_MAX && !bytes.windows(SECRET.len()).any(|w| w == SECRET.as_bytes()));
    assert_eq!(fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o077, 0);
    assert_eq!(fs::metadata(folder_of(&path)).unwrap().permissions().mode() & 0o077, 0);
    assert!(fs::metadata(&path).unwrap().len() < 200_000, "the database does not hold it");
    // A repeat and a conflict leave no file.
    store.accept(new("1", &large()), at(0)).await.unwrap();
    store.accept(new("1", &format!("{}x", large())), at(0)).await.unwrap();
    assert_eq!(files(&path), kept);
    let claimed = store.claim(&actor(), 1, at(1)).await.unwrap();
    assert!(claimed[0].payload == large().into_bytes());
}

#[tokio::test]
async fn a_lost_file_parks_its_own_submission_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let lost = accepted(&store, new("1", &large()), 0).await;
    let other = accepted(&store, new("2", "b"), 0).await;
    fs::remove_file(&files(&path)[0]).unwrap();
    let claimed = store.claim(&actor(), 10, at(1)).await.unwrap();
    assert_eq!(claimed.iter().map(|c| &c.submission.id).collect::<Vec<_>>(), [&other.id]);
    let (found, _) = store.find(&lost.id, &scope()).await.unwrap().unwrap();
    assert_eq!(found.state.name(), "parked");
}

#[tokio::test]
async fn retention_purges_settled_bodies_and_keeps_open_ones_keys_rows_and_the_use_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let done = accepted(&store, new("1", &large()), 0).await;
    assert_eq!(archive(&store, 1).await.id, done.id);
    let open_one = accepted(&store, new("2", &large()), 0).await;
    assert_eq!(files(&path).len(), 3);
    let kept = store.kept_bodies(due(at(1))).await.unwrap();
    assert_eq!((kept.submissions, kept.due, kept.oldest_finished), (1, 0, Some(at(1))));
    let census = store.census().await.unwrap();
    assert_eq!((census.kept, census.kept_bytes), (1, kept.bytes));
    assert!(census.open_bytes > u64::try_from(ROW_BYTES_MAX).unwrap() && census.open_bytes < census.kept_bytes);
    assert!(census.free_disk_bytes.is_some_and(|free| free > 0));
    assert!(!store.purge(&actor(), due(at(1)), 10, at(9)).await.unwrap().more);
    assert_eq!(store.kept_bodies(due(at(2))).await.unwrap().due, 1, "it was not due yet");

    // However far the clock jumps, only what is settled goes.
    let purged = store.purge(&actor(), due(Timestamp::MAX), 10, at(10)).await.unwrap();
    assert_eq!((purged.submissions, purged.more), (1, false));
    assert!(purged.bytes > 2 * u64::try_from(ROW_BYTES_MAX).unwrap());
    assert_eq!(files(&path).len(), 1);
    assert_eq!(store.kept_bodies(due(Timestamp::MAX)).await.unwrap(), Default::default());
    let Accepted::Replay(again) = store.accept(new("1", &large()), at(11)).await.unwrap() else { panic!() };
    assert_eq!((again.id, again.state), (done.id.clone(), State::Archived));
    assert!(matches!(store.accept(new("1", "other"), at(11)).await.unwrap(), Accepted::Conflict));
    let (_, way) = store.find(&done.id, &scope()).await.unwrap().unwrap();
    assert_eq!(way.len(), 4);
    store.verify_use_log().await.unwrap();
    let claimed = store.claim(&actor(), 1, at(12)).await.unwrap();
    assert!(claimed[0].submission.id == open_one.id && claimed[0].payload == large().into_bytes());
}

#[tokio::test]
async fn what_was_settled_long_ago_is_forgotten_with_its_key_and_the_use_log_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let done = accepted(&store, new("1", "x"), 0).await;
    archive(&store, 1).await;
    let open_one = accepted(&store, new("2", "x"), 1).await;
    assert_eq!(store.forget(&actor(), Timestamp::MAX, 10, at(2)).await.unwrap(), 0, "its bodies are still kept");
    store.purge(&actor(), due(Timestamp::MAX), 10, at(3)).await.unwrap();
    assert_eq!(store.forget(&actor(), at(1), 10, at(4)).await.unwrap(), 0, "it is not due yet");
    let rows = store.verify_use_log().await.unwrap();
    assert_eq!(store.forget(&actor(), Timestamp::MAX, 10, at(5)).await.unwrap(), 1);
    assert!(store.find(&done.id, &scope()).await.unwrap().is_none());
    assert!(store.find(&open_one.id, &scope()).await.unwrap().is_some());
    assert_eq!(store.verify_use_log().await.unwrap(), rows + 1);
    let again = accepted(&store, new("1", "y"), 6).await;
    assert_ne!(again.document.document, done.document.document);
    drop(store);
    assert_eq!(check(&path, &key()).unwrap().faults, Vec::<String>::new());
}

/// A clock that a test sets; whoever waits says so, and waits until it is let go on.
struct SetClock {
    now: watch::Sender<(Timestamp, Duration)>,
    waits: Notify,
}

impl Clock for SetClock {
    fn now(&self) -> Timestamp {
        self.now.borrow().0
    }

    fn elapsed(&self) -> Duration {
        self.now.borrow().1
    }

    async fn sleep(&self, time: Duration) {
        let until = self.elapsed() + time;
        self.waits.notify_one();
        self.now.subscribe().wait_for(|(_, passed)| *passed >= until).await.unwrap();
    }
}

#[tokio::test]
async fn a_clock_that_was_set_ahead_makes_retention_forget_nothing_for_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&folder.path().join("s.db"), 0));
    let done = accepted(&*store, new("1", "x"), 0).await;
    archive(&store, 1).await;
    let days = |days: u64| Duration::from_secs(days * 86_400);
    let kept_for = KeptFor { bodies: days(30), confirmed: days(60), settled: days(400), uses: Some(days(800)) };
    let clock = Arc::new(SetClock { now: watch::Sender::new((at(1), Duration::ZERO)), waits: Notify::new() });
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(run(Arc::clone(&store), Arc::clone(&clock), kept_for, actor(), stopped));
    clock.waits.notified().await;
    // An hour later by true time, ten years by the clock.
    let ten_years = 10 * 365 * 86_400;
    clock.now.send_replace((at(ten_years), Duration::from_secs(3_600)));
    clock.waits.notified().await;
    assert!(matches!(store.accept(new("1", "x"), at(ten_years)).await.unwrap(), Accepted::Replay(_)));
    assert!(matches!(store.whole(&done.id).await, Err(StoreError::Purged)), "only its bodies, which the archive has");
    // Put right again: it is as if nothing had been.
    clock.now.send_replace((at(7_201), Duration::from_secs(7_200)));
    clock.waits.notified().await;
    assert!(matches!(store.accept(new("1", "x"), at(7_201)).await.unwrap(), Accepted::Replay(_)));
    // Time that has truly passed.
    clock.now.send_replace((at(ten_years), Duration::from_secs(ten_years.unsigned_abs())));
    clock.waits.notified().await;
    assert!(store.find(&done.id, &scope()).await.unwrap().is_none());
}

#[tokio::test]
async fn what_was_handed_over_is_not_purged_before_its_receipt_and_then_by_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let s = accepted(&store, new("1", &large()), 0).await;
    let bodies = HandoverBodies { package: large().into_bytes(), document: large().into_bytes() };
    let handover = Handover { bodies, place: SignedPlace::of(&s) };
    let why = Cause::new("access.not_joined", Text::same("x"));
    let step_of = |event| Step::plain(event, actor());
    store.hand_over(&s.id, &handover, step_of(Event::HandOver { why: why.clone() }), at(1)).await.unwrap();
    assert_eq!(files(&path).len(), 3);
    assert_eq!(store.purge(&actor(), due(Timestamp::MAX), 10, at(2)).await.unwrap().submissions, 0);
    assert_eq!(store.census().await.unwrap().packages, Packages { waiting: 1, oldest: Some(at(1)) });
    // A second package in the place of the first.
    let back = step(&store, &s, Event::TakeBack, 3).await;
    let handover = Handover { place: SignedPlace::of(&back), ..handover };
    store.hand_over(&s.id, &handover, step_of(Event::HandOver { why }), at(4)).await.unwrap();
    step(&store, &s, Event::EnterReceipt { by: "b".into(), reference: "r".into() }, 5).await;
    let later = Due { settled_before: Timestamp::MAX, confirmed_before: at(5) };
    assert_eq!(store.purge(&actor(), later, 10, at(6)).await.unwrap().submissions, 0, "it has its own time");
    assert_eq!(store.kept_bodies(later).await.unwrap().due, 0);
    assert!(check(&path, &key()).unwrap().faults.is_empty());
    assert_eq!(store.purge(&actor(), due(Timestamp::MAX), 10, at(7)).await.unwrap().submissions, 1);
    assert_eq!(store.package(&s.id).await.unwrap(), None);
    let (found, _) = store.find(&s.id, &scope()).await.unwrap().unwrap();
    assert!(matches!(found.state, State::HandedOver { receipt: Some(_), .. }), "its row stays");
    assert!(check(&path, &key()).unwrap().faults.is_empty());
}

#[tokio::test]
async fn what_was_taken_back_and_then_given_up_is_kept_because_its_package_may_be_the_only_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"), 0);
    let s = accepted(&store, new("1", "b"), 0).await;
    let bodies = HandoverBodies { package: b"p".to_vec(), document: b"d".to_vec() };
    let handover = Handover { bodies: bodies.clone(), place: SignedPlace::of(&s) };
    let why = Cause::new("access.not_joined", Text::same("x"));
    store.hand_over(&s.id, &handover, Step::plain(Event::HandOver { why }, actor()), at(1)).await.unwrap();
    step(&store, &s, Event::TakeBack, 2).await;
    step(&store, &s, Event::Abandon { by: "b".into(), why: "w".into() }, 3).await;
    assert_eq!(store.purge(&actor(), due(Timestamp::MAX), 10, at(4)).await.unwrap().submissions, 0);
    assert_eq!(store.package(&s.id).await.unwrap(), Some(bodies.package));
}

#[tokio::test]
async fn the_record_before_an_open_new_version_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder.path().join("s.db"), 0);
    let first = accepted(&store, new("1", "b"), 0).await;
    archive(&store, 1).await;
    let mut next = new("2", "b");
    next.replaces = Some(first.document.clone());
    accepted(&store, next, 2).await;
    assert_eq!(store.purge(&actor(), due(Timestamp::MAX), 10, at(3)).await.unwrap().submissions, 0);
    archive(&store, 4).await;
    assert_eq!(store.purge(&actor(), due(Timestamp::MAX), 10, at(5)).await.unwrap().submissions, 2);
}

#[tokio::test]
async fn files_that_no_row_names_are_swept_by_the_next_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    accepted(&store, new("1", &large()), 0).await;
    let kept = files(&path);
    // As if the process had died between the file and its transaction.
    let orphan = kept[0].with_file_name(format!("{}x", kept[0].file_name().unwrap().to_str().unwrap()));
    fs::write(&orphan, "x").unwrap();
    store.purge(&actor(), due(at(0)), 10, at(1)).await.unwrap();
    assert_eq!(files(&path).len(), 2, "of this run it may still come to be named");
    drop(store);
    let store = open(&path, 5);
    store.purge(&actor(), due(at(0)), 10, at(5)).await.unwrap();
    assert_eq!(files(&path), kept);
}

/// The pages that purging frees are used again.
#[tokio::test]
async fn the_file_stops_growing_when_retention_keeps_pace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let body = "x".repeat(30_000);
    let mut sizes = Vec::new();
    for round in 0..8 {
        for n in 0..20 {
            let s = accepted(&store, new(&format!("{round}.{n}"), &body), round).await;
            store.claim(&actor(), 1, at(round)).await.unwrap();
            store.launch(&s.id, &envelope(), Step::plain(Event::Launch, actor()), at(round)).await.unwrap();
            step(&store, &s, Event::Receive, round).await;
        }
        store.purge(&actor(), due(at(round + 1)), 100, at(round)).await.unwrap();
        sizes.push(
            store
                .read(|tables| Ok(tables.db.pragma_query_value(None, "page_count", |r| r.get::<_, i64>(0))?))
                .await
                .unwrap(),
        );
    }
    let (first, last) = (sizes[0], sizes[7]);
    // 140 bodies of 30 kB more would be over a thousand pages; what stays of a submission is a fraction of a page.
    assert!(last - first < 140, "{sizes:?}");
}

/// A database as an earlier released schema had it. Written as the second had it at most, and brought on from there.
fn old_database(path: &Path, version: usize) -> (SubmissionId, SubmissionId) {
    let db = Connection::open(path).unwrap();
    let (written, later) = STEPS[..version].split_at(version.min(2));
    written.iter().for_each(|step| db.execute_batch(step).unwrap());
    db.pragma_update(None, "user_version", i64::try_from(version).unwrap()).unwrap();
    db.pragma_update(None, "application_id", schema::APPLICATION_ID).unwrap();
    let vault = Vault::new(&key()).unwrap();
    db.execute("INSERT INTO meta VALUES ('key_check', ?1)", [vault.check_value()]).unwrap();
    let (waiting, sent) = (SubmissionId::random(), SubmissionId::random());
    for (n, (id, state)) in [(&waiting, State::Queued), (&sent, State::InFlight)].into_iter().enumerate() {
        let seal = |column, value: &[u8]| vault.seal(rows::place(id.as_str(), column), value).unwrap();
        let document = format!("1.2.246.10.1.95.{n}");
        db.execute(
            "INSERT INTO submissions (id, organisation, unit, document, set_id, version, message_number, structure, state, class,
                 detail, accepted_at, updated_at, due_at, change, payload, warnings)
             VALUES (?1, ?2, ?3, ?4, ?4, 1, '1', '1.2.3', ?5, 'open', ?6, ?7, ?7, ?7, ?8, ?9, ?10)",
            rusqlite::params![
                id.as_str(), scope().organisation.as_str(), scope().units[0].as_str(), document, state.name(),
                seal("detail", &serde_json::to_vec(&state).unwrap()), T0 * 1000, i64::try_from(n).unwrap(),
                seal("payload", b"old body"), seal("warnings", b"[]"),
            ],
        )
        .unwrap();
    }
    let place = |column| crate::sidecar::vault::Place { table: "envelopes", row: sent.as_str(), column };
    let ground = serde_json::to_vec(&(Ground::OwnRegister, Some(oid("1.2.9")))).unwrap();
    db.execute(
        "INSERT INTO envelopes VALUES (?1, 0, 'a', 'c', ?2, ?3)",
        rusqlite::params![
            sent.as_str(),
            vault.seal(place("body"), &envelope().outbound.body).unwrap(),
            vault.seal(place("ground"), &ground).unwrap()
        ],
    )
    .unwrap();
    later.iter().for_each(|step| db.execute_batch(step).unwrap());
    (waiting, sent)
}

#[tokio::test]
async fn databases_of_every_released_schema_are_carried_on() {
    for version in 1..STEPS.len() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let (waiting, sent) = old_database(&path, version);
        let store = open(&path, 5);
        assert_eq!(store.recover(&actor(), at(6), at(5)).await.unwrap(), 1, "schema {version}");
        let claimed = store.claim(&actor(), 10, at(10)).await.unwrap();
        let of = |id: &SubmissionId| claimed.iter().find(|c| c.submission.id == *id).unwrap();
        assert_eq!(
            (of(&waiting).payload.as_slice(), of(&waiting).submission.state.name()),
            (&b"old body"[..], "claimed")
        );
        assert!(of(&waiting).submission.from_earlier_run && of(&waiting).envelope.is_none());
        assert_eq!(of(&sent).submission.state, State::Reconciling);
        assert!(of(&sent).envelope.as_ref().unwrap().outbound == envelope().outbound);
        drop(store);
        let new_key = StoreKey::from_bytes([8; 32]);
        rekey(&path, &key(), &new_key, at(11)).unwrap();
        assert_eq!(check(&path, &new_key).unwrap().bodies, 3, "schema {version}, with a new key");
    }
}

/// A database of the fourth schema, the first with a data key: what this program writes, without what later steps add.
fn without_invalidations(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "UPDATE meta SET value = CAST(substr(value, 1, 8) || substr(value, 41) AS BLOB) WHERE name = 'use_log_head';
         DROP INDEX submissions_packages;
         ALTER TABLE submissions DROP COLUMN handed_over_at;
         CREATE TABLE idempotency_keys (organisation TEXT NOT NULL, key_digest BLOB NOT NULL, body_digest BLOB NOT NULL,
             submission TEXT NOT NULL, made_at INTEGER NOT NULL, PRIMARY KEY (organisation, key_digest)) STRICT, WITHOUT ROWID;
         INSERT INTO idempotency_keys SELECT organisation, key_digest, body_digest, id, accepted_at FROM submissions;
         DROP INDEX submissions_key;
         DROP INDEX submissions_purged;
         DROP INDEX submissions_due;
         CREATE INDEX submissions_due ON submissions (due_at) WHERE due_at IS NOT NULL;
         ALTER TABLE submissions DROP COLUMN key_digest;
         ALTER TABLE submissions DROP COLUMN body_digest;
         DROP INDEX submissions_replaces;
         ALTER TABLE submissions DROP COLUMN target;
         ALTER TABLE submissions DROP COLUMN kind;
         PRAGMA user_version = 4;",
    )
    .unwrap();
}

#[tokio::test]
async fn submissions_from_before_there_were_invalidations_are_documents_and_can_be_invalidated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let before = accepted(&store, new("1", "b"), 0).await;
    drop(store);
    without_invalidations(&path);
    let store = open(&path, 1);
    let Accepted::Replay(same) = store.accept(new("1", "b"), at(1)).await.unwrap() else { panic!() };
    assert_eq!((&same.kind, &same.document), (&Kind::Document, &before.document));
    let kind = Kind::Invalidation { target: before.document.document.clone(), extent: Extent::ThisVersion };
    let gone = accepted(&store, NewSubmission { kind: kind.clone(), ..new("2", "order") }, 1).await;
    assert_eq!((gone.kind, gone.waits_for), (kind, Some(before.document.document)));
    drop(store);
    assert_eq!(check(&path, &key()).unwrap().faults, [""; 0]);
}

#[tokio::test]
async fn a_damaged_page_closes_the_store_and_nothing_is_promised_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    for n in 0..200 {
        accepted(&store, new(&n.to_string(), "b"), 0).await;
    }
    drop(store);
    // The tables' first pages and the schema stay whole, so that the file opens.
    let mut bytes = fs::read(&path).unwrap();
    let pages = bytes.len() / 4096;
    for page in pages / 2..pages {
        bytes[page * 4096..page * 4096 + 64].fill(0xff);
    }
    fs::write(&path, bytes).unwrap();
    let store = open(&path, 1);
    let mut refused = None;
    for n in 0..64 {
        match store.accept(new(&format!("after {n}"), "b"), at(1)).await {
            Ok(_) => {}
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    let refused = refused.unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert!(refused.to_string().contains("asiasilta store check"));
    tokio::time::timeout(Duration::from_secs(20), store.closed()).await.unwrap();
    assert!(store.accept(new("later", "b"), at(1)).await.is_err());
}
