//! The archive of a case and who speaks to it. Keys are made once for all cases; every case has an archive of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex};

use asiasilta::archive::client::{ArchiveClient, Sender, Sources};
use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::archive::tls::TlsIdentity;
use asiasilta::archive::transport::{HttpsTransport, TransportLimits};
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::record::LocalRecord;
use asiasilta::domain::signature::{SignatureKind, SignedDocument, sign};
use asiasilta::domain::structure::{REDUCED, Registry};
use asiasilta::domain::time::{Instant, day_in_finland};
use asiasilta::domain::validate::Checker;
use jiff::{Timestamp, ToSpan};
use mock_archive::MockArchive;
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity, Professional};
use serde_json::Value;

use super::case::Case;
use crate::support::{identity_code, oid};

pub(super) const ORGANISER: &str = "1.2.246.10.99999991.10.0";
const PRODUCER: &str = "1.2.246.10.99999992.10.0";
const OTHER: &str = "1.2.246.10.99999994.10.0";
/// The case that `examples/organiser/main-case.json` is about.
pub(super) const CASE: &str = "1.2.246.10.99999991.14.2026.1";

/// Who may speak, by the word that cases use.
pub(super) fn organisation(by: &str) -> &'static str {
    match by {
        "producer" => PRODUCER,
        "organiser" => ORGANISER,
        "other" => OTHER,
        unknown => panic!("nobody is called {unknown}"),
    }
}

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::new);

/// Authorities, and what they have issued so far.
struct Keys {
    pki: Arc<DevPki>,
    structures: tempfile::TempDir,
    issued: Mutex<BTreeMap<String, (String, String)>>,
}

impl Keys {
    fn new() -> Self {
        let structures = tempfile::tempdir().unwrap();
        for (oid, text) in REDUCED {
            std::fs::write(structures.path().join(format!("{oid}.json")), text).unwrap();
        }
        Self { pki: Arc::new(DevPki::new(Timestamp::now()).unwrap()), structures, issued: Mutex::default() }
    }

    /// Certificate and key, issued when they are first asked for.
    fn issued(&self, name: &str, issue: impl FnOnce() -> PemIdentity) -> (String, String) {
        let mut issued = self.issued.lock().unwrap();
        let made = || {
            let identity = issue();
            (identity.certificate_pem, identity.key_pem)
        };
        issued.entry(name.to_owned()).or_insert_with(made).clone()
    }

    fn transport(&self, of: &str) -> (String, String) {
        self.issued(&format!("transport {of}"), || self.pki.transport(&identity(of)).unwrap())
    }

    fn system(&self, of: &str) -> SigningIdentity {
        let (certificate, key) =
            self.issued(&format!("system {of}"), || self.pki.system_signer(&identity(of)).unwrap());
        SigningIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
    }

    fn professional(&self, record: &LocalRecord) -> SigningIdentity {
        let author = &record.author;
        let number = author.registration_number.reveal().to_owned();
        let (certificate, key) = self.issued(&format!("professional {number}"), || {
            let professional = Professional {
                registration_number: number.clone(),
                title: author.title.clone().unwrap_or_default(),
                name: author.name.reveal_full(),
            };
            self.pki.professional_signer(&professional).unwrap()
        });
        SigningIdentity::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap()
    }
}

fn identity(of: &str) -> OrgIdentity {
    OrgIdentity { oid: mock_archive::Oid::parse(of).unwrap(), name: format!("Organisation {of}") }
}

/// One case's archive.
pub(super) struct World {
    pub(super) mock: MockArchive,
    profile: Arc<WireProfile>,
    folder: PathBuf,
}

impl World {
    pub(super) async fn of(case: &Case) -> Self {
        let setting = &case.script.archive;
        let mut builder = MockArchive::builder().pki(Arc::clone(&KEYS.pki)).structures(KEYS.structures.path());
        if setting.inline {
            builder = builder.answers_inline();
        }
        if let Some(roles) = &setting.roles {
            builder = builder.roles(case.folder.join(roles));
        }
        let over = toml::to_string(&case.script.profile).unwrap();
        let profile = WireProfile::default_with(&over).unwrap_or_else(|fault| panic!("{}: {fault}", case.name));
        Self { mock: builder.start().await.unwrap(), profile: Arc::new(profile), folder: case.folder.clone() }
    }

