//! What a permit covers, until when, and for whom: the parts that the table of decisions does not see.

use super::*;

const NOW: &str = "2026-06-10T09:00:00Z";

fn asked_by(rules: &Rules, request: Request<'_>, evidence: &Evidence) -> Result<Permit, Denial> {
    let now: Timestamp = NOW.parse().unwrap();
    let evidence = Evidence { fetched_at: now, organiser: request.organiser.clone(), ..evidence.clone() };
    decide(&request, Some(&evidence), &Parties::default(), rules, now)
}

/// A permit for a read, by these options, of this client in this unit of this organiser.
fn read(task: Option<&str>, options: Options, evidence: &Evidence, whose: (&str, &str, &str)) -> Permit {
    let (organiser, unit, client, link) = (oid(whose.0), oid(whose.1), person(whose.2), link());
    let bare = Request::bare(Operation::Read, &organiser, &unit, &client);
    let request = Request { service_task: task, link: Some(&link), ..bare };
    asked_by(&Rules { options, ..Rules::default() }, request, evidence).unwrap()
}

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const ONE: (&str, &str, &str) = (ORGANISER, UNIT, "010190-900P");

fn of_tasks(tasks: &[&str]) -> RoleTable {
    let codes = |codes: &[&str]| Names::These(codes.iter().map(|code| (*code).to_owned()).collect());
    let (roles, service_processes) = (Names::Every, Names::Every);
    RoleTable {
        rules: vec![RoleRule { roles, service_tasks: codes(tasks), service_processes, permits: vec![Act::Read] }],
    }
}

#[test]
fn a_right_to_the_register_covers_every_task_only_where_the_role_may_do_it_for_every_task() {
    let rows = evidence(&[(UNIT, "24", "2026-01-01", None)]);
    let (organiser, unit, client, link) = (oid(ORGANISER), oid(UNIT), person("010190-900P"), link());
    let bare = Request::bare(Operation::Read, &organiser, &unit, &client);
    let options = Options { reach: Reach::Register, ..Options::default() };
    for (roles, asked, others) in [
        (RoleTable::default(), Some("24"), true),
        (RoleTable::default(), None, true),
        (of_tasks(&["24", "15"]), Some("24"), false),
        (of_tasks(&["24"]), None, false),
    ] {
        let request = Request { service_task: asked, link: Some(&link), ..bare };
        let permit = asked_by(&Rules { options, roles: roles.clone() }, request, &rows).unwrap();
        assert!(permit.covers(Some("24"), None));
        assert_eq!(permit.covers(Some("10"), None), others, "{asked:?} {roles:?}");
    }
    // Asked for one task, what the role may do for another one is not given along.
    let request = Request { service_task: Some("24"), link: Some(&link), ..bare };
    let permit = asked_by(&Rules { options, roles: of_tasks(&["24", "15"]) }, request, &rows).unwrap();
    assert!(!permit.covers(Some("15"), None));
}

#[test]
fn a_permit_says_whose_register_unit_and_operation_it_is_for_and_joins_only_with_its_like() {
    let (other_organiser, other_unit) = ("1.2.246.10.99999995.10.0", "1.2.246.10.99999992.10.2");
    let rows = evidence(&[(UNIT, "24", "2026-01-01", None), (other_unit, "24", "2026-01-01", None)]);
    let permit = |organiser, unit| read(Some("24"), Options::default(), &rows, (organiser, unit, "010190-900P"));
    let one = permit(ORGANISER, UNIT);
    assert_eq!((one.organiser(), one.unit(), one.operation()), (&oid(ORGANISER), &oid(UNIT), Operation::Read));
    for other in [permit(other_organiser, UNIT), permit(ORGANISER, other_unit)] {
        assert_eq!(one.clone().joined(other.clone()), None);
        assert_eq!(other.joined(one.clone()), None);
    }
    assert!(one.clone().joined(permit(ORGANISER, UNIT)).is_some());
}

