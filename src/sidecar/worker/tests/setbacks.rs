//! What fails on the way of one submission: it is tried later each time, said where it is heard, and holds up nobody.

use super::*;
use crate::sidecar::worker::making::Made;

const OTHER_CLIENT: &str = "140341-912E";

fn of_other_client() -> Value {
    let mut record = record(CASE);
    record["clients"][0]["identity_code"] = json!(OTHER_CLIENT);
    record["clients"][0]["birth_date"] = json!("1941-03-14");
    record
}

fn passing(code: &str) -> ArchiveFault {
    ArchiveFault::Passing { retry_after: None, why: Cause::new(code, Text::same("x")) }
}

fn lasting(code: &str) -> ArchiveFault {
    ArchiveFault::Lasting { why: Cause::new(code, Text::same("x")) }
}

impl World {
    async fn way_of(&self, of: &Submission) -> Vec<String> {
        let (_, way) = self.store.find(&of.id, &scope()).await.unwrap().unwrap();
        way.into_iter().map(|entry| entry.event).collect()
    }
}

#[tokio::test]
async fn a_task_that_panics_is_tried_later_each_time_then_left_to_a_person_and_holds_up_nobody() {
    let mut world = World::new();
    world.archive.ledger().panics_about = Some(OTHER_CLIENT.into());
    let bad = world.accept("1", &of_other_client(), None).await;
    let other = world.accept("2", &record(CASE), None).await;
    world.start();
    world.until(&other, "archived").await;
    assert_eq!(world.waits_until(&bad, "parked").await, [1_500, 3_000, 6_000, 12_000].map(failed_and_waits));
    assert_eq!(world.archive.ledger().panicked, 5);
    let parked = world.found(&bad).await;
    assert_eq!(parked.why.unwrap().code, "worker.failed");
    assert_eq!(world.way_of(&bad).await, ["accept", "claim", "recover", "park"], "what says nothing new is not said");
    world.archive.ledger().panics_about = None;
    world.store.step(&bad.id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    world.wake.notify_one();
    world.until(&bad, "archived").await;
    world.drain().await;
}

#[tokio::test]
async fn an_answer_that_makes_the_program_panic_each_time_is_left_to_a_person_too() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::Panic; 9]);
    world.start();
    let _ = world.until(&s, "unknown").await;
    world.settle().await;
    let parked = world.found(&s).await;
    assert!(matches!(&parked.state, State::Parked { sent: true, why } if why.code == "worker.failed"));
    assert_eq!((world.arrivals(&s), world.archive.ledger().violations.len()), (5, 0));
    world.drain().await;
}

#[tokio::test]
async fn one_question_that_is_refused_after_a_long_outage_parks_nothing() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::StoreAndStaySilent]);
    let mut faults: std::collections::VecDeque<_> = std::iter::repeat_n(passing("test.silent"), 12).collect();
    faults.push_back(lasting("test.refused"));
    world.archive.ledger().question_faults = faults;
    world.start();
    world.until(&s, "unknown").await;
    world.settle().await;
    assert_eq!((world.state(&s).await, world.arrivals(&s)), (State::Archived, 1));
    world.drain().await;
}

#[tokio::test]
async fn what_an_earlier_run_accepted_is_asked_for_once_in_a_run_not_at_each_recheck() {
    let mut world = World::new();
    world.archive.ledger().relationship.as_mut().unwrap().relationship.grants.clear();
    let s = world.accept("1", &record(CASE), None).await;
    world = world.reopen();
    world.start();
    world.until(&s, "held").await;
    let mut reads = world.archive.ledger().reads;
    for _ in 0..5 {
        world.advance(900);
        while world.archive.ledger().reads == reads {
            tokio::task::yield_now().await;
        }
        reads = world.archive.ledger().reads;
        world.until(&s, "held").await;
    }
    // At once, when what an earlier process had sent could be on its way, and once after that.
    assert_eq!(world.archive.ledger().asked.len(), 2);
    world.drain().await;
}

