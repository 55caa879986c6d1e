//! Every fault over the wire, and the archive's clock in the handshake.

use std::time::Duration;

use super::*;
use crate::faults::{CATALOGUE, MessageKind, Script, Throttle, TlsFault};
use crate::samples::{PRODUCER_UNIT, oid};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn is_there(archive: &MockArchive, client: &Client, sample: &Sample) -> bool {
    let asked = ask(client, archive, &Question::about(&sample.id)).await;
    !said(&asked.bytes().await.unwrap()).ids.is_empty()
}

/// A sample of its own number, so that one archive takes many.
fn entry(number: usize) -> Sample {
    let id = format!("1.2.246.10.99999992.95.2026.7.{number}");
    let mut sample = Sample::entry();
    sample.display = sample.display.replace(&sample.id, &id);
    (sample.id, sample.set_id) = (id.clone(), id);
    sample
}

#[tokio::test]
async fn every_fault_leaves_the_document_where_its_row_says() {
    let archive = prepared().await;
    for (number, row) in CATALOGUE.iter().enumerate() {
        let (fault, sample) = (row.example, entry(number + 1));
        if matches!(fault, Fault::Tls(_) | Fault::Hold(_) | Fault::Delay(..)) {
            continue;
        }
        let producer = client_of(PRODUCER);
        archive.faults().next_store(fault).unwrap();
        let answer = match store(&producer, &archive, &sample).await {
            Ok(response) => (Some(response.status().as_u16()), response.bytes().await.ok()),
            Err(_) => (None, None),
        };
        assert_eq!(archive.faults().waiting(), 0, "{fault} has happened");
        let carried_out = row.happens.starts_with("carried out");
        assert_eq!(is_there(&archive, &producer, &sample).await, carried_out, "{fault}: {}", row.happens);
        let whole = answer.1.as_ref().is_some_and(|body| {
            std::str::from_utf8(body)
                .is_ok_and(|text| text.contains("code=\"AA\"") && text.ends_with("</soap:Envelope>"))
        });
        let good = matches!(
            fault,
            Fault::AnswerTwice | Fault::Trickle(..) | Fault::WrongMessageId | Fault::OversizedAnswer(_)
        );
        assert_eq!(whole && answer.0 == Some(200), good, "{fault}: {answer:?}");
        // Whatever it was, the archive goes on; what came late is there now.
        let late = fault == Fault::StoredAfterNo;
        assert_eq!(is_there(&archive, &producer, &sample).await, carried_out || late, "{fault}");
    }
    archive.ledger().assert_no_unasked_second_arrival().unwrap();
}

#[tokio::test]
async fn faults_meet_every_kind_of_message() {
    let archive = prepared().await;
    let organiser = client_of(ORGANISER);
    let about = Question::about(&Sample::case().id).by_organiser();
    let fetch = Question::fetch(&Sample::case().id).by_organiser();
    for (kind, question) in [
        (MessageKind::Find, Question::find("").by_organiser()),
        (MessageKind::Question, about),
        (MessageKind::Fetch, fetch),
    ] {
        archive.faults().next(kind, Fault::Status(503, Some(7))).unwrap();
        let others = ask(&organiser, &archive, &Question::find("").by_organiser()).await.status();
        assert_eq!(others == 503, kind == MessageKind::Find, "{kind}");
        if kind != MessageKind::Find {
            assert_eq!(ask(&organiser, &archive, &question).await.status(), 503, "{kind}");
        }
        archive.faults().next(kind, Fault::ResetBeforeBody).unwrap();
        let request =
            organiser.post(archive.url()).header("soapaction", format!("urn:hl7-org:v3:{}", question.interaction));
        assert!(request.body(question.envelope()).send().await.is_err(), "{kind}");
        assert_eq!(ask(&client_of(ORGANISER), &archive, &question).await.status(), 200, "{kind}");
    }
    archive.faults().next(MessageKind::NewVersion, Fault::BlockPage).unwrap();
    let second = Sample::case().next_version("1.2.246.10.99999991.95.2026.22", 2);
    let page = store(&organiser, &archive, &second).await.unwrap();
    assert_eq!(page.headers().get("content-type").unwrap(), "text/html; charset=utf-8");
}

