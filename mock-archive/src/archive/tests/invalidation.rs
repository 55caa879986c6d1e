//! Invalidating: who may, what it does to searches, and that it may be said twice.

use super::{DECISION, ENTRY, RELATIONSHIP, ask, full_archive, reply};
use crate::answers::AckCode;
use crate::finding::Rule;
use crate::ledger::Verdict;
use crate::samples::{CLIENT, Invalidating, PRODUCER_UNIT, Question, Sample, group, oid};

#[test]
fn an_invalidated_document_is_gone_for_readers_and_known_to_its_sender() {
    let archive = full_archive();
    for expected in [Verdict::Invalidated(1), Verdict::Invalidated(0)] {
        let said = Invalidating::by_producer(ENTRY).give_to(&archive);
        assert_eq!(
            (said.root.as_str(), said.acknowledgement.as_str(), said.rules),
            ("MCCI_IN000002UV01", "AA", vec![])
        );
        assert_eq!(archive.ledger().entries().last().unwrap().verdict, expected);
    }
    assert_eq!(ask(&archive, &Question::find(&group("5"))).ids, [DECISION]);
    assert_eq!(ask(&archive, &Question::about(ENTRY)).ids, [ENTRY]);
    assert_eq!(ask(&archive, &Question::about(ENTRY).by_organiser()).ids, [ENTRY]);
    assert_eq!(ask(&archive, &Question::fetch(ENTRY)).response.as_deref(), Some("NF"));
    // The same bytes arrive again: they had been stored, and stay invalid.
    assert!(Sample::entry().give_to(&archive).already_stored);
    assert_eq!(ask(&archive, &Question::find(&group("5"))).ids, [DECISION]);
}

#[test]
fn a_producer_invalidates_its_own_after_the_right_has_ended_and_nothing_else() {
    let archive = full_archive();
    let ended = Sample::relationship_with(PRODUCER_UNIT, "2026-01", Some("2026-11-21"));
    let second = ended.next_version("1.2.246.10.99999991.95.2026.10", 2);
    assert_eq!(second.give_to(&archive).code, AckCode::Aa);
    archive.set_standing(oid(crate::samples::ORGANISER), "1".parse().unwrap());
    assert_eq!(Invalidating::by_producer(DECISION).give_to(&archive).rules, ["access.invalidation"]);
    assert_eq!(Invalidating::by_producer(ENTRY).give_to(&archive).acknowledgement, "AA");
    let own = Invalidating { use_situation: "1", ..Invalidating::by_producer(ENTRY) };
    assert_eq!(own.give_to(&archive).rules, ["access.use-situation"]);
}

#[test]
fn all_versions_go_at_once_and_none_follows() {
    let archive = full_archive();
    let second = Sample::relationship().next_version("1.2.246.10.99999991.95.2026.10", 2);
    assert_eq!(second.give_to(&archive).code, AckCode::Aa);
    let all = Invalidating { id: None, ..Invalidating::by_organiser(RELATIONSHIP, "1") };
    assert_eq!(all.give_to(&archive).acknowledgement, "AA");
    assert_eq!(archive.ledger().entries().last().unwrap().verdict, Verdict::Invalidated(2));
    let question = Question { service_request: "OURS-FETCH-RELATIONSHIP", ..Question::find(&group("1")) };
    assert_eq!(ask(&archive, &question).response.as_deref(), Some("NF"));
    let third = Sample::relationship().next_version("1.2.246.10.99999991.95.2026.11", 3);
    let found: Vec<_> = third.give_to(&archive).findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(found, [Rule::VersionAfterInvalid]);
}

#[test]
fn an_older_version_goes_alone() {
    let archive = full_archive();
    let second = Sample::relationship().next_version("1.2.246.10.99999991.95.2026.10", 2);
    assert_eq!(second.give_to(&archive).code, AckCode::Aa);
    assert_eq!(Invalidating::by_organiser(RELATIONSHIP, "1").give_to(&archive).acknowledgement, "AA");
    assert_eq!(ask(&archive, &Question::find(&group("1"))).ids, [second.id.as_str()]);
}

#[test]
fn each_broken_rule_of_an_invalidation_refuses_it_and_changes_nothing() {
    let good = || Invalidating::by_organiser(DECISION, "5");
    let cases = [
        (Invalidating { set_id: "1.2.3", id: None, ..good() }, "invalidation.document"),
        (Invalidating { id: Some("1.2.3"), ..good() }, "invalidation.document"),
        (Invalidating { group: "2", ..good() }, "invalidation.metadata"),
        (Invalidating { edits: vec![(CLIENT, "010181-900C")], ..good() }, "invalidation.metadata"),
        (Invalidating { reason: " ".into(), ..good() }, "invalidation.reason"),
        (Invalidating { reason: "ä".repeat(501), ..good() }, "invalidation.reason"),
        (Invalidating { edits: vec![("NULLIFIED", "COMPLETED")], ..good() }, "frame.nullified"),
        (Invalidating { edits: vec![("RCMR_TE000025UV01", "RCMR_TE000102UV01")], ..good() }, "message.trigger"),
        (Invalidating { edits: vec![("OURS-INVALIDATE", "SP17")], ..good() }, "message.service-request"),
        (
            Invalidating {
                edits: vec![("<reasonOfInvalidation>", "<reason>"), ("</reasonOfInvalidation>", "</reason>")],
                ..good()
            },
            "message.form",
        ),
        (
            Invalidating { edits: vec![("value=\"20261122110000+0200\"/><setId", "value=\"soon\"/><setId")], ..good() },
            "message.form",
        ),
    ];
    let archive = full_archive();
    for (message, rule) in cases {
        let said = message.give_to(&archive);
        assert_eq!((said.acknowledgement.as_str(), said.rules), ("AE", vec![rule.to_owned()]));
    }
    assert_eq!(Invalidating { reason: "ä".repeat(500), ..good() }.give_to(&archive).acknowledgement, "AA");
}

#[test]
fn what_changed_includes_what_ceased_to_count_in_the_order_of_change() {
    let archive = full_archive();
    assert_eq!(Invalidating::by_organiser(DECISION, "5").give_to(&archive).acknowledgement, "AA");
    let after = |moment: &str| Question::find(&format!("<storedAfter value=\"{moment}\"/>"));
    let all = ask(&archive, &after("20261122115959+0200")).ids;
    assert_eq!((all.len(), all.last().map(String::as_str)), (4, Some(DECISION)));
    assert_eq!(ask(&archive, &after("20261122120000+0200")).response.as_deref(), Some("NF"));
    let text = String::from_utf8(reply(&archive, &after("20261122115959+0200")).body).unwrap();
    assert_eq!(text.matches("<statusCode code=\"NULLIFIED\"/>").count(), 1);
    let first = ask(&archive, &Question { page: 3, ..after("20261122115959+0200") });
    let rest = Question { page: 3, ..after("20261122115959+0200") }.continued(&first.continuation.unwrap());
    assert_eq!(ask(&archive, &rest).ids, [DECISION]);
}
