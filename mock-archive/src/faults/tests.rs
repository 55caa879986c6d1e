//! The script: order, counting, reading, chance, throttle, holds.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use super::*;

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn head<'a>(peer: &'a Oid, action: &'a str) -> Head<'a> {
    Head::new(peer, action)
}

const STORE: &str = "\"urn:hl7-org:v3:RCMR_IN200002FI01\"";

#[test]
fn faults_come_in_their_order_and_are_bounded() {
    let (faults, peer) = (Faults::default(), oid("1.2.1"));
    let take = || faults.take(MessageKind::FirstVersion, &peer, None);
    faults.next_store(Fault::BlockPage).unwrap();
    faults.next_store(Fault::Status(503, Some(2))).unwrap();
    assert_eq!(faults.waiting(), 2);
    assert_eq!([take(), take(), take()], [Some(Fault::BlockPage), Some(Fault::Status(503, Some(2))), None]);
    assert_eq!(faults.happened().1, 2);
    for _ in 0..STEPS_MAX {
        faults.next_store(Fault::BlockPage).unwrap();
    }
    assert_eq!(faults.next_store(Fault::BlockPage), Err(TooManyFaults));
}

#[test]
fn a_step_is_for_its_kind_its_sender_its_document_and_so_many_times() {
    let faults = Faults::default();
    let (mine, other, document) = (oid("1.2.1"), oid("1.2.2"), oid("1.9.1"));
    let step = Step {
        on: MessageKind::NewVersion,
        sender: Some(mine.clone()),
        document: Some(document.clone()),
        skip: 1,
        times: Some(2),
        fault: Fault::SoapFault,
    };
    faults.add(step).unwrap();
    assert_eq!(faults.take(MessageKind::FirstVersion, &mine, Some(&document)), None);
    assert_eq!(faults.take(MessageKind::NewVersion, &other, Some(&document)), None);
    assert_eq!(faults.take(MessageKind::NewVersion, &mine, Some(&other)), None);
    let taken: Vec<_> = (0..4).map(|_| faults.take(MessageKind::NewVersion, &mine, Some(&document))).collect();
    assert_eq!(taken, [None, Some(Fault::SoapFault), Some(Fault::SoapFault), None]);
}

#[test]
fn early_faults_go_by_the_head_and_connections_by_themselves() {
    let (faults, peer) = (Faults::default(), oid("1.2.1"));
    faults.next_connection(TlsFault::ServerExpired).unwrap();
    faults.next(MessageKind::Find, Fault::ResetBeforeBody).unwrap();
    assert_eq!(faults.plan(&head(&peer, STORE)), Planned::Open);
    assert_eq!(faults.take(MessageKind::Find, &peer, None), None, "decided by the head alone");
    let find = "application/soap+xml; action=\"urn:hl7-org:v3:RCMR_IN200029FI01\"";
    assert_eq!(faults.plan(&head(&peer, find)), Planned::Early(Fault::ResetBeforeBody));
    assert_eq!(faults.take_for_connection(), Some(TlsFault::ServerExpired));
    assert_eq!(faults.take_for_connection(), None);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let (one, other) = (oid("1.2.1"), oid("1.2.2"));
    let weighted = vec![(Fault::BlockPage, 3), (Fault::ResetBeforeStore, 1)];
    let run = |seed, mixed: bool| {
        let mut chance = Chance::new(seed, 250, weighted.clone());
        let mut drawn = Vec::new();
        for _ in 0..400 {
            drawn.push(chance.draw(&head(&one, STORE)));
            if mixed {
                chance.draw(&head(&other, STORE));
            }
        }
        drawn
    };
    let first = run(7, false);
    assert_eq!(first, run(7, false));
    assert_eq!(first, run(7, true), "whatever others send in between");
    assert_ne!(first, run(8, false));
    let of = |fault| first.iter().filter(|drawn| **drawn == Some(fault)).count();
    let (pages, resets) = (of(Fault::BlockPage), of(Fault::ResetBeforeStore));
    assert!((70..=130).contains(&(pages + resets)), "a quarter of 400: {pages} + {resets}");
    assert!(pages > 2 * resets, "three to one: {pages} {resets}");
}

#[test]
fn messages_beyond_the_rate_are_throttled_until_the_clock_has_moved() {
    let clock = Clock::standing_at("2026-11-22T10:00:00Z".parse().unwrap());
    let (faults, peer) = (Faults::new(clock.clone()), oid("1.2.1"));
    let throttle = Throttle { messages: 2, per_secs: 10, status: 429, retry_after_secs: Some(9) };
    faults.throttle(Some(throttle));
    let plans: Vec<_> = (0..3).map(|_| faults.plan(&head(&peer, STORE))).collect();
    assert_eq!(plans, [Planned::Open, Planned::Open, Planned::Throttled(throttle)]);
    clock.advance(Duration::from_secs(10));
    assert_eq!(faults.plan(&head(&peer, STORE)), Planned::Open);
}