#[test]
fn a_joint_permit_covers_what_both_cover_and_ends_with_the_first_of_them() {
    let taskless = Options { taskless_readable: true, ..Options::default() };
    let register = Options { reach: Reach::Register, ..Options::default() };
    let open = evidence(&[(UNIT, "24", "2026-01-01", None)]);
    let ends = |day| evidence(&[(UNIT, "24", "2026-01-01", Some(day))]);
    let two = evidence(&[(UNIT, "24", "2026-01-01", None), (UNIT, "15", "2026-01-01", None)]);
    let client = Some(DocumentGroup::ClientDocument);
    let joined = |one: &Permit, other: &Permit| one.clone().joined(other.clone()).unwrap();

    let (with, without) = (read(None, taskless, &open, ONE), read(None, Options::default(), &open, ONE));
    assert!(joined(&with, &with).covers(None, client));
    for one in [joined(&with, &without), joined(&without, &with), joined(&without, &without)] {
        assert!(!one.covers(None, client) && one.covers(Some("24"), client));
    }
    let (both, only, every) = (
        read(None, Options::default(), &two, ONE),
        read(None, Options::default(), &open, ONE),
        read(None, register, &open, ONE),
    );
    for one in [joined(&both, &only), joined(&only, &both)] {
        assert!(one.covers(Some("24"), client) && !one.covers(Some("15"), client));
    }
    for one in [joined(&both, &every), joined(&every, &both)] {
        assert!(one.covers(Some("15"), client) && !one.covers(Some("10"), client));
    }
    assert!(joined(&every, &every).covers(Some("10"), client));

    let until = |evidence: &Evidence| read(Some("24"), Options::default(), evidence, ONE);
    let (july, august, never) = (until(&ends("2026-07-31")), until(&ends("2026-08-31")), until(&open));
    for (one, other, end) in [
        (&july, &august, Some(day("2026-07-31"))),
        (&august, &july, Some(day("2026-07-31"))),
        (&never, &august, Some(day("2026-08-31"))),
        (&july, &never, Some(day("2026-07-31"))),
        (&never, &never, None),
    ] {
        assert_eq!(joined(one, other).ends_on(), end);
    }
}

#[test]
fn a_right_is_about_to_end_from_so_many_days_before_to_its_last_day() {
    let rows = evidence(&[(UNIT, "24", "2026-01-01", Some("2026-06-24"))]);
    let permit = read(Some("24"), Options::default(), &rows, ONE);
    let end = Some(day("2026-06-24"));
    for (days, today, expected) in [
        (14, "2026-06-10", end),
        (13, "2026-06-10", None),
        (14, "2026-06-09", None),
        (0, "2026-06-24", end),
        (14, "2026-06-24", end),
        (14, "2026-06-25", None),
    ] {
        assert_eq!(permit.ends_within(days, day(today)), expected, "{days} {today}");
    }
}

#[test]
fn a_right_goes_on_over_rows_that_follow_without_a_gap_and_of_its_task() {
    let exclusive = Options { end_day_inclusive: false, ..Options::default() };
    let inclusive = Options::default();
    let first = (UNIT, "24", "2026-01-01", Some("2026-06-30"));
    for (options, next, end) in [
        (inclusive, (UNIT, "24", "2026-07-01", Some("2026-09-30")), Some("2026-09-30")),
        (inclusive, (UNIT, "24", "2026-07-02", Some("2026-09-30")), Some("2026-06-30")),
        (inclusive, (UNIT, "24", "2026-06-01", Some("2026-09-30")), Some("2026-09-30")),
        (inclusive, (UNIT, "24", "2026-07-01", None), None),
        (inclusive, (UNIT, "15", "2026-07-01", Some("2026-09-30")), Some("2026-06-30")),
        (inclusive, ("1.2.3", "24", "2026-07-01", None), Some("2026-06-30")),
        (exclusive, (UNIT, "24", "2026-06-30", Some("2026-09-30")), Some("2026-09-29")),
        (exclusive, (UNIT, "24", "2026-07-01", Some("2026-09-30")), Some("2026-06-29")),
    ] {
        for rows in [[first, next], [next, first]] {
            let permit = read(Some("24"), options, &evidence(&rows), ONE);
            assert_eq!(permit.ends_on(), end.map(day), "{next:?} {options:?}");
        }
    }
    let three = [first, (UNIT, "24", "2026-10-01", Some("2026-12-31")), (UNIT, "24", "2026-07-01", Some("2026-09-30"))];
    assert_eq!(read(Some("24"), inclusive, &evidence(&three), ONE).ends_on(), Some(day("2026-12-31")));
}

