//! One round: a stage, a sidecar on it, kills at the aims one after the other, and the account at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage};
use mock_archive::{ArrivalKind, Entry, HoldAt};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::account::{Account, Sums};
use super::aim::Aim;
use super::producer::{Producer, Promise, states};
use super::records::Kind;
use super::sidecar::{Make, Sidecar};
use super::{Chance, PARALLEL_MAX, copy_database};

/// Where a submission stays until somebody does something.
const AT_REST: [&str; 3] = ["held", "parked", "awaiting_signature"];
/// Far more than it takes to settle what is left after the last kill.
const SETTLED_WITHIN: Duration = Duration::from_secs(300);
/// Personal data of the records; the log must not tell of any.
const PERSONAL: [&str; 3] = ["140341-912E", "Koemäki", "Aamukäynti"];

/// What the kill before has left at the archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Before {
    /// Nothing that is still to happen.
    Quiet,
    /// Messages that the archive goes on with after their sender's death.
    InTheArchivesHands,
}

/// A round under way.
pub(super) struct Round {
    folder: TempDir,
    stage: Stage,
    files: SidecarFiles,
    make: Make,
    chance: Chance,
    handed_in: usize,
    producer: Producer,
    found: watch::Sender<SocketAddr>,
    under_way: JoinSet<Promise>,
    promises: Vec<Promise>,
}

/// What came of a round.
pub(super) struct Outcome {
    /// The account: sums by class, or the first broken promise.
    pub(super) account: Result<Sums, String>,
    /// How often the sidecar was killed.
    pub(super) kills: usize,
    /// How many kills found a submission in each state.
    pub(super) found_by_kills: BTreeMap<String, usize>,
    /// Kills that came a moment after what they aimed at.
    pub(super) missed: usize,
    /// Questions for documents that had arrived.
    pub(super) questions: usize,
}

