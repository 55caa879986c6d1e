#![expect(clippy::unwrap_used, reason = "tests")]

mod explaining;
mod parties;
mod permits;
mod questions;

use super::*;
use crate::domain::document::header::{DocumentGroup, DocumentIds};
use crate::domain::record::{LinkKind, LinkPeriod};
use crate::domain::relationship::{Grant, Relationship};
use crate::domain::time::PartialDate;

const UNIT: &str = "1.2.246.10.99999992.10.1";

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn evidence(rows: &[(&str, &str, &str, Option<&str>)]) -> Evidence {
    let id = oid("1.2.246.10.99999991.95.2026.1");
    let date = |text: &str| -> PartialDate { text.parse().unwrap() };
    let grants = rows.iter().enumerate().map(|(i, (unit, task, start, end))| Grant {
        row: format!("/{i}"),
        unit: oid(unit),
        service_task: (*task).into(),
        below: None,
        start: date(start),
        end: end.map(date),
    });
    Evidence {
        document: DocumentIds { document: id.clone(), set: id, version: 3 },
        organiser: oid("1.2.246.10.99999991.10.0"),
        relationship: Relationship { grants: grants.collect(), ..Relationship::default() },
        fetched_at: "2026-06-10T08:00:00Z".parse().unwrap(),
    }
}

fn person(code: &str) -> PersonId {
    PersonId::IdentityCode(code.parse().unwrap())
}

fn link() -> ProfessionalLink {
    ProfessionalLink {
        kind: LinkKind::Assignment,
        reference: "a-1".into(),
        period: LinkPeriod { start: day("2026-01-01").into(), end: None },
        asserted_by: "test".into(),
    }
}

fn ask(operation: Operation, evidence: Option<&Evidence>, now: &str) -> Result<Permit, Denial> {
    ask_for(operation, Some("24"), "010190-900P", evidence, &Options::default(), now)
}

fn ask_for(
    operation: Operation,
    service_task: Option<&str>,
    client: &str,
    evidence: Option<&Evidence>,
    options: &Options,
    now: &str,
) -> Result<Permit, Denial> {
    let link = link();
    let (organiser, unit, client) = (oid("1.2.246.10.99999991.10.0"), oid(UNIT), person(client));
    let request = Request {
        service_task,
        link: Some(&link),
        purchase: Some(PurchaseKind::ServiceVoucher),
        ..Request::bare(operation, &organiser, &unit, &client)
    };
    let mut evidence = evidence.cloned();
    let now: Timestamp = now.parse().unwrap();
    if let Some(e) = &mut evidence {
        e.fetched_at = now;
    }
    let rules = Rules { options: *options, ..Rules::default() };
    decide(&request, evidence.as_ref(), &Parties::default(), &rules, now)
}

fn write(drawn_up: &str) -> Operation {
    Operation::Write { drawn_up: day(drawn_up) }
}

#[test]
fn a_named_unit_may_write_between_its_days_and_the_permit_names_the_row() {
    let rows = evidence(&[("1.2.3", "24", "2026", None), (UNIT, "24", "2026-02-01", Some("2026-06-30"))]);
    let permit = ask(write("2026-06-10"), Some(&rows), "2026-06-10T09:00:00Z").unwrap();
    assert_eq!((permit.record().row.as_str(), permit.record().relationship_version), ("/1", 3));
    assert!(permit.record().remarks.is_empty());
}

#[test]
fn a_write_is_judged_by_the_day_it_was_drawn_up_and_a_late_send_is_remarked() {
    let rows = evidence(&[(UNIT, "24", "2026-02-01", Some("2026-06-30"))]);
    let late = ask(write("2026-06-30"), Some(&rows), "2026-08-01T09:00:00Z").unwrap();
    assert_eq!(late.record().remarks, [Remark::SentAfterEnd]);
    let after = ask(write("2026-07-01"), Some(&rows), "2026-08-01T09:00:00Z").unwrap_err();
    assert_eq!(after.reasons, [Reason::Ended { since: day("2026-06-30") }]);
    assert_eq!(after.may_pass(), None);
    assert!(ask(Operation::Read, Some(&rows), "2026-07-01T09:00:00Z").is_err());
}

#[test]
fn a_right_that_starts_tomorrow_holds_until_finnish_midnight_and_then_permits() {
    let rows = evidence(&[(UNIT, "24", "2026-06-11", None)]);
    let denial = ask(write("2026-06-10"), Some(&rows), "2026-06-10T20:59:59Z").unwrap_err();
    assert_eq!(denial.may_pass(), Some(Some(day("2026-06-11"))));
    let permit = ask(write("2026-06-10"), Some(&rows), "2026-06-10T21:00:00Z").unwrap();
    assert_eq!(permit.record().remarks, [Remark::DrawnUpBeforeStart]);
}

#[test]
fn every_reason_is_given_at_once() {
    let rows = evidence(&[("1.2.3", "24", "2026", None)]);
    let unit = oid(UNIT);
    let other = oid("1.2.246.10.99999995.10.0");
    let client = person("010190-900P");
    let bare = Request::bare(Operation::Read, &other, &unit, &client);
    let request = Request { purchase: Some(PurchaseKind::SelfPay), ..bare };
    let now = "2026-06-10T09:00:00Z".parse().unwrap();
    let denial = decide(&request, Some(&rows), &Parties::default(), &Rules::default(), now).unwrap_err();
    let codes: Vec<_> = denial.reasons.iter().map(Reason::code).collect();
    assert_eq!(
        codes,
        ["self_pay", "no_professional_link", "register_owner_mismatch", "evidence_too_old", "unit_not_named"]
    );
    assert_eq!(denial.may_pass(), None);
}

