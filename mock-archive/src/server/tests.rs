//! The whole archive over real mutual TLS: roles, refusals, faults, and the guard around the inner server.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::sync::Arc;

use reqwest::{Client, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use wiremock::matchers::any;
use wiremock::{Mock, ResponseTemplate};

use super::*;
use crate::certs::{OrgIdentity, PemIdentity};
use crate::faults::{Fault, HoldAt};
use crate::ledger::{ArrivalKind, Verdict};
use crate::samples::{NOW, ORGANISER, PRODUCER, Question, Sample, kit, organisation, said};

mod control;
mod faults;

async fn start() -> MockArchive {
    let clock = Clock::standing_at(NOW.parse().unwrap());
    MockArchive::builder().clock(clock).pki(Arc::clone(&kit().pki)).start().await.unwrap()
}

async fn prepared() -> MockArchive {
    let archive = start().await;
    for sample in [Sample::relationship(), Sample::case()] {
        assert_eq!(sample.give_to(archive.archive()).code.as_str(), "AA");
    }
    archive
}

/// A client that trusts the archive; with an identity unless there is none.
fn client(identity: Option<&PemIdentity>) -> Client {
    let mut roots = rustls::RootCertStore::empty();
    let authority = kit().pki.tls_ca_pem().unwrap();
    roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots);
    let config = match identity {
        None => config.with_no_client_auth(),
        Some(identity) => {
            let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
            let key = PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap();
            config.with_client_auth_cert(vec![certificate], key).unwrap()
        }
    };
    Client::builder().tls_backend_preconfigured(config).build().unwrap()
}

fn client_of(oid: &str) -> Client {
    client(Some(&kit().pki.transport(&organisation(oid)).unwrap()))
}

async fn store(client: &Client, archive: &MockArchive, sample: &Sample) -> reqwest::Result<Response> {
    let (content_type, body) = sample.http();
    let request = client.post(archive.url()).header("content-type", content_type);
    request.header("soapaction", "\"urn:hl7-org:v3:RCMR_IN200002FI01\"").body(body).send().await
}

async fn ask(client: &Client, archive: &MockArchive, question: &Question) -> Response {
    let request = client.post(archive.url()).header("content-type", "text/xml; charset=utf-8");
    let action = format!("\"urn:hl7-org:v3:{}\"", question.interaction);
    request.header("soapaction", action).body(question.envelope()).send().await.unwrap()
}

async fn acknowledgement(response: reqwest::Result<Response>) -> (String, Vec<String>) {
    let answer = said(&response.unwrap().bytes().await.unwrap());
    (answer.acknowledgement, answer.rules)
}

fn taken() -> (String, Vec<String>) {
    ("AA".into(), Vec::new())
}

#[tokio::test]
async fn organiser_and_producer_work_over_mutual_tls() {
    let archive = start().await;
    let organiser = client_of(ORGANISER);
    for sample in [Sample::relationship(), Sample::case(), Sample::decision()] {
        assert_eq!(acknowledgement(store(&organiser, &archive, &sample).await).await, taken());
    }
    // A connection point below the organisation speaks for it.
    let producer = client_of(&format!("{PRODUCER}.1"));
    let found = said(&ask(&producer, &archive, &Question::find("")).await.bytes().await.unwrap());
    assert_eq!(found.ids.len(), 3);
    let fetched = ask(&producer, &archive, &Question::fetch(&Sample::decision().id)).await;
    let bytes = fetched.bytes().await.unwrap();
    let document = Sample::decision().document();
    assert!(bytes.windows(document.len()).any(|window| window == document.as_bytes()));
    assert_eq!(acknowledgement(store(&producer, &archive, &Sample::entry()).await).await, taken());
    assert_eq!(archive.ledger().stored_once(), Ok(4));
    archive.verify().unwrap();
    archive.shutdown().await;
}

#[tokio::test]
async fn without_a_client_certificate_there_is_no_answer() {
    let archive = start().await;
    assert!(store(&client(None), &archive, &Sample::relationship()).await.is_err());
    let signer = kit().pki.system_signer(&organisation(ORGANISER)).unwrap();
    assert!(store(&client(Some(&signer)), &archive, &Sample::relationship()).await.is_err(), "of the other authority");
    assert!(archive.ledger().entries().is_empty());
}

#[tokio::test]
async fn a_certificate_without_an_organisation_gets_no_answer() {
    let archive = start().await;
    let nameless = client(Some(&kit().pki.server().unwrap()));
    assert!(store(&nameless, &archive, &Sample::relationship()).await.is_err());
}

