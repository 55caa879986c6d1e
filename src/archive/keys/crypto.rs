//! The domain's [`Crypto`] port on OpenSSL: digests, RSA verification, certificates and chains. Holds no key.

use jiff::Timestamp;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::Id;
use openssl::sha;
use openssl::sign::Verifier;
use openssl::stack::Stack;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::{X509VerifyFlags, X509VerifyParam};
use openssl::x509::{X509, X509NameRef, X509StoreContext};

use crate::domain::signature::{CertificateFacts, Crypto, Digest, KeyUsage, RsaWith};

/// Certificates between a signer and an authority, at most.
const CHAIN_DEPTH_MAX: i32 = 5;

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpensslCrypto;

impl Crypto for OpensslCrypto {
    fn digest(&self, digest: Digest, bytes: &[u8]) -> Vec<u8> {
        match digest {
            Digest::Sha256 => sha::sha256(bytes).to_vec(),
            Digest::Sha384 => sha::sha384(bytes).to_vec(),
            Digest::Sha512 => sha::sha512(bytes).to_vec(),
        }
    }

    fn verifies(&self, algorithm: RsaWith, certificate_der: &[u8], bytes: &[u8], signature: &[u8]) -> bool {
        verified(algorithm, certificate_der, bytes, signature).unwrap_or(false)
    }

    fn certificate(&self, der: &[u8]) -> Option<CertificateFacts> {
        let certificate = X509::from_der(der).ok()?;
        let subject = certificate.subject_name();
        let key = certificate.public_key().ok()?;
        let rsa_bits = if key.id() == Id::RSA { Some(key.bits()) } else { None };
        let key_usage = certificate.key_usage().map(|usage| KeyUsage {
            digital_signature: usage.contains(openssl::x509::X509KeyUsage::DIGITAL_SIGNATURE),
            non_repudiation: usage.contains(openssl::x509::X509KeyUsage::NON_REPUDIATION),
        });
        Some(CertificateFacts {
            subject_serial: entry(subject, Nid::SERIALNUMBER),
            common_name: entry(subject, Nid::COMMONNAME),
            organisation: entry(subject, Nid::ORGANIZATIONNAME),
            not_before: moment(certificate.not_before())?,
            not_after: moment(certificate.not_after())?,
            rsa_bits,
            key_usage,
        })
    }

    fn chains_to(&self, der: &[u8], authorities: &[Vec<u8>], at: Timestamp) -> bool {
        chained(der, authorities, at).unwrap_or(false)
    }
}

fn verified(
    algorithm: RsaWith,
    certificate_der: &[u8],
    bytes: &[u8],
    signature: &[u8],
) -> Result<bool, openssl::error::ErrorStack> {
    let key = X509::from_der(certificate_der)?.public_key()?;
    if key.id() != Id::RSA {
        return Ok(false);
    }
    let digest = match algorithm.0 {
        Digest::Sha256 => MessageDigest::sha256(),
        Digest::Sha384 => MessageDigest::sha384(),
        Digest::Sha512 => MessageDigest::sha512(),
    };
    Verifier::new(digest, &key)?.verify_oneshot(signature, bytes)
}

/// The authorities given are all trusted as they stand, so a chain may end at one between the signer and the root.
fn chained(der: &[u8], authorities: &[Vec<u8>], at: Timestamp) -> Result<bool, openssl::error::ErrorStack> {
    let certificate = X509::from_der(der)?;
    let store = store_of(authorities, at)?;
    let none = Stack::new()?;
    X509StoreContext::new()?.init(&store, &certificate, &none, openssl::x509::X509StoreContextRef::verify_cert)
}

fn store_of(authorities: &[Vec<u8>], at: Timestamp) -> Result<X509Store, openssl::error::ErrorStack> {
    let mut store = X509StoreBuilder::new()?;
    for authority in authorities {
        store.add_cert(X509::from_der(authority)?)?;
    }
    let mut parameters = X509VerifyParam::new()?;
    parameters.set_time(at.as_second());
    parameters.set_depth(CHAIN_DEPTH_MAX);
    parameters.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    store.set_param(&parameters)?;
    Ok(store.build())
}

/// The entry of this kind, when there is exactly one: two would leave open which one counts.
fn entry(name: &X509NameRef, nid: Nid) -> Option<String> {
    let mut entries = name.entries_by_nid(nid);
    let first = entries.next()?;
    if entries.next().is_some() {
        return None;
    }
    first.data().to_string().ok()
}

fn moment(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Timestamp::from_second(i64::from(since.days) * 86_400 + i64::from(since.secs)).ok()
}