#[tokio::test]
async fn what_may_have_left_and_is_refused_its_question_is_left_to_a_person_in_the_end() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::StoreAndStaySilent]);
    world.archive.ledger().question_faults = std::iter::repeat_n(lasting("test.refused"), 8).collect();
    world.start();
    world.until(&s, "unknown").await;
    world.settle().await;
    let parked = world.found(&s).await;
    assert!(matches!(&parked.state, State::Parked { sent: true, why } if why.code == "test.refused"));
    assert_eq!((parked.attempts, world.archive.ledger().question_faults.len()), (8, 0));
    world.store.step(&s.id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    world.wake.notify_one();
    world.until(&s, "archived").await;
    assert_eq!(world.arrivals(&s), 1);
    world.drain().await;
}

#[tokio::test]
async fn a_refusal_as_duplicate_is_remembered_through_questions_that_nobody_answers_and_a_restart() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::Duplicate]);
    world.archive.ledger().question_faults = [passing("test.silent"), passing("test.silent")].into();
    world.start();
    world.until(&s, "unknown").await;
    world.advance(45);
    while world.found(&s).await.attempts < 2 {
        tokio::task::yield_now().await;
    }
    world.kill().await;
    world.start();
    world.settle().await;
    let parked = world.found(&s).await;
    assert!(matches!(&parked.state, State::Parked { sent: true, why } if why.code == "archive.id_taken"));
    assert_eq!((world.arrivals(&s), world.archive.ledger().violations.len()), (1, 0));
    world.drain().await;
}

#[tokio::test]
async fn what_a_restored_database_may_have_sent_is_asked_for_before_anything_parks_it() {
    let mut world = World::new();
    let (sent, not_sent) = (world.accept("1", &record(CASE), None).await, world.accept("2", &record(CASE), None).await);
    let refused = world.accept("3", &record(CASE), None).await;
    world.archive.ledger().stored.push(sent.document.document.to_string());
    // The right has ended since.
    world.archive.ledger().relationship.as_mut().unwrap().relationship.grants.clear();
    world = world.reopen();
    world.settings.parallel_max = 1;
    world.start();
    world.until(&sent, "archived").await;
    let held = world.until(&not_sent, "held").await;
    assert_eq!(held.why.unwrap().code, "access.unit_not_named");
    world.until(&refused, "held").await;
    // The archive may refuse to tell whoever has no right: then the right says why.
    world.archive.ledger().question_faults = [lasting("test.refused"), lasting("test.refused")].into();
    world.advance(900);
    while !world.archive.ledger().question_faults.is_empty() {
        tokio::task::yield_now().await;
    }
    let held = world.until(&refused, "held").await;
    assert_eq!(held.why.unwrap().code, "access.unit_not_named");
    world.drain().await;
}

#[tokio::test]
async fn a_clock_that_is_set_back_in_a_quiet_hour_puts_nothing_off() {
    let mut world = World::new();
    let s = world.accept("1", &record(CASE), None).await;
    world.script(&s, &[Behaviour::StoreAndStaySilent]);
    world.start();
    world.until(&s, "unknown").await;
    // The worker sleeps. By its clock the question is due in more than a day.
    tokio::task::yield_now().await;
    world.clock.set_by(-86_400);
    for _ in 0..20 {
        world.advance(60);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
    world.until(&s, "archived").await;
    world.drain().await;
}

#[tokio::test]
async fn that_nothing_can_be_made_is_said_once_for_each_cause_and_once_when_it_is_over() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let (lines, _listening) = listen();
    let passing = |code: &str| Err::<(), _>(PrepareFault::Passing(Cause::new(code, Text::same("x"))));
    for code in ["signature.not_made", "signature.not_made", "signer.away", "signature.not_made"] {
        assert!(worker.after_making(&oid(PRODUCER), Made::Document, passing(code)).is_err());
    }
    for _ in 0..2 {
        // That something else can be made says nothing about documents.
        assert!(worker.after_making(&oid(PRODUCER), Made::Invalidation, Ok(())).is_ok());
        assert!(worker.after_making(&oid(PRODUCER), Made::Document, passing("signer.away")).is_err());
    }
    for _ in 0..2 {
        assert!(worker.after_making(&oid(PRODUCER), Made::Document, Ok(())).is_ok());
    }
    let told = lines.about(" can");
    assert!(
        matches!(&*told, [one, another, over]
        if one.contains("signature.not_made") && another.contains("signer.away") && over.starts_with("INFO")),
        "{told:?}"
    );
}