#[tokio::test]
async fn another_organisations_message_is_refused_whatever_headers_say() {
    let archive = prepared().await;
    let (content_type, body) = Sample::entry().http();
    let request = client_of(ORGANISER).post(archive.url()).header("content-type", content_type);
    let request = request
        .header("soapaction", "\"urn:hl7-org:v3:RCMR_IN200002FI01\"")
        .header("x-mock-archive-peer", PRODUCER)
        .header("X-Mock-Archive-Secret", "guess");
    let (code, rules) = acknowledgement(request.body(body).send().await).await;
    assert_eq!((code.as_str(), rules), ("AE", vec!["message.sender".to_owned()]));
}

#[tokio::test]
async fn the_inner_server_answers_only_the_front() {
    let archive = start().await;
    Mock::given(any()).respond_with(ResponseTemplate::new(299)).mount(archive.inner()).await;
    let plain = client(None);
    let inner = format!("{}/medical-records", archive.inner().uri());
    assert_eq!(plain.post(&inner).send().await.unwrap().status(), 403);
    assert_eq!(plain.post(&inner).header("x-mock-archive-secret", "0".repeat(64)).send().await.unwrap().status(), 403);
    // What a test mounts answers before the archive, behind the same front.
    let answer = store(&client_of(ORGANISER), &archive, &Sample::relationship()).await.unwrap();
    assert_eq!(answer.status(), 299);
    assert!(!answer.headers().keys().any(|name| name.as_str().starts_with("x-mock-archive")));
}

#[tokio::test]
async fn unexpected_calls_fail_the_verification() {
    let archive = start().await;
    let url = archive.url().replace("medical-records", "elsewhere?client=x");
    assert_eq!(client_of(ORGANISER).get(url).send().await.unwrap().status(), 404);
    let error = archive.verify().unwrap_err().to_string();
    assert_eq!(error, "1 unexpected calls: GET /elsewhere");
    archive.verify().unwrap();
}

#[tokio::test]
async fn unexpected_calls_that_nobody_looked_at_fail_the_drop() {
    let archive = start().await;
    client_of(ORGANISER).get(archive.url()).send().await.unwrap();
    let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(archive)));
    assert!(dropped.is_err());
}

#[tokio::test]
async fn an_unasked_second_arrival_fails_the_verification() {
    let archive = prepared().await;
    let producer = client_of(PRODUCER);
    assert_eq!(acknowledgement(store(&producer, &archive, &Sample::entry()).await).await, taken());
    archive.verify().unwrap();
    assert_eq!(acknowledgement(store(&producer, &archive, &Sample::entry()).await).await, taken());
    assert!(matches!(archive.verify(), Err(VerifyError::Ledger(_))));
}

#[tokio::test]
async fn a_document_is_stored_though_its_answer_is_lost() {
    let archive = prepared().await;
    let producer = client_of(PRODUCER);
    archive.faults().next_store(Fault::StoredButNeverAnswered).unwrap();
    assert!(store(&producer, &archive, &Sample::entry()).await.is_err());
    let asked = ask(&producer, &archive, &Question::about(&Sample::entry().id)).await;
    assert_eq!(said(&asked.bytes().await.unwrap()).ids, [Sample::entry().id]);
    assert_eq!(archive.ledger().stored_once(), Ok(3));
    archive.verify().unwrap();
}

#[tokio::test]
async fn faults_before_the_store_leave_nothing() {
    let archive = prepared().await;
    let producer = client_of(PRODUCER);
    let faults = archive.faults();
    for fault in [
        Fault::ResetBeforeStore,
        Fault::Status(503, Some(7)),
        Fault::Status(500, None),
        Fault::BlockPage,
        Fault::NotProcessed,
    ] {
        faults.next_store(fault).unwrap();
    }
    assert!(store(&producer, &archive, &Sample::entry()).await.is_err());
    let busy = store(&producer, &archive, &Sample::entry()).await.unwrap();
    assert_eq!((busy.status().as_u16(), busy.headers().get("retry-after").unwrap().to_str().unwrap()), (503, "7"));
    let broken = store(&producer, &archive, &Sample::entry()).await.unwrap();
    assert_eq!((broken.status().as_u16(), broken.headers().get("retry-after")), (500, None));
    let page = store(&producer, &archive, &Sample::entry()).await.unwrap();
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers().get("content-type").unwrap(), "text/html; charset=utf-8");
    let (code, rules) = acknowledgement(store(&producer, &archive, &Sample::entry()).await).await;
    assert_eq!((code.as_str(), rules), ("AR", vec!["overload".to_owned()]));
    assert_eq!(archive.ledger().stored_once(), Ok(2));
    let entries = archive.ledger().entries();
    let lost = entries.iter().filter(|entry| entry.verdict == Verdict::NotProcessed);
    assert_eq!(lost.filter(|entry| matches!(entry.kind, ArrivalKind::Store { body_sha256: Some(_), .. })).count(), 5);
    assert_eq!(acknowledgement(store(&producer, &archive, &Sample::entry()).await).await, taken());
}

