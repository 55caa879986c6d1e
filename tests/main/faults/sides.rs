//! Both sides of one archive, and what each sends and asks.

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use asiasilta::archive::client::{Acting, ArchiveClient, ClientError, Presence, Sender, Sources};
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
use asiasilta::domain::wire::answer::{Entry, Outcome};
use jiff::Timestamp;
use mock_archive::certs::{OrgIdentity, PemIdentity, Professional};
use mock_archive::{ArrivalKind, Fault, MessageKind, Verdict};

use crate::client::{Producer, checked, write};
use crate::support::oid;

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const CASE: &str = "1.2.246.10.99999991.14.2026.1";
/// Less than what `oversized-answer` adds.
const REPLY_BYTES_MAX: usize = 500_000;

/// Who sends and asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Under a register access right.
    Producer,
    /// In its own register.
    Organiser,
}

impl Role {
    fn organisation(self) -> &'static str {
        match self {
            Self::Producer => PRODUCER,
            Self::Organiser => ORGANISER,
        }
    }
}

/// A use case that changes what the archive holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sending {
    Relationship,
    Case,
    /// The producer's record, the organiser's decision.
    ClientDocument,
    /// Of a client document.
    NewVersion,
    /// Of a document that the producer has stored.
    Invalidation,
}

/// What a use case sends, and who.
pub(super) struct Parcel {
    by: Role,
    what: What,
}

enum What {
    Document(Box<SignedDocument>),
    /// With the document that is to count no longer.
    Invalidation(Invalidation, Oid),
}

/// A use case that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking {
    Relationship,
    Cases,
    Decisions,
    Document,
    AbsentDocument,
    Summary,
    Question,
    QuestionOfAbsent,
}

impl Asking {
    pub(super) const ALL: [Self; 8] = [
        Self::Relationship,
        Self::Cases,
        Self::Decisions,
        Self::Document,
        Self::AbsentDocument,
        Self::Summary,
        Self::Question,
        Self::QuestionOfAbsent,
    ];
}

/// Both sides of one archive; every call is on a connection of its own, so that faults of the handshake meet it.
pub(super) struct Sides {
    producer: Producer,
    writing: Authority,
    reading: Authority,
    organiser: PemIdentity,
    organiser_signer: SigningIdentity,
    decision_signer: SigningIdentity,
    relationship: CheckedRecord,
    case: CheckedRecord,
    decision: CheckedRecord,
    numbers: Cell<u64>,
}

impl Sides {
    pub(super) async fn new() -> Self {
        let producer = Producer::new().await;
        let (writing, reading) = (producer.permit(write()).await, producer.permit(Operation::Read).await);
        let pki = producer.stage.mock.pki();
        let organisation =
            OrgIdentity { oid: mock_archive::Oid::parse(ORGANISER).unwrap(), name: "Esimerkin hyvinvointialue".into() };
        let decision = checked("organiser/main-decision.json");
        let author = &decision.record().author;
        let professional = Professional {
            registration_number: author.registration_number.reveal().to_owned(),
            title: author.title.clone().unwrap_or_default(),
            name: author.name.reveal_full(),
        };
        Self {
            organiser: pki.transport(&organisation).unwrap(),
            organiser_signer: signing(&pki.system_signer(&organisation).unwrap()),
            decision_signer: signing(&pki.professional_signer(&professional).unwrap()),
            relationship: checked("organiser/main-relationship.json"),
            case: checked("organiser/main-case.json"),
            decision,
            numbers: Cell::new(0),
            producer,
            writing,
            reading,
        }
    }

    fn client(&self, by: Role) -> ArchiveClient<HttpsTransport> {
        let stage = &self.producer.stage;
        let file = |name: &str| std::fs::read(stage.directory().join(name)).unwrap();
        let tls = match by {
            Role::Organiser => TlsIdentity::from_pem(
                &file("tls-ca.pem"),
                self.organiser.certificate_pem.as_bytes(),
                self.organiser.key_pem.as_bytes(),
            ),
            Role::Producer => {
                TlsIdentity::from_pem(&file("tls-ca.pem"), &file("transport.pem"), &file("transport.key"))
            }
        };
        let limits = TransportLimits { reply_bytes_max: REPLY_BYTES_MAX, ..TransportLimits::default() };
        let transport = HttpsTransport::try_new(&stage.mock.url(), tls.unwrap(), limits).unwrap();
        let own = oid(by.organisation());
        let sender = Sender { organisation: own.clone(), numbers_root: own, environment: Environment::Test };
        ArchiveClient::new(transport, Arc::new(WireProfile::default_profile().unwrap()), sender, Sources::system())
    }

