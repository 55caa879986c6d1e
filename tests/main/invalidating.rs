//! A record stored on the wrong client, and what is done about it: the sidecar as a real process, the mock archive over mutual TLS.
#![cfg(feature = "demo")]

use std::path::PathBuf;
use std::time::Duration;

use asiasilta::demo::{ProducerSystem, RECORDS, SidecarFiles, Stage};
use asiasilta::domain::time::Instant;
use asiasilta::domain::wire::answer::EntryStatus;
use jiff::Timestamp;
use mock_archive::{ArrivalKind, Fault, HoldAt, MessageKind, Verdict};
use serde_json::{Value, json};

use crate::sidecar_process::Sidecar;
use crate::support::identity_code;

/// The client of the examples, whom the record is not about.
const WRONG_CLIENT: &str = "140341-912E";
const REASON: &str = "Kirjattu väärälle asiakkaalle";
/// How long something may take to come to where it belongs.
const PATIENCE: Duration = Duration::from_secs(60);

/// What an organiser's example is for the client whom the record is about.
fn of_right_client(example: &str) -> String {
    example
        .replace(WRONG_CLIENT, &identity_code("140341-953"))
        .replace("Aino", "Elli")
        .replace(".14.2026.1\"", ".14.2026.51\"")
        .replace(".15.2026.1\"", ".15.2026.51\"")
}