#[tokio::test]
async fn an_answer_breaks_off_after_so_many_bytes() {
    let archive = prepared().await;
    archive.faults().next_store(Fault::AnswerCutAfter(40)).unwrap();
    let mut answer = store(&client_of(PRODUCER), &archive, &Sample::entry()).await.unwrap();
    assert_eq!(answer.status(), 200);
    let (mut received, mut broke) = (0, false);
    loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break,
            Err(_) => {
                broke = true;
                break;
            }
        }
    }
    assert_eq!((received, broke), (40, true));
    assert_eq!(archive.ledger().stored_once(), Ok(3));
}

#[tokio::test]
async fn a_client_that_dies_while_held_leaves_what_the_hold_says() {
    for (at, stored) in [(HoldAt::Arrival, 2), (HoldAt::Answer, 3)] {
        let archive = Arc::new(prepared().await);
        archive.faults().hold_stores(at);
        let sending = tokio::spawn({
            let archive = Arc::clone(&archive);
            async move { store(&client_of(PRODUCER), &archive, &Sample::entry()).await.is_ok() }
        });
        archive.faults().until_held(1).await;
        sending.abort();
        assert!(sending.await.unwrap_err().is_cancelled());
        archive.faults().until_none_held().await;
        archive.faults().release();
        assert_eq!(archive.ledger().stored_once(), Ok(stored), "{at:?}");
    }
}

#[tokio::test]
async fn a_held_message_is_answered_after_its_release() {
    let archive = Arc::new(prepared().await);
    archive.faults().hold_stores(HoldAt::Answer);
    let sending = tokio::spawn({
        let archive = Arc::clone(&archive);
        async move { acknowledgement(store(&client_of(PRODUCER), &archive, &Sample::entry()).await).await }
    });
    archive.faults().until_held(1).await;
    archive.faults().release();
    assert_eq!(sending.await.unwrap(), taken());
}

#[tokio::test]
async fn an_archive_that_is_down_refuses_and_comes_back_on_its_port() {
    let archive = prepared().await;
    let producer = client_of(PRODUCER);
    let url = archive.url();
    assert_eq!(ask(&producer, &archive, &Question::find("")).await.status(), 200);
    archive.down().await;
    let error = store(&producer, &archive, &Sample::entry()).await.unwrap_err();
    assert!(error.is_connect() || error.is_request());
    assert!(tokio::net::TcpStream::connect(archive.address()).await.is_err());
    archive.up().await.unwrap();
    assert_eq!(archive.url(), url);
    assert_eq!(acknowledgement(store(&producer, &archive, &Sample::entry()).await).await, taken());
    archive.shutdown().await;
    assert!(archive.up().await.is_err());
    assert!(tokio::net::TcpStream::connect(archive.address()).await.is_err());
}

#[tokio::test]
async fn a_body_over_the_limit_is_not_read_to_its_end() {
    let archive = MockArchive::builder().pki(Arc::clone(&kit().pki)).body_max_bytes(1000).start().await.unwrap();
    let request = client_of(PRODUCER).post(archive.url()).body(vec![b' '; 1001]);
    assert_eq!(request.send().await.unwrap().status(), 413);
    assert!(archive.ledger().entries().is_empty());
}

#[tokio::test]
async fn an_archive_makes_its_own_pki_when_it_is_given_none() {
    let archive = MockArchive::start().await.unwrap();
    let identity = OrgIdentity { oid: crate::samples::oid(PRODUCER), name: "x".into() };
    assert!(archive.pki().transport(&identity).unwrap().certificate_pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(archive.url().starts_with("https://127.0.0.1:"));
}

#[test]
fn the_readme_has_every_switch_of_the_builder_and_no_other() {
    let section =
        include_str!("../../README.md").split("\n## Switches\n").nth(1).unwrap().split("\n## ").next().unwrap();
    // A row may name what does the same later, as that of `standing` does; the first name is the builder's.
    let mut told: Vec<_> = section.lines().filter_map(|line| line.strip_prefix("| `")?.split('(').next()).collect();
    let code = include_str!("../server.rs").split("impl MockArchiveBuilder {").nth(1).unwrap();
    let switches = code
        .split("\n}\n")
        .next()
        .unwrap()
        .lines()
        .filter(|line| line.contains("(mut self, ") || line.contains("(mut self)"));
    let mut known: Vec<_> =
        switches.filter_map(|line| line.trim().strip_prefix("pub fn ")?.split('(').next()).collect();
    told.sort_unstable();
    known.sort_unstable();
    assert_eq!(told, known);
}
