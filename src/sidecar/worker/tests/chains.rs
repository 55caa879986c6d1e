//! A replacement whose predecessor never arrived has a way out: the predecessor's place.

use super::*;
use crate::domain::document::invalidation::Extent;

fn replacing(of: &Submission) -> Value {
    let mut record = record(CASE);
    let ids = &of.document;
    record["replaces"] =
        json!({ "document": ids.document, "set": ids.set, "version": ids.version, "reason": "typing error" });
    record
}

impl World {
    async fn act(&self, on: &Submission, event: Event) -> Result<Submission, StoreError> {
        let done = self.store.step(&on.id, Step::plain(event, actor()), self.clock.now()).await;
        self.wake.notify_one();
        done
    }

    fn sent(&self, of: &Submission) -> String {
        let document = of.document.document.to_string();
        let ledger = self.archive.ledger();
        let (_, body) = ledger.arrivals.iter().find(|(id, _)| *id == document).unwrap();
        String::from_utf8(body.clone()).unwrap()
    }
}

fn never_arrived(of: &Submission) -> bool {
    of.why.as_ref().is_some_and(|why| why.code == "version.predecessor_not_archived")
}

#[tokio::test]
async fn a_successor_of_a_rejected_original_leaves_as_an_original_and_its_own_successors_follow_it() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    let third = world.accept("3", &replacing(&second), Some(&second)).await;
    world.script(&first, &[Behaviour::Reject]);
    world.start();
    assert!(never_arrived(&world.until(&second, "parked").await));
    // Let go as it is, it comes back with the same reason.
    world.act(&second, Event::Release).await.unwrap();
    assert!(never_arrived(&world.until(&second, "parked").await));
    assert_eq!(world.state(&third).await, State::Queued, "waits for the one that it replaces");

    let moved = world.act(&second, Event::TakePlace).await.unwrap();
    assert_eq!((moved.document.set.clone(), moved.document.version), (second.document.document.clone(), 1));
    assert_eq!(moved.replaces, None);
    world.until(&third, "archived").await;
    assert_eq!(world.state(&second).await, State::Archived);
    let set = &second.document.document;
    assert!(world.sent(&second).ends_with(&json!([set, 1, null]).to_string()), "{}", world.sent(&second));
    let said = json!({ "document": set, "set": set, "version": 1, "reason": "typing error" });
    assert!(world.sent(&third).ends_with(&json!([set, 2, said]).to_string()), "{}", world.sent(&third));
    world.drain().await;
}

#[tokio::test]
async fn a_gap_of_several_closes_to_the_last_version_that_arrived() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    let third = world.accept("3", &replacing(&second), Some(&second)).await;
    let fourth = world.accept("4", &replacing(&third), Some(&third)).await;
    world.script(&second, &[Behaviour::Reject]);
    world.start();
    world.until(&third, "parked").await;
    let why = "entered twice".to_owned();
    world.act(&third, Event::Abandon { by: "operator".into(), why }).await.unwrap();
    assert!(never_arrived(&world.until(&fourth, "parked").await));
    world.act(&fourth, Event::TakePlace).await.unwrap();
    world.until(&fourth, "archived").await;
    let (set, original) = (&first.document.set, &first.document.document);
    let said = json!({ "document": original, "set": set, "version": 1, "reason": "typing error" });
    assert!(world.sent(&fourth).ends_with(&json!([set, 2, said]).to_string()), "{}", world.sent(&fourth));
    world.drain().await;
}

#[tokio::test]
async fn an_invalidation_follows_its_document_to_another_place_in_the_chain() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    let third = world.accept("3", &replacing(&second), Some(&second)).await;
    let invalidation = world.invalidate("4", &second.document.document, Extent::ThisVersion).await;
    world.script(&first, &[Behaviour::Reject]);
    world.start();
    world.until(&second, "parked").await;
    world.act(&second, Event::TakePlace).await.unwrap();
    world.until(&invalidation, "archived").await;
    let (found, _) = world.store.find(&invalidation.id, &scope()).await.unwrap().unwrap();
    assert_eq!((found.document.set, found.document.version), (second.document.document.clone(), 2));
    let arrived: Vec<String> = world.archive.ledger().arrivals.iter().map(|(id, _)| id.clone()).collect();
    let message = format!("{INVALIDATES}{} {}", second.document.document, invalidation.message_number);
    assert_eq!(arrived[1..], [second.document.document.to_string(), third.document.document.to_string(), message]);
    world.drain().await;
}

#[tokio::test]
async fn no_place_is_taken_where_nothing_is_missing() {
    let mut world = World::new();
    let mut paid = record(CASE);
    paid["purchase"] = json!("self_pay");
    let parked = world.accept("1", &paid, None).await;
    world.start();
    world.until(&parked, "parked").await;
    let refused = world.act(&parked, Event::TakePlace).await.unwrap_err();
    assert!(matches!(refused, StoreError::Illegal(_)));
    world.drain().await;
}

#[tokio::test]
async fn successor_waits_for_predecessor() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &record(CASE), Some(&first)).await;
    world.script(&first, &[Behaviour::LoseOnTheWay]);
    world.start();
    world.until(&first, "unknown").await;
    assert_eq!(world.state(&second).await, State::Queued);
    world.settle().await;
    let order: Vec<_> = world.archive.ledger().arrivals.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(order, [first.document.document.to_string(), second.document.document.to_string()]);

    let refused = world.accept("3", &record(CASE), None).await;
    world.script(&refused, &[Behaviour::Reject]);
    let orphan = world.accept("4", &record(CASE), Some(&refused)).await;
    let State::Parked { why, .. } = world.until(&orphan, "parked").await.state else { panic!() };
    assert_eq!(why.code, "version.predecessor_not_archived");
    world.drain().await;
}

#[tokio::test]
async fn what_replaces_a_known_document_is_of_its_chain_its_unit_and_its_client() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let other_set = DocumentIds { set: oid("1.2.246.10.99999991.95.2026.7"), ..first.document.clone() };
    let bent = Submission { document: other_set, ..first.clone() };
    let bent = world.new_submission("2", record(CASE).to_string().into_bytes(), Some(&bent));
    let refused = world.store.accept(bent, world.clock.now()).await;
    assert!(matches!(refused, Err(StoreError::PredecessorDiffers { .. })), "{refused:?}");
    let mut of_another = record(CASE);
    of_another["clients"][0]["identity_code"] = json!("010190-901R");
    let foreign = world.accept("3", &of_another, Some(&first)).await;
    assert_eq!(world.store.next_due().await.unwrap(), Some(world.clock.now()));
    world.start();
    let State::Parked { why, .. } = world.until(&foreign, "parked").await.state else { panic!() };
    assert_eq!(why.code, "version.predecessor_differs");
    assert_eq!(world.arrivals(&foreign), 0);
    assert_eq!(world.state(&first).await, State::Archived);
    world.drain().await;
}