impl Round {
    pub(super) async fn set(seed: u64, make: Make) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(folder.path()).await.unwrap();
        let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
        let text = std::fs::read_to_string(&files.config).unwrap();
        let text = text
            .replace("filter = \"warn\"", "filter = \"debug\"")
            .replace("[worker]", &format!("[worker]\nparallel_max = {PARALLEL_MAX}"));
        assert!(text.contains("reconcile_after_s = 1") && text.contains("parallel_max"));
        std::fs::write(&files.config, text).unwrap();
        let (found, address) = watch::channel("127.0.0.1:1".parse().unwrap());
        Self {
            producer: Producer { token: files.token.as_str().into(), address },
            chance: Chance(seed | 1),
            handed_in: 0,
            under_way: JoinSet::new(),
            promises: Vec::new(),
            folder,
            stage,
            files,
            make,
            found,
        }
    }

    /// Kills at each aim, lets everything settle, and closes the account.
    pub(super) async fn live(mut self, aims: &[Aim]) -> Outcome {
        let (mut found_by_kills, mut missed, mut kills) = (BTreeMap::new(), 0, 0);
        for &aim in aims {
            let mut lives = vec![(aim, Before::Quiet)];
            if aim == Aim::InFlight(HoldAt::Inside) {
                lives.push((Aim::AnyTime, Before::InTheArchivesHands));
            }
            for (aim, before) in lives {
                let found = self.live_until(aim, before).await;
                kills += 1;
                missed += usize::from(aim.state().is_some_and(|state| !found.iter().any(|found| found == state)));
                found.into_iter().for_each(|state| *found_by_kills.entry(state).or_insert(0) += 1);
            }
        }
        let sidecar = self.start(Before::Quiet).await;
        while let Some(promise) = self.under_way.join_next().await {
            self.promises.push(promise.unwrap());
        }
        let system = self.system();
        let told = settled(&system).await;
        self.everything_is_repeated(&told).await;
        sidecar.kill().await;
        self.the_log_tells_of_nobody();
        let arrivals = self.stage.mock.ledger().entries();
        let account = Account { promises: &self.promises, states: &told, arrivals: &arrivals };
        Outcome { account: account.close(), kills, found_by_kills, missed, questions: questions(&arrivals) }
    }

    /// One life of the sidecar; answers the states that its death left behind.
    async fn live_until(&mut self, aim: Aim, before: Before) -> Vec<String> {
        aim.ready(&self.stage.mock, &mut self.chance);
        let sidecar = self.start(before).await;
        let system = self.system();
        let after = states(&system).await.iter().filter_map(|s| s["change"].as_u64()).max().unwrap_or(0);
        let one_more = Kind::ALL[usize::try_from(self.chance.below(Kind::ALL.len() as u64)).unwrap()];
        for kind in aim.kinds().into_iter().chain([one_more]) {
            self.handed_in += 1;
            self.under_way.spawn(self.producer.clone().bring(kind, self.handed_in));
        }
        let (mock, under_way, promises) = (&self.stage.mock, &mut self.under_way, &mut self.promises);
        aim.reached(mock, &mut self.chance, (&system, after), (under_way, promises)).await;
        for _ in 0..self.chance.below(200_000) {
            std::hint::spin_loop();
        }
        sidecar.kill().await;
        if aim != Aim::InFlight(HoldAt::Inside) {
            self.stage.mock.faults().clear();
        }
        self.left_behind()
    }

    async fn start(&self, before: Before) -> Sidecar {
        let log = self.folder.path().join("sidecar.log");
        let sidecar = Sidecar::start(self.make, &self.files.config, &log).await;
        self.found.send_replace(sidecar.address);
        if before == Before::InTheArchivesHands {
            // An archive may sit on a message whose sender is dead; asked meanwhile, it says that it does not have the document.
            until_claims_rest(&self.system()).await;
            self.stage.mock.faults().clear();
        }
        sidecar
    }

    fn system(&self) -> ProducerSystem {
        ProducerSystem::try_new(*self.found.borrow(), &self.files.token).unwrap()
    }

    /// States of the database as the dead process left it; looked at in a copy, so that the next one finds all that was left.
    fn left_behind(&self) -> Vec<String> {
        let copy = tempfile::tempdir().unwrap();
        copy_database(self.folder.path(), copy.path());
        let db = Connection::open(copy.path().join("outbox.sqlite")).unwrap();
        let mut statement = db.prepare("SELECT DISTINCT state FROM submissions").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// Handed in once more, each record gets its first answer's ids, and nothing comes of it.
    async fn everything_is_repeated(&self, told: &[Value]) {
        let mut producer = self.producer.clone();
        for promise in &self.promises {
            for (first, (key, body)) in promise.answers.iter().zip(&promise.requests) {
                let again = producer.submit(key, body).await;
                assert_eq!((&again["id"], &again["document_id"]), (&first["id"], &first["document_id"]));
            }
        }
        assert_eq!(states(&self.system()).await.len(), told.len());
    }

    fn the_log_tells_of_nobody(&self) {
        let written = std::fs::read_to_string(self.folder.path().join("sidecar.log")).unwrap_or_default();
        for personal in PERSONAL {
            assert!(!written.contains(personal), "the log tells of a person");
        }
    }
}

/// Waits until the sidecar has done all that it does by itself while the archive holds what it is sent.
async fn until_claims_rest(system: &ProducerSystem) {
    let at_rest = async {
        loop {
            let now = states(system).await;
            let count =
                |state: &str| now.iter().filter(|s| s["state"] == json!(state) && !waits_in_its_chain(s)).count();
            // With every place taken, what else is claimed waits for one.
            let room = count("in_flight") < PARALLEL_MAX;
            if !room || ["claimed", "reconciling", "queued"].into_iter().all(|state| count(state) == 0) {
                return;
            }
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, at_rest).await.expect("the sidecar comes to rest");
}

fn waits_in_its_chain(submission: &Value) -> bool {
    submission["why"]["code"] == json!("version.predecessor_open")
}

/// Every submission once each is settled or waits for somebody.
async fn settled(system: &ProducerSystem) -> Vec<Value> {
    let all_settled = async {
        loop {
            let now = states(system).await;
            let moves =
                |s: &Value| s["class"] == json!("open") && !AT_REST.contains(&s["state"].as_str().unwrap_or_default());
            if !now.iter().any(moves) {
                return now;
            }
        }
    };
    tokio::time::timeout(SETTLED_WITHIN, all_settled).await.expect("everything settles")
}

fn questions(arrivals: &[Entry]) -> usize {
    let (mut arrived, mut count) = (BTreeSet::new(), 0);
    for entry in arrivals {
        match &entry.kind {
            ArrivalKind::Store { document_id, .. } => drop(arrived.insert(document_id)),
            ArrivalKind::Question { document_id } => count += usize::from(arrived.contains(document_id)),
            _ => {}
        }
    }
    count
}
