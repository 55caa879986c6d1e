#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Mutex;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

mod handovers;
mod invalidations;
mod searches;

use super::*;
use crate::archive::client::Cursor;
use crate::domain::access::{AccessProfile, Authority, Evidence};
use crate::domain::decision::{Outcome as DecisionOutcome, Validity};
use crate::domain::document::header::DocumentIds;
use crate::domain::find_case::{Decides, KnownCase, KnownDecision, Standing};
use crate::domain::oid::Oid;
use crate::domain::relationship::{Grant, Relationship};
use crate::domain::structure::Registry;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::validate::Checker;
use crate::domain::wire::answer::{Entry, EntryStatus};
use crate::sidecar::app::{Parts, RunningApp, start};
use crate::sidecar::config::Config;
use crate::sidecar::ports::{
    ArchiveFault, Asker, CasesWanted, Contents, Digest, Ground, HandoverBodies, HandoverPreparation, Inside,
    Invalidating, Listed, Opened, Outbound, Outcome, Page, PageWanted, Pipeline, Preparation, PrepareFault, Presence,
    Subject, SystemChance, Wanted,
};
use crate::sidecar::store::sqlite::SqliteStore;
use crate::sidecar::telemetry::WatchedCertificate;
use crate::sidecar::vault::StoreKey;

mod access;

/// A code that is not of the 900 series, put together here so that it stands nowhere.
mod outbox;

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

    async fn sleep_until(&self, at: Timestamp) {
        if at > Self::NOW {
            std::future::pending::<()>().await;
        }
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

/// What the archive has to say.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Granting,
    /// And the client has two cases.
    GrantingTwoCases,
    Silent,
    Down,
    Refusing,
}

struct FakeArchive(Arc<Mutex<Mood>>);

impl FakeArchive {
    async fn mood(&self) -> Result<Mood, ArchiveFault> {
        let mood = *self.0.lock().unwrap();
        let why = Cause::new("test.down", Text::same("x"));
        match mood {
            Mood::Down => Err(ArchiveFault::Passing { retry_after: Some(Duration::from_secs(7)), why }),
            Mood::Refusing => Err(ArchiveFault::Lasting { why }),
            Mood::Silent => std::future::pending().await,
            Mood::Granting | Mood::GrantingTwoCases => Ok(mood),
        }
    }
}

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

impl Archive for FakeArchive {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.mood().await?;
        let grant = Grant {
            row: "/0".into(),
            unit: oid("1.2.246.10.99999992.10.1"),
            service_task: "TEST-IAKKAAT".into(),
            below: None,
            start: "2026-01-01".parse().unwrap(),
            end: None,
        };
        let of_another = Grant { unit: oid("1.2.246.10.99999993.10.1"), row: "/1".into(), ..grant.clone() };
        // Another client's relationship document names nobody.
        let known = asker.client.reveal() == PERSONAL[0];
        Ok(known.then(|| Evidence {
            document: DocumentIds { document: oid("1.2.7"), set: oid("1.2.7"), version: 1 },
            organiser: asker.organiser.oid.clone(),
            relationship: Relationship {
                safety_ban: Some(true),
                grants: vec![grant, of_another],
                ..Relationship::default()
            },
            fetched_at: StillClock::NOW,
        }))
    }

    async fn cases(&self, _: &Asker, _: &Authority, _: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        let names = if self.mood().await? == Mood::GrantingTwoCases { vec![CASE, "1.2.6"] } else { vec![CASE] };
        let known = |name: &str| KnownCase {
            case: oid(name),
            service_task: Some("TEST-IAKKAAT".into()),
            opened: None,
            standing: Standing::Open,
        };
        Ok(names.into_iter().map(known).collect())
    }

    async fn decisions(&self, _: &Asker, _: &Authority, _: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.mood().await?;
        let known = |name: &str, case| KnownDecision {
            document: oid(name),
            set: oid(name),
            case: Some(oid(case)),
            decides: Decides::Service {
                service: Some("46".into()),
                validity: Validity::default(),
                outcome: DecisionOutcome::Granted,
            },
        };
        Ok(vec![known("1.2.9", CASE)])
    }

    async fn search(&self, _: &Asker, _: &Authority, wanted: &Wanted, page: &PageWanted) -> Result<Page, ArchiveFault> {
        self.mood().await?;
        Ok(listed_page(wanted, page))
    }

    async fn document(&self, _: &Asker, _: &Authority, document: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        self.mood().await?;
        Ok((document.as_str() == "1.2.9").then(|| listed("1.2.9", Contents::Fetch, json!({ "k": 1 }))))
    }

    async fn presence(&self, _: &Asker, _: &Ground, _: &Oid) -> Result<Presence, ArchiveFault> {
        self.mood().await.map(|_| Presence::Absent)
    }

    async fn entry(&self, _: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.mood().await?;
        Ok(Some(invalidations::entry(document)))
    }

    async fn send(&self, _: &Outbound) -> Outcome {
        Outcome::Archived(Vec::new())
    }
}

