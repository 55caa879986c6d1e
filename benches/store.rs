//! What accepting costs, beside what could not be left out anyway, measured in the same run on the same disk.
//!
//! - `fdatasync`: appending 4 KiB and syncing it, the floor of any durable promise.
//! - bare: a rusqlite loop with group commit that inserts the same rows, byte for byte, into the same tables at the same durability,
//!   with nothing looked up, sealed or decided.
//! - `Store::accept` with 64 producers (aim: at least 80 % of bare) and with one (aim: p50 at most 1 ms above a bare commit).
//! - HTTP: the program itself, validation and encryption and all, 64 connections (aim: at least 40 % of bare).
//! - The program's resident memory idle (aim: 25 MB) and with 100,000 waiting (60 MB), and how soon it listens then (300 ms).
//!
//! `cargo bench --no-default-features --features sqlite --bench store`; `-- many`, `-- alone` or `-- waiting` does one part of it,
//! `-- --test` makes one short round without aims.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench: a panic is how it fails"
)]

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use asiasilta::domain::submission::Kind;
use asiasilta::sidecar::store::sqlite::SqliteStore;
use asiasilta::sidecar::store::{Accepted, Actor, NewSubmission, Store, StoreLimits, SubmissionId};
use asiasilta::sidecar::vault::StoreKey;
use jiff::Timestamp;
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity};
use rusqlite::Connection;
use rusqlite::types::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};

const RECORD: &str = include_str!("../examples/records/02-everyday-life-morning.json");
const RECORD_BYTES: usize = 3_000;
const PRODUCERS: usize = 64;
const BATCH_MAX: usize = 256;
const PRODUCER: &str = "1.2.246.10.99999992.10.0";
const UNIT: &str = "1.2.246.10.99999992.10.1";
const TOKEN: &str = "bench-token-bench-token-bench-token";
const KEY: [u8; 32] = [7; 32];

/// How much is done.
struct Scale {
    rounds: usize,
    documents: usize,
    alone: usize,
    waiting: usize,
}

fn now() -> Timestamp {
    Timestamp::now()
}

fn record() -> Vec<u8> {
    let mut record: serde_json::Value = serde_json::from_str(RECORD).unwrap();
    let text = "/content/merkinta_asiakkaan_arjesta/asiakaskertomusmerkinta/tapahtuma/kuvaus";
    let missing = RECORD_BYTES.saturating_sub(record.to_string().len());
    let serde_json::Value::String(text) = record.pointer_mut(text).unwrap() else { panic!() };
    text.push_str(&"Asiakas osallistui. ".repeat(missing / 20));
    record.to_string().into_bytes()
}

fn new(number: usize, payload: &[u8]) -> NewSubmission {
    NewSubmission {
        id: SubmissionId::random(),
        organisation: PRODUCER.parse().unwrap(),
        document_node: "1.2.246.10.99999992".parse().unwrap(),
        unit: UNIT.parse().unwrap(),
        idempotency_key: format!("bench {number}"),
        kind: Kind::Document,
        payload: payload.to_vec(),
        structure: "1.2.246.537.6.1506.12901.2026.1.1".parse().unwrap(),
        replaces: None,
        warnings: Vec::new(),
        awaits_signature: false,
        used_by: Actor { name: "bench".into(), instance: "bench".into() },
        subject: serde_json::json!({ "clients": ["140341-912E"], "unit": UNIT }),
    }
}

fn open(path: &Path) -> SqliteStore {
    let limits = StoreLimits { free_disk_bytes_min: 0, ..StoreLimits::default() };
    SqliteStore::open_within(path, &StoreKey::from_bytes(KEY), limits, now()).unwrap()
}

/// Times of single pieces of work and how long all took.
struct Measured {
    each: Vec<Duration>,
    all: Duration,
}

impl Measured {
    fn per_second(&self) -> f64 {
        self.each.len() as f64 / self.all.as_secs_f64()
    }

    fn at(&self, permille: usize) -> Duration {
        let mut sorted = self.each.clone();
        sorted.sort();
        sorted[(sorted.len() * permille / 1000).min(sorted.len() - 1)]
    }

    fn line(&self, name: &str) {
        let (p50, p99, most) = (self.at(500), self.at(990), self.at(1000));
        println!("  {name}: {:.0}/s, p50 {p50:.1?}, p99 {p99:.1?}, longest {most:.1?}", self.per_second());
    }
}

