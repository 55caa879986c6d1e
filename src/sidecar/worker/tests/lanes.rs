//! One alert when a lane becomes stuck, one when it goes on; many at once in one line.

use super::*;

/// Looks when it is time to, some time on.
async fn look(world: &World, worker: &Worker<SqliteStore, FakeArchive, VirtualClock>) {
    world.advance(60);
    worker.look_at_lanes().await.unwrap();
}

async fn park(world: &World, s: &Submission) {
    for event in [Event::Claim, Event::Park { why: cause() }] {
        world.store.step(&s.id, Step::plain(event, actor()), world.clock.now()).await.unwrap();
    }
}

#[tokio::test]
async fn a_stuck_lane_is_told_once_and_once_that_it_goes_on() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let (lines, _listening) = listen();
    worker.look_at_lanes().await.unwrap();
    let first = world.accept("1", &record(CASE), None).await;
    // What waits behind it is the same lane.
    world.accept("2", &record(CASE), Some(&first)).await;
    park(&world, &first).await;
    for _ in 0..10 {
        look(&world, &worker).await;
    }
    let metrics = worker.metrics.render(&Census::default(), world.clock.now());
    assert!(metrics.contains("asiasilta_lanes_stuck 1\n"), "{metrics}");
    world.store.step(&first.id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    for _ in 0..10 {
        look(&world, &worker).await;
    }
    let told = lines.about("lane");
    assert!(matches!(&*told, [stuck, on] if stuck.starts_with("WARN") && on.starts_with("INFO")), "{told:?}");
    assert!(told[0].contains("test.cause") && told[0].contains(first.id.as_str()));
    let metrics = worker.metrics.render(&Census::default(), world.clock.now());
    for line in ["lanes_stuck 0", "lane_alerts_total{event=\"stuck\"} 1", "lane_alerts_total{event=\"cleared\"} 1"] {
        assert!(metrics.contains(&format!("asiasilta_{line}\n")), "{metrics}");
    }
}

#[tokio::test]
async fn many_stuck_lanes_are_one_line_also_after_a_restart() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let (lines, _listening) = listen();
    worker.look_at_lanes().await.unwrap();
    for n in 0..20 {
        let s = world.accept(&n.to_string(), &record(CASE), None).await;
        park(&world, &s).await;
    }
    look(&world, &worker).await;
    let told = lines.about("lane");
    assert!(matches!(&*told, [one] if one.contains("lanes=20") && one.contains("test.cause 20")), "{told:?}");
    let again = world.worker(Arc::clone(&world.store));
    again.look_at_lanes().await.unwrap();
    look(&world, &again).await;
    let told = lines.about("lane");
    assert!(matches!(&*told, [_, one] if one.contains("lanes=20")), "{told:?}");
}

#[tokio::test]
async fn a_worker_that_parks_a_submission_tells_of_its_lane() {
    let mut world = World::new();
    let mut paid = record(CASE);
    paid["purchase"] = json!("self_pay");
    let (lines, _listening) = listen();
    world.start();
    let s = world.accept("1", &paid, None).await;
    world.until(&s, "parked").await;
    while lines.about("lane").is_empty() {
        world.advance(1);
        tokio::task::yield_now().await;
    }
    assert!(lines.about("lane")[0].contains("access.self_pay"));
    world.drain().await;
}

#[tokio::test]
async fn what_is_stuck_beyond_those_that_are_remembered_is_still_told() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let (lines, _listening) = listen();
    worker.look_at_lanes().await.unwrap();
    let mut all = Vec::new();
    for n in 0..103 {
        let s = world.accept(&n.to_string(), &record(CASE), None).await;
        park(&world, &s).await;
        all.push(s);
        if n >= 100 {
            look(&world, &worker).await;
        }
    }
    look(&world, &worker).await;
    let told = lines.about("lane");
    assert!(
        matches!(&*told, [a, b, c] if a.contains("lanes=101") && b.contains("lanes=102") && c.contains("lanes=103"))
    );
    world.store.step(&all[0].id, Step::plain(Event::Release, actor()), world.clock.now()).await.unwrap();
    look(&world, &worker).await;
    assert!(lines.about("lane")[3..].iter().all(|line| line.starts_with("INFO")) && lines.about("lane").len() == 4);
    let metrics = worker.metrics.render(&Census::default(), world.clock.now());
    for line in ["lanes_stuck 102", "lane_alerts_total{event=\"stuck\"} 103", "lane_alerts_total{event=\"cleared\"} 1"]
    {
        assert!(metrics.contains(&format!("asiasilta_{line}\n")), "{metrics}");
    }
}