/// Documents 1.2.9 and on, three in all: a page of them.
fn listed_page(wanted: &Wanted, page: &PageWanted) -> Page {
    let from: u32 = page.cursor.as_ref().map_or(0, |cursor| cursor.as_str().parse().unwrap());
    let to = from.saturating_add(page.size).min(3);
    let content = match wanted.subject {
        Subject::Cases => json!({ "asia_asiakirja": { "asian_tiedot": { "avauspaiva": "2026-01-12" } } }),
        Subject::Decisions => json!({ "paatos": { "paatos": { "paatospaivamaara": "2026-01-14" } } }),
        Subject::Documents(_) => json!({ "k": 1 }),
    };
    let documents = (from..to).map(|n| listed(&format!("1.2.{}", n + 9), wanted.contents, content.clone())).collect();
    Page { documents, next: (to < 3).then(|| Cursor::kept(to.to_string())) }
}

fn listed(document: &str, contents: Contents, content: Value) -> Listed {
    let about = Entry {
        ids: DocumentIds { document: oid(document), set: oid(document), version: 1 },
        drawn_up: None,
        clients: Vec::new(),
        custodian: oid("1.2.246.10.99999991.10.0"),
        case: Some(oid(CASE)),
        specific_type: None,
        group: None,
        service_task: None,
        service_process: None,
        status: EntryStatus::Completed,
        stored: Some("2026-01-15T12:00:00+02:00".parse().unwrap()),
        unit: None,
        structure: Some(oid("1.2.246.537.6.1506.11000.2023.9.8")),
        organiser: None,
    };
    let inside = match contents {
        Contents::Omit => Inside::NotAsked,
        Contents::Fetch => {
            let xml = b"<x/>".to_vec();
            let display = Some("<p/>".to_owned());
            Inside::Opened(Box::new(Opened { content, display, xml, unit: None, author: None, signatures: Vec::new() }))
        }
    };
    Listed { about, inside }
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

#[tokio::test]
async fn a_record_is_accepted_with_its_document_id_and_followed_to_the_archive() {
    let service = Service::start().await;
    let answer = service.submit("k-1", RECORD).await;
    assert_eq!(answer.status, 202, "{}", answer.body);
    let accepted = answer.json();
    let path = answer.header("location").unwrap().to_owned();
    assert_eq!(path, format!("/v1/submissions/{}", accepted["id"].as_str().unwrap()));
    assert!(accepted["document_id"].as_str().unwrap().starts_with("1.2.246.10.99999992.95.2026."));
    let shown = service.until(&path, "archived").await;
    let way: Vec<_> = shown["timeline"].as_array().unwrap().iter().map(|e| e["event"].as_str().unwrap()).collect();
    assert_eq!(way, ["accept", "claim", "launch", "receive"]);
    assert_eq!(shown["archive"]["proof"], "acknowledged");
    for language in ["fi", "sv", "en"] {
        assert!(shown["next_action"][language].is_string());
    }
    let again = service.submit("k-1", RECORD).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (202, Some("true")));
    assert_eq!(again.json()["document_id"], accepted["document_id"]);
    // Another body is another body, also one that would not be accepted.
    for other in [&RECORD.replace("aamukäynti", "käynti"), BROKEN] {
        assert_eq!(service.submit("k-1", other).await.status, 409);
    }
}

