//! What is there and cannot be read: one file, one plain column, one page. It stops its own submission and no other, or the process.

use std::fs;
use std::path::PathBuf;

use super::*;
use crate::domain::submission::{Cause, Class};
use crate::domain::text::Text;
use crate::sidecar::store::PredecessorRecord;
use crate::sidecar::store::sqlite::bodies::{ROW_BYTES_MAX, folder_of};

fn large(first: char) -> String {
    String::from(first).repeat(2 * ROW_BYTES_MAX)
}

/// The only file of bodies, moved away; a folder stands in its place.
fn put_a_folder_in_its_place(database: &Path) -> (PathBuf, PathBuf) {
    let file = files(database).remove(0);
    let away = database.with_extension("away");
    fs::rename(&file, &away).unwrap();
    fs::create_dir(&file).unwrap();
    (file, away)
}

fn put_back((file, away): &(PathBuf, PathBuf)) {
    fs::remove_dir(file).unwrap();
    fs::rename(away, file).unwrap();
}

/// Writes into a column, as damage would.
fn damage(path: &Path, whose: &SubmissionId, column: &str, value: &str) {
    let db = Connection::open(path).unwrap();
    db.execute(&format!("UPDATE submissions SET {column} = {value} WHERE id = ?1"), [whose.as_str()]).unwrap();
}

/// Changes bytes of a page of a table, beside the store.
fn spoil(path: &Path, table: &str, kind: &str, change: impl FnOnce(&mut [u8])) {
    let db = Connection::open(path).unwrap();
    let sql = "SELECT pageno FROM dbstat WHERE name = ?1 AND pagetype = ?2 LIMIT 1";
    let page = usize::try_from(db.query_row(sql, [table, kind], |row| row.get::<_, i64>(0)).unwrap()).unwrap();
    drop(db);
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes[(page - 1) * 4096..page * 4096]);
    fs::write(path, bytes).unwrap();
}

async fn cause(store: &SqliteStore, of: &Submission) -> Cause {
    store.find(&of.id, &scope()).await.unwrap().unwrap().0.why.unwrap()
}

fn ids(claimed: &[Claimed]) -> Vec<SubmissionId> {
    claimed.iter().map(|one| one.submission.id.clone()).collect()
}

#[tokio::test]
async fn a_file_that_cannot_be_read_parks_its_own_submission_until_it_can_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let shut = accepted(&store, new("1", &large('a')), 0).await;
    let moved = put_a_folder_in_its_place(&path);
    let mut foreign = new("2", "b");
    foreign.organisation = oid("1.2.246.10.2.10.0");
    let foreign = accepted(&store, foreign, 0).await;
    assert_eq!(ids(&store.claim(&actor(), 10, at(1)).await.unwrap()), [foreign.id]);
    let why = cause(&store, &shut).await;
    assert_eq!(why.code, "store.unreadable");
    assert!(why.message.en.contains("payload") && why.message.en.contains("not a regular file"), "{}", why.message.en);
    assert!(!why.message.en.contains(folder.path().to_str().unwrap()));
    let rows = store.verify_use_log().await.unwrap();
    assert_eq!(store.recover(&actor(), at(2), at(2)).await.unwrap(), 1, "the other one");
    for second in 3..6 {
        assert!(!ids(&store.claim(&actor(), 10, at(second)).await.unwrap()).contains(&shut.id));
    }
    assert_eq!(store.verify_use_log().await.unwrap(), rows + 2, "the other one, brought back and claimed");
    put_back(&moved);
    step(&store, &shut, Event::Release, 7).await;
    let claimed = store.claim(&actor(), 10, at(7)).await.unwrap();
    assert!(claimed[0].submission.id == shut.id && claimed[0].payload == large('a').into_bytes());
    assert_eq!(store.census().await.unwrap().damaged, 0);
}

#[tokio::test]
async fn what_replaces_a_record_that_cannot_be_read_waits_for_a_person_and_stops_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let first = accepted(&store, new("1", &large('a')), 0).await;
    store.claim(&actor(), 1, at(1)).await.unwrap();
    store.launch(&first.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    step(&store, &first, Event::Receive, 1).await;
    let moved = put_a_folder_in_its_place(&path);
    let second = accepted(&store, NewSubmission { replaces: Some(first.document), ..new("2", "b") }, 2).await;
    let other = accepted(&store, new("3", "b"), 2).await;
    assert_eq!(ids(&store.claim(&actor(), 10, at(3)).await.unwrap()), [other.id]);
    let why = cause(&store, &second).await;
    assert_eq!(why.code, "store.unreadable");
    assert!(why.message.en.contains("predecessor"), "{}", why.message.en);
    put_back(&moved);
    step(&store, &second, Event::Release, 4).await;
    let claimed = store.claim(&actor(), 10, at(4)).await.unwrap().remove(0);
    assert!(claimed.predecessor.unwrap().record == PredecessorRecord::Kept(large('a').into_bytes()));
}

