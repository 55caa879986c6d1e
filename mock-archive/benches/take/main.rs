//! How many documents a second the mock archive takes over mutual TLS, and what CPU time each costs, beside a bare hyper echo
//! over the same TLS in the same run; and what memory it needs for many documents with bodies on disk.
//!
//! `cargo bench -p mock-archive --bench take`; `-- --documents N` sets the number of the long run (100000). Clients and archive
//! share this process and its cores, so a rate is of both; the CPU time is of the server's threads alone. Documents are an
//! organiser's client documents of 30 KB in its own register, twenty a client.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs,
    reason = "a failed set-up is a failed run"
)]

mod line;
mod message;

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mock_archive::certs::{DevPki, OrgIdentity};
use mock_archive::{MockArchive, MockArchiveBuilder, Oid};
use openssl::pkey::PKey;
use rustls::ClientConfig;
use tokio::runtime::Runtime;

use crate::line::{answer, client_config, connect, echo, server_config};
use crate::message::{ORGANISER, Sender, Signing};

const CLIENTS: u64 = 4;
const CHECKED_DOCUMENTS: u64 = 3_000;
const UNCHECKED_DOCUMENTS: u64 = 20_000;
/// The server's threads are told from the clients' by their names; its schemas have threads of their own.
const SERVER: &str = "server";
const SCHEMAS: &str = "xsd";

fn main() {
    let documents = documents_wanted();
    let kit = Kit::new();
    let bytes = kit.sender.message(0, Signing::Nobody).len();
    println!("{CLIENTS} clients, {} cores, messages of {bytes} bytes", cores());
    // First, while no other run has left memory behind that would hide what this one takes.
    kit.fill(documents);
    kit.echo().print("control: bare hyper echo over the same TLS");
    kit.take(CHECKED_DOCUMENTS, Signing::Organiser, |builder| builder).print("all checks");
    kit.take(CHECKED_DOCUMENTS, Signing::Organiser, MockArchiveBuilder::without_schemas)
        .print("all checks but the XSDs");
    kit.take(UNCHECKED_DOCUMENTS, Signing::Nobody, MockArchiveBuilder::deep_checks_off).print("deep checks off");
}

fn documents_wanted() -> u64 {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--documents").skip(1);
    arguments.next().map_or(100_000, |number| number.parse().expect("a number after --documents"))
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(0, Into::into)
}

/// What a run came to.
struct Took {
    documents: u64,
    wall: Duration,
    server_cpu: Duration,
}

impl Took {
    fn print(&self, what: &str) {
        let micros = self.server_cpu.as_micros() / u128::from(self.documents);
        println!("{what:<44} {:>9.0} /s {micros:>7} µs of the server's CPU each", self.rate());
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    fn rate(&self) -> f64 {
        self.documents as f64 / self.wall.as_secs_f64()
    }
}

struct Kit {
    pki: Arc<DevPki>,
    client: Arc<ClientConfig>,
    sender: Sender,
}

impl Kit {
    fn new() -> Self {
        let pki = Arc::new(DevPki::new(jiff::Timestamp::now()).unwrap());
        let organiser = OrgIdentity { oid: Oid::parse(ORGANISER).unwrap(), name: "Esimerkki (test)".into() };
        let signer = pki.system_signer(&organiser).unwrap();
        let sender = Sender {
            key: PKey::private_key_from_pem(signer.key_pem.as_bytes()).unwrap(),
            certificate: signer.certificate_pem.lines().filter(|line| !line.starts_with("--")).collect(),
        };
        Self { client: client_config(&pki, &pki.transport(&organiser).unwrap()), sender, pki }
    }

    fn echo(&self) -> Took {
        let runtime = runtime();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(echo(listener, server_config(&self.pki)));
        self.send(address, UNCHECKED_DOCUMENTS, &|number| self.sender.message(number, Signing::Nobody), "")
    }

