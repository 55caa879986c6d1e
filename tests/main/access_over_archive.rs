//! The access right over the wire: a real sidecar and the mock archive, whose register holds what the organiser has stored.
//! Every reason against is provoked and explained there, and a right that begins later is waited for.
#![cfg(feature = "demo")]

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use asiasilta::demo::{ProducerSystem, RECORDS, SidecarFiles, Stage};
use asiasilta::domain::access::{AccessProfile, CaseStanding, Parties, Question, Reason, explain};
use asiasilta::sidecar::app::{RunningApp, start};
use asiasilta::sidecar::assembly::assemble_by;
use asiasilta::sidecar::config::Config;
use asiasilta::sidecar::ports::Clock;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::client::Producer;
use crate::support::{identity_code, oid};

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const RELATIONSHIP: &str = include_str!("../../examples/organiser/main-relationship.json");
/// How long a submission may take to come to where it belongs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A clock that stands until it is set.
#[derive(Clone)]
struct StandingClock(watch::Sender<Timestamp>);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        *self.0.borrow()
    }

    async fn sleep(&self, time: Duration) {
        let at = self.now() + time;
        self.0.subscribe().wait_for(|now| *now >= at).await.unwrap();
    }

    fn elapsed(&self) -> Duration {
        Duration::try_from(self.now().duration_since(Timestamp::UNIX_EPOCH)).unwrap()
    }
}

/// A sidecar on a stage, with a configuration of its own and a clock that stands.
struct Sidecar {
    app: RunningApp,
    system: ProducerSystem,
    clock: StandingClock,
}

