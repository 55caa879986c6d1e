//! What the tests share: headers of made-up persons, test identities, outside judges, reference data.
//!
//! - A judge (a program) that is missing makes its test skip, aloud on standard error; with `ASIASILTA_REQUIRE_ORACLES=1` it
//!   makes it fail.
//! - Reference data is looked for in the folder `ASIASILTA_REFERENCE`; without it the test skips, aloud. A check that ran says
//!   `reference check: <name>` on standard error and adds its name to the file `ASIASILTA_REFERENCE_LOG`, to be counted.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use asiasilta::archive::keys::{OpensslCrypto, SigningIdentity};
use asiasilta::domain::code::{Code, Language};
use asiasilta::domain::document::Document;
use asiasilta::domain::document::header::{
    CasePeriod, DocumentGroup, DocumentIds, GuardianDisclosure, Header, Software,
};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::organisation::{Organisation, Unit};
use asiasilta::domain::person::{Client, Gender, PersonName, TemporaryId, Worker};
use asiasilta::domain::signature::{self, SignatureKind, SignedDocument};
use jiff::Timestamp;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, KeyUsage};
use openssl::x509::{X509, X509Name};

/// The producer's organisation, which signs.
pub(crate) const PRODUCER: &str = "1.2.246.10.99999992.10.0";
/// The author's registration number.
pub(crate) const REGISTRATION_NUMBER: &str = "90000000001";
/// When test documents are signed.
pub(crate) const SIGNED_AT: &str = "2026-10-05T11:45:00Z";
/// When signatures are judged.
pub(crate) const NOW: &str = "2026-11-22T09:00:00Z";

