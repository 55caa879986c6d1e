#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

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
    Accepted, Census, ChangesWanted, Claimed, Due, Earlier, Handover, KeptBodies, NewSubmission, Packages, Purged,
    Scope, StoredEnvelope, Stuck, Submission, TimelineEntry, Use, Whose,
};
use crate::sidecar::vault::StoreKey;

mod access;
mod cases;
mod chains;
mod handed_over;
mod held;
pub(super) mod invalidations;
mod lanes;
mod outage;

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
struct VirtualClock(watch::Sender<Timestamp>);

impl VirtualClock {
    fn advance_to(&self, at: Timestamp) {
        self.0.send_modify(|now| *now = at.max(*now));
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep_until(&self, at: Timestamp) {
        self.0.subscribe().wait_for(|now| *now >= at).await.unwrap();
    }

    /// This clock is never set.
    fn elapsed(&self) -> Duration {
        Duration::try_from(self.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap()
    }
}

struct Middle;

impl Chance for Middle {
    fn fraction(&self) -> f64 {
        0.5
    }
}

/// How the archive behaves at one send.
#[derive(Clone, Copy)]
enum Behaviour {
    Store,
    StoreAndStaySilent,
    LoseOnTheWay,
    Reject,
    Overloaded,
    /// Refused: the archive has a document with this id.
    Duplicate,
    /// 503 with Retry-After.
    Unavailable,
}

#[derive(Default)]
struct Ledger {
    /// Every arrival, before any de-duplication.
    arrivals: Vec<(String, Vec<u8>)>,
    stored: Vec<String>,
    /// Of documents that it holds otherwise than they arrived.
    held: HashMap<String, Holding>,
    asked: Vec<String>,
    /// Documents that were invalidated, in their order, and those whose entry was asked for.
    invalidated: Vec<String>,
    questions: Vec<String>,
    script: HashMap<String, VecDeque<Behaviour>>,
    /// Second arrivals that no question came before, and resends with other bytes.
    violations: Vec<String>,
    relationship: Option<Evidence>,
    /// Of clients that have other ones.
    relationship_of: HashMap<String, Evidence>,
    cases: Vec<KnownCase>,
    /// Nothing can be read either.
    down: bool,
    reads: usize,
    /// Of clients that have other ones.
    cases_of: HashMap<String, Vec<KnownCase>>,
    case_searches: usize,
    decisions: Vec<KnownDecision>,
}

impl Ledger {
    /// What is held under an id: as it arrived, or as it was set.
    fn holding(&self, document: &Oid) -> Option<Holding> {
        let id = document.to_string();
        if let Some(held) = self.held.get(&id) {
            return Some(held.clone());
        }
        if !self.stored.contains(&id) {
            return None;
        }
        let Some((_, body)) = self.arrivals.iter().rfind(|(arrived, _)| *arrived == id) else {
            let ids = DocumentIds { document: document.clone(), set: document.clone(), version: 1 };
            return Some(Holding { ids, bytes: HeldBytes::NotGiven });
        };
        // Document, case, number, place: as the pipeline of these tests writes them.
        let place = std::str::from_utf8(body).unwrap().splitn(4, ' ').nth(3).unwrap();
        let (set, version, _): (Oid, u32, Value) = serde_json::from_str(place).unwrap();
        let ids = DocumentIds { document: document.clone(), set, version };
        Some(Holding { ids, bytes: HeldBytes::Known(Digest::of(body)) })
    }
}

/// An archive that does as it is told and remembers everything; at its `freeze_at`-th await it never wakes again.
struct FakeArchive {
    ledger: Mutex<Ledger>,
    clock: Arc<VirtualClock>,
    awaits: AtomicUsize,
    freeze_at: AtomicUsize,
    frozen: Notify,
}

impl FakeArchive {
    async fn point(&self) {
        if self.awaits.fetch_add(1, Ordering::SeqCst) + 1 == self.freeze_at.load(Ordering::SeqCst) {
            self.frozen.notify_one();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    fn arrive(&self, document: &str, outbound: &Outbound) -> Behaviour {
        let mut ledger = self.ledger();
        let behaviour = ledger.script.get_mut(document).and_then(VecDeque::pop_front).unwrap_or(Behaviour::Store);
        if matches!(behaviour, Behaviour::LoseOnTheWay) {
            return behaviour;
        }
        let before: Vec<_> = ledger.arrivals.iter().filter(|(id, _)| id == document).map(|(_, b)| b.clone()).collect();
        let asked = ledger.asked.iter().any(|id| id == document);
        if !before.is_empty() && !asked {
            ledger.violations.push(format!("{document} came again without a question"));
        }
        if before.iter().any(|body| *body != outbound.body) {
            ledger.violations.push(format!("{document} came again with other bytes"));
        }
        ledger.asked.retain(|id| id != document);
        ledger.arrivals.push((document.to_owned(), outbound.body.clone()));
        if matches!(behaviour, Behaviour::Store | Behaviour::StoreAndStaySilent) {
            match document.strip_prefix(INVALIDATES) {
                Some(of) => ledger.invalidated.push(of.split(' ').next().unwrap().to_owned()),
                None => ledger.stored.push(document.to_owned()),
            }
        }
        behaviour
    }
}

impl Archive for FakeArchive {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        self.point().await;
        let (found, down) = {
            let mut ledger = self.ledger();
            ledger.reads += 1;
            let own = ledger.relationship_of.get(asker.client.reveal()).cloned();
            (own.or_else(|| ledger.relationship.clone()), ledger.down)
        };
        if down {
            return Err(ArchiveFault::Passing { retry_after: None, why: unreachable() });
        }
        Ok(found.map(|evidence| Evidence { fetched_at: self.clock.now(), ..evidence }))
    }

    async fn cases(&self, asker: &Asker, _: &Authority, _: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        self.point().await;
        let mut ledger = self.ledger();
        ledger.case_searches += 1;
        let others = ledger.cases_of.get(asker.client.reveal()).cloned();
        Ok(others.unwrap_or_else(|| ledger.cases.clone()))
    }

    async fn decisions(&self, _: &Asker, _: &Authority, _: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        self.point().await;
        Ok(self.ledger().decisions.clone())
    }

    async fn search(&self, _: &Asker, _: &Authority, _: &Wanted, _: &PageWanted) -> Result<Page, ArchiveFault> {
        panic!("the worker searches nothing page by page")
    }

    async fn document(&self, _: &Asker, _: &Authority, _: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        panic!("the worker reads no document")
    }

    async fn presence(&self, _: &Asker, _: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        self.point().await;
        let held = {
            let mut ledger = self.ledger();
            ledger.asked.push(document.to_string());
            ledger.holding(document)
        };
        self.point().await;
        Ok(held.map_or(Presence::Absent, Presence::Stored))
    }

    async fn entry(&self, _: &Asker, document: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        self.point().await;
        let found = {
            let mut ledger = self.ledger();
            let asked = ledger.arrivals.iter().map(|(id, _)| id).filter(|id| is_of(id, document)).cloned();
            let asked: Vec<String> = asked.collect();
            ledger.asked.extend(asked);
            ledger.questions.push(document.to_string());
            if ledger.down {
                return Err(ArchiveFault::Passing { retry_after: None, why: unreachable() });
            }
            let gone = ledger.invalidated.contains(&document.to_string());
            ledger.stored.contains(&document.to_string()).then(|| invalidations::entry(document, gone))
        };
        self.point().await;
        Ok(found)
    }

    async fn send(&self, outbound: &Outbound) -> Outcome {
        self.point().await;
        let behaviour = self.arrive(&outbound.soap_action, outbound);
        self.point().await;
        match behaviour {
            Behaviour::Store => Outcome::Archived(Vec::new()),
            Behaviour::Reject => Outcome::Rejected(Vec::new()),
            Behaviour::Duplicate => Outcome::Duplicate(Vec::new()),
            Behaviour::Unavailable => Outcome::Unknown { retry_after: Some(Duration::from_secs(200)), why: cause() },
            Behaviour::Overloaded => Outcome::TryLater { retry_after: Some(Duration::from_secs(100)), why: cause() },
            Behaviour::StoreAndStaySilent | Behaviour::LoseOnTheWay => {
                Outcome::Unknown { retry_after: None, why: cause() }
            }
        }
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

/// How the message of an invalidation is told from a document's.
const INVALIDATES: &str = "invalidates ";

/// Whether a message is an invalidation of the document.
fn is_of(message: &str, document: &Oid) -> bool {
    message.strip_prefix(INVALIDATES).and_then(|of| of.split(' ').next()) == Some(document.as_str())
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

/// Decides by the built-in profile.
/// What a configuration says of the organiser.
pub(super) fn organiser(text: &str) -> PartyBook {
    let organiser: OrganiserConfig = toml::from_str(&format!("oid = \"{ORGANISER}\"\n{text}")).unwrap();
    PartyBook::new(vec![organiser], Vec::new())
}

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
        let clock = Arc::new(VirtualClock(watch::Sender::new(now)));
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

    async fn state(&self, of: &Submission) -> State {
        self.store.find(&of.id, &scope()).await.unwrap().unwrap().0.state
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

#[tokio::test]
async fn lost_answer_is_reconciled_before_resend() {
    let mut world = World::new();
    let (kept, lost) = (world.accept("1", &record(CASE), None).await, world.accept("2", &record(CASE), None).await);
    world.script(&kept, &[Behaviour::StoreAndStaySilent]);
    world.script(&lost, &[Behaviour::LoseOnTheWay]);
    world.start();
    for s in [&kept, &lost] {
        let unknown = world.until(s, "unknown").await;
        assert_eq!(unknown.due_at, Some(world.clock.now() + SignedDuration::from_secs(30)));
    }
    world.advance(29);
    assert!(world.archive.ledger().asked.is_empty());
    world.advance(1);
    let kept = world.until(&kept, "archived").await;
    assert_eq!(kept.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    world.until(&lost, "archived").await;
    assert_eq!((world.arrivals(&kept), world.arrivals(&lost)), (1, 1));
    assert_eq!(world.archive.ledger().violations, [""; 0]);
    world.drain().await;
}

#[tokio::test]
async fn a_resend_is_byte_identical_and_comes_after_a_question() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::Overloaded, Behaviour::LoseOnTheWay, Behaviour::Overloaded]);
    world.start();
    let unknown = world.until(&s, "unknown").await;
    assert_eq!(unknown.due_at, Some(world.clock.now() + SignedDuration::from_secs(100)), "Retry-After is heeded");
    world.settle().await;
    assert_eq!(world.state(&s).await, State::Archived);
    assert_eq!(world.arrivals(&s), 3);
    assert_eq!(world.pipeline.0.load(Ordering::SeqCst), 1);
    assert_eq!(world.archive.ledger().violations, [""; 0]);
    world.drain().await;
}

#[tokio::test]
async fn envelope_is_stored_before_the_first_byte_leaves() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    // The first await is the relationship's, the second the case's; the third is the send's, before anything arrives.
    world.archive.freeze_at.store(3, Ordering::SeqCst);
    world.start();
    world.archive.frozen.notified().await;
    assert_eq!(world.arrivals(&s), 0);
    world.kill().await;
    let World { store, folder, clock, .. } = world;
    drop(store);
    let store = open(folder.path(), clock.now());
    store.recover(&actor(), clock.now(), clock.now()).await.unwrap();
    let claimed = store.claim(&actor(), 1, clock.now()).await.unwrap();
    assert_eq!(claimed[0].submission.state, State::Reconciling);
    let envelope = claimed[0].envelope.as_ref().unwrap();
    assert!(envelope.outbound.body.starts_with(s.document.document.as_str().as_bytes()));
    let Ground::RegisterAccess(permits) = &envelope.ground else { panic!() };
    assert_eq!((permits[0].row.as_str(), permits[0].unit.as_str()), ("/0", UNIT));
}

#[tokio::test]
async fn rejected_is_never_retried() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::Reject]);
    world.start();
    let rejected = world.until(&s, "rejected").await;
    assert_eq!(rejected.due_at, None);
    world.advance(10_000_000);
    let other = world.accept("2", &record(CASE), None).await;
    world.until(&other, "archived").await;
    assert_eq!((world.state(&s).await, world.arrivals(&s)), (State::Rejected, 1));
    world.drain().await;
}

#[tokio::test]
async fn held_until_the_right_starts_then_sent() {
    let mut world = World::new();
    world.archive.ledger().relationship = Some(evidence("2026-10-07"));
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    let held = world.until(&s, "held").await;
    let midnight: Timestamp = "2026-10-06T21:00:00Z".parse().unwrap();
    let State::Held { until, why } = held.state else { panic!() };
    assert_eq!((until, why.code.as_str()), (Some(midnight), "access.not_started"));
    while world.store.next_due().await.unwrap().is_some_and(|due| due < midnight) {
        world.settle_once().await;
        assert_eq!(world.arrivals(&s), 0);
    }
    world.clock.advance_to(midnight);
    world.until(&s, "archived").await;
    assert_eq!(world.arrivals(&s), 1);
    world.drain().await;
}

impl World {
    /// Moves time to what is due next and waits until it has been looked at.
    async fn settle_once(&self) {
        let before = self.store.next_due().await.unwrap();
        self.clock.advance_to(before.unwrap());
        while self.store.next_due().await.unwrap() == before
            || self.store.census().await.unwrap().by_state.iter().any(|(state, _)| state == "claimed")
        {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn held_without_a_known_end_is_parked_when_patience_is_over() {
    let mut world = World::new();
    world.archive.ledger().relationship = None;
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    world.until(&s, "held").await;
    let from = world.clock.now();
    world.settle().await;
    let State::Parked { why, .. } = world.state(&s).await else { panic!() };
    assert_eq!(why.code, "access.no_relationship");
    assert!(world.clock.now() >= later(from, world.settings.held_age_max));
    world.drain().await;
}

#[tokio::test]
async fn a_right_that_ended_or_a_self_paid_service_is_parked_at_once() {
    let mut world = World::new();
    let mut paid = record(CASE);
    paid["purchase"] = json!("self_pay");
    let s = world.accept("1", &paid, None).await;
    world.start();
    let State::Parked { why, .. } = world.until(&s, "parked").await.state else { panic!() };
    assert_eq!(why.code, "access.self_pay");
    assert_eq!(world.arrivals(&s), 0);
    world.drain().await;
}

#[tokio::test]
async fn the_case_is_found_waited_for_or_left_to_a_person() {
    let mut world = World::new();
    let found = world.accept("1", &record("find"), None).await;
    world.start();
    world.until(&found, "archived").await;
    let body = world.archive.ledger().arrivals[0].1.clone();
    assert!(String::from_utf8(body).unwrap().contains(CASE));

    world.archive.ledger().cases = vec![case("1.2.5", false)];
    let none = world.accept("2", &record("find"), None).await;
    let State::Held { why, .. } = world.until(&none, "held").await.state else { panic!() };
    assert_eq!(why.code, "case.none_yet");

    world.archive.ledger().cases = vec![case(CASE, true), case("1.2.6", true), case("1.2.6", true)];
    let several = world.accept("3", &record("find"), None).await;
    let State::Parked { why, .. } = world.until(&several, "parked").await.state else { panic!() };
    assert!(why.code == "case.ambiguous" && why.message.en.contains(CASE) && why.message.en.contains("are 2 cases"));
    world.drain().await;
}

#[tokio::test]
async fn successor_waits_for_predecessor() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &record(CASE), Some(&first)).await;
    world.script(&first, &[Behaviour::LoseOnTheWay]);
    world.start();
    world.until(&first, "unknown").await;
    assert_eq!(world.state(&second).await, State::Queued);
    world.settle().await;
    let order: Vec<_> = world.archive.ledger().arrivals.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(order, [first.document.document.to_string(), second.document.document.to_string()]);

    let refused = world.accept("3", &record(CASE), None).await;
    world.script(&refused, &[Behaviour::Reject]);
    let orphan = world.accept("4", &record(CASE), Some(&refused)).await;
    let State::Parked { why, .. } = world.until(&orphan, "parked").await.state else { panic!() };
    assert_eq!(why.code, "version.predecessor_not_archived");
    world.drain().await;
}

#[tokio::test]
async fn draining_finishes_what_is_under_way_and_gives_back_what_has_not_begun() {
    let mut world = World::new();
    world.settings.parallel_max = 2;
    let mut all = Vec::new();
    for number in 0..20 {
        all.push(world.accept(&number.to_string(), &record(CASE), None).await);
    }
    world.start();
    world.until(&all[0], "in_flight").await;
    world.drain().await;
    let mut states = Vec::new();
    for one in &all {
        states.push(world.state(one).await);
    }
    assert_eq!((&states[0], &states[19]), (&State::Archived, &State::Queued));
    assert!(states.iter().all(|state| matches!(state, State::Archived | State::Queued)), "{states:?}");
}

/// A worker killed at the `n`-th await of the archive; whether it got that far.
async fn crash_at(n: usize) -> bool {
    let mut world = World::new();
    world.settings.parallel_max = 3;
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &record(CASE), Some(&first)).await;
    let third = world.accept("3", &record("find"), None).await;
    let fourth = world.accept("4", &record(CASE), None).await;
    let fifth = world.accept("5", &record(CASE), None).await;
    world.script(&second, &[Behaviour::StoreAndStaySilent]);
    world.script(&third, &[Behaviour::LoseOnTheWay, Behaviour::Overloaded]);
    world.script(&fourth, &[Behaviour::Reject]);
    world.archive.freeze_at.store(n, Ordering::SeqCst);
    world.start();
    let archive = Arc::clone(&world.archive);
    let crashed = tokio::select! {
        () = archive.frozen.notified() => true,
        () = world.settle() => false,
    };
    world.kill().await;
    world.start();
    world.settle().await;
    world.drain().await;

