#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use super::*;

const DAY: Date = jiff::civil::date(2026, 9, 1);

fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

fn case(name: &str) -> KnownCase {
    KnownCase {
        case: oid(name),
        service_task: Some("24".into()),
        opened: Some("2026-01-12".parse().unwrap()),
        standing: Standing::Open,
    }
}

fn unverified(name: &str) -> KnownCase {
    KnownCase { standing: Standing::NotVerified(Text::same("x")), ..case(name) }
}

fn closed(name: &str) -> KnownCase {
    KnownCase { standing: Standing::Closed(Some("2026-06-30".parse().unwrap())), ..case(name) }
}

fn decision(name: &str, of: &str, service: &str) -> KnownDecision {
    let validity = Validity { from: Some("2026-01-15".parse().unwrap()), until: Some("2026-12".parse().unwrap()) };
    let decides = Decides::Service { service: Some(service.into()), validity, outcome: Outcome::Granted };
    KnownDecision { document: oid(name), set: oid(name), case: Some(oid(of)), decides }
}

fn with_outcome(of: KnownDecision, outcome: Outcome) -> KnownDecision {
    let Decides::Service { service, validity, .. } = of.decides else { panic!() };
    KnownDecision { decides: Decides::Service { service, validity, outcome }, ..of }
}

fn over(of: KnownDecision) -> KnownDecision {
    let Decides::Service { service, outcome, .. } = of.decides else { panic!() };
    let validity = Validity { from: None, until: Some("2026-08-31".parse().unwrap()) };
    KnownDecision { decides: Decides::Service { service, validity, outcome }, ..of }
}

fn services(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

struct Asked<'a> {
    services: &'a [&'a str],
    decision: Option<&'a str>,
}

const PLAIN: Asked<'static> = Asked { services: &[], decision: None };
const HOME_CARE: Asked<'static> = Asked { services: &["46"], decision: None };

fn find_of(asked: &Asked<'_>, cases: &[Vec<KnownCase>], decisions: &[KnownDecision]) -> Answer {
    let (services, decision) = (services(asked.services), asked.decision.map(oid));
    let sought = Sought { service_task: Some("24"), services: &services, day: DAY, decision: decision.as_ref() };
    find_case(&sought, cases, decisions)
}

fn find(asked: &Asked<'_>, cases: &[KnownCase], decisions: &[KnownDecision]) -> Answer {
    find_of(asked, &[cases.to_vec()], decisions)
}

/// The cases found, and of each candidate and excluded case the reasons' codes.
fn told(answer: &Answer) -> String {
    let tell = |c: &Candidate| format!("{}:{}", c.case, c.reasons.iter().map(Why::code).collect::<Vec<_>>().join("+"));
    let list = |cs: &[Candidate]| cs.iter().map(tell).collect::<Vec<_>>().join(" ");
    let found = match &answer.found {
        Found::One(candidate) => format!("one {}", tell(candidate)),
        Found::Several(candidates) => format!("several {}", list(candidates)),
        Found::Nowhere(why) => format!("nowhere {why:?}"),
    };
    format!("{found} / {}", list(&answer.excluded)).trim_end_matches(" / ").to_owned()
}

#[test]
fn the_only_open_case_of_the_task_is_found_and_every_other_has_its_reason() {
    let other_task = KnownCase { service_task: Some("20".into()), ..case("1.2.3") };
    let later = KnownCase { opened: Some("2026-10".parse().unwrap()), ..case("1.2.4") };
    let answer = find(&PLAIN, &[closed("1.2.1"), case("1.2.2"), other_task, later], &[]);
    assert_eq!(
        told(&answer),
        "one 1.2.2:task_agrees+open+only_one_left / 1.2.1:closed 1.2.3:other_task 1.2.4:opened_later"
    );
}

#[test]
fn a_day_known_in_part_excludes_a_case_only_when_it_surely_is_later() {
    let this_month = KnownCase { opened: Some("2026-09".parse().unwrap()), ..case("1.2.1") };
    let not_known = KnownCase { opened: None, ..case("1.2.1") };
    for open in [this_month, not_known] {
        assert!(matches!(find(&PLAIN, &[open], &[]).found, Found::One(_)));
    }
}

