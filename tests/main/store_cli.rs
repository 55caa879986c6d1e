//! `asiasilta store`: what an operator reads, and the exit status that a script goes by: 0 well, 1 faults, 2 not carried out.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use asiasilta::domain::submission::Kind;
use asiasilta::jiff::Timestamp;
use asiasilta::sidecar::store::sqlite::SqliteStore;
use asiasilta::sidecar::store::{Actor, NewSubmission, Store, SubmissionId};
use asiasilta::sidecar::vault::StoreKey;
use serde_json::json;

use crate::support::PRODUCER;

const UNIT: &str = "1.2.246.10.99999992.10.1";

fn key_file(folder: &Path, name: &str, digits: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, digits.repeat(32)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn configured(folder: &Path, name: &str, database: &str, key: &str) -> String {
    let path = folder.join(name);
    let token = "0".repeat(64);
    let text = format!(
        "environment = \"test\"\n[store]\npath = \"{database}\"\nkey_file = \"{key}\"\n\
         [archive]\nurl = \"https://localhost:1/medical-records\"\ntrust_anchors = \"ca.pem\"\n\
         transport_certificate = \"t.pem\"\ntransport_key = \"t.key\"\n\
         signing_certificate = \"s.pem\"\nsigning_key = \"s.key\"\nsignature_trust_anchors = \"ca.pem\"\n\
         [[organisations]]\noid = \"{PRODUCER}\"\ndocument_node = \"1.2.246.10.99999992\"\n\
         [[tokens]]\nname = \"test\"\nsha256 = \"{token}\"\norganisation = \"{PRODUCER}\"\nunits = [\"{UNIT}\"]\n\
         operations = [\"submit\"]\n"
    );
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Exit status and all that was said.
fn store(command: &str, config: &str, more: &[&Path]) -> (Option<i32>, String) {
    let flags = match command {
        "backup" => Some("--to"),
        "restore" => Some("--from"),
        "rekey" => Some("--new-key"),
        "use-log" => Some("--until").filter(|_| !more.is_empty()),
        _ => None,
    };
    let mut program = Command::new(env!("CARGO_BIN_EXE_asiasilta"));
    program.args(["store", command, "--config", config]).args(flags).args(more);
    let output = program.output().unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

fn one_waiting(database: &Path) {
    let now = Timestamp::now();
    let store = SqliteStore::open(database, &StoreKey::from_bytes([7; 32]), now).unwrap();
    let new = NewSubmission {
        id: SubmissionId::random(),
        organisation: PRODUCER.parse().unwrap(),
        document_node: "1.2.246.10.99999992".parse().unwrap(),
        unit: UNIT.parse().unwrap(),
        idempotency_key: "k".into(),
        kind: Kind::Document,
        payload: b"{}".to_vec(),
        structure: "1.2.3".parse().unwrap(),
        replaces: None,
        warnings: Vec::new(),
        awaits_signature: false,
        used_by: Actor { name: "test".into(), instance: "test".into() },
        subject: json!({}),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.accept(new, now)).unwrap();
}

#[test]
fn an_operator_checks_backs_up_puts_back_and_gives_a_new_key() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    key_file(folder.path(), "old.key", "07");
    let new_key = key_file(folder.path(), "new.key", "08");
    one_waiting(&at("s.db"));
    let config = configured(folder.path(), "one.toml", "s.db", "old.key");
    let expect = |(status, said): (Option<i32>, String), expected: i32, parts: &[&str]| {
        assert_eq!(status, Some(expected), "{said}");
        parts.iter().for_each(|part| assert!(said.contains(part), "{part} in {said}"));
    };

    let sound = ["1 submissions, 1 not settled", "1 bodies opened, 1 use-log rows proved"];
    expect(store("check", &config, &[]), 0, &sound);
    expect(store("retention", &config, &[]), 0, &["kept for", "kept now: 0 submissions", "purged within 30 days: 0"]);
    expect(store("backup", &config, &[&at("backup")]), 0, &["backup of ", "0 files"]);
    expect(store("backup", &config, &[&at("backup")]), 2, &["backup"]);
    expect(store("restore", &config, &[&at("backup")]), 2, &["s.db is there already"]);
    let other = configured(folder.path(), "two.toml", "back.db", "old.key");
    expect(store("check", &other, &[]), 2, &["back.db"]);
    expect(store("restore", &other, &[&at("backup")]), 0, &["1 submissions", "the archive is asked for it"]);
    expect(store("check", &other, &[]), 0, &["1 bodies opened, 2 use-log rows proved"]);

    let log = ["\"action\":\"accept\"", "\"action\":\"store.restore\"", "2 use-log rows proved"];
    expect(store("use-log", &other, &[]), 0, &log);
    let (status, said) = store("use-log", &other, &[Path::new("2001-01-01")]);
    assert!(status == Some(0) && !said.contains("action") && said.contains("2 use-log rows proved"), "{said}");
    expect(store("use-log", &other, &[Path::new("yesterday")]), 2, &["yesterday", "2026-11-01"]);

    expect(store("rekey", &config, &[&new_key]), 0, &["store.key_file", "backups"]);
    expect(store("rekey", &config, &[&new_key]), 2, &["made with another key"]);
    expect(store("check", &config, &[]), 2, &["made with another key"]);
    let renewed = configured(folder.path(), "three.toml", "s.db", "new.key");
    expect(store("check", &renewed, &[]), 0, &["2 use-log rows proved"]);
}
