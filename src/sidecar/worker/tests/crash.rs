//! A worker that ends anywhere, by itself or not, and the one that comes after it.

use super::*;

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
async fn draining_finishes_what_is_under_way_and_gives_back_what_has_not_begun() {
    let mut world = World::new();
    world.settings.parallel_max = 2;
    let mut all = Vec::new();
    for number in 0..20 {
        all.push(world.accept(&number.to_string(), &record(CASE), None).await);
    }
    world.start();
    while world.archive.awaits.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
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
    world = world.reopen();
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
