//! Messages and queries over the archive's plain functions, without a network.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use crate::archive::{Archive, Reply};
use crate::intake::soap::HttpMessage;
use crate::samples::{
    ORGANISER, PRODUCER, PRODUCER_UNIT, Question, Said, Sample, archive, group, oid, prepared_archive, said,
};

mod invalidation;
mod standing;
mod validation;
mod wire;

const RELATIONSHIP: &str = "1.2.246.10.99999991.95.2026.1";
const CASE_DOCUMENT: &str = "1.2.246.10.99999991.95.2026.2";
const DECISION: &str = "1.2.246.10.99999991.95.2026.3";
const ENTRY: &str = "1.2.246.10.99999992.95.2026.1";

fn ask(archive: &Archive, question: &Question) -> Said {
    said(&reply(archive, question).body)
}

fn reply(archive: &Archive, question: &Question) -> Reply {
    let action = format!("\"urn:hl7-org:v3:{}\"", question.interaction);
    let envelope = question.envelope();
    let message =
        HttpMessage { content_type: "text/xml; charset=utf-8", soap_action: Some(&action), body: envelope.as_bytes() };
    archive.receive(&oid(question.sender), &message)
}

fn full_archive() -> Archive {
    let (archive, _) = prepared_archive();
    for sample in [Sample::decision(), Sample::entry()] {
        assert_eq!(sample.give_to(&archive).code.as_str(), "AA");
    }
    archive
}

#[test]
fn a_store_message_finds_its_document_by_reference() {
    let (archive, _) = prepared_archive();
    let (content_type, body) = Sample::entry().http();
    let message =
        HttpMessage { content_type: &content_type, soap_action: Some("urn:hl7-org:v3:RCMR_IN200002FI01"), body: &body };
    let answer = said(&archive.receive(&oid(PRODUCER), &message).body);
    assert_eq!((answer.root.as_str(), answer.acknowledgement.as_str()), ("MCCI_IN000002UV01", "AA"));
    assert_eq!(answer.rules, Vec::<String>::new());
}

#[test]
fn a_reference_that_names_no_part_is_refused() {
    let (archive, _) = prepared_archive();
    let (content_type, body) = Sample::entry().http();
    let body = String::from_utf8(body).unwrap().replace("cid:OID", "cid:OIDX");
    let message = HttpMessage {
        content_type: &content_type,
        soap_action: Some("\"urn:hl7-org:v3:RCMR_IN200002FI01\""),
        body: body.as_bytes(),
    };
    assert_eq!(said(&archive.receive(&oid(PRODUCER), &message).body).rules, ["message.attachment"]);
}

#[test]
fn an_action_of_another_interaction_or_none_is_refused() {
    for soap_action in [None, Some("\"urn:hl7-org:v3:RCMR_IN200029FI01\"")] {
        let (archive, _) = prepared_archive();
        let (content_type, body) = Sample::entry().http();
        let message = HttpMessage { content_type: &content_type, soap_action, body: &body };
        let answer = said(&archive.receive(&oid(PRODUCER), &message).body);
        assert_eq!(answer.acknowledgement, "AE");
        assert_eq!(answer.rules, ["message.soap-action"]);
    }
}

