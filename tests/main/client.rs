//! The archive client of a producer against the mock archive, over real mutual TLS: its reads, and every fault of the line.
#![cfg(feature = "demo")]

use std::path::Path;
use std::sync::Arc;

use asiasilta::archive::client::{Acting, ArchiveClient, ClientError, Presence, Retry, Sender, Sources};
use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::archive::tls::TlsIdentity;
use asiasilta::archive::transport::{HttpsTransport, TransportLimits};
use asiasilta::demo::{PRODUCER, Stage};
use asiasilta::domain::access::{Authority, Evidence, Operation, Parties, Permit, Request, Rules, decide};
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::document::read::read;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::person::PersonId;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::record::{LinkPeriod, LocalRecord, ProfessionalLink};
use asiasilta::domain::relationship::Relationship;
use asiasilta::domain::signature::{SignatureKind, SignedDocument, sign};
use asiasilta::domain::structure::Registry;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::{CheckedRecord, Checker};
use asiasilta::domain::wire::Envelope;
use asiasilta::domain::wire::answer::{Actor, Doubt, Lost, NotNow, Outcome, Unsent};
use jiff::Timestamp;
use mock_archive::Fault;

use crate::support::oid;

/// A producer with its client, its signing key and one checked record.
pub(crate) struct Producer {
    pub(crate) stage: Stage,
    client: ArchiveClient<HttpsTransport>,
    pub(crate) signer: SigningIdentity,
    pub(crate) checked: CheckedRecord,
    _folder: tempfile::TempDir,
}

impl Producer {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stage = Stage::set(folder.path()).await.unwrap();
        let file = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        let tls = TlsIdentity::from_pem(&file("tls-ca.pem"), &file("transport.pem"), &file("transport.key")).unwrap();
        let transport = HttpsTransport::try_new(&stage.mock.url(), tls, TransportLimits::default()).unwrap();
        let sender =
            Sender { organisation: oid(PRODUCER), numbers_root: oid(PRODUCER), environment: Environment::Test };
        let profile = Arc::new(WireProfile::default_profile().unwrap());
        Self {
            client: ArchiveClient::new(transport, profile, sender, Sources::system()),
            signer: SigningIdentity::from_pem(&file("signing.pem"), &file("signing.key")).unwrap(),
            checked: checked("records/01-service-started.json"),
            stage,
            _folder: folder,
        }
    }

    pub(crate) fn record(&self) -> &LocalRecord {
        self.checked.record()
    }

    pub(crate) fn person(&self) -> PersonId {
        self.record().clients[0].id().unwrap()
    }

    pub(crate) fn acting(&self) -> Acting<'_> {
        Acting { worker: &self.record().acting_worker, unit: &self.record().unit }
    }

    /// What the relationship document says, as the archive has it.
    pub(crate) async fn evidence(&self) -> Evidence {
        let organiser = &self.record().organiser.oid;
        let found = self.client.relationship(&self.person(), organiser, self.acting()).await.unwrap().unwrap();
        let content = read(&found.xml).unwrap().json.unwrap().into_value();
        Evidence {
            document: found.entry.ids,
            organiser: found.entry.custodian,
            relationship: Relationship::from_content(content.as_object().unwrap()),
            fetched_at: Timestamp::now(),
        }
    }

    /// The permit that follows from it.
    pub(crate) async fn permit(&self, operation: Operation) -> Authority {
        let evidence = self.evidence().await;
        Authority::RegisterAccess(self.decide(operation, &evidence, evidence.fetched_at))
    }

    fn decide(&self, operation: Operation, evidence: &Evidence, now: Timestamp) -> Permit {
        let start = "2026-01-01".parse().unwrap();
        let link =
            ProfessionalLink { period: LinkPeriod { start, end: None }, ..self.record().professional_link.clone() };
        let (record, person) = (self.record(), self.person());
        let bare = Request::bare(operation, &record.organiser.oid, &record.unit.oid, &person);
        let request = Request { link: Some(&link), purchase: Some(record.purchase), ..bare };
        decide(&request, Some(evidence), &Parties::default(), &Rules::default(), now).unwrap()
    }

    fn signed(&self, number: u64, case: &Oid) -> SignedDocument {
        let id = oid(PRODUCER).child(95).child(2026).child(number);
        let software = Software { moderator: "asiasilta".into(), product: "test".into(), version: "0".into() };
        let now = Timestamp::now();
        let making = Making {
            ids: &DocumentIds { document: id.clone(), set: id, version: 1 },
            created: Instant::in_finland(now),
            found_case: Some(case),
            software: &software,
        };
        let document = document_of(&self.checked, &making);
        sign(&document, SignatureKind::System, now, &self.signer, &OpensslCrypto).unwrap()
    }

    async fn is_stored(&self, document: &SignedDocument) -> bool {
        let header = document.header();
        let asked = self.client.question(&header.ids.document, &header.organiser.oid, self.acting()).await;
        matches!(asked.unwrap(), Presence::Stored(_))
    }
}

pub(crate) fn checked(example: &str) -> CheckedRecord {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example);
    let checker = Checker::new(Arc::new(Registry::reduced()), Environment::Test);
    checker.record(&std::fs::read(path).unwrap(), Timestamp::now()).unwrap()
}

/// Writing the one record that a [`Producer`] has.
pub(crate) fn write() -> Operation {
    Operation::Write { drawn_up: checked("records/01-service-started.json").record().drawn_up.day() }
}

