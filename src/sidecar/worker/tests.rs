//! The worker against an archive that does as it is told, in virtual time: the world that every test below lives in.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::domain::access::{AccessProfile, Authority, Evidence};
use crate::domain::document::header::DocumentIds;
use crate::domain::find_case::{KnownCase, KnownDecision, Standing};
use crate::domain::oid::Oid;
use crate::domain::relationship::{Grant, Relationship};
use crate::domain::submission::{Cause, Kind, State};
use crate::domain::text::Text;
use crate::domain::wire::answer::Entry;
use crate::sidecar::config::{OrganiserConfig, PartyBook};
use crate::sidecar::ports::{
    ArchiveFault, Asker, CasesWanted, Contents, Digest, Ground, HandoverBodies, HandoverPreparation, HeldBytes,
    Holding, Invalidating, Listed, Outbound, Outcome, Page, PageWanted, Preparation, PrepareFault, Presence, Proof,
    Verdict, Wanted,
};
use crate::sidecar::store::sqlite::SqliteStore;
use crate::sidecar::store::{
    Accepted, Census, Claimed, Due, NewSubmission, Scope, StoredEnvelope, Submission, SubmissionId, Whose,
};
use crate::sidecar::vault::StoreKey;

mod access;
mod answers;
mod archive;
mod cases;
mod chains;
mod crash;
mod failing_store;
mod handed_over;
mod held;
pub(super) mod invalidations;
mod lanes;
mod line;
mod outage;
mod setbacks;

use archive::{Behaviour, FakeArchive, INVALIDATES, Ledger, is_of};

pub(super) const PRODUCER: &str = "1.2.246.10.99999991.10.0";
pub(super) const UNIT: &str = "1.2.246.10.99999991.10.5";
const ORGANISER: &str = "1.2.246.10.99999992.10.0";
pub(super) const CASE: &str = "1.2.246.10.99999992.95.2026.1";

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn cause() -> Cause {
    Cause::new("test.cause", Text::same("x"))
}

fn unreachable() -> Cause {
    Cause::new("archive.unreachable", Text::same("x"))
}

/// Time that moves only when a test says so.
struct VirtualClock {
    /// True time.
    time: watch::Sender<Timestamp>,
    /// How far ahead of it the clock on the wall is, in seconds.
    ahead: AtomicI64,
}

impl VirtualClock {
    fn advance_to(&self, at: Timestamp) {
        let at = at - self.ahead();
        self.time.send_modify(|now| *now = at.max(*now));
    }

    /// Sets the clock on the wall; no time passes.
    fn set_by(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    fn ahead(&self) -> SignedDuration {
        SignedDuration::from_secs(self.ahead.load(Ordering::SeqCst))
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.time.borrow() + self.ahead()
    }

    async fn sleep(&self, time: Duration) {
        let until = self.elapsed() + time;
        self.time.subscribe().wait_for(|_| self.elapsed() >= until).await.unwrap();
    }

    fn elapsed(&self) -> Duration {
        Duration::try_from(self.time.borrow().duration_since(Timestamp::UNIX_EPOCH)).unwrap()
    }
}

struct Middle;

impl Chance for Middle {
    fn fraction(&self) -> f64 {
        0.5
    }
}

/// Makes an envelope that differs with every time it is made.
#[derive(Default)]
struct FakePipeline(AtomicUsize);

impl FakePipeline {
    fn body(&self, ids: &DocumentIds, payload: &[u8], case: Option<&Oid>) -> Vec<u8> {
        let nonce = self.0.fetch_add(1, Ordering::SeqCst);
        let record: Value = serde_json::from_slice(payload).unwrap();
        let place = json!([ids.set, ids.version, record["replaces"]]);
        format!("{} {} {nonce} {place}", ids.document, case.map(Oid::as_str).unwrap_or_default()).into_bytes()
    }
}

impl Pipeline for FakePipeline {
    fn hand_over(&self, p: &HandoverPreparation<'_>) -> Result<HandoverBodies, PrepareFault> {
        let document = p.kept.map_or_else(|| self.body(p.ids, p.payload, p.case), <[u8]>::to_vec);
        Ok(HandoverBodies { package: [p.why.join(" ").as_bytes(), b": ", &document].concat(), document })
    }

