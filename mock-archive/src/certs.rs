//! A development PKI: two authorities (TLS and signing) and certificates shaped like those of the archive's users.
//!
//! For tests and demonstrations only: keys are made on the spot and handed out as PEM. TLS keys are P-256, signing keys
//! RSA-2048. Certificates hold from the day before the given time for a year after it. Synchronous.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{Timestamp, ToSpan};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::{BigNum, MsbOption};
use openssl::ec::{Asn1Flag, EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{
    AuthorityKeyIdentifier, BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName, SubjectKeyIdentifier,
};
use openssl::x509::{X509, X509Builder, X509Name, X509NameBuilder};

use crate::oid::Oid;

mod kept;
mod revocation;

pub use kept::KeptPkiError;

const RSA_BITS: u32 = 2048;
/// HL7 and X.520 names are shorter; OpenSSL refuses longer ones.
const NAME_MAX_CHARS: usize = 64;

/// The PKI could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make a development certificate")]
pub struct PkiError(#[from] ErrorStack);

/// How the server shows itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerShape {
    Good,
    Expired,
    Revoked,
    WrongName,
    UnknownIssuer,
}

/// An organisation as a certificate names it.
#[derive(Clone, Debug)]
pub struct OrgIdentity {
    /// The organisation's OID: `serialNumber` of the subject.
    pub oid: Oid,
    /// The organisation's name, cut at 64 characters.
    pub name: String,
}

/// A professional as a certificate names them. No `Debug`: it is a person.
#[derive(Clone)]
pub struct Professional {
    /// Registration number: `serialNumber` of the subject.
    pub registration_number: String,
    /// Professional title.
    pub title: String,
    /// Name.
    pub name: String,
}

/// A certificate and its key. No `Debug`: it holds a key.
#[derive(Clone)]
pub struct PemIdentity {
    /// The certificate, PEM.
    pub certificate_pem: String,
    /// The private key, PKCS#8 PEM, not encrypted.
    pub key_pem: String,
}

/// Two authorities and what they issue.
pub struct DevPki {
    tls: Authority,
    signing: Authority,
    validity: Validity,
    revoked: Mutex<Vec<Vec<u8>>>,
}

struct Authority {
    certificate: X509,
    key: PKey<Private>,
}

#[derive(Clone, Copy)]
struct Validity {
    from: i64,
    to: i64,
}

impl Validity {
    /// From the day before for a year after.
    fn around(now: Timestamp) -> Self {
        let day_before = now.checked_sub(24.hours()).unwrap_or(now);
        let year_after = now.checked_add((365 * 24).hours()).unwrap_or(now);
        Self { from: day_before.as_second(), to: year_after.as_second() }
    }
}

/// What a certificate is for.
#[derive(Clone, Copy)]
enum Purpose {
    Authority,
    Server,
    /// For a name that nobody asks for.
    ServerElsewhere,
    Client,
    SystemSignature,
    ProfessionalSignature,
}

impl DevPki {
    /// Makes both authorities.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails, or `now` is at the end of time.
    pub fn new(now: Timestamp) -> Result<Self, PkiError> {
        let validity = Validity::around(now);
        Ok(Self {
            tls: Authority::new("Mock archive TLS CA", &p256()?, validity)?,
            signing: Authority::new("Mock archive signing CA", &rsa()?, validity)?,
            validity,
            revoked: Mutex::default(),
        })
    }

    /// The authority of TLS certificates, PEM.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn tls_ca_pem(&self) -> Result<String, PkiError> {
        self.tls.pem()
    }

    /// The authority of signing certificates, PEM.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn signing_ca_pem(&self) -> Result<String, PkiError> {
        self.signing.pem()
    }

    /// The archive's server certificate for `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn server(&self) -> Result<PemIdentity, PkiError> {
        self.tls.server("localhost", self.validity)
    }

    /// The archive's server certificate in another shape, at a moment.
    pub(crate) fn server_shaped(&self, shape: ServerShape, now: Timestamp) -> Result<PemIdentity, PkiError> {
        match shape {
            ServerShape::Good => self.server(),
            ServerShape::WrongName => self.tls.server("other.invalid", self.validity),
            ServerShape::Expired => {
                let hour = 60 * 60;
                let validity = Validity { from: now.as_second() - 2 * hour, to: now.as_second() - hour };
                self.tls.server("localhost", validity)
            }
            ServerShape::UnknownIssuer => {
                Authority::new("Unknown TLS CA", &p256()?, self.validity)?.server("localhost", self.validity)
            }
            ServerShape::Revoked => {
                let server = self.server()?;
                self.revoke(&server.certificate_pem)?;
                Ok(server)
            }
        }
    }

    fn revoked(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many certificates are on the revocation list.
    pub(crate) fn revoked_count(&self) -> usize {
        self.revoked().len()
    }

    /// An organisation's certificate for mutual TLS.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn transport(&self, organisation: &OrgIdentity) -> Result<PemIdentity, PkiError> {
        self.tls.issue(&organisation_name(organisation)?, p256()?, Purpose::Client, self.validity)
    }

    /// An organisation's certificate for system signatures.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn system_signer(&self, organisation: &OrgIdentity) -> Result<PemIdentity, PkiError> {
        self.signing.issue(&organisation_name(organisation)?, rsa()?, Purpose::SystemSignature, self.validity)
    }

    /// A professional's certificate for signatures.
    ///
    /// # Errors
    /// [`PkiError`] when OpenSSL fails.
    pub fn professional_signer(&self, professional: &Professional) -> Result<PemIdentity, PkiError> {
        let subject = name(&[
            (Nid::COMMONNAME, &professional.name),
            (Nid::TITLE, &professional.title),
            (Nid::SERIALNUMBER, &professional.registration_number),
        ])?;
        self.signing.issue(&subject, rsa()?, Purpose::ProfessionalSignature, self.validity)
    }
}

