//! The whole fault list against every use case of the archive client: no panic, no wrong verdict, each outcome the one that
//! `docs/faults.md` says, which this test reads.
#![cfg(feature = "demo")]

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use asiasilta::archive::client::{Acting, ArchiveClient, ClientError, Presence, Retry, Sender, Sources};
use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::archive::tls::TlsIdentity;
use asiasilta::archive::transport::{HttpsTransport, TransportLimits};
use asiasilta::demo::PRODUCER;
use asiasilta::domain::access::{Authority, Operation};
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentGroup, DocumentIds, Software};
use asiasilta::domain::document::invalidation::{Extent, Invalidation, Subject};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::signature::{SignatureKind, SignedDocument, sign};
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::CheckedRecord;
use asiasilta::domain::wire::answer::Outcome;
use jiff::Timestamp;
use mock_archive::certs::{OrgIdentity, PemIdentity};
use mock_archive::{ArrivalKind, CATALOGUE, Fault, HoldAt, MessageKind, Verdict};

use crate::client::{Producer, checked, write};
use crate::support::oid;

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
/// Less than what `oversized-answer` adds.
const REPLY_BYTES_MAX: usize = 500_000;

/// A row of the table: what each side gets.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    fault: String,
    sending: String,
    sending_actor: String,
    there: String,
    asking: String,
    asking_actor: String,
}

fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/faults.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| {
        let cells: Vec<_> = line.split('|').map(|cell| cell.trim().replace('`', "")).collect();
        let [_, fault, sending, sending_actor, there, asking, asking_actor, _] = cells.try_into().unwrap();
        Row { fault, sending, sending_actor, there, asking, asking_actor }
    })
    .collect()
}

/// A use case that changes what the archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sending {
    Relationship,
    Case,
    ClientDocument,
    NewVersion,
    Invalidation,
}

/// What a use case sends.
enum Parcel {
    Document(SignedDocument),
    /// With the document that is to count no longer.
    Invalidation(Invalidation, SignedDocument),
}

/// A use case that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    Relationship,
    Cases,
    Decisions,
    Document,
    Summary,
    Question,
}

/// Both sides of one archive; every call is on a connection of its own, so that faults of the handshake meet it.
struct Sides {
    producer: Producer,
    writing: Authority,
    reading: Authority,
    organiser: PemIdentity,
    organiser_signer: SigningIdentity,
    relationship: CheckedRecord,
    case: CheckedRecord,
    numbers: Cell<u64>,
}

impl Sides {
    async fn new() -> Self {
        let producer = Producer::new().await;
        let (writing, reading) = (producer.permit(write()).await, producer.permit(Operation::Read).await);
        let pki = producer.stage.mock.pki();
        let organisation =
            OrgIdentity { oid: mock_archive::Oid::parse(ORGANISER).unwrap(), name: "Esimerkin hyvinvointialue".into() };
        let signer = pki.system_signer(&organisation).unwrap();
        Self {
            organiser: pki.transport(&organisation).unwrap(),
            organiser_signer: SigningIdentity::from_pem(signer.certificate_pem.as_bytes(), signer.key_pem.as_bytes())
                .unwrap(),
            relationship: checked("organiser/main-relationship.json"),
            case: checked("organiser/main-case.json"),
            numbers: Cell::new(0),
            producer,
            writing,
            reading,
        }
    }

    fn client(&self, organisation: &str) -> ArchiveClient<HttpsTransport> {
        let stage = &self.producer.stage;
        let file = |name: &str| std::fs::read(stage.directory().join(name)).unwrap();
        let tls = if organisation == ORGANISER {
            let identity = &self.organiser;
            TlsIdentity::from_pem(&file("tls-ca.pem"), identity.certificate_pem.as_bytes(), identity.key_pem.as_bytes())
        } else {
            TlsIdentity::from_pem(&file("tls-ca.pem"), &file("transport.pem"), &file("transport.key"))
        };
        let limits = TransportLimits { reply_bytes_max: REPLY_BYTES_MAX, ..TransportLimits::default() };
        let transport = HttpsTransport::try_new(&stage.mock.url(), tls.unwrap(), limits).unwrap();
        let sender =
            Sender { organisation: oid(organisation), numbers_root: oid(organisation), environment: Environment::Test };
        ArchiveClient::new(transport, Arc::new(WireProfile::default_profile().unwrap()), sender, Sources::system())
    }

    fn next_id(&self, of: &str) -> Oid {
        self.numbers.set(self.numbers.get() + 1);
        oid(of).child(95).child(7).child(self.numbers.get())
    }

    fn organisers_document(&self, checked: &CheckedRecord, ids: &DocumentIds) -> SignedDocument {
        signed(checked, ids, None, &self.organiser_signer)
    }

    fn producers_document(&self, ids: &DocumentIds) -> SignedDocument {
        let case = oid("1.2.246.10.99999991.14.2026.1");
        signed(&self.producer.checked, ids, Some(&case), &self.producer.signer)
    }