    fn take(&self, documents: u64, signing: Signing, setting: fn(MockArchiveBuilder) -> MockArchiveBuilder) -> Took {
        // Signing costs the client more than sending, so it is done before.
        let messages: Vec<Vec<u8>> = match signing {
            Signing::Organiser => (0..documents).map(|number| self.sender.message(number, signing)).collect(),
            Signing::Nobody => Vec::new(),
        };
        let structures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/structures");
        let runtime = runtime();
        let builder = setting(MockArchive::builder().pki(Arc::clone(&self.pki)).structures(structures));
        let archive = runtime.block_on(builder.start()).unwrap();
        let message = |number: u64| match usize::try_from(number).ok().and_then(|at| messages.get(at)) {
            Some(message) => message.clone(),
            None => self.sender.message(number, signing),
        };
        let took = self.send(archive.address(), documents, &message, "code=\"AA\"");
        assert_eq!(archive.ledger().stored_once(), Ok(usize::try_from(documents).unwrap()));
        took
    }

    /// The long run: memory with bodies on disk.
    fn fill(&self, documents: u64) {
        let directory = tempfile::tempdir().unwrap();
        let runtime = runtime();
        let builder = MockArchive::builder().pki(Arc::clone(&self.pki)).deep_checks_off();
        let archive = runtime.block_on(builder.data_directory(directory.path()).start()).unwrap();
        println!(
            "bodies on disk, deep checks off, {documents} documents; resident memory of the whole process in KiB:"
        );
        let step = (documents / 10).max(1);
        let mut seen = vec![(0, Resident::now())];
        println!("{:>9} documents {}", 0, Resident::now());
        while let Some(done) = seen.last().map(|(done, _)| *done).filter(|done| *done < documents) {
            let number = step.min(documents - done);
            let message = |n| self.sender.message(done + n, Signing::Nobody);
            let took = self.send(archive.address(), number, &message, "code=\"AA\"");
            let resident = Resident::now();
            println!("{:>9} documents {resident} {:>9.0} /s", done + number, took.rate());
            seen.push((done + number, resident));
        }
        // The first fifth fills caches and the part of the ledger that stays in memory.
        if let ([_, _, (from, before), .., (to, after)], true) = (seen.as_slice(), documents > 2 * step) {
            let slope = |before, after| (i128::from(after) - i128::from(before)) * 1024 / i128::from(to - from);
            println!(
                "slope from {from} to {to} documents, in bytes a document: {} anonymous, {} of files",
                slope(before.anonymous_kib, after.anonymous_kib),
                slope(before.file_kib, after.file_kib)
            );
        }
        assert_eq!(archive.ledger().stored_once(), Ok(usize::try_from(documents).unwrap()));
    }

    /// Sends over kept connections. Every answer has to hold `expected`.
    fn send(&self, to: SocketAddr, documents: u64, message: &(dyn Fn(u64) -> Vec<u8> + Sync), expected: &str) -> Took {
        let next = AtomicU64::new(0);
        let (begin, cpu_before) = (Instant::now(), server_cpu());
        std::thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let mut stream = connect(to, &self.client);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= documents {
                            return;
                        }
                        stream.write_all(&message(number)).unwrap();
                        let answer = answer(&mut stream);
                        assert!(answer.contains(expected), "{answer}");
                    }
                });
            }
        });
        Took { documents, wall: begin.elapsed(), server_cpu: server_cpu().saturating_sub(cpu_before) }
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().thread_name(SERVER).build().unwrap()
}

/// CPU time of the server's threads that are alive.
fn server_cpu() -> Duration {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    // A client's thread may end between being listed and being read.
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let of_server = tasks.filter(|task| [SERVER, SCHEMAS].contains(&read(task.join("comm")).trim()));
    let nanos = of_server.map(|task| read(task.join("schedstat")).split(' ').next().unwrap().parse::<u64>().unwrap());
    Duration::from_nanos(nanos.sum())
}

/// Resident memory: what the process has allocated, and what of files is mapped into it.
#[derive(Clone, Copy)]
struct Resident {
    anonymous_kib: u64,
    file_kib: u64,
}

impl Resident {
    fn now() -> Self {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let kib = |name| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim().trim_end_matches("kB").trim().parse().unwrap()
        };
        Self { anonymous_kib: kib("RssAnon:"), file_kib: kib("RssFile:") }
    }
}

impl std::fmt::Display for Resident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:>7} anonymous {:>7} of files", self.anonymous_kib, self.file_kib)
    }
}
