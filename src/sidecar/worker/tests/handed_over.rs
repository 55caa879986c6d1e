//! What goes another way, by itself and by an operator, and the way back: same ids, same bytes, in order, asked for first.

use super::*;
use crate::domain::access::{Denial, PartyRole, Reason};
use crate::domain::document::invalidation::Extent;
use crate::sidecar::handover::{Against, Order, check_way_back};

const BY_ITSELF: &str = "party = { joined = false }\nhand_over = { recipients = \"r\", automatic = true }";
const BY_A_PERSON: &str = "party = { joined = true, phase = 1 }\nhand_over = { recipients = \"r\" }";

impl World {
    /// Starts again with other words of the configuration about the organiser.
    async fn restart(&mut self, parties: PartyBook) {
        if self.running.is_some() {
            self.drain().await;
        }
        self.parties = parties;
        self.start();
    }

    /// Package and document, as the store keeps them.
    async fn kept(&self, of: &Submission) -> (String, Vec<u8>) {
        let package = self.store.package(&of.id).await.unwrap().unwrap();
        let whole = self.store.whole(&of.id).await.unwrap();
        (String::from_utf8(package).unwrap(), whole.handed_over.unwrap())
    }

    async fn step(&self, of: &Submission, event: Event) -> Result<Submission, StoreError> {
        let moved = self.store.step(&of.id, Step::plain(event, actor()), self.clock.now()).await;
        self.wake.notify_one();
        moved
    }

    fn sent_bytes(&self, of: &Submission) -> Vec<Vec<u8>> {
        let id = of.document.document.to_string();
        self.archive.ledger().arrivals.iter().filter(|(at, _)| *at == id).map(|(_, body)| body.clone()).collect()
    }
}

fn replacing(first: &Submission) -> Value {
    let mut record = record(CASE);
    record["replaces"] = json!({ "document": first.document.document, "set": first.document.set,
        "version": first.document.version, "reason": "typing error" });
    record
}

#[tokio::test]
async fn what_the_archive_is_no_option_for_goes_another_way_by_itself_and_nothing_of_the_client_is_read() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    let handed = world.until(&s, "handed_over").await;
    let State::HandedOver { why: Some(why), receipt: None } = handed.state else { panic!() };
    assert_eq!(why.code, "access.not_joined");
    assert_eq!(handed.handed_over_at, Some(world.clock.now()));
    let (package, document) = world.kept(&s).await;
    assert_eq!(package, format!("access.not_joined: {}", String::from_utf8(document).unwrap()));
    let reads = world.archive.ledger().reads;
    assert_eq!((reads, world.arrivals(&s)), (0, 0));
    assert_eq!(world.store.packages().await.unwrap().waiting, 1);
    world.drain().await;
}

#[tokio::test]
async fn what_a_day_is_known_for_or_only_a_person_may_hand_over_is_held() {
    let joins = "party = { joined = \"2026-10-08\" }\nhand_over = { recipients = \"r\", automatic = true }";
    for (parties, code) in [(joins, "access.not_joined"), (BY_A_PERSON, "access.phase_mismatch")] {
        let mut world = World::new();
        world.parties = organiser(parties);
        let s = world.accept("1", &record(CASE), None).await;
        world.start();
        let State::Held { why, .. } = world.until(&s, "held").await.state else { panic!() };
        assert_eq!(why.code, code);
        world.drain().await;
    }
}

#[tokio::test]
async fn a_record_whose_case_is_to_be_found_waits_for_a_person_to_name_it() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let s = world.accept("1", &record("find"), None).await;
    world.start();
    let State::Parked { why, sent: false } = world.until(&s, "parked").await.state else { panic!() };
    assert_eq!(why.code, "handover.case_not_named");
    let (claimed, case) = (world.store.whole(&s.id).await.unwrap(), oid(CASE));
    let denial = Denial { reasons: vec![Reason::NotJoined { party: PartyRole::Organiser, from: None }] };
    let against = Against::Parties(denial);
    let said = serde_json::from_value(record("find")).unwrap();
    assert_eq!(Order::try_new(&claimed, &said, None, &against).err().unwrap().code, "handover.case_not_named");
    let order = Order::try_new(&claimed, &said, Some(&case), &against).unwrap();
    let pipeline = Arc::clone(&world.pipeline) as Arc<dyn Pipeline>;
    let made = order.carry_out(&pipeline, world.clock.now()).await.unwrap();
    let step = Step::plain(Event::HandOver { why: against.cause() }, actor());
    world.store.hand_over(&s.id, &made, step, world.clock.now()).await.unwrap();

    // Taken back, the case that it was handed over with is checked, and no other is looked for.
    world.restart(PartyBook::default()).await;
    world.archive.ledger().case_searches = 0;
    world.step(&s, Event::TakeBack).await.unwrap();
    world.until(&s, "archived").await;
    assert_eq!(world.sent_bytes(&s), [made.bodies.document]);
    world.drain().await;
}

