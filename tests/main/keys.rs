//! Keys and certificates as operators hand them over: taken when they fit together, refused with what to do when not.

use asiasilta::archive::keys::{KeyError, OpensslCrypto, SigningIdentity};
use asiasilta::domain::signature::{Crypto, Signer};
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::symm::Cipher;

use crate::support::{CertificatePlan, PRODUCER, PROFESSIONAL, SYSTEM, Usage, certify};

fn pkcs12(password: &str) -> Vec<u8> {
    Pkcs12::builder()
        .cert(&SYSTEM.certificate)
        .pkey(&SYSTEM.key)
        .key_algorithm(Nid::AES_256_CBC)
        .cert_algorithm(Nid::AES_256_CBC)
        .build2(password)
        .unwrap()
        .to_der()
        .unwrap()
}

#[test]
fn pem_and_pkcs12_give_the_same_identity() {
    let pem = SYSTEM.signing();
    let p12 = SigningIdentity::from_pkcs12(&pkcs12("salasana"), "salasana").unwrap();
    let encrypted = SYSTEM.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"salasana").unwrap();
    let locked = SigningIdentity::from_encrypted_pem(&SYSTEM.certificate_pem(), &encrypted, "salasana").unwrap();
    for identity in [&p12, &locked] {
        assert!(identity.certificate_der() == pem.certificate_der());
        assert!(identity.sign_rsa_sha256(b"x").unwrap() == pem.sign_rsa_sha256(b"x").unwrap());
    }
    assert_eq!(pem.facts().organisation_oid().unwrap().as_str(), PRODUCER);
    assert_eq!(pem.facts().not_before.to_string(), "2026-01-01T00:00:00Z");
    assert_eq!(pem.facts().not_after.to_string(), "2027-01-01T00:00:00Z");
}

#[test]
fn what_does_not_fit_is_refused_by_name() {
    let (certificate, key) = (SYSTEM.certificate_pem(), SYSTEM.key_pem());
    let pem = |certificate: &[u8], key: &[u8]| SigningIdentity::from_pem(certificate, key).err();
    assert_eq!(pem(b"x", &key), Some(KeyError::CertificateNotPem));
    assert_eq!(pem(&certificate, b"x"), Some(KeyError::KeyNotPem));
    assert_eq!(pem(&certificate, &PROFESSIONAL.key_pem()), Some(KeyError::KeyDoesNotMatch));
    let encrypted = SYSTEM.key.private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), b"salasana").unwrap();
    assert_eq!(pem(&certificate, &encrypted), Some(KeyError::KeyEncrypted));
    let wrong = SigningIdentity::from_encrypted_pem(&certificate, &encrypted, "väärä").err();
    assert_eq!(wrong, Some(KeyError::WrongPassword));
    let short = certify(&CertificatePlan { rsa_bits: 1024, ..CertificatePlan::default() }, None);
    assert_eq!(pem(&short.certificate_pem(), &short.key_pem()), Some(KeyError::KeyWeak));
    let encipher = certify(&CertificatePlan { usage: Usage::Encipher, ..CertificatePlan::default() }, None);
    assert_eq!(pem(&encipher.certificate_pem(), &encipher.key_pem()), Some(KeyError::UsageForbidsSigning));
}

#[test]
fn a_pkcs12_file_that_does_not_open_says_why() {
    let open = |der: &[u8], password: &str| SigningIdentity::from_pkcs12(der, password).err();
    assert_eq!(open(b"x", "salasana"), Some(KeyError::NotPkcs12));
    assert_eq!(open(&pkcs12("salasana"), "väärä"), Some(KeyError::WrongPassword));
    let without_key = Pkcs12::builder().cert(&SYSTEM.certificate).build2("salasana");
    assert_eq!(open(&without_key.unwrap().to_der().unwrap(), "salasana"), Some(KeyError::Incomplete));
}

/// Made with `openssl pkcs12 -export -legacy`: RC2 for the certificate.
#[test]
fn a_pkcs12_file_of_a_legacy_cipher_is_told_apart_from_a_wrong_password() {
    let Some(mut openssl) = crate::support::oracle("openssl", "version") else { return };
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("key.pem"), SYSTEM.key_pem()).unwrap();
    std::fs::write(path("certificate.pem"), SYSTEM.certificate_pem()).unwrap();
    let made = openssl
        .args(["pkcs12", "-export", "-legacy", "-passout", "pass:salasana", "-inkey"])
        .arg(path("key.pem"))
        .arg("-in")
        .arg(path("certificate.pem"))
        .arg("-out")
        .arg(path("old.p12"))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let der = std::fs::read(path("old.p12")).unwrap();
    assert_eq!(SigningIdentity::from_pkcs12(&der, "salasana").err(), Some(KeyError::LegacyCipher));
}

#[test]
fn anything_unreadable_is_no_certificate_and_verifies_nothing() {
    use asiasilta::domain::signature::{Digest, RsaWith};
    for der in [&b""[..], b"x", &[0x30; 4096]] {
        assert!(OpensslCrypto.certificate(der).is_none());
        assert!(!OpensslCrypto.verifies(RsaWith(Digest::Sha256), der, b"x", b"x"));
        assert!(!OpensslCrypto.chains_to(der, &[der.to_vec()], crate::support::at(crate::support::SIGNED_AT)));
    }
}