#[tokio::test]
async fn a_producer_finds_the_case_stores_its_record_there_and_reads_it_back_byte_for_byte() {
    let producer = Producer::new().await;
    let (person, acting) = (producer.person(), producer.acting());
    let authority = producer.permit(write()).await;

    let decisions = producer.client.decisions(&person, &[], None, acting, &authority).await.unwrap();
    assert_eq!(decisions.len(), 1);
    assert_eq!(decisions[0].specific_type.as_ref().unwrap().code, "11000");
    let case = decisions[0].case.clone().unwrap();
    let cases = producer.client.cases(&person, Some("TEST-IAKKAAT"), acting, &authority).await.unwrap();
    assert_eq!(cases[0].case.as_ref(), Some(&case));
    assert!(producer.client.cases(&person, Some("24"), acting, &authority).await.unwrap().is_empty());

    let document = producer.signed(1, &case);
    assert!(!producer.is_stored(&document).await);
    let outcome = producer.client.store(&document, acting, &authority).await.unwrap();
    assert!(matches!(outcome, Outcome::Archived(_)), "{outcome:?}");
    assert!(producer.is_stored(&document).await);
    let id = &document.header().ids.document;
    let back = producer.client.document(id, &person, acting, &authority).await.unwrap().unwrap();
    assert!(back.xml == document.xml());
    let absent = producer.client.document(&id.child(1), &person, acting, &authority).await.unwrap();
    assert!(absent.is_none());
    producer.stage.mock.verify().unwrap();
}

#[tokio::test]
async fn every_fault_of_the_line_has_its_outcome_and_the_question_settles_it() {
    let producer = Producer::new().await;
    let authority = producer.permit(write()).await;
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let unknown = |why: Doubt| Outcome::Unknown { why, retry_after: None };
    let gateway =
        |outcome: &Outcome| matches!(outcome, Outcome::Unknown { why: Doubt::BlockPage { status: 200, .. }, .. });
    for (number, fault, stored) in [
        (1, Fault::StoredButNeverAnswered, true),
        (2, Fault::ResetBeforeStore, false),
        (3, Fault::AnswerCutAfter(40), true),
        (4, Fault::Status(503, Some(9)), false),
        (5, Fault::Status(404, None), false),
        (6, Fault::BlockPage, false),
        (7, Fault::NotProcessed, false),
    ] {
        let document = producer.signed(number, &case);
        producer.stage.mock.faults().next_store(fault).unwrap();
        let envelope = producer.client.prepare_store(&document, producer.acting(), &authority).unwrap();
        let outcome = producer.client.send(&envelope).await;
        assert!(outcome.must_ask_first(), "{fault:?}: {outcome:?}");
        match fault {
            Fault::StoredButNeverAnswered | Fault::ResetBeforeStore | Fault::AnswerCutAfter(_) => {
                assert_eq!(outcome, unknown(Doubt::Lost(Lost::Connection)), "{fault:?}");
            }
            Fault::Status(status, _) => {
                assert!(matches!(outcome, Outcome::Unknown { why: Doubt::Status(s), .. } if s == status));
            }
            Fault::BlockPage => assert!(gateway(&outcome), "{outcome:?}"),
            Fault::NotProcessed => {
                assert!(matches!(outcome, Outcome::TryLater { why: NotNow::NotProcessed(_), .. }), "{outcome:?}");
            }
            other => panic!("not in the list above: {other}"),
        }
        assert_eq!(producer.is_stored(&document).await, stored, "{fault:?}");
        // Asked: now the same bytes may go again, and are taken or known already.
        let again = Envelope::from_bytes(&envelope.to_bytes().unwrap()).unwrap();
        assert!(matches!(producer.client.send(&again).await, Outcome::Archived(_)), "{fault:?}");
    }
    producer.stage.mock.ledger().assert_no_unasked_second_arrival().unwrap();
    producer.stage.mock.verify().unwrap();
}

#[tokio::test]
async fn an_archive_that_is_down_has_been_sent_nothing() {
    let producer = Producer::new().await;
    let authority = producer.permit(write()).await;
    producer.stage.mock.down().await;
    let document = producer.signed(1, &oid("1.2.246.10.99999991.14.2026.1"));
    let outcome = producer.client.store(&document, producer.acting(), &authority).await.unwrap();
    let nothing = NotNow::NothingSent(Unsent::Unreachable);
    assert_eq!(outcome, Outcome::TryLater { why: nothing, retry_after: None });
    let organiser = &producer.record().organiser.oid;
    let asked = producer.client.relationship(&producer.person(), organiser, producer.acting()).await;
    let error = asked.unwrap_err();
    assert_eq!((error.actor(), error.retry()), (Actor::Operator, Retry::Later(None)));
    producer.stage.mock.up().await.unwrap();
    let outcome = producer.client.store(&document, producer.acting(), &authority).await.unwrap();
    assert!(matches!(outcome, Outcome::Archived(_)), "{outcome:?}");
}

#[tokio::test]
async fn a_permit_opens_nothing_of_another_client_and_nothing_is_sent_for_it() {
    let producer = Producer::new().await;
    let authority = producer.permit(Operation::Read).await;
    let other = checked("records/91-unit-not-named.json").record().clients[0].id().unwrap();
    let arrived = producer.stage.mock.ledger().entries().len();
    let read = producer.client.cases(&other, None, producer.acting(), &authority).await;
    assert!(matches!(read, Err(ClientError::Ground(_))), "{read:?}");
    assert_eq!(producer.stage.mock.ledger().entries().len(), arrived);
}