#[tokio::test]
async fn what_cannot_be_opened_for_want_of_something_is_put_back_for_a_while_and_the_log_stays_short() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let queued = accepted(&store, new("1", &large('a')), 0).await;
    let sent = accepted(&store, new("2", &large('b')), 0).await;
    let small = accepted(&store, new("3", "b"), 0).await;
    store.claim(&actor(), 2, at(1)).await.unwrap();
    store.launch(&sent.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    let why = Cause::new("archive.duplicate_id", Text::same("x"));
    let lost = Step { cause: Some(why.clone()), ..Step::plain(Event::LoseAnswer { ask_at: at(2) }, actor()) };
    store.step(&sent.id, lost, at(1)).await.unwrap();
    step(&store, &queued, Event::RetryLater { at: at(2) }, 1).await;

    let too_many_files = rustix::io::Errno::MFILE.raw_os_error();
    store.around.folder.fault.store(too_many_files, std::sync::atomic::Ordering::Relaxed);
    assert_eq!(ids(&store.claim(&actor(), 10, at(2)).await.unwrap()), [small.id]);
    assert_eq!(store.next_due().await.unwrap(), Some(at(22)), "of its second attempt");
    let (back, _) = store.find(&queued.id, &scope()).await.unwrap().unwrap();
    assert_eq!((back.state.name(), back.why.unwrap().code.as_str()), ("queued", "store.not_now"));
    let (asked, _) = store.find(&sent.id, &scope()).await.unwrap().unwrap();
    assert_eq!((asked.state, asked.why), (State::Unknown, Some(why)), "what the answer hangs on is kept");
    let rows = store.verify_use_log().await.unwrap();
    let mut waits = Vec::new();
    let mut now = at(22);
    for _ in 0..7 {
        assert_eq!(store.claim(&actor(), 10, now).await.unwrap().len(), 0);
        let next = store.next_due().await.unwrap().unwrap();
        waits.push(next.duration_since(now).as_secs());
        now = next;
    }
    assert_eq!(waits, [40, 80, 160, 320, 600, 600, 600]);
    assert!(store.verify_use_log().await.unwrap() <= rows + 2, "a long want does not fill the use log");

    store.around.folder.fault.store(0, std::sync::atomic::Ordering::Relaxed);
    let claimed = store.claim(&actor(), 10, now).await.unwrap();
    let states: Vec<_> = claimed.iter().map(|one| (&one.submission.id, one.submission.state.name())).collect();
    assert_eq!(states, [(&queued.id, "claimed"), (&sent.id, "reconciling")]);
    assert!(claimed[0].payload == large('a').into_bytes());
}

#[tokio::test]
async fn a_folder_of_bodies_that_is_away_for_a_while_parks_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let both = [accepted(&store, new("1", &large('a')), 0).await, accepted(&store, new("2", &large('b')), 0).await];
    let (bodies, away) = (folder_of(&path), folder.path().join("away"));
    fs::rename(&bodies, &away).unwrap();
    assert_eq!(store.claim(&actor(), 10, at(1)).await.unwrap().len(), 0, "there is no folder");
    fs::write(&bodies, b"").unwrap();
    assert_eq!(store.claim(&actor(), 10, at(100)).await.unwrap().len(), 0, "it is no folder");
    fs::remove_file(&bodies).unwrap();
    // As of a mount that is gone: a folder that can be read, and none of the files.
    std::os::unix::fs::symlink("/proc", &bodies).unwrap();
    assert_eq!(store.claim(&actor(), 10, at(1000)).await.unwrap().len(), 0, "it is another file system's");
    for one in &both {
        let (waiting, _) = store.find(&one.id, &scope()).await.unwrap().unwrap();
        assert_eq!((waiting.state, waiting.why.unwrap().code.as_str()), (State::Queued, "store.not_now"));
    }
    fs::remove_file(&bodies).unwrap();
    fs::rename(&away, &bodies).unwrap();
    assert_eq!(ids(&store.claim(&actor(), 10, at(10_000)).await.unwrap()), both.map(|one| one.id));
}

