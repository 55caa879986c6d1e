//! One simulated world: a producer, an organiser, operators, a worker that dies and comes back, and what happens to them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use super::archive::{Right, SimArchive, Weather, passing};
use super::dice::{Dice, Points, SimClock};
use super::store::{Breach, SimStore};
use crate::domain::access::{Denial, PartyRole, Reason};
use crate::domain::document::header::DocumentIds;
use crate::domain::document::invalidation::Extent;
use crate::domain::oid::Oid;
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::submission::{Class, Event, Kind, State};
use crate::sidecar::config::PartyBook;
use crate::sidecar::handover::{Against, Order};
use crate::sidecar::ports::{
    Chance, Clock, Digest, HandoverBodies, HandoverPreparation, Invalidating, Outbound, Pace, Pipeline, Preparation,
    PrepareFault,
};
use crate::sidecar::store::memory::{Disk, MemoryStore};
use crate::sidecar::store::{Accepted, Actor, NewSubmission, Step, Store, StoreError, Submission, SubmissionId};
use crate::sidecar::telemetry::Metrics;
use crate::sidecar::worker::tests::invalidations::order;
use crate::sidecar::worker::tests::{CASE, PRODUCER, UNIT, decider, organiser, record};
use crate::sidecar::worker::{Rights, RunState, Worker, WorkerSettings};

const OTHER_PRODUCER: &str = "1.2.246.10.99999993.10.0";
/// True time after which everything must be settled once all is well and a person decides what is parked.
const CALM_MAX: Duration = Duration::from_secs(5 * 86_400);

type SimWorker = Worker<SimStore, SimArchive, SimClock>;

struct Run {
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), StoreError>>,
    store: Arc<SimStore>,
    wake: Arc<Notify>,
}

pub(super) struct World {
    pub(super) dice: Arc<Dice>,
    pub(super) archive: Arc<SimArchive>,
    pub(super) promised: Vec<Submission>,
    pub(super) breach: Breach,
    disk: Arc<Disk>,
    clock: Arc<SimClock>,
    points: Arc<Points>,
    disk_fails: Arc<AtomicBool>,
    pipeline: Arc<SimPipeline>,
    settings: WorkerSettings,
    /// All is well from now on.
    well: bool,
    running: Option<Run>,
}

/// Makes an envelope that differs each time it is made, and says in it where the document stands.
struct SimPipeline {
    made: AtomicUsize,
    dice: Arc<Dice>,
    well: AtomicBool,
    /// The first document that was handed over and then asked for in another place.
    misplaced: Mutex<Option<String>>,
}

fn read(json: &[u8]) -> Value {
    serde_json::from_slice(json).unwrap()
}

impl SimPipeline {
    /// A document made now; or one that was handed over, where that says the place that is asked for. Another place is told, and
    /// refused as the real pipeline refuses it.
    fn signed(&self, ids: &DocumentIds, payload: &[u8], kept: Option<&[u8]>) -> Result<Vec<u8>, PrepareFault> {
        let Some(kept) = kept else { return Ok(self.document(ids, payload)) };
        let (said, record) = (read(kept), read(payload));
        let place = json!([ids.document, ids.set, ids.version, record["replaces"]["document"]]);
        if json!([said["document"], said["set"], said["version"], said["replaces"]]) == place {
            return Ok(kept.to_vec());
        }
        self.misplaced.lock().unwrap().get_or_insert_with(|| format!("{said} was to stand at {place}"));
        Err(PrepareFault::Lasting(passing("signature.not_made")))
    }

    fn document(&self, ids: &DocumentIds, payload: &[u8]) -> Vec<u8> {
        let record = read(payload);
        let nonce = self.made.fetch_add(1, Ordering::SeqCst);
        let document = json!({ "document": ids.document, "set": ids.set, "version": ids.version,
            "replaces": record["replaces"]["document"], "nonce": nonce });
        document.to_string().into_bytes()
    }
}