#[tokio::test]
async fn each_refusal_is_a_problem_with_its_status_and_code() {
    let service = Service::start().await;
    let key = [("Idempotency-Key", "k")];
    let submit = |caller| post("/v1/submissions", caller, &key);
    let two_keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")];
    let large = " ".repeat((10 << 20) + 1);
    let other_organisation = RECORD.replace("1.2.246.10.99999992.10.1", "1.2.246.10.99999993.10.1");
    let bearer = "Authorization: Bearer token-of-all";
    let plain = submit("all").replace("application/json", "text/plain");
    let cases: Vec<(&str, String, &str, u16, &str)> = vec![
        ("no token", "GET /v1/submissions HTTP/1.1".into(), "", 401, "caller.unknown"),
        ("unknown token", submit("nobody"), RECORD, 401, "caller.unknown"),
        ("operation", submit("reader"), RECORD, 403, "caller.operation"),
        ("unit", submit("all"), &other_organisation, 403, "caller.unit"),
        ("no key", post("/v1/submissions", "all", &[]), RECORD, 400, "request.idempotency_key"),
        (
            "blank key",
            post("/v1/submissions", "all", &[("Idempotency-Key", "a b")]),
            RECORD,
            400,
            "request.idempotency_key",
        ),
        ("two keys", post("/v1/submissions", "all", &two_keys), RECORD, 400, "request.idempotency_key"),
        ("type", plain, RECORD, 415, "request.not_json"),
        ("size", submit("all"), &large, 413, "request.too_large"),
        ("content", submit("all"), BROKEN, 422, "content.findings"),
        ("not JSON", submit("all"), "{", 422, "content.findings"),
        ("path", format!("GET /v2 HTTP/1.1\r\n{bearer}"), "", 404, "request.no_such_resource"),
        ("method", format!("PUT /v1/submissions HTTP/1.1\r\n{bearer}"), "", 405, "request.no_such_method"),
        ("method of status", "POST /healthz HTTP/1.1".into(), "", 405, "request.no_such_method"),
    ];
    for (name, head, body, status, code) in cases {
        let answer = service.ask(&head, body).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.body);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{name}");
        let problem = answer.json();
        assert_eq!((&problem["code"], &problem["status"]), (&json!(code), &json!(status)), "{name}");
        assert!(problem["message"]["fi"].is_string() && problem["message"]["sv"].is_string(), "{name}");
        assert_eq!(status == 401, answer.header("www-authenticate").is_some(), "{name}");
        assert_eq!(status == 422, problem["findings"].is_array(), "{name}");
    }
    for path in ["?state=no", "?limit=0", "?limit=1001", "?after=x", "?before=1"] {
        let answer = service.get(&format!("/v1/submissions{path}"), "all").await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (400, json!("request.query")), "{path}");
    }
    assert_eq!(service.stop_and_count_uses().await, 0, "nothing refused was kept");
}

#[tokio::test]
async fn findings_name_the_callers_field() {
    let service = Service::start().await;
    let finding = service.submit("k", BROKEN).await.json()["findings"][0].clone();
    assert!(finding["where"]["input"].as_str().unwrap().starts_with('/'), "{finding}");
    for part in ["message", "found", "expected"] {
        for language in ["fi", "sv", "en"] {
            assert!(finding[part][language].is_string(), "{part} {language}");
        }
    }
    assert!(finding["rule"]["source"].is_string());
}

#[tokio::test]
async fn another_organisations_token_does_not_see_the_submission() {
    let service = Service::start().await;
    let path = service.submit("k", RECORD).await.header("location").unwrap().to_owned();
    assert_eq!(service.get(&path, "reader").await.status, 200);
    for (path, caller) in [(path.as_str(), "other"), ("/v1/submissions/x", "all"), ("/v1/submissions/%ff", "all")] {
        let answer = service.get(path, caller).await;
        assert_eq!((answer.status, answer.json()["code"].clone()), (404, json!("submission.not_found")));
    }
    assert_eq!(service.get("/v1/submissions", "other").await.json()["items"], json!([]));
}

#[tokio::test]
async fn the_change_list_goes_on_from_where_it_was_left() {
    let service = Service::start().await;
    for key in ["a", "b", "c"] {
        let path = service.submit(key, RECORD).await.header("location").unwrap().to_owned();
        service.until(&path, "archived").await;
    }
    let first = service.get("/v1/submissions?limit=2", "reader").await.json();
    assert_eq!((first["items"].as_array().unwrap().len(), &first["more"]), (2, &json!(true)));
    let next = format!("/v1/submissions?state=archived&limit=2&after={}", first["next_after"]);
    let rest = service.get(&next, "reader").await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["more"]), (1, &json!(false)));
    let end = service.get(&format!("/v1/submissions?after={}", rest["next_after"]), "reader").await.json();
    assert_eq!((&end["items"], &end["next_after"]), (&json!([]), &rest["next_after"]));
}

