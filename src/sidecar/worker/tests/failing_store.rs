//! A store that fails some steps, and what goes into its use log.

use super::*;
use crate::sidecar::store::{
    ChangesWanted, Earlier, Handover, KeptBodies, Packages, Purged, Stuck, TimelineEntry, Use,
};

/// A store that fails the next steps, launches and looks at the lanes, as a full disk would.
struct FailingStore {
    inner: Arc<SqliteStore>,
    failures: AtomicUsize,
    launch_failures: AtomicUsize,
    look_failures: AtomicUsize,
    gone: Notify,
    /// Facts of steps and launches, as they go into the use log.
    facts: Mutex<Vec<Value>>,
}

impl FailingStore {
    fn new(world: &World, failures: usize) -> Arc<Self> {
        Arc::new(Self {
            inner: Arc::clone(&world.store),
            failures: AtomicUsize::new(failures),
            launch_failures: AtomicUsize::new(0),
            look_failures: AtomicUsize::new(0),
            gone: Notify::new(),
            facts: Mutex::default(),
        })
    }
}

fn fails(left: &AtomicUsize) -> Result<(), StoreError> {
    match left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)) {
        Ok(_) => Err(StoreError::Database { text: "disk full".into() }),
        Err(_) => Ok(()),
    }
}

impl Store for FailingStore {
    async fn step(&self, id: &SubmissionId, step: Step, now: Timestamp) -> Result<Submission, StoreError> {
        self.facts.lock().unwrap().push(step.facts.clone());
        fails(&self.failures)?;
        self.inner.step(id, step, now).await
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
        fails(&self.look_failures)?;
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
        fails(&self.launch_failures)?;
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
    let store = FailingStore::new(&world, 3);
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
async fn a_store_whose_writer_is_gone_ends_the_worker() {
    let world = World::new();
    let store = FailingStore::new(&world, 0);
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn(world.worker(Arc::clone(&store)).run(stopped));
    store.gone.notify_one();
    let ended = tokio::time::timeout(Duration::from_secs(20), running).await.unwrap().unwrap();
    assert!(matches!(ended, Err(StoreError::Closed)));
}

#[tokio::test]
async fn each_read_on_the_way_stands_in_the_use_log_also_when_nothing_is_sent() {
    let world = World::new();
    let store = FailingStore::new(&world, 0);
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

#[tokio::test]
async fn an_envelope_that_cannot_be_kept_is_made_again_later_and_later_and_its_reads_are_in_the_use_log() {
    let world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    let store = FailingStore::new(&world, 0);
    store.launch_failures.store(4, Ordering::SeqCst);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(world.worker(Arc::clone(&store)).run(stopped));
    assert_eq!(world.waits_until(&s, "archived").await, [1_500, 3_000, 6_000, 12_000].map(failed_and_waits));
    assert_eq!(world.arrivals(&s), 1);
    let (_, way) = world.store.find(&s.id, &scope()).await.unwrap().unwrap();
    let way: Vec<_> = way.iter().map(|entry| entry.event.as_str()).collect();
    let reads = ["submission.reads"; 4];
    assert_eq!(
        way.iter().filter(|event| !reads.contains(event)).count(),
        5,
        "accept, claim, recover, launch, receive: {way:?}"
    );
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}

#[tokio::test]
async fn lanes_that_cannot_be_looked_at_hold_up_nothing() {
    let world = World::new();
    let store = FailingStore::new(&world, 0);
    store.look_failures.store(usize::MAX, Ordering::SeqCst);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(world.worker(Arc::clone(&store)).run(stopped));
    let s = world.accept("1", &record(CASE), None).await;
    world.until(&s, "archived").await;
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
}