/// Work by so many producers, each taking the next number when it is done.
async fn produced<W, F>(producers: usize, count: usize, work: W) -> Measured
where
    W: Fn(usize, usize) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let (start, mut tasks) = (Instant::now(), tokio::task::JoinSet::new());
    for producer in 0..producers {
        let work = work.clone();
        tasks.spawn(async move {
            let mut each = Vec::new();
            for number in (producer..count).step_by(producers) {
                let begun = Instant::now();
                work(producer, number).await;
                each.push(begun.elapsed());
            }
            each
        });
    }
    let each = tasks.join_all().await.concat();
    Measured { each, all: start.elapsed() }
}

async fn accepting(store: &Arc<SqliteStore>, producers: usize, count: usize, payload: &Arc<[u8]>) -> Measured {
    let (store, payload) = (Arc::clone(store), Arc::clone(payload));
    produced(producers, count, move |_, number| {
        let (store, payload) = (Arc::clone(&store), Arc::clone(&payload));
        async move {
            let accepted = store.accept(new(number, &payload), now()).await.unwrap();
            assert!(matches!(accepted, Accepted::New(_)));
        }
    })
    .await
}

/// The rows that one document has in each table, of a database that has accepted that many.
struct Rows {
    schema: Vec<String>,
    tables: Vec<(String, Vec<Vec<Value>>)>,
}

impl Rows {
    fn of(path: &Path, count: usize) -> Self {
        let db = Connection::open(path).unwrap();
        let texts = |sql: &str| -> Vec<String> {
            let mut statement = db.prepare(sql).unwrap();
            statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        let schema = texts("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid");
        let mut tables = Vec::new();
        for name in
            texts("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY rowid")
        {
            let rows = all_rows(&db, &name);
            if rows.len() == count {
                tables.push((name, rows));
            }
        }
        assert!(tables.len() >= 3, "submissions, bodies, use log");
        Self { schema, tables }
    }
}

fn all_rows(db: &Connection, table: &str) -> Vec<Vec<Value>> {
    let mut statement = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
    let columns = statement.column_count();
    let row = |row: &rusqlite::Row<'_>| (0..columns).map(|at| row.get(at)).collect::<Result<Vec<Value>, _>>();
    statement.query_map([], row).unwrap().collect::<Result<_, _>>().unwrap()
}

/// The bare loop: one connection, whatever is queued becomes one transaction.
fn bare(path: &Path, rows: Arc<Rows>, mut queue: mpsc::Receiver<(usize, oneshot::Sender<()>)>) {
    let db = Connection::open(path).unwrap();
    db.pragma_update(None, "journal_mode", "WAL").unwrap();
    db.pragma_update(None, "synchronous", "FULL").unwrap();
    rows.schema.iter().for_each(|sql| db.execute_batch(sql).unwrap());
    while let Some(first) = queue.blocking_recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH_MAX {
            let Ok(next) = queue.try_recv() else { break };
            batch.push(next);
        }
        db.execute_batch("BEGIN IMMEDIATE").unwrap();
        for (number, _) in &batch {
            for (table, rows) in &rows.tables {
                let places = vec!["?"; rows[*number].len()].join(",");
                let mut statement = db.prepare_cached(&format!("INSERT INTO {table} VALUES ({places})")).unwrap();
                statement.execute(rusqlite::params_from_iter(&rows[*number])).unwrap();
            }
        }
        db.execute_batch("COMMIT").unwrap();
        batch.into_iter().for_each(|(_, caller)| caller.send(()).unwrap());
    }
}

async fn inserting(path: PathBuf, rows: &Arc<Rows>, producers: usize, count: usize) -> Measured {
    let (queue, work) = mpsc::channel(1024);
    let rows = Arc::clone(rows);
    let thread = std::thread::spawn(move || bare(&path, rows, work));
    let measured = produced(producers, count, {
        let queue = queue.clone();
        move |_, number| {
            let queue = queue.clone();
            async move {
                let (caller, answer) = oneshot::channel();
                queue.send((number, caller)).await.unwrap();
                answer.await.unwrap();
            }
        }
    })
    .await;
    drop(queue);
    thread.join().unwrap();
    measured
}

