//! What the right's reasons do to a submission: held until the day, held and parked, all clients told, an end warned of.

use super::*;

async fn held(world: &World, of: &Submission) -> (Option<Timestamp>, Cause) {
    let State::Held { until, why } = world.until(of, "held").await.state else { panic!() };
    (until, why)
}

#[tokio::test]
async fn a_right_that_starts_later_holds_until_that_midnight_and_sends_then() {
    let mut world = World::new();
    world.archive.ledger().relationship = Some(evidence("2026-10-26"));
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    let (until, why) = held(&world, &s).await;
    // The clocks go back on the 25th: the 26th begins at UTC+2.
    let midnight: Timestamp = "2026-10-25T22:00:00Z".parse().unwrap();
    assert_eq!((until, why.code.as_str()), (Some(midnight), "access.not_started"));
    world.clock.advance_to(midnight - SignedDuration::from_secs(1));
    let (until, _) = held(&world, &s).await;
    assert_eq!((until, world.arrivals(&s)), (Some(midnight), 0));
    world.clock.advance_to(midnight);
    world.until(&s, "archived").await;
    assert_eq!(world.arrivals(&s), 1);
    world.drain().await;
}

#[tokio::test]
async fn a_party_that_has_not_joined_holds_until_it_does_or_the_patience_is_over() {
    let mut world = World::new();
    world.parties = organiser("party = { joined = \"2026-10-08\", phase = 2 }");
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    let (until, why) = held(&world, &s).await;
    assert_eq!((until, why.code.as_str()), (Some("2026-10-07T21:00:00Z".parse().unwrap()), "access.not_joined"));
    world.clock.advance_to("2026-10-07T21:00:00Z".parse().unwrap());
    world.until(&s, "archived").await;
    world.drain().await;

    let mut world = World::new();
    world.parties = organiser("party = { joined = true, phase = 1 }");
    world.settings.held_age_max = Duration::from_secs(1800);
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    let (until, why) = held(&world, &s).await;
    assert_eq!((until, why.code.as_str()), (None, "access.phase_mismatch"));
    world.settle().await;
    assert_eq!((world.state(&s).await.name(), world.arrivals(&s)), ("parked", 0));
    world.drain().await;
}

#[tokio::test]
async fn of_a_joint_record_every_client_who_does_not_permit_is_named_by_place() {
    let mut world = World::new();
    let mut joint = record(CASE);
    for code in ["020303A905N", "140341-912E"] {
        let mut other = joint["clients"][0].clone();
        other["identity_code"] = json!(code);
        joint["clients"].as_array_mut().unwrap().push(other);
    }
    {
        let mut ledger = world.archive.ledger();
        let first = joint["clients"][0]["identity_code"].as_str().unwrap().to_owned();
        ledger.relationship_of.insert(first, evidence("2026-10-10"));
        ledger.relationship_of.insert("140341-912E".into(), evidence("2026-10-12"));
    }
    let s = world.accept("1", &joint, None).await;
    world.start();
    let (until, why) = held(&world, &s).await;
    assert_eq!(until, Some("2026-10-11T21:00:00Z".parse().unwrap()));
    let expected = "client 1 of 3: the register access right begins on 2026-10-10; client 3 of 3: the register access right begins on 2026-10-12";
    assert_eq!((why.code.as_str(), why.message.en.as_ref()), ("access.not_started", expected));
    assert!(!why.message.fi.contains("140341"));
    world.clock.advance_to("2026-10-11T21:00:00Z".parse().unwrap());
    world.until(&s, "archived").await;
    world.drain().await;
}

#[tokio::test]
async fn a_right_that_is_about_to_end_is_counted_once() {
    let mut world = World::new();
    let mut ending = evidence("2026-01-01");
    ending.relationship.grants[0].end = Some("2026-10-20".parse().unwrap());
    world.archive.ledger().relationship = Some(ending);
    world.start();
    let counted = |world: &World| {
        let census = Census::default();
        let text = world.metrics.render(&census, world.clock.now());
        text.lines().find_map(|l| l.strip_prefix("asiasilta_rights_ending_total ").map(str::to_owned)).unwrap()
    };
    for (key, at) in [("1", "2026-10-06T09:00:00Z"), ("2", "2026-10-07T09:00:00Z")] {
        world.clock.advance_to(at.parse().unwrap());
        let s = world.accept(key, &record(CASE), None).await;
        world.until(&s, "archived").await;
    }
    assert_eq!(counted(&world), "1");
    world.drain().await;
}