#[tokio::test]
async fn an_answer_that_comes_twice_is_not_the_answer_to_the_next_message() {
    let archive = prepared().await;
    let producer = client_of(PRODUCER);
    archive.faults().next(MessageKind::Find, Fault::AnswerTwice).unwrap();
    assert_eq!(said(&ask(&producer, &archive, &Question::find("")).await.bytes().await.unwrap()).ids.len(), 2);
    let about = Question::about(&Sample::case().id);
    assert_eq!(said(&ask(&producer, &archive, &about).await.bytes().await.unwrap()).ids.len(), 1);
}

#[tokio::test]
async fn a_scripted_delay_and_hold_end_by_clock_and_release() {
    let archive = Arc::new(prepared().await);
    let sending = |sample: Sample| {
        let archive = Arc::clone(&archive);
        tokio::spawn(async move { acknowledgement(store(&client_of(PRODUCER), &archive, &sample).await).await })
    };
    for (number, at) in [HoldAt::Arrival, HoldAt::Inside, HoldAt::Answer].into_iter().enumerate() {
        archive.faults().next_store(Fault::Delay(at, 60_000)).unwrap();
        let delayed = sending(entry(2 * number + 1));
        archive.faults().until_held(1).await;
        archive.clock().advance(Duration::from_secs(60));
        assert_eq!(delayed.await.unwrap(), taken(), "{at:?}");
        archive.faults().next_store(Fault::Hold(at)).unwrap();
        let held = sending(entry(2 * number + 2));
        archive.faults().until_held(1).await;
        archive.faults().release();
        assert_eq!(held.await.unwrap(), taken(), "{at:?}");
    }
}

#[tokio::test]
async fn beyond_the_rate_messages_are_turned_away_until_the_clock_moves() {
    let archive = prepared().await;
    let producer = client_of(PRODUCER);
    let script = "[throttle]\nmessages = 1\nper_secs = 60\nstatus = 429\nretry_after_secs = 60\n";
    archive.faults().play(Script::from_toml(script).unwrap()).unwrap();
    assert_eq!(acknowledgement(store(&producer, &archive, &entry(1)).await).await, taken());
    let busy = store(&producer, &archive, &entry(2)).await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers().get("retry-after").unwrap().to_str().unwrap()), (429, "60"));
    archive.clock().advance(Duration::from_secs(60));
    assert!(!is_there(&archive, &producer, &entry(2)).await);
    archive.faults().throttle(None::<Throttle>);
    assert_eq!(acknowledgement(store(&producer, &archive, &entry(2)).await).await, taken());
}

#[tokio::test]
async fn handshakes_go_wrong_on_request_and_the_next_one_is_good() {
    let archive = prepared().await;
    for (fault, refused) in [
        (TlsFault::ServerUnknownIssuer, true),
        (TlsFault::ServerExpired, true),
        (TlsFault::ServerWrongName, true),
        // Without the revocation list a client cannot see it.
        (TlsFault::ServerRevoked, false),
        (TlsFault::ClientRefused, true),
        (TlsFault::ClientExpired, true),
        (TlsFault::ClientRevoked, true),
        (TlsFault::HandshakeRefused, true),
    ] {
        archive.faults().next_connection(fault).unwrap();
        let arrived = archive.ledger().entries().len();
        let answer = store(&client_of(ORGANISER), &archive, &Sample::relationship()).await;
        assert_eq!(answer.is_err(), refused, "{fault:?}");
        if refused {
            assert_eq!(archive.ledger().entries().len(), arrived, "{fault:?}: no byte of the message is taken");
        }
        let question = Question::find("").by_organiser();
        assert_eq!(ask(&client_of(ORGANISER), &archive, &question).await.status(), 200, "{fault:?}");
    }
}