    fn acting(&self, by: Role) -> Acting<'_> {
        match by {
            Role::Producer => self.producer.acting(),
            Role::Organiser => {
                let record = self.case.record();
                Acting { worker: &record.acting_worker, unit: &record.unit }
            }
        }
    }

    fn next_ids(&self, by: Role) -> DocumentIds {
        self.numbers.set(self.numbers.get() + 1);
        let id = oid(by.organisation()).child(95).child(7).child(self.numbers.get());
        DocumentIds { document: id.clone(), set: id, version: 1 }
    }

    fn client_document(&self, by: Role, ids: &DocumentIds) -> SignedDocument {
        let case = oid(CASE);
        match by {
            Role::Producer => {
                signed(&self.producer.checked, ids, Some(&case), (SignatureKind::System, &self.producer.signer))
            }
            Role::Organiser => signed(&self.decision, ids, None, (SignatureKind::Professional, &self.decision_signer)),
        }
    }

    /// What a use case sends, after what has to be in the archive before it.
    pub(super) async fn parcel(&self, by: Role, sending: Sending) -> Parcel {
        let own = |checked| signed(checked, &self.next_ids(by), None, (SignatureKind::System, &self.organiser_signer));
        let document = match sending {
            Sending::Relationship => own(&self.relationship),
            Sending::Case => own(&self.case),
            Sending::ClientDocument => self.client_document(by, &self.next_ids(by)),
            Sending::NewVersion => {
                let set = self.stored(by).await.header().ids.set.clone();
                self.client_document(by, &DocumentIds { set, version: 2, ..self.next_ids(by) })
            }
            Sending::Invalidation => {
                let document = self.stored(Role::Producer).await;
                let (subject, at) = (Subject::from(document.header()), Instant::in_finland(Timestamp::now()));
                let invalidation = Invalidation::try_new(&subject, Extent::ThisVersion, "Väärä asiakas", at).unwrap();
                let what = What::Invalidation(invalidation, document.header().ids.document.clone());
                return Parcel { by, what };
            }
        };
        Parcel { by, what: What::Document(Box::new(document)) }
    }

    /// A first version of a client document that the archive has taken.
    pub(super) async fn stored(&self, by: Role) -> SignedDocument {
        let document = self.client_document(by, &self.next_ids(by));
        let outcome = self.send_document(by, &document).await;
        assert!(matches!(outcome, Outcome::Archived(_)), "{outcome:?}");
        document
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Outcome {
        match &parcel.what {
            What::Document(document) => self.send_document(parcel.by, document).await,
            What::Invalidation(invalidation, _) => {
                self.client(parcel.by).invalidate(invalidation, self.acting(parcel.by)).await.unwrap()
            }
        }
    }

    async fn send_document(&self, by: Role, document: &SignedDocument) -> Outcome {
        let (client, acting) = (self.client(by), self.acting(by));
        let authority = match by {
            Role::Producer => &self.writing,
            Role::Organiser => &Authority::OwnRegister,
        };
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
    pub(super) async fn is_done(&self, parcel: &Parcel) -> bool {
        match &parcel.what {
            What::Document(document) => {
                let (client, header) = (self.client(parcel.by), document.header());
                let asked = client.question(&header.ids.document, &header.organiser.oid, self.acting(parcel.by)).await;
                matches!(asked.unwrap(), Presence::Stored(_))
            }
            What::Invalidation(_, of) => self.producer.stage.mock.ledger().entries().iter().any(|entry| {
                let of_it = matches!(&entry.kind, ArrivalKind::Invalidation { document_id: Some(one), .. } if one.as_str() == of.as_str());
                of_it && entry.verdict == Verdict::Invalidated(1)
            }),
        }
    }

    /// What is answered, as bytes to compare: documents and the summary as they came, entries by id and status, nothing for nothing.
    pub(super) async fn ask(&self, by: Role, asking: Asking, kept: &SignedDocument) -> Result<Vec<u8>, ClientError> {
        let (client, acting) = (self.client(by), self.acting(by));
        let permit = match by {
            Role::Producer => &self.reading,
            Role::Organiser => &Authority::OwnRegister,
        };
        let (person, register) = (self.producer.person(), oid(ORGANISER));
        let (there, absent) = (&kept.header().ids.document, oid(PRODUCER).child(1));
        let xml = |found: Option<asiasilta::domain::wire::answer::Fetched>| found.map(|f| f.xml).unwrap_or_default();
        let presence = |presence: Presence| match presence {
            Presence::Stored(entry) => listed(&[*entry]),
            Presence::Absent => Vec::new(),
        };
        match asking {
            Asking::Relationship => client.relationship(&person, &register, acting).await.map(xml),
            Asking::Cases => client.cases(&person, None, acting, permit).await.map(|found| listed(&found)),
            Asking::Decisions => client.decisions(&person, &[], None, acting, permit).await.map(|found| listed(&found)),
            Asking::Document => client.document(there, &person, acting, permit).await.map(xml),
            Asking::AbsentDocument => client.document(&absent, &person, acting, permit).await.map(xml),
            Asking::Summary => {
                client.summary(&person, acting, permit).await.map(|found| found.map(|s| s.xhtml).unwrap_or_default())
            }
            Asking::Question => client.question(there, &register, acting).await.map(presence),
            Asking::QuestionOfAbsent => client.question(&absent, &register, acting).await.map(presence),
        }
    }

    pub(super) fn script(&self, fault: Fault) {
        self.producer.stage.mock.faults().next(MessageKind::Any, fault).unwrap();
    }

    /// Faults that have met nothing.
    pub(super) fn waiting(&self) -> usize {
        self.producer.stage.mock.faults().waiting()
    }

    pub(super) fn verify(&self) {
        self.producer.stage.mock.verify().unwrap();
    }

    /// Lets what stands still go on, by release or by the clock.
    pub(super) async fn while_letting_go<T>(&self, fault: Fault, call: impl Future<Output = T>) -> T {
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

fn listed(entries: &[Entry]) -> Vec<u8> {
    entries.iter().map(|entry| format!("{} {:?}\n", entry.ids.document, entry.status)).collect::<String>().into_bytes()
}

fn signing(identity: &PemIdentity) -> SigningIdentity {
    SigningIdentity::from_pem(identity.certificate_pem.as_bytes(), identity.key_pem.as_bytes()).unwrap()
}

fn signed(
    checked: &CheckedRecord,
    ids: &DocumentIds,
    case: Option<&Oid>,
    (kind, signer): (SignatureKind, &SigningIdentity),
) -> SignedDocument {
    let software = Software { moderator: "asiasilta".into(), product: "test".into(), version: "0".into() };
    let now = Timestamp::now();
    let making = Making { ids, created: Instant::in_finland(now), found_case: case, software: &software };
    sign(&document_of(checked, &making), kind, now, signer, &OpensslCrypto).unwrap()
}
