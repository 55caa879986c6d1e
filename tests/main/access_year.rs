//! A year of one client, day by day: three producers, a subcontractor, gaps and overlaps. What is permitted on each day, to
//! whom, is held against a second, naive implementation that knows nothing of the first.

use asiasilta::domain::access::{Evidence, Operation, Parties, Remark, Request, Rules, Validity, decide, newest};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::person::PersonId;
use asiasilta::domain::record::{LinkKind, LinkPeriod, ProfessionalLink, PurchaseKind};
use asiasilta::domain::relationship::Relationship;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::support::oid;

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const UNITS: [&str; 5] = [
    "1.2.246.10.99999992.10.1",
    "1.2.246.10.99999993.10.1",
    "1.2.246.10.99999994.10.1",
    // Works for the second producer.
    "1.2.246.10.99999995.10.1",
    // Is named nowhere.
    "1.2.246.10.99999996.10.1",
];
const TASKS: [&str; 3] = ["24", "10", "15"];

/// A row as a person would write it down: unit, task, first day, last day, and the unit that it works under with its days.
struct Line {
    unit: usize,
    task: &'static str,
    from: &'static str,
    to: Option<&'static str>,
    under: Option<usize>,
}

const fn line(unit: usize, task: &'static str, from: &'static str, to: Option<&'static str>) -> Line {
    Line { unit, task, from, to, under: None }
}

/// The year: version by version, each from the day it was stored on. Ended rows stay.
fn versions() -> Vec<(&'static str, Vec<Line>)> {
    let first = || line(0, "24", "2026-01-15", Some("2026-03-31"));
    let second = || line(1, "24", "2026-03-15", Some("2026-08-31"));
    let sub = |to| Line { unit: 3, task: "24", from: "2026-04-01", to, under: Some(1) };
    vec![
        ("2026-01-12", vec![line(0, "24", "2026-01-15", None)]),
        // The next producer is named before the first one ends; they overlap for two weeks.
        ("2026-03-10", vec![first(), line(1, "24", "2026-03-15", None)]),
        ("2026-03-28", vec![first(), line(1, "24", "2026-03-15", None), sub(None)]),
        // The first comes back in May for another task, and in the autumn for its own, after a gap.
        (
            "2026-04-20",
            vec![
                first(),
                line(1, "24", "2026-03-15", None),
                sub(None),
                line(0, "10", "2026-05-04", Some("2026-06-30")),
            ],
        ),
        (
            "2026-08-20",
            // The subcontractor's row goes on past its producer's.
            vec![
                first(),
                second(),
                sub(Some("2026-12-31")),
                line(0, "10", "2026-05-04", Some("2026-06-30")),
                line(0, "24", "2026-10-25", None),
            ],
        ),
        (
            "2026-09-01",
            vec![
                first(),
                second(),
                sub(Some("2026-12-31")),
                line(0, "10", "2026-05-04", Some("2026-06-30")),
                line(2, "15", "2026-09-14", Some("2026-11-30")),
                line(2, "15", "2026-11-15", Some("2026-12-10")),
                line(0, "24", "2026-10-25", None),
            ],
        ),
    ]
}

/// The lines as a relationship document.
fn content(lines: &[Line]) -> Value {
    let row = |line: &Line| {
        let mut row =
            json!({ "palveluyksikon_nimi": { "code": UNITS[line.unit] }, "asiakkuuden_alkamispvm": line.from });
        if let Some(to) = line.to {
            row["asiakkuuden_paattymispvm"] = json!(to);
        }
        row
    };
    let tasks = TASKS.iter().map(|task| {
        let own = lines.iter().filter(|line| line.task == *task && line.under.is_none());
        let producers = own.map(|producer| {
            let mut made = row(producer);
            let subs = lines.iter().filter(|line| line.task == *task && line.under == Some(producer.unit));
            made["palveluntoteuttaja"] = subs.map(row).collect();
            made
        });
        json!({ "palvelutehtava": { "code": task }, "palveluntuottaja": producers.collect::<Vec<_>>() })
    });
    json!({ "asiakkuusasiakirja": { "sosiaalihuollon_palvelutehtava": tasks.collect::<Vec<_>>() } })
}

/// Whether a line holds on a day. Days as text compare as days.
fn holds(line: &Line, lines: &[Line], day: &str) -> bool {
    let within = |line: &Line| line.from <= day && line.to.is_none_or(|to| day <= to);
    within(line)
        && line.under.is_none_or(|unit| lines.iter().any(|p| p.unit == unit && p.task == line.task && within(p)))
}

/// Whether a unit may read of a task on a day.
fn naive_read(lines: &[Line], unit: usize, task: &str, day: &str) -> bool {
    lines.iter().any(|line| line.unit == unit && line.task == task && holds(line, lines, day))
}

