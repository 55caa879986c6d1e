//! A line that is in trouble: one submission tries it, and it is said once.

use super::*;

#[tokio::test]
async fn while_the_archive_is_unreachable_one_submission_tries_and_all_say_why_or_wait() {
    let mut world = World::new();
    world.archive.ledger().down = true;
    let mut all = Vec::new();
    for n in 0..20 {
        all.push(world.accept(&n.to_string(), &record(CASE), None).await);
    }
    world.start();
    while world.archive.ledger().reads == 0 {
        tokio::task::yield_now().await;
    }
    let first = all[0].clone();
    while world.store.find(&first.id, &scope()).await.unwrap().unwrap().0.why.is_none() {
        tokio::task::yield_now().await;
    }
    let (queued, _) = world.store.find(&first.id, &scope()).await.unwrap().unwrap();
    assert_eq!((queued.state, queued.why.unwrap().code.as_str()), (State::Queued, "archive.unreachable"));
    // A day, by the minute.
    for _ in 0..1440 {
        world.advance(60);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
    let reads = world.archive.ledger().reads;
    assert!(reads <= 8 + 86_400 / 400, "{reads} tries");
    world.archive.ledger().down = false;
    world.settle().await;
    for s in &all {
        assert_eq!((world.state(s).await, world.arrivals(s)), (State::Archived, 1));
        let (_, way) = world.store.find(&s.id, &scope()).await.unwrap().unwrap();
        assert!(way.len() < 30, "{} lines for one submission", way.len());
    }
    world.drain().await;
}

#[tokio::test]
async fn trouble_with_the_archive_is_said_once_when_it_changes_and_once_when_it_is_over() {
    let world = World::new();
    let worker = world.worker(Arc::clone(&world.store));
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for _ in 0..3 {
            worker.line_fails(&oid(PRODUCER), &unreachable(), None);
        }
        worker.line_fails(&oid(PRODUCER), &cause(), None);
        worker.line_works(&oid(PRODUCER));
        worker.line_works(&oid(PRODUCER));
    });
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let levels: Vec<_> = text.lines().map(|line| line.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(levels, ["WARN", "WARN", "INFO"], "{text}");
    let metrics = worker.metrics.render(&Census::default(), world.clock.now());
    assert!(metrics.contains("asiasilta_archive_faults_total{code=\"archive.unreachable\"} 3\n"), "{metrics}");
}