#[test]
fn without_a_relationship_document_or_with_another_unit_it_may_still_come() {
    assert_eq!(ask(write("2026-06-10"), None, "2026-06-10T09:00:00Z").unwrap_err().may_pass(), Some(None));
    let rows = evidence(&[("1.2.3", "24", "2026", None)]);
    let denial = ask(write("2026-06-10"), Some(&rows), "2026-06-10T09:00:00Z").unwrap_err();
    assert_eq!((denial.reasons.as_slice(), denial.may_pass()), ([Reason::UnitNotNamed].as_slice(), Some(None)));
}

#[test]
fn the_nearest_of_several_rows_is_explained() {
    let rows = evidence(&[(UNIT, "10", "2026-01-01", None), (UNIT, "24", "2026-07-01", None)]);
    let denial = ask(write("2026-06-10"), Some(&rows), "2026-06-10T09:00:00Z").unwrap_err();
    assert_eq!(denial.reasons, [Reason::NotStarted { from: day("2026-07-01") }]);
}

#[test]
fn a_read_that_names_no_task_covers_the_tasks_of_the_units_rows_and_no_others() {
    let rows = evidence(&[
        (UNIT, "24", "2026-01-01", None),
        (UNIT, "10", "2026-01-01", Some("2026-02-01")),
        ("1.2.3", "15", "2026-01-01", None),
    ]);
    let read = |task, options: &Options| {
        ask_for(Operation::Read, task, "010190-900P", Some(&rows), options, "2026-06-10T09:00:00Z").unwrap()
    };
    let (client, case) = (Some(DocumentGroup::ClientDocument), Some(DocumentGroup::Case));
    for permit in [read(None, &Options::default()), read(Some("24"), &Options::default())] {
        assert!(permit.covers(Some("24"), client));
        for other in ["10", "15"] {
            assert!(!permit.covers(Some(other), client) && !permit.covers(Some(other), case), "{other}");
        }
        assert!(permit.covers(None, case) && !permit.covers(None, client) && !permit.covers(None, None));
    }
    assert!(read(None, &Options { taskless_readable: true, ..Options::default() }).covers(None, client));
    assert!(read(None, &Options { reach: Reach::Register, ..Options::default() }).covers(Some("15"), client));
}

#[test]
fn a_permit_is_for_its_client_and_a_joint_one_for_each_of_them() {
    let rows = evidence(&[(UNIT, "24", "2026-01-01", None)]);
    let permit = |operation, client| {
        ask_for(operation, Some("24"), client, Some(&rows), &Options::default(), "2026-06-10T09:00:00Z").unwrap()
    };
    let (one, other) = ("010190-900P", "020303A905N");
    let single = permit(Operation::Read, one);
    assert!(single.is_for(&person(one)) && !single.is_for(&person(other)));
    let joint = single.clone().joined(permit(Operation::Read, other)).unwrap();
    assert!(joint.is_for(&person(one)) && joint.is_for(&person(other)) && joint.covers(Some("24"), None));
    assert_eq!(single.clone().joined(permit(write("2026-06-10"), other)), None);
    let shown = format!("{joint:?}{}", serde_json::to_string(joint.record()).unwrap());
    assert!(!shown.contains("900P") && !shown.contains("905N"), "{shown}");
}

#[test]
fn a_joint_permit_is_for_the_clients_of_the_decision_whoever_the_request_names() {
    let rows = evidence(&[(UNIT, "24", "2026-01-01", None)]);
    let (organiser, unit, link) = (oid("1.2.246.10.99999991.10.0"), oid(UNIT), link());
    let [one, other, named] = ["010190-900P", "020303A905N", "010181-900C"].map(person);
    let bare = Request::bare(Operation::Read, &organiser, &unit, &named);
    let request = Request { service_task: Some("24"), link: Some(&link), ..bare };
    let clients = [(&one, Some(&rows)), (&other, Some(&rows))];
    let permit = decide_joint(&request, &clients, &Parties::default(), &Rules::default(), rows.fetched_at).unwrap();
    assert!(permit.is_for(&one) && permit.is_for(&other) && !permit.is_for(&named));
}

#[test]
fn a_day_known_in_part_grants_only_what_it_surely_means() {
    let rows = evidence(&[(UNIT, "24", "2026-02", Some("2026-06"))]);
    let at = |day: &str, partial_days| {
        let (now, options) = (format!("{day}T09:00:00Z"), Options { partial_days, ..Options::default() });
        ask_for(Operation::Read, Some("24"), "010190-900P", Some(&rows), &options, &now).is_ok()
    };
    for (day, careful, generous) in [
        ("2026-01-31", false, false),
        ("2026-02-01", false, true),
        ("2026-02-28", true, true),
        ("2026-06-01", true, true),
        ("2026-06-30", false, true),
        ("2026-07-01", false, false),
    ] {
        assert_eq!(at(day, PartialDays::Careful), careful, "{day}");
        assert_eq!(at(day, PartialDays::Generous), generous, "{day}");
    }
    assert_eq!(Options::default().partial_days, PartialDays::Careful);
}