    let mut stored = {
        let ledger = world.archive.ledger();
        assert_eq!(ledger.violations, [""; 0], "crash at await {n}");
        ledger.stored.clone()
    };
    let name = |s: &Submission| s.document.document.to_string();
    let position = |s: &Submission| stored.iter().position(|id| *id == name(s));
    assert!(position(&first) < position(&second), "crash at await {n}");
    let mut expected = [&first, &second, &third, &fifth].map(name).to_vec();
    // The rejection may have been lost with its worker; asked and sent again, the fake then takes the document.
    if world.state(&fourth).await == State::Archived {
        expected.push(name(&fourth));
    }
    stored.sort();
    expected.sort();
    assert_eq!(stored, expected, "crash at await {n}: each once");
    let census = world.store.census().await.unwrap();
    let settled: u64 = census.by_state.iter().filter(|(s, _)| s == "archived" || s == "rejected").map(|(_, n)| n).sum();
    assert_eq!(settled, 5, "crash at await {n}: accepted = archived + rejected");
    world.store.verify_use_log().await.unwrap();
    crashed
}

#[tokio::test]
async fn a_worker_that_dies_at_any_await_loses_nothing_and_sends_nothing_twice() {
    let mut n = 1;
    while crash_at(n).await {
        n += 1;
    }
    assert!(n > 15, "only {n} awaits were tried");
}

/// A store that fails the next steps, as a full disk would.
struct FailingStore {
    inner: Arc<SqliteStore>,
    failures: AtomicUsize,
    gone: Notify,
    /// Facts of steps and launches, as they go into the use log.
    facts: Mutex<Vec<Value>>,
}

impl Store for FailingStore {
    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        self.facts.lock().unwrap().push(step.facts.clone());
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match left {
            Ok(_) => Err(StoreError::Database { text: "disk full".into() }),
            Err(_) => self.inner.step(id, step, now).await,
        }
    }

