//! What a document costs from the queue to the archive, end to end, beside its stages done alone in the same run.
//!
//! Mutual TLS, RSA-2048, documents of 20 KB in envelopes, the mock archive with its deep checks off in the same process. The bare CPU
//! seconds of each stage (making an envelope, sending it to the mock, keeping what becomes of it) are measured one after the other with
//! nothing else to do; what the machine could carry at best is its cores over their sum. The aim: the sidecar drains a full queue
//! at 60 % of that or more.
//!
//! `cargo bench --no-default-features --features demo --bench outbox`. `-- --test` makes one short round without aims.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench: a panic is how it fails")]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage};
use asiasilta::domain::access::{Authority, Evidence};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::find_case::{KnownCase, KnownDecision};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::submission::{Event, Kind};
use asiasilta::domain::wire::answer::Entry;
use asiasilta::sidecar::app::{self, Parts, RunningApp};
use asiasilta::sidecar::assembly::assemble;
use asiasilta::sidecar::config::Config;
use asiasilta::sidecar::ports::{
    Archive, ArchiveFault, Asker, CasesWanted, Contents, Digest, Ground, Invalidating, Listed, Outbound, Outcome, Page,
    PageWanted, Pipeline, Preparation, PrepareFault, Presence, Wanted,
};
use asiasilta::sidecar::store::sqlite::SqliteStore;
use asiasilta::sidecar::store::{Accepted, Actor, NewSubmission, Step, Store, StoredEnvelope, SubmissionId};
use asiasilta::sidecar::vault::StoreKey;
use jiff::Timestamp;
use mock_archive::{HoldAt, MockArchiveBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

const RECORD: &str = include_str!("../examples/records/02-everyday-life-morning.json");
const CASE: &str = "1.2.246.10.99999991.14.2026.1";
const PRODUCER: &str = "1.2.246.10.99999992.10.0";
/// What leaves of one document, about.
const ENVELOPE_BYTES: usize = 20_000;
/// The sidecar's default.
const AT_ONCE: usize = 16;
/// Ticks of `/proc/self/stat` a second, on every Linux that there is.
const TICKS: f64 = 100.0;

/// CPU seconds of this process so far, user and system.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<_> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<f64>().unwrap();
    (ticks(11) + ticks(12)) / TICKS
}

/// CPU and clock seconds of a piece of work, for each of so many documents.
struct Cost {
    cpu: f64,
    wall: f64,
}

impl Cost {
    async fn of<F: Future<Output = ()>>(name: &str, count: usize, work: F) -> Self {
        let (cpu, begun) = (cpu_seconds(), Instant::now());
        work.await;
        let each = |seconds: f64| seconds / f64::from(u32::try_from(count).unwrap());
        let cost = Self { cpu: each(cpu_seconds() - cpu), wall: each(begun.elapsed().as_secs_f64()) };
        println!("  {name}: {:.2} ms of CPU, {:.2} ms of time a document", cost.cpu * 1e3, cost.wall * 1e3);
        cost
    }
}

/// The everyday-life example with so much more text, in the case that it names.
fn record(number: usize, more: usize) -> Vec<u8> {
    let mut record: Value = serde_json::from_str(RECORD).unwrap();
    record["case"] = json!(CASE);
    record["professional_link"]["reference"] = json!(format!("BENCH-{number}"));
    let text = record.pointer_mut("/content/merkinta_asiakkaan_arjesta/asiakaskertomusmerkinta/tapahtuma/kuvaus");
    let Some(Value::String(text)) = text else { panic!() };
    text.push_str(&"Asiakas osallistui. ".repeat(more / 20));
    serde_json::to_vec(&record).unwrap()
}

/// What a preparation was made of.
struct Made {
    payload: Vec<u8>,
    ids: DocumentIds,
    message_number: String,
    case: Option<Oid>,
    authority: Authority,
}

/// A pipeline that also writes down what it was given.
struct Watched {
    inner: Arc<dyn Pipeline>,
    made: Arc<Mutex<Vec<Made>>>,
}

impl Pipeline for Watched {
    fn prepare(&self, p: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        self.made.lock().unwrap().push(Made {
            payload: p.payload.to_vec(),
            ids: p.ids.clone(),
            message_number: p.message_number.to_owned(),
            case: p.case.cloned(),
            authority: p.authority.clone(),
        });
        self.inner.prepare(p)
    }

    fn invalidation(&self, invalidating: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        self.inner.invalidation(invalidating)
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        self.inner.document_digest(outbound)
    }
}

/// A line on which nothing leaves: every send is answered at once.
struct Unsent<A>(A);