#[tokio::test]
async fn a_revoked_client_certificate_opens_no_new_connection() {
    let archive = prepared().await;
    let (good, bad) = (kit().pki.transport(&organisation(PRODUCER)), kit().pki.transport(&organisation(PRODUCER)));
    let (good, bad) = (good.unwrap(), bad.unwrap());
    archive.revoke(&bad.certificate_pem).unwrap();
    assert!(store(&client(Some(&bad)), &archive, &Sample::entry()).await.is_err());
    assert_eq!(acknowledgement(store(&client(Some(&good)), &archive, &Sample::entry()).await).await, taken());
}

#[tokio::test]
async fn certificates_expire_by_the_archives_clock() {
    let archive = prepared().await;
    let ask_new = || async {
        let action = "\"urn:hl7-org:v3:RCMR_IN200029FI01\"";
        let request = client_of(ORGANISER).post(archive.url()).header("content-type", "text/xml; charset=utf-8");
        request.header("soapaction", action).body(Question::find("").by_organiser().envelope()).send().await.is_ok()
    };
    assert!(ask_new().await);
    archive.clock().advance(366 * DAY);
    assert!(!ask_new().await, "expired");
    archive.clock().set(NOW.parse().unwrap());
    assert!(ask_new().await);
    archive.clock().set("2026-11-20T00:00:00Z".parse().unwrap());
    assert!(!ask_new().await, "not yet valid");
}

#[tokio::test]
async fn a_right_begins_and_ends_by_the_archives_clock() {
    let archive = start().await;
    let organiser = client_of(ORGANISER);
    let relationship = Sample::relationship_with(PRODUCER_UNIT, "2026-11-23", Some("2026-11-24"));
    for sample in [relationship, Sample::case()] {
        assert_eq!(acknowledgement(store(&organiser, &archive, &sample).await).await, taken());
    }
    let producer = client_of(PRODUCER);
    let find = || async { said(&ask(&producer, &archive, &Question::find("")).await.bytes().await.unwrap()).rules };
    assert_eq!(find().await, ["access.started"]);
    archive.clock().advance(DAY);
    assert!(find().await.is_empty());
    archive.clock().advance(2 * DAY);
    assert_eq!(find().await, ["access.ended"]);
}

#[tokio::test]
async fn headers_that_speak_of_a_peer_reach_nobody_and_change_nothing() {
    let archive = prepared().await;
    let told = [
        "X-Forwarded-For",
        "X-Forwarded-Client-Cert",
        "Forwarded",
        "X-Client-Cert",
        "Client-Cert",
        "ssl-client-subject-dn",
        "X-SSL-Client-S-DN",
        "X-Mock-Archive-Peer",
    ];
    let request = |sample: &Sample| {
        let (content_type, body) = sample.http();
        let request = client_of(ORGANISER).post(archive.url()).header("content-type", content_type).body(body);
        let request = request.header("soapaction", "\"urn:hl7-org:v3:RCMR_IN200002FI01\"");
        told.iter().fold(request, |request, name| request.header(*name, format!("serialNumber={PRODUCER}")))
    };
    let (code, rules) = acknowledgement(request(&Sample::entry()).send().await).await;
    assert_eq!((code.as_str(), rules), ("AE", vec!["message.sender".to_owned()]));
    let seen = Arc::new(Mutex::new(Vec::new()));
    let responder = {
        let seen = Arc::clone(&seen);
        move |request: &wiremock::Request| {
            *seen.lock().unwrap() = request.headers.keys().map(|name| name.as_str().to_owned()).collect();
            ResponseTemplate::new(299)
        }
    };
    Mock::given(any()).respond_with(responder).mount(archive.inner()).await;
    assert_eq!(request(&Sample::entry()).send().await.unwrap().status(), 299);
    let seen = seen.lock().unwrap();
    assert!(seen.iter().any(|name| name == "soapaction"));
    for name in told.iter().filter(|name| **name != "X-Mock-Archive-Peer") {
        assert!(!seen.iter().any(|seen| seen.eq_ignore_ascii_case(name)), "{name}");
    }
    assert_eq!(archive.ledger().entries().last().unwrap().sender, oid(ORGANISER));
}
