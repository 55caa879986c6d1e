//! No personal data in any URL, log line, metric, panic or file name: canaries in every field, through every path of a run, and
//! everything that was written searched for them in every dress they could wear.
//!
//! What answers an authorised caller's reading is the one place where persons belong; it is not written anywhere and not
//! searched. Problems, statuses and lists are.
#![cfg(feature = "demo")]

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use asiasilta::demo::{ProducerSystem, RECORDS, SidecarFiles, Stage};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mock_archive::{Fault, MessageKind};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sidecar_process::Sidecar;
use crate::support::identity_code;

const FAMILY: &str = "Kanariämäki";
const GIVEN: &str = "Sirkutarina";
pub(crate) const STREET: &str = "Sirkuttimenkuja 17";
const FREE_TEXT: &str = "sirkuttavavapaateksti";
const REFERENCE: &str = "kanariaviite-4711";
const WORKER: &str = "Keltasulkanen";
/// How long a submission may take to come to where it belongs.
const PATIENCE: Duration = Duration::from_secs(60);
/// The birth dates of the three clients below.
const BORN: [&str; 3] = ["1952-03-17", "1953-04-18", "1954-05-19"];

/// One with a right and one case, one with two cases, one that nobody has a relationship with.
fn clients() -> [String; 3] {
    ["170352-947", "180453-958", "190554-969"].map(identity_code)
}

fn worker() -> String {
    identity_code("201155-971")
}

fn canaries() -> Vec<String> {
    let fixed = [FAMILY, GIVEN, STREET, FREE_TEXT, REFERENCE, WORKER].map(str::to_owned);
    clients().into_iter().chain([worker()]).chain(fixed).collect()
}

/// A canary as it may stand in bytes: as it is, without regard to case; percent-encoded; in Base64 at any offset; in hexadecimal;
/// as a list of bytes; with JSON's escapes.
struct Dress {
    any_case: Vec<String>,
    exact: Vec<String>,
}

impl Dress {
    fn of(canary: &str) -> Self {
        let bytes = canary.as_bytes();
        let percent = |kept: &str| -> String {
            let encode = |b: &u8| {
                let c = char::from(*b);
                if c.is_ascii_alphanumeric() || kept.contains(c) { c.to_string() } else { format!("%{b:02x}") }
            };
            bytes.iter().map(encode).collect()
        };
        let escaped: String = canary
            .chars()
            .map(|c| if c.is_ascii() { c.to_string() } else { format!("\\u{:04x}", u32::from(c)) })
            .collect();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let list = bytes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let any_case =
            [canary.to_owned(), percent(""), percent("-"), percent(" -").replace(' ', "+"), escaped, hex, list];
        let base64 = (0..3).flat_map(|offset| {
            let text = STANDARD.encode([vec![0; offset], bytes.to_vec()].concat());
            // Only whole characters of the canary's own bits.
            let own = text[(offset * 8).div_ceil(6)..(offset + bytes.len()) * 8 / 6].to_owned();
            [own.replace('+', "-").replace('/', "_"), own]
        });
        Self { any_case: any_case.iter().map(|dress| dress.to_lowercase()).collect(), exact: base64.collect() }
    }

    fn is_in(&self, text: &str, lower: &str) -> bool {
        self.any_case.iter().any(|dress| lower.contains(dress)) || self.exact.iter().any(|dress| text.contains(dress))
    }
}

/// The canaries in these bytes.
fn seen_in(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let lower = text.to_lowercase();
    canaries().into_iter().filter(|canary| Dress::of(canary).is_in(&text, &lower)).collect()
}

/// Everything that was written, by its name.
#[derive(Default)]
pub(crate) struct Written(Vec<(String, Vec<u8>)>);

impl Written {
    pub(crate) fn add(&mut self, name: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((name.into(), bytes.into()));
    }

