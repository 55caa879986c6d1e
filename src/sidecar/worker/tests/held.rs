//! What the archive has under a document's id against what was sent.

use super::*;

/// A submission whose answer was lost, and what the archive holds under its id when it is asked.
async fn asked_for(world: &mut World, key: &str, held: impl FnOnce(Holding) -> Option<Holding>) -> Submission {
    let s = world.accept(key, &record(CASE), None).await;
    world.script(&s, &[Behaviour::StoreAndStaySilent]);
    if world.running.is_none() {
        world.start();
    }
    world.until(&s, "unknown").await;
    let as_sent = world.archive.ledger().holding(&s.document.document).unwrap();
    if let Some(held) = held(as_sent) {
        world.archive.ledger().held.insert(s.document.document.to_string(), held);
    }
    world.advance(30);
    s
}

async fn parked_with(world: &World, s: &Submission) -> String {
    let State::Parked { why, sent } = world.until(s, "parked").await.state else { panic!() };
    assert!(sent, "it is asked for again before anything else");
    why.code
}

fn alarms(metrics: &str) -> Vec<&str> {
    metrics.lines().filter(|line| line.starts_with("asiasilta_alarms_total")).collect()
}

#[tokio::test]
async fn other_bytes_under_the_id_of_a_document_are_an_alarm_and_never_archived() {
    let mut world = World::new();
    let other = |held: Holding| Some(Holding { bytes: HeldBytes::Known(Digest::of(b"something else")), ..held });
    let s = asked_for(&mut world, "1", other).await;
    assert_eq!(parked_with(&world, &s).await, "archive.other_bytes");
    // Released it is compared again; once the archive has what was sent, it is archived.
    world.store.step(&s.id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    world.archive.ledger().held.clear();
    world.wake.notify_one();
    let archived = world.until(&s, "archived").await;
    assert_eq!(archived.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    assert_eq!(world.arrivals(&s), 1);
    world.drain().await;
}

#[tokio::test]
async fn another_set_or_version_under_the_id_is_an_alarm_too() {
    let mut world = World::new();
    let version = |held: Holding| Some(Holding { ids: DocumentIds { version: 2, ..held.ids }, ..held });
    let s = asked_for(&mut world, "1", version).await;
    assert_eq!(parked_with(&world, &s).await, "archive.other_bytes");
    world.drain().await;
}

#[tokio::test]
async fn where_the_archive_does_not_give_the_bytes_the_ids_decide_and_the_proof_says_so() {
    let mut world = World::new();
    let s = asked_for(&mut world, "1", |held| Some(Holding { bytes: HeldBytes::NotGiven, ..held })).await;
    let archived = world.until(&s, "archived").await;
    assert_eq!(archived.verdict, Some(Verdict::Archived { proof: Proof::FoundByIds, remarks: Vec::new() }));
    world.drain().await;
}

#[tokio::test]
async fn a_refusal_as_duplicate_of_the_same_bytes_is_success_and_of_other_bytes_an_alarm() {
    let mut world = World::new();
    let (same, other) = (world.accept("1", &record(CASE), None).await, world.accept("2", &record(CASE), None).await);
    for s in [&same, &other] {
        world.script(s, &[Behaviour::Duplicate]);
    }
    world.start();
    world.until(&same, "unknown").await;
    world.until(&other, "unknown").await;
    world.archive.ledger().stored.push(same.document.document.to_string());
    let held = Holding { ids: other.document.clone(), bytes: HeldBytes::Known(Digest::of(b"something else")) };
    world.archive.ledger().held.insert(other.document.document.to_string(), held);
    world.advance(30);
    let archived = world.until(&same, "archived").await;
    assert_eq!(archived.verdict, Some(Verdict::Archived { proof: Proof::Found, remarks: Vec::new() }));
    assert_eq!(parked_with(&world, &other).await, "archive.other_bytes");
    world.drain().await;
}

#[tokio::test]
async fn an_alarm_is_told_once_as_an_error_and_counted_by_its_code() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let s = world.accept("1", &record(CASE), None).await;
    let claimed = world.store.claim(&actor(), 1, world.clock.now()).await.unwrap();
    let envelope = StoredEnvelope {
        outbound: Outbound { soap_action: "a".into(), content_type: "text/plain".into(), body: b"sent".to_vec() },
        ground: Ground::OwnRegister,
        case: None,
    };
    let now = world.clock.now();
    world.store.launch(&claimed[0].submission.id, &envelope, Step::plain(Event::Launch, actor()), now).await.unwrap();
    world.store.step(&s.id, Step::plain(Event::LoseAnswer { ask_at: now }, actor()), now).await.unwrap();
    let held = Holding { ids: s.document.clone(), bytes: HeldBytes::Known(Digest::of(b"held")) };
    world.archive.ledger().held.insert(s.document.document.to_string(), held);
    let claimed = world.store.claim(&actor(), 1, now).await.unwrap();
    let (lines, listening) = listen();
    let place = worker.run.flow.take_place(&s.organisation, Duration::ZERO, (1, 1)).unwrap();
    Box::pin(Arc::clone(&worker).carry(claimed.into_iter().next().unwrap(), place)).await.unwrap();
    drop(listening);
    let text = lines.text();
    let errors: Vec<_> = text.lines().filter(|line| line.contains("ERROR")).collect();
    assert_eq!(errors.len(), 1, "{text}");
    assert!(errors[0].contains("archive.other_bytes") && errors[0].contains(s.document.document.as_str()), "{text}");
    let metrics = worker.metrics.render(&Census::default(), now);
    assert_eq!(alarms(&metrics), ["asiasilta_alarms_total{code=\"archive.other_bytes\"} 1"]);
}
