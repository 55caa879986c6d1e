//! One round: a stage, a sidecar on it, kills at the aims one after the other, and the account at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage};
use asiasilta::sidecar::sealing::Identity;
use mock_archive::{ArrivalKind, Entry, HoldAt};
use rusqlite::Connection;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::account::{Account, Sums};
use super::aim::{Aim, Found, UnderWay};
use super::handovers::{Handovers, Packages};
use super::producer::{Producer, Promise, states};
use super::records::{ELSEWHERE, Kind};
use super::rest::{settled, until_claims_rest};
use super::settings::{self, Organiser, Settled};
use super::sidecar::{Make, Sidecar};
use super::{Chance, copy_database};

/// Personal data of the records; the log must not tell of any.
const PERSONAL: [&str; 3] = ["140341-912E", "Koemäki", "Aamukäynti"];

/// So often a kill that has missed what it aimed at is aimed again.
const TRIES_MAX: usize = 4;

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
    /// The configuration without what changes.
    config: String,
    organiser: Organiser,
    make: Make,
    chance: Chance,
    handed_in: usize,
    producer: Producer,
    found: watch::Sender<SocketAddr>,
    under_way: JoinSet<Promise>,
    /// What the operator is about.
    acts: JoinSet<()>,
    promises: Vec<Promise>,
    /// Each package as the database has it.
    packages: BTreeMap<String, Vec<u8>>,
}

/// What came of a round.
pub(super) struct Outcome {
    /// The account: sums by class and by what became of packages, or the first broken promise.
    pub(super) account: Result<(Sums, Packages), String>,
    pub(super) kills: Kills,
    /// Questions for documents that had arrived.
    pub(super) questions: usize,
}

/// The sidecar's deaths.
#[derive(Default)]
pub(super) struct Kills {
    pub(super) count: usize,
    /// How many found a submission in each state.
    pub(super) found: BTreeMap<String, usize>,
    /// How many found one of [`Aim::MOMENTS`].
    pub(super) moments: BTreeMap<String, usize>,
    /// How many came a moment before or after what they aimed at.
    pub(super) missed: usize,
}