impl Authority {
    fn server(&self, common_name: &str, validity: Validity) -> Result<PemIdentity, PkiError> {
        let subject = name(&[(Nid::COMMONNAME, common_name), (Nid::ORGANIZATIONNAME, "Mock archive")])?;
        let purpose = if common_name == "localhost" { Purpose::Server } else { Purpose::ServerElsewhere };
        self.issue(&subject, p256()?, purpose, validity)
    }

    fn new(common_name: &str, key: &PKey<Private>, validity: Validity) -> Result<Self, PkiError> {
        let subject = name(&[(Nid::COMMONNAME, common_name)])?;
        let builder = unsigned(&subject, &subject, key, validity)?;
        let certificate = finished(builder, None, Purpose::Authority, key)?;
        Ok(Self { certificate, key: key.clone() })
    }

    fn pem(&self) -> Result<String, PkiError> {
        Ok(text(self.certificate.to_pem()?))
    }

    fn issue(
        &self,
        subject: &X509Name,
        key: PKey<Private>,
        purpose: Purpose,
        validity: Validity,
    ) -> Result<PemIdentity, PkiError> {
        let builder = unsigned(subject, self.certificate.subject_name(), &key, validity)?;
        let certificate = finished(builder, Some(&self.certificate), purpose, &self.key)?;
        Ok(PemIdentity { certificate_pem: text(certificate.to_pem()?), key_pem: text(key.private_key_to_pem_pkcs8()?) })
    }
}

fn unsigned(
    subject: &openssl::x509::X509NameRef,
    issuer: &openssl::x509::X509NameRef,
    key: &PKey<Private>,
    validity: Validity,
) -> Result<X509Builder, ErrorStack> {
    let mut builder = X509::builder()?;
    builder.set_version(2)?;
    let mut serial = BigNum::new()?;
    serial.rand(127, MsbOption::MAYBE_ZERO, false)?;
    let serial: Asn1Integer = serial.to_asn1_integer()?;
    builder.set_serial_number(&serial)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(issuer)?;
    builder.set_not_before(Asn1Time::from_unix(validity.from)?.as_ref())?;
    builder.set_not_after(Asn1Time::from_unix(validity.to)?.as_ref())?;
    builder.set_pubkey(key)?;
    Ok(builder)
}

fn finished(
    mut builder: X509Builder,
    issuer: Option<&X509>,
    purpose: Purpose,
    key: &PKey<Private>,
) -> Result<X509, ErrorStack> {
    let mut basic = BasicConstraints::new();
    if matches!(purpose, Purpose::Authority) {
        basic.critical().ca();
    }
    builder.append_extension(basic.build()?)?;
    builder.append_extension(key_usage(purpose)?)?;
    let context = builder.x509v3_context(issuer.map(AsRef::as_ref), None);
    let subject_key = SubjectKeyIdentifier::new().build(&context)?;
    builder.append_extension(subject_key)?;
    if issuer.is_some() {
        let context = builder.x509v3_context(issuer.map(AsRef::as_ref), None);
        let authority_key = AuthorityKeyIdentifier::new().keyid(true).build(&context)?;
        builder.append_extension(authority_key)?;
    }
    match purpose {
        Purpose::Server | Purpose::ServerElsewhere => {
            let context = builder.x509v3_context(issuer.map(AsRef::as_ref), None);
            let mut names = SubjectAlternativeName::new();
            match purpose {
                Purpose::ServerElsewhere => names.dns("other.invalid"),
                _ => names.dns("localhost").ip("127.0.0.1"),
            };
            builder.append_extension(names.build(&context)?)?;
            builder.append_extension(ExtendedKeyUsage::new().server_auth().build()?)?;
        }
        Purpose::Client => builder.append_extension(ExtendedKeyUsage::new().client_auth().build()?)?,
        // The real signing certificates have no extended key usage.
        Purpose::Authority | Purpose::SystemSignature | Purpose::ProfessionalSignature => {}
    }
    builder.sign(key, MessageDigest::sha256())?;
    Ok(builder.build())
}