#[tokio::test]
async fn what_has_not_left_is_withdrawn_and_what_has_left_is_not() {
    let service = Service::start().await;
    let gone = service.submit("a", RECORD).await.header("location").unwrap().to_owned();
    service.until(&gone, "archived").await;
    let refused = service.delete(&gone).await;
    assert_eq!((refused.status, refused.json()["code"].clone()), (409, json!("submission.already_left")));

    service.set(Mood::Silent);
    let record = RECORD.replace(PERSONAL[0], "010190-900P").replace("1941-03-14", "1990-01-01");
    let waiting = service.submit("b", &record).await;
    assert_eq!(waiting.status, 202, "{}", waiting.body);
    let waiting = waiting.header("location").unwrap().to_owned();
    service.until(&waiting, "claimed").await;
    // Several callers at the same time, then one who comes late: it is withdrawn for each.
    let delete = || service.delete(&waiting);
    let all: [Answer; 6] = tokio::join!(delete(), delete(), delete(), delete(), delete(), delete()).into();
    for withdrawn in all.into_iter().chain([delete().await]) {
        assert_eq!((withdrawn.status, withdrawn.json()["class"].clone()), (200, json!("abandoned")));
    }
    assert_eq!(service.delete("/v1/submissions/00000000-0000-4000-8000-000000000000").await.status, 404);
}

#[tokio::test]
async fn a_validation_gives_the_verdict_and_queues_nothing() {
    let service = Service::start().await;
    for (record, valid) in [(RECORD, true), (BROKEN, false)] {
        let answer = service.ask(&post("/v1/validations", "all", &[]), record).await;
        assert_eq!((answer.status, &answer.json()["valid"]), (200, &json!(valid)));
        let findings = answer.json()["findings"].as_array().unwrap().clone();
        assert_eq!(!findings.iter().any(|f| f["severity"] == json!("error")), valid);
        // What nothing could check is told as such: silence would read as a pass.
        assert_eq!(findings.iter().any(|f| f["severity"] == json!("not_checked")), valid);
    }
    let elsewhere = RECORD.replace("1.2.246.10.99999992.10.1", "1.2.246.10.99999993.10.1");
    let answer = service.ask(&post("/v1/validations", "all", &[]), &elsewhere).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (403, json!("caller.unit")));
    assert_eq!(service.ask(&post("/v1/validations", "reader", &[]), RECORD).await.status, 403);
    assert_eq!(service.get("/v1/submissions", "all").await.json()["items"], json!([]));
}

#[tokio::test]
async fn more_requests_than_the_limit_and_requests_that_take_too_long_get_503() {
    let service = Service::start_with(|config| config.limits.concurrent_requests_max = 1).await;
    service.set(Mood::Silent);
    let (address, head, body) = (service.app.address(), post("/v1/cases/search", "all", &[]), search(PERSONAL[0]));
    let mut busy = TcpStream::connect(address).unwrap();
    let request = format!("{head}\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    busy.write_all(request.as_bytes()).unwrap();
    let full = async {
        loop {
            let answer = service.get("/v1/submissions", "all").await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), full).await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("service.overloaded")));
    assert!(answer.header("retry-after").is_some());
    assert_eq!(service.get("/healthz", "all").await.status, 200);
    drop(busy);

    let service = Service::start_with(|config| config.limits.request_timeout_s = 0).await;
    service.set(Mood::Silent);
    let answer = service.ask(&head, &body).await;
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("service.timeout")));
}

#[tokio::test]
async fn readiness_and_metrics_need_no_token_and_tell_of_no_person() {
    let service = Service::start().await;
    let path = service.submit("k", RECORD).await.header("location").unwrap().to_owned();
    service.until(&path, "archived").await;
    assert_eq!(service.ask("GET /readyz HTTP/1.1", "").await.status, 200);
    let metrics = service.ask("GET /metrics HTTP/1.1", "").await.body;
    for line in [
        "asiasilta_submissions{state=\"archived\"} 1",
        "asiasilta_sends_total{outcome=\"archived\"} 1",
        "asiasilta_accepted_total 1",
        "asiasilta_certificate_expiry_seconds{certificate=\"signing\"} 60",
    ] {
        assert!(metrics.contains(line), "{line} in\n{metrics}");
    }
    assert!(PERSONAL.iter().all(|personal| !metrics.contains(personal)));
}

#[tokio::test]
async fn after_shutdown_nothing_listens_and_the_store_is_free() {
    let service = Service::start().await;
    let address = service.app.address();
    service.submit("k", RECORD).await;
    assert!(service.stop_and_count_uses().await > 0);
    assert!(TcpStream::connect(address).is_err());
}