#[tokio::test]
async fn a_file_of_another_size_is_damaged_and_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let grown = accepted(&store, new("1", &large('a')), 0).await;
    // Far more than there is memory; no byte of it is on the disk.
    OpenOptions::new().write(true).open(&files(&path)[0]).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(store.claim(&actor(), 1, at(1)).await.unwrap().len(), 0);
    assert_eq!(cause(&store, &grown).await.code, "store.damaged");
}

/// One by one, each column that is read as it stands, and that setting aside does not write anew.
const PLAIN: [(&str, &str); 11] = [
    ("document", "'no oid'"),
    ("set_id", "'no oid'"),
    ("structure", "'no oid'"),
    ("replaces", "'no oid'"),
    ("version", "-1"),
    ("attempts", "-1"),
    ("accepted_at", "-9223372036854775807"),
    ("held_since", "9223372036854775807"),
    ("handed_over_at", "9223372036854775807"),
    ("kind", "'neither'"),
    ("message_number", "CAST(x'c328' AS TEXT)"),
];

#[tokio::test]
async fn a_damaged_plain_column_parks_its_own_submission_which_is_listed_shown_and_given_up() {
    for (column, value) in PLAIN {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let store = open(&path, 0);
        let hurt = accepted(&store, new("1", "b"), 0).await;
        let other = accepted(&store, new("2", "b"), 0).await;
        drop(store);
        damage(&path, &hurt.id, column, value);

        let store = open(&path, 1);
        assert_eq!(ids(&store.claim(&actor(), 10, at(1)).await.unwrap()), std::slice::from_ref(&other.id), "{column}");
        let stuck = store.stuck(10).await.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!((stuck.total, &stuck.lanes[0].submission), (1, &hurt.id), "{column}");
        assert_eq!(stuck.lanes[0].code, "store.damaged");
        let wanted = ChangesWanted { state: Some("open".into()), after: 0, limit: 10 };
        let listed = store.changes(wanted.clone(), &scope()).await.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!(listed.len(), 2, "{column}");
        let (shown, way) = store.find(&hurt.id, &scope()).await.unwrap().unwrap();
        assert!(shown.why.unwrap().message.en.contains(column), "{column}");
        assert_eq!(way.last().unwrap().event, "quarantine");
        let census = store.census().await.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert_eq!(census.damaged, 1);
        store.packages().await.unwrap_or_else(|error| panic!("{column}: {error}"));
        store.next_due().await.unwrap_or_else(|error| panic!("{column}: {error}"));
        let again = store.accept(new("1", "b"), at(2)).await.unwrap_or_else(|error| panic!("{column}: {error}"));
        assert!(matches!(again, Accepted::Replay(same) if same.id == hurt.id));

        // What cannot be read is not let go; it can be given up.
        let released = store.step(&hurt.id, Step::plain(Event::Release, actor()), at(2)).await;
        assert!(matches!(released, Err(StoreError::Illegal(_))), "{column}: {released:?}");
        let given_up = step(&store, &hurt, Event::Abandon { by: "b".into(), why: "w".into() }, 3).await;
        assert_eq!(given_up.state, State::Abandoned { by: "b".into(), why: "w".into() }, "{column}");
        assert_eq!(store.changes(wanted, &scope()).await.unwrap().len(), 1);
        let (_, way) = store.find(&hurt.id, &scope()).await.unwrap().unwrap();
        assert_eq!(way.last().unwrap().event, "abandon");
        assert_eq!((store.stuck(10).await.unwrap().total, store.census().await.unwrap().damaged), (0, 0));
        store.verify_use_log().await.unwrap();
        // Nothing else was written over.
        let db = Connection::open(&path).unwrap();
        let same: bool = db
            .query_row(
                &format!("SELECT {column} IS {value} FROM submissions WHERE id = ?1"),
                [hurt.id.as_str()],
                |row| row.get(0),
            )
            .unwrap();
        assert!(same, "{column}");
    }
}