    async fn accept(&self, new: NewSubmission, now: Timestamp) -> Result<Accepted, StoreError> {
        self.inner.accept(new, now).await
    }

    async fn earlier(&self, organisation: &Oid, key: &str, payload: &[u8]) -> Result<Option<Earlier>, StoreError> {
        self.inner.earlier(organisation, key, payload).await
    }

    async fn chain_of(&self, organisation: &Oid, document: &Oid) -> Result<Vec<Submission>, StoreError> {
        self.inner.chain_of(organisation, document).await
    }

    async fn claim_of(
        &self,
        whose: &Whose,
        actor: &Actor,
        limit: u32,
        now: Timestamp,
    ) -> Result<Vec<Claimed>, StoreError> {
        self.inner.claim_of(whose, actor, limit, now).await
    }

    async fn pull_forward(&self, latest: Timestamp) -> Result<u64, StoreError> {
        self.inner.pull_forward(latest).await
    }

    async fn stuck(&self, limit: u32) -> Result<Stuck, StoreError> {
        self.inner.stuck(limit).await
    }

    async fn launch(
        &self,
        id: &SubmissionId,
        envelope: &StoredEnvelope,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        self.facts.lock().unwrap().push(json!({ "reads": step.facts }));
        self.inner.launch(id, envelope, step, now).await
    }