#[test]
fn two_cases_that_fit_are_both_named_and_none_is_chosen() {
    let answer = find(&PLAIN, &[case("1.2.1"), case("1.2.2")], &[]);
    assert_eq!(told(&answer), "several 1.2.1:task_agrees+open 1.2.2:task_agrees+open");
    let untold = [KnownCase { service_task: None, ..case("1.2.1") }, case("1.2.2")];
    assert_eq!(told(&find(&PLAIN, &untold, &[])), "several 1.2.1:open 1.2.2:task_agrees+open");
}

#[test]
fn the_decision_that_the_record_names_leads_to_its_case_by_version_or_original() {
    let cases = [case("1.2.1"), case("1.2.2")];
    let newer = KnownDecision { set: oid("1.3.1"), ..decision("1.3.2", "1.2.2", "2") };
    for named in ["1.3.1", "1.3.2"] {
        let answer = find(&Asked { decision: Some(named), ..PLAIN }, &cases, std::slice::from_ref(&newer));
        assert_eq!(
            told(&answer),
            "one 1.2.2:named_by_decision+task_agrees+open+only_one_left / 1.2.1:other_case_than_decisions"
        );
    }
}

#[test]
fn a_decision_that_leads_to_no_open_case_finds_none_also_when_another_is_open() {
    let asked = Asked { decision: Some("1.3.1"), ..PLAIN };
    let without = KnownDecision { case: None, ..decision("1.3.1", "1.2.1", "46") };
    let of_closed = decision("1.3.1", "1.2.3", "46");
    for (decisions, expected) in [
        (vec![], NoCase::DecisionUnknown),
        (vec![decision("1.3.9", "1.2.1", "46")], NoCase::DecisionUnknown),
        (vec![without], NoCase::DecisionWithoutCase),
        (vec![of_closed], NoCase::DecisionsCaseClosed),
        (vec![decision("1.3.1", "1.2.7", "46")], NoCase::NoneYet),
    ] {
        assert_eq!(find(&asked, &[case("1.2.1"), closed("1.2.3")], &decisions).found, Found::Nowhere(expected));
    }
}

#[test]
fn the_service_granted_for_the_day_tells_two_open_cases_apart() {
    let cases = [case("1.2.1"), case("1.2.2")];
    let granted = [decision("1.3.1", "1.2.1", "2"), decision("1.3.2", "1.2.2", "46")];
    assert_eq!(
        told(&find(&HOME_CARE, &cases, &granted)),
        "one 1.2.2:task_agrees+open+service_decided+only_one_left / 1.2.1:service_not_decided"
    );
    for other in [over(granted[0].clone()), with_outcome(decision("1.3.3", "1.2.1", "46"), Outcome::Refused)] {
        let answer = find(&HOME_CARE, &cases, &[other, granted[1].clone()]);
        assert!(matches!(answer.found, Found::One(Candidate { case, .. }) if case == oid("1.2.2")));
    }
}

#[test]
fn what_may_be_a_grant_excludes_no_case_and_finds_none() {
    let cases = [case("1.2.1"), case("1.2.2")];
    let granted = decision("1.3.2", "1.2.2", "46");
    let unknown = KnownDecision { decides: Decides::NotKnown, ..decision("1.3.1", "1.2.1", "46") };
    let unsure = with_outcome(decision("1.3.1", "1.2.1", "46"), Outcome::NotKnown);
    let no_service = {
        let mut of = decision("1.3.1", "1.2.1", "46");
        if let Decides::Service { service, .. } = &mut of.decides {
            *service = None;
        }
        of
    };
    for may in [unknown, unsure, no_service] {
        for decisions in [vec![may.clone(), granted.clone()], vec![may]] {
            assert!(matches!(find(&HOME_CARE, &cases, &decisions).found, Found::Several(both) if both.len() == 2));
        }
    }
    let something_else = KnownDecision { decides: Decides::SomethingElse, ..decision("1.3.1", "1.2.1", "46") };
    assert!(matches!(find(&HOME_CARE, &cases, &[something_else, granted]).found, Found::One(_)));
}

