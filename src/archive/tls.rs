//! Mutual TLS towards the archive: own certificate authorities, own identity, one cryptography provider named here.
//!
//! Trusts only the authorities that it is given, never the machine's. Needs no process-wide default provider. Used by
//! [`transport`](super::transport) and whoever shows certificate expiry.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::x509::X509;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Certificates that one PEM text may hold.
const CERTIFICATES_MAX: usize = 64;

/// What a connection to the archive needs: whom to trust, who we are.
pub struct TlsIdentity {
    config: ClientConfig,
    not_after: Timestamp,
}

/// Why there is no identity. Says nothing of keys' contents.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsFault {
    /// No certificate in a PEM text, a broken one, or more than 64.
    #[error("{0}: expected 1 to 64 certificates in PEM")]
    Certificates(&'static str),
    /// No private key, or a broken or encrypted one.
    #[error("client key: expected one private key in PEM, PKCS#8, PKCS#1 or SEC1, not encrypted")]
    Key,
    /// The certificate and key do not belong together, or their kind is not supported.
    #[error("client certificate and key: not a pair that TLS 1.2 or 1.3 can use")]
    Pair,
    /// The validity of the client certificate cannot be read.
    #[error("client certificate: its validity cannot be read")]
    Validity,
}

/// A configuration that no peer's certificate passes.
#[cfg(feature = "sidecar")]
pub(super) fn trusting_nobody() -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

impl TlsIdentity {
    /// Reads PEM texts: the authorities that the archive's certificate must come from, our certificate (first) with its
    /// chain, and its private key.
    ///
    /// # Errors
    /// [`TlsFault`] names the text that is wrong.
    pub fn from_pem(authorities: &[u8], certificates: &[u8], key: &[u8]) -> Result<Self, TlsFault> {
        let mut roots = RootCertStore::empty();
        for authority in read_certificates(authorities, "certificate authorities")? {
            roots.add(authority).map_err(|_| TlsFault::Certificates("certificate authorities"))?;
        }
        let chain = read_certificates(certificates, "client certificate")?;
        let not_after = chain.first().and_then(|c| not_after(c)).ok_or(TlsFault::Validity)?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| TlsFault::Key)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|_| TlsFault::Pair)?
            .with_root_certificates(roots)
            .with_client_auth_cert(chain, key)
            .map_err(|_| TlsFault::Pair)?;
        Ok(Self { config, not_after })
    }

    /// The last moment at which our certificate is valid.
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// The configuration for a connector.
    pub(super) fn into_config(self) -> ClientConfig {
        self.config
    }
}

fn read_certificates(pem: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).take(CERTIFICATES_MAX + 1).collect();
    match read {
        Ok(certificates) if (1..=CERTIFICATES_MAX).contains(&certificates.len()) => Ok(certificates),
        _ => Err(TlsFault::Certificates(what)),
    }
}

fn not_after(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    timestamp(X509::from_der(certificate).ok()?.not_after())
}

fn timestamp(time: &Asn1TimeRef) -> Option<Timestamp> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    let seconds = i64::from(since.days) * 86_400 + i64::from(since.secs);
    Timestamp::UNIX_EPOCH.checked_add(SignedDuration::from_secs(seconds)).ok()
}
