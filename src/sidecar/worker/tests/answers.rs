//! What an answer makes of a submission, and that a lost one is asked for before anything leaves again.

use super::*;

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