#[tokio::test]
async fn held_until_the_right_starts_then_sent() {
    let mut world = World::new();
    world.archive.ledger().relationship = Some(evidence("2026-10-07"));
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    let held = world.until(&s, "held").await;
    let midnight: Timestamp = "2026-10-06T21:00:00Z".parse().unwrap();
    let State::Held { until, why } = held.state else { panic!() };
    assert_eq!((until, why.code.as_str()), (Some(midnight), "access.not_started"));
    while world.store.next_due().await.unwrap().is_some_and(|due| due < midnight) {
        world.settle_once().await;
        assert_eq!(world.arrivals(&s), 0);
    }
    world.clock.advance_to(midnight);
    world.until(&s, "archived").await;
    assert_eq!(world.arrivals(&s), 1);
    world.drain().await;
}

impl World {
    /// Moves time to what is due next and waits until it has been looked at.
    async fn settle_once(&self) {
        let before = self.store.next_due().await.unwrap();
        self.clock.advance_to(before.unwrap());
        while self.store.next_due().await.unwrap() == before
            || self.store.census().await.unwrap().by_state.iter().any(|(state, _)| state == "claimed")
        {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn held_without_a_known_end_is_parked_when_patience_is_over() {
    let mut world = World::new();
    world.archive.ledger().relationship = None;
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    world.until(&s, "held").await;
    let from = world.clock.now();
    world.settle().await;
    let State::Parked { why, .. } = world.state(&s).await else { panic!() };
    assert_eq!(why.code, "access.no_relationship");
    assert!(world.clock.now() >= later(from, world.settings.held_age_max));
    world.drain().await;
}

#[tokio::test]
async fn a_right_that_ended_or_a_self_paid_service_is_parked_at_once() {
    let mut world = World::new();
    let mut paid = record(CASE);
    paid["purchase"] = json!("self_pay");
    let s = world.accept("1", &paid, None).await;
    world.start();
    let State::Parked { why, .. } = world.until(&s, "parked").await.state else { panic!() };
    assert_eq!(why.code, "access.self_pay");
    let day = "2026-10-04".parse().ok();
    world.archive.ledger().relationship.as_mut().unwrap().relationship.grants[0].end = day;
    world.advance(61);
    let ended = world.accept("2", &record(CASE), None).await;
    let State::Parked { why, .. } = world.until(&ended, "parked").await.state else { panic!() };
    assert_eq!(why.code, "access.ended");
    assert_eq!((world.arrivals(&s), world.arrivals(&ended)), (0, 0));
    world.drain().await;
}

#[tokio::test]
async fn patience_begins_anew_with_another_cause() {
    let mut world = World::new();
    world.archive.ledger().relationship = Some(evidence("2026-11-06"));
    world.archive.ledger().cases = Vec::new();
    let s = world.accept("1", &record("find"), None).await;
    world.start();
    let State::Held { why, .. } = world.until(&s, "held").await.state else { panic!() };
    assert_eq!(why.code, "access.not_started");
    let begins: Timestamp = "2026-11-05T22:00:00Z".parse().unwrap();
    world.clock.advance_to(begins);
    let waits_for_a_case = async {
        loop {
            match world.state(&s).await {
                State::Held { why, .. } if why.code == "case.none_yet" => return,
                State::Parked { why, .. } => panic!("{why:?}"),
                _ => tokio::task::yield_now().await,
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waits_for_a_case).await.unwrap();
    assert_eq!(world.store.find(&s.id, &scope()).await.unwrap().unwrap().0.held_since, Some(begins));
    world.settle().await;
    let State::Parked { why, .. } = world.state(&s).await else { panic!() };
    assert_eq!(why.code, "case.none_yet");
    assert!(world.clock.now() >= later(begins, world.settings.held_age_max));
    world.drain().await;
}