    /// What a use case sends, after what has to be in the archive before it.
    async fn parcel(&self, sending: Sending) -> Parcel {
        let first = |id: Oid| DocumentIds { document: id.clone(), set: id, version: 1 };
        Parcel::Document(match sending {
            Sending::Relationship => self.organisers_document(&self.relationship, &first(self.next_id(ORGANISER))),
            Sending::Case => self.organisers_document(&self.case, &first(self.next_id(ORGANISER))),
            Sending::ClientDocument => self.producers_document(&first(self.next_id(PRODUCER))),
            Sending::NewVersion => {
                let before = self.stored().await.header().ids.document.clone();
                self.producers_document(&DocumentIds { document: self.next_id(PRODUCER), set: before, version: 2 })
            }
            Sending::Invalidation => {
                let document = self.stored().await;
                let (subject, at) = (Subject::from(document.header()), Instant::in_finland(Timestamp::now()));
                let invalidation = Invalidation::try_new(&subject, Extent::ThisVersion, "Väärä asiakas", at).unwrap();
                return Parcel::Invalidation(invalidation, document);
            }
        })
    }

    /// A first version that the archive has taken.
    async fn stored(&self) -> SignedDocument {
        let id = self.next_id(PRODUCER);
        let document = self.producers_document(&DocumentIds { document: id.clone(), set: id, version: 1 });
        let outcome = self.send_document(&document).await;
        assert!(matches!(outcome, Outcome::Archived(_)), "{outcome:?}");
        document
    }

    /// In whose name a document is sent.
    fn sender_of(&self, document: &SignedDocument) -> (&'static str, Acting<'_>, &Authority) {
        if document.header().unit.oid == self.producer.record().unit.oid {
            (PRODUCER, self.producer.acting(), &self.writing)
        } else {
            let record = self.case.record();
            (ORGANISER, Acting { worker: &record.acting_worker, unit: &record.unit }, &Authority::OwnRegister)
        }
    }

    async fn send(&self, parcel: &Parcel) -> Outcome {
        match parcel {
            Parcel::Document(document) => self.send_document(document).await,
            Parcel::Invalidation(invalidation, of) => {
                let (organisation, acting, _) = self.sender_of(of);
                self.client(organisation).invalidate(invalidation, acting).await.unwrap()
            }
        }
    }

    async fn send_document(&self, document: &SignedDocument) -> Outcome {
        let (organisation, acting, authority) = self.sender_of(document);
        let client = self.client(organisation);
        let header = document.header();
        let sent = match header.group {
            _ if header.ids.version > 1 => client.archive_new_version(document, acting, authority).await,
            DocumentGroup::Relationship => client.archive_relationship(document, acting).await,
            DocumentGroup::Case => client.archive_case(document, acting, authority).await,
            _ => client.archive_client_document(document, acting, authority).await,
        };
        sent.unwrap()
    }

    /// Whether the archive has done what was sent: a document by the question before a resend, an invalidation by its ledger.
    async fn is_done(&self, parcel: &Parcel) -> bool {
        match parcel {
            Parcel::Document(document) => {
                let (organisation, acting, _) = self.sender_of(document);
                let (client, header) = (self.client(organisation), document.header());
                let asked = client.question(&header.ids.document, &header.organiser.oid, acting).await;
                matches!(asked.unwrap(), Presence::Stored(_))
            }
            Parcel::Invalidation(_, of) => {
                let id = of.header().ids.document.to_string();
                self.producer.stage.mock.ledger().entries().iter().any(|entry| {
                    let of_it = matches!(&entry.kind, ArrivalKind::Invalidation { document_id: Some(one), .. } if one.as_str() == id);
                    of_it && entry.verdict == Verdict::Invalidated(1)
                })
            }
        }
    }

    async fn ask(&self, asking: Asking) -> Result<(), ClientError> {
        let client = self.client(PRODUCER);
        let (person, acting, permit) = (self.producer.person(), self.producer.acting(), &self.reading);
        let (register, absent) = (oid(ORGANISER), oid(PRODUCER).child(1));
        match asking {
            Asking::Relationship => client.relationship(&person, &register, acting).await.map(drop),
            Asking::Cases => client.cases(&person, None, acting, permit).await.map(drop),
            Asking::Decisions => client.decisions(&person, &[], None, acting, permit).await.map(drop),
            Asking::Document => client.document(&absent, &person, acting, permit).await.map(drop),
            Asking::Summary => client.summary(&person, acting, permit).await.map(drop),
            Asking::Question => client.question(&absent, &register, acting).await.map(drop),
        }
    }

    fn script(&self, fault: Fault) {
        self.producer.stage.mock.faults().next(MessageKind::Any, fault).unwrap();
    }

    /// Lets what stands still go on, by release or by the clock.
    async fn while_letting_go<T>(&self, fault: Fault, call: impl Future<Output = T>) -> T {
        let mock = &self.producer.stage.mock;
        let letting_go = async {
            match fault {
                Fault::Hold(_) => {
                    mock.faults().until_held(1).await;
                    mock.faults().release();
                }
                Fault::Delay(_, millis) => {
                    mock.faults().until_held(1).await;
                    mock.clock().advance(Duration::from_millis(millis));
                }
                _ => {}
            }
        };
        tokio::join!(call, letting_go).0
    }
}

