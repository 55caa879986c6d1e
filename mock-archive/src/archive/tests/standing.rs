//! Joined or not, phases, roles, closed cases, and the task of a row.

use serde_json::json;

use super::{DECISION, ENTRY, ask, full_archive};
use crate::finding::Rule;
use crate::samples::{ORGANISER, PRODUCER, PRODUCER_UNIT, Question, Sample, archive, kit, oid, prepared_archive};
use crate::server::MockArchive;

fn refusals(archive: &crate::Archive, sample: &Sample) -> Vec<Rule> {
    sample.give_to(archive).findings.iter().map(|finding| finding.rule).collect()
}

#[test]
fn who_has_not_joined_does_nothing() {
    let archive = full_archive();
    archive.set_standing(oid(PRODUCER), "not-joined".parse().unwrap());
    assert_eq!(refusals(&archive, &Sample::entry()), [Rule::OrganisationJoined]);
    assert_eq!(ask(&archive, &Question::find("")).rules, ["organisation.joined"]);
    assert_eq!(ask(&archive, &Question::about(ENTRY)).rules, ["organisation.joined"]);
}

#[test]
fn the_phases_of_both_decide_about_the_register_access_right() {
    for (organisation, standing, rule) in [
        (ORGANISER, "1", Some((Rule::OrganisationOrganiserPhase, "organisation.organiser-phase"))),
        (ORGANISER, "1+access", Some((Rule::OrganisationOrganiserPhase, "organisation.organiser-phase"))),
        (PRODUCER, "1", Some((Rule::OrganisationProducerPhase, "organisation.producer-phase"))),
        (PRODUCER, "1+access", None),
    ] {
        let (archive, _) = prepared_archive();
        assert_eq!(Sample::decision().give_to(&archive).code.as_str(), "AA");
        archive.set_standing(oid(organisation), standing.parse().unwrap());
        assert_eq!(refusals(&archive, &Sample::entry()).first().copied(), rule.map(|(rule, _)| rule));
        let expected: Vec<_> = rule.iter().map(|(_, id)| (*id).to_owned()).collect();
        assert_eq!(ask(&archive, &Question::find("")).rules, expected);
        assert_eq!(ask(&archive, &Question::fetch(DECISION)).rules, expected);
        // The own register needs no phase 2.
        assert_eq!(ask(&archive, &Question::find("").by_organiser()).rules, Vec::<String>::new());
    }
}

#[test]
fn the_question_for_an_own_document_is_answered_whatever_the_phase() {
    let archive = full_archive();
    archive.set_standing(oid(ORGANISER), "1".parse().unwrap());
    assert_eq!(ask(&archive, &Question::about(ENTRY)).ids, [ENTRY]);
}

#[test]
fn a_table_of_roles_forbids_by_task_and_process() {
    let table = tempfile::NamedTempFile::new().unwrap();
    let rows = "[[row]]\nrole = \"1\"\nread = true\nwrite = true\n\
                [[row]]\nservice_task = \"15\"\nservice_process = \"5\"\nread = false\nwrite = false\n";
    std::fs::write(table.path(), rows).unwrap();
    let (full, clock) = archive();
    drop(full);
    let builder = MockArchive::builder().clock(clock).pki(std::sync::Arc::clone(&kit().pki)).roles(table.path());
    let archive = builder.archive().unwrap();
    let role = |code: &str| {
        let system = "1.2.246.10.99999990.6.1";
        format!("<code code=\"{code}\" codeSystem=\"{system}\"/><assignedPerson><name>")
    };
    let with_role: &'static str = Box::leak(role("1").into_boxed_str());
    let as_role_1 = |mut sample: Sample| {
        sample.frame_edits.push(("<assignedPerson><name>", with_role));
        sample
    };
    assert_eq!(refusals(&archive, &Sample::relationship()), [Rule::AccessRole]);
    for sample in [Sample::relationship(), Sample::case(), Sample::decision()] {
        assert_eq!(refusals(&archive, &as_role_1(sample)), []);
    }
    assert_eq!(ask(&archive, &Question::fetch(DECISION)).rules, ["access.role"]);
    assert_eq!(ask(&archive, &Question::find("")).ids, Vec::<String>::new());
}

#[test]
fn a_closed_case_takes_what_was_drawn_up_before() {
    for (closed, expected) in [("2026-11-21", vec![Rule::CaseClosed]), ("2026-11-22", vec![]), ("2026-11", vec![])] {
        let (archive, _) = archive();
        let mut case = Sample::case();
        let facts = case.content.pointer_mut("/asia_asiakirja/asian_tiedot").unwrap();
        facts.as_object_mut().unwrap().insert("paattymispaiva".into(), json!(closed));
        for sample in [Sample::relationship(), case] {
            assert_eq!(refusals(&archive, &sample), []);
        }
        assert_eq!(refusals(&archive, &Sample::entry()), expected, "{closed}");
        let own = Sample::decision().give_to(&archive);
        let warned: Vec<_> = own.warnings.iter().map(|finding| finding.rule).collect();
        assert_eq!(warned.contains(&Rule::CaseClosedOwn), !expected.is_empty());
        assert_eq!(own.code.as_str(), "AA");
    }
}

#[test]
fn a_document_of_another_task_than_the_rows_warns() {
    for (task, expected) in [("15", false), ("20", true)] {
        let (archive, _) = archive();
        let mut relationship = Sample::relationship_with(PRODUCER_UNIT, "2026", None);
        let row = relationship.content.pointer_mut("/asiakkuusasiakirja/sosiaalihuollon_palvelutehtava/0").unwrap();
        row.as_object_mut().unwrap().insert("palvelutehtava".into(), json!({"code": task}));
        for sample in [relationship, Sample::case()] {
            assert_eq!(refusals(&archive, &sample), []);
        }
        let taken = Sample::entry().give_to(&archive);
        assert_eq!(taken.code.as_str(), "AA");
        assert_eq!(taken.warnings.iter().any(|finding| finding.rule == Rule::AccessServiceTask), expected);
    }
}
