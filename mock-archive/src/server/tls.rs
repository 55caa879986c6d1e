//! The TLS side of the front: whom it shows itself as, whom it lets in, and by which clock; and how a handshake goes wrong on
//! request.
//!
//! The archive's clock is the handshake's. Configurations are made once for each fault and again after a revocation.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::time_provider::TimeProvider;
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};

use crate::certs::{DevPki, ServerShape};
use crate::clock::Clock;
use crate::faults::TlsFault;
use crate::server::StartError;

/// The configurations of a front.
pub(super) struct Tls {
    pki: Arc<DevPki>,
    clock: Clock,
    made: Mutex<Made>,
}

#[derive(Default)]
struct Made {
    /// For so many revoked certificates.
    revoked: usize,
    configs: HashMap<Option<TlsFault>, Arc<ServerConfig>>,
}

impl Tls {
    /// Makes the ordinary configuration, so that what is wrong shows at the start.
    pub(super) fn try_new(pki: Arc<DevPki>, clock: Clock) -> Result<Self, StartError> {
        let tls = Self { pki, clock, made: Mutex::default() };
        tls.config(None)?;
        Ok(tls)
    }

    /// The configuration for a connection; [`TlsFault::HandshakeRefused`] never comes so far.
    pub(super) fn config(&self, fault: Option<TlsFault>) -> Result<Arc<ServerConfig>, StartError> {
        let revoked = self.pki.revoked_count();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.revoked != revoked {
            *made = Made { revoked, configs: HashMap::new() };
        }
        if let Some(config) = made.configs.get(&fault) {
            return Ok(Arc::clone(config));
        }
        let config = self.make(fault)?;
        made.configs.insert(fault, Arc::clone(&config));
        Ok(config)
    }

    /// TLS 1.2 and 1.3, client certificate of the PKI's TLS authority required.
    fn make(&self, fault: Option<TlsFault>) -> Result<Arc<ServerConfig>, StartError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = self.pki.server_shaped(shape(fault), self.clock.now())?;
        let certificate = CertificateDer::from_pem_slice(server.certificate_pem.as_bytes()).map_err(refused)?;
        let key = PrivateKeyDer::from_pem_slice(server.key_pem.as_bytes()).map_err(refused)?;
        let verifier = Gate { inner: self.verifier(&provider)?, refusal: refusal(fault) };
        let config = ServerConfig::builder_with_details(provider, Arc::new(ArchiveTime(self.clock.clone())))
            .with_safe_default_protocol_versions()
            .map_err(refused)?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(vec![certificate], key)
            .map_err(refused)?;
        Ok(Arc::new(config))
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, StartError> {
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(self.pki.tls_ca_pem()?.as_bytes()).map_err(refused)?)
            .map_err(refused)?;
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
        let builder = match self.pki.tls_crl_pem()? {
            None => builder,
            Some(pem) => {
                let list = CertificateRevocationListDer::from_pem_slice(pem.as_bytes()).map_err(refused)?;
                builder.with_crls([list])
            }
        };
        builder.build().map_err(refused)
    }
}

fn refused(error: impl std::fmt::Display) -> StartError {
    StartError::Tls(error.to_string())
}

fn shape(fault: Option<TlsFault>) -> ServerShape {
    match fault {
        Some(TlsFault::ServerUnknownIssuer) => ServerShape::UnknownIssuer,
        Some(TlsFault::ServerExpired) => ServerShape::Expired,
        Some(TlsFault::ServerRevoked) => ServerShape::Revoked,
        Some(TlsFault::ServerWrongName) => ServerShape::WrongName,
        _ => ServerShape::Good,
    }
}

fn refusal(fault: Option<TlsFault>) -> Option<CertificateError> {
    match fault {
        Some(TlsFault::ClientRefused) => Some(CertificateError::UnknownIssuer),
        Some(TlsFault::ClientExpired) => Some(CertificateError::Expired),
        Some(TlsFault::ClientRevoked) => Some(CertificateError::Revoked),
        _ => None,
    }
}

/// The archive's clock, for rustls.
#[derive(Debug)]
struct ArchiveTime(Clock);

impl TimeProvider for ArchiveTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)))
    }
}

/// The ordinary verifier, and a refusal on request.
#[derive(Debug)]
struct Gate {
    inner: Arc<dyn ClientCertVerifier>,
    refusal: Option<CertificateError>,
}

impl ClientCertVerifier for Gate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.inner.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        match &self.refusal {
            Some(error) => Err(rustls::Error::InvalidCertificate(error.clone())),
            None => self.inner.verify_client_cert(end_entity, intermediates, now),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