/// To standard error itself: what the print macros write is swallowed while a test passes.
fn aloud(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// A program that judges from outside, or `None` where it is missing and may be.
pub(crate) fn oracle(program: &str, version_flag: &str) -> Option<Command> {
    let found = Command::new(program).arg(version_flag).stdout(Stdio::null()).stderr(Stdio::null()).status();
    if found.is_ok() {
        return Some(Command::new(program));
    }
    let required = env::var_os("ASIASILTA_REQUIRE_ORACLES").is_some_and(|v| v == "1");
    assert!(!required, "{program} is required (ASIASILTA_REQUIRE_ORACLES=1) and missing");
    aloud(&format!("skipped: {program} is not installed"));
    None
}

/// The path of a piece of reference data, or `None` where there is none. Counts the check that is about to run.
pub(crate) fn reference(check: &str, path: &str) -> Option<PathBuf> {
    let Some(folder) = env::var_os("ASIASILTA_REFERENCE") else {
        aloud(&format!("skipped: {check}: ASIASILTA_REFERENCE is not set"));
        return None;
    };
    let path = PathBuf::from(folder).join(path);
    assert!(path.exists(), "{check}: {} is missing", path.display());
    aloud(&format!("reference check: {check}"));
    if let Some(log) = env::var_os("ASIASILTA_REFERENCE_LOG") {
        let mut log = OpenOptions::new().create(true).append(true).open(log).unwrap();
        log.write_all(format!("{check}\n").as_bytes()).unwrap();
    }
    Some(path)
}

pub(crate) fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A code of the 900 series with its check character: `identity_code("010190-900")`.
pub(crate) fn identity_code(bare: &str) -> String {
    assert_eq!(&bare[7..8], "9", "test persons are of the 900 series");
    let number: usize = format!("{}{}", &bare[..6], &bare[7..]).parse().unwrap();
    format!("{bare}{}", &"0123456789ABCDEFHJKLMNPRSTUVWXY"[number % 31..=number % 31])
}

pub(crate) fn client() -> Client {
    Client {
        identity_code: Some("010190-900P".parse().unwrap()),
        temporary_id: None,
        name: PersonName {
            family: "Testinen & Pojat".into(),
            given: vec!["Tessa".into(), "Äiti <x>".into()],
            calling: Some("Tessa".into()),
        },
        birth_date: "1990-01-01".parse().unwrap(),
        gender: Gender::Female,
        safety_ban: false,
    }
}

pub(crate) fn worker() -> Worker {
    Worker {
        name: PersonName { family: "Ohjaaja".into(), given: vec!["Onni".into()], calling: None },
        title: Some("ohjaaja".into()),
        identity_code: identity_code("020280-911").parse().unwrap(),
        registration_number: REGISTRATION_NUMBER.parse().unwrap(),
        role: None,
    }
}

pub(crate) fn code(code: &str, system: &str, system_name: &str, display: &str) -> Code {
    Code {
        code: code.into(),
        system: oid(system),
        system_name: Some(system_name.into()),
        display: Some(display.into()),
    }
}

/// The header of a client document, type 19007, in a known case.
pub(crate) fn client_document_header() -> Header {
    let types = "Sosiaalihuolto - Asiakasasiakirjatyyppi";
    let document = oid("1.2.246.10.99999992.95.2026.1.1");
    Header {
        ids: DocumentIds { document: document.clone(), set: document, version: 1 },
        replaces: None,
        group: DocumentGroup::ClientDocument,
        general_type: Some(code("19", "1.2.246.537.6.1506.201701", types, "Asiakaskertomusmerkintä")),
        specific_type: Some(code("19007", "1.2.246.537.6.1506.201701", types, "Merkintä asiakkaan arjesta")),
        structure: oid("1.2.246.537.6.1506.19007.2022.1.10"),
        drawn_up: "2026-10-05T14:30:00+03:00".parse().unwrap(),
        created: "2026-10-05T14:31:00+03:00".parse().unwrap(),
        language: Language::Fi,
        clients: vec![client()],
        author: Some(worker()),
        organiser: Organisation { oid: oid("1.2.246.10.99999991.10.0"), name: "Testilän hyvinvointialue".into() },
        unit: Unit { oid: oid("1.2.246.10.99999992.10.1"), name: "Palvelutalo Pihlaja".into() },
        case: Some(oid("1.2.246.10.99999991.95.2026.7.1")),
        case_period: None,
        relationship: None,
        service_task: Some(code(
            "20",
            "1.2.246.537.6.1221.201601",
            "Sosiaalihuolto - Palvelutehtävä",
            "Vammaispalvelut",
        )),
        service_process: Some(code(
            "5",
            "1.2.246.537.6.1277.201701",
            "Sosiaalihuolto - Sosiaalihuollon palveluprosessi",
            "Palvelun toteuttaminen",
        )),
        retention_class: code(
            "1",
            "1.2.246.537.6.1258.201601",
            "Sosiaalihuolto - asiakirjan kokonaissäilytysaika",
            "Säilytetään pysyvästi",
        ),
        special_content: false,
        guardian_disclosure: None,
        withheld_from_client: None,
        software: Software { moderator: "asiasilta".into(), product: "asiasilta".into(), version: "0.1.0".into() },
    }
}

/// The header of a relationship document.
pub(crate) fn relationship_document_header() -> Header {
    Header {
        group: DocumentGroup::Relationship,
        general_type: None,
        specific_type: None,
        structure: oid("1.2.246.537.6.1505.1.2023.6.1"),
        author: None,
        case: None,
        relationship: Some(oid("1.2.246.10.99999991.95.2026.8.1")),
        service_task: None,
        service_process: None,
        ..client_document_header()
    }
}

/// The second version of the client document.
pub(crate) fn second_version_header() -> Header {
    let first = client_document_header();
    Header {
        ids: DocumentIds { document: oid("1.2.246.10.99999992.95.2026.1.2"), set: first.ids.set.clone(), version: 2 },
        replaces: Some((first.ids.document.clone(), "Kirjoitusvirhe korjattu".into())),
        ..first
    }
}

/// A second version of a minor's document with every conditional element, for two clients.
pub(crate) fn full_header() -> Header {
    let mut other = client();
    other.identity_code = Some(identity_code("140312A921").parse().unwrap());
    other.temporary_id =
        Some(TemporaryId { root: oid("1.2.246.10.99999991.22.2026"), value: "140312A998W".parse().unwrap() });
    other.birth_date = "2012-03-14".parse().unwrap();
    other.safety_ban = true;
    Header {
        clients: vec![client(), other],
        guardian_disclosure: Some(GuardianDisclosure {
            decision: bare_code("2", "1.2.246.537.6.1286.201901", "Ei saa luovuttaa huoltajille"),
            grounds: Some("Alaikäisen oma pyyntö.".into()),
        }),
        withheld_from_client: Some(bare_code("1", "1.2.246.537.6.1288.201901", "Vaarantaa asiakkaan terveyttä")),
        ..second_version_header()
    }
}

fn bare_code(code: &str, system: &str, display: &str) -> Code {
    Code { code: code.into(), system: oid(system), system_name: None, display: Some(display.into()) }
}

/// The header of a closed case's document.
pub(crate) fn case_document_header() -> Header {
    Header {
        group: DocumentGroup::Case,
        general_type: None,
        specific_type: None,
        structure: oid("1.2.246.537.6.1505.2.2022.6.28"),
        case_period: Some(CasePeriod {
            opened: "2026-01-12".parse().unwrap(),
            closed: Some("2026-09".parse().unwrap()),
        }),
        service_process: None,
        ..client_document_header()
    }
}

/// A display form and a content that agree with the header.
pub(crate) fn document(header: Header) -> Document {
    let id = header.ids.document.as_str();
    let display = format!(
        "<div xmlns=\"http://www.w3.org/1999/xhtml\" class=\"soc-document\" id=\"OID{id}\"><p>Päivä meni hyvin.</p></div>"
    );
    let client = r#"{"sukunimi":"Testinen","henkilotunnus":{"system":"urn:oid:1.2.246.21","value":"010190-900P"},"syntymaaika":"1990-01-01"}"#;
    let content = match &header.relationship {
        Some(relationship) => format!(
            r#"{{"asiakkuusasiakirja":{{"asiakkuuden_yksilointitunnus":{{"value":"{relationship}"}},"asiakas":{client}}}}}"#
        ),
        None => format!(r#"{{"merkinta_asiakkaan_arjesta":{{"asiakas":[{client}],"päivä":"2026-10-05"}}}}"#),
    };
    Document::assemble(header, display, content)
}

/// A key with its self-signed certificate.
pub(crate) struct TestIdentity {
    pub(crate) certificate: X509,
    pub(crate) key: PKey<Private>,
}

impl TestIdentity {
    pub(crate) fn certificate_pem(&self) -> Vec<u8> {
        self.certificate.to_pem().unwrap()
    }

    pub(crate) fn certificate_der(&self) -> Vec<u8> {
        self.certificate.to_der().unwrap()
    }

    pub(crate) fn key_pem(&self) -> Vec<u8> {
        self.key.private_key_to_pem_pkcs8().unwrap()
    }

    pub(crate) fn signing(&self) -> SigningIdentity {
        SigningIdentity::from_pem(&self.certificate_pem(), &self.key_pem()).unwrap()
    }
}

/// What a test certificate is to say.
pub(crate) struct CertificatePlan<'a> {
    pub(crate) common_name: &'a str,
    pub(crate) serial_number: &'a str,
    pub(crate) rsa_bits: u32,
    pub(crate) usage: Usage,
    pub(crate) not_before: &'a str,
    pub(crate) not_after: &'a str,
}

#[derive(Clone, Copy)]
pub(crate) enum Usage {
    Sign,
    Encipher,
    Authority,
}

impl Default for CertificatePlan<'_> {
    fn default() -> Self {
        Self {
            common_name: "Testipalvelu Oy",
            serial_number: PRODUCER,
            rsa_bits: 2048,
            usage: Usage::Sign,
            not_before: "20260101000000Z",
            not_after: "20270101000000Z",
        }
    }
}

