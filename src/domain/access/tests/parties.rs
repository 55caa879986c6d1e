//! How the parties stand, apart from any client: what keeps them from the archive, and from when it does not.

use super::*;

fn party(joining: Joining, phase: Phase) -> Party {
    Party { joining, phase, change: None }
}

fn joined(phase: Phase) -> Party {
    party(Joining::From(Date::MIN), phase)
}

fn stated(organiser: Party, producer: Party) -> Parties {
    Parties { organiser, producer, agreement: Agreement::Period { from: None, to: None } }
}

fn kept(parties: &Parties, unstated: Unstated) -> Option<Vec<Reason>> {
    let options = Options { unstated, ..Options::default() };
    parties.kept_from_archive(write("2026-06-10"), &options, day("2026-06-10")).map(|denial| denial.reasons)
}

#[test]
fn what_keeps_the_parties_from_the_archive_is_joining_phases_and_agreement_alone() {
    let fitting = stated(joined(Phase::Phase2), joined(Phase::Phase2));
    assert_eq!(kept(&fitting, Unstated::Permit), None);
    let apart = Parties {
        organiser: party(Joining::NotJoined, Phase::Phase1),
        producer: joined(Phase::Phase2),
        agreement: Agreement::None,
    };
    let reasons = [
        Reason::NotJoined { party: PartyRole::Organiser, from: None },
        Reason::PhaseMismatch { organiser: Phase::Phase1, producer: Phase::Phase2, from: None },
        Reason::NoAgreement { gap: AgreementGap::None },
    ];
    assert_eq!(kept(&apart, Unstated::Permit).unwrap(), reasons);
    // That nobody has stated it keeps nothing from the archive: it is a refusal of another kind.
    assert_eq!(kept(&Parties::default(), Unstated::Permit), None);
    assert_eq!(kept(&Parties::default(), Unstated::Deny), None);
}

#[test]
fn a_day_that_is_known_is_told_until_it_comes() {
    let joins = |on| stated(party(Joining::From(day(on)), Phase::Phase2), joined(Phase::Phase2));
    let from = |on| vec![Reason::NotJoined { party: PartyRole::Organiser, from: Some(day(on)) }];
    assert_eq!(kept(&joins("2026-06-11"), Unstated::Permit), Some(from("2026-06-11")));
    assert_eq!(kept(&joins("2026-06-10"), Unstated::Permit), None);
}

#[test]
fn of_known_changes_the_first_on_which_the_phases_go_together_is_told() {
    let change = |phase, on: &str| Some(PhaseChange { on: day(on), to: phase });
    let waiting = |producer: &str, organiser: &str| {
        let producer = Party { change: change(Phase::Phase2, producer), ..joined(Phase::Phase1) };
        let organiser = Party { change: change(Phase::Phase2, organiser), ..joined(Phase::Phase1) };
        kept(&stated(organiser, producer), Unstated::Permit)
    };
    let told = |from: Option<&str>, organiser, producer| {
        Some(vec![Reason::PhaseMismatch { organiser, producer, from: from.map(day) }])
    };
    assert_eq!(waiting("2026-07-01", "2026-08-01"), told(Some("2026-08-01"), Phase::Phase1, Phase::Phase1));
    assert_eq!(waiting("2026-08-01", "2026-07-01"), told(Some("2026-08-01"), Phase::Phase1, Phase::Phase1));
    // A change of today's is one that has been.
    assert_eq!(waiting("2026-06-10", "2026-08-01"), told(Some("2026-08-01"), Phase::Phase1, Phase::Phase2));
    assert_eq!(waiting("2026-06-10", "2026-06-10"), None);
    let never =
        stated(joined(Phase::Phase2), Party { change: change(Phase::Phase1, "2026-07-01"), ..joined(Phase::Phase1) });
    assert_eq!(kept(&never, Unstated::Permit), told(None, Phase::Phase2, Phase::Phase1));
}

#[test]
fn an_agreement_holds_from_its_first_to_its_last_day() {
    let with = |from: Option<&str>, to: Option<&str>| {
        let agreement = Agreement::Period { from: from.map(day), to: to.map(day) };
        let told =
            kept(&Parties { agreement, ..stated(joined(Phase::Phase2), joined(Phase::Phase2)) }, Unstated::Permit);
        told.map(|reasons| match reasons.as_slice() {
            [Reason::NoAgreement { gap }] => *gap,
            other => panic!("{other:?}"),
        })
    };
    assert_eq!(with(Some("2026-06-10"), Some("2026-06-10")), None);
    assert_eq!(with(Some("2026-06-11"), None), Some(AgreementGap::Begins { from: day("2026-06-11") }));
    assert_eq!(with(None, Some("2026-06-09")), Some(AgreementGap::Ended { since: day("2026-06-09") }));
    assert_eq!(with(None, None), None);
}
