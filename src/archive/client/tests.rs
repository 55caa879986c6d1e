#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;

mod searching;

use super::*;
use crate::domain::access::{Evidence, Operation, Parties, Request, Rules, decide};
use crate::domain::document::invalidation::{Extent, Invalidation, Subject};
use crate::domain::organisation::Organisation;
use crate::domain::person::PersonId;
use crate::domain::record::{LinkKind, LinkPeriod, ProfessionalLink};
use crate::domain::relationship::{Grant, Relationship};
use crate::domain::wire::Reply;
use crate::domain::wire::answer::{Actor, Lost, Unsent};
use crate::domain::wire::fixtures::*;
use crate::domain::wire::soap::{Content, unwrap};
use crate::domain::xml::{Element, Limits};

/// Plays replies in order and remembers what was sent.
struct Scripted {
    replies: Mutex<VecDeque<Result<Reply, TransportError>>>,
    sent: Mutex<Vec<Envelope>>,
}

impl Transport for Scripted {
    async fn post(&self, envelope: &Envelope) -> Result<Reply, TransportError> {
        self.sent.lock().unwrap().push(envelope.clone());
        self.replies.lock().unwrap().pop_front().unwrap()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        let left = self.replies.lock().unwrap().len();
        assert!(left == 0 || std::thread::panicking(), "{left} replies were not asked for");
    }
}

impl Scripted {
    /// The n-th message sent, below its envelope.
    fn sent(&self, n: usize) -> Element {
        let sent = self.sent.lock().unwrap();
        let Content::Message(message) = unwrap(&sent[n].body, Limits::DOCUMENT).unwrap() else { panic!() };
        message
    }
}

/// A client of the producer's, whose messages are numbered from 1.
fn client_with(replies: Vec<Result<Reply, TransportError>>) -> ArchiveClient<Scripted> {
    let next = AtomicU64::new(1);
    let sources = Sources { now: Arc::new(now), message_number: Arc::new(move || next.fetch_add(1, Ordering::SeqCst)) };
    let producer = oid(PRODUCER);
    let sender = Sender { organisation: producer.clone(), numbers_root: producer, environment: Environment::Test };
    let transport = Scripted { replies: Mutex::new(replies.into()), sent: Mutex::default() };
    ArchiveClient::new(transport, Arc::new(WireProfile::default_profile().unwrap()), sender, sources)
}

fn now() -> Timestamp {
    "2026-06-10T09:00:00Z".parse().unwrap()
}

/// A permit for the producer's unit to write of the client in the organiser's register.
fn permit(unit: &Oid) -> Authority {
    permit_for(unit, "010190-900P", Operation::Write { drawn_up: header().drawn_up.day() })
}

fn permit_for(unit: &Oid, client: &str, operation: Operation) -> Authority {
    let grant = Grant {
        row: "/0".into(),
        unit: unit.clone(),
        service_task: "24".into(),
        below: None,
        start: "2026-01-01".parse().unwrap(),
        end: None,
    };
    let evidence = Evidence {
        document: header().ids,
        organiser: oid(ORGANISER),
        relationship: Relationship { grants: vec![grant], ..Relationship::default() },
        fetched_at: now(),
    };
    let start = "2026-01-01".parse().unwrap();
    let link = ProfessionalLink {
        kind: LinkKind::Shift,
        reference: "s-1".into(),
        period: LinkPeriod { start, end: None },
        asserted_by: "test".into(),
    };
    let organiser = oid(ORGANISER);
    let person = PersonId::IdentityCode(client.parse().unwrap());
    let request = Request { link: Some(&link), ..Request::bare(operation, &organiser, unit, &person) };
    let decided = decide(&request, Some(&evidence), &Parties::default(), &Rules::default(), now());
    Authority::RegisterAccess(decided.unwrap())
}

/// Worker, unit, client, permit: what most calls need.
struct Cast {
    worker: Worker,
    unit: Unit,
    person: PersonId,
    authority: Authority,
}

impl Cast {
    fn new() -> Self {
        let unit = unit();
        let authority = permit(&unit.oid);
        Self { worker: worker(), unit, person: client().id().unwrap(), authority }
    }

    fn acting(&self) -> Acting<'_> {
        Acting { worker: &self.worker, unit: &self.unit }
    }
}

/// As `prepare_store`, of a document whose signature these tests have no use for.
fn prepare(
    client: &ArchiveClient<Scripted>,
    header: &Header,
    authority: &Authority,
    cast: &Cast,
) -> Result<Envelope, ClientError> {
    client.prepare(&client.new_id(), client.now(), (header, b"<ClinicalDocument/>"), cast.acting(), authority)
}