    async fn hand_over(
        &self,
        id: &SubmissionId,
        handover: &Handover,
        step: Step,
        now: Timestamp,
    ) -> Result<Submission, StoreError> {
        self.inner.hand_over(id, handover, step, now).await
    }

    async fn whole(&self, id: &SubmissionId) -> Result<Claimed, StoreError> {
        self.inner.whole(id).await
    }

    async fn package(&self, id: &SubmissionId) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.package(id).await
    }

    async fn packages(&self) -> Result<Packages, StoreError> {
        self.inner.packages().await
    }

    async fn recover_all_but(
        &self,
        running: &[SubmissionId],
        actor: &Actor,
        ask_at: Timestamp,
        now: Timestamp,
    ) -> Result<u64, StoreError> {
        self.inner.recover_all_but(running, actor, ask_at, now).await
    }

    async fn next_due_of(&self, whose: &Whose) -> Result<Option<Timestamp>, StoreError> {
        self.inner.next_due_of(whose).await
    }

    async fn find(
        &self,
        id: &SubmissionId,
        scope: &Scope,
    ) -> Result<Option<(Submission, Vec<TimelineEntry>)>, StoreError> {
        self.inner.find(id, scope).await
    }

    async fn changes(&self, wanted: ChangesWanted, scope: &Scope) -> Result<Vec<Submission>, StoreError> {
        self.inner.changes(wanted, scope).await
    }

    async fn log_use(&self, entry: Use, now: Timestamp) -> Result<(), StoreError> {
        self.inner.log_use(entry, now).await
    }

    async fn closed(&self) {
        self.gone.notified().await;
    }

    async fn ready(&self) -> Result<(), StoreError> {
        self.inner.ready().await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.inner.census().await
    }

    async fn purge(&self, actor: &Actor, due: Due, limit: u32, now: Timestamp) -> Result<Purged, StoreError> {
        self.inner.purge(actor, due, limit, now).await
    }

    async fn forget(&self, actor: &Actor, before: Timestamp, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.forget(actor, before, limit, now).await
    }

    async fn forget_uses(&self, by: &Actor, before: Timestamp, limit: u32, now: Timestamp) -> Result<u64, StoreError> {
        self.inner.forget_uses(by, before, limit, now).await
    }

    async fn kept_bodies(&self, due: Due) -> Result<KeptBodies, StoreError> {
        self.inner.kept_bodies(due).await
    }

    async fn verify_use_log(&self) -> Result<u64, StoreError> {
        self.inner.verify_use_log().await
    }
}

