//! Invalidations through the outbox: asked before sent again, in their turn, and never of what did not arrive.

use super::*;
use crate::domain::code::Code;
use crate::domain::document::invalidation::Extent;
use crate::domain::document::invalidation::order::kept;
use crate::domain::person::PersonId;
use crate::domain::submission::{Class, Event};
use crate::domain::wire::answer::{ClientId, EntryStatus};

pub(crate) fn entry(document: &Oid, gone: bool) -> Entry {
    Entry {
        ids: DocumentIds { document: document.clone(), set: document.clone(), version: 1 },
        drawn_up: None,
        clients: vec![ClientId::of(&PersonId::IdentityCode("010190-900P".parse().unwrap()))],
        custodian: oid(ORGANISER),
        case: None,
        specific_type: None,
        group: Some(client_document()),
        service_task: None,
        service_process: None,
        status: if gone { EntryStatus::Nullified } else { EntryStatus::Completed },
        stored: None,
        unit: None,
        structure: None,
        organiser: None,
    }
}

fn client_document() -> Code {
    let system = oid("1.2.246.537.6.1505.201601");
    Code { code: "5".into(), system, system_name: None, display: None }
}

pub(crate) fn order(target: &Oid) -> Vec<u8> {
    let record = record(CASE);
    let said = json!({ "reason": "wrong client", "acting_worker": record["acting_worker"], "unit": record["unit"],
        "organiser": record["organiser"], "clients": record["clients"],
        "professional_link": record["professional_link"] });
    kept(target, said.to_string().as_bytes())
}

impl World {
    pub(super) async fn invalidate(&self, key: &str, target: &Oid, extent: Extent) -> Submission {
        let new = NewSubmission {
            kind: Kind::Invalidation { target: target.clone(), extent },
            ..self.new_submission(key, order(target), None)
        };
        let Accepted::New(submission) = self.store.accept(new, self.clock.now()).await.unwrap() else { panic!() };
        self.wake.notify_one();
        submission
    }

    async fn archived(&self, key: &str) -> Submission {
        let s = self.accept(key, &record(CASE), None).await;
        self.until(&s, "archived").await
    }

    fn script_invalidation(&self, of: &Submission, behaviours: &[Behaviour]) {
        let message = format!("{INVALIDATES}{} {}", of.kind.target().unwrap(), of.message_number);
        self.archive.ledger().script.insert(message, behaviours.iter().copied().collect());
    }

    fn invalidated(&self) -> Vec<String> {
        self.archive.ledger().invalidated.clone()
    }
}

#[tokio::test]
async fn an_invalidation_leaves_once_the_document_has_arrived_and_needs_no_right() {
    let mut world = World::new();
    let document = world.accept("1", &record(CASE), None).await;
    let target = document.document.document.clone();
    world.script(&document, &[Behaviour::StoreAndStaySilent]);
    world.start();
    world.until(&document, "unknown").await;
    let invalidation = world.invalidate("2", &target, Extent::ThisVersion).await;
    assert_eq!(invalidation.waits_for, Some(target.clone()));
    assert_ne!(invalidation.document.document, target);
    world.archive.ledger().relationship = None;
    world.settle().await;
    assert_eq!(world.state(&document).await, State::Archived);
    assert_eq!(world.state(&invalidation).await, State::Archived);
    assert_eq!(world.invalidated(), [target.to_string()]);
    assert_eq!(world.archive.ledger().violations, [""; 0]);
    world.drain().await;
}

