//! After an outage the queue drains at the archive's limit, without a stampede.

use super::*;
use crate::sidecar::store::memory::{Disk, MemoryStore};

const WAITING: usize = 400;
/// Messages a second that the archive takes; beyond, 503 with Retry-After 1.
const LIMIT: usize = 20;
const EXCHANGE: Duration = Duration::from_millis(50);

/// The runtime's paused time.
struct PausedClock(tokio::time::Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        later("2026-10-06T09:00:00Z".parse().unwrap(), self.0.elapsed())
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

#[derive(Default)]
struct Taken {
    /// Messages in the second that is under way.
    now: (u64, usize),
    stored: Vec<String>,
    first_at: Option<Duration>,
    /// When four fifths were in; the rest had been throttled and are asked for before they leave again.
    most_at: Option<Duration>,
    throttled: usize,
    while_down: usize,
    at_once: usize,
    most_at_once: usize,
}

/// An archive that is down for a while and then takes so many messages a second.
struct LimitedArchive {
    clock: Arc<PausedClock>,
    down_until: Duration,
    /// Whose questions it never answers.
    deaf_to: Vec<Oid>,
    taken: Mutex<Taken>,
}

impl LimitedArchive {
    async fn exchange(&self) -> Result<(), (Option<Duration>, Cause)> {
        {
            let mut taken = self.taken.lock().unwrap();
            taken.at_once += 1;
            taken.most_at_once = taken.most_at_once.max(taken.at_once);
        }
        tokio::time::sleep(EXCHANGE).await;
        let mut taken = self.taken.lock().unwrap();
        taken.at_once -= 1;
        let second = self.clock.elapsed().as_secs();
        if self.clock.elapsed() < self.down_until {
            taken.while_down += 1;
            return Err((None, unreachable()));
        }
        taken.now = if taken.now.0 == second { (second, taken.now.1 + 1) } else { (second, 1) };
        if taken.now.1 > LIMIT {
            taken.throttled += 1;
            return Err((Some(Duration::from_secs(1)), cause()));
        }
        Ok(())
    }
}

impl Archive for LimitedArchive {
    async fn relationship(&self, asker: &Asker) -> Result<Option<Evidence>, ArchiveFault> {
        if self.deaf_to.contains(&asker.organisation) {
            self.taken.lock().unwrap().at_once += 1;
            return std::future::pending().await;
        }
        let passing = |(retry_after, why)| ArchiveFault::Passing { retry_after, why };
        self.exchange().await.map_err(passing)?;
        Ok(Some(Evidence { fetched_at: self.clock.now(), ..evidence("2026-01-01") }))
    }

    async fn cases(&self, _: &Asker, _: &Authority, _: &CasesWanted) -> Result<Vec<KnownCase>, ArchiveFault> {
        Ok(vec![case(CASE, true)])
    }

    async fn decisions(&self, _: &Asker, _: &Authority, _: Contents) -> Result<Vec<KnownDecision>, ArchiveFault> {
        panic!("no record here names a decision")
    }

    async fn search(&self, _: &Asker, _: &Authority, _: &Wanted, _: &PageWanted) -> Result<Page, ArchiveFault> {
        panic!("the worker searches nothing page by page")
    }

    async fn document(&self, _: &Asker, _: &Authority, _: &Oid) -> Result<Option<Listed>, ArchiveFault> {
        panic!("the worker reads no document")
    }

    async fn presence(&self, _: &Asker, _: &Ground, document: &Oid) -> Result<Presence, ArchiveFault> {
        let passing = |(retry_after, why)| ArchiveFault::Passing { retry_after, why };
        self.exchange().await.map_err(passing)?;
        let stored = self.taken.lock().unwrap().stored.contains(&document.to_string());
        let ids = DocumentIds { document: document.clone(), set: document.clone(), version: 1 };
        let holding = Holding { ids, bytes: HeldBytes::NotGiven };
        Ok(if stored { Presence::Stored(holding) } else { Presence::Absent })
    }

    async fn entry(&self, _: &Asker, _: &Oid) -> Result<Option<Entry>, ArchiveFault> {
        panic!("nothing is invalidated here")
    }

    async fn send(&self, outbound: &Outbound) -> Outcome {
        match self.exchange().await {
            Ok(()) => {
                let mut taken = self.taken.lock().unwrap();
                taken.stored.push(outbound.soap_action.clone());
                taken.first_at.get_or_insert(self.clock.elapsed());
                if taken.stored.len() == WAITING * 4 / 5 {
                    taken.most_at = Some(self.clock.elapsed());
                }
                Outcome::Archived(Vec::new())
            }
            Err((retry_after, why)) => Outcome::TryLater { retry_after, why },
        }
    }
}

struct InPlace(FakePipeline);

impl Pipeline for InPlace {
    fn prepare(&self, p: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        self.0.prepare(p)
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        self.0.document_digest(outbound)
    }

    fn pace(&self) -> crate::sidecar::ports::Pace {
        crate::sidecar::ports::Pace::Instant
    }

    fn invalidation(&self, _: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        panic!("nothing is invalidated here")
    }
}

fn submission(number: usize) -> NewSubmission {
    NewSubmission {
        id: SubmissionId::random(),
        organisation: oid(PRODUCER),
        document_node: oid("1.2.246.10.99999991"),
        unit: oid(UNIT),
        idempotency_key: number.to_string(),
        kind: Kind::Document,
        payload: record(CASE).to_string().into_bytes(),
        structure: oid("1.2.3"),
        replaces: None,
        warnings: Vec::new(),
        awaits_signature: false,
        used_by: actor(),
        subject: Value::Null,
    }
}

fn worker(
    clock: &Arc<PausedClock>,
    archive: &Arc<LimitedArchive>,
    store: &Arc<MemoryStore>,
    settings: WorkerSettings,
) -> Arc<Worker<MemoryStore, LimitedArchive, PausedClock>> {
    let metrics = Arc::new(Metrics::new(Vec::new()));
    let (line, time, by) = (Arc::clone(archive), Arc::clone(clock), decider(PartyBook::default()));
    let rights = Rights::new(line, time, by, settings.evidence_age_max, Arc::clone(&metrics));
    Arc::new(Worker {
        store: Arc::clone(store),
        archive: Arc::clone(archive),
        clock: Arc::clone(clock),
        chance: Arc::new(Middle),
        pipeline: Arc::new(InPlace(FakePipeline::default())),
        rights: Arc::new(rights),
        run: RunState::default(),
        metrics,
        wake: Arc::default(),
        settings,
        instance: "w".into(),
    })
}

/// What becomes of sixteen of one organisation while so many of each of these hang in exchanges that never end, at most so many of
/// one at once of eight: how many are stored within an hour, how many hang, how many changes the store has seen.
async fn beside(hanging: &[&str], each: usize, of_one: usize) -> (usize, usize, u64) {
    let clock = Arc::new(PausedClock(tokio::time::Instant::now()));
    let (deaf_to, taken) = (hanging.iter().map(|one| oid(one)).collect(), Mutex::default());
    let archive = LimitedArchive { clock: Arc::clone(&clock), down_until: Duration::ZERO, deaf_to, taken };
    let (archive, store) = (Arc::new(archive), Arc::new(MemoryStore::open(&Arc::new(Disk::default()))));
    for (at, one) in hanging.iter().enumerate() {
        for number in 0..each {
            let hangs =
                NewSubmission { organisation: oid(one), document_node: oid("1.2.9"), ..submission(at * each + number) };
            store.accept(hangs, clock.now()).await.unwrap();
        }
    }
    let settings =
        WorkerSettings { parallel_max: 8, parallel_per_organisation_max: of_one, ..WorkerSettings::default() };
    let (_stop, stopped) = watch::channel(false);
    let running = tokio::spawn(worker(&clock, &archive, &store, settings).run(stopped));
    tokio::time::sleep(Duration::from_secs(60)).await;
    for number in 0..16 {
        store.accept(submission(1_000 + number), clock.now()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3600)).await;
    running.abort();
    let changes = store.all().iter().map(|s| s.change).max().unwrap();
    let taken = archive.taken.lock().unwrap();
    (taken.stored.len(), taken.at_once, changes)
}

/// Of other producers.
const OTHERS: [&str; 2] = ["1.2.246.10.99999993.10.0", "1.2.246.10.99999994.10.0"];

#[tokio::test(start_paused = true)]
async fn exchanges_that_hang_hold_up_nobody_elses() {
    let (stored, hanging, _) = beside(&OTHERS[..1], 16, 5).await;
    assert_eq!((stored, hanging), (16, 5));
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_a_place_is_not_claimed_and_given_back_over_and_over() {
    let (stored, hanging, changes) = beside(&OTHERS, 4, 4).await;
    assert_eq!((stored, hanging), (0, 8), "every place is taken");
    // Each is accepted and perhaps claimed.
    assert!(changes <= 2 * 24, "{changes} changes");
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_queue_drains_at_the_archives_limit_without_a_stampede() {
    let clock = Arc::new(PausedClock(tokio::time::Instant::now()));
    let down_until = Duration::from_secs(6 * 3600);
    let taken = Mutex::default();
    let archive = Arc::new(LimitedArchive { clock: Arc::clone(&clock), down_until, deaf_to: Vec::new(), taken });
    let store = Arc::new(MemoryStore::open(&Arc::new(Disk::default())));
    for number in 0..WAITING {
        store.accept(submission(number), clock.now()).await.unwrap();
    }
    let settings = WorkerSettings { parallel_max: 16, parallel_per_organisation_max: 16, ..WorkerSettings::default() };
    let worker = worker(&clock, &archive, &store, settings);
    let (stop, stopped) = watch::channel(false);
    let running = tokio::spawn(worker.run(stopped));
    tokio::time::sleep(down_until / 2).await;
    let in_hand = store.all().iter().filter(|s| s.state == State::Claimed).count();
    assert!(in_hand <= 1, "{in_hand} are kept claimed for a line that is shut");
    tokio::time::sleep(down_until / 2).await;
    while archive.taken.lock().unwrap().stored.len() < WAITING {
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(clock.elapsed() < down_until * 2, "never drained");
    }
    let ended = clock.elapsed();
    stop.send(true).unwrap();
    running.await.unwrap().unwrap();
    let taken = archive.taken.lock().unwrap();
    let (most_in, drained_in) = (taken.most_at.unwrap() - taken.first_at.unwrap(), ended - taken.first_at.unwrap());
    assert!(taken.first_at.unwrap() <= down_until + settings.retry_delay_max, "the end of the outage was missed");
    let ideal = Duration::from_secs((WAITING / LIMIT) as u64);
    let tries = taken.while_down;
    assert!(tries <= 16 + 6 * 3600 / 300 + 20, "{tries} tries in an outage of six hours");
    assert!(taken.most_at_once <= 16);
    eprintln!(
        "four fifths in {most_in:?}, all in {drained_in:?} ({ideal:?} at the limit), {} throttled of {WAITING}, {tries} tries while down",
        taken.throttled
    );
    assert!(taken.throttled <= WAITING / 5, "{} throttled", taken.throttled);
    assert!(most_in <= ideal * 2 && drained_in <= ideal * 5, "{most_in:?} and {drained_in:?} against {ideal:?}");
}
