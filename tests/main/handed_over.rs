//! The other way and the way back, over real sockets and by the command line: two records that the archive is no option for go
//! to the organiser as ciphertext and, once both have joined, into the archive byte for byte; and no person is written anywhere.
#![cfg(feature = "demo")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::demo::{ProducerSystem, RECORDS, SidecarFiles, Stage};
use asiasilta::domain::handover::{BYTES_MAX, Opened, open};
use asiasilta::sidecar::sealing::Identity;
use mock_archive::ArrivalKind;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::canary::{STREET, Written, canaried, set};
use crate::sidecar_process::Sidecar;

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const CASE: &str = "1.2.246.10.99999991.14.2026.71";
const PATIENCE: Duration = Duration::from_secs(60);

/// The command line against a running sidecar; everything that it says is written down.
struct Operator<'a> {
    sidecar: String,
    token: PathBuf,
    written: &'a mut Written,
}

impl Operator<'_> {
    async fn run(&mut self, arguments: &[&str]) -> (i32, String) {
        let run = Command::new(env!("CARGO_BIN_EXE_asiasilta"))
            .args(arguments)
            .args(["--sidecar", &self.sidecar, "--token-file"])
            .arg(&self.token)
            .output()
            .await
            .unwrap();
        self.written.add(format!("standard output of {arguments:?}"), run.stdout.clone());
        self.written.add(format!("standard error of {arguments:?}"), run.stderr.clone());
        let said = [run.stdout, run.stderr].concat();
        (run.status.code().unwrap(), String::from_utf8(said).unwrap())
    }
}

