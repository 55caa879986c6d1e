//! A question as it is asked, and the one that a record is.

#![expect(clippy::indexing_slicing, reason = "tests")]

use serde_json::{Value, json};

use super::*;
use crate::domain::record::LocalRecord;

fn worker() -> Value {
    json!({ "name": { "family": "T", "given": ["T"] }, "identity_code": "010190-900P", "registration_number": "1",
        "role": "01" })
}

fn record(case: &str) -> LocalRecord {
    let client = |id: Value| {
        let mut client = json!({ "name": { "family": "A", "given": ["A"] }, "birth_date": "1990-01-01",
            "gender": "female", "safety_ban": false });
        client.as_object_mut().unwrap().extend(id.as_object().unwrap().clone());
        client
    };
    let said = json!({
        "structure": "1.2.246.537.6.1506.19007.2022.1.10", "language": "fi",
        "clients": [client(json!({ "identity_code": "010190-900P" })), client(json!({ "identity_code": "020303A905N" }))],
        "organiser": { "oid": "1.2.246.10.99999991.10.0", "name": "O" }, "unit": { "oid": UNIT, "name": "U" },
        "author": worker(), "acting_worker": worker(),
        "professional_link": { "kind": "shift", "reference": "r", "period": { "start": "2026-01-01" },
            "asserted_by": "s" },
        "purchase": "service_voucher", "service_task": { "code": "24", "display": "x" },
        "service_process": { "code": "7", "display": "y" }, "case": case,
        "drawn_up": "2026-06-10T00:30:00+03:00", "retention_class": { "code": "1", "display": "x" },
        "special_content": false, "content": { "x": {} }
    });
    serde_json::from_value(said).unwrap()
}

#[test]
fn the_question_of_a_record_is_whether_it_may_be_stored_for_all_of_its_clients() {
    let known = "1.2.246.10.99999991.95.2026.1";
    let question = Question::of_record(&record(known));
    assert_eq!(question.operation(), write("2026-06-10"), "the day in Finland");
    assert_eq!(question.persons(), ["010190-900P", "020303A905N"].map(person));
    assert_eq!(question.case, Some(oid(known)));
    for case in ["find", "none"] {
        assert_eq!(Question::of_record(&record(case)).case, None);
    }
    let persons = question.persons();
    let request = question.request(&persons[1], CaseStanding::Known);
    assert_eq!(
        (request.operation, request.client, request.case),
        (write("2026-06-10"), &persons[1], CaseStanding::Known)
    );
    assert_eq!((request.organiser, request.unit), (&oid("1.2.246.10.99999991.10.0"), &oid(UNIT)));
    assert_eq!((request.service_task, request.service_process, request.role), (Some("24"), Some("7"), Some("01")));
    assert_eq!(
        (request.purchase, request.link),
        (Some(PurchaseKind::ServiceVoucher), Some(&question.professional_link))
    );
}

#[test]
fn a_question_is_read_in_its_shape_and_shows_no_person() {
    let asked = json!({
        "operation": "read", "clients": [{ "identity_code": "010190-900P" }], "acting_worker": worker(),
        "organiser": { "oid": "1.2.246.10.99999991.10.0", "name": "O" }, "unit": { "oid": UNIT, "name": "U" },
        "professional_link": { "kind": "shift", "reference": "r", "period": { "start": "2026-01-01" },
            "asserted_by": "s" }
    });
    let question: Question = serde_json::from_value(asked.clone()).unwrap();
    assert_eq!((question.operation(), question.persons()), (Operation::Read, vec![person("010190-900P")]));
    assert_eq!((question.operation().act(), write("2026-06-10").act()), (Act::Read, Act::Write));
    let shown = format!("{question:?} {:?}", question.clients);
    assert!(shown.contains("Question") && shown.contains("AskedClient") && !shown.contains("900P"), "{shown}");
    let mut other = asked;
    other["why"] = json!("x");
    assert!(serde_json::from_value::<Question>(other).is_err());
}