#[tokio::test]
async fn damage_that_is_met_while_a_submission_is_in_hand_is_told_once_and_leaves_it_for_a_person() {
    let given_up = || Event::Abandon { by: "b".into(), why: "w".into() };
    let taken_back = Event::Recover { again_at: at(9), ask_at: at(9) };
    let events = [Event::RetryLater { at: at(9) }, taken_back, given_up(), Event::Receive];
    let columns = [("attempts", "-1"), ("detail", "x'00'")];
    for (event, (column, value)) in events.iter().flat_map(|event| columns.map(|column| (event, column))) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let store = open(&path, 0);
        let one = accepted(&store, new("1", "b"), 0).await;
        store.claim(&actor(), 1, at(1)).await.unwrap();
        let (left, name) = (*event == Event::Receive, event.name());
        if left {
            store.launch(&one.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
        }
        damage(&path, &one.id, column, value);
        let launched = store.launch(&one.id, &envelope(), Step::plain(Event::Launch, actor()), at(2)).await;
        assert!(matches!(launched, Err(StoreError::Damaged { .. })), "{name}: {launched:?}");
        for second in 2..4 {
            let met = store.step(&one.id, Step::plain(event.clone(), actor()), at(second)).await;
            let refused = matches!(met, Err(StoreError::Illegal(_)));
            assert!(refused || (second == 3 && *event == given_up()), "{name}: {met:?}");
        }
        let (shown, way) = store.find(&one.id, &scope()).await.unwrap().unwrap();
        let told = way.iter().filter(|line| line.event == "quarantine").count();
        let ended = *event == given_up();
        assert_eq!((told, shown.state.name()), (1, if ended { "abandoned" } else { "parked" }), "{name}");
        assert!(ended || matches!(shown.state, State::Parked { sent, .. } if sent == left), "{name}");
        assert_eq!(store.claim(&actor(), 1, at(4)).await.unwrap().len(), 0);
    }
}

#[tokio::test]
async fn what_waits_for_a_submission_with_a_damaged_identifier_is_not_taken_for_damaged_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let first = accepted(&store, new("1", "b"), 0).await;
    let second = accepted(&store, NewSubmission { replaces: Some(first.document), ..new("2", "b") }, 0).await;
    drop(store);
    damage(&path, &first.id, "document", "'no oid'");
    let store = open(&path, 1);
    assert_eq!(store.claim(&actor(), 10, at(1)).await.unwrap().len(), 0);
    let (waiting, _) = store.find(&second.id, &scope()).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.damaged), (State::Queued, None));
    assert!(waiting.waits_for.is_some());
}

/// A document that the archive has answered so, and the one that replaces it.
async fn answered_and_replaced(path: &Path, answer: Event) -> (Submission, Submission) {
    let store = open(path, 0);
    let first = accepted(&store, new("1", "a"), 0).await;
    store.claim(&actor(), 1, at(1)).await.unwrap();
    store.launch(&first.id, &envelope(), Step::plain(Event::Launch, actor()), at(1)).await.unwrap();
    let first = step(&store, &first, answer, 1).await;
    let second = NewSubmission { replaces: Some(first.document.clone()), ..new("2", "b") };
    let second = accepted(&store, second, 2).await;
    (first, second)
}

#[tokio::test]
async fn what_nobody_asks_of_a_predecessor_may_be_damaged_and_its_chain_goes_on() {
    let needless = ["structure", "attempts", "accepted_at", "held_since", "message_number", "kind"];
    for (column, value) in PLAIN.into_iter().filter(|(column, _)| needless.contains(column)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let (first, second) = answered_and_replaced(&path, Event::Receive).await;
        damage(&path, &first.id, column, value);
        let store = open(&path, 3);
        let claimed = store.claim(&actor(), 1, at(3)).await.unwrap();
        assert_eq!(ids(&claimed), std::slice::from_ref(&second.id), "{column}");
        let before = claimed[0].predecessor.as_ref().unwrap();
        assert!(before.record == PredecessorRecord::Kept(b"a".to_vec()), "{column}");
        assert_eq!((before.class, &before.document), (Class::Archived, &first.document), "{column}");
        assert!(!before.was_handed_over, "{column}");
        if column != "kind" {
            let chain = store.chain_of(&second.organisation, &second.document.document).await.unwrap();
            assert_eq!(chain.iter().map(|one| &one.id).collect::<Vec<_>>(), [&first.id, &second.id], "{column}");
        }

        let path = folder.path().join("t.db");
        let (first, second) = answered_and_replaced(&path, Event::Refuse).await;
        damage(&path, &first.id, column, value);
        let store = open(&path, 3);
        store.claim(&actor(), 1, at(3)).await.unwrap();
        let why = Cause::new("x", Text::same("x"));
        step(&store, &second, Event::Park { why }, 3).await;
        let moved = step(&store, &second, Event::TakePlace, 4).await;
        assert_eq!((moved.document.version, moved.replaces), (1, None), "{column}");
    }
}