/// Follows a submission until it is in the state.
async fn until(system: &ProducerSystem, id: &str, state: &str) -> Value {
    let mut shown = Value::Null;
    let wait = async {
        loop {
            shown = system.get(&format!("/v1/submissions/{id}")).await.unwrap().body;
            if shown["state"] == state {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not {state}: {shown}");
    shown
}

async fn submit(system: &ProducerSystem, key: &str, record: &Value) -> String {
    let answer = system.post("/v1/submissions", Some(key), record.to_string().into_bytes()).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// With what a configuration says of the organiser.
fn configure(files: &SidecarFiles, before: &str, organiser: &str) {
    let text = before.replace("filter = \"warn\"", "filter = \"trace\"");
    std::fs::write(&files.config, format!("{text}\n[[organisers]]\noid = \"{ORGANISER}\"\n{organiser}\n")).unwrap();
}

fn opened(identity: &Identity, package: &Path) -> Opened {
    open(&identity.open(&std::fs::read(package).unwrap(), BYTES_MAX).unwrap(), &OpensslCrypto).unwrap()
}

#[tokio::test]
async fn what_is_handed_over_leaves_as_ciphertext_and_comes_back_byte_for_byte_and_no_person_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let (log, out) = (folder.path().join("sidecar.log"), folder.path().join("out"));
    let mut stage = Stage::bare(folder.path()).await.unwrap();
    set(&mut stage).await;
    let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
    let text = std::fs::read_to_string(&files.config).unwrap();
    let identity = Identity::random().unwrap();
    std::fs::write(folder.path().join("organiser.txt"), identity.recipient()).unwrap();
    let way = "hand_over = { recipients = \"organiser.txt\", automatic = true }";
    configure(&files, &text, &format!("party = {{ joined = false }}\n{way}"));
    let mut written = Written::default();

    let sidecar = Sidecar::start(&files.config, &log).await;
    let system = ProducerSystem::try_new(sidecar.address, &files.token).unwrap();
    let mut operator = Operator {
        sidecar: format!("http://{}", sidecar.address),
        token: folder.path().join("token"),
        written: &mut written,
    };
    let mut named = canaried(RECORDS[1].1, 0);
    named["case"] = json!(CASE);
    named["clients"][0]["safety_ban"] = json!(true);
    let by_itself = submit(&system, "1", &named).await;
    let shown = until(&system, &by_itself, "handed_over").await;
    assert_eq!(
        (shown["class"].as_str(), shown["why"]["code"].as_str()),
        (Some("handed_over"), Some("access.not_joined"))
    );
    let mut to_find = named.clone();
    to_find["case"] = json!("find");
    let by_a_person = submit(&system, "2", &to_find).await;
    assert_eq!(until(&system, &by_a_person, "parked").await["why"]["code"], "handover.case_not_named");
    let by = ["--by", "registrar", "--reason", "agreed with the organiser"];
    let handover = [&["outbox", "handover", &by_a_person][..], &by, &["--case", CASE]].concat();
    assert_eq!(operator.run(&handover).await.0, 0);
    let arrivals = stage.mock.ledger().entries().len();

    let (_, listed) = operator.run(&["handover", "list", "--waiting"]).await;
    assert!(listed.contains(&by_itself) && listed.contains(&by_a_person), "{listed}");
    let mut digests = Vec::new();
    for id in [&by_itself, &by_a_person] {
        assert_eq!(operator.run(&["handover", "export", id, out.to_str().unwrap()]).await.0, 0);
        assert_eq!(
            operator.run(&["handover", "export", id, out.to_str().unwrap()]).await.0,
            2,
            "nothing is overwritten"
        );
        let package = opened(&identity, &out.join(format!("{id}.tar.age")));
        let entry = &package.manifest.documents[0];
        assert_eq!(
            (package.manifest.package.as_str(), package.manifest.why.as_slice()),
            (id.as_str(), &["access.not_joined".to_owned()][..])
        );
        assert_eq!(entry.case.as_ref().unwrap().as_str(), CASE);
        assert_eq!(entry.drawn_up.as_deref(), named["drawn_up"].as_str());
        let readable = &package.files[&entry.readable.as_ref().unwrap().file];
        assert!(!String::from_utf8_lossy(readable).contains(STREET));
        digests.push((entry.document.to_string(), entry.signed.sha256.clone()));
    }
    let (exit, said) = operator.run(&[&["handover", "return", &by_itself][..], &by].concat()).await;
    assert!(exit == 1 && said.contains("handover.archive_is_no_option"), "{said}");
    let receipt = ["handover", "receipt", &by_itself, "--by", "registrar", "--reference", "D 17/2026"];
    assert_eq!(operator.run(&receipt).await.0, 0);
    assert_eq!(operator.run(&receipt).await.0, 2, "one receipt");
    assert_eq!(stage.mock.ledger().entries().len(), arrivals, "the archive heard nothing");
    sidecar.kill().await;

    // Both have joined.
    configure(&files, &text, &format!("party = {{ joined = true, phase = 2 }}\n{way}"));
    let sidecar = Sidecar::start(&files.config, &log).await;
    let system = ProducerSystem::try_new(sidecar.address, &files.token).unwrap();
    operator.sidecar = format!("http://{}", sidecar.address);
    let (exit, said) = operator.run(&[&["handover", "return"][..], &by].concat()).await;
    assert_eq!(exit, 0, "{said}");
    for id in [&by_itself, &by_a_person] {
        until(&system, id, "archived").await;
    }
    sidecar.kill().await;
    let entries = stage.mock.ledger().entries();
    for (document, sha256) in &digests {
        let stores: Vec<String> = entries.iter().filter_map(|entry| stored(&entry.kind, document)).collect();
        assert_eq!(stores, std::slice::from_ref(sha256), "{document} came once, as it was handed over");
        let asked = |kind: &ArrivalKind| matches!(kind, ArrivalKind::Question { document_id } if document_id.as_str() == document);
        let first = entries.iter().position(|e| asked(&e.kind)).unwrap();
        assert!(first < entries.iter().position(|e| stored(&e.kind, document).is_some()).unwrap(), "asked for first");
    }
    stage.mock.verify().unwrap();

    written.add_folder(folder.path());
    assert!(written.holds("handed over another way") && written.holds("age-encryption.org/v1"));
    written.is_clean();
}

/// The digest of a document that arrived.
fn stored(kind: &ArrivalKind, document: &str) -> Option<String> {
    match kind {
        ArrivalKind::Store { document_id, body_sha256, .. } if document_id.as_str() == document => {
            Some(body_sha256.unwrap().iter().map(|b| format!("{b:02x}")).collect())
        }
        _ => None,
    }
}