    /// Every file below, with its name.
    pub(crate) fn add_folder(&mut self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            self.add("a file's name", path.to_string_lossy().into_owned());
            match path.is_dir() {
                true => self.add_folder(&path),
                false => self.add(path.display().to_string(), std::fs::read(&path).unwrap()),
            }
        }
    }

    pub(crate) fn holds(&self, word: &str) -> bool {
        self.0.iter().any(|(_, bytes)| String::from_utf8_lossy(bytes).contains(word))
    }

    pub(crate) fn is_clean(&self) {
        let found: Vec<_> =
            self.0.iter().map(|(name, bytes)| (name, seen_in(bytes))).filter(|f| !f.1.is_empty()).collect();
        assert!(found.is_empty(), "personal data in {found:?}");
    }
}

/// An example with the canaries in the places of its persons and in every free text; `client` is one of the three.
pub(crate) fn canaried(example: &str, client: usize) -> Value {
    let text = example
        .replace("140341-912E", &clients()[client])
        .replace("1941-03-14", BORN[client])
        .replace("Koemäki", FAMILY)
        .replace("Aino", GIVEN)
        .replace("Kyllikki", GIVEN)
        .replace("Testihoitaja", WORKER)
        .replace("230689-931N", &worker())
        .replace("Esimerkkikatu 1", STREET)
        .replace(".14.2026.1\"", &format!(".14.2026.{}\"", 71 + client * 10))
        .replace(".15.2026.1\"", &format!(".15.2026.{}\"", 71 + client));
    let mut record: Value = serde_json::from_str(&text).unwrap();
    record["professional_link"]["reference"] = json!(REFERENCE);
    record["professional_link"]["asserted_by"] = json!(format!("{WORKER} {REFERENCE}"));
    for role in ["author", "acting_worker"] {
        record[role]["title"] = json!(format!("hoitaja {FREE_TEXT}"));
    }
    sing(&mut record["content"], "");
    record
}

/// Adds the canary to every free text of a content.
fn sing(value: &mut Value, key: &str) {
    const NO_TEXT: [&str; 8] =
        ["system", "code", "value", "display", "sukunimi", "etunimet", "postinumero", "puhelinnumero"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| sing(item, key)),
        Value::Object(members) => members.iter_mut().for_each(|(key, member)| sing(member, key)),
        Value::String(text) if !NO_TEXT.contains(&key) && !text.starts_with("20") && !text.starts_with("19") => {
            text.push(' ');
            text.push_str(FREE_TEXT);
        }
        _ => {}
    }
}