impl Pipeline for SimPipeline {
    fn hand_over(&self, p: &HandoverPreparation<'_>) -> Result<HandoverBodies, PrepareFault> {
        if !self.well.load(Ordering::SeqCst) && self.dice.percent(5) {
            return Err(PrepareFault::Passing(passing("signature.not_made")));
        }
        let document = self.signed(p.ids, p.payload, p.kept)?;
        Ok(HandoverBodies { package: [b"package of ".as_slice(), &document].concat(), document })
    }

    fn prepare(&self, p: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        if !self.well.load(Ordering::SeqCst) && self.dice.percent(5) {
            let passes = self.dice.percent(80);
            let why = passing("signature.not_made");
            return Err(if passes { PrepareFault::Passing(why) } else { PrepareFault::Lasting(why) });
        }
        let document = self.signed(p.ids, p.payload, p.kept)?;
        let id = p.ids.document.to_string();
        Ok(Outbound { soap_action: id, content_type: "text/plain".into(), body: document })
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        Some(Digest::of(&outbound.body))
    }

    fn invalidation(&self, of: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        let nonce = self.made.fetch_add(1, Ordering::SeqCst);
        let body = json!({ "version": of.invalidation.version(), "nonce": nonce }).to_string().into_bytes();
        let soap_action = format!("{}/{}", of.invalidation.ids().document, of.message_number);
        Ok(Outbound { soap_action, content_type: "text/plain".into(), body })
    }

    fn pace(&self) -> Pace {
        Pace::Instant
    }
}

fn settings(dice: &Dice) -> WorkerSettings {
    let seconds = |low, high| Duration::from_secs(dice.between(low, high));
    let parallel_max = usize::try_from(dice.between(1, 8)).unwrap();
    WorkerSettings {
        parallel_max,
        parallel_per_organisation_max: usize::try_from(dice.between(1, 8)).unwrap(),
        reconcile_after: seconds(2, 60),
        retry_delay_min: seconds(1, 4),
        retry_delay_max: seconds(60, 900),
        recheck_every: seconds(60, 900),
        held_age_max: seconds(3600, 6 * 3600),
        ..WorkerSettings::default()
    }
}

impl World {
    pub(super) fn new(seed: u64, breach: Breach) -> Self {
        let (dice, clock) = (Arc::new(Dice::new(seed)), Arc::new(SimClock::new()));
        let (points, settings) = (Arc::new(Points::default()), settings(&dice));
        let mut archive = SimArchive::new(&dice, &clock, &points, settings.reconcile_after);
        archive.skips_questions = breach == Breach::SkipTheQuestion;
        archive.withholds_bytes = breach == Breach::BelieveTheId;
        let pipeline = SimPipeline {
            made: AtomicUsize::new(0),
            dice: Arc::clone(&dice),
            well: AtomicBool::new(false),
            misplaced: Mutex::default(),
        };
        Self {
            archive: Arc::new(archive),
            promised: Vec::new(),
            breach,
            disk: Arc::default(),
            clock,
            points,
            disk_fails: Arc::default(),
            pipeline: Arc::new(pipeline),
            settings,
            well: false,
            running: None,
            dice,
        }
    }