#[tokio::test]
async fn a_lost_answer_to_an_invalidation_is_asked_for_and_only_then_it_leaves_again() {
    let mut world = World::new();
    world.start();
    let (kept, lost) = (world.archived("1").await, world.archived("2").await);
    let kept = world.invalidate("3", &kept.document.document, Extent::ThisVersion).await;
    world.script_invalidation(&kept, &[Behaviour::StoreAndStaySilent]);
    world.until(&kept, "unknown").await;
    let lost = world.invalidate("4", &lost.document.document, Extent::ThisVersion).await;
    world.script_invalidation(&lost, &[Behaviour::LoseOnTheWay, Behaviour::Overloaded]);
    world.settle().await;
    let found = world.until(&kept, "archived").await;
    assert_eq!(found.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    world.until(&lost, "archived").await;
    let of = |s: &Submission| s.kind.target().unwrap().clone();
    let arrivals = |target: &Oid| world.archive.ledger().arrivals.iter().filter(|(id, _)| is_of(id, target)).count();
    assert_eq!((arrivals(&of(&kept)), arrivals(&of(&lost))), (1, 2));
    assert_eq!(world.archive.ledger().violations, [""; 0], "asked first, and the same bytes");
    world.drain().await;
}

#[tokio::test]
async fn an_invalidation_refused_as_a_duplicate_is_asked_for_and_an_alarm_of_its_own_where_nothing_shows_it() {
    let mut world = World::new();
    world.start();
    let mut sent = Vec::new();
    for (key, extent) in [("1", Extent::ThisVersion), ("2", Extent::ThisVersion), ("3", Extent::AllVersions)] {
        let document = world.archived(key).await.document.document;
        let invalidation = world.invalidate(&format!("of {key}"), &document, extent).await;
        world.script_invalidation(&invalidation, &[Behaviour::Duplicate]);
        let unknown = world.until(&invalidation, "unknown").await.why.unwrap();
        assert_eq!(unknown.code, "archive.duplicate_id");
        assert!(unknown.message.en.contains("invalidation"), "{unknown:?}");
        sent.push(invalidation);
    }
    let invalidated = sent[0].kind.target().unwrap().to_string();
    world.archive.ledger().invalidated.push(invalidated);
    world.advance(30);
    let found = world.until(&sent[0], "archived").await;
    assert_eq!(found.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    for s in &sent[1..] {
        let State::Parked { why, .. } = world.until(s, "parked").await.state else { panic!() };
        assert_eq!(why.code, "archive.invalidation_unproven");
        let arrivals = world.archive.ledger().arrivals.clone();
        assert_eq!(arrivals.iter().filter(|(id, _)| is_of(id, s.kind.target().unwrap())).count(), 1);
    }
    world.drain().await;
}

#[tokio::test]
async fn an_invalidation_of_all_versions_leaves_again_because_one_version_proves_nothing() {
    let mut world = World::new();
    world.start();
    let document = world.archived("1").await.document.document;
    let all = world.invalidate("2", &document, Extent::AllVersions).await;
    world.script_invalidation(&all, &[Behaviour::StoreAndStaySilent, Behaviour::Store]);
    world.settle().await;
    assert_eq!(world.state(&all).await, State::Archived);
    assert_eq!(world.archive.ledger().arrivals.iter().filter(|(id, _)| is_of(id, &document)).count(), 2);
    assert_eq!(world.archive.ledger().violations, [""; 0]);
    world.drain().await;
}

#[tokio::test]
async fn a_crash_with_an_invalidation_on_its_way_is_followed_by_a_question() {
    let mut world = World::new();
    world.start();
    let document = world.archived("1").await.document.document;
    // The awaits of its entry are two; the third is the send's, before anything arrives, the fourth after.
    let awaits = world.archive.awaits.load(Ordering::SeqCst);
    world.archive.freeze_at.store(awaits + 4, Ordering::SeqCst);
    let invalidation = world.invalidate("2", &document, Extent::ThisVersion).await;
    world.archive.frozen.notified().await;
    world.kill().await;
    assert_eq!(world.state(&invalidation).await, State::InFlight);
    world.archive.freeze_at.store(0, Ordering::SeqCst);
    world.start();
    world.until(&invalidation, "unknown").await;
    world.settle().await;
    let found = world.until(&invalidation, "archived").await;
    assert_eq!(found.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    assert_eq!(world.invalidated(), [document.to_string()]);
    world.drain().await;
}

#[tokio::test]
async fn what_is_invalidated_already_is_not_invalidated_again() {
    let mut world = World::new();
    world.start();
    let document = world.archived("1").await.document.document;
    for key in ["2", "3"] {
        let invalidation = world.invalidate(key, &document, Extent::ThisVersion).await;
        world.until(&invalidation, "archived").await;
    }
    assert_eq!(world.invalidated(), [document.to_string()]);
    world.drain().await;
}

#[tokio::test]
async fn nothing_is_sent_for_a_document_that_was_refused_and_a_person_decides_of_one_that_nobody_knows() {
    let mut world = World::new();
    let refused = world.accept("1", &record(CASE), None).await;
    world.script(&refused, &[Behaviour::LoseOnTheWay, Behaviour::Reject]);
    world.start();
    world.until(&refused, "unknown").await;
    let needless = world.invalidate("2", &refused.document.document, Extent::ThisVersion).await;
    let unknown = world.invalidate("3", &oid("1.2.246.10.99999991.95.2020.1"), Extent::ThisVersion).await;
    world.settle().await;
    assert_eq!(world.state(&needless).await.class(), Class::Abandoned);
    let parked = world.until(&unknown, "parked").await;
    assert_eq!(parked.why.unwrap().code, "invalidation.unknown_document");
    // Stored from elsewhere in the organiser's register, it is invalidated by its id alone.
    world.archive.ledger().stored.push("1.2.246.10.99999991.95.2020.1".into());
    world.store.step(&unknown.id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    world.wake.notify_one();
    world.until(&unknown, "archived").await;
    assert_eq!(world.invalidated(), ["1.2.246.10.99999991.95.2020.1"]);
    world.drain().await;
}

#[tokio::test]
async fn an_invalidation_takes_its_turn_in_its_documents_chain() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let mut said = record(CASE);
    let ids = &first.document;
    said["replaces"] = json!({ "document": ids.document, "set": ids.set, "version": 1, "reason": "typing error" });
    let second = world.accept("2", &said, Some(&first)).await;
    let invalidation = world.invalidate("3", &ids.document, Extent::ThisVersion).await;
    assert_eq!(invalidation.waits_for.as_ref(), Some(&second.document.document));
    let mut said = record(CASE);
    let ids = &second.document;
    said["replaces"] = json!({ "document": ids.document, "set": ids.set, "version": 2, "reason": "typing error" });
    let third = world.accept("4", &said, Some(&second)).await;
    assert_eq!(third.waits_for.as_ref(), Some(&first.document.document), "the one that is to be invalidated");
    world.start();
    world.settle().await;
    let arrived: Vec<String> = world.archive.ledger().arrivals.iter().map(|(id, _)| id.clone()).collect();
    let [a, b, c] = [&first, &second, &third].map(|s| s.document.document.to_string());
    let i = format!("{INVALIDATES}{a} {}", invalidation.message_number);
    assert_eq!(arrived, [a, b, i, c]);
    world.drain().await;
}
