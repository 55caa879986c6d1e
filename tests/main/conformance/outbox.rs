//! Plays a case through the sidecar: the organiser's documents on the stage, the sidecar as its own process, each step an HTTP request
//! that is followed until nothing more happens by itself.

use std::collections::BTreeMap;
use std::time::Duration;

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage};
use asiasilta::domain::record::LocalRecord;
use asiasilta::domain::time::Instant;
use jiff::Timestamp;
use mock_archive::{ArrivalKind, MessageKind};
use serde_json::{Value, json};

use super::case::{Case, Step, Use};
use super::play::{Came, fault, status};
use super::world::record;
use crate::sidecar_process::Sidecar;

/// Where a submission stays until somebody does something.
const AT_REST: [&str; 5] = ["archived", "rejected", "held", "parked", "abandoned"];
const PATIENCE: Duration = Duration::from_secs(60);

/// A record that a step has handed in.
struct Submitted {
    record: Vec<u8>,
    document: String,
}

struct Play<'a> {
    case: &'a Case,
    stage: Stage,
    system: ProducerSystem,
    began: Instant,
    submitted: BTreeMap<String, Submitted>,
}

pub(super) async fn play(case: &Case) -> Result<(), String> {
    let own = case.script.archive.inline || case.script.archive.roles.is_some() || !case.script.profile.is_empty();
    assert!(!own, "{}: through the sidecar the archive and the profile are the usual ones", case.name);
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::in_finland(Timestamp::now());
    let mut stage = Stage::bare(folder.path()).await.unwrap();
    let none = BTreeMap::new();
    for name in &case.script.stage {
        let set = case.script.stage_set.get(name).unwrap_or(&none);
        let record = record(&case.folder, &format!("examples/organiser/main-{name}.json"), set);
        stage.organiser.store(&record).await.map_err(|error| format!("the stage's {name}: {error}"))?;
    }
    for (organisation, standing) in &case.script.archive.standing {
        let standing = standing.parse().map_err(|_| format!("{standing}: no standing"))?;
        stage.mock.archive().set_standing(mock_archive::Oid::parse(organisation).unwrap(), standing);
    }
    let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
    let sidecar = Sidecar::start(&files.config, &folder.path().join("sidecar.log")).await;
    let system = ProducerSystem::try_new(sidecar.address, &files.token).unwrap();
    let mut play = Play { case, stage, system, began, submitted: BTreeMap::new() };
    for (at, step) in case.script.step.iter().enumerate() {
        play.take(step).await.judge(at, step)?;
    }
    sidecar.kill().await;
    let ledger = play.stage.mock.ledger();
    ledger.assert_no_unasked_second_arrival().map_err(|breach| breach.to_string())?;
    play.stage.mock.verify().map_err(|error| error.to_string())
}