impl<A: Archive> Archive for Unsent<A> {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.0.relationship(asker).await
    }

    async fn cases(&self, a: &Asker, by: &Authority, wanted: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        self.0.cases(a, by, wanted).await
    }

    async fn decisions(&self, a: &Asker, by: &Authority, c: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.0.decisions(a, by, c).await
    }

    async fn search(&self, a: &Asker, by: &Authority, w: &Wanted, page: &PageWanted) -> Result<Page, ArchiveFault> {
        self.0.search(a, by, w, page).await
    }

    async fn document(&self, a: &Asker, by: &Authority, document: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        self.0.document(a, by, document).await
    }

    async fn presence(&self, a: &Asker, ground: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        self.0.presence(a, ground, document).await
    }

    async fn entry(&self, a: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.0.entry(a, document).await
    }

    async fn send(&self, _: &Outbound) -> Outcome {
        Outcome::Archived(Vec::new())
    }
}

/// A stage, and a sidecar's files on it.
struct Scene {
    folder: tempfile::TempDir,
    stage: Stage,
    files: SidecarFiles,
    config: Config,
}

impl Scene {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set_on(folder.path(), MockArchiveBuilder::deep_checks_off).await.unwrap();
        let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
        let config = Config::read(&files.config).unwrap();
        Self { folder, stage, files, config }
    }

    fn system(&self, app: &RunningApp) -> Arc<ProducerSystem> {
        Arc::new(ProducerSystem::try_new(app.address(), &self.files.token).unwrap())
    }
}

async fn hand_in(system: &Arc<ProducerSystem>, count: usize, more: usize) {
    let mut callers = JoinSet::new();
    for caller in 0..AT_ONCE {
        let system = Arc::clone(system);
        callers.spawn(async move {
            for number in (caller..count).step_by(AT_ONCE) {
                let key = format!("bench-{number}");
                let answer = system.post("/v1/submissions", Some(&key), record(number, more)).await.unwrap();
                assert_eq!(answer.status, 202, "{}", answer.body);
            }
        });
    }
    callers.join_all().await;
}

async fn until_nothing_is_open(system: &ProducerSystem) {
    while !system.get("/v1/outbox?limit=1").await.unwrap().body["items"].as_array().unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the sidecar makes of so many records, with nothing sent.
async fn made(count: usize, more: usize) -> Vec<Made> {
    let ground = Scene::set().await;
    let whole = assemble(&ground.config).unwrap();
    let all = Arc::new(Mutex::new(Vec::new()));
    let parts = Parts {
        archive: Unsent(whole.archive),
        clock: whole.clock,
        chance: whole.chance,
        checker: whole.checker,
        pipeline: Arc::new(Watched { inner: whole.pipeline, made: Arc::clone(&all) }),
        certificates: whole.certificates,
        access: whole.access,
        placeholders: whole.placeholders,
    };
    let app = app::start(&ground.config, parts).await.unwrap();
    let system = ground.system(&app);
    hand_in(&system, count, more).await;
    until_nothing_is_open(&system).await;
    app.shutdown().await.unwrap();
    let made = std::mem::take(&mut *all.lock().unwrap());
    assert_eq!(made.len(), count);
    made
}

fn prepared(pipeline: &dyn Pipeline, made: &Made) -> Outbound {
    let organisation = PRODUCER.parse().unwrap();
    let preparation = Preparation {
        organisation: &organisation,
        payload: &made.payload,
        ids: &made.ids,
        message_number: &made.message_number,
        created: Timestamp::now(),
        case: made.case.as_ref(),
        authority: &made.authority,
        kept: None,
    };
    pipeline.prepare(&preparation).unwrap_or_else(|_| panic!("the pipeline refuses what it has made before"))
}

/// Each piece of work for one of `items`, so many at the same time.
async fn at_once<T: Send + Sync + 'static, F>(
    items: Vec<T>,
    work: impl Fn(Arc<Vec<T>>, usize) -> F + Clone + Send + 'static,
) where
    F: Future<Output = ()> + Send,
{
    let (items, mut tasks) = (Arc::new(items), JoinSet::new());
    for first in 0..AT_ONCE {
        let (items, work) = (Arc::clone(&items), work.clone());
        tasks.spawn(async move {
            for at in (first..items.len()).step_by(AT_ONCE) {
                work(Arc::clone(&items), at).await;
            }
        });
    }
    tasks.join_all().await;
}

fn actor() -> Actor {
    Actor { name: "worker".into(), instance: "bench".into() }
}

