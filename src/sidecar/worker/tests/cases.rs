//! Which case a record goes to, and that the caller's word alone does not decide it.

use super::*;
use crate::domain::decision::{Outcome as GrantedOrNot, Validity};
use crate::domain::find_case::Decides;

fn joint(case: &str) -> Value {
    let mut joint = record(case);
    let mut other = joint["clients"][0].clone();
    other["identity_code"] = json!("020303A905N");
    joint["clients"].as_array_mut().unwrap().push(other);
    joint
}

async fn why_parked(world: &World, of: &Submission) -> String {
    let State::Parked { why, .. } = world.until(of, "parked").await.state else { panic!() };
    why.code
}

async fn why_held(world: &World, of: &Submission) -> String {
    let State::Held { why, .. } = world.until(of, "held").await.state else { panic!() };
    why.code
}

#[tokio::test]
async fn a_case_that_is_not_the_clients_is_waited_for_and_nothing_is_sent() {
    let mut world = World::new();
    world.archive.ledger().cases = vec![case("1.2.6", true)];
    let s = world.accept("1", &record(CASE), None).await;
    world.start();
    assert_eq!(why_held(&world, &s).await, "access.unknown_case");
    world.archive.ledger().cases = vec![case(CASE, true)];
    world.advance(900);
    world.until(&s, "archived").await;
    world.drain().await;
}

#[tokio::test]
async fn a_closed_case_and_one_that_does_not_verify_are_left_to_a_person() {
    let mut world = World::new();
    world.archive.ledger().cases = vec![case(CASE, false)];
    let closed = world.accept("1", &record(CASE), None).await;
    world.start();
    assert_eq!(why_parked(&world, &closed).await, "case.closed");
    let unsure = KnownCase { standing: Standing::NotVerified(Text::same("x")), ..case(CASE, true) };
    world.archive.ledger().cases = vec![unsure];
    for (key, named) in [("2", CASE), ("3", "find")] {
        let s = world.accept(key, &record(named), None).await;
        assert_eq!(why_parked(&world, &s).await, "case.not_verified");
    }
    world.drain().await;
}

#[tokio::test]
async fn a_joint_case_is_a_case_of_every_client() {
    let mut world = World::new();
    world.archive.ledger().cases_of.insert("020303A905N".into(), vec![case("1.2.6", true)]);
    let named = world.accept("1", &joint(CASE), None).await;
    world.start();
    assert_eq!(why_held(&world, &named).await, "access.unknown_case");
    let found = world.accept("2", &joint("find"), None).await;
    assert_eq!(why_held(&world, &found).await, "case.none_yet");
    world.archive.ledger().cases_of.insert("020303A905N".into(), vec![case("1.2.6", true), case(CASE, true)]);
    world.advance(900);
    world.until(&named, "archived").await;
    world.until(&found, "archived").await;
    world.drain().await;
}

#[tokio::test]
async fn that_a_case_is_open_is_asked_once_in_a_while_and_not_for_every_record() {
    let mut world = World::new();
    world.start();
    for key in ["1", "2", "3"] {
        let s = world.accept(key, &record(CASE), None).await;
        world.until(&s, "archived").await;
    }
    assert_eq!(world.archive.ledger().case_searches, 1);
    world.advance(61);
    let s = world.accept("4", &record(CASE), None).await;
    world.until(&s, "archived").await;
    assert_eq!(world.archive.ledger().case_searches, 2);
    world.drain().await;
}

fn grants(document: &str, of: &str, service: &str) -> KnownDecision {
    let service = Some(service.to_owned());
    let decides = Decides::Service { service, validity: Validity::default(), outcome: GrantedOrNot::Granted };
    KnownDecision { document: oid(document), set: oid(document), case: Some(oid(of)), decides }
}

/// A record that tells of a service.
fn of_service(service: &str) -> Value {
    let mut record = record("find");
    record["content"] =
        json!({ "x": { "sosiaalipalvelu": [{ "system": "urn:oid:1.2.246.537.6.1222", "code": service }] } });
    record
}

#[tokio::test]
async fn the_service_that_was_decided_tells_cases_apart_and_otherwise_both_stand_in_the_status_with_reasons() {
    let mut world = World::new();
    world.archive.ledger().cases = vec![case(CASE, true), case("1.2.6", true)];
    world.archive.ledger().decisions = vec![grants("1.3.1", "1.2.6", "2"), grants("1.3.2", CASE, "46")];
    let found = world.accept("1", &of_service("46"), None).await;
    world.start();
    world.until(&found, "archived").await;
    let body = world.archive.ledger().arrivals[0].1.clone();
    assert!(String::from_utf8(body).unwrap().contains(CASE));

    let unclear = world.accept("2", &of_service("99"), None).await;
    let State::Parked { why, .. } = world.until(&unclear, "parked").await.state else { panic!() };
    let told: Vec<_> = why.candidates.iter().map(|c| (c.case.as_str(), c.reasons[0].code.as_str())).collect();
    assert_eq!((why.code.as_str(), told), ("case.ambiguous", vec![(CASE, "case.open"), ("1.2.6", "case.open")]));
    world.drain().await;
}

#[tokio::test]
async fn the_decision_that_a_record_names_leads_to_its_case_or_is_waited_for() {
    let mut world = World::new();
    world.archive.ledger().cases = vec![case(CASE, true), case("1.2.6", true)];
    let mut named = record("find");
    named["decision"] = json!("1.3.1");
    let s = world.accept("1", &named, None).await;
    world.start();
    assert_eq!(why_held(&world, &s).await, "case.decision_unknown");
    world.archive.ledger().decisions = vec![grants("1.3.1", "1.2.6", "2")];
    world.advance(900);
    world.until(&s, "archived").await;
    let body = world.archive.ledger().arrivals[0].1.clone();
    assert!(String::from_utf8(body).unwrap().contains(" 1.2.6 "));
    world.archive.ledger().cases = vec![case(CASE, true), case("1.2.6", false)];
    let closed = world.accept("2", &named, None).await;
    assert_eq!(why_parked(&world, &closed).await, "case.closed");
    world.drain().await;
}

#[tokio::test]
async fn the_case_is_found_waited_for_or_left_to_a_person() {
    let mut world = World::new();
    let found = world.accept("1", &record("find"), None).await;
    world.start();
    world.until(&found, "archived").await;
    let body = world.archive.ledger().arrivals[0].1.clone();
    assert!(String::from_utf8(body).unwrap().contains(CASE));

    world.archive.ledger().cases = vec![case("1.2.5", false)];
    let none = world.accept("2", &record("find"), None).await;
    let State::Held { why, .. } = world.until(&none, "held").await.state else { panic!() };
    assert_eq!(why.code, "case.none_yet");

    world.archive.ledger().cases = vec![case(CASE, true), case("1.2.6", true), case("1.2.6", true)];
    let several = world.accept("3", &record("find"), None).await;
    let State::Parked { why, .. } = world.until(&several, "parked").await.state else { panic!() };
    assert!(why.code == "case.ambiguous" && why.message.en.contains(CASE) && why.message.en.contains("are 2 cases"));
    world.drain().await;
}