#[tokio::test]
async fn a_verdict_that_could_not_be_stored_is_asked_for_again_without_a_restart() {
    let world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    // The verdict, and the first two tries to bring the submission back.
    let store = Arc::new(FailingStore {
        inner: Arc::clone(&world.store),
        failures: AtomicUsize::new(3),
        gone: Notify::new(),
        facts: Mutex::default(),
    });
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(world.worker(Arc::clone(&store)).run(stopped));
    let archived = async {
        while world.state(&s).await != State::Archived {
            world.advance(1);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), archived).await.unwrap();
    assert_eq!((store.failures.load(Ordering::SeqCst), world.arrivals(&s)), (0, 1));
    assert_eq!(world.archive.ledger().violations, [""; 0]);
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn after_a_crash_nothing_is_asked_before_a_message_on_its_way_has_had_its_time() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    // The third await is the send's (relationship, case, send): its envelope is stored and its bytes may be on their way.
    world.archive.freeze_at.store(3, Ordering::SeqCst);
    world.start();
    world.archive.frozen.notified().await;
    world.kill().await;
    world.advance(5);
    world.start();
    let unknown = world.until(&s, "unknown").await;
    assert_eq!(unknown.due_at, Some(world.clock.now() + SignedDuration::from_secs(30)));
    world.advance(29);
    let other = world.accept("2", &record(CASE), None).await;
    world.until(&other, "archived").await;
    assert!(world.archive.ledger().asked.is_empty());
    world.advance(1);
    world.until(&s, "archived").await;
    assert_eq!(world.archive.ledger().violations, [""; 0]);
    world.drain().await;
}

