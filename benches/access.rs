//! How long a decision takes on a relationship document of 50 rows, beside a control in the same run: looking through the same
//! rows for the unit by text comparison alone.

use asiasilta::domain::access::{Evidence, Operation, Parties, Request, Rules, decide};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::person::PersonId;
use asiasilta::domain::record::{LinkKind, LinkPeriod, ProfessionalLink, PurchaseKind};
use asiasilta::domain::relationship::{Grant, Relationship};
use criterion::{Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use std::hint::black_box;

const ROWS: u32 = 50;

fn parsed<T: std::str::FromStr>(text: &str) -> T {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// Rows of one unit, all ended but the last.
fn evidence(unit: &Oid, now: Timestamp) -> Evidence {
    let row = |n: u32| Grant {
        row: format!("/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/{n}"),
        unit: unit.clone(),
        service_task: "24".into(),
        below: None,
        start: parsed("2026-01-01"),
        end: (n + 1 < ROWS).then(|| parsed("2026-03-31")),
    };
    let id: Oid = parsed("1.2.246.10.99999991.95.2026.1");
    Evidence {
        document: DocumentIds { document: id.clone(), set: id, version: 1 },
        organiser: parsed("1.2.246.10.99999991.10.0"),
        relationship: Relationship { grants: (0..ROWS).map(row).collect(), ..Relationship::default() },
        fetched_at: now,
    }
}

fn decisions(c: &mut Criterion) {
    let now: Timestamp = parsed("2026-06-10T09:00:00Z");
    let (organiser, unit, other): (Oid, Oid, Oid) =
        (parsed("1.2.246.10.99999991.10.0"), parsed("1.2.246.10.99999992.10.1"), parsed("1.2.246.10.99999993.10.1"));
    let client = PersonId::IdentityCode(parsed("010190-900P"));
    let link = ProfessionalLink {
        kind: LinkKind::Shift,
        reference: "s-1".into(),
        period: LinkPeriod { start: parsed("2026-01-01"), end: None },
        asserted_by: "bench".into(),
    };
    let request = Request {
        service_task: Some("24"),
        link: Some(&link),
        purchase: Some(PurchaseKind::PurchasedService),
        ..Request::bare(Operation::Write { drawn_up: parsed("2026-06-10") }, &organiser, &unit, &client)
    };
    let (evidence, parties, rules) = (evidence(&unit, now), Parties::default(), Rules::default());
    let mut group = c.benchmark_group("access, 50 rows");
    group.bench_function("control: find the unit by text", |b| {
        b.iter(|| {
            let rows = &black_box(&evidence).relationship.grants;
            rows.iter().filter(|g| g.unit.as_str() == black_box(&unit).as_str()).count()
        });
    });
    group.bench_function("decide, permitted by the last row", |b| {
        b.iter(|| decide(black_box(&request), Some(black_box(&evidence)), &parties, &rules, now).is_ok());
    });
    let denied = Request { unit: &other, ..request };
    group.bench_function("decide, unit not named", |b| {
        b.iter(|| decide(black_box(&denied), Some(black_box(&evidence)), &parties, &rules, now).is_ok());
    });
    let search = Request { operation: Operation::Read, service_task: None, ..request };
    group.bench_function("decide, search without a task", |b| {
        b.iter(|| decide(black_box(&search), Some(black_box(&evidence)), &parties, &rules, now).is_ok());
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
