//! Which case a record goes to, and that the caller's word alone does not decide it.

use super::*;

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
    let unsure = CaseEntry { status: CaseStatus::NotVerified(Text::same("x")), ..case(CASE, true) };
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
