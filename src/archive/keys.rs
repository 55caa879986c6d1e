//! Signing keys and certificates: loaded, checked and used through OpenSSL.
//!
//! The only place that holds a private signing key. A [`SigningIdentity`] exists only when key and certificate belong
//! together and may sign documents; [`OpensslCrypto`] is the domain's port for digests, RSA and X.509. TLS has its own keys.

mod crypto;
mod throw_away;

use openssl::hash::MessageDigest;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer as OpensslSigner;
use openssl::x509::X509;

pub use crypto::OpensslCrypto;

use crate::domain::finding::redacted_debug;
use crate::domain::signature::{CertificateFacts, Crypto, RSA_BITS_MIN, Signer, SignerFault};

/// A key that signs documents, with its certificate.
pub struct SigningIdentity {
    key: PKey<Private>,
    certificate_der: Vec<u8>,
    facts: CertificateFacts,
}

redacted_debug!(SigningIdentity);

/// Why a key or certificate is not taken: what was found, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The certificate file holds no PEM certificate.
    #[error("the certificate is not PEM: expected a block that begins -----BEGIN CERTIFICATE-----")]
    CertificateNotPem,
    /// The key file holds no PEM private key.
    #[error(
        "the key is not an unencrypted PEM private key: expected a block that begins -----BEGIN PRIVATE KEY-----; \
         decrypt it with `openssl pkey -in KEY -out PLAIN-KEY`, or give a PKCS#12 file with its password"
    )]
    KeyNotPem,
    /// The key file is encrypted and no password was given.
    #[error("the key is encrypted: give its password, or a PKCS#12 file with its password")]
    KeyEncrypted,
    /// The PKCS#12 file is not one.
    #[error("the file is not PKCS#12 (.p12, .pfx)")]
    NotPkcs12,
    /// The password does not open the PKCS#12 file.
    #[error("the password does not open the PKCS#12 file")]
    WrongPassword,
    /// The PKCS#12 file is encrypted with a cipher that OpenSSL 3 no longer opens (RC2, single DES).
    #[error(
        "the PKCS#12 file uses a legacy cipher that OpenSSL 3 does not open; convert it once: \
         `openssl pkcs12 -legacy -in OLD.p12 -nodes -out all.pem`, then \
         `openssl pkcs12 -export -in all.pem -out NEW.p12`, and delete all.pem"
    )]
    LegacyCipher,
    /// The PKCS#12 file has no key or no certificate.
    #[error("the PKCS#12 file holds no private key with its certificate: export both into it")]
    Incomplete,
    /// Key and certificate are of two pairs.
    #[error(
        "the key does not belong to the certificate: compare `openssl pkey -in KEY -pubout` with \
         `openssl x509 -in CERTIFICATE -noout -pubkey`; a transport certificate and a signing certificate are often confused"
    )]
    KeyDoesNotMatch,
    /// The key is not RSA, or too short.
    #[error("the key is not RSA of at least {RSA_BITS_MIN} bits, which is what document signatures are made with")]
    KeyWeak,
    /// The certificate's key usage has neither digitalSignature nor nonRepudiation.
    #[error("the certificate may not sign: its key usage has neither digitalSignature nor nonRepudiation")]
    UsageForbidsSigning,
    /// OpenSSL failed where it should not.
    #[error("OpenSSL could not handle the certificate")]
    Openssl,
}