impl Sidecar {
    /// `parties` is added to the configuration, `profile` goes on top of the access profile.
    async fn start(stage: &Stage, name: &str, parties: &str, profile: &str) -> Self {
        // A key of its own for each sidecar's store.
        drop(std::fs::remove_file(stage.directory().join("store.key")));
        let files = SidecarFiles::write(stage, SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let folder = stage.directory();
        std::fs::write(folder.join(format!("{name}-access.toml")), profile).unwrap();
        let text = std::fs::read_to_string(&files.config).unwrap().replace("outbox.sqlite", &format!("{name}.sqlite"));
        let text = format!("{text}\n[access]\nprofile = \"{name}-access.toml\"\n{parties}");
        std::fs::write(&files.config, text).unwrap();
        let config = Config::read(&files.config).unwrap();
        let clock = StandingClock(watch::Sender::new(Timestamp::now()));
        let parts = assemble_by(&config, clock.clone()).unwrap();
        let app = start(&config, parts).await.unwrap();
        let system = ProducerSystem::try_new(app.address(), &files.token).unwrap();
        Self { app, system, clock }
    }

    fn pass(&self, time: Duration) {
        self.clock.0.send_modify(|now| *now += time);
    }

    async fn check(&self, asked: &Value) -> Value {
        let answer = self.system.post("/v1/access/check", None, asked.to_string().into_bytes()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.body
    }

    /// The submission once it is in this state. Goes on asking: each answer is work of the sidecar, no time passes.
    async fn until(&self, submission: &str, state: &str) -> Value {
        let mut shown = Value::Null;
        let wait = async {
            while shown["state"] != state {
                shown = self.system.get(&format!("/v1/submissions/{submission}")).await.unwrap().body;
            }
        };
        assert!(tokio::time::timeout(PATIENCE, wait).await.is_ok(), "not {state}: {shown}");
        shown
    }
}

fn record(name: &str) -> Value {
    let (_, text) = RECORDS.iter().find(|(record, _)| *record == name).unwrap();
    serde_json::from_str(text).unwrap()
}

/// The first example, asked about.
fn asked() -> Value {
    let record = record("01-service-started");
    let mut asked = json!({
        "operation": { "write": { "drawn_up": record["drawn_up"] } },
        "clients": [{ "identity_code": record["clients"][0]["identity_code"] }],
    });
    for key in ["acting_worker", "unit", "organiser", "professional_link", "purchase"] {
        asked[key] = record[key].clone();
    }
    asked["service_task"] = record["service_task"]["code"].clone();
    asked["professional_link"]["period"] = json!({ "start": "2026-01-01" });
    asked
}

fn asked_with(path: &str, value: Value) -> Value {
    let mut asked = asked();
    *asked.pointer_mut(path).unwrap() = value;
    asked
}

/// Stores a relationship document like the first example's for another client, whose row of the producer begins and ends so.
async fn another_client(stage: &mut Stage, number: u16, start: Date, end: Option<Date>) -> Value {
    let code = identity_code(&format!("140341-9{number:02}"));
    let text = RELATIONSHIP.replace("140341-912E", &code).replace(".15.2026.1\"", &format!(".15.2026.{number}\""));
    let mut record: Value = serde_json::from_str(&text).unwrap();
    let row = "/content/asiakkuusasiakirja/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0";
    let row = record.pointer_mut(row).unwrap();
    row["asiakkuuden_alkamispvm"] = json!(start.to_string());
    if let Some(end) = end {
        row["asiakkuuden_paattymispvm"] = json!(end.to_string());
    }
    stage.organiser.store(record.to_string().as_bytes()).await.unwrap();
    asked_with("/clients/0/identity_code", json!(code))
}

/// The one reason that an answer has, told in full.
fn only_reason(told: &Value) -> String {
    let reasons = told["reasons"].as_array().unwrap();
    assert_eq!((reasons.len(), &told["permitted"]), (1, &Value::Bool(false)), "{told}");
    let said = |text: &Value| ["fi", "sv", "en"].iter().all(|l| !text[*l].as_str().unwrap().is_empty());
    assert!(said(&reasons[0]["message"]) && said(&reasons[0]["remedy"]), "{told}");
    assert!(["source", "clause"].iter().all(|k| reasons[0]["source"][*k].is_string()), "{told}");
    reasons[0]["code"].as_str().unwrap().strip_prefix("access.").unwrap().to_owned()
}

/// What a configuration says of organiser and producer.
fn parties(organiser: &str, producer: &str, agreements: &str) -> String {
    format!("[[organisers]]\noid = \"{ORGANISER}\"\nparty = {organiser}\nagreements = {agreements}\n{producer}")
}

#[tokio::test]
async fn every_reason_against_is_provoked_over_the_archive_and_explained() {
    let mut producer = Producer::new().await;
    let today = producer.stage.mock.clock().today();
    let day = |days: i64| today.saturating_add(days.days());
    let stage = &mut producer.stage;
    let later = another_client(stage, 21, day(3), None).await;
    let ended = another_client(stage, 22, day(-300), Some(day(-200))).await;
    let mut seen = BTreeSet::new();

    let sidecar = Sidecar::start(stage, "plain", "", "").await;
    let told = sidecar.check(&asked()).await;
    assert_eq!(told["permitted"], true, "{told}");
    let someone = identity_code("140341-999");
    for (reason, asked) in [
        ("no_relationship", asked_with("/clients/0/identity_code", json!(someone))),
        ("unit_not_named", asked_with("/clients/0/identity_code", json!("021137-9456"))),
        ("not_started", later.clone()),
        ("ended", ended),
        ("task_mismatch", asked_with("/service_task", json!("TEST-VAMMAISET"))),
        ("no_professional_link", asked_with("/professional_link/period/start", json!(day(1).to_string()))),
        ("self_pay", asked_with("/purchase", json!("self_pay"))),
    ] {
        let told = sidecar.check(&asked).await;
        assert_eq!(only_reason(&told), reason);
        let from = if reason == "not_started" { json!(day(3).to_string()) } else { Value::Null };
        assert_eq!(told["passes_on"], from, "{told}");
        seen.insert(reason.to_owned());
    }
    let mut of_a_case = asked();
    of_a_case["case"] = json!("1.2.246.10.99999991.14.2026.4711");
    let told = sidecar.check(&of_a_case).await;
    assert_eq!(only_reason(&told), "unknown_case");
    of_a_case["case"] = json!("1.2.246.10.99999991.14.2026.1");
    assert_eq!(sidecar.check(&of_a_case).await["permitted"], true);
    seen.insert("unknown_case".into());
    sidecar.app.shutdown().await.unwrap();

    let (fits, none) = ("{ joined = true, phase = 2 }", "[]");
    let agreed = "[{ organisation = \"1.2.246.10.99999992.10.0\" }]";
    let not_joined = parties("{ joined = false, phase = 2 }", "", agreed);
    let phases = parties("{ joined = true, phase = 1 }", "", agreed);
    let no_agreement = parties(fits, "", none);
    let roles = "[roles]\nrules = [{ roles = [\"somebody-else\"], service_tasks = \"every\", service_processes = \"every\", permits = [\"write\"] }]";
    for (reason, parties, profile) in [
        ("not_joined", not_joined.as_str(), ""),
        ("phase_mismatch", phases.as_str(), ""),
        ("no_agreement", no_agreement.as_str(), ""),
        ("not_stated", "", "[options]\nunstated = { value = \"deny\" }"),
        ("role_not_allowed", "", roles),
        ("drawn_up_before_start", "", "[options]\ndrawn_up_before_start = { value = false }"),
        ("evidence_too_old", "", "[options]\nevidence_age_max_s = { value = 20 }"),
    ] {
        let sidecar = Sidecar::start(stage, reason, parties, profile).await;
        let mut asked = asked();
        if reason == "drawn_up_before_start" {
            asked["operation"]["write"]["drawn_up"] = json!("2026-01-14T09:00:00+02:00");
        }
        if reason == "evidence_too_old" {
            assert_eq!(sidecar.check(&asked).await["permitted"], true);
            sidecar.pass(Duration::from_secs(30));
        }
        assert_eq!(only_reason(&sidecar.check(&asked).await), reason);
        seen.insert(reason.to_owned());
        sidecar.app.shutdown().await.unwrap();
    }

    // The archive gives documents of the register that was asked for alone, so what was read of one is held against another.
    let evidence = producer.evidence().await;
    let other = asked_with("/organiser/oid", json!(oid(ORGANISER).child(7).to_string()));
    let question: Question = serde_json::from_value(other).unwrap();
    let person = producer.person();
    let (request, clients) = (question.request(&person, CaseStanding::NotAsked), [(&person, Some(&evidence))]);
    let profile = AccessProfile::default_profile().unwrap();
    let told = explain(&request, &clients, &Parties::default(), &profile, evidence.fetched_at);
    let reason = only_reason(&serde_json::to_value(&told).unwrap());
    assert_eq!(reason, "register_owner_mismatch");
    seen.insert(reason);

    assert_eq!(seen, Reason::CODES.iter().map(|&code| code.to_owned()).collect());
    assert!(producer.stage.mock.ledger().archived_ids().len() == 11, "a question stores nothing");
    producer.stage.mock.verify().unwrap();
}

#[tokio::test]
async fn a_right_that_begins_tomorrow_is_waited_for_and_the_record_sent_then() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::set(folder.path()).await.unwrap();
    let sidecar = Sidecar::start(&stage, "tomorrow", "", "").await;
    let record = record("92-right-starts-tomorrow").to_string().into_bytes();
    let taken = sidecar.system.post("/v1/submissions", Some("key"), record).await.unwrap();
    assert_eq!(taken.status, 202, "{}", taken.body);
    let submission = taken.body["id"].as_str().unwrap();
    let held = sidecar.until(submission, "held").await;
    assert_eq!(held["why"]["code"], "access.not_started", "{held}");
    let before = stage.mock.ledger().archived_ids().len();
    assert_eq!(before, 9);

    let midnight = stage.mock.clock().now_in_helsinki().tomorrow().unwrap().start_of_day().unwrap().timestamp();
    stage.mock.clock().set(midnight);
    sidecar.clock.0.send_replace(midnight);
    let shown = sidecar.until(submission, "archived").await;
    assert!(
        stage.mock.ledger().archived_ids().iter().any(|id| shown["document_id"] == id.to_string()),
        "the archive has it"
    );
    stage.mock.verify().unwrap();
    sidecar.app.shutdown().await.unwrap();
}