fn signed(checked: &CheckedRecord, ids: &DocumentIds, case: Option<&Oid>, signer: &SigningIdentity) -> SignedDocument {
    let software = Software { moderator: "asiasilta".into(), product: "test".into(), version: "0".into() };
    let now = Timestamp::now();
    let making = Making { ids, created: Instant::in_finland(now), found_case: case, software: &software };
    sign(&document_of(checked, &making), SignatureKind::System, now, signer, &OpensslCrypto).unwrap()
}

fn sent(outcome: &Outcome) -> (&'static str, &'static str) {
    let name = match outcome {
        Outcome::Archived(_) => return ("archived", "nobody"),
        Outcome::Rejected(_) => "rejected",
        Outcome::TryLater { .. } => "try later",
        Outcome::Unknown { .. } => "unknown",
    };
    (name, outcome.actor().code())
}

fn asked(result: &Result<(), ClientError>) -> (&'static str, &'static str) {
    match result {
        Ok(()) => ("answered", "nobody"),
        Err(error) => match error.retry() {
            Retry::Later(_) => ("try later", error.actor().code()),
            Retry::Never => ("never", error.actor().code()),
        },
    }
}

/// The catalogue's examples, with a hold and a delay at each place.
fn faults() -> Vec<Fault> {
    let places = [HoldAt::Arrival, HoldAt::Inside, HoldAt::Answer];
    CATALOGUE
        .iter()
        .flat_map(|row| match row.example {
            Fault::Hold(_) => places.map(Fault::Hold).to_vec(),
            Fault::Delay(_, millis) => places.map(|at| Fault::Delay(at, millis)).to_vec(),
            // Long enough to be slow, short enough for a test.
            Fault::Trickle(..) => vec![Fault::Trickle(64, 1)],
            fault => vec![fault],
        })
        .collect()
}

#[test]
fn the_table_has_a_row_for_each_fault_and_no_other() {
    let told: Vec<_> = table().into_iter().map(|row| row.fault).collect();
    let known: Vec<_> = CATALOGUE.iter().map(|row| row.example.name().to_owned()).collect();
    assert_eq!(told, known);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_use_case_of_sending_comes_out_as_the_table_says() {
    let (sides, table) = (Sides::new().await, table());
    let all =
        [Sending::Relationship, Sending::Case, Sending::ClientDocument, Sending::NewVersion, Sending::Invalidation];
    for (sending, fault) in all.into_iter().flat_map(|sending| faults().into_iter().map(move |fault| (sending, fault)))
    {
        let row = table.iter().find(|row| row.fault == fault.name()).unwrap();
        let parcel = sides.parcel(sending).await;
        sides.script(fault);
        let outcome = sides.while_letting_go(fault, sides.send(&parcel)).await;
        let (came, actor) = sent(&outcome);
        assert_eq!(came, row.sending, "{sending:?} {fault}: {outcome:?}");
        assert!(row.sending_actor.split(" or ").any(|who| who == actor), "{sending:?} {fault}: {outcome:?}");
        let done = if sides.is_done(&parcel).await {
            "yes"
        } else if sides.is_done(&parcel).await {
            "after the question"
        } else {
            "no"
        };
        // No question is answered no because of an invalidation that is under way, so it is not waited for.
        let expected = match (row.there.as_str(), sending) {
            ("after the question", Sending::Invalidation) => "yes",
            (there, _) => there,
        };
        assert_eq!(done, expected, "{sending:?} {fault}");
        // The verdict is never against what the archive holds.
        assert!(done != "no" || !matches!(outcome, Outcome::Archived(_)), "{sending:?} {fault}");
        assert!(done == "no" || !matches!(outcome, Outcome::Rejected(_)), "{sending:?} {fault}");
        assert_eq!(sides.producer.stage.mock.faults().waiting(), 0, "{sending:?} {fault}");
    }
    sides.producer.stage.mock.verify().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_every_use_case_of_asking_comes_out_as_the_table_says() {
    let (sides, table) = (Sides::new().await, table());
    for asking in
        [Asking::Relationship, Asking::Cases, Asking::Decisions, Asking::Document, Asking::Summary, Asking::Question]
    {
        for fault in faults() {
            let row = table.iter().find(|row| row.fault == fault.name()).unwrap();
            sides.script(fault);
            let result = sides.while_letting_go(fault, sides.ask(asking)).await;
            let (came, actor) = asked(&result);
            assert_eq!(came, row.asking, "{asking:?} {fault}: {result:?}");
            assert!(row.asking_actor.split(" or ").any(|who| who == actor), "{asking:?} {fault}: {result:?}");
            assert_eq!(sides.ask(asking).await, Ok(()), "{asking:?} after {fault}");
        }
    }
    sides.producer.stage.mock.verify().unwrap();
}