/// Whether a unit may send today what was drawn up some day: a line has begun, and was not over on that day; and whether it was
/// late.
fn naive_write(lines: &[Line], unit: usize, task: &str, drawn_up: &str, today: &str) -> (bool, bool) {
    let days = |line: &Line| {
        let producer = line.under.and_then(|unit| lines.iter().find(|p| p.unit == unit && p.task == line.task));
        let from = producer.map_or(line.from, |p| p.from.max(line.from)).to_owned();
        let last =
            [line.to, producer.and_then(|p| p.to)].into_iter().flatten().min().unwrap_or("9999-12-31").to_owned();
        (from, last)
    };
    let of_unit = lines.iter().filter(|line| line.unit == unit && line.task == task).map(days);
    let good: Vec<_> = of_unit.filter(|(from, last)| from.as_str() <= today && drawn_up <= last.as_str()).collect();
    // The lines that held on that day are the ground; only without one, a line that began later.
    let held = good.iter().any(|(from, _)| from.as_str() <= drawn_up);
    let mut ground = good.iter().filter(|(from, _)| !held || from.as_str() <= drawn_up);
    (!good.is_empty(), !good.is_empty() && ground.all(|(_, last)| last.as_str() < today))
}

/// When a day begins in Finland, in 2026: three hours before UTC's while the clocks are forward, else two.
fn midnight(day: Date) -> Timestamp {
    let forward = ("2026-03-30".."2026-10-26").contains(&day.to_string().as_str());
    let utc: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
    utc - if forward { 3.hours() } else { 2.hours() }
}

fn evidence(stored: &[(&str, Vec<Line>)], now: Timestamp) -> Option<Evidence> {
    newest(stored.iter().zip(1u32..).map(|((_, lines), version)| {
        let id = oid("1.2.246.10.99999991.95.2026.1").child(u64::from(version));
        let evidence = Evidence {
            document: DocumentIds { document: id, set: oid("1.2.246.10.99999991.95.2026.1.1"), version },
            organiser: oid(ORGANISER),
            relationship: Relationship::from_content(content(lines).as_object().unwrap()),
            fetched_at: now,
        };
        (evidence, Validity::Valid)
    }))
}

struct Scene {
    organiser: Oid,
    client: PersonId,
    link: ProfessionalLink,
}

impl Scene {
    fn request<'a>(&'a self, operation: Operation, unit: &'a Oid, task: &'a str) -> Request<'a> {
        Request {
            service_task: Some(task),
            link: Some(&self.link),
            purchase: Some(PurchaseKind::PurchasedService),
            ..Request::bare(operation, &self.organiser, unit, &self.client)
        }
    }
}

#[test]
fn a_year_of_a_client_gives_exactly_the_expected_permits() {
    let scene = Scene {
        organiser: oid(ORGANISER),
        client: PersonId::IdentityCode("010190-900P".parse().unwrap()),
        link: ProfessionalLink {
            kind: LinkKind::Assignment,
            reference: "a-1".into(),
            period: LinkPeriod { start: "2025-01-01".parse().unwrap(), end: None },
            asserted_by: "test".into(),
        },
    };
    let all = versions();
    let (mut day, end): (Date, Date) = ("2026-01-01".parse().unwrap(), "2027-01-01".parse().unwrap());
    let (mut permitted, mut denied, mut late) = (0, 0, 0);
    while day < end {
        let next = day.checked_add(1.day()).unwrap();
        // The first and the last second of the day in Finland, also on the days of 23 and 25 hours.
        let (first, last) = (midnight(day), midnight(next) - 1.second());
        let today = day.to_string();
        let stored = all.iter().position(|(from, _)| *from > today.as_str()).unwrap_or(all.len());
        for now in [first, last] {
            let evidence = evidence(&all[..stored], now);
            let lines = stored.checked_sub(1).map(|newest| all[newest].1.as_slice()).unwrap_or_default();
            for (unit, name) in UNITS.iter().enumerate() {
                let name = oid(name);
                for task in TASKS {
                    let decided = |operation| {
                        let request = scene.request(operation, &name, task);
                        decide(&request, evidence.as_ref(), &Parties::default(), &Rules::default(), now)
                    };
                    let read = decided(Operation::Read).is_ok();
                    assert_eq!(read, naive_read(lines, unit, task, &today), "read {today} {unit} {task}");
                    for age in [0, 1, 7, 30] {
                        let drawn_up = day.checked_sub(age.days()).unwrap();
                        let verdict = decided(Operation::Write { drawn_up });
                        let (may, is_late) = naive_write(lines, unit, task, &drawn_up.to_string(), &today);
                        assert_eq!(verdict.is_ok(), may, "write {drawn_up} on {today} {unit} {task}: {verdict:?}");
                        let remarks = verdict.map(|permit| permit.record().remarks.clone()).unwrap_or_default();
                        assert_eq!(
                            remarks.contains(&Remark::SentAfterEnd),
                            is_late,
                            "{drawn_up} on {today} {unit} {task}"
                        );
                        (permitted, denied, late) =
                            (permitted + usize::from(may), denied + usize::from(!may), late + usize::from(is_late));
                    }
                }
            }
        }
        day = next;
    }
    // The year is no year of one answer.
    assert!(permitted > 3000 && denied > 10_000 && late > 100, "{permitted} {denied} {late}");
}
