//! The sidecar as a real process, killed in every state that a submission can be in and started again; and the account that is
//! closed after it: nothing lost, nothing twice without a question, versions in order; and what was handed over another way in one
//! package that opens, and in the archive only after somebody has taken it back.
//!
//! - `cargo test --test main kill::` kills some dozens of times.
//! - `ASIASILTA_KILLS=1000 cargo test --test main kill::kills -- --nocapture` is the full count, in rounds on a fresh stage each,
//!   and says which states the kills found.
//! - `ASIASILTA_KILL_SEED=<seed> cargo test --test main kill::kills` goes through one round again.
#![cfg(feature = "demo")]

mod account;
mod aim;
mod breach;
mod handovers;
mod operator;
mod producer;
mod records;
mod rest;
mod round;
mod settings;
mod sidecar;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage};
use asiasilta::domain::submission::State;
use asiasilta::sidecar::sealing::Identity;
use mock_archive::{ArrivalKind, HoldAt};
use serde_json::{Value, json};
use tokio::sync::watch;

use aim::Aim;
use breach::Breach;
use producer::{Producer, states};
use records::Kind;
use round::Round;
use sidecar::{Make, Sidecar};

/// Every aim, before an organiser joins and after it.
const KILLS_A_ROUND: u64 = (2 * Aim::ALL.len() + Aim::BEFORE_JOINING.len() + Aim::AFTER_JOINING.len()) as u64;
/// At the same time under way; less than the sidecar's default, so that something waits.
const PARALLEL_MAX: usize = 4;
const FIRST_SEED: u64 = 0x5eed_a51a;

/// A small generator: the same seed gives the same aims.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn shuffled<T>(&mut self, mut all: Vec<T>) -> Vec<T> {
        for at in (1..all.len()).rev() {
            let other = usize::try_from(self.below(at as u64 + 1)).unwrap();
            all.swap(at, other);
        }
        all
    }
}

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is {text}, expected a number")))
}

#[tokio::test(flavor = "multi_thread")]
async fn kills_in_every_state_lose_nothing_send_nothing_twice_and_keep_versions_in_order() {
    let wanted = number("ASIASILTA_KILLS").unwrap_or(1);
    let (first, rounds) = match number("ASIASILTA_KILL_SEED") {
        Some(seed) => (seed, 1),
        None => (FIRST_SEED, wanted.div_ceil(KILLS_A_ROUND)),
    };
    let (mut found, mut moments) = (BTreeMap::new(), BTreeMap::new());
    let (mut sums, mut became) = (BTreeMap::new(), BTreeMap::new());
    let (mut kills, mut questions) = (0, 0);
    for seed in first..first + rounds {
        let mut chance = Chance(seed | 1);
        let before = chance.shuffled([&Aim::ALL[..], &Aim::BEFORE_JOINING].concat());
        let after = chance.shuffled([&Aim::ALL[..], &Aim::AFTER_JOINING].concat());
        let outcome = Round::set(seed, Make::Program).await.live(&before, &after).await;
        let (account, packages) = outcome.account.unwrap_or_else(|broken| {
            panic!("round {seed}: {broken}\nlive through it again with ASIASILTA_KILL_SEED={seed}")
        });
        add(&mut sums, account);
        add(&mut became, packages);
        add(&mut found, outcome.kills.found);
        add(&mut moments, outcome.kills.moments);
        questions += outcome.questions;
        kills += outcome.kills.count;
        eprintln!(
            "kill: round {seed}: {} kills, {} of them a moment early or late",
            outcome.kills.count, outcome.kills.missed
        );
    }
    eprintln!(
        "kill: {kills} kills found {found:?}, of these {moments:?}; accepted = {sums:?}; packages = {became:?}; {questions} \
         questions for what had arrived"
    );
    for state in State::NAMES {
        let times = found.get(state).copied().unwrap_or(0);
        assert!(times as u64 >= rounds, "{times} of {kills} kills found a submission that was {state}");
    }
    for moment in Aim::MOMENTS.map(|aim| format!("{aim:?}")) {
        let times = moments.get(&moment).copied().unwrap_or(0);
        assert!(times as u64 >= rounds, "{times} of {kills} kills came to {moment}");
    }
    // In a single round the receipt may come after retention has run for the last time.
    for (became_of_it, least) in
        [("kept", rounds), ("taken back and archived", rounds), ("confirmed and purged", rounds / 2)]
    {
        let times = became.get(became_of_it).copied().unwrap_or(0);
        assert!(times as u64 >= least, "{times} packages were {became_of_it}");
    }
    assert!(questions >= kills / 20, "only {questions} questions: the kills missed the sends");
}