const FIND_ANSWER: &str = "RCMR_IN200030FI01";

fn found(target: &str, more: &str, subjects: &str) -> Result<Reply, TransportError> {
    Ok(xml(query_answer(FIND_ANSWER, target, "OK", more, subjects)))
}

fn nothing(target: &str) -> Result<Reply, TransportError> {
    Ok(xml(query_answer(FIND_ANSWER, target, "NF", "", "")))
}

fn document(id: &str, custodian: &str, person: &str) -> Vec<u8> {
    format!(
        "<ClinicalDocument xmlns=\"urn:hl7-org:v3\"><id root=\"{id}\"/><recordTarget><patientRole>\
         <id root=\"1.2.246.21\" extension=\"{person}\"/></patientRole></recordTarget><custodian><assignedCustodian>\
         <representedCustodianOrganization><id root=\"{custodian}\"/></representedCustodianOrganization>\
         </assignedCustodian></custodian></ClinicalDocument>"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_prepared_envelope_is_sent_as_it_was_kept_and_its_acknowledgement_is_a_receipt() {
    let cast = Cast::new();
    let acknowledged = Ok(xml(answer("MCCI_IN000002UV01", &acknowledgement("AA", "1", ""))));
    let client = client_with(vec![acknowledged]);
    let envelope = prepare(&client, &header(), &cast.authority, &cast).unwrap();
    let kept = Envelope::from_bytes(&envelope.to_bytes().unwrap()).unwrap();
    let outcome = client.send(&kept).await;
    assert!(matches!(outcome, Outcome::Archived(receipt) if receipt.message_id == message_id("1")));
    assert!(client.transport.sent.lock().unwrap()[0] == envelope);
}

#[tokio::test]
async fn a_lost_answer_is_unknown_and_asks_first_while_an_unsent_message_does_not() {
    let cast = Cast::new();
    let lost = [Lost::Connection, Lost::TimedOut, Lost::TooLarge].map(|l| Err(TransportError::Lost(l)));
    let unsent = [Unsent::Unreachable, Unsent::OurCertificateRefused].map(|u| Err(TransportError::Unsent(u)));
    let client = client_with(lost.into_iter().chain(unsent).collect());
    for must_ask in [true, true, true, false, false] {
        let sent = client.send(&prepare(&client, &header(), &cast.authority, &cast).unwrap()).await;
        assert_eq!(sent.must_ask_first(), must_ask, "{sent:?}");
        assert_eq!(matches!(sent, Outcome::Unknown { .. }), must_ask);
    }
}

#[test]
fn a_document_is_prepared_only_for_the_register_and_unit_of_its_authority() {
    let cast = Cast::new();
    let client = client_with(vec![]);
    let prepare =
        |header: &Header, authority: &Authority| prepare(&client, header, authority, &cast).err().map(|e| e.actor());
    assert_eq!(prepare(&header(), &cast.authority), None);
    assert_eq!(prepare(&header(), &Authority::OwnRegister), Some(Actor::Us));
    assert_eq!(prepare(&header(), &permit(&oid("1.2.246.10.99999992.10.2"))), Some(Actor::Us));
    let (unit, write) = (unit().oid, Operation::Write { drawn_up: header().drawn_up.day() });
    assert_eq!(prepare(&header(), &permit_for(&unit, "010190-900P", Operation::Read)), Some(Actor::Us));
    let another_day = Operation::Write { drawn_up: "2026-06-09".parse().unwrap() };
    assert_eq!(prepare(&header(), &permit_for(&unit, "010190-900P", another_day)), Some(Actor::Us));
    assert_eq!(prepare(&header(), &permit_for(&unit, "020303A905N", write)), Some(Actor::Us));
    let task = |task: &str| Header { service_task: Some(code("1.2.246.537.6.1221.201601", task)), ..header() };
    assert_eq!(prepare(&task("24"), &cast.authority), None);
    assert_eq!(prepare(&task("15"), &cast.authority), Some(Actor::Us));
    let other = Organisation { oid: oid("1.2.246.10.99999993.10.0"), name: "Toinen".into() };
    assert_eq!(prepare(&Header { organiser: other, ..header() }, &cast.authority), Some(Actor::Us));
    let own = Organisation { oid: oid(PRODUCER), name: "Oma".into() };
    assert_eq!(prepare(&Header { organiser: own, ..header() }, &Authority::OwnRegister), None);
}

#[tokio::test]
async fn the_question_tells_stored_from_absent_and_an_unreadable_answer_is_neither() {
    let cast = Cast::new();
    let other = found("4", "", &subject("1.2.3.4", ""));
    let busy = Ok(reply(503, "text/plain", "later"));
    let client = client_with(vec![found("1", "", &subject(DOCUMENT, "")), nothing("2"), busy, other, nothing("4")]);
    let (document, register) = (oid(DOCUMENT), oid(ORGANISER));
    let ask = || client.question(&document, &register, cast.acting());
    assert!(matches!(ask().await, Ok(Presence::Stored(entry)) if entry.ids.document == document));
    assert_eq!(ask().await, Ok(Presence::Absent));
    let error = ask().await.unwrap_err();
    assert_eq!((error.actor(), error.retry()), (Actor::Archive, Retry::Later(None)));
    assert_eq!(ask().await, Err(ClientError::Foreign("document")));
    assert_eq!(ask().await, Err(ClientError::Doubt(Doubt::OtherMessage)));
    let asked = client.transport.sent(0);
    let query = asked.at(["controlActProcess", "queryByParameter"]).unwrap();
    assert!(query.first("clientId").is_none());
    assert_eq!(query.at(["documentId", "value"]).unwrap().attribute("root"), Some(DOCUMENT));
}

#[tokio::test]
async fn the_newest_relationship_document_is_found_and_fetched_without_a_permit() {
    let cast = Cast::new();
    let bytes = document(DOCUMENT, ORGANISER, cast.person.reveal());
    let older = subject(DOCUMENT, "").replace("<id root=\"1.2.246.10.99999992.95.2026.1.7\"/>", "<id root=\"1.2.9\"/>");
    let older = older.replace("versionNumber value=\"2\"", "versionNumber value=\"1\"");
    let both = format!("{}{older}", subject(DOCUMENT, ""));
    let client = client_with(vec![found("1", "", &both), Ok(fetch_reply("2", "cid:OID1.2", &bytes)), nothing("3")]);
    let register = oid(ORGANISER);
    let fetched = client.relationship(&cast.person, &register, cast.acting()).await.unwrap().unwrap();
    assert!(fetched.xml == bytes && fetched.entry.ids.version == 2);
    let reasons = |n: usize| {
        let act = client.transport.sent(n).first("controlActProcess").unwrap().clone();
        act.all("reasonCode").filter_map(|r| r.attribute("code").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(reasons(0), ["OURS-FETCH-RELATIONSHIP", "OURS-REGISTER-ACCESS"]);
    assert_eq!(reasons(1), reasons(0));
    assert!(client.relationship(&cast.person, &register, cast.acting()).await.unwrap().is_none());
}

#[tokio::test]
async fn decisions_are_read_page_by_page_with_their_cases() {
    let cast = Cast::new();
    let first = found("1", "<continuation>next</continuation>", &subject(DOCUMENT, ""));
    let client = client_with(vec![first, found("2", "", &subject("1.2.3.4", ""))]);
    let entries = client.decisions(&cast.person, &[], Some("24"), cast.acting(), &cast.authority).await.unwrap();
    let cases: Vec<_> = entries.iter().map(|e| e.case.clone().unwrap().to_string()).collect();
    assert_eq!(cases, [CASE, CASE]);
    let second = client.transport.sent(1);
    let query = second.at(["controlActProcess", "queryByParameter"]).unwrap();
    assert_eq!(query.first("continuation").unwrap().all_text(), "next");
    assert_eq!(query.at(["documentType", "value"]).unwrap().attribute("code"), Some("11"));
}

#[tokio::test]
async fn documents_of_other_tasks_and_other_clients_are_not_read_under_a_permit() {
    let cast = Cast::new();
    let own = subject(DOCUMENT, "");
    let others = own.replace("code=\"24\"", "code=\"15\"");
    assert_ne!(own, others);
    let bytes = document(DOCUMENT, ORGANISER, cast.person.reveal());
    let fetched = Ok(fetch_reply("3", "cid:OID1.2", &bytes)).map(|mut reply: Reply| {
        reply.body = String::from_utf8(reply.body).unwrap().replace("code=\"24\"", "code=\"15\"").into_bytes();
        reply
    });
    let client = client_with(vec![found("1", "", &others), found("2", "", &format!("{own}{others}")), fetched]);
    assert_eq!(client.decisions(&cast.person, &[], None, cast.acting(), &cast.authority).await.unwrap(), []);
    assert_eq!(client.cases(&cast.person, None, cast.acting(), &cast.authority).await.unwrap().len(), 1);
    let read = client.document(&oid(DOCUMENT), &cast.person, cast.acting(), &cast.authority).await;
    assert_eq!(read.err().map(|e| e.actor()), Some(Actor::Us));
    let another = PersonId::IdentityCode("020303A905N".parse().unwrap());
    let read = client.cases(&another, None, cast.acting(), &cast.authority).await;
    assert_eq!(read.err().map(|e| e.actor()), Some(Actor::Us));
}

#[tokio::test]
async fn endless_pages_are_an_error_and_not_a_short_list() {
    let cast = Cast::new();
    let page = |n: usize, continuation: &str| {
        let more = format!("<continuation>{continuation}</continuation>");
        found(&n.to_string(), &more, &subject(DOCUMENT, ""))
    };
    let client = client_with((1..=PAGES_MAX).map(|n| page(n, &n.to_string())).collect());
    let error = client.cases(&cast.person, None, cast.acting(), &cast.authority).await.unwrap_err();
    assert_eq!((error, PAGES_MAX), (ClientError::TooMany(20), 20));
    let client = client_with(vec![page(1, "same"), page(2, "same")]);
    let error = client.cases(&cast.person, None, cast.acting(), &cast.authority).await.unwrap_err();
    assert_eq!(error, ClientError::Foreign("page"));
}

#[tokio::test]
async fn what_is_about_another_client_register_or_document_is_not_passed_on() {
    let cast = Cast::new();
    let person = cast.person.reveal();
    for (bytes, expected) in [
        (document(DOCUMENT, ORGANISER, person), None),
        (document("1.2.3", ORGANISER, person), Some(ClientError::Foreign("document"))),
        (document(DOCUMENT, PRODUCER, person), Some(ClientError::Foreign("register"))),
        (document(DOCUMENT, ORGANISER, "020303A905N"), Some(ClientError::Foreign("client"))),
    ] {
        let client = client_with(vec![Ok(fetch_reply("1", "cid:OID1.2", &bytes))]);
        let read = client.document(&oid(DOCUMENT), &cast.person, cast.acting(), &cast.authority).await;
        assert_eq!(read.err(), expected);
    }
    let of_another = subject(DOCUMENT, "").replace("010190-900P", "020303A905N");
    let elsewhere = subject(DOCUMENT, "").replace(ORGANISER, PRODUCER);
    let client = client_with(vec![found("1", "", &of_another), found("2", "", &elsewhere)]);
    for expected in ["client", "register"] {
        let read = client.cases(&cast.person, None, cast.acting(), &cast.authority).await;
        assert_eq!(read.unwrap_err(), ClientError::Foreign(expected));
    }
}

#[tokio::test]
async fn a_refusal_names_codes_and_neither_texts_nor_persons() {
    let cast = Cast::new();
    let detail = "<acknowledgementDetail typeCode=\"E\"><code code=\"5Y00009\"/><text>ei oikeutta 010190-900P</text>\
        </acknowledgementDetail>";
    let refused = Ok(xml(answer(FIND_ANSWER, &acknowledgement("AE", "1", detail))));
    let client = client_with(vec![refused]);
    let error = client.cases(&cast.person, None, cast.acting(), &cast.authority).await.unwrap_err();
    assert_eq!((error.actor(), error.retry()), (Actor::Caller, Retry::Never));
    assert_eq!(error.to_string(), "the archive refuses: 5Y00009");
    assert!(!format!("{error:?}").contains("900P"));
}

#[tokio::test]
async fn an_invalidation_needs_no_permit_and_says_in_whose_register_it_is() {
    let cast = Cast::new();
    let acknowledged = |n: &str| Ok(xml(answer("MCCI_IN000002UV01", &acknowledgement("AA", n, ""))));
    let client = client_with(vec![acknowledged("1"), acknowledged("2")]);
    let at = "2026-06-11T08:00:00+03:00".parse().unwrap();
    let own = Header { organiser: Organisation { oid: oid(PRODUCER), name: "Oma".into() }, ..header() };
    for (n, (header, situation)) in [(header(), "OURS-REGISTER-ACCESS"), (own, "1")].into_iter().enumerate() {
        let subject = Subject::from(&header);
        let invalidation = Invalidation::try_new(&subject, Extent::ThisVersion, "Väärä asiakas", at).unwrap();
        assert!(matches!(client.invalidate(&invalidation, cast.acting()).await, Ok(Outcome::Archived(_))));
        let message = client.transport.sent(n);
        let reasons = message.first("controlActProcess").unwrap().all("reasonCode");
        let codes: Vec<_> = reasons.filter_map(|r| r.attribute("code").map(str::to_owned)).collect();
        assert_eq!(codes, ["OURS-INVALIDATE", situation]);
    }
}
