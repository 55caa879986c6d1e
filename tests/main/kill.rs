//! The sidecar as a real process, killed at random moments of a run and started again.
#![cfg(feature = "demo")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use asiasilta::demo::{ProducerSystem, RECORDS, SidecarFiles, Stage};
use mock_archive::{ArrivalKind, HoldAt};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::sidecar_process::Sidecar;

const RECORD_COUNT: usize = 200;
const KILL_COUNT: usize = 50;
/// The sidecar's default.
const PARALLEL_MAX: usize = 8;
/// Far more than a restart and its first work take.
const RECONCILE_AFTER: &str = "reconcile_after_s = 5";
const SEED: u64 = 0x5eed_a51a;
/// What the organiser has stored before the producer begins.
const ORGANISERS_DOCUMENTS: usize = 9;

/// A small generator: the same seed gives the same moments.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

/// The everyday-life example as the `number`th record: the same client, another shift.
fn record(number: usize) -> Vec<u8> {
    let mut record: Value = serde_json::from_str(RECORDS[1].1).unwrap();
    record["professional_link"]["reference"] = json!(format!("KILL-{number}"));
    if number.is_multiple_of(2) {
        record["case"] = json!("1.2.246.10.99999991.14.2026.1");
    }
    serde_json::to_vec(&record).unwrap()
}

/// Hands one record in until it is promised: over every kill with the same key.
async fn submit(number: usize, token: Arc<str>, mut address: watch::Receiver<SocketAddr>) -> Value {
    loop {
        let now = *address.borrow_and_update();
        let system = ProducerSystem::try_new(now, &token).unwrap();
        match system.post("/v1/submissions", Some(&format!("kill-{number}")), record(number)).await {
            Ok(answer) if answer.status == 202 => return answer.body,
            Ok(answer) => panic!("{}: {}", answer.status, answer.body),
            Err(_) => address.changed().await.unwrap(),
        }
    }
}

async fn states(system: &ProducerSystem) -> Vec<Value> {
    let (mut all, mut after) = (Vec::new(), 0);
    loop {
        let page = system.get(&format!("/v1/submissions?after={after}&limit=100")).await.unwrap().body;
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        if page["more"] != json!(true) {
            return all;
        }
        after = page["next_after"].as_u64().unwrap();
    }
}

/// Waits until the sidecar has done all that it does by itself while the archive holds what it is sent.
async fn until_at_rest(system: &ProducerSystem) {
    loop {
        let now = states(system).await;
        let count = |state: &str| now.iter().filter(|s| s["state"] == json!(state)).count();
        let room = count("in_flight") < PARALLEL_MAX;
        if count("claimed") + count("reconciling") == 0 && !(room && count("queued") > 0) {
            return;
        }
    }
}