#[test]
fn every_fault_of_the_catalogue_is_read_back_from_toml_and_json() {
    for FaultRow { example, .. } in CATALOGUE {
        let quoted = |name: &str, value: &str| if name == "at" { format!("\"{value}\"") } else { value.to_owned() };
        let all = |between: &str, quote: &str| {
            let settings = example.settings();
            let each =
                settings.iter().map(|(name, value)| format!("{quote}{name}{quote}{between}{}", quoted(name, value)));
            each.collect::<Vec<_>>()
        };
        let toml = format!("[[step]]\nfault = \"{}\"\n{}", example.name(), all(" = ", "").join("\n"));
        let json = [vec![format!("\"fault\": \"{}\"", example.name())], all(": ", "\"")].concat().join(", ");
        let json = format!("{{\"step\": [{{{json}}}]}}");
        for script in [Script::from_toml(&toml).unwrap(), Script::from_json(json.as_bytes()).unwrap()] {
            assert_eq!(script.steps, [Step::once(MessageKind::Any, example)], "{toml}");
        }
    }
}

#[test]
fn a_script_that_cannot_be_used_says_what_was_expected() {
    for (text, says) in [
        ("[[step]]\nfault = \"storm\"", "fault: found \"storm\", expected reset-before-body, "),
        ("[[step]]\non = \"all\"\nfault = \"block-page\"", "on: found \"all\", expected any, store, "),
        ("[[step]]\nfault = \"status\"", "fault status: status is missing"),
        ("[[step]]\nfault = \"status\"\nstatus = 7", "fault status: status is not from 100 to 999"),
        ("[[step]]\nfault = \"block-page\"\nbytes = 7", "fault block-page: bytes is not a setting of this fault"),
        ("[[step]]\nfault = \"hold\"\nat = \"door\"", "fault hold: at is not arrival, inside or answer"),
        ("[[step]]\nfault = \"block-page\"\nsender = \"x\"", "sender: found \"x\", expected an object identifier"),
        ("[[step]]\nfault = \"block-page\"\ncolour = \"red\"", "not a script: unknown field `colour`"),
        (
            "[chance]\nseed = 1\nper_mille = 5\n[[chance.fault]]\nweight = 1\nfault = \"server-expired\"",
            "which chance does not draw",
        ),
    ] {
        let error = Script::from_toml(text).unwrap_err().to_string();
        assert!(error.contains(says), "{text}: {error}");
    }
}

#[tokio::test]
async fn a_held_message_goes_on_when_released_and_not_before() {
    let faults = Faults::default();
    faults.pass(HoldAt::Arrival).await;
    faults.hold_stores(HoldAt::Answer);
    faults.pass(HoldAt::Arrival).await;
    let passing = tokio::spawn({
        let faults = faults.clone();
        async move { faults.pass(HoldAt::Answer).await }
    });
    faults.until_held(1).await;
    assert!(!passing.is_finished());
    faults.release();
    passing.await.unwrap();
    assert_eq!(faults.held(), 0);
}

#[tokio::test]
async fn a_message_whose_client_went_away_is_held_no_more() {
    let faults = Faults::default();
    faults.hold_stores(HoldAt::Arrival);
    let passing = tokio::spawn({
        let faults = faults.clone();
        async move { faults.pass(HoldAt::Arrival).await }
    });
    faults.until_held(1).await;
    passing.abort();
    faults.until_none_held().await;
}

#[tokio::test]
async fn a_delay_ends_when_the_archives_clock_has_come_so_far() {
    let clock = Clock::standing_at("2026-11-22T10:00:00Z".parse().unwrap());
    let faults = Faults::new(clock.clone());
    let waiting = tokio::spawn({
        let faults = faults.clone();
        async move { faults.wait(Fault::Delay(HoldAt::Answer, 2000), HoldAt::Answer).await }
    });
    faults.until_held(1).await;
    clock.advance(Duration::from_secs(1));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    clock.advance(Duration::from_secs(1));
    waiting.await.unwrap();
}

#[tokio::test]
async fn a_scripted_hold_stands_until_it_is_released() {
    let faults = Faults::default();
    let waiting = tokio::spawn({
        let faults = faults.clone();
        async move { faults.wait(Fault::Hold(HoldAt::Inside), HoldAt::Inside).await }
    });
    faults.wait(Fault::Hold(HoldAt::Inside), HoldAt::Answer).await;
    faults.until_held(1).await;
    faults.release();
    waiting.await.unwrap();
}

#[test]
fn the_readme_has_every_fault_with_its_settings_and_no_other() {
    let row = |row: &FaultRow| {
        let mut settings: Vec<_> = row.example.settings().iter().map(|(name, _)| format!("`{name}`")).collect();
        if settings.first().is_some_and(|first| first == "`status`") {
            settings.retain(|name| name == "`status`");
            settings.push("`retry_after_secs`".to_owned());
        }
        format!("| `{}` | {} | {} |", row.example.name(), settings.join(", "), row.happens)
    };
    let expected: Vec<_> = CATALOGUE.iter().map(row).collect();
    let readme = include_str!("../../README.md");
    let table = readme.split("| fault | settings | what happens |\n|---|---|---|\n").nth(1).unwrap();
    let told: Vec<_> = table.lines().take_while(|line| line.starts_with('|')).collect();
    assert_eq!(told, expected, "the table is:\n{}", expected.join("\n"));
    let script = readme.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let script = Script::from_toml(script).unwrap();
    assert!(script.steps.len() == 1 && script.chance.is_some() && script.throttle.is_some());
}