    /// What was handed over is never asked for in another place in its chain than its bytes say.
    pub(super) fn every_place_is_kept(&self) -> Result<(), String> {
        self.pipeline.misplaced.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    /// What the disk holds, read by nobody in particular.
    pub(super) fn store(&self) -> MemoryStore {
        MemoryStore::peek(&self.disk)
    }

    fn start(&mut self) {
        let inner = MemoryStore::open(&self.disk);
        let store = Arc::new(SimStore::new(inner, &self.dice, &self.points, &self.disk_fails, self.breach));
        let (stop, stopped) = watch::channel(false);
        let wake = Arc::new(Notify::new());
        let (archive, clock) = (Arc::clone(&self.archive), Arc::clone(&self.clock));
        let metrics = Arc::new(Metrics::new(Vec::new()));
        let decider = decider(self.parties());
        let rights = Rights::new(archive, clock, decider, self.settings.evidence_age_max, Arc::clone(&metrics));
        let worker: SimWorker = Worker {
            store: Arc::clone(&store),
            archive: Arc::clone(&self.archive),
            clock: Arc::clone(&self.clock),
            chance: Arc::clone(&self.dice) as Arc<dyn Chance>,
            pipeline: Arc::clone(&self.pipeline) as Arc<dyn Pipeline>,
            rights: Arc::new(rights),
            run: RunState::default(),
            metrics,
            wake: Arc::clone(&wake),
            settings: self.settings,
            instance: "w".into(),
        };
        self.points.arm(0);
        let task = tokio::spawn(Arc::new(worker).run(stopped));
        self.running = Some(Run { stop, task, store, wake });
    }

    /// How the parties are said to stand, by the configuration of this run.
    fn parties(&self) -> PartyBook {
        match self.dice.below(10) {
            _ if self.well => PartyBook::default(),
            0 | 1 => organiser("party = { joined = false }\nhand_over = { recipients = \"r\", automatic = true }"),
            2 => organiser("party = { joined = true, phase = 1 }\nhand_over = { recipients = \"r\" }"),
            _ => PartyBook::default(),
        }
    }

    /// The process dies where it stands. What it has on its way goes on.
    async fn die(&mut self) {
        let Some(Run { task, store, .. }) = self.running.take() else { return };
        self.points.arm(0);
        task.abort();
        drop(task.await);
        while Arc::strong_count(&store) > 1 {
            tokio::task::yield_now().await;
        }
        self.archive.ledger().note("crash");
    }

    async fn die_at_an_await(&mut self) {
        self.points.arm(usize::try_from(self.dice.between(1, 40)).unwrap());
        let points = Arc::clone(&self.points);
        let longest = Duration::from_secs(self.dice.between(1, 600));
        // Not reached when nothing happens: then it dies idle.
        drop(tokio::time::timeout(longest, points.reached.notified()).await);
        self.die().await;
    }

    async fn drain(&mut self) {
        let Some(Run { stop, task, .. }) = self.running.take() else { return };
        stop.send_replace(true);
        drop(task.await);
    }

    fn id(&self) -> SubmissionId {
        let (high, low) = (u128::from(self.dice.next()), u128::from(self.dice.next()));
        format!("{:032x}", high << 64 | low).parse().unwrap()
    }

    async fn accept(&mut self) {
        let own = |s: &&Submission| s.organisation.as_str() == PRODUCER && s.kind == Kind::Document;
        let replaced = if self.dice.percent(35) {
            let all: Vec<&Submission> = self.promised.iter().filter(own).collect();
            self.dice.pick(&all).map(|s| (*s).clone())
        } else {
            None
        };
        let other = replaced.is_none() && self.dice.percent(20);
        let mut said = record(if self.dice.percent(50) { "find" } else { CASE });
        if self.dice.percent(4) {
            said["purchase"] = json!("self_pay");
        }
        if let Some(Submission { document, .. }) = &replaced {
            said["replaces"] = json!({ "document": document.document, "set": document.set,
                "version": document.version, "reason": "typing error" });
        }
        let producer: Oid = if other { OTHER_PRODUCER } else { PRODUCER }.parse().unwrap();
        let new = NewSubmission {
            id: self.id(),
            document_node: producer.clone(),
            organisation: producer,
            unit: UNIT.parse().unwrap(),
            idempotency_key: self.promised.len().to_string(),
            kind: Kind::Document,
            payload: said.to_string().into_bytes(),
            structure: "1.2.3".parse().unwrap(),
            replaces: replaced.map(|s| s.document),
            warnings: Vec::new(),
            awaits_signature: false,
            used_by: actor("caller"),
            subject: Value::Null,
        };
        let Some(run) = &self.running else { return };
        if let Ok(Accepted::New(submission)) = run.store.accept(new, self.clock.now()).await {
            run.wake.notify_one();
            self.promised.push(submission);
        }
    }

    /// A document of before, or one that nobody knows, is to count no longer.
    async fn invalidate(&mut self) {
        let own = |s: &&Submission| s.organisation.as_str() == PRODUCER && s.kind == Kind::Document;
        let all: Vec<&Submission> = self.promised.iter().filter(own).collect();
        let known = self.dice.pick(&all).filter(|_| self.dice.percent(95)).map(|s| s.document.document.clone());
        let target = known.unwrap_or_else(|| "1.2.9.9".parse().unwrap());
        let extent = if self.dice.percent(25) { Extent::AllVersions } else { Extent::ThisVersion };
        let producer: Oid = PRODUCER.parse().unwrap();
        let new = NewSubmission {
            id: self.id(),
            document_node: producer.clone(),
            organisation: producer,
            unit: UNIT.parse().unwrap(),
            idempotency_key: self.promised.len().to_string(),
            payload: order(&target),
            kind: Kind::Invalidation { target, extent },
            structure: "1.2.3".parse().unwrap(),
            replaces: None,
            warnings: Vec::new(),
            awaits_signature: false,
            used_by: actor("caller"),
            subject: Value::Null,
        };
        let Some(run) = &self.running else { return };
        if let Ok(Accepted::New(submission)) = run.store.accept(new, self.clock.now()).await {
            run.wake.notify_one();
            self.promised.push(submission);
        }
    }

    /// Somebody acts through the API: on the store itself, between the worker's own steps.
    async fn act(&self, on: &SubmissionId, event: Event) -> bool {
        let Some(run) = &self.running else { return false };
        let step = Step { facts: json!({ "by": "operator" }), ..Step::plain(event, actor("operator")) };
        let done = run.store.inner.step(on, step, self.clock.now()).await.is_ok();
        run.wake.notify_one();
        done
    }

    /// An operator hands over what the archive is said to be no option for.
    async fn hand_over(&self, id: &SubmissionId) {
        let Some(run) = &self.running else { return };
        let store = &run.store.inner;
        let claimed = store.whole(id).await.unwrap();
        let Ok(record) = serde_json::from_slice::<LocalRecord>(&claimed.payload) else { return };
        let denial = Denial { reasons: vec![Reason::NotJoined { party: PartyRole::Organiser, from: None }] };
        let against = Against::Parties(denial);
        // A case is named where it is not settled yet, and only there.
        let case = CASE.parse().unwrap();
        let open = claimed.handed_over.is_none() && record.case == CaseReference::Find;
        let Ok(order) = Order::try_new(&claimed, &record, open.then_some(&case), &against) else { return };
        let pipeline = Arc::clone(&self.pipeline) as Arc<dyn Pipeline>;
        let Ok(made) = order.carry_out(&pipeline, self.clock.now()).await else { return };
        let step = Step::plain(Event::HandOver { why: against.cause() }, actor("operator"));
        drop(store.hand_over(id, &made, step, self.clock.now()).await);
    }

    async fn anyone_acts(&self) {
        let Some(Submission { id, .. }) = self.dice.pick(&self.promised) else { return };
        let (by, why) = ("somebody".to_owned(), "x".to_owned());
        let event = match self.dice.below(7) {
            0 => Event::Withdraw { by, why },
            1 if self.dice.percent(30) => Event::Abandon { by, why },
            2 => Event::TakePlace,
            3 if self.dice.percent(40) => return self.hand_over(id).await,
            4 => Event::EnterReceipt { by, reference: why },
            5 => Event::TakeBack,
            _ => Event::Release,
        };
        self.act(id, event).await;
    }

    /// What happens next, until everything that is to happen has.
    pub(super) async fn live(&mut self) -> Result<(), String> {
        self.start();
        for _ in 0..self.dice.between(10, 40) {
            let calm = if self.dice.percent(70) { Duration::from_secs(5) } else { Duration::from_secs(1800) };
            tokio::time::sleep(self.dice.millis_up_to(calm)).await;
            self.something().await;
            self.nothing_is_forgotten()?;
        }
        self.become_well();
        self.drain().await;
        self.start();
        self.take_back().await;
        self.until_settled().await?;
        self.drain().await;
        Ok(())
    }

    /// Both parties have joined: much of what was handed over is to be archived after all.
    async fn take_back(&self) {
        for s in self.store().all() {
            if s.state.class() == Class::HandedOver && self.dice.percent(70) {
                self.act(&s.id, Event::TakeBack).await;
            }
        }
    }

    async fn something(&mut self) {
        match self.dice.below(20) {
            0..=5 => self.accept().await,
            6 => self.invalidate().await,
            7 | 8 => self.anyone_acts().await,
            9 => self.die().await,
            10 | 11 => self.die_at_an_await().await,
            12 => self.drain().await,
            13 => self.clock.jump(jump(&self.dice)),
            14 => self.disk_fails.store(self.dice.percent(60), Ordering::SeqCst),
            15 => {
                self.archive.grant(*self.dice.pick(&[Right::None, Right::NotYet, Right::Given, Right::Given]).unwrap())
            }
            _ => {
                let some = Weather::Flaky(self.dice.between(1, 70));
                let all = [Weather::Calm, some, some, some, Weather::Down, Weather::Overloaded];
                self.archive.set(*self.dice.pick(&all).unwrap());
            }
        }
        if self.running.is_none() && self.dice.percent(70) {
            self.start();
        }
    }

    fn become_well(&mut self) {
        self.well = true;
        self.archive.set(Weather::Calm);
        self.archive.grant(Right::Given);
        self.disk_fails.store(false, Ordering::SeqCst);
        self.pipeline.well.store(true, Ordering::SeqCst);
    }

    /// Whatever is open has a moment when it is taken up, or a person to decide about it, or a worker that has it.
    fn nothing_is_forgotten(&self) -> Result<(), String> {
        for s in self.store().all() {
            let known = match s.state {
                State::Parked { .. } | State::AwaitingSignature => true,
                // Taken up again by the next run.
                State::Claimed | State::InFlight | State::Reconciling => true,
                _ => s.due_at.is_some() || s.state.class() != Class::Open,
            };
            if !known {
                return Err(format!("{} is {} and nothing will happen to it", s.id, s.state.name()));
            }
        }
        Ok(())
    }

    /// All is well: everything settles, once a person has decided what is a person's to decide.
    async fn until_settled(&mut self) -> Result<(), String> {
        let (begun, mut rounds) = (self.clock.elapsed(), 0);
        loop {
            let open: Vec<_> = self.store().all().into_iter().filter(|s| s.state.class() == Class::Open).collect();
            if open.is_empty() {
                return Ok(());
            }
            if self.clock.elapsed().saturating_sub(begun) > CALM_MAX {
                let line = |s: &Submission| format!("{} {} due {:?} {:?}", s.id, s.state.name(), s.due_at, s.why);
                let lines: Vec<_> = open.iter().map(line).collect();
                return Err(format!("never settled, at {}:\n{}", self.clock.now(), lines.join("\n")));
            }
            for s in open.iter().filter(|s| matches!(s.state, State::Parked { .. })) {
                self.decide(s, rounds).await;
            }
            rounds += 1;
            tokio::time::sleep(Duration::from_secs(600)).await;
        }
    }

    async fn decide(&self, parked: &Submission, rounds: u32) {
        let is = |code: &str| parked.why.as_ref().is_some_and(|why| why.code == code);
        if is("handover.place_lost") {
            return self.hand_over(&parked.id).await;
        }
        let missing = is("version.predecessor_not_archived");
        let event = match rounds {
            _ if missing => Event::TakePlace,
            0..4 => Event::Release,
            _ => Event::Abandon { by: "operator".into(), why: "x".into() },
        };
        self.act(&parked.id, event).await;
    }
}

fn actor(name: &str) -> Actor {
    Actor { name: name.into(), instance: "i".into() }
}

/// A second to two days, either way.
fn jump(dice: &Dice) -> i64 {
    let longest = [2_000, 60_000, 3_600_000, 2 * 86_400_000];
    let millis = i64::try_from(dice.between(1_000, *dice.pick(&longest).unwrap())).unwrap();
    if dice.percent(50) { millis } else { -millis }
}