fn key_usage(purpose: Purpose) -> Result<openssl::x509::X509Extension, ErrorStack> {
    let mut usage = KeyUsage::new();
    usage.critical();
    match purpose {
        Purpose::Authority => usage.key_cert_sign().crl_sign(),
        Purpose::Server | Purpose::ServerElsewhere | Purpose::Client => usage.digital_signature(),
        Purpose::SystemSignature => usage.digital_signature().non_repudiation(),
        Purpose::ProfessionalSignature => usage.non_repudiation(),
    };
    usage.build()
}

fn organisation_name(organisation: &OrgIdentity) -> Result<X509Name, ErrorStack> {
    name(&[
        (Nid::COMMONNAME, &organisation.name),
        (Nid::ORGANIZATIONNAME, &organisation.name),
        (Nid::SERIALNUMBER, organisation.oid.as_str()),
    ])
}

fn name(entries: &[(Nid, &str)]) -> Result<X509Name, ErrorStack> {
    let mut builder = X509NameBuilder::new()?;
    builder.append_entry_by_nid(Nid::COUNTRYNAME, "FI")?;
    for (nid, value) in entries {
        let value: String = value.chars().take(NAME_MAX_CHARS).collect();
        builder.append_entry_by_nid(*nid, &value)?;
    }
    Ok(builder.build())
}

fn p256() -> Result<PKey<Private>, ErrorStack> {
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    group.set_asn1_flag(Asn1Flag::NAMED_CURVE);
    PKey::from_ec_key(EcKey::generate(&group)?)
}

fn rsa() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(RSA_BITS)?)
}

fn text(pem: Vec<u8>) -> String {
    String::from_utf8_lossy(&pem).into_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed certificate is a failed test")]
mod tests {
    use openssl::x509::X509KeyUsage;

    use super::*;

    fn organisation() -> OrgIdentity {
        OrgIdentity { oid: Oid::parse("1.2.246.10.99999992.10.0").unwrap(), name: "Esimerkkituottaja Oy (test)".into() }
    }

    fn read(identity: &PemIdentity) -> X509 {
        PKey::private_key_from_pem(identity.key_pem.as_bytes()).unwrap();
        X509::from_pem(identity.certificate_pem.as_bytes()).unwrap()
    }

    #[test]
    fn signing_certificates_are_shaped_like_the_archives_users() {
        let pki = DevPki::new(Timestamp::now()).unwrap();
        let system = read(&pki.system_signer(&organisation()).unwrap());
        assert_eq!(crate::signature::subject_serial(&system).unwrap(), "1.2.246.10.99999992.10.0");
        let both = X509KeyUsage::DIGITAL_SIGNATURE | X509KeyUsage::NON_REPUDIATION;
        assert_eq!(system.key_usage(), Some(both));
        assert_eq!(system.extended_key_usage(), None);
        let person = Professional {
            registration_number: "90000000001".into(),
            title: "Sosiaalityöntekijä".into(),
            name: "Testinen Tessa".into(),
        };
        let professional = read(&pki.professional_signer(&person).unwrap());
        assert_eq!(professional.key_usage(), Some(X509KeyUsage::NON_REPUDIATION));
        assert_eq!(professional.public_key().unwrap().bits(), 2048);
        assert_eq!(crate::signature::subject_serial(&professional).unwrap(), "90000000001");
    }

    #[test]
    fn the_two_authorities_do_not_vouch_for_each_other() {
        let pki = DevPki::new(Timestamp::now()).unwrap();
        let transport = read(&pki.transport(&organisation()).unwrap());
        let [tls, signing] = [pki.tls_ca_pem().unwrap(), pki.signing_ca_pem().unwrap()]
            .map(|pem| X509::from_pem(pem.as_bytes()).unwrap().public_key().unwrap());
        assert!(transport.verify(&tls).unwrap());
        assert!(!transport.verify(&signing).unwrap_or(false));
    }
}