impl Play<'_> {
    async fn take(&mut self, step: &Step) -> Came {
        if let Some(name) = &step.fault {
            let on = if step.what == Use::Invalidate { MessageKind::Invalidation } else { MessageKind::Store };
            self.stage.mock.faults().next(on, fault(name)).unwrap();
        }
        match step.what {
            Use::Archive => {
                let body = record(&self.case.folder, step.record.as_deref().expect("a record"), &self.set(step));
                self.submit(step, body).await
            }
            Use::SendAgain => self.submit(step, self.of(step).record.clone()).await,
            Use::Invalidate => self.invalidate(step).await,
            _ => panic!("{}: not through the sidecar", self.case.name),
        }
    }

    /// What differs in the step's record, its predecessor among that.
    fn set(&self, step: &Step) -> BTreeMap<String, toml::Value> {
        let mut set = step.set.clone();
        if let Some(name) = &step.replaces {
            let document = &self.submitted[name].document;
            let mut replaces = toml::Table::new();
            replaces.insert("document".into(), document.as_str().into());
            replaces.insert("set".into(), document.as_str().into());
            replaces.insert("version".into(), 1.into());
            replaces.insert("reason".into(), "Kirjoitusvirhe korjattu".into());
            set.insert("/replaces".into(), replaces.into());
        }
        set
    }

    async fn submit(&mut self, step: &Step, body: Vec<u8>) -> Came {
        let promised = match self.post("/v1/submissions", step, body.clone()).await {
            Ok(promised) => promised,
            Err(refused) => return refused,
        };
        let shown = self.at_rest(&promised).await;
        let document = shown["document_id"].as_str().unwrap().to_owned();
        let came = self.came(&shown, &document, &body, MessageKind::Store).await;
        self.submitted.insert(step.name.clone().unwrap_or_default(), Submitted { record: body, document });
        came
    }

    async fn invalidate(&self, step: &Step) -> Came {
        let Submitted { record, document } = self.of(step);
        let said: Value = serde_json::from_slice(record).unwrap();
        let reason = step.reason.as_deref().unwrap_or("Kirjattu väärälle asiakkaalle");
        let mut order = json!({ "reason": reason, "extent": step.extent.unwrap_or_default() });
        for part in ["acting_worker", "unit", "organiser", "clients", "professional_link"] {
            order[part] = said[part].clone();
        }
        let path = format!("/v1/documents/{document}/invalidate");
        match self.post(&path, step, order.to_string().into_bytes()).await {
            Ok(promised) => {
                let shown = self.at_rest(&promised).await;
                self.came(&shown, document, record, MessageKind::Invalidation).await
            }
            Err(refused) => refused,
        }
    }

    /// What was promised, or what the answer came to instead.
    async fn post(&self, path: &str, step: &Step, body: Vec<u8>) -> Result<Value, Came> {
        let key = step.key.as_ref().or(step.name.as_ref()).expect("a name is the idempotency key");
        let answer = self.system.post(path, Some(key), body).await.unwrap();
        let code = |pointer| answer.body.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        match answer.status {
            202 => Ok(answer.body),
            200 => Err(Came { to: "withdrawn", code: code("/outcome"), ..Came::default() }),
            _ => Err(Came { to: "refused", code: code("/findings/0/code").or(code("/code")), ..Came::default() }),
        }
    }

    async fn at_rest(&self, promised: &Value) -> Value {
        let path = format!("/v1/submissions/{}", promised["id"].as_str().unwrap());
        let wait = async {
            loop {
                let shown = self.system.get(&path).await.unwrap().body;
                if shown["state"].as_str().is_some_and(|state| AT_REST.contains(&state)) {
                    return shown;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("nothing stays under way for so long")
    }

    /// What a submission has come to: here, and at the archive.
    async fn came(&self, shown: &Value, document: &str, record: &[u8], of: MessageKind) -> Came {
        let state = AT_REST.into_iter().find(|state| shown["state"] == *state).unwrap();
        let code = ["/archive/proof", "/archive/remarks/0/code", "/why/code"];
        let code = code.into_iter().find_map(|pointer| shown.pointer(pointer)).and_then(Value::as_str);
        let arrived = |entry: &mock_archive::Entry| match &entry.kind {
            ArrivalKind::Store { document_id, .. } => of == MessageKind::Store && document_id.as_str() == document,
            ArrivalKind::Invalidation { document_id, .. } => {
                of == MessageKind::Invalidation && document_id.as_ref().is_some_and(|id| id.as_str() == document)
            }
            _ => false,
        };
        let count = self.stage.mock.ledger().entries().iter().filter(|entry| arrived(entry)).count();
        let record: LocalRecord = serde_json::from_slice(record).unwrap();
        let client = record.clients[0].id().unwrap();
        let changes = self.stage.organiser.changes(&client, self.began).await.unwrap();
        let about = changes.iter().find(|entry| entry.ids.document.as_str() == document);
        Came {
            to: state,
            code: code.map(str::to_owned),
            count: Some(count),
            status: Some(about.map_or("not there", |entry| status(entry.status))),
            ..Came::default()
        }
    }

    fn of(&self, step: &Step) -> &Submitted {
        let name = step.of.as_deref().unwrap_or_default();
        self.submitted.get(name).unwrap_or_else(|| panic!("{}: no step {name}", self.case.name))
    }
}
