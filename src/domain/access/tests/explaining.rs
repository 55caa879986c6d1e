//! Tests of verdicts told in full: the reasons of each client, and what a verdict stands on that nobody has confirmed.

use super::*;
use crate::domain::profile::Certainty;
use crate::domain::relationship::ProducerDays;

const NOW: &str = "2026-06-10T09:00:00Z";

fn joined(phase: Phase) -> Party {
    Party { joining: Joining::From(Date::MIN), phase, change: None }
}

/// Parties of which everything is stated and fits.
fn fitting() -> Parties {
    Parties {
        organiser: joined(Phase::Phase2),
        producer: joined(Phase::Phase2),
        agreement: Agreement::Period { from: None, to: None },
    }
}

fn told(operation: Operation, task: &str, row: &Evidence, parties: &Parties, profile: &AccessProfile) -> Explanation {
    let (organiser, unit, link) = (oid("1.2.246.10.99999991.10.0"), oid(UNIT), link());
    let (client, now) = (person("010190-900P"), NOW.parse().unwrap());
    let bare = Request::bare(operation, &organiser, &unit, &client);
    let request = Request { service_task: Some(task), link: Some(&link), ..bare };
    let evidence = Evidence { fetched_at: now, ..row.clone() };
    explain(&request, &[(&client, Some(&evidence))], parties, profile, now)
}

/// What a verdict stands on, the table of roles apart.
fn assumed(told: &Explanation) -> Vec<&str> {
    told.assumed.iter().map(|a| a.code.as_str()).filter(|code| *code != "option.roles").collect()
}

#[test]
fn every_option_whose_other_value_gives_another_verdict_is_named_and_no_other() {
    let profile = AccessProfile::default_profile().unwrap();
    let row = |start, end| evidence(&[(UNIT, "24", start, end)]);
    let within = |mut row: Evidence, days| {
        row.relationship.grants.iter_mut().for_each(|grant| grant.below = Some(days));
        row
    };
    let date = |text: &str| -> PartialDate { text.parse().unwrap() };
    let mut over = row("2026-01-01", None);
    over.relationship.end = Some(date("2026-06-01"));
    let producer_ended = ProducerDays { start: date("2026-01-01"), end: Some(date("2026-06-01")) };
    let partial = Parties { organiser: joined(Phase::Phase1), producer: joined(Phase::Phase1Partial), ..fitting() };
    let (read, all) = (Operation::Read, row("2026-01-01", None));
    for (option, operation, task, row, parties, permitted) in [
        ("end_day_inclusive", read, "24", row("2026-01-01", Some("2026-06-10")), fitting(), true),
        ("reads_after_end_days", read, "24", row("2026-01-01", Some("2026-06-01")), fitting(), false),
        ("reach", read, "15", all.clone(), fitting(), false),
        ("write_time", write("2026-05-20"), "24", row("2026-01-01", Some("2026-06-01")), fitting(), true),
        ("drawn_up_before_start", write("2026-05-20"), "24", row("2026-06-01", None), fitting(), true),
        ("partial_days", read, "24", row("2026-06", None), fitting(), false),
        (
            "subcontractor_within_producer",
            write("2026-06-10"),
            "24",
            within(all.clone(), producer_ended),
            fitting(),
            false,
        ),
        ("relationship_end_counts", write("2026-06-10"), "24", over, fitting(), false),
        ("both_phase_1", read, "24", all.clone(), partial, false),
    ] {
        let told = told(operation, task, &row, &parties, &profile);
        assert_eq!((told.permitted, assumed(&told)), (permitted, vec![&*format!("option.{option}")]), "{option}");
    }
    let plain = told(read, "24", &all, &fitting(), &profile);
    assert_eq!((plain.permitted, assumed(&plain)), (true, vec![]));
    // What an operator has set is no assumption, nor is a role table of the operator's own.
    let set = "[options]\npartial_days = { value = \"careful\" }\n[roles]\nrules = [{ roles = \"every\", service_tasks = \
               \"every\", service_processes = \"every\", permits = [\"read\"] }]";
    let own = AccessProfile::default_with(set).unwrap();
    assert_eq!(told(read, "24", &row("2026-06", None), &fitting(), &own).assumed, []);
    assert!(plain.assumed.iter().any(|a| a.code == "option.roles"));
}

