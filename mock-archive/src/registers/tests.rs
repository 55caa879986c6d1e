#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::fs::OpenOptions;
use std::process::Command;

use super::*;
use crate::samples::{NOW, oid};

const FILLED: &str = "MOCK_ARCHIVE_TEST_FILLED";
const MANY: u64 = 5_000;
const EACH: u64 = 20;

fn code(code: &str) -> Code {
    Code { code: code.to_owned(), rest: vec![("displayName".to_owned(), "x".repeat(40))] }
}

fn client(number: u64) -> PersonId {
    PersonId::new("1.2.246.10.99999991.22", &number.to_string())
}

/// A document of the register 1.2.1, twenty a client.
fn document(number: u64) -> Stored {
    let owner = client(number / EACH);
    Stored {
        id: oid(&format!("1.2.246.10.99999991.95.2026.{number}")),
        set_id: oid(&format!("1.2.246.10.99999991.95.2026.{number}")),
        version: 1,
        effective_time: "20261122110000+0200".into(),
        group: code(CLIENT_DOCUMENT),
        general_type: Some(code("19")),
        specific_type: Some(code("19002")),
        service_task: None,
        service_process: None,
        content_specification: oid("1.2.3"),
        custodian: oid("1.2.1"),
        organiser: oid("1.2.1"),
        unit: Some(Unit { id: oid("1.2.1.1"), name: "Yksikkö".to_owned() }),
        sender: oid("1.2.1"),
        clients: vec![Client { id: owner, family: "Testinen".into(), given: Box::default(), birth: "1990".into() }],
        authors: Vec::new(),
        case: Some(oid(&format!("1.2.40.{}", number / EACH))),
        rows: Vec::new(),
        case_closed: None,
        stored_at: NOW.parse().unwrap(),
        body: Body { at: number, length: 1 },
    }
}

#[test]
fn a_kept_document_is_the_one_that_was_stored() {
    let mut registers = Registers::in_memory().unwrap();
    let rows = serde_json::json!([{"unit": "1.2.4", "service_task": null, "end": null,
        "start": {"earliest": "2026-01-01", "latest": "2026-12-31"}}]);
    let mut stored = document(1);
    stored.rows = serde_json::from_value(rows).unwrap();
    stored.stored_at = "2026-11-22T09:00:00.123456789Z".parse().unwrap();
    registers.store(&stored).unwrap();
    let held = registers.held(&stored.id).unwrap().unwrap();
    assert_eq!(serde_json::to_value(&held.document).unwrap(), serde_json::to_value(&stored).unwrap());
    assert!(held.is_current() && held.document.is_of(&client(0)));
    assert_eq!((held.place, held.change, held.changed_at), (0, 1, stored.stored_at));
}

#[test]
fn what_the_journal_does_not_take_is_not_stored() {
    let mut registers = Registers::in_memory().unwrap();
    // Takes no byte: its disk is always full.
    registers.keep_journal(Journal::over(OpenOptions::new().append(true).open("/dev/full").unwrap()));
    assert!(registers.store(&document(1)).is_err());
    assert!(registers.held(&document(1).id).unwrap().is_none());
    assert!(registers.of_client(&client(0), &oid("1.2.1")).unwrap().is_empty());
}

#[test]
fn a_version_whose_chain_is_unknown_is_not_stored() {
    let mut registers = Registers::in_memory().unwrap();
    let second = |set_id| Stored { set_id, version: 2, ..document(2) };
    assert!(registers.store(&second(document(1).id)).is_err());
    registers.store(&document(1)).unwrap();
    registers.store(&second(document(1).id)).unwrap();
    // The id of a later version begins no chain.
    assert!(registers.store(&Stored { set_id: document(2).id, version: 3, ..document(3) }).is_err());
    let versions: Vec<_> = registers.versions(&document(1).id).unwrap().iter().map(Held::is_current).collect();
    assert_eq!(versions, [false, true]);
    assert!(registers.invalidate(&document(2).id, Timestamp::UNIX_EPOCH).unwrap());
    assert!(!registers.newest(&document(1).id).unwrap().unwrap().is_current());
    assert_eq!(registers.of_client(&client(0), &oid("1.2.1")).unwrap().len(), 2);
}

/// Memory is the process's, so one that does nothing else is measured: this test, started again.
#[test]
#[cfg(target_os = "linux")]
fn documents_in_a_file_need_no_memory() {
    if let Some(path) = std::env::var_os(FILLED) {
        return fill(Path::new(&path));
    }
    let directory = tempfile::tempdir().unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", "registers::tests::documents_in_a_file_need_no_memory"]);
    let ended = again.env(FILLED, directory.path().join("index")).output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}

fn fill(path: &Path) {
    let mut registers = Registers::in_file(path).unwrap();
    let mut store = |numbers: std::ops::Range<u64>| {
        numbers.for_each(|number| registers.store(&document(number)).unwrap());
        let of_client = registers.of_client(&client(0), &oid("1.2.1")).unwrap();
        assert_eq!(of_client.len() as u64, EACH);
        resident_anonymous_bytes()
    };
    let (once, twice) = (store(0..MANY), store(MANY..2 * MANY));
    let each = twice.saturating_sub(once) / MANY;
    assert!(each < 50, "{each} bytes a document: {once}, then {twice}");
}

fn resident_anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() * 1024
}