#[tokio::test]
async fn a_restored_backup_sends_nothing_that_the_archive_has() {
    let mut world = World::new();
    let (sent, not_sent) = (world.accept("1", &record(CASE), None).await, world.accept("2", &record(CASE), None).await);
    // The run that the backup knows nothing of had archived the first one.
    world.archive.ledger().stored.push(sent.document.document.to_string());
    let World { store, folder, clock, archive, .. } = world;
    drop(store);
    world = World { store: open(folder.path(), clock.now()), folder, clock, ..World::new() };
    world.archive = Arc::new(FakeArchive {
        ledger: Mutex::new(std::mem::take(&mut *archive.ledger())),
        clock: Arc::clone(&world.clock),
        awaits: AtomicUsize::new(0),
        freeze_at: AtomicUsize::new(0),
        frozen: Notify::new(),
    });
    world.start();
    let archived = world.until(&sent, "archived").await;
    assert_eq!(archived.verdict, Some(Verdict::Archived { proof: Proof::FoundByIds, remarks: Vec::new() }));
    world.until(&not_sent, "archived").await;
    assert_eq!((world.arrivals(&sent), world.arrivals(&not_sent)), (0, 1));
    // What this run has accepted itself is sent without a question.
    let questions = world.archive.ledger().asked.len();
    let new = world.accept("3", &record(CASE), None).await;
    world.until(&new, "archived").await;
    assert_eq!(world.archive.ledger().asked.len(), questions);
    world.drain().await;
}