#[tokio::test]
async fn what_is_taken_back_is_asked_for_first_and_leaves_once_with_the_bytes_that_were_handed_over() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    world.until(&s, "handed_over").await;
    let (_, document) = world.kept(&s).await;
    let receipt = Event::EnterReceipt { by: "registrar".into(), reference: "D 17/2026".into() };
    world.step(&s, receipt).await.unwrap();
    assert_eq!(world.store.packages().await.unwrap().waiting, 0);
    world.restart(PartyBook::default()).await;
    world.script(&s, &[Behaviour::StoreAndStaySilent]);
    let back = world.step(&s, Event::TakeBack).await.unwrap();
    assert_eq!((back.state, &back.document), (State::Queued, &s.document));
    world.until(&s, "unknown").await;
    let metrics = world.metrics.render(&Census::default(), world.clock.now());
    assert!(
        metrics.contains("asiasilta_questions_total{outcome=\"absent\"} 1\n"),
        "asked before anything left: {metrics}"
    );
    world.advance(30);
    let found = world.until(&s, "archived").await;
    assert_eq!(found.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    assert_eq!(world.sent_bytes(&s), [document]);
    world.drain().await;
}

#[tokio::test]
async fn what_the_organiser_has_archived_meanwhile_is_found_and_does_not_leave() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let (same, other) = (world.accept("1", &record(CASE), None).await, world.accept("2", &record(CASE), None).await);
    world.start();
    for s in [&same, &other] {
        world.until(s, "handed_over").await;
    }
    let (_, document) = world.kept(&same).await;
    let holding = |of: &Submission, bytes: &[u8]| {
        let bytes = HeldBytes::Known(Digest::of(bytes));
        (of.document.document.to_string(), Holding { ids: of.document.clone(), bytes })
    };
    world.archive.ledger().held.extend([holding(&same, &document), holding(&other, b"something else")]);
    world.restart(PartyBook::default()).await;
    for s in [&same, &other] {
        world.step(s, Event::TakeBack).await.unwrap();
    }
    world.until(&same, "archived").await;
    let State::Parked { why, .. } = world.until(&other, "parked").await.state else { panic!() };
    assert_eq!(why.code, "archive.other_bytes");
    assert!(world.sent_bytes(&same).is_empty() && world.sent_bytes(&other).is_empty());
    world.drain().await;
}

#[tokio::test]
async fn versions_go_another_way_and_come_back_in_their_order() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    world.start();
    world.until(&first, "handed_over").await;
    world.until(&second, "handed_over").await;
    world.restart(PartyBook::default()).await;
    // The later one alone waits for the one before it.
    world.step(&second, Event::TakeBack).await.unwrap();
    let State::Held { why, .. } = world.until(&second, "held").await.state else { panic!() };
    assert_eq!(why.code, "version.predecessor_handed_over");
    for event in [Event::TakePlace, Event::Withdraw { by: "b".into(), why: "w".into() }] {
        assert!(matches!(world.step(&second, event).await, Err(StoreError::Illegal(_))));
    }
    world.step(&first, Event::TakeBack).await.unwrap();
    world.until(&first, "archived").await;
    world.advance(900);
    world.until(&second, "archived").await;
    let came: Vec<_> = world.archive.ledger().arrivals.iter().map(|(id, _)| id.clone()).collect();
    assert_eq!(came, [first.document.document.to_string(), second.document.document.to_string()]);
    world.drain().await;
}