    fn case_in(&self, kept: &[u8]) -> Option<Oid> {
        std::str::from_utf8(kept).unwrap().split(' ').nth(1).unwrap().parse().ok()
    }

    fn prepare(&self, p: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        if let Some(kept) = p.kept {
            let (soap_action, content_type) = (p.ids.document.to_string(), "text/plain".into());
            return Ok(Outbound { soap_action, content_type, body: kept.to_vec() });
        }
        let body = self.body(p.ids, p.payload, p.case);
        Ok(Outbound { soap_action: p.ids.document.to_string(), content_type: "text/plain".into(), body })
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        Some(Digest::of(&outbound.body))
    }

    fn invalidation(&self, of: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        let nonce = self.0.fetch_add(1, Ordering::SeqCst);
        let document = &of.invalidation.ids().document;
        let body = format!("{} {:?} {nonce}", of.invalidation.reason(), of.invalidation.version()).into_bytes();
        let soap_action = format!("{INVALIDATES}{document} {}", of.message_number);
        Ok(Outbound { soap_action, content_type: "text/plain".into(), body })
    }
}

pub(super) fn record(case: &str) -> Value {
    let worker = json!({ "name": { "family": "T", "given": ["T"] }, "identity_code": "010190-900P",
        "registration_number": "1" });
    json!({
        "structure": "1.2.246.537.6.1506.19007.2022.1.10", "language": "fi",
        "clients": [{ "identity_code": "010190-900P", "name": { "family": "A", "given": ["A"] },
            "birth_date": "1990-01-01", "gender": "female", "safety_ban": false }],
        "organiser": { "oid": ORGANISER, "name": "O" }, "unit": { "oid": UNIT, "name": "U" },
        "author": worker, "acting_worker": worker,
        "professional_link": { "kind": "shift", "reference": "r", "period": { "start": "2026-01-01" },
            "asserted_by": "s" },
        "purchase": "purchased_service", "service_task": { "code": "24", "display": "x" }, "case": case,
        "drawn_up": "2026-10-05T14:30:00+03:00", "retention_class": { "code": "1", "display": "x" },
        "special_content": false, "content": { "x": {} }
    })
}

pub(super) fn evidence(start: &str) -> Evidence {
    let grant = Grant {
        row: "/0".into(),
        unit: oid(UNIT),
        service_task: "24".into(),
        below: None,
        start: start.parse().unwrap(),
        end: None,
    };
    Evidence {
        document: DocumentIds { document: oid("1.2.7"), set: oid("1.2.7"), version: 1 },
        organiser: oid(ORGANISER),
        relationship: Relationship { grants: vec![grant], ..Relationship::default() },
        fetched_at: Timestamp::UNIX_EPOCH,
    }
}

pub(super) fn case(oid_text: &str, open: bool) -> KnownCase {
    let standing = if open { Standing::Open } else { Standing::Closed(None) };
    KnownCase { case: oid(oid_text), service_task: None, opened: None, standing }
}

fn scope() -> Scope {
    Scope { organisation: oid(PRODUCER), units: vec![oid(UNIT)] }
}

fn actor() -> Actor {
    Actor { name: "test".into(), instance: "i".into() }
}

/// What a configuration says of the organiser.
pub(super) fn organiser(text: &str) -> PartyBook {
    let organiser: OrganiserConfig = toml::from_str(&format!("oid = \"{ORGANISER}\"\n{text}")).unwrap();
    PartyBook::new(vec![organiser], Vec::new())
}

/// Decides by the built-in profile.
pub(super) fn decider(parties: PartyBook) -> Decider {
    Decider { profile: AccessProfile::default_profile().unwrap(), parties }
}

/// How to stop a worker, and the worker.
type Run = (watch::Sender<bool>, JoinHandle<Result<(), StoreError>>);

struct World {
    store: Arc<SqliteStore>,
    archive: Arc<FakeArchive>,
    clock: Arc<VirtualClock>,
    pipeline: Arc<FakePipeline>,
    wake: Arc<Notify>,
    settings: WorkerSettings,
    parties: PartyBook,
    metrics: Arc<Metrics>,
    running: Option<Run>,
    folder: tempfile::TempDir,
}

fn open(folder: &Path, now: Timestamp) -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(&folder.join("s.db"), &StoreKey::from_bytes([7; 32]), now).unwrap())
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let now: Timestamp = "2026-10-06T09:00:00Z".parse().unwrap();
        let clock = Arc::new(VirtualClock { time: watch::Sender::new(now), ahead: AtomicI64::new(0) });
        let ledger = Ledger {
            relationship: Some(evidence("2026-01-01")),
            cases: vec![case(CASE, true), case("1.2.5", false)],
            ..Ledger::default()
        };
        let archive = Arc::new(FakeArchive {
            ledger: Mutex::new(ledger),
            clock: Arc::clone(&clock),
            awaits: AtomicUsize::new(0),
            freeze_at: AtomicUsize::new(0),
            frozen: Notify::new(),
        });
        Self {
            store: open(folder.path(), now),
            archive,
            clock,
            pipeline: Arc::default(),
            wake: Arc::default(),
            settings: WorkerSettings::default(),
            parties: PartyBook::default(),
            metrics: Arc::new(Metrics::new(Vec::new())),
            running: None,
            folder,
        }
    }

    fn start(&mut self) {
        let (stop, stopped) = watch::channel(false);
        let worker = self.worker(Arc::clone(&self.store));
        self.running = Some((stop, tokio::spawn(worker.run(stopped))));
    }

    fn worker<S: Store>(&self, store: Arc<S>) -> Arc<Worker<S, FakeArchive, VirtualClock>> {
        let metrics = Arc::clone(&self.metrics);
        let (archive, clock) = (Arc::clone(&self.archive), Arc::clone(&self.clock));
        let decider = decider(self.parties.clone());
        let rights = Rights::new(archive, clock, decider, self.settings.evidence_age_max, Arc::clone(&metrics));
        Arc::new(Worker {
            store,
            archive: Arc::clone(&self.archive),
            clock: Arc::clone(&self.clock),
            chance: Arc::new(Middle),
            pipeline: Arc::clone(&self.pipeline) as Arc<dyn Pipeline>,
            rights: Arc::new(rights),
            run: RunState::default(),
            metrics,
            wake: Arc::clone(&self.wake),
            settings: self.settings,
            instance: "w".into(),
        })
    }

    /// Ends the worker where it stands, as a crash would.
    async fn kill(&mut self) {
        let (_, task) = self.running.take().unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        // Its tasks go when the runtime next looks at them.
        while Arc::strong_count(&self.store) > 1 {
            tokio::task::yield_now().await;
        }
    }

    /// A further run on what the store has kept, the one before having ended; its worker is not started.
    fn reopen(self) -> Self {
        let Self { store, folder, clock, .. } = self;
        drop(store);
        Self { store: open(folder.path(), clock.now()), folder, clock, ..self }
    }

    async fn drain(&mut self) {
        let (stop, task) = self.running.take().unwrap();
        stop.send(true).unwrap();
        task.await.unwrap().unwrap();
    }

    async fn accept(&self, key: &str, record: &Value, replaces: Option<&Submission>) -> Submission {
        let new = self.new_submission(key, record.to_string().into_bytes(), replaces);
        let Accepted::New(submission) = self.store.accept(new, self.clock.now()).await.unwrap() else { panic!() };
        self.wake.notify_one();
        submission
    }

    fn new_submission(&self, key: &str, payload: Vec<u8>, replaces: Option<&Submission>) -> NewSubmission {
        NewSubmission {
            id: SubmissionId::random(),
            organisation: oid(PRODUCER),
            document_node: oid("1.2.246.10.99999991"),
            unit: oid(UNIT),
            idempotency_key: key.into(),
            kind: Kind::Document,
            payload,
            structure: oid("1.2.3"),
            replaces: replaces.map(|s| s.document.clone()),
            warnings: Vec::new(),
            awaits_signature: false,
            used_by: actor(),
            subject: Value::Null,
        }
    }

    fn script(&self, of: &Submission, behaviours: &[Behaviour]) {
        let document = of.document.document.to_string();
        self.archive.ledger().script.insert(document, behaviours.iter().copied().collect());
    }

    async fn found(&self, of: &Submission) -> Submission {
        self.store.find(&of.id, &scope()).await.unwrap().unwrap().0
    }

    async fn state(&self, of: &Submission) -> State {
        self.found(of).await.state
    }

    /// Moves time on to each due of a submission until it is in the state; for what it waited each time, and for how many ms.
    async fn waits_until(&self, of: &Submission, state: &str) -> Vec<(String, i128)> {
        let mut waits = Vec::new();
        loop {
            let (found, now) = (self.found(of).await, self.clock.now());
            if found.state.name() == state {
                return waits;
            }
            match found.due_at {
                Some(due) if due > now => {
                    waits.push((found.why.unwrap().code, due.duration_since(now).as_millis()));
                    self.clock.advance_to(due);
                }
                _ => tokio::task::yield_now().await,
            }
        }
    }

    /// Lets the worker work, at this moment, until the submission is in the state.
    async fn until(&self, of: &Submission, state: &str) -> Submission {
        let wait = async {
            loop {
                let (found, _) = self.store.find(&of.id, &scope()).await.unwrap().unwrap();
                if found.state.name() == state {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        match tokio::time::timeout(Duration::from_secs(20), wait).await {
            Ok(found) => found,
            Err(_) => panic!("expected {state}, is {:?}", self.state(of).await),
        }
    }

    /// Moves time on to whatever is due, until nothing more is.
    async fn settle(&self) {
        let settled = async {
            loop {
                let census = self.store.census().await.unwrap();
                let open = ["queued", "claimed", "in_flight", "unknown", "reconciling", "held"];
                if !census.by_state.iter().any(|(state, _)| open.contains(&state.as_str())) {
                    return;
                }
                // Time stands still while something is under way; a due that has passed waits for the line to be tried again.
                let under_way = ["claimed", "in_flight", "reconciling"];
                let busy = census.by_state.iter().any(|(state, n)| *n > 0 && under_way.contains(&state.as_str()));
                if let (false, Some(due)) = (busy, self.store.next_due().await.unwrap()) {
                    self.clock.advance_to(due.max(self.clock.now() + SignedDuration::from_secs(1)));
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), settled).await.unwrap();
    }

    fn advance(&self, seconds: i64) {
        self.clock.advance_to(self.clock.now() + SignedDuration::from_secs(seconds));
    }

    fn arrivals(&self, of: &Submission) -> usize {
        let document = of.document.document.to_string();
        self.archive.ledger().arrivals.iter().filter(|(id, _)| *id == document).count()
    }
}

/// What [`World::waits_until`] answers of what failed and is tried again.
fn failed_and_waits(millis: i128) -> (String, i128) {
    ("worker.failed".to_owned(), millis)
}

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The lines that are logged while it lives.
fn listen() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Those that speak of something, without their moments.
    fn about(&self, word: &str) -> Vec<String> {
        let plain = |line: &str| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" ");
        self.text().lines().filter(|line| line.contains(word)).map(plain).collect()
    }
}