/// Makes a certificate, by an issuer or by itself.
pub(crate) fn certify(plan: &CertificatePlan<'_>, issuer: Option<&TestIdentity>) -> TestIdentity {
    let key = PKey::from_rsa(Rsa::generate(plan.rsa_bits).unwrap()).unwrap();
    let mut name = X509Name::builder().unwrap();
    name.append_entry_by_nid(Nid::ORGANIZATIONNAME, "Testipalvelu Oy").unwrap();
    name.append_entry_by_nid(Nid::COMMONNAME, plan.common_name).unwrap();
    name.append_entry_by_nid(Nid::SERIALNUMBER, plan.serial_number).unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let number = BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap();
    builder.set_serial_number(&number).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(issuer.map_or(&name, |i| i.certificate.subject_name())).unwrap();
    builder.set_not_before(&Asn1Time::from_str(plan.not_before).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::from_str(plan.not_after).unwrap()).unwrap();
    builder.set_pubkey(&key).unwrap();
    let mut usage = KeyUsage::new();
    match plan.usage {
        Usage::Sign => usage.digital_signature().non_repudiation(),
        Usage::Encipher => usage.key_encipherment(),
        Usage::Authority => {
            builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
            usage.key_cert_sign()
        }
    };
    builder.append_extension(usage.critical().build().unwrap()).unwrap();
    builder.sign(issuer.map_or(&key, |i| &i.key), MessageDigest::sha256()).unwrap();
    TestIdentity { certificate: builder.build(), key }
}

/// The producer's system identity; made once for all tests.
pub(crate) static SYSTEM: LazyLock<TestIdentity> = LazyLock::new(|| certify(&CertificatePlan::default(), None));

/// The author's personal identity; made once for all tests.
pub(crate) static PROFESSIONAL: LazyLock<TestIdentity> = LazyLock::new(|| {
    let plan = CertificatePlan {
        common_name: "Ohjaaja Onni",
        serial_number: REGISTRATION_NUMBER,
        ..CertificatePlan::default()
    };
    certify(&plan, None)
});

/// The identity that signs documents of this kind.
pub(crate) fn identity(kind: SignatureKind) -> &'static TestIdentity {
    match kind {
        SignatureKind::System => &SYSTEM,
        SignatureKind::Professional => &PROFESSIONAL,
    }
}

/// A document of this header, signed.
pub(crate) fn signed(header: Header, kind: SignatureKind) -> SignedDocument {
    signature::sign(&document(header), kind, at(SIGNED_AT), &identity(kind).signing(), &OpensslCrypto).unwrap()
}
