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