#[tokio::test]
async fn packages_that_wait_are_told_once_and_once_that_none_waits() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    world.until(&s, "handed_over").await;
    world.drain().await;
    let worker = world.worker(Arc::clone(&world.store));
    let (lines, _listening) = listen();
    for _ in 0..2 {
        worker.look_at_packages().await.unwrap();
    }
    let receipt = Event::EnterReceipt { by: "registrar".into(), reference: "D 17/2026".into() };
    world.step(&s, receipt).await.unwrap();
    for _ in 0..2 {
        worker.look_at_packages().await.unwrap();
    }
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let levels: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(levels, ["WARN", "INFO"], "{text}");
}

/// An order of an operator's, for what keeps it from the archive beside the parties.
async fn handed_over_for_its_chain(world: &World, of: &Submission) -> Submission {
    let claimed = world.store.whole(&of.id).await.unwrap();
    let against = Against::of(&claimed, None).unwrap();
    let order = Order::try_new(&claimed, &serde_json::from_slice(&claimed.payload).unwrap(), None, &against).unwrap();
    let pipeline = Arc::clone(&world.pipeline) as Arc<dyn Pipeline>;
    let made = order.carry_out(&pipeline, world.clock.now()).await.unwrap();
    let step = Step::plain(Event::HandOver { why: against.cause() }, actor());
    world.store.hand_over(&of.id, &made, step, world.clock.now()).await.unwrap()
}

#[tokio::test]
async fn what_was_released_in_its_predecessors_place_is_handed_over_and_comes_back_in_that_place() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    world.script(&first, &[Behaviour::Reject]);
    world.start();
    world.until(&second, "parked").await;
    world.restart(organiser(BY_ITSELF)).await;
    world.step(&second, Event::TakePlace).await.unwrap();
    let handed = world.until(&second, "handed_over").await;
    let (package, document) = world.kept(&second).await;
    let place = json!([second.document.document, 1, null]).to_string();
    assert!(package.ends_with(&place) && document.ends_with(place.as_bytes()), "{package}");
    assert_eq!((handed.document.version, handed.replaces), (1, None));
    world.restart(PartyBook::default()).await;
    world.step(&second, Event::TakeBack).await.unwrap();
    world.until(&second, "archived").await;
    assert_eq!(world.sent_bytes(&second), [document]);
    world.drain().await;
}

#[tokio::test]
async fn what_follows_one_that_came_back_and_went_nowhere_is_handed_over_again_as_it_is() {
    for refused in [true, false] {
        let mut world = World::new();
        world.parties = organiser(BY_ITSELF);
        let first = world.accept("1", &record(CASE), None).await;
        let second = world.accept("2", &replacing(&first), Some(&first)).await;
        world.start();
        world.until(&second, "handed_over").await;
        let (_, document) = world.kept(&second).await;
        world.drain().await;
        world.parties = PartyBook::default();
        world.script(&first, &[Behaviour::Reject]);
        for s in [&first, &second] {
            world.step(s, Event::TakeBack).await.unwrap();
        }
        if !refused {
            world.step(&first, Event::Abandon { by: "b".into(), why: "w".into() }).await.unwrap();
        }
        world.start();
        world.until(&first, if refused { "rejected" } else { "abandoned" }).await;
        let State::Parked { why, .. } = world.until(&second, "parked").await.state else { panic!() };
        assert_eq!(why.code, "handover.place_lost");
        let handed = handed_over_for_its_chain(&world, &second).await;
        assert_eq!(handed.why.unwrap().code, "version.predecessor_handed_over");
        assert_eq!(world.kept(&second).await.1, document, "what the organiser has");
        // It would only come to this again.
        let claimed = world.store.whole(&second.id).await.unwrap();
        assert_eq!(check_way_back(&claimed).unwrap_err().code, "handover.place_lost");
        // A further version goes the same way, which is the only one that it has.
        let third = world.accept("3", &replacing(&second), Some(&second)).await;
        let State::Held { why, .. } = world.until(&third, "held").await.state else { panic!() };
        assert_eq!(why.code, "version.predecessor_handed_over");
        handed_over_for_its_chain(&world, &third).await;
        assert!(world.sent_bytes(&second).is_empty() && world.sent_bytes(&third).is_empty());
        world.drain().await;
    }
}

