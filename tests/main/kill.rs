//! The sidecar as a real process, killed in every state that a submission can be in and started again; and the account that is
//! closed after it: nothing lost, nothing twice without a question, versions in order.
//!
//! - `cargo test --test main kill::` kills some dozens of times.
//! - `ASIASILTA_KILLS=1000 cargo test --test main kill::kills -- --nocapture` is the full count, in rounds on a fresh stage each,
//!   and says which states the kills found.
//! - `ASIASILTA_KILL_SEED=<seed> cargo test --test main kill::kills` goes through one round again.
#![cfg(feature = "demo")]

mod account;
mod aim;
mod breach;
mod producer;
mod records;
mod round;
mod sidecar;

use std::collections::BTreeMap;
use std::path::Path;

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage};
use mock_archive::{ArrivalKind, HoldAt};
use serde_json::{Value, json};
use tokio::sync::watch;

use aim::Aim;
use breach::Breach;
use producer::{Producer, states};
use records::Kind;
use round::Round;
use sidecar::{Make, Sidecar};

/// Twice every aim.
const KILLS_A_ROUND: u64 = 2 * Aim::ALL.len() as u64;
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
    let (mut found, mut sums) = (BTreeMap::<String, usize>::new(), BTreeMap::new());
    let (mut kills, mut questions) = (0, 0);
    for seed in first..first + rounds {
        let aims: Vec<_> = Chance(seed | 1).shuffled([Aim::ALL, Aim::ALL].concat());
        let outcome = Round::set(seed, Make::Program).await.live(&aims).await;
        let account = outcome.account.unwrap_or_else(|broken| {
            panic!("round {seed}: {broken}\nlive through it again with ASIASILTA_KILL_SEED={seed}")
        });
        account.into_iter().for_each(|(class, count)| *sums.entry(class).or_insert(0) += count);
        outcome.found_by_kills.into_iter().for_each(|(state, count)| *found.entry(state).or_insert(0) += count);
        questions += outcome.questions;
        kills += outcome.kills;
        eprintln!("kill: round {seed}: {} kills, {} of them a moment late", outcome.kills, outcome.missed);
    }
    eprintln!("kill: {kills} kills found {found:?}; accepted = {sums:?}; {questions} questions for what had arrived");
    for state in Aim::ALL.into_iter().filter_map(Aim::state) {
        let times = found.get(state).copied().unwrap_or(0);
        assert!(times as u64 >= rounds, "{times} of {kills} kills found a submission that was {state}");
    }
    assert!(questions >= kills / 20, "only {questions} questions: the kills missed the sends");
}

/// What the account says when a promise is broken on purpose.
async fn noticed(breach: Breach, aims: &[Aim]) -> String {
    let outcome = Round::set(FIRST_SEED, Make::Broken(breach)).await.live(aims).await;
    outcome.account.err().unwrap_or_else(|| panic!("{breach:?} was not noticed"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_that_is_settled_before_it_is_sent_is_noticed() {
    let said = noticed(Breach::SettleBeforeSend, &[Aim::InFlight(HoldAt::Arrival)]).await;
    assert!(said.contains("is archived and not in the archive"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_is_skipped_is_noticed() {
    let said = noticed(Breach::SkipTheQuestion, &[Aim::InFlight(HoldAt::Answer)]).await;
    assert!(said.contains("arrived again without a question in between"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_sends_everything_twice_is_noticed() {
    let said = noticed(Breach::SendTwice, &[Aim::Archived]).await;
    assert!(said.contains("arrived again without a question in between"), "{said}");
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
    let producer = Producer { token: files.token.as_str().into(), address };
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