#[test]
fn what_is_no_message_gets_a_fault_and_what_has_an_id_a_refusal() {
    let (archive, _) = archive();
    let receive = |content_type: &str, body: &str| {
        archive.receive(&oid(PRODUCER), &HttpMessage { content_type, soap_action: None, body: body.as_bytes() })
    };
    let good = Question::find("").envelope();
    for (content_type, body) in [
        ("text/plain", good.as_str()),
        ("text/xml", ""),
        ("text/xml", "<a/>"),
        ("text/xml", "<!DOCTYPE a><a/>"),
        ("multipart/related; boundary=b", good.as_str()),
        ("multipart/related; boundary=b; start=\"<x>\"", "--b\r\n\r\n<a/>\r\n--b--"),
        ("multipart/related; boundary=b", "--b--"),
        ("text/xml", good.replace("RCMR_IN200029FI01", "RCMR_IN200099FI01").replace("extension=\"17\"", "").as_str()),
    ] {
        let reply = receive(content_type, body);
        assert_eq!(reply.status, 400);
        assert!(String::from_utf8(reply.body).unwrap().contains("<soap:Fault>"));
    }
    let unknown = receive("text/xml", &good.replace("RCMR_IN200029FI01", "RCMR_IN200099FI01"));
    assert_eq!(said(&unknown.body).rules, ["message.interaction"]);
    let torn = receive("text/xml", &good.replace("<queryId", "<queryIdd"));
    assert_eq!(said(&torn.body).rules, ["query.form"]);
}

#[test]
fn peers_bytes_never_panic() {
    let (archive, _) = archive();
    let (content_type, body) = Sample::entry().http();
    let step = body.len() / 400;
    for cut in (0..body.len()).step_by(step) {
        let mut bent = body.clone();
        bent.truncate(cut);
        let message = HttpMessage { content_type: &content_type, soap_action: None, body: &bent };
        assert!(archive.receive(&oid(PRODUCER), &message).status >= 200);
        let mut bent = body.clone();
        bent.splice(cut..(cut + 1).min(bent.len()), [0xff, b'<', b'&']);
        let message = HttpMessage { content_type: &content_type, soap_action: None, body: &bent };
        assert!(archive.receive(&oid(PRODUCER), &message).status >= 200);
    }
}

#[test]
fn a_granted_producer_finds_what_it_asks_for() {
    let archive = full_archive();
    let all = ask(&archive, &Question::find(""));
    assert_eq!(
        (all.root.as_str(), all.acknowledgement.as_str(), all.response.as_deref()),
        ("RCMR_IN200030FI01", "AA", Some("OK"))
    );
    assert_eq!(all.ids, [RELATIONSHIP, CASE_DOCUMENT, DECISION, ENTRY]);
    let kind = |code: &str| {
        format!("<documentType><value code=\"{code}\" codeSystem=\"1.2.246.537.6.1506.201701\"/></documentType>")
    };
    for (parameters, expected) in [
        (group("5"), vec![DECISION, ENTRY]),
        (kind("11000"), vec![DECISION]),
        (kind("11"), vec![DECISION]),
        (kind("19") + &kind("11000"), vec![DECISION, ENTRY]),
        (kind("15"), vec![]),
        ("<serviceTask><value code=\"15\"/></serviceTask>".into(), vec![RELATIONSHIP, CASE_DOCUMENT, DECISION, ENTRY]),
        ("<serviceTask><value code=\"16\"/></serviceTask>".into(), vec![]),
        (
            "<caseId><value root=\"1.2.246.10.99999991.40.2026.1\"/></caseId>".into(),
            vec![CASE_DOCUMENT, DECISION, ENTRY],
        ),
        ("<caseId><value root=\"1.2.246.10.99999991.40.2026.2\"/></caseId>".into(), vec![]),
    ] {
        let found = ask(&archive, &Question::find(&parameters));
        assert_eq!(found.ids, expected, "{parameters}");
        assert_eq!(found.response.as_deref(), Some(if expected.is_empty() { "NF" } else { "OK" }));
    }
}

#[test]
fn pages_follow_each_other_without_gap_or_repetition() {
    let archive = full_archive();
    let (mut question, mut ids) = (Question { page: 1, ..Question::find("") }, Vec::new());
    loop {
        let page = ask(&archive, &question);
        assert_eq!(page.total.as_deref(), Some("4"));
        ids.extend(page.ids);
        let Some(token) = page.continuation else {
            break;
        };
        question = Question { page: 1, ..Question::find("") }.continued(&token);
    }
    assert_eq!(ids, [RELATIONSHIP, CASE_DOCUMENT, DECISION, ENTRY]);
    assert_eq!(ask(&archive, &Question::find("").continued("elsewhere")).rules, ["query.continuation"]);
}

