//! The organiser's side: stores in its own register and reads back, with the same library as the producer.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity, Professional};

use super::DemoError;
use super::stage::https_client;
use crate::archive::client::{Acting, ArchiveClient, PAGES_MAX, Wanted};
use crate::archive::keys::{OpensslCrypto, SigningIdentity, certificates_from_pem};
use crate::archive::transport::HttpsTransport;
use crate::domain::access::Authority;
use crate::domain::document::build::{Making, document_of};
use crate::domain::document::display::plain_text;
use crate::domain::document::header::{DocumentIds, Software};
use crate::domain::document::read::read;
use crate::domain::environment::Environment;
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::person::{PersonId, Worker};
use crate::domain::signature::{ExpectedSigner, SignatureKind, Trust, TrustPolicy, sign, verify};
use crate::domain::structure::Registry;
use crate::domain::time::Instant;
use crate::domain::validate::{CheckedRecord, Checker};
use crate::domain::wire::answer::{Entry, Outcome};

/// Entries on a page.
const PAGE_SIZE: u32 = 50;

/// The organiser: its client of the archive, its keys, its ids.
pub struct Organiser {
    client: ArchiveClient<HttpsTransport>,
    pki: Arc<DevPki>,
    system: SigningIdentity,
    signing_authorities: Vec<Vec<u8>>,
    oid: Oid,
    checker: Checker,
    sequence: AtomicU64,
    installed: Timestamp,
    acting: Option<(Worker, Unit)>,
}

/// A document as the organiser reads it.
pub struct ReadBack {
    /// The readable form, as text for a terminal.
    pub text: String,
    /// Whether its signature holds and is the producer's.
    pub signature_holds: bool,
}

impl Organiser {
    pub(super) fn try_new(pki: &Arc<DevPki>, address: &str, oid: &str, now: Timestamp) -> Result<Self, DemoError> {
        let identity = OrgIdentity { oid: mock_oid(oid)?, name: "Esimerkin hyvinvointialue".into() };
        let oid: Oid = oid.parse().map_err(|_| DemoError::Defect("the organiser's OID"))?;
        Ok(Self {
            client: https_client(pki, address, &pki.transport(&identity)?, &oid)?,
            pki: Arc::clone(pki),
            system: signing(&pki.system_signer(&identity)?)?,
            signing_authorities: certificates_from_pem(pki.signing_ca_pem()?.as_bytes())?,
            oid,
            checker: Checker::new(Arc::new(Registry::reduced()), Environment::Test),
            sequence: AtomicU64::new(0),
            installed: now,
            acting: None,
        })
    }

    /// Another organiser of the same archive.
    pub(super) fn beside(&self, address: &str, oid: &str, now: Timestamp) -> Result<Self, DemoError> {
        Self::try_new(&self.pki, address, oid, now)
    }