fn syncing(folder: &Path, count: usize) -> Measured {
    let mut file = File::create(folder.join("raw")).unwrap();
    let (start, page) = (Instant::now(), [1u8; 4096]);
    let one = || {
        let begun = Instant::now();
        file.write_all(&page).unwrap();
        file.sync_data().unwrap();
        begun.elapsed()
    };
    let each = std::iter::repeat_with(one).take(count).collect();
    Measured { each, all: start.elapsed() }
}

/// The program with an archive that nobody answers at.
struct Program {
    child: Child,
    address: SocketAddr,
    ready_after: Duration,
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Program {
    fn start(config: &Path) -> Self {
        let begun = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_asiasilta"))
            .args(["serve", "--config"])
            .arg(config)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready_after = begun.elapsed();
        let address = line.trim().strip_prefix("listening on http://").expect("the program listens").parse().unwrap();
        Self { child, address, ready_after }
    }

    fn resident_mb(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
    }
}

fn write_private(path: &Path, text: &str) {
    let mut file = File::options().create(true).write(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn write_identity(folder: &Path, name: &str, identity: &PemIdentity) {
    fs::write(folder.join(format!("{name}.pem")), &identity.certificate_pem).unwrap();
    write_private(&folder.join(format!("{name}.key")), &identity.key_pem);
}

fn configured(folder: &Path) -> PathBuf {
    let pki = DevPki::new(now()).unwrap();
    let identity = OrgIdentity { oid: mock_archive::Oid::parse(PRODUCER).unwrap(), name: "Esimerkkihoiva Oy".into() };
    fs::write(folder.join("ca.pem"), pki.tls_ca_pem().unwrap()).unwrap();
    write_identity(folder, "transport", &pki.transport(&identity).unwrap());
    write_identity(folder, "signing", &pki.system_signer(&identity).unwrap());
    write_private(&folder.join("store.key"), &"07".repeat(32));
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, TOKEN.as_bytes());
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let config = folder.join("sidecar.toml");
    let text = format!(
        "environment = \"test\"\n[listen]\naddress = \"127.0.0.1:0\"\n[log]\nfilter = \"warn\"\n\
         [store]\npath = \"s.db\"\nkey_file = \"store.key\"\nfree_disk_bytes_min = 0\n\
         [archive]\nurl = \"https://localhost:1/medical-records\"\ntrust_anchors = \"ca.pem\"\n\
         transport_certificate = \"transport.pem\"\ntransport_key = \"transport.key\"\n\
         signing_certificate = \"signing.pem\"\nsigning_key = \"signing.key\"\nsignature_trust_anchors = \"ca.pem\"\n\
         [[organisations]]\noid = \"{PRODUCER}\"\ndocument_node = \"1.2.246.10.99999992\"\n\
         [[tokens]]\nname = \"bench\"\nsha256 = \"{digest}\"\norganisation = \"{PRODUCER}\"\nunits = [\"{UNIT}\"]\n\
         operations = [\"submit\"]\n"
    );
    fs::write(&config, text).unwrap();
    config
}

/// `POST`s on connections that stay open, written by hand so that the client costs little of the machine that it shares.
async fn posting(address: SocketAddr, count: usize, payload: &Arc<[u8]>) -> Measured {
    let mut lines = Vec::new();
    for _ in 0..PRODUCERS {
        lines.push(tokio::sync::Mutex::new(TcpStream::connect(address).await.unwrap()));
    }
    let (lines, payload) = (Arc::new(lines), Arc::clone(payload));
    produced(PRODUCERS, count, move |producer, number| {
        let (lines, payload) = (Arc::clone(&lines), Arc::clone(&payload));
        async move {
            let mut line = lines[producer].lock().await;
            let head = format!(
                "POST /v1/submissions HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {TOKEN}\r\n\
                 Content-Type: application/json\r\nIdempotency-Key: bench-{number}\r\nContent-Length: {}\r\n\r\n",
                payload.len()
            );
            line.write_all(&[head.as_bytes(), &payload].concat()).await.unwrap();
            read_answer(&mut line).await;
        }
    })
    .await
}

async fn read_answer(line: &mut TcpStream) {
    let (mut answer, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let count = line.read(&mut part).await.unwrap();
        assert!(count > 0, "the answer broke off");
        answer.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&answer);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 202"), "{text}");
        let length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
        if body.len() >= length.unwrap().parse::<usize>().unwrap() {
            return;
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn aim(name: &str, value: f64, met: bool, aim: &str) {
    println!("{name}: {value:.1}, {} the aim of {aim}", if met { "within" } else { "past" });
}

async fn many(scale: &Scale, payload: &Arc<[u8]>) {
    let (mut store_part, mut http_part) = (Vec::new(), Vec::new());
    for round in 0..scale.rounds {
        println!("round {}", round + 1);
        let folder = tempfile::tempdir().unwrap();
        syncing(folder.path(), scale.alone).line("fdatasync of 4 KiB");
        let path = folder.path().join("ours.db");
        let store = Arc::new(open(&path));
        let ours = accepting(&store, PRODUCERS, scale.documents, payload).await;
        drop(store);
        ours.line("Store::accept, 64 producers");
        let rows = Arc::new(Rows::of(&path, scale.documents));
        let bare = inserting(folder.path().join("bare.db"), &rows, PRODUCERS, scale.documents).await;
        bare.line("bare loop, 64 producers");
        let served = tempfile::tempdir().unwrap();
        let program = Program::start(&configured(served.path()));
        posting(program.address, scale.documents / 4, &Arc::clone(payload)).await;
        drop(program);
        let served = tempfile::tempdir().unwrap();
        let program = Program::start(&configured(served.path()));
        let http = posting(program.address, scale.documents, payload).await;
        http.line("HTTP, 64 connections");
        store_part.push(100.0 * ours.per_second() / bare.per_second());
        http_part.push(100.0 * http.per_second() / bare.per_second());
    }
    let (store_part, http_part) = (median(store_part), median(http_part));
    aim("Store::accept in % of the bare loop", store_part, store_part >= 80.0, "80");
    aim("HTTP accept in % of the bare loop", http_part, http_part >= 40.0, "40");
}

async fn alone(scale: &Scale, payload: &Arc<[u8]>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ours.db");
    let store = Arc::new(open(&path));
    let ours = accepting(&store, 1, scale.alone, payload).await;
    drop(store);
    ours.line("Store::accept, one producer");
    let rows = Arc::new(Rows::of(&path, scale.alone));
    let bare = inserting(folder.path().join("bare.db"), &rows, 1, scale.alone).await;
    bare.line("bare loop, one producer");
    let above = ours.at(500).as_secs_f64() * 1000.0 - bare.at(500).as_secs_f64() * 1000.0;
    aim("one producer's p50 above a bare commit, in ms", above, above <= 1.0, "1");
}

async fn waiting(scale: &Scale, payload: &Arc<[u8]>) {
    let folder = tempfile::tempdir().unwrap();
    let config = configured(folder.path());
    let program = Program::start(&config);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = program.resident_mb();
    println!("listens after {:.0?} with nothing waiting", program.ready_after);
    aim("resident memory idle, in MB", idle, idle <= 25.0, "25");
    drop(program);
    let store = Arc::new(open(&folder.path().join("s.db")));
    accepting(&store, PRODUCERS, scale.waiting, payload).await;
    drop(store);
    let program = Program::start(&config);
    let ready = program.ready_after.as_secs_f64() * 1000.0;
    println!("{} waiting", scale.waiting);
    aim("listens after, in ms", ready, ready <= 300.0, "300");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let loaded = program.resident_mb();
    aim("resident memory, in MB", loaded, loaded <= 60.0, "60");
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let scale = match is_test {
        true => Scale { rounds: 1, documents: 640, alone: 20, waiting: 1_000 },
        false => Scale { rounds: 5, documents: 12_800, alone: 500, waiting: 100_000 },
    };
    // `-- many`, `alone`, `waiting`: one part of it.
    let wanted = |part: &str| {
        let mut named = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).peekable();
        named.peek().is_none() || named.any(|name| name == part)
    };
    let payload: Arc<[u8]> = record().into();
    println!("{} bytes a record", payload.len());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if wanted("many") {
            many(&scale, &payload).await;
        }
        if wanted("alone") {
            alone(&scale, &payload).await;
        }
        if wanted("waiting") {
            waiting(&scale, &payload).await;
        }
    });
}
