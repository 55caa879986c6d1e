//! Carries one envelope to the archive and one reply back; says of each failure whether bytes may have left.
//!
//! [`Transport`] is the port that [`client`](super::client) needs; [`HttpsTransport`] is HTTPS with mutual TLS: no redirects, no
//! proxies, no cookies, limits on time and size. Reads no meaning into a reply. Its errors hold no address and nothing of a
//! message.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use rustls::AlertDescription;
use url::Url;

use super::tls::TlsIdentity;
use crate::domain::wire::answer::{Lost, Unsent};
use crate::domain::wire::{Envelope, Reply};

/// Why there is no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No byte of the message reached the peer's application.
    #[error(transparent)]
    Unsent(Unsent),
    /// Bytes may have left.
    #[error(transparent)]
    Lost(Lost),
}

/// Sends one envelope once. Never sends it again by itself once a byte may have left.
pub trait Transport: Send + Sync {
    /// Posts the envelope and waits for the whole reply.
    fn post(&self, envelope: &Envelope) -> impl Future<Output = Result<Reply, TransportError>> + Send;
}

impl<T: Transport> Transport for Arc<T> {
    fn post(&self, envelope: &Envelope) -> impl Future<Output = Result<Reply, TransportError>> + Send {
        T::post(self, envelope)
    }
}

/// Limits of [`HttpsTransport`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TransportLimits {
    /// For name, connection and handshake; 10 s by default.
    pub connect_timeout: Duration,
    /// For all of one exchange; 60 s by default.
    pub total_timeout: Duration,
    /// Bytes of a reply; 64 MiB by default.
    pub reply_bytes_max: usize,
    /// How long an unused connection is kept; 20 s by default, so that a new certificate is soon in use.
    pub idle_timeout: Duration,
}

impl Default for TransportLimits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            total_timeout: Duration::from_secs(60),
            reply_bytes_max: 64 * 1024 * 1024,
            idle_timeout: Duration::from_secs(20),
        }
    }
}

/// Why there is no transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportFault {
    /// The address is not an HTTPS address without user, password and fragment.
    #[error("archive address: expected https, without user, password and fragment")]
    Address,
    /// The HTTP client did not take the configuration: a defect.
    #[error("the HTTP client does not take this configuration")]
    Client,
}

/// A client for plain HTTP to services of this machine: what a producer's system speaks to its sidecar with. Trusts no TLS peer.
///
/// # Errors
/// [`TransportFault::Client`]: a defect.
#[cfg(feature = "sidecar")]
pub fn loopback_client() -> Result<reqwest::Client, TransportFault> {
    let config = super::tls::trusting_nobody().map_err(|_| TransportFault::Client)?;
    let builder = reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().redirect(Policy::none());
    builder.build().map_err(|_| TransportFault::Client)
}

/// HTTPS with mutual TLS to one address.
pub struct HttpsTransport {
    client: reqwest::Client,
    address: Url,
    reply_bytes_max: usize,
}

impl HttpsTransport {
    /// A transport to this address; connects when it is first used.
    ///
    /// # Errors
    /// [`TransportFault`].
    pub fn try_new(address: &str, identity: TlsIdentity, limits: TransportLimits) -> Result<Self, TransportFault> {
        let address = Url::parse(address).map_err(|_| TransportFault::Address)?;
        let bare = address.username().is_empty() && address.password().is_none() && address.fragment().is_none();
        if address.scheme() != "https" || !bare {
            return Err(TransportFault::Address);
        }
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(identity.into_config())
            .https_only(true)
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .user_agent(concat!("asiasilta/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(limits.connect_timeout)
            .timeout(limits.total_timeout)
            .pool_idle_timeout(limits.idle_timeout)
            .build()
            .map_err(|_| TransportFault::Client)?;
        Ok(Self { client, address, reply_bytes_max: limits.reply_bytes_max })
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Vec<u8>, TransportError> {
        let mut body = Vec::new();
        // The answer has begun: whatever ends it now, the request has left.
        while let Some(chunk) = response.chunk().await.map_err(|e| lost(&e))? {
            if body.len() + chunk.len() > self.reply_bytes_max {
                return Err(TransportError::Lost(Lost::TooLarge));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl Transport for HttpsTransport {
    async fn post(&self, envelope: &Envelope) -> Result<Reply, TransportError> {
        let headers = headers(envelope).ok_or(TransportError::Unsent(Unsent::Request))?;
        let request = self.client.post(self.address.clone()).headers(headers).body(envelope.body.clone());
        let response = request.send().await.map_err(|e| classify(&e))?;
        let header = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
        let (content_type, retry_after) = (header(CONTENT_TYPE), header(RETRY_AFTER));
        let status = response.status().as_u16();
        Ok(Reply {
            status,
            content_type,
            retry_after_s: retry_after.and_then(|s| s.trim().parse().ok()),
            body: self.read_body(response).await?,
        })
    }
}

fn headers(envelope: &Envelope) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_str(&envelope.content_type).ok()?);
    if let Some(action) = &envelope.soap_action {
        let action = HeaderValue::from_str(&format!("\"{action}\"")).ok()?;
        headers.insert(HeaderName::from_static("soapaction"), action);
    }
    Some(headers)
}

/// Whether bytes may have left: not before the connection stands, and not when the handshake was refused.
fn classify(error: &reqwest::Error) -> TransportError {
    if error.is_builder() {
        return TransportError::Unsent(Unsent::Request);
    }
    if !error.is_connect() {
        return lost(error);
    }
    TransportError::Unsent(match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) if is_about_our_certificate(*alert) => Unsent::OurCertificateRefused,
        Some(rustls::Error::AlertReceived(_)) => Unsent::HandshakeRefused,
        Some(_) => Unsent::PeerNotTrusted,
        None => Unsent::Unreachable,
    })
}

/// How an exchange ended that bytes may have left in. In TLS 1.3 the client has finished its handshake before the server looks
/// at the certificate, so a refusal comes on the first read, when the request may be under way: it is told, and asked about.
fn lost(error: &reqwest::Error) -> TransportError {
    TransportError::Lost(match tls_error(error) {
        Some(rustls::Error::AlertReceived(alert)) if is_about_our_certificate(*alert) => Lost::OurCertificateRefused,
        _ if error.is_timeout() => Lost::TimedOut,
        _ => Lost::Connection,
    })
}

fn is_about_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
            | AlertDescription::CertificateRequired
    )
}

/// The TLS error in the chain, also where I/O errors carry it, one inside the other.
fn tls_error(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls);
        }
        // `source` of an I/O error passes over the error that it carries.
        next = match cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => cause.source(),
        };
    }
    None
}

#[cfg(test)]
mod tests;