fn add<K: Ord>(sum: &mut BTreeMap<K, usize>, more: BTreeMap<K, usize>) {
    more.into_iter().for_each(|(of, count)| *sum.entry(of).or_default() += count);
}

/// What the account says when a promise is broken on purpose.
async fn noticed(breach: Breach, before: &[Aim], after: &[Aim]) -> String {
    let outcome = Round::set(FIRST_SEED, Make::Broken(breach)).await.live(before, after).await;
    outcome.account.err().unwrap_or_else(|| panic!("{breach:?} was not noticed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_settled_before_it_is_sent_is_noticed() {
    let said = noticed(Breach::SettleBeforeSend, &[Aim::InFlight(HoldAt::Arrival)], &[]).await;
    assert!(said.contains("is archived and not in the archive"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_skipped_is_noticed() {
    let said = noticed(Breach::SkipTheQuestion, &[Aim::InFlight(HoldAt::Answer)], &[]).await;
    assert!(said.contains("arrived again without a question in between"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_sends_everything_twice_is_noticed() {
    let said = noticed(Breach::SendTwice, &[Aim::Archived], &[]).await;
    assert!(said.contains("arrived again without a question in between"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_handed_over_and_sent_as_well_is_noticed() {
    let said = noticed(Breach::SendWhatIsHandedOver, &[Aim::HandedOver], &[Aim::AnyTime]).await;
    assert!(said.contains("was handed over and has arrived at the archive"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_handed_over_and_gone_is_noticed() {
    let said = noticed(Breach::KeepNoPackage, &[Aim::HandedOver], &[]).await;
    assert!(said.contains("is handed_over and its package is lost"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_in_anothers_package_is_noticed() {
    let said = noticed(Breach::PackAnother, &[Aim::HandedOver], &[]).await;
    assert!(said.contains("is in the packages of"), "{said}");
}

/// The database and what SQLite keeps beside it.
const DATABASE: [&str; 2] = ["outbox.sqlite", "outbox.sqlite-wal"];

fn copy_database(from: &Path, to: &Path) {
    for name in DATABASE {
        match std::fs::copy(from.join(name), to.join(name)) {
            Ok(_) => {}
            Err(_) if !from.join(name).exists() => drop(std::fs::remove_file(to.join(name))),
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

async fn until_state(system: &ProducerSystem, state: &str) -> Value {
    loop {
        let now = states(system).await;
        if let [one] = now.as_slice()
            && one["state"] == json!(state)
            && (state != "queued" || !one["why"].is_null())
        {
            return one.clone();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_put_back_from_before_the_sending_sends_nothing_again() {
    let (folder, backup) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = folder.path().join("sidecar.log");
    let stage = Stage::set(folder.path()).await.unwrap();
    let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
    let system = |sidecar: &Sidecar| ProducerSystem::try_new(sidecar.address, &files.token).unwrap();

    stage.mock.down().await;
    let sidecar = Sidecar::start(Make::Program, &files.config, &log).await;
    let (_addresses, address) = watch::channel(sidecar.address);
    let producer = Producer {
        token: files.token.as_str().into(),
        address,
        organiser: Arc::new(Identity::random().unwrap()),
        handovers: Arc::default(),
    };
    let promised = producer.bring(Kind::Plain, 1).await.answers.remove(0);
    let waiting = until_state(&system(&sidecar), "queued").await;
    assert_eq!(waiting["why"]["code"], json!("archive.unreachable"), "the caller sees why it waits");
    sidecar.kill().await;
    copy_database(folder.path(), backup.path());

    stage.mock.up().await.unwrap();
    let sidecar = Sidecar::start(Make::Program, &files.config, &log).await;
    let cursor = until_state(&system(&sidecar), "archived").await["change"].as_u64().unwrap();
    sidecar.kill().await;
    copy_database(backup.path(), folder.path());

    let sidecar = Sidecar::start(Make::Program, &files.config, &log).await;
    let archived = until_state(&system(&sidecar), "archived").await;
    assert_eq!(archived["document_id"], promised["document_id"]);
    assert_eq!(archived["archive"]["proof"], json!("found_by_ids"));
    assert!(archived["change"].as_u64().unwrap() > cursor, "a caller that goes on from its cursor sees it");
    let of_it = |e: &mock_archive::Entry| matches!(&e.kind, ArrivalKind::Store { document_id, .. } if json!(document_id.to_string()) == promised["document_id"]);
    let ledger = stage.mock.ledger();
    assert_eq!(ledger.entries().iter().filter(|e| of_it(e)).count(), 1);
    ledger.assert_no_unasked_second_arrival().unwrap();
    sidecar.kill().await;
    stage.mock.verify().unwrap();
}