#[test]
fn of_rows_that_do_not_permit_the_first_to_begin_or_the_last_to_end_is_told() {
    let told =
        |rows: &[(&str, &str, &str, Option<&str>)]| ask(Operation::Read, Some(&evidence(rows)), NOW).unwrap_err();
    let begins = |start| (UNIT, "24", start, None);
    let ended = |end| (UNIT, "24", "2020-01-01", Some(end));
    // A later year with an earlier month and day, a later month with an earlier day, a later day.
    for (near, far) in [("2026-12-31", "2027-01-01"), ("2026-07-31", "2026-08-01"), ("2026-07-08", "2026-07-31")] {
        for rows in [[begins(near), begins(far)], [begins(far), begins(near)]] {
            assert_eq!(told(&rows).reasons, [Reason::NotStarted { from: day(near) }], "{rows:?}");
        }
    }
    for (far, near) in [("2024-12-31", "2025-01-01"), ("2025-07-31", "2025-08-01"), ("2025-07-08", "2025-07-31")] {
        for rows in [[ended(near), ended(far)], [ended(far), ended(near)]] {
            assert_eq!(told(&rows).reasons, [Reason::Ended { since: day(near) }], "{rows:?}");
        }
    }
    for rows in [[begins("2026-07-01"), ended("2026-06-01")], [ended("2026-06-01"), begins("2026-07-01")]] {
        assert_eq!(told(&rows).reasons, [Reason::NotStarted { from: day("2026-07-01") }]);
    }
}

#[test]
fn of_rows_of_other_tasks_the_one_that_needs_nothing_else_is_told() {
    let drawn_up = Options { drawn_up_before_start: false, ..Options::default() };
    let (plain, other) = ((UNIT, "10", "2026-01-01", None), "15");
    for (options, start) in [(Options::default(), "2026-07-01"), (drawn_up, "2026-06-01")] {
        let further = (UNIT, other, start, None);
        for rows in [[plain, further], [further, plain]] {
            let rows = evidence(&rows);
            let denial =
                ask_for(write("2026-05-20"), Some("24"), "010190-900P", Some(&rows), &options, NOW).unwrap_err();
            assert_eq!(denial.reasons, [Reason::TaskMismatch { asked: "24".into(), granted: "10".into() }], "{start}");
        }
    }
}

#[test]
fn of_rows_that_permit_the_one_with_the_least_to_remark_is_taken() {
    let row = |start, end| (UNIT, "24", start, end);
    let late = row("2026-01-01", Some("2026-05-31"));
    let early = row("2026-06-01", None);
    let plain = row("2026-02-01", None);
    let of = |rows: &[(&str, &str, &str, Option<&str>)]| {
        let permit = ask(write("2026-05-20"), Some(&evidence(rows)), NOW).unwrap();
        (permit.record().row.clone(), permit.record().remarks.clone())
    };
    assert_eq!(of(&[late, plain]), ("/1".into(), vec![]));
    assert_eq!(of(&[plain, early]), ("/0".into(), vec![]));
    // With one remark each: the row that held when it was drawn up.
    assert_eq!(of(&[early, late]), ("/1".into(), vec![Remark::SentAfterEnd]));
    assert_eq!(of(&[late, early]), ("/0".into(), vec![Remark::SentAfterEnd]));
}

#[test]
fn the_newest_version_that_counts_is_the_evidence() {
    let version = |version: u32| {
        let rows = evidence(&[(UNIT, "24", "2026-01-01", None)]);
        Evidence { document: DocumentIds { version, ..rows.document.clone() }, ..rows }
    };
    let of = |versions: &[(u32, Validity)]| {
        let versions: Vec<_> = versions.iter().map(|(number, validity)| (version(*number), *validity)).collect();
        newest(versions).map(|evidence| evidence.document.version)
    };
    let (valid, gone) = (Validity::Valid, Validity::Invalidated);
    assert_eq!(of(&[(1, valid), (3, valid), (2, valid)]), Some(3));
    assert_eq!(of(&[(1, valid), (3, gone), (2, valid)]), Some(2));
    assert_eq!(of(&[(1, gone)]), None);
    assert_eq!(of(&[]), None);
}

#[test]
fn evidence_may_be_as_old_as_the_limit_and_not_a_second_older() {
    let rows = evidence(&[(UNIT, "24", "2026-01-01", None)]);
    let (organiser, unit, client, link) = (oid(ORGANISER), oid(UNIT), person("010190-900P"), link());
    let bare = Request::bare(Operation::Read, &organiser, &unit, &client);
    let request = Request { service_task: Some("24"), link: Some(&link), ..bare };
    let fetched_at: Timestamp = NOW.parse().unwrap();
    let evidence = Evidence { fetched_at, ..rows };
    for (age, fresh) in [(0, true), (900, true), (901, false)] {
        let now = fetched_at + jiff::SignedDuration::from_secs(age);
        let decided = decide(&request, Some(&evidence), &Parties::default(), &Rules::default(), now);
        let told = decided.err().map(|denial| denial.reasons);
        assert_eq!(told, (!fresh).then(|| vec![Reason::EvidenceTooOld]), "{age}");
    }
}