/// The organiser's documents of the clients that it has; the second has two cases.
pub(crate) async fn set(stage: &mut Stage) {
    let example = |name: &str| {
        std::fs::read_to_string(format!("{}/examples/organiser/main-{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap()
    };
    for client in [0, 1] {
        let mut relationship = canaried(&example("relationship"), client);
        relationship["clients"][0]["safety_ban"] = json!(true);
        relationship["content"]["asiakkuusasiakirja"]["asiakas"]["turvakielto"] = json!(true);
        let case = canaried(&example("case"), client);
        let decision = canaried(&example("decision"), client);
        // Without a decision nothing tells the second one's cases apart.
        for record in [&relationship, &case, &decision].into_iter().take(3 - client) {
            stage.organiser.store(record.to_string().as_bytes()).await.unwrap();
        }
    }
    let second = canaried(&example("case"), 1).to_string().replace(".14.2026.81\"", ".14.2026.82\"");
    stage.organiser.store(second.as_bytes()).await.unwrap();
}

struct Run {
    system: ProducerSystem,
    token: String,
    address: SocketAddr,
    written: Written,
}

impl Run {
    async fn post(&mut self, path: &str, key: Option<&str>, body: &str, status: u16) -> Value {
        let answer = self.system.post(path, key, body.as_bytes().to_vec()).await.unwrap();
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        // A reading that succeeds shows persons to whoever may see them.
        if status != 200 || path == "/v1/validations" {
            self.written.add(format!("answer {status} of {path}"), answer.body.to_string());
        }
        answer.body
    }

    /// Bytes as they are, for what no ordinary client sends.
    async fn raw(&mut self, request: &str) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
        self.written.add(format!("answer to {}", request.lines().next().unwrap().len()), answer);
    }

    async fn submit(&mut self, key: &str, record: &Value) -> Value {
        self.post("/v1/submissions", Some(key), &record.to_string(), 202).await
    }

    /// The submission once it is in one of these states.
    async fn until(&mut self, submission: &Value, states: &[&str]) -> Value {
        let path = format!("/v1/submissions/{}", submission["id"].as_str().unwrap());
        let mut shown = Value::Null;
        let wait = async {
            loop {
                shown = self.system.get(&path).await.unwrap().body;
                if states.contains(&shown["state"].as_str().unwrap()) {
                    return;
                }
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not {states:?}: {shown}");
        self.written.add(format!("status {states:?}"), shown.to_string());
        shown
    }

    /// Every way of a submission: archived, refused, held, parked, an answer lost, and not taken at all.
    async fn submissions(&mut self, stage: &Stage) {
        let example = |n: usize, client| canaried(RECORDS[n].1, client);
        let archived = self.submit("c-1", &example(1, 0)).await;
        self.until(&archived, &["archived"]).await;
        let parked = self.submit("c-2", &example(1, 1)).await;
        let shown = self.until(&parked, &["parked"]).await;
        assert_eq!(shown["why"]["candidates"].as_array().unwrap().len(), 2, "{shown}");
        let held = self.submit("c-3", &example(1, 2)).await;
        self.until(&held, &["held"]).await;
        let (cut, block_page) = (Fault::StoredButNeverAnswered, Fault::BlockPage);
        for (n, fault) in [cut, block_page, Fault::NotProcessed, Fault::AnswerCutAfter(40)].into_iter().enumerate() {
            stage.mock.faults().next_store(fault).unwrap();
            let lost = self.submit(&format!("c-lost-{n}"), &example(1, 0)).await;
            self.until(&lost, &["archived"]).await;
        }
        let mut replacing = example(1, 0);
        replacing["replaces"] = json!({ "document": "1.2.246.10.99999992.95.1.1", "set": "1.2.246.10.99999992.95.1.1",
            "version": 1, "reason": format!("{GIVEN} {FREE_TEXT}") });
        let refused = self.submit("c-4", &replacing).await;
        self.until(&refused, &["rejected", "parked", "held"]).await;
        self.invalidations(stage, &archived).await;
        self.operator(stage, held["id"].as_str().unwrap()).await;
        self.system.get("/v1/submissions?after=0&limit=100").await.unwrap();
    }

    /// An operator's commands, with persons in the words that they are given.
    async fn operator(&mut self, stage: &Stage, held: &str) {
        let (sidecar, token) = (format!("http://{}", self.address), stage.directory().join("token"));
        let (words, code) = (format!("{GIVEN} {FREE_TEXT}"), clients()[0].clone());
        for command in [
            vec!["list"],
            vec!["list", "--state", "held", "--format", "json"],
            vec!["list", "--state", GIVEN],
            vec!["show", held],
            vec!["show", FAMILY],
            vec!["release", held, "--by", FAMILY, "--reason", &words],
            vec!["abandon", &code, "--by", WORKER, "--reason", &code],
            vec!["abandon", held, "--by", WORKER, "--reason", &words, "--format", "json"],
            vec!["release", held, "--by", FAMILY, "--reason", &words],
        ] {
            let mut program = tokio::process::Command::new(env!("CARGO_BIN_EXE_asiasilta"));
            program.arg("outbox").args(&command).args(["--sidecar", &sidecar, "--token-file"]).arg(&token);
            let run = program.output().await.unwrap();
            self.written.add(format!("standard output of outbox {}", command[0]), run.stdout);
            self.written.add(format!("standard error of outbox {}", command[0]), run.stderr);
        }
    }

    /// Invalidated, with an answer lost on the way; of a document that nobody knows; and an order that is not taken.
    async fn invalidations(&mut self, stage: &Stage, archived: &Value) {
        let record = canaried(RECORDS[1].1, 0);
        let mut order = json!({ "reason": format!("{FAMILY} {} {FREE_TEXT}", clients()[0]) });
        for part in ["acting_worker", "unit", "organiser", "clients", "professional_link"] {
            order[part] = record[part].clone();
        }
        stage.mock.faults().next(MessageKind::Invalidation, Fault::StoredButNeverAnswered).unwrap();
        let known = format!("/v1/documents/{}/invalidate", archived["document_id"].as_str().unwrap());
        let invalidation = self.post(&known, Some("c-i-1"), &order.to_string(), 202).await;
        self.until(&invalidation, &["archived"]).await;
        let unknown = self.post("/v1/documents/1.2.3/invalidate", Some("c-i-2"), &order.to_string(), 202).await;
        self.until(&unknown, &["parked"]).await;
        order["extent"] = json!(FAMILY);
        order[GIVEN] = json!(STREET);
        self.post(&known, Some("c-i-3"), &order.to_string(), 422).await;
    }

    /// What is not taken, with canaries where nobody expects them.
    async fn findings(&mut self) {
        let good = canaried(RECORDS[1].1, 0);
        let changed = |pointer: &str, value: Value| {
            let mut record = good.clone();
            *record.pointer_mut(pointer).unwrap() = value;
            record.to_string()
        };
        let code = clients()[0].clone();
        let wrong_check = format!("{}{}", &code[..10], if code.ends_with('A') { 'B' } else { 'A' });
        let mut unknown = good.clone();
        unknown[FAMILY] = json!(FREE_TEXT);
        let mut unknown_inside = good.clone();
        unknown_inside["content"]["merkinta_asiakkaan_arjesta"][FAMILY] = json!(code);
        let bodies = [
            changed("/clients/0/identity_code", json!(format!("{FAMILY} {wrong_check}"))),
            changed("/clients/0/birth_date", json!(code)),
            changed("/clients/0/gender", json!(GIVEN)),
            changed("/structure", json!(code)),
            changed("/case", json!(code)),
            changed("/service_task", json!({ "code": code, "display": FREE_TEXT })),
            changed("/service_task", json!(FAMILY)),
            changed("/drawn_up", json!(STREET)),
            changed("/content", json!({ FAMILY: { GIVEN: FREE_TEXT } })),
            changed("/professional_link/kind", json!(FAMILY)),
            changed("/content/merkinta_asiakkaan_arjesta/asiakas/0/henkilotunnus/value", json!(worker())),
            changed("/content/merkinta_asiakkaan_arjesta/paivamaara", json!(code)),
            changed("/content/merkinta_asiakkaan_arjesta/laatija/sukunimi", json!([GIVEN])),
            unknown.to_string(),
            unknown_inside.to_string(),
            format!("{{\"{FAMILY}\": {code}"),
            good.to_string().replace("\"family\"", &format!("\"{FAMILY}\": \"{GIVEN}\", \"family\"")),
        ];
        for (n, body) in bodies.iter().enumerate() {
            let answer =
                self.system.post("/v1/submissions", Some(&format!("f-{n}")), body.clone().into_bytes()).await.unwrap();
            assert!([202, 422].contains(&answer.status), "{n}: {} {}", answer.status, answer.body);
            self.written.add(format!("answer to body {n}"), answer.body.to_string());
            self.post("/v1/validations", None, body, 200).await;
        }
    }

    async fn readings(&mut self) {
        let record = canaried(RECORDS[1].1, 0);
        let today = asiasilta::domain::time::day_in_finland(jiff::Timestamp::now()).to_string();
        let mut link = record["professional_link"].clone();
        link["period"] = json!({ "start": today });
        let asking = |client: usize, more: Value| {
            let mut request = json!({ "client": { "identity_code": clients()[client] },
                "acting_worker": record["acting_worker"], "unit": record["unit"], "organiser": record["organiser"],
                "professional_link": link });
            request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            request.to_string()
        };
        let decisions = self.post("/v1/decisions/search", None, &asking(0, json!({ "contents": "fetch" })), 200).await;
        assert_eq!(decisions["decisions"][0]["fetched"]["signature"], "valid", "{decisions}");
        assert!(!seen_in(decisions.to_string().as_bytes()).is_empty() && decisions["safety_ban"] == json!(true));
        let document = decisions["decisions"][0]["document_id"].clone();
        let first = self.post("/v1/documents/search", None, &asking(0, json!({ "page_size": 1 })), 200).await;
        // The cursor is the one thing of a reading that callers keep.
        self.written.add("a cursor", first["next"].as_str().unwrap_or_default());
        for (path, more) in [
            ("/v1/cases/search", json!({})),
            ("/v1/documents/search", json!({ "contents": "fetch" })),
            ("/v1/documents/fetch", json!({ "document_id": document, "forms": ["display", "document"] })),
            ("/v1/relationships/search", json!({})),
            ("/v1/cases/find", json!({ "day": "2026-09-01" })),
        ] {
            self.post(path, None, &asking(0, more), 200).await;
        }
        for (path, client, more, status) in [
            ("/v1/decisions/search", 2, json!({}), 403),
            ("/v1/cases/search", 0, json!({ "cursor": clients()[0] }), 410),
            ("/v1/documents/fetch", 0, json!({ "document_id": "1.2.3" }), 404),
            ("/v1/documents/fetch", 0, json!({ "document_id": FAMILY }), 422),
            ("/v1/decisions/search", 0, json!({ FAMILY: GIVEN }), 422),
            ("/v1/decisions/search", 0, json!({ "types": [FAMILY], "page_size": STREET }), 422),
        ] {
            self.post(path, None, &asking(client, more), status).await;
        }
    }

    /// Persons where a caller should never put them: addresses, headers, keys, tokens.
    async fn misplaced(&mut self) {
        let (code, token) = (clients()[0].clone(), self.token.clone());
        let head = |line: &str, token: &str, more: &str| {
            format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n{more}\r\n")
        };
        let json =
            format!("Content-Type: application/json\r\nIdempotency-Key: {code} {GIVEN}\r\nContent-Length: 2\r\n");
        for request in [
            head(&format!("GET /v1/submissions/{code}"), &token, ""),
            head(&format!("GET /v1/submissions/{GIVEN}?name={GIVEN}"), &token, ""),
            head(&format!("GET /v1/submissions?state={GIVEN}"), &token, ""),
            head(&format!("GET /{code}/%4b?{code}"), &token, &format!("X-Name: {WORKER}\r\nCookie: {code}\r\n")),
            head(&format!("{WORKER} /v1/submissions"), &token, ""),
            head("GET /v1/submissions", &code, ""),
            head(&format!("GET /{GIVEN}"), GIVEN, ""),
            head("POST /v1/submissions", &token, &json) + "{}",
            head(&format!("DELETE /v1/submissions/{code}"), &token, ""),
            format!("{code} {GIVEN}\r\n\r\n"),
        ] {
            self.raw(&request).await;
        }
    }
}

/// What the command line says about files with canaries: to standard error always, to standard output where it judges.
fn command_line(folder: &Path, written: &mut Written) {
    let input = folder.join("input.json");
    let good = canaried(RECORDS[1].1, 0);
    let mut broken = good.clone();
    broken["clients"][0]["identity_code"] = json!(FAMILY);
    broken["content"]["merkinta_asiakkaan_arjesta"][FAMILY] = json!(FREE_TEXT);
    broken["drawn_up"] = json!(STREET);
    let document = folder.join("document.xml");
    let run = |arguments: &[&str]| -> (Vec<u8>, Vec<u8>) {
        let run = std::process::Command::new(env!("CARGO_BIN_EXE_asiasilta")).args(arguments).output().unwrap();
        (run.stdout, run.stderr)
    };
    for record in [good.to_string(), broken.to_string(), format!("{{\"{FAMILY}\": {GIVEN}")] {
        std::fs::write(&input, &record).unwrap();
        let path = input.to_str().unwrap();
        for arguments in [vec!["validate", path], vec!["validate", "--format", "json", path]] {
            let (out, err) = run(&arguments);
            written.add(format!("standard output of {arguments:?}"), out);
            written.add(format!("standard error of {arguments:?}"), err);
        }
        let (built, err) = run(&["build", path]);
        written.add("standard error of build", err);
        written.add("standard error of show", run(&["show", path]).1);
        if !built.is_empty() {
            let text = String::from_utf8(built).unwrap();
            for text in
                [text.clone(), text.replace("versionNumber", "versionNumbe"), text.replacen(&clients()[0], FAMILY, 1)]
            {
                std::fs::write(&document, text).unwrap();
                let (out, err) = run(&["validate", document.to_str().unwrap()]);
                written.add("standard output of validate on a document", out);
                written.add("standard error of validate on a document", err);
            }
        }
    }
    std::fs::remove_file(&input).unwrap();
    std::fs::remove_file(&document).unwrap_or_default();
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

#[test]
fn a_canary_is_found_in_every_dress() {
    for canary in canaries() {
        let bytes = canary.as_bytes();
        let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
        let dresses = [
            format!("x{canary}y"),
            canary.to_uppercase(),
            canary.to_lowercase(),
            form.replace('+', "%20"),
            form,
            STANDARD.encode(format!("{{\"name\":\"{canary}\"}}")),
            STANDARD.encode(format!("a{canary}b")),
            STANDARD.encode(format!("ab{canary}c")),
            format!("{bytes:?}"),
            bytes.iter().map(|b| format!("{b:02X}")).collect(),
            serde_json::to_string(&canary).unwrap(),
        ];
        for dress in dresses {
            assert!(seen_in(dress.as_bytes()).contains(&canary), "{canary} as {dress}");
        }
    }
    assert!(seen_in(b"nothing of the kind").is_empty());
}

#[tokio::test]
async fn no_person_stands_in_anything_that_a_whole_run_writes() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    // This test's thread alone: the mock archive runs on it.
    let _guard = tracing::subscriber::set_default(subscriber);
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("sidecar.log");
    let mut stage = Stage::bare(folder.path()).await.unwrap();
    set(&mut stage).await;
    let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
    let text = std::fs::read_to_string(&files.config).unwrap();
    std::fs::write(&files.config, text.replace("filter = \"warn\"", "filter = \"trace\"")).unwrap();

    let sidecar = Sidecar::start(&files.config, &log).await;
    let system = ProducerSystem::try_new(sidecar.address, &files.token).unwrap();
    let mut run = Run { system, token: files.token.clone(), address: sidecar.address, written: Written::default() };
    run.submissions(&stage).await;
    run.findings().await;
    run.readings().await;
    run.misplaced().await;
    let metrics = plain_get(run.address, "/metrics").await;
    run.written.add("metrics", metrics);
    // A death in the middle leaves the write-ahead log as it is.
    let copies: Vec<PathBuf> = ["outbox.sqlite", "outbox.sqlite-wal"].map(|name| folder.path().join(name)).into();
    sidecar.kill().await;
    for copy in &copies {
        run.written.add(format!("{} after a kill", copy.display()), std::fs::read(copy).unwrap_or_default());
    }
    let again = Sidecar::start(&files.config, &log).await;
    run.written.add("metrics after a restart", plain_get(again.address, "/metrics").await);
    again.kill().await;
    command_line(folder.path(), &mut run.written);

    let ledger = stage.mock.ledger();
    run.written.add("the mock's ledger", format!("{:?}", ledger.entries()));
    run.written.add("the mock's verdict", format!("{:?}", stage.mock.verify()));
    run.written.add("the mock's log", lines.0.lock().unwrap().clone());
    run.written.add_folder(folder.path());
    for sign_of_life in ["accepted", "sent", "answered", "asiasilta_accepted_total", "Fetch", "submissions"] {
        assert!(run.written.holds(sign_of_life), "{sign_of_life}");
    }
    assert!(!run.written.holds("panicked"));
    run.written.is_clean();
}

/// The body of a plain GET.
async fn plain_get(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}