#[tokio::test]
async fn nothing_is_handed_over_for_a_chain_that_is_in_the_archive_or_on_its_way() {
    let mut world = World::new();
    let first = world.accept("1", &record(CASE), None).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    assert!(Against::of(&world.store.whole(&second.id).await.unwrap(), None).is_none());
    world.start();
    world.until(&first, "archived").await;
    assert!(Against::of(&world.store.whole(&second.id).await.unwrap(), None).is_none());
    world.drain().await;
}

#[tokio::test]
async fn a_case_that_is_named_and_not_used_is_refused() {
    let world = World::new();
    let denial = || Denial { reasons: vec![Reason::NotJoined { party: PartyRole::Organiser, from: None }] };
    let (case, other) = (oid(CASE), oid("1.2.246.10.99999992.95.2026.2"));
    for (said, named, expected) in [
        (CASE, None, Ok(&case)),
        (CASE, Some(&case), Ok(&case)),
        (CASE, Some(&other), Err("handover.case_not_used")),
        ("find", Some(&other), Ok(&other)),
        ("none", Some(&other), Err("handover.case_not_used")),
    ] {
        let record = record(said);
        let s = world.accept(&format!("{said} {named:?}"), &record, None).await;
        let claimed = world.store.whole(&s.id).await.unwrap();
        let record = serde_json::from_value(record).unwrap();
        let order = Order::try_new(&claimed, &record, named, &Against::Parties(denial()));
        let found = order.as_ref().map(|order| order.case().unwrap()).map_err(|cause| cause.code.as_str());
        assert_eq!(found, expected, "{said} {named:?}");
    }
}

#[tokio::test]
async fn a_new_version_is_not_held_up_by_one_that_was_handed_over_confirmed_and_purged() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let first = world.accept("1", &record(CASE), None).await;
    world.start();
    world.until(&first, "handed_over").await;
    world.step(&first, Event::EnterReceipt { by: "b".into(), reference: "r".into() }).await.unwrap();
    let due = Due { settled_before: Timestamp::MAX, confirmed_before: Timestamp::MAX };
    assert_eq!(world.store.purge(&actor(), due, 10, world.clock.now()).await.unwrap().submissions, 1);
    world.restart(PartyBook::default()).await;
    let second = world.accept("2", &replacing(&first), Some(&first)).await;
    world.until(&second, "archived").await;
    assert_eq!(world.sent_bytes(&second).len(), 1);
    world.drain().await;
}

#[tokio::test]
async fn what_is_to_count_no_longer_is_not_archived_and_the_invalidation_waits_for_a_person() {
    let mut world = World::new();
    world.parties = organiser(BY_ITSELF);
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    world.until(&s, "handed_over").await;
    world.restart(PartyBook::default()).await;
    let gone = world.invalidate("2", &s.document.document, Extent::ThisVersion).await;
    let held = world.until(&gone, "held").await;
    assert_eq!(held.why.unwrap().code, "invalidation.handed_over");
    let refused = world.step(&s, Event::TakeBack).await;
    assert!(matches!(&refused, Err(StoreError::InvalidationOpen { by }) if *by == gone.id), "{refused:?}");
    world.step(&gone, Event::Abandon { by: "b".into(), why: "told the organiser".into() }).await.unwrap();
    // Ordered when it has come back and not left yet, it keeps it from leaving.
    world.drain().await;
    world.step(&s, Event::TakeBack).await.unwrap();
    let gone = world.invalidate("3", &s.document.document, Extent::AllVersions).await;
    world.start();
    let State::Parked { why, .. } = world.until(&s, "parked").await.state else { panic!() };
    assert_eq!(why.code, "handover.invalidation_open");
    world.step(&s, Event::Abandon { by: "b".into(), why: "wrong client".into() }).await.unwrap();
    // The organiser has it all the same, and must be told.
    assert_eq!(world.until(&gone, "held").await.why.unwrap().code, "invalidation.handed_over");
    assert!(world.archive.ledger().arrivals.is_empty());
    world.drain().await;
}
