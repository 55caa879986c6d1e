//! Every example record as a signed document before the mock archive, which reads and judges by code of its own: where the two
//! disagree, one of them is wrong.
#![cfg(feature = "demo")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::record::PurchaseKind;
use asiasilta::domain::signature::{SignatureKind, sign};
use asiasilta::domain::structure::Registry;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::{CheckedRecord, Checker};
use asiasilta::domain::wire::frame::store_frame;
use asiasilta::domain::wire::{MessageContext, MessageId, UseSituation};
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity, Professional};
use mock_archive::{Acceptance, Archive, Clock, MockArchive};

use crate::support::{at, oid};

mod mutants;
mod schemas;
mod zeep;

const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const PRODUCER: &str = "1.2.246.10.99999992.10.0";
const NOW: &str = "2026-11-22T09:00:00Z";

struct Bench {
    archive: Archive,
    pki: Arc<DevPki>,
    checker: Checker,
    profile: WireProfile,
    next: u64,
}

fn examples(folder: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(folder);
    let mut paths: Vec<_> = std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths
}

impl Bench {
    fn new() -> Self {
        let pki = Arc::new(DevPki::new(at(NOW)).unwrap());
        let structures = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/structures");
        let builder = MockArchive::builder().pki(Arc::clone(&pki)).clock(Clock::standing_at(at(NOW)));
        Self {
            archive: builder.structures(structures).archive().unwrap(),
            pki,
            checker: Checker::new(Arc::new(Registry::reduced()), Environment::Test),
            profile: WireProfile::default_profile().unwrap(),
            next: 0,
        }
    }

    fn check(&self, path: &Path) -> CheckedRecord {
        let findings =
            |f: Vec<_>| panic!("{}: {}", path.display(), f.iter().map(ToString::to_string).collect::<String>());
        self.checker.record(&std::fs::read(path).unwrap(), at(NOW)).unwrap_or_else(findings)
    }

    fn signer(&self, sender: &Oid, checked: &CheckedRecord) -> (SignatureKind, SigningIdentity) {
        let author = &checked.record().author;
        let (kind, pem): (_, PemIdentity) = if checked.structure().needs_professional_signature() {
            let professional = Professional {
                registration_number: author.registration_number.reveal().into(),
                title: "sosiaalityöntekijä".into(),
                name: author.name.reveal_full(),
            };
            (SignatureKind::Professional, self.pki.professional_signer(&professional).unwrap())
        } else {
            let organisation =
                OrgIdentity { oid: mock_archive::Oid::parse(sender.as_str()).unwrap(), name: "test".into() };
            (SignatureKind::System, self.pki.system_signer(&organisation).unwrap())
        };
        (kind, SigningIdentity::from_pem(pem.certificate_pem.as_bytes(), pem.key_pem.as_bytes()).unwrap())
    }

    /// A record as a signed document and its frame, under a new id.
    fn make(&mut self, path: &Path, sender: &str, found_case: Option<&Oid>) -> Made {
        self.next += 1;
        let (sender, checked) = (oid(sender), self.check(path));
        let id = oid(&format!("{sender}.95.2026.1.{}", self.next));
        let software = Software { moderator: "asiasilta".into(), product: "test".into(), version: "0".into() };
        let making = Making {
            ids: &DocumentIds { document: id.clone(), set: id, version: 1 },
            created: Instant::in_finland(at(NOW)),
            found_case,
            software: &software,
        };
        let (kind, signer) = self.signer(&sender, &checked);
        let signed = sign(&document_of(&checked, &making), kind, at(NOW), &signer, &OpensslCrypto).unwrap();
        let record = checked.record();
        let context = MessageContext {
            message_id: &MessageId { root: sender.clone(), extension: self.next.to_string() },
            sender: &sender,
            created: Instant::in_finland(at(NOW)),
            environment: Environment::Test,
            worker: &record.acting_worker,
            unit: &record.unit,
            situation: match record.purchase {
                PurchaseKind::OwnService => UseSituation::OwnRegister,
                _ => UseSituation::RegisterAccess,
            },
        };
        let frame = store_frame(&self.profile, &context, signed.header(), signed.xml()).unwrap().to_xml();
        Made { sender, frame, document: String::from_utf8(signed.xml().to_vec()).unwrap() }
    }

    fn give(&self, made: &Made) -> Acceptance {
        let peer = mock_archive::Oid::parse(made.sender.as_str()).unwrap();
        self.archive.take_pair(&peer, made.frame.as_bytes(), made.document.as_bytes())
    }

    fn store(&mut self, path: &Path, sender: &str, found_case: Option<&Oid>) -> Acceptance {
        let made = self.make(path, sender, found_case);
        self.give(&made)
    }
}

/// A frame and its document.
#[derive(Clone)]
struct Made {
    sender: Oid,
    frame: String,
    document: String,
}

#[test]
fn the_mock_archive_takes_every_document_that_the_library_makes() {
    let mut bench = Bench::new();
    for part in ["relationship", "case", "decision"] {
        for path in examples("organiser").iter().filter(|p| p.to_string_lossy().contains(part)) {
            let acceptance = bench.store(path, ORGANISER, None);
            assert_eq!((acceptance.code.as_str(), &acceptance.findings), ("AA", &vec![]), "{}", path.display());
        }
    }
    let case = oid("1.2.246.10.99999991.14.2026.1");
    for path in examples("records").iter().filter(|p| p.file_name().unwrap().to_string_lossy().starts_with('0')) {
        let acceptance = bench.store(path, PRODUCER, Some(&case));
        assert_eq!((acceptance.code.as_str(), &acceptance.findings), ("AA", &vec![]), "{}", path.display());
    }
}

#[test]
fn the_mock_archive_refuses_a_producer_that_the_library_would_not_permit() {
    let mut bench = Bench::new();
    for path in examples("organiser").iter().filter(|p| !p.to_string_lossy().contains("decision")) {
        assert_eq!(bench.store(path, ORGANISER, None).code.as_str(), "AA");
    }
    for (name, case) in [("91-unit-not-named", 2), ("92-right-starts-tomorrow", 3)] {
        let path = examples("records").into_iter().find(|p| p.to_string_lossy().contains(name)).unwrap();
        let acceptance = bench.store(&path, PRODUCER, Some(&oid(&format!("1.2.246.10.99999991.14.2026.{case}"))));
        assert_eq!(acceptance.code.as_str(), "AE", "{name}");
    }
}