#[tokio::test]
async fn a_refusal_as_duplicate_is_settled_by_asking_and_is_never_final_by_itself() {
    let mut world = World::new();
    let (ours, others) = (world.accept("1", &record(CASE), None).await, world.accept("2", &record(CASE), None).await);
    world.script(&ours, &[Behaviour::Duplicate]);
    world.script(&others, &[Behaviour::Duplicate]);
    world.archive.ledger().stored.push(ours.document.document.to_string());
    world.start();
    world.until(&ours, "unknown").await;
    world.until(&others, "unknown").await;
    world.advance(30);
    let found = world.until(&ours, "archived").await;
    assert_eq!(found.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    let State::Parked { why, sent } = world.until(&others, "parked").await.state else { panic!() };
    assert_eq!((why.code.as_str(), sent), ("archive.id_taken", true));
    // Released, it is asked for again before anything leaves.
    world.store.step(&others.id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    world.archive.ledger().stored.push(others.document.document.to_string());
    world.wake.notify_one();
    world.until(&others, "archived").await;
    assert_eq!((world.arrivals(&ours), world.arrivals(&others)), (1, 1));
    world.drain().await;
}

#[tokio::test]
async fn while_the_archive_is_unreachable_one_submission_tries_and_all_say_why_or_wait() {
    let mut world = World::new();
    world.archive.ledger().down = true;
    let mut all = Vec::new();
    for n in 0..20 {
        all.push(world.accept(&n.to_string(), &record(CASE), None).await);
    }
    world.start();
    while world.archive.ledger().reads == 0 {
        tokio::task::yield_now().await;
    }
    let first = all[0].clone();
    while world.store.find(&first.id, &scope()).await.unwrap().unwrap().0.why.is_none() {
        tokio::task::yield_now().await;
    }
    let (queued, _) = world.store.find(&first.id, &scope()).await.unwrap().unwrap();
    assert_eq!((queued.state, queued.why.unwrap().code.as_str()), (State::Queued, "archive.unreachable"));
    // A day, by the minute.
    for _ in 0..1440 {
        world.advance(60);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let reads = world.archive.ledger().reads;
    assert!(reads <= 8 + 86_400 / 400, "{reads} tries");
    world.archive.ledger().down = false;
    world.settle().await;
    for s in &all {
        assert_eq!((world.state(s).await, world.arrivals(s)), (State::Archived, 1));
        let (_, way) = world.store.find(&s.id, &scope()).await.unwrap().unwrap();
        assert!(way.len() < 30, "{} lines for one submission", way.len());
    }
    world.drain().await;
}

#[tokio::test]
async fn retry_after_of_an_answer_that_says_nothing_is_heeded() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::Unavailable]);
    world.start();
    let unknown = world.until(&s, "unknown").await;
    assert_eq!(unknown.due_at, Some(world.clock.now() + SignedDuration::from_secs(200)));
    assert_eq!(unknown.why, Some(cause()), "what is not known says why");
    world.settle().await;
    world.drain().await;
}

#[tokio::test]
async fn what_replaces_a_known_document_is_of_its_chain_its_unit_and_its_client() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let other_set = DocumentIds { set: oid("1.2.246.10.99999991.95.2026.7"), ..first.document.clone() };
    let bent = world.accept("2", &record(CASE), Some(&Submission { document: other_set, ..first.clone() })).await;
    let mut of_another = record(CASE);
    of_another["clients"][0]["identity_code"] = json!("010190-901R");
    let foreign = world.accept("3", &of_another, Some(&first)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(world.clock.now()));
    let (waiting, _) = world.store.find(&bent.id, &scope()).await.unwrap().unwrap();
    assert_eq!(waiting.waits_for, Some(first.document.document.clone()), "another set does not defeat the order");
    world.start();
    for s in [&bent, &foreign] {
        let State::Parked { why, .. } = world.until(s, "parked").await.state else { panic!() };
        assert_eq!(why.code, "version.predecessor_differs");
        assert_eq!(world.arrivals(s), 0);
    }
    assert_eq!(world.state(&first).await, State::Archived);
    world.drain().await;
}