#[test]
fn facts_that_nobody_has_stated_are_assumed_only_where_they_are_let_pass() {
    let row = evidence(&[(UNIT, "24", "2026-01-01", None)]);
    let told = |profile: &AccessProfile| told(Operation::Read, "24", &row, &Parties::default(), profile);
    let lenient = told(&AccessProfile::default_profile().unwrap());
    let facts = ["organiser_joined", "producer_joined", "phases", "agreement"].map(|fact| format!("not_stated.{fact}"));
    assert_eq!((lenient.permitted, assumed(&lenient)), (true, facts.iter().map(String::as_str).collect()));
    let strict = AccessProfile::default_with("[options]\nunstated = { value = \"deny\" }").unwrap();
    let strict = told(&strict);
    assert_eq!((strict.permitted, assumed(&strict)), (false, vec![]));
}

#[test]
fn reasons_name_the_client_by_place_in_a_joint_case_alone() {
    let (organiser, unit, link) = (oid("1.2.246.10.99999991.10.0"), oid(UNIT), link());
    let (one, other) = (person("010190-900P"), person("020303A905N"));
    let bare = Request::bare(Operation::Read, &organiser, &unit, &one);
    let request = Request { service_task: Some("24"), link: Some(&link), ..bare };
    let now: Timestamp = NOW.parse().unwrap();
    let rows = Evidence { fetched_at: now, ..evidence(&[(UNIT, "24", "2026-01-01", None)]) };
    let profile = AccessProfile::default_profile().unwrap();
    let places = |clients: &[(&PersonId, Option<&Evidence>)]| -> Vec<(String, Option<usize>)> {
        let told = explain(&request, clients, &fitting(), &profile, now);
        told.reasons.into_iter().map(|reason| (reason.code, reason.client)).collect()
    };
    let none = |client| vec![("access.no_relationship".to_owned(), client)];
    assert_eq!(places(&[(&one, Some(&rows)), (&other, None)]), none(Some(2)));
    assert_eq!(places(&[(&one, None)]), none(None));
    assert_eq!(places(&[(&one, Some(&rows)), (&other, Some(&rows))]), []);
}

#[test]
fn a_mismatch_of_phases_has_the_sentence_that_is_about_it() {
    let ground = |organiser, producer| Reason::PhaseMismatch { organiser, producer, from: None }.ground();
    let partial = ground(Phase::Phase2, Phase::Phase1);
    assert!(
        partial.words.starts_with("Det är möjligt att tjänsteanordnarens klientdatasystem har funktioner enligt fas 2")
    );
    for organiser in [Phase::Phase1, Phase::Phase1Partial] {
        let told = ground(organiser, Phase::Phase2);
        assert!(
            told.words.starts_with("Om tjänsteproducentens klientdatasystem har funktioner enligt fas 2"),
            "{told:?}"
        );
        for producer in [Phase::Phase1, Phase::Phase1Partial] {
            let told = ground(organiser, producer);
            assert_eq!((told.words, told.certainty), ("", Certainty::Inferred));
            assert!(told.clause.ends_with("option both_phase_1"), "{told:?}");
        }
    }
    for other in [Phase::Phase1, Phase::Phase2, Phase::Phase2Without] {
        for told in [ground(Phase::Phase2Without, other), ground(other, Phase::Phase2Without)] {
            assert!(told.words.starts_with("Båda parterna använder"), "{told:?}");
        }
    }
}

#[test]
fn days_are_written_as_each_language_writes_them_and_missing_facts_by_their_names() {
    let ended = Reason::Ended { since: day("2026-06-09") }.text();
    assert!(ended.fi.contains(" 9.6.2026") && ended.sv.contains(" 9.6.2026"), "{ended:?}");
    assert!(ended.en.contains(" 2026-06-09"), "{ended:?}");
    let facts = vec![Fact::OrganiserJoined, Fact::ProducerJoined, Fact::Phases, Fact::Agreement];
    let told = Reason::NotStated { facts }.text();
    for (text, names) in [
        (&told.fi, ["palvelunjärjestäjän liittyminen", "palveluntuottajan liittyminen", "vaiheet", "sopimus"]),
        (&told.sv, ["tjänsteanordnarens anslutning", "tjänsteproducentens anslutning", "faser", "avtal"]),
        (&told.en, ["organiser has joined", "producer has joined", "phases", "agreement"]),
    ] {
        assert!(names.iter().all(|name| text.contains(name)), "{text}");
    }
}