impl SigningIdentity {
    /// From PEM texts: the certificate (the first one, when there are more) and its unencrypted private key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pem(certificate_pem: &[u8], key_pem: &[u8]) -> Result<Self, KeyError> {
        let certificate = X509::from_pem(certificate_pem).map_err(|_| KeyError::CertificateNotPem)?;
        // A callback that refuses keeps OpenSSL from asking for a password on the terminal.
        let mut asked = false;
        let key = PKey::private_key_from_pem_callback(key_pem, |_| {
            asked = true;
            Err(openssl::error::ErrorStack::get())
        });
        match key {
            Ok(key) => Self::checked(key, &certificate),
            Err(_) if asked => Err(KeyError::KeyEncrypted),
            Err(_) => Err(KeyError::KeyNotPem),
        }
    }

    /// From PEM texts where the private key is encrypted.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_encrypted_pem(certificate_pem: &[u8], key_pem: &[u8], password: &str) -> Result<Self, KeyError> {
        let certificate = X509::from_pem(certificate_pem).map_err(|_| KeyError::CertificateNotPem)?;
        let key = PKey::private_key_from_pem_passphrase(key_pem, password.as_bytes());
        Self::checked(key.map_err(|_| KeyError::WrongPassword)?, &certificate)
    }

    /// From a PKCS#12 file and its password.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn from_pkcs12(der: &[u8], password: &str) -> Result<Self, KeyError> {
        let archive = Pkcs12::from_der(der).map_err(|_| KeyError::NotPkcs12)?;
        let parts = archive.parse2(password).map_err(|errors| opening_error(&errors))?;
        match (parts.pkey, parts.cert) {
            (Some(key), Some(certificate)) => Self::checked(key, &certificate),
            _ => Err(KeyError::Incomplete),
        }
    }

    /// What its certificate says.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    fn checked(key: PKey<Private>, certificate: &X509) -> Result<Self, KeyError> {
        let public = certificate.public_key().map_err(|_| KeyError::Openssl)?;
        if !key.public_eq(&public) {
            return Err(KeyError::KeyDoesNotMatch);
        }
        let certificate_der = certificate.to_der().map_err(|_| KeyError::Openssl)?;
        let facts = OpensslCrypto.certificate(&certificate_der).ok_or(KeyError::Openssl)?;
        if facts.rsa_bits.is_none_or(|bits| bits < RSA_BITS_MIN) {
            return Err(KeyError::KeyWeak);
        }
        if !facts.may_sign() {
            return Err(KeyError::UsageForbidsSigning);
        }
        Ok(Self { key, certificate_der, facts })
    }
}

/// Tells a wrong password from a cipher that OpenSSL 3 keeps in its legacy provider, by OpenSSL's reason codes.
fn opening_error(errors: &openssl::error::ErrorStack) -> KeyError {
    // OpenSSL's err.h and evperr.h: ERR_R_UNSUPPORTED in any library, EVP_R_UNSUPPORTED_ALGORITHM in ERR_LIB_EVP.
    const UNSUPPORTED: i32 = 268 | (0x2 << 18);
    const EVP: i32 = 6;
    const EVP_UNSUPPORTED_ALGORITHM: i32 = 156;
    let unsupported = errors.errors().iter().any(|e| {
        let code = e.reason_code();
        code == UNSUPPORTED || (code == EVP_UNSUPPORTED_ALGORITHM && e.library_code() == EVP)
    });
    if unsupported { KeyError::LegacyCipher } else { KeyError::WrongPassword }
}

/// The certificates of a PEM text as DER: authorities that signatures are judged by. At least one.
///
/// # Errors
/// [`KeyError::CertificateNotPem`].
pub fn certificates_from_pem(pem: &[u8]) -> Result<Vec<Vec<u8>>, KeyError> {
    let stack = X509::stack_from_pem(pem).map_err(|_| KeyError::CertificateNotPem)?;
    let all: Result<Vec<_>, _> = stack.iter().map(|certificate| certificate.to_der()).collect();
    all.ok().filter(|all| !all.is_empty()).ok_or(KeyError::CertificateNotPem)
}

impl Signer for SigningIdentity {
    fn sign_rsa_sha256(&self, bytes: &[u8]) -> Result<Vec<u8>, SignerFault> {
        let mut signer = OpensslSigner::new(MessageDigest::sha256(), &self.key).map_err(fault)?;
        signer.sign_oneshot_to_vec(bytes).map_err(fault)
    }

    fn certificate_der(&self) -> &[u8] {
        &self.certificate_der
    }
}

fn fault(errors: openssl::error::ErrorStack) -> SignerFault {
    SignerFault(errors.errors().first().and_then(openssl::error::Error::reason).unwrap_or("no reason given").into())
}