    pub(super) fn client(&self, by: &str) -> ArchiveClient<HttpsTransport> {
        let (certificate, key) = KEYS.transport(organisation(by));
        let authority = KEYS.pki.tls_ca_pem().unwrap();
        let tls = TlsIdentity::from_pem(authority.as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
        let transport = HttpsTransport::try_new(&self.mock.url(), tls, TransportLimits::default()).unwrap();
        let own = oid(organisation(by));
        let sender = Sender { organisation: own.clone(), numbers_root: own, environment: Environment::Test };
        ArchiveClient::new(transport, Arc::clone(&self.profile), sender, Sources::system())
    }

    /// A record with what differs in it. Days may be told from today.
    pub(super) fn record(&self, path: &str, set: &BTreeMap<String, toml::Value>) -> Vec<u8> {
        record(&self.folder, path, set)
    }

    /// The record, checked, and its signed document.
    pub(super) fn signed(&self, record: &[u8], ids: &DocumentIds, by: &str) -> (LocalRecord, SignedDocument) {
        // What the archive must refuse is not refused here: persons are looked at as in production.
        let checker = Checker::new(Arc::new(Registry::reduced()), Environment::Production);
        let now = Timestamp::now();
        let checked = checker.record(record, now).unwrap_or_else(|findings| panic!("{findings:?}"));
        let software = Software { moderator: "asiasilta".into(), product: "cases".into(), version: "0".into() };
        let found = oid(CASE);
        let making = Making { ids, created: Instant::in_finland(now), found_case: Some(&found), software: &software };
        let document = document_of(&checked, &making);
        let (kind, signer) = match checked.structure().needs_professional_signature() {
            true => (SignatureKind::Professional, KEYS.professional(checked.record())),
            false => (SignatureKind::System, KEYS.system(organisation(by))),
        };
        let signed = sign(&document, kind, now, &signer, &OpensslCrypto).unwrap();
        (checked.into_record(), signed)
    }

    pub(super) fn next_id(&self, by: &str, number: usize) -> Oid {
        oid(organisation(by)).child(95).child(2026).child(u64::try_from(number).unwrap() + 1)
    }
}

/// A record of a case's folder, or below the package's, with what differs in it. Days may be told from today.
pub(super) fn record(folder: &Path, path: &str, set: &BTreeMap<String, toml::Value>) -> Vec<u8> {
    let own = folder.join(path);
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    let text = std::fs::read_to_string(if own.exists() { own } else { shared }).unwrap();
    let mut record: Value = serde_json::from_str(&text).unwrap();
    for (pointer, value) in set {
        let value = serde_json::to_value(value).unwrap();
        put(&mut record, pointer, value);
    }
    told(&record.to_string()).into_bytes()
}

/// Sets what a pointer names; members and items that are not there are added, `"-"` as a value takes a member away.
fn put(record: &mut Value, pointer: &str, value: Value) {
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let parent = record.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer}: no such place"));
    match parent {
        Value::Object(members) if value == "-" => drop(members.remove(last)),
        Value::Object(members) => drop(members.insert(last.to_owned(), value)),
        Value::Array(items) => match last.parse::<usize>() {
            Ok(at) if at < items.len() => items[at] = value,
            _ => items.push(value),
        },
        _ => panic!("{pointer}: neither object nor list"),
    }
}

/// What cases say in braces: days told from today, and a code that is no test person's, which no file may hold.
pub(super) fn told(text: &str) -> String {
    let today = day_in_finland(Timestamp::now());
    let day = |days: i32| today.checked_add(days.days()).unwrap().to_string();
    // The check character of the 900-series code shifted to the real series by 800: made here, given to nobody on purpose.
    let artificial = identity_code("140341-912");
    let shifted = not_of_the_test_series(&artificial);
    text.replace("{today}", &day(0))
        .replace("{tomorrow}", &day(1))
        .replace("{yesterday}", &day(-1))
        .replace("{last-week}", &day(-7))
        .replace("{not-a-test-person}", &shifted)
}

/// The same birth date with the lowest individual number, 002, and its check character.
fn not_of_the_test_series(artificial: &str) -> String {
    let day = &artificial[..6];
    let number: usize = format!("{day}002").parse().unwrap();
    let check = &"0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31..=number % 31];
    format!("{day}{}002{check}", &artificial[6..7])
}
