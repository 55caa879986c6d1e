//! The local API over HTTP/1.1, byte for byte: the service that every test below asks.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::domain::access::{AccessProfile, Authority, Evidence};
use crate::domain::document::header::DocumentIds;
use crate::domain::oid::Oid;
use crate::domain::structure::Registry;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::validate::Checker;
use crate::domain::wire::answer::Entry;
use crate::sidecar::app::{Parts, RunningApp, start};
use crate::sidecar::config::Config;
use crate::sidecar::ports::{
    ArchiveFault, Asker, CasesWanted, Contents, Digest, Ground, HandoverBodies, HandoverPreparation, Invalidating,
    Listed, Outbound, Outcome, Pipeline, Preparation, PrepareFault, Presence, SystemChance,
};
use crate::sidecar::store::sqlite::SqliteStore;
use crate::sidecar::telemetry::WatchedCertificate;
use crate::sidecar::vault::StoreKey;

mod access;
mod archive;
mod handovers;
mod invalidations;
mod outbox;
mod refused;
mod searches;
mod service;
mod submissions;

use archive::{FakeArchive, Mood, listed};

/// A code that is not of the 900 series, put together here so that it stands nowhere.
const REAL_LOOKING: &str = concat!("010190", "-123M");
const RECORD: &str = include_str!("../../../examples/records/01-service-started.json");
const BROKEN: &str = include_str!("../../../examples/records/90-broken-field.json");
const CASE: &str = "1.2.246.10.99999991.95.2026.1";
/// The client's identity code, family name and the worker's identity code in the examples.
const PERSONAL: [&str; 4] = ["140341-912E", "Koemäki", "230689-931N", "Testihoitaja"];

struct StillClock;

impl StillClock {
    const NOW: Timestamp = Timestamp::constant(1_788_300_000, 0);
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        Self::NOW
    }

    async fn sleep(&self, _: Duration) {
        std::future::pending().await
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

struct FakePipeline;

impl Pipeline for FakePipeline {
    fn hand_over(&self, p: &HandoverPreparation<'_>) -> Result<HandoverBodies, PrepareFault> {
        Ok(HandoverBodies { package: b"a package".to_vec(), document: p.ids.document.to_string().into_bytes() })
    }

    fn prepare(&self, p: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        let body = p.ids.document.to_string().into_bytes();
        Ok(Outbound { soap_action: "a".into(), content_type: "text/plain".into(), body })
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        Some(Digest::of(&outbound.body))
    }

    fn invalidation(&self, of: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        let body = of.message_number.as_bytes().to_vec();
        Ok(Outbound { soap_action: "i".into(), content_type: "text/plain".into(), body })
    }
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// One HTTP/1.1 request on its own connection, as bytes.
fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!("{head}\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    // A server that refuses by the length alone may close before it has read the body.
    if let Err(error) = stream.write_all(body) {
        assert!(length > 1 << 20, "{error}");
    }
    let mut answer = Vec::new();
    if let Err(error) = stream.read_to_end(&mut answer) {
        assert!(!answer.is_empty(), "{error}");
    }
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.into(), body: body.into() }
}

struct Service {
    app: RunningApp,
    mood: Arc<Mutex<Mood>>,
    folder: tempfile::TempDir,
}

impl Service {
    async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, crate::sidecar::config::tests::complete()).unwrap();
        let mut config = Config::read(&path).unwrap();
        change(&mut config);
        StoreKey::generate_file(config.store.key_file.as_ref().unwrap()).unwrap();
        let mood = Arc::new(Mutex::new(Mood::Granting));
        let not_after = StillClock::NOW + jiff::SignedDuration::from_secs(60);
        let parts = Parts {
            archive: FakeArchive(Arc::clone(&mood)),
            clock: StillClock,
            chance: Arc::new(SystemChance),
            checker: Arc::new(Checker::new(Arc::new(Registry::reduced()), config.environment)),
            pipeline: Arc::new(FakePipeline),
            certificates: vec![WatchedCertificate { name: "signing".into(), not_after }],
            access: AccessProfile::default_profile().unwrap(),
            placeholders: vec!["some.placeholder".into()],
        };
        Self { app: start(&config, parts).await.unwrap(), mood, folder }
    }

    fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    async fn ask(&self, head: &str, body: &str) -> Answer {
        let (address, head, body) = (self.app.address(), head.to_owned(), body.as_bytes().to_vec());
        tokio::task::spawn_blocking(move || exchange(address, &head, &body)).await.unwrap()
    }

    async fn submit(&self, key: &str, record: &str) -> Answer {
        self.ask(&post("/v1/submissions", "all", &[("Idempotency-Key", key)]), record).await
    }

    async fn get(&self, path: &str, caller: &str) -> Answer {
        self.ask(&format!("GET {path} HTTP/1.1\r\nAuthorization: Bearer token-of-{caller}"), "").await
    }

    async fn delete(&self, path: &str) -> Answer {
        self.ask(&format!("DELETE {path} HTTP/1.1\r\nAuthorization: Bearer token-of-all"), "").await
    }

    /// Follows a submission until it is in the state.
    async fn until(&self, path: &str, state: &str) -> Value {
        let wait = async {
            loop {
                let shown = self.get(path, "all").await.json();
                if shown["state"] == state {
                    return shown;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
    }

    /// The outcomes in the use log once it has this many rows.
    async fn use_log_until(&self, rows: usize) -> Vec<String> {
        let db = rusqlite::Connection::open(self.folder.path().join("s.db")).unwrap();
        let wait = async {
            loop {
                let mut statement = db.prepare("SELECT outcome FROM use_log ORDER BY row").unwrap();
                let found: Vec<String> =
                    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
                if found.len() >= rows {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap()
    }

    /// Stops and answers how many rows the use log proves.
    async fn stop_and_count_uses(self) -> u64 {
        self.app.shutdown().await.unwrap();
        let key = StoreKey::read_file(&self.folder.path().join("store.key")).unwrap();
        let store = SqliteStore::open(&self.folder.path().join("s.db"), &key, StillClock::NOW).unwrap();
        store.verify_use_log().await.unwrap()
    }
}

fn post(path: &str, caller: &str, headers: &[(&str, &str)]) -> String {
    let more: String = headers.iter().map(|(name, value)| format!("\r\n{name}: {value}")).collect();
    format!(
        "POST {path} HTTP/1.1\r\nAuthorization: Bearer token-of-{caller}\r\nContent-Type: application/json; charset=utf-8{more}"
    )
}

fn search(client: &str) -> String {
    let record: Value = serde_json::from_str(RECORD).unwrap();
    let mut link = record["professional_link"].clone();
    link["period"] = json!({ "start": "2026-09-01" });
    json!({
        "client": { "identity_code": client }, "acting_worker": record["acting_worker"], "unit": record["unit"],
        "organiser": record["organiser"], "professional_link": link, "service_task": "TEST-IAKKAAT"
    })
    .to_string()
}