fn organisers(name: &str) -> String {
    std::fs::read_to_string(format!("{}/examples/organiser/main-{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// The order to invalidate what a record was stored as: its clients, the wrong ones, and its unit.
fn order(record: &str) -> Vec<u8> {
    let record: Value = serde_json::from_str(record).unwrap();
    let mut order = json!({ "reason": REASON });
    for part in ["acting_worker", "unit", "organiser", "clients", "professional_link"] {
        order[part] = record[part].clone();
    }
    order.to_string().into_bytes()
}

struct Run {
    stage: Stage,
    files: SidecarFiles,
    sidecar: Sidecar,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Run {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("sidecar.log");
        let stage = Stage::set(folder.path()).await.unwrap();
        let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
        let text = std::fs::read_to_string(&files.config).unwrap();
        std::fs::write(&files.config, text.replace("filter = \"warn\"", "filter = \"trace\"")).unwrap();
        let sidecar = Sidecar::start(&files.config, &log).await;
        Self { stage, files, sidecar, log, _folder: folder }
    }

    /// Dies and comes back.
    async fn killed(self) -> Self {
        self.sidecar.kill().await;
        let sidecar = Sidecar::start(&self.files.config, &self.log).await;
        Self { sidecar, ..self }
    }

    fn system(&self) -> ProducerSystem {
        ProducerSystem::try_new(self.sidecar.address, &self.files.token).unwrap()
    }

    async fn post(&self, path: &str, key: &str, body: Vec<u8>) -> (u16, Value) {
        let answer = self.system().post(path, Some(key), body).await.unwrap();
        (answer.status, answer.body)
    }

    /// The status of a submission or invalidation once it is in a state.
    async fn until(&self, promised: &Value, state: &str) -> Value {
        let path = format!("/v1/submissions/{}", promised["id"].as_str().unwrap());
        let (system, mut shown) = (self.system(), Value::Null);
        let wait = async {
            while shown["state"] != state {
                shown = system.get(&path).await.unwrap().body;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not {state}: {shown}");
        shown
    }

    /// Hands a record in and waits until the archive has it; gives its document's id.
    async fn archived(&self, key: &str, record: &str) -> String {
        let (status, promised) = self.post("/v1/submissions", key, record.as_bytes().to_vec()).await;
        assert_eq!(status, 202, "{promised}");
        self.until(&promised, "archived").await["document_id"].as_str().unwrap().to_owned()
    }

    async fn invalidate(&self, key: &str, document: &str, record: &str) -> Value {
        let (status, promised) = self.post(&path(document), key, order(record)).await;
        assert_eq!((status, &promised["kind"]), (202, &json!("invalidation")), "{promised}");
        promised
    }

    /// The questions for a document and its invalidations, in the order in which the archive heard them, and what it made of them.
    fn heard(&self, document: &str) -> Vec<&'static str> {
        let said = |entry: &mock_archive::Entry| match (&entry.kind, &entry.verdict) {
            (ArrivalKind::Invalidation { document_id: Some(id), .. }, verdict) if id.as_str() == document => {
                Some(match verdict {
                    Verdict::Invalidated(1) => "invalidated",
                    Verdict::Invalidated(_) => "invalidated again",
                    Verdict::NotProcessed | Verdict::Open => "invalidation lost",
                    _ => "invalidation refused",
                })
            }
            (ArrivalKind::Question { document_id }, _) if document_id.as_str() == document => Some("asked"),
            _ => None,
        };
        let entries = self.stage.mock.ledger().entries();
        entries.iter().filter_map(said).collect()
    }

    /// Ends the run: nothing unexpected was heard, and the log names no person and no reason.
    async fn end(self) {
        self.sidecar.kill().await;
        let log = std::fs::read_to_string(&self.log).unwrap();
        assert!(log.contains("invalidation accepted"), "the log was written");
        for personal in [WRONG_CLIENT, "Koemäki", REASON] {
            assert!(!log.contains(personal), "the log tells of a person");
        }
        self.stage.mock.ledger().assert_no_unasked_second_arrival().unwrap();
        self.stage.mock.verify().unwrap();
    }
}

fn path(document: &str) -> String {
    format!("/v1/documents/{document}/invalidate")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_stored_on_the_wrong_client_is_invalidated_and_stored_on_the_right_one() {
    let mut run = Run::start().await;
    let since = Instant::in_finland(Timestamp::now());
    for name in ["relationship", "case", "decision"] {
        run.stage.organiser.store(of_right_client(&organisers(name)).as_bytes()).await.unwrap();
    }
    let (wrong, right) = (RECORDS[1].1, of_right_client(RECORDS[1].1));
    let mistaken = run.archived("shift-1", wrong).await;
    let promised = run.invalidate("incident-1", &mistaken, wrong).await;
    let shown = run.until(&promised, "archived").await;
    assert_eq!(shown["archive"]["proof"], "acknowledged");
    assert_eq!(run.heard(&mistaken), ["asked", "invalidated"]);
    let again = run.invalidate("incident-1", &mistaken, wrong).await;
    assert_eq!((&again["id"], &again["state"]), (&promised["id"], &json!("archived")));
    let rightful = run.archived("shift-1-again", &right).await;
    assert_ne!(rightful, mistaken);

    let changes = |code: &str| {
        let client = asiasilta::domain::person::PersonId::IdentityCode(code.parse().unwrap());
        let organiser = &run.stage.organiser;
        async move { organiser.changes(&client, since).await.unwrap() }
    };
    let status = |changes: &[asiasilta::domain::wire::answer::Entry], document: &str| {
        changes.iter().find(|entry| entry.ids.document.as_str() == document).map(|entry| entry.status)
    };
    let of_wrong = changes(WRONG_CLIENT).await;
    let of_right = changes(&identity_code("140341-953")).await;
    assert_eq!(
        status(&of_wrong, &mistaken),
        Some(EntryStatus::Nullified),
        "the organiser sees that it no longer counts"
    );
    assert_eq!((status(&of_right, &mistaken), status(&of_right, &rightful)), (None, Some(EntryStatus::Completed)));
    assert_eq!(run.heard(&mistaken), ["asked", "invalidated"]);
    run.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_an_invalidation_is_followed_by_a_question_over_the_wire() {
    let run = Run::start().await;
    let record = RECORDS[1].1;
    for (n, (fault, heard, proof)) in [
        (Fault::StoredButNeverAnswered, &["asked", "invalidated", "asked"][..], "found"),
        (Fault::AnswerCutAfter(40), &["asked", "invalidated", "asked"], "found"),
        (Fault::BlockPage, &["asked", "invalidation lost", "asked", "invalidated"], "acknowledged"),
        (Fault::NotProcessed, &["asked", "invalidation lost", "asked", "invalidated"], "acknowledged"),
    ]
    .into_iter()
    .enumerate()
    {
        let document = run.archived(&format!("shift-{n}"), record).await;
        run.stage.mock.faults().next(MessageKind::Invalidation, fault).unwrap();
        let promised = run.invalidate(&format!("incident-{n}"), &document, record).await;
        let shown = run.until(&promised, "archived").await;
        assert_eq!((run.heard(&document).as_slice(), &shown["archive"]["proof"]), (heard, &json!(proof)), "{fault:?}");
    }
    run.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_whose_sidecar_is_killed_is_asked_for_after_the_restart() {
    let mut run = Run::start().await;
    let record = RECORDS[1].1;
    for (n, (at, heard)) in [
        (HoldAt::Answer, &["asked", "invalidated", "asked"][..]),
        // Cut off before the archive has taken it in: nothing arrived, the question says so, and the same bytes leave.
        (HoldAt::Arrival, &["asked", "asked", "invalidated"]),
    ]
    .into_iter()
    .enumerate()
    {
        let document = run.archived(&format!("shift-{n}"), record).await;
        let faults = run.stage.mock.faults();
        faults.next(MessageKind::Invalidation, Fault::Hold(at)).unwrap();
        let promised = run.invalidate(&format!("incident-{n}"), &document, record).await;
        faults.until_held(1).await;
        run = run.killed().await;
        run.stage.mock.faults().release();
        run.until(&promised, "archived").await;
        assert_eq!(run.heard(&document), heard, "held at {at:?}");
        let again = run.invalidate(&format!("incident-{n}"), &document, record).await;
        assert_eq!(again["id"], promised["id"], "one promise, also over a death");
    }
    run.end().await;
}