#[tokio::test]
async fn production_refuses_to_start_on_placeholders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    let text = crate::sidecar::config::tests::complete().replace("\"test\"", "\"production\"");
    std::fs::write(&path, text).unwrap();
    let config = Config::read(&path).unwrap();
    let parts = Parts {
        archive: FakeArchive(Arc::new(Mutex::new(Mood::Granting))),
        clock: StillClock,
        chance: Arc::new(SystemChance),
        checker: Arc::new(Checker::new(Arc::new(Registry::reduced()), config.environment)),
        pipeline: Arc::new(FakePipeline),
        certificates: Vec::new(),
        access: AccessProfile::default_profile().unwrap(),
        placeholders: vec!["some.placeholder".into()],
    };
    let error = start(&config, parts).await.err().unwrap();
    assert!(error.to_string().contains("some.placeholder"));
    assert!(!folder.path().join("s.db").exists());
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_line_carries_a_body_a_token_a_person_or_a_path() {
    // For the whole process: a line that any test causes is judged here too.
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    let service = Service::start().await;
    let path = service.submit("140341-912E", RECORD).await.header("location").unwrap().to_owned();
    service.until(&path, "archived").await;
    service.submit("b", BROKEN).await;
    service.ask(&post("/v1/cases/search", "all", &[]), &search(PERSONAL[0])).await;
    service.get("/v1/140341-912E?name=Testihoitaja", "nobody").await;
    service.get("/v1/submissions/140341-912E", "all").await;
    service.app.shutdown().await.unwrap();
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("accepted") && text.contains("sent") && text.contains("answered"), "{text}");
    for secret in PERSONAL.into_iter().chain(["token-of", "dosetista"]) {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_without_a_known_token_keep_nobody_out() {
    let service = Service::start_with(|config| config.limits.concurrent_requests_max = 2).await;
    let mut trickling = Vec::new();
    for authorization in ["", "Authorization: Bearer nobody\r\n"].repeat(20) {
        let mut stream = TcpStream::connect(service.app.address()).unwrap();
        let head = format!("POST /v1/submissions HTTP/1.1\r\nHost: x\r\n{authorization}Content-Length: 1000\r\n\r\n{{");
        stream.write_all(head.as_bytes()).unwrap();
        // Refused without its body having come.
        let mut status = [0; 12];
        stream.read_exact(&mut status).unwrap();
        assert_eq!(&status, b"HTTP/1.1 401");
        trickling.push(stream);
    }
    assert_eq!(service.submit("k", RECORD).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_share_one_room_and_what_does_not_fit_is_told_to_come_again() {
    let service = Service::start_with(|config| config.limits.bodies_bytes_max = 10 << 20).await;
    let large = " ".repeat((10 << 20) - 1);
    let head = post("/v1/validations", "all", &[]);
    let mut halves = Vec::new();
    let full = async {
        loop {
            // The half may come while the whole has its place and be told to come again itself: then another one is sent.
            let mut half = TcpStream::connect(service.app.address()).unwrap();
            let length = large.len();
            half.write_all(format!("{head}\r\nHost: x\r\nContent-Length: {length}\r\n\r\n{{").as_bytes()).unwrap();
            halves.push(half);
            let answer = service.ask(&head, RECORD).await;
            if answer.status != 200 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(20), full).await.unwrap();
    assert_eq!((answer.status, answer.json()["code"].clone()), (503, json!("service.overloaded")));
    assert_eq!(service.get("/v1/submissions", "all").await.status, 200);
    drop(halves);
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_request_does_not_hold_up_the_end() {
    let service = Service::start().await;
    let mut halves = Vec::new();
    for half in ["GET /v1/subm", "POST /v1/submissions HTTP/1.1\r\nHost: x\r\n"] {
        let mut stream = TcpStream::connect(service.app.address()).unwrap();
        stream.write_all(half.as_bytes()).unwrap();
        halves.push(stream);
    }
    // The connections have been taken before this one is answered.
    assert_eq!(service.get("/healthz", "all").await.status, 200);
    tokio::time::timeout(Duration::from_secs(5), service.app.shutdown()).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_idempotency_key_is_its_tokens_own() {
    let service = Service::start_with(|config| {
        let mut second = config.tokens[0].clone();
        second.name = "second".into();
        second.sha256 = crate::sidecar::vault::to_hex(
            aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, b"token-of-second").as_ref(),
        );
        config.tokens.push(second);
    })
    .await;
    let first = service.submit("k", RECORD).await;
    let other = service.ask(&post("/v1/submissions", "second", &[("Idempotency-Key", "k")]), RECORD).await;
    assert_eq!((first.status, other.status), (202, 202));
    assert_ne!(first.json()["id"], other.json()["id"]);
    assert_eq!(service.submit("k", RECORD).await.json()["id"], first.json()["id"]);
}