#[test]
fn a_service_decided_nowhere_or_in_both_leaves_the_choice_to_a_person() {
    let cases = [case("1.2.1"), case("1.2.2")];
    let nowhere = [decision("1.3.1", "1.2.1", "2")];
    let both = [decision("1.3.1", "1.2.1", "46"), decision("1.3.2", "1.2.2", "46")];
    let closed_one = [decision("1.3.3", "1.2.3", "46")];
    for decisions in [&nowhere[..], &both, &closed_one] {
        assert!(matches!(find(&HOME_CARE, &cases, decisions).found, Found::Several(left) if left.len() == 2));
    }
}

#[test]
fn a_record_without_a_service_goes_by_the_decision_in_force_on_its_day() {
    let cases = [case("1.2.1"), case("1.2.2")];
    let decisions = [over(decision("1.3.1", "1.2.1", "46")), decision("1.3.2", "1.2.2", "2")];
    assert_eq!(
        told(&find(&PLAIN, &cases, &decisions)),
        "one 1.2.2:task_agrees+open+decision_in_force+only_one_left / 1.2.1:no_decision_in_force"
    );
}

#[test]
fn a_case_that_does_not_verify_is_never_found_and_never_passed_over() {
    assert_eq!(find(&PLAIN, &[unverified("1.2.1")], &[]).found, Found::Nowhere(NoCase::NotVerified(Text::same("x"))));
    let answer = find(&PLAIN, &[unverified("1.2.1"), case("1.2.2")], &[]);
    assert_eq!(told(&answer), "several 1.2.1:task_agrees+not_verified 1.2.2:task_agrees+open");
    // By the decision the other one is excluded, verified or not.
    let asked = Asked { decision: Some("1.3.2"), ..PLAIN };
    let answer = find(&asked, &[unverified("1.2.1"), case("1.2.2")], &[decision("1.3.2", "1.2.2", "46")]);
    assert!(matches!(answer.found, Found::One(_)));
}

#[test]
fn a_joint_records_case_is_an_open_case_of_every_client() {
    let of_both = |second: Vec<KnownCase>| find_of(&PLAIN, &[vec![case("1.2.1"), case("1.2.2")], second], &[]).found;
    assert!(matches!(of_both(vec![case("1.2.2")]), Found::One(Candidate { case, .. }) if case == oid("1.2.2")));
    assert_eq!(of_both(vec![case("1.2.3")]), Found::Nowhere(NoCase::NoneYet));
    assert_eq!(of_both(vec![closed("1.2.2")]), Found::Nowhere(NoCase::NoneYet));
    assert_eq!(of_both(Vec::new()), Found::Nowhere(NoCase::NoneYet));
}

#[test]
fn a_case_in_several_documents_is_one_case() {
    let answer = find(&PLAIN, &[case("1.2.1"), closed("1.2.1"), case("1.2.1")], &[]);
    assert_eq!(told(&answer), "one 1.2.1:task_agrees+open+only_one_left");
}

#[test]
fn a_found_case_is_never_closed_unverified_or_of_another_task_whatever_the_register_holds() {
    let standings = [case, closed, unverified];
    let tasks = [None, Some("24"), Some("20")];
    let decided = [None, Some("46"), Some("2")];
    let kinds: Vec<(usize, usize, usize)> = (0..27).map(|n: usize| (n % 3, n / 3 % 3, n / 9)).collect();
    for &(s1, t1, d1) in &kinds {
        for &(s2, t2, d2) in &kinds {
            let made = |name: &str, s: usize, t: usize| KnownCase {
                service_task: tasks[t].map(str::to_owned),
                ..standings[s](name)
            };
            let cases = [made("1.2.1", s1, t1), made("1.2.2", s2, t2)];
            let decisions: Vec<_> = [("1.3.1", "1.2.1", d1), ("1.3.2", "1.2.2", d2)]
                .into_iter()
                .filter_map(|(name, of, d)| decided[d].map(|service| decision(name, of, service)))
                .collect();
            let answer = find(&HOME_CARE, &cases, &decisions);
            let named = answer.excluded.len()
                + match &answer.found {
                    Found::One(found) => {
                        let known = cases.iter().find(|c| c.case == found.case).unwrap();
                        assert!(known.standing == Standing::Open && known.service_task.as_deref() != Some("20"));
                        1
                    }
                    Found::Several(left) => left.len(),
                    Found::Nowhere(NoCase::NotVerified(_)) => 1,
                    Found::Nowhere(_) => 0,
                };
            assert_eq!(named, 2, "{}", told(&answer));
        }
    }
}