    /// Stores a record of the organiser's own in its register and gives the document's id.
    ///
    /// # Errors
    /// [`DemoError`]: findings, a signature that cannot be made, or the archive's no.
    pub async fn store(&mut self, record: &[u8]) -> Result<Oid, DemoError> {
        let now = Timestamp::now();
        let checked = self.checker.record(record, now).map_err(DemoError::Record)?;
        let id = self.next_id();
        let ids = DocumentIds { document: id.clone(), set: id.clone(), version: 1 };
        let software = Software {
            moderator: "asiasilta".into(),
            product: "asiasilta demo".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        let making = Making { ids: &ids, created: Instant::in_finland(now), found_case: None, software: &software };
        let document = document_of(&checked, &making);
        let signed = if checked.structure().needs_professional_signature() {
            sign(&document, SignatureKind::Professional, now, &self.professional(&checked)?, &OpensslCrypto)?
        } else {
            sign(&document, SignatureKind::System, now, &self.system, &OpensslCrypto)?
        };
        let record = checked.into_record();
        let acting = Acting { worker: &record.acting_worker, unit: &record.unit };
        match self.client.store(&signed, acting, &Authority::OwnRegister).await? {
            Outcome::Archived(_) => {
                self.acting = Some((record.acting_worker, record.unit));
                Ok(id)
            }
            Outcome::Rejected(rejection) => {
                let codes: Vec<_> = rejection.details.iter().filter_map(|d| d.code.as_deref()).collect();
                Err(DemoError::NotStored(codes.join(", ")))
            }
            Outcome::TryLater { why, .. } => Err(DemoError::NotStored(format!("{why:?}"))),
            Outcome::Unknown { why, .. } => Err(DemoError::NotStored(format!("{why:?}"))),
        }
    }

    /// Reads a document of a client in the own register back: fetched, its signature judged, made readable.
    ///
    /// # Errors
    /// [`DemoError`]: not there, or not a document.
    pub async fn read_back(&self, document: &Oid, client: &PersonId, producer: &Oid) -> Result<ReadBack, DemoError> {
        let (worker, unit) = self.acting.as_ref().ok_or(DemoError::Defect("nobody has acted for the organiser"))?;
        let acting = Acting { worker, unit };
        let fetched = self.client.document(document, client, acting, &Authority::OwnRegister).await?;
        let fetched = fetched.ok_or(DemoError::Defect("the document is not in the register"))?;
        let read =
            read(&fetched.xml).map_err(|_| DemoError::Defect("the archive gave something that is no document"))?;
        let policy = TrustPolicy {
            trust: Trust::Authorities(self.signing_authorities.clone()),
            system_signer: ExpectedSigner::Organisation(producer.clone()),
            now: Timestamp::now(),
        };
        let verdict = verify(read.tree(), &OpensslCrypto, &policy);
        let display = read.display.as_deref().ok_or(DemoError::Defect("the document has no readable form"))?;
        Ok(ReadBack {
            text: plain_text(display).map_err(|_| DemoError::Defect("the readable form is no XHTML"))?,
            signature_holds: verdict.is_valid_and_signed_by(SignatureKind::System),
        })
    }

    /// What was stored about a client in the own register, or invalidated there, after a moment: by every unit of every producer, in
    /// the order of change.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn changes(&self, client: &PersonId, after: Instant) -> Result<Vec<Entry>, DemoError> {
        let (worker, unit) = self.acting.as_ref().ok_or(DemoError::Defect("nobody has acted for the organiser"))?;
        let acting = Acting { worker, unit };
        let wanted = Wanted { stored_after: Some(after), ..Wanted::of(client) };
        let (mut changes, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = self.client.search(&wanted, PAGE_SIZE, cursor.as_ref(), acting, &Authority::OwnRegister).await?;
            changes.extend(page.entries);
            cursor = page.next;
            if cursor.is_none() {
                return Ok(changes);
            }
        }
        Err(DemoError::Defect("more changes than the demo makes"))
    }

    /// The organisation.
    pub fn oid(&self) -> &Oid {
        &self.oid
    }

    /// The author's card, which in the demo is a key in memory.
    fn professional(&self, checked: &CheckedRecord) -> Result<SigningIdentity, DemoError> {
        let author = &checked.record().author;
        signing(&self.pki.professional_signer(&Professional {
            registration_number: author.registration_number.reveal().to_owned(),
            title: author.title.clone().unwrap_or_default(),
            name: author.name.reveal_full(),
        })?)
    }

    fn next_id(&self) -> Oid {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed) + 1;
        let restart = u64::try_from(self.installed.as_second()).unwrap_or_default();
        self.oid.child(95).child(1).child(restart).child(sequence)
    }
}

pub(super) fn mock_oid(text: &str) -> Result<mock_archive::Oid, DemoError> {
    mock_archive::Oid::parse(text).map_err(|_| DemoError::Defect("an OID of the demo"))
}

fn signing(identity: &PemIdentity) -> Result<SigningIdentity, DemoError> {
    Ok(SigningIdentity::from_pem(identity.certificate_pem.as_bytes(), identity.key_pem.as_bytes())?)
}