/// The store alone: everything it does for a document after it was accepted.
async fn keeping(folder: &Path, envelopes: Vec<(Vec<u8>, Outbound)>) -> Cost {
    let store = Arc::new(
        SqliteStore::open(&folder.join("alone.db"), &StoreKey::from_bytes([7; 32]), Timestamp::now()).unwrap(),
    );
    let count = envelopes.len();
    for (number, (payload, _)) in envelopes.iter().enumerate() {
        let accepted = store.accept(new(number, payload.clone()), Timestamp::now()).await.unwrap();
        assert!(matches!(accepted, Accepted::New(_)));
    }
    let kept = Arc::clone(&store);
    Cost::of(
        "keeping it (claim, launch, receive)",
        count,
        at_once(envelopes, move |envelopes, at| {
            let store = Arc::clone(&kept);
            async move {
                let envelope =
                    StoredEnvelope { outbound: envelopes[at].1.clone(), ground: Ground::OwnRegister, case: None };
                let claimed = store.claim(&actor(), 1, Timestamp::now()).await.unwrap();
                let id = &claimed[0].submission.id;
                store.launch(id, &envelope, Step::plain(Event::Launch, actor()), Timestamp::now()).await.unwrap();
                store.step(id, Step::plain(Event::Receive, actor()), Timestamp::now()).await.unwrap();
            }
        }),
    )
    .await
}

fn new(number: usize, payload: Vec<u8>) -> NewSubmission {
    NewSubmission {
        id: SubmissionId::random(),
        organisation: PRODUCER.parse().unwrap(),
        document_node: "1.2.246.10.99999992".parse().unwrap(),
        unit: "1.2.246.10.99999992.10.1".parse().unwrap(),
        idempotency_key: format!("bench {number}"),
        kind: Kind::Document,
        payload,
        structure: "1.2.246.537.6.1506.19007.2022.1.10".parse().unwrap(),
        replaces: None,
        warnings: Vec::new(),
        awaits_signature: false,
        used_by: actor(),
        subject: json!({}),
    }
}

/// The sum of the stages' bare CPU seconds for one document.
async fn bare(count: usize, more: usize) -> f64 {
    let made = made(count, more).await;
    let ground = Scene::set().await;
    let parts = assemble(&ground.config).unwrap();
    let mut envelopes = Vec::new();
    let making = Cost::of("making it (check, build, sign, frame)", count, async {
        envelopes.extend(made.iter().map(|made| (made.payload.clone(), prepared(&*parts.pipeline, made))));
    })
    .await;
    println!("  {} bytes leave of a document", envelopes[0].1.body.len());
    let archive = Arc::new(parts.archive);
    let outbound: Vec<_> = envelopes.iter().map(|(_, outbound)| outbound.clone()).collect();
    let sending = Cost::of(
        "sending it, mock and all",
        count,
        at_once(outbound, move |outbound, at| {
            let archive = Arc::clone(&archive);
            async move {
                let outcome = archive.send(&outbound[at]).await;
                assert!(matches!(outcome, Outcome::Archived(_)), "{}", outcome.name());
            }
        }),
    )
    .await;
    making.cpu + sending.cpu + keeping(ground.folder.path(), envelopes).await.cpu
}

/// The whole way from a full queue.
async fn drained(count: usize, more: usize) -> Cost {
    let ground = Scene::set().await;
    ground.stage.mock.faults().hold_stores(HoldAt::Arrival);
    let app = app::start(&ground.config, assemble(&ground.config).unwrap()).await.unwrap();
    let system = ground.system(&app);
    hand_in(&system, count, more).await;
    ground.stage.mock.faults().until_held(AT_ONCE).await;
    let cost = Cost::of("end to end", count, async {
        ground.stage.mock.faults().release();
        until_nothing_is_open(&system).await;
    })
    .await;
    app.shutdown().await.unwrap();
    ground.stage.mock.verify().unwrap();
    cost
}

/// How much longer a record's text has to be for its envelope to have [`ENVELOPE_BYTES`].
async fn padding() -> usize {
    let made = made(1, 0).await;
    let parts = assemble(&Scene::set().await.config).unwrap();
    let bytes = prepared(&*parts.pipeline, &made[0]).body.len();
    // Text stands in the content and in the readable form, each as Base64.
    ENVELOPE_BYTES.saturating_sub(bytes) * 3 / 8
}

async fn round(cores: f64, count: usize, more: usize) -> f64 {
    let bare = bare(count, more).await;
    let whole = drained(count, more).await;
    let best = cores / bare;
    println!(
        "  at best {best:.0}/s on {cores} cores, drained at {:.0}/s; CPU end to end is {:.2} times the stages' {:.2} ms",
        1.0 / whole.wall,
        whole.cpu / bare,
        bare * 1e3
    );
    100.0 / whole.wall / best
}

fn main() {
    let is_test = std::env::args().any(|argument| argument == "--test");
    let (rounds, count) = if is_test { (1, 16) } else { (3, 400) };
    let cores = std::thread::available_parallelism().unwrap().get();
    let cores = f64::from(u32::try_from(cores).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let more = padding().await;
        let mut parts = Vec::new();
        for number in 0..rounds {
            println!("round {}", number + 1);
            parts.push(round(cores, count, more).await);
        }
        parts.sort_by(f64::total_cmp);
        let part = parts[parts.len() / 2];
        let met = if part >= 60.0 { "within" } else { "past" };
        println!("drained in % of cores over the stages' CPU: {part:.1}, {met} the aim of 60");
    });
}