#[test]
fn a_query_has_a_subject_and_a_page_within_bounds() {
    let archive = full_archive();
    for page in [0, 201] {
        assert_eq!(ask(&archive, &Question { page, ..Question::find("") }).rules, ["query.page"]);
    }
    let mut nobody = Question::about(ENTRY);
    nobody.parameters = nobody.parameters.split("<documentId>").next().unwrap().to_owned();
    let answer = ask(&archive, &nobody);
    assert_eq!((answer.response.as_deref(), answer.rules), (Some("AE"), vec!["query.subject".to_owned()]));
    let real = Question::find("").parameters.replace("010190-900P", concat!("010190", "-123M"));
    assert!(
        ask(&archive, &Question { parameters: real, ..Question::find("") })
            .rules
            .contains(&"person.test-only".to_owned())
    );
    assert_eq!(
        ask(&archive, &Question { service_request: "SP17", ..Question::find("") }).rules,
        ["message.service-request"]
    );
    let crossed = Question { service_request: "OURS-FETCH-CASE", ..Question::find(&group("5")) };
    assert_eq!(ask(&archive, &crossed).rules, ["message.service-request"]);
}

#[test]
fn without_a_grant_only_the_relationship_document_is_shown() {
    let (archive, _) = archive();
    let asked = Question { service_request: "OURS-FETCH-RELATIONSHIP", ..Question::find(&group("1")) };
    assert_eq!(ask(&archive, &asked).response.as_deref(), Some("NF"));
    assert_eq!(ask(&archive, &Question::find("")).rules, ["access.relationship"]);
    for sample in
        [Sample::relationship_with("1.2.246.10.99999993.10.1", "2026", None), Sample::case(), Sample::decision()]
    {
        assert_eq!(sample.give_to(&archive).code.as_str(), "AA");
    }
    assert_eq!(ask(&archive, &asked).ids, [RELATIONSHIP]);
    assert_eq!(ask(&archive, &Question::find("")).rules, ["access.unit"]);
    assert_eq!(ask(&archive, &Question::fetch(DECISION)).rules, ["access.unit"]);
    let fetch = Question { service_request: "OURS-FETCH-RELATIONSHIP", ..Question::fetch(RELATIONSHIP) };
    assert_eq!(ask(&archive, &fetch).ids, [RELATIONSHIP]);
}

#[test]
fn a_read_follows_the_days_of_the_row() {
    for (start, end, expected) in [
        ("2026-11-22", None, None),
        ("2026-11-23", None, Some("access.started")),
        ("2026", Some("2026-11-22"), None),
        ("2026", Some("2026-11-21"), Some("access.ended")),
    ] {
        let (archive, _) = archive();
        assert_eq!(Sample::relationship_with(PRODUCER_UNIT, start, end).give_to(&archive).code.as_str(), "AA");
        assert_eq!(ask(&archive, &Question::find("")).rules.first().map(String::as_str), expected);
    }
}

#[test]
fn use_situation_and_register_belong_together() {
    let archive = full_archive();
    let own = Question { use_situation: "1", ..Question::find("") };
    assert_eq!(ask(&archive, &own).rules, ["access.use-situation"]);
    assert_eq!(ask(&archive, &Question::find("").by_organiser()).ids.len(), 4);
    let foreign = Question { use_situation: "OURS-REGISTER-ACCESS", ..Question::find("").by_organiser() };
    assert_eq!(ask(&archive, &foreign).rules, ["access.use-situation"]);
}