/// Waits for the moment that the dice choose: so many promises, so many arrivals, a document that has arrived and is not
/// stored yet, or one that is stored and not answered yet; then a little more.
/// Answers whether the archive then has messages in its hands that it goes on with after their sender's death.
async fn strike_at(
    stage: &Stage,
    chance: &mut Chance,
    promises: &mut JoinSet<Value>,
    accepted: &mut Vec<Value>,
) -> bool {
    let faults = stage.mock.faults();
    let dice = chance.below(5);
    match dice {
        0 => {
            for _ in 0..=chance.below(3) {
                accepted.extend(promises.join_next().await.map(Result::unwrap));
            }
        }
        1 => {
            let ledger = stage.mock.ledger();
            ledger.until_arrivals(ledger.entries().len() as u64 + chance.below(8)).await;
        }
        at => {
            faults.hold_stores([HoldAt::Arrival, HoldAt::Answer, HoldAt::Inside][usize::try_from(at).unwrap() - 2]);
            faults.until_held(1 + usize::try_from(chance.below(2)).unwrap()).await;
        }
    }
    for _ in 0..chance.below(200_000) {
        std::hint::spin_loop();
    }
    dice == 4
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_kills_in_two_hundred_records_lose_nothing_and_send_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("sidecar.log");
    let stage = Stage::set(folder.path()).await.unwrap();
    let files = SidecarFiles::write(&stage, "127.0.0.1:0".parse().unwrap()).unwrap();
    let text = std::fs::read_to_string(&files.config).unwrap();
    let text =
        text.replace("filter = \"warn\"", "filter = \"debug\"").replace("reconcile_after_s = 1", RECONCILE_AFTER);
    assert!(text.contains(RECONCILE_AFTER));
    std::fs::write(&files.config, text).unwrap();
    let token: Arc<str> = files.token.as_str().into();
    let (ledger, mut chance) = (stage.mock.ledger(), Chance(SEED));

    let mut sidecar = Sidecar::start(&files.config, &log).await;
    let (addresses, address) = watch::channel(sidecar.address);
    let (mut accepted, mut promises, mut late) = (Vec::new(), JoinSet::new(), 0);
    for kill in 0..KILL_COUNT {
        let (from, to) = (kill * RECORD_COUNT / KILL_COUNT, (kill + 1) * RECORD_COUNT / KILL_COUNT);
        for number in from..to {
            promises.spawn(submit(number, Arc::clone(&token), address.clone()));
        }
        let in_hands = strike_at(&stage, &mut chance, &mut promises, &mut accepted).await;
        sidecar.kill().await;
        if !in_hands {
            stage.mock.faults().release();
        }
        sidecar = Sidecar::start(&files.config, &log).await;
        addresses.send_replace(sidecar.address);
        if in_hands {
            // For less than `reconcile_after`, an archive may sit on a message whose sender is dead.
            until_at_rest(&ProducerSystem::try_new(sidecar.address, &token).unwrap()).await;
            late += stage.mock.faults().held();
            stage.mock.faults().release();
        }
    }
    while let Some(promise) = promises.join_next().await {
        accepted.push(promise.unwrap());
    }

    let system = ProducerSystem::try_new(sidecar.address, &token).unwrap();
    let mut last = states(&system).await;
    while last.iter().any(|s| s["class"] == json!("open")) {
        assert!(!last.iter().any(|s| matches!(s["state"].as_str(), Some("held" | "parked"))), "{last:?}");
        last = states(&system).await;
    }
    let promised: BTreeSet<_> = accepted.iter().map(|a| a["document_id"].as_str().unwrap().to_owned()).collect();
    let archived: BTreeSet<_> = last
        .iter()
        .filter(|s| s["state"] == json!("archived"))
        .map(|s| s["document_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!((promised.len(), &promised), (RECORD_COUNT, &archived), "accepted = archived");
    let in_archive: BTreeSet<_> = ledger.archived_ids().iter().map(ToString::to_string).collect();
    assert_eq!(in_archive.len(), RECORD_COUNT + ORGANISERS_DOCUMENTS);
    assert!(archived.is_subset(&in_archive));
    ledger.stored_once().unwrap();
    ledger.assert_no_unasked_second_arrival().unwrap();

    // The moments were worth something: some answers were lost, so some documents were asked for.
    let (mut arrived, mut questions) = (BTreeSet::new(), 0);
    for entry in ledger.entries() {
        match entry.kind {
            ArrivalKind::Store { document_id, .. } => drop(arrived.insert(document_id.to_string())),
            ArrivalKind::Question { document_id } => {
                questions += usize::from(arrived.contains(&document_id.to_string()))
            }
            _ => {}
        }
    }
    eprintln!(
        "kill: {questions} questions for what had arrived in {} arrivals, {late} messages held over a kill",
        ledger.entries().len()
    );
    assert!(late > 0, "no message was held over a kill");
    assert!(questions >= KILL_COUNT / 5, "only {questions} questions: the kills missed the sends");

    sidecar.kill().await;
    let written = std::fs::read_to_string(&log).unwrap();
    for personal in ["140341-912E", "Koemäki", "Aamukäynti"] {
        assert!(!written.contains(personal), "the log tells of a person");
    }
    stage.mock.verify().unwrap();
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
    let sidecar = Sidecar::start(&files.config, &log).await;
    let (_addresses, address) = watch::channel(sidecar.address);
    let promised = submit(1, files.token.as_str().into(), address).await;
    let waiting = until_state(&system(&sidecar), "queued").await;
    assert_eq!(waiting["why"]["code"], json!("archive.unreachable"), "the caller sees why it waits");
    sidecar.kill().await;
    copy_database(folder.path(), backup.path());

    stage.mock.up().await.unwrap();
    let sidecar = Sidecar::start(&files.config, &log).await;
    let cursor = until_state(&system(&sidecar), "archived").await["change"].as_u64().unwrap();
    sidecar.kill().await;
    copy_database(backup.path(), folder.path());

    let sidecar = Sidecar::start(&files.config, &log).await;
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