#[tokio::test]
async fn where_the_place_of_a_predecessor_does_not_read_a_person_decides() {
    let asked = [
        ("unit", "'no oid'"),
        ("set_id", "'no oid'"),
        ("version", "-1"),
        ("replaces", "CAST(x'c328' AS TEXT)"),
        ("handed_over_at", "9223372036854775807"),
        ("state", "'neither', attempts = -1"),
    ];
    for (column, value) in asked {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let (first, second) = answered_and_replaced(&path, Event::Receive).await;
        damage(&path, &first.id, column, value);
        let store = open(&path, 3);
        assert_eq!(store.claim(&actor(), 1, at(3)).await.unwrap().len(), 0, "{column}");
        assert!(cause(&store, &second).await.message.en.contains("predecessor"), "{column}");
    }
}

#[tokio::test]
async fn whose_organisation_or_unit_is_damaged_is_parked_and_stops_no_other() {
    for (column, value) in
        [("organisation", "'no oid'"), ("organisation", "CAST(x'c328' AS TEXT)"), ("unit", "'no oid'")]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.db");
        let store = open(&path, 0);
        let hurt = accepted(&store, new("1", "b"), 0).await;
        let other = accepted(&store, new("2", "b"), 0).await;
        drop(store);
        damage(&path, &hurt.id, column, value);
        let store = open(&path, 1);
        assert!(store.next_due().await.unwrap().is_some());
        assert_eq!(ids(&store.claim(&actor(), 10, at(1)).await.unwrap()), std::slice::from_ref(&other.id), "{value}");
        let stuck = store.stuck(10).await.unwrap();
        assert_eq!((stuck.total, &stuck.lanes[0].submission), (1, &hurt.id), "{value}");
        assert!(store.find(&hurt.id, &scope()).await.unwrap().is_none(), "no one's to see");
    }
}

#[tokio::test]
async fn a_row_that_no_list_can_name_is_counted_and_makes_no_page_of_the_list_shorter() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let nameless = accepted(&store, new("1", "b"), 0).await;
    let others = [accepted(&store, new("2", "b"), 0).await, accepted(&store, new("3", "b"), 0).await];
    drop(store);
    damage(&path, &nameless.id, "id", "'nobody'");
    let store = open(&path, 1);
    assert_eq!(ids(&store.claim(&actor(), 10, at(1)).await.unwrap()), others.clone().map(|one| one.id));
    let stuck = store.stuck(10).await.unwrap();
    assert_eq!((stuck.total, stuck.lanes.len()), (1, 0));
    let wanted = ChangesWanted { state: None, after: 0, limit: 2 };
    assert_eq!(store.changes(wanted, &scope()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_damaged_page_that_only_a_reader_meets_closes_the_store_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    // Too long for one page, too short for a file of its own.
    accepted(&store, new("1", &"b".repeat(ROW_BYTES_MAX / 2)), 0).await;
    drop(store);
    spoil(&path, "bodies", "overflow", |page| page[..64].fill(0xff));
    let store = open(&path, 1);
    let refused = store.claim(&actor(), 1, at(1)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    tokio::time::timeout(Duration::from_secs(20), store.closed()).await.unwrap();
    assert!(store.accept(new("later", "b"), at(1)).await.is_err());
}

#[tokio::test]
async fn bytes_that_make_a_row_differ_from_its_index_close_the_store_as_a_damaged_page_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = open(&path, 0);
    let one = accepted(&store, new("1", "b"), 0).await;
    drop(store);
    let id = one.id.as_str().as_bytes();
    spoil(&path, "submissions", "leaf", |page| {
        let begin = page.windows(id.len()).position(|bytes| bytes == id).unwrap();
        // The organisation follows the id, and is in the index of dues.
        page[begin + id.len()] = b'x';
    });
    let faults = check(&path, &key()).unwrap().faults;
    assert!(faults.iter().any(|fault| fault.contains("row 1 missing from index submissions_due")), "{faults:?}");
    let store = open(&path, 1);
    let refused = store.claim(&actor(), 1, at(1)).await.err().unwrap();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    tokio::time::timeout(Duration::from_secs(20), store.closed()).await.unwrap();
}