impl Round {
    pub(super) async fn set(seed: u64, make: Make) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(folder.path()).await.unwrap();
        let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
        let config = settings::common(&std::fs::read_to_string(&files.config).unwrap());
        let identity = Identity::random().unwrap();
        std::fs::write(folder.path().join(settings::RECIPIENTS), identity.recipient()).unwrap();
        let (found, address) = watch::channel("127.0.0.1:1".parse().unwrap());
        let producer = Producer {
            token: files.token.as_str().into(),
            address,
            organiser: Arc::new(identity),
            handovers: Arc::new(Mutex::new(Handovers::default())),
        };
        Self {
            producer,
            chance: Chance(seed | 1),
            handed_in: 0,
            under_way: JoinSet::new(),
            acts: JoinSet::new(),
            promises: Vec::new(),
            packages: BTreeMap::new(),
            organiser: Organiser::NotJoined,
            config,
            folder,
            stage,
            files,
            make,
            found,
        }
    }

    /// Kills at each aim, before the organiser joins and after it, lets everything settle, and closes the account.
    pub(super) async fn live(mut self, before: &[Aim], after: &[Aim]) -> Outcome {
        let mut kills = Kills::default();
        self.kill_at(before, &mut kills).await;
        if !after.is_empty() {
            let number = ELSEWHERE.split('.').nth(4).unwrap();
            self.stage.further_organiser(number).await.unwrap();
            self.organiser = Organiser::Joined;
        }
        self.kill_at(after, &mut kills).await;
        self.configure(Settled::ForLong);
        let sidecar = self.start(Before::Quiet).await;
        while let Some(promise) = self.under_way.join_next().await {
            self.promises.push(promise.unwrap());
        }
        while let Some(act) = self.acts.join_next().await {
            act.unwrap();
        }
        let system = self.system();
        let told = settled(&system).await;
        self.everything_is_repeated(&told).await;
        self.packages_are_given_out(&told).await;
        sidecar.kill().await;
        self.the_log_tells_of_nobody();
        let arrivals = self.stage.mock.ledger().entries();
        let handovers = self.producer.handovers();
        let account = Account { promises: &self.promises, states: &told, arrivals: &arrivals, handovers: &handovers };
        Outcome { account: account.close(), kills, questions: questions(&arrivals) }
    }

    async fn kill_at(&mut self, aims: &[Aim], kills: &mut Kills) {
        for &aim in aims {
            for _ in 0..TRIES_MAX {
                let is_met = self.kill_once(aim, Before::Quiet, kills).await;
                if aim == Aim::InFlight(HoldAt::Inside) {
                    self.kill_once(Aim::AnyTime, Before::InTheArchivesHands, kills).await;
                }
                if is_met {
                    break;
                }
                kills.missed += 1;
            }
        }
    }

    /// Whether the kill has found what it aimed at.
    async fn kill_once(&mut self, aim: Aim, before: Before, kills: &mut Kills) -> bool {
        let left = self.live_until(aim, before).await;
        let handovers = self.producer.handovers();
        let found = Found { left: &left, handovers: &handovers };
        kills.count += 1;
        for state in left.iter().map(|(_, state)| state).collect::<BTreeSet<_>>() {
            *kills.found.entry(state.clone()).or_default() += 1;
        }
        // Once it has joined, what is taken up goes to the archive.
        let can_be = |moment: &Aim| *moment != Aim::Packing || self.organiser == Organiser::NotJoined;
        for moment in Aim::MOMENTS.into_iter().filter(|moment| can_be(moment) && moment.is_met(&found)) {
            *kills.moments.entry(format!("{moment:?}")).or_default() += 1;
        }
        aim.is_met(&found)
    }

    /// One life of the sidecar; answers every submission's id and state as its death left them.
    async fn live_until(&mut self, aim: Aim, before: Before) -> Vec<(String, String)> {
        self.configure(if aim == Aim::Purging { Settled::Purged } else { Settled::ForLong });
        aim.ready(&self.stage.mock, &mut self.chance);
        let sidecar = self.start(before).await;
        let system = self.system();
        let now = states(&system).await;
        let after = now.iter().filter_map(|s| s["change"].as_u64()).max().unwrap_or(0);
        let one_more = Kind::ALL[usize::try_from(self.chance.below(Kind::ALL.len() as u64)).unwrap()];
        for kind in aim.kinds().into_iter().chain([one_more]) {
            self.handed_in += 1;
            self.under_way.spawn(self.producer.clone().bring(kind, self.handed_in));
        }
        if aim.takes_back() {
            self.take_one_back(aim, &now);
        }
        let under_way = UnderWay { promises: &mut self.under_way, made: &mut self.promises, acts: &mut self.acts };
        aim.reached(&self.stage.mock, &mut self.chance, (&system, after), under_way).await;
        for _ in 0..self.chance.below(200_000) {
            std::hint::spin_loop();
        }
        sidecar.kill().await;
        if aim != Aim::InFlight(HoldAt::Inside) {
            self.stage.mock.faults().clear();
        }
        self.left_behind()
    }

    /// Orders one back whose turn in its chain it is.
    fn take_one_back(&mut self, aim: Aim, now: &[Value]) {
        let is_archived = |of: &Value, version: u64| {
            let before = |s: &&Value| s["set_id"] == of["set_id"] && s["version"] == json!(version);
            now.iter().find(before).is_some_and(|before| before["state"] == json!("archived"))
        };
        let is_next = |of: &Value| of["version"].as_u64().is_some_and(|v| v == 1 || is_archived(of, v - 1));
        let can = |s: &&Value| s["state"] == json!("handed_over") && s["receipt"].is_null() && is_next(s);
        let can = now.iter().filter(can).collect::<Vec<_>>();
        assert!(!can.is_empty(), "nothing is left to be taken back");
        let one = can[usize::try_from(self.chance.below(can.len() as u64)).unwrap()];
        if let Some(step) = aim.stands_still(one["document_id"].as_str().unwrap()) {
            self.stage.mock.faults().add(step).unwrap();
        }
        self.acts.spawn(self.producer.clone().take_back(one["id"].as_str().unwrap().to_owned()));
    }

    fn configure(&self, settled: Settled) {
        std::fs::write(&self.files.config, settings::text(&self.config, self.organiser, settled)).unwrap();
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

    /// The database as the dead process left it; looked at in a copy, so that the next one finds all that was left.
    fn left_behind(&mut self) -> Vec<(String, String)> {
        let copy = tempfile::tempdir().unwrap();
        copy_database(self.folder.path(), copy.path());
        let db = Connection::open(copy.path().join("outbox.sqlite")).unwrap();
        // A package that was made anew is sealed anew.
        let packages =
            "SELECT s.id, coalesce(CAST(b.file AS BLOB), b.sealed) FROM bodies b JOIN submissions s ON s.row = b.owner
            WHERE b.part = 'package'";
        let mut statement = db.prepare(packages).unwrap();
        let packages =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?))).unwrap();
        for (id, sealed) in packages.map(Result::unwrap) {
            if self.packages.entry(id.clone()).or_insert_with(|| sealed.clone()) != &sealed {
                self.producer.handovers().made_anew.insert(id);
            }
        }
        let mut statement = db.prepare("SELECT id, state FROM submissions").unwrap();
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap()
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

    /// Every submission is asked for its package.
    async fn packages_are_given_out(&self, told: &[Value]) {
        let mut producer = self.producer.clone();
        for id in told.iter().map(|s| s["id"].as_str().unwrap()) {
            let kept = producer.export(id).await;
            producer.handovers().at_the_end.insert(id.to_owned(), kept);
        }
    }

    fn the_log_tells_of_nobody(&self) {
        let written = std::fs::read_to_string(self.folder.path().join("sidecar.log")).unwrap_or_default();
        for personal in PERSONAL {
            assert!(!written.contains(personal), "the log tells of a person");
        }
    }
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