#[test]
fn the_sender_of_a_document_may_always_ask_for_it() {
    let (archive, clock) = prepared_archive();
    assert_eq!(ask(&archive, &Question::about(ENTRY)).response.as_deref(), Some("NF"));
    assert_eq!(Sample::entry().give_to(&archive).code.as_str(), "AA");
    let ended = Sample::relationship_with(PRODUCER_UNIT, "2026-02", Some("2026-11-22"));
    assert_eq!(ended.next_version("1.2.246.10.99999991.95.2026.10", 2).give_to(&archive).code.as_str(), "AA");
    clock.set("2027-01-01T00:00:00Z".parse().unwrap());
    assert_eq!(ask(&archive, &Question::find("")).rules, ["access.ended"]);
    assert_eq!(ask(&archive, &Question::about(ENTRY)).ids, [ENTRY]);
    assert_eq!(ask(&archive, &Question::about("1.2.3")).response.as_deref(), Some("NF"));
    assert_eq!(ask(&archive, &Question::about(CASE_DOCUMENT)).rules, ["access.ended"]);
    assert_eq!(archive.ledger().assert_no_unasked_second_arrival(), Ok(()));
}

#[test]
fn the_newest_version_is_shown_and_older_ones_by_their_id() {
    let archive = full_archive();
    let newer = Sample::relationship().next_version("1.2.246.10.99999991.95.2026.10", 2);
    assert_eq!(newer.give_to(&archive).code.as_str(), "AA");
    assert_eq!(ask(&archive, &Question::find(&group("1"))).ids, [newer.id.as_str()]);
    assert_eq!(ask(&archive, &Question::about(RELATIONSHIP)).ids, [RELATIONSHIP]);
    assert!(archive.invalidate(&oid(DECISION)).unwrap());
    assert_eq!(ask(&archive, &Question::find(&group("5"))).ids, [ENTRY]);
    assert_eq!(ask(&archive, &Question::about(DECISION)).response.as_deref(), Some("NF"));
    assert_eq!(ask(&archive, &Question::fetch(DECISION).by_organiser()).response.as_deref(), Some("NF"));
    let owner = reply(&archive, &Question::about(DECISION).by_organiser());
    assert!(String::from_utf8(owner.body).unwrap().contains("<statusCode code=\"NULLIFIED\"/>"));
}

#[test]
fn a_fetched_document_is_what_was_stored_byte_for_byte() {
    let archive = full_archive();
    let reply = reply(&archive, &Question::fetch(DECISION));
    assert!(reply.content_type.starts_with("multipart/related; type=\"text/xml\"; start=\"<frame>\"; boundary="));
    let message = HttpMessage { content_type: &reply.content_type, soap_action: None, body: &reply.body };
    let parts = crate::intake::soap::parts(&message).unwrap();
    let [part] = parts.attachments.as_slice() else { panic!("one part expected") };
    assert_eq!(part.content_id.as_deref(), Some(format!("OID{DECISION}").as_str()));
    assert_eq!(part.body, Sample::decision().document().as_bytes());
    let answer = said(&reply.body);
    assert_eq!((answer.root.as_str(), answer.ids), ("RCMR_IN200032FI01", vec![DECISION.to_owned()]));
    let frame = std::str::from_utf8(parts.envelope).unwrap();
    assert!(frame.contains(&format!("<reference value=\"cid:OID{DECISION}\"/>")));
    assert!(frame.contains("displayName=\"Päätös &amp; &quot;muu&quot;\""));
    assert!(frame.contains("<componentOf><encounterEvent><id root=\"1.2.246.10.99999991.40.2026.1\"/>"));
}

#[test]
fn report_and_findings_name_no_person() {
    let archive = full_archive();
    let mut wrong = Sample::entry();
    wrong.id = "1.2.246.10.99999992.95.2026.77".into();
    let refused = wrong.give_to(&archive);
    ask(&archive, &Question::find(""));
    let texts = [
        archive.ledger().to_string(),
        format!("{refused:?}"),
        format!("{archive:?}"),
        format!("{:?}", archive.ledger()),
    ];
    for text in texts {
        for person in ["010190-900P", "Testinen", "Tessa", "90000000001"] {
            assert!(!text.contains(person));
        }
    }
    assert!(archive.ledger().to_string().contains(ORGANISER));
}