#[tokio::test]
async fn patience_begins_anew_with_another_cause() {
    let mut world = World::new();
    world.archive.ledger().relationship = Some(evidence("2026-11-06"));
    world.archive.ledger().cases = Vec::new();
    let s = world.accept("1", &record("find"), None).await;
    world.start();
    let State::Held { why, .. } = world.until(&s, "held").await.state else { panic!() };
    assert_eq!(why.code, "access.not_started");
    let begins: Timestamp = "2026-11-05T22:00:00Z".parse().unwrap();
    world.clock.advance_to(begins);
    let waits_for_a_case = async {
        loop {
            match world.state(&s).await {
                State::Held { why, .. } if why.code == "case.none_yet" => return,
                State::Parked { why, .. } => panic!("{why:?}"),
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits_for_a_case).await.unwrap();
    assert_eq!(world.store.find(&s.id, &scope()).await.unwrap().unwrap().0.held_since, Some(begins));
    world.settle().await;
    let State::Parked { why, .. } = world.state(&s).await else { panic!() };
    assert_eq!(why.code, "case.none_yet");
    assert!(world.clock.now() >= later(begins, world.settings.held_age_max));
    world.drain().await;
}

#[tokio::test]
async fn a_store_whose_writer_is_gone_ends_the_worker() {
    let world = World::new();
    let store = FailingStore {
        inner: Arc::clone(&world.store),
        failures: AtomicUsize::new(0),
        gone: Notify::new(),
        facts: Mutex::default(),
    };
    let store = Arc::new(store);
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn(world.worker(Arc::clone(&store)).run(stopped));
    store.gone.notify_one();
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    assert!(matches!(ended, Err(StoreError::Closed)));
}

#[tokio::test]
async fn each_read_on_the_way_stands_in_the_use_log_also_when_nothing_is_sent() {
    let world = World::new();
    let store = FailingStore {
        inner: Arc::clone(&world.store),
        failures: AtomicUsize::new(0),
        gone: Notify::new(),
        facts: Mutex::default(),
    };
    let store = Arc::new(store);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(world.worker(Arc::clone(&store)).run(stopped));
    let sent = world.accept("1", &record("find"), None).await;
    world.until(&sent, "archived").await;
    let one_case = std::mem::replace(&mut world.archive.ledger().cases, vec![case(CASE, true), case("1.2.6", true)]);
    let unclear = world.accept("3", &record("find"), None).await;
    world.until(&unclear, "parked").await;
    world.archive.ledger().cases = one_case;
    let mut not_named = evidence("2026-01-01");
    not_named.relationship.grants.clear();
    world.archive.ledger().relationship = Some(not_named);
    world.advance(61);
    let held = world.accept("2", &record(CASE), None).await;
    world.until(&held, "held").await;

    let facts = store.facts.lock().unwrap().clone();
    let reads = |at: usize| {
        let reads = facts[at]["reads"].as_array().unwrap().clone();
        let named = |r: &Value| (r["read"].as_str().unwrap().to_owned(), r["outcome"].as_str().unwrap().to_owned());
        assert!(reads.iter().all(|r| r["by"]["clients"][0]["id"] == "010190-900P" && r["by"]["unit"] == UNIT));
        (reads[0]["ground"].clone(), reads.iter().map(named).collect::<Vec<_>>())
    };
    let named = |read: &str, outcome: &str| (read.to_owned(), outcome.to_owned());
    assert_eq!(reads(0).1, [named("relationship", "permitted"), named("cases", "found")]);
    let unclear = ["cases", "decisions"].map(|read| named(read, "case.ambiguous"));
    assert_eq!(reads(facts.len() - 2).1[1..], unclear);
    let (ground, held) = (reads(facts.len() - 1).0, reads(facts.len() - 1).1);
    assert_eq!(held, [named("relationship", "access.unit_not_named")]);
    assert_eq!(ground[0], "1.2.7", "the version of the relationship document");
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

#[tokio::test]
async fn trouble_with_the_archive_is_said_once_when_it_changes_and_once_when_it_is_over() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            worker.line_fails(&oid(PRODUCER), &unreachable(), None);
        }
        worker.line_fails(&oid(PRODUCER), &cause(), None);
        worker.line_works(&oid(PRODUCER));
        worker.line_works(&oid(PRODUCER));
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let levels: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(levels, ["WARN", "WARN", "INFO"], "{text}");
    let metrics = worker.metrics.render(&Census::default(), world.clock.now());
    assert!(metrics.contains("asiasilta_archive_faults_total{code=\"archive.unreachable\"} 3\n"), "{metrics}");
}
