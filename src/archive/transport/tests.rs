#![expect(clippy::unwrap_used, reason = "tests")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;
use crate::domain::wire::MessageId;

/// A certificate authority and what it issues.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        Self::named("test authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// Certificate and key in PEM.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2040, 1, 2);
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn acceptor(&self, clients: &Self) -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(clients.pem().as_bytes()).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
        let (certificate, key) = self.issue();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(verifier.build().unwrap())
            .with_single_cert(
                vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
            )
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

fn transport(port: u16, trusted: &Authority, own: &Authority) -> HttpsTransport {
    transport_with(TransportLimits::default().total_timeout, port, trusted, own)
}

fn transport_with(total_timeout: Duration, port: u16, trusted: &Authority, own: &Authority) -> HttpsTransport {
    let (certificate, key) = own.issue();
    let identity = TlsIdentity::from_pem(trusted.pem().as_bytes(), certificate.as_bytes(), key.as_bytes()).unwrap();
    let limits = TransportLimits { total_timeout, reply_bytes_max: 1000, ..TransportLimits::default() };
    HttpsTransport::try_new(&format!("https://localhost:{port}/medical-records"), identity, limits).unwrap()
}

fn envelope() -> Envelope {
    Envelope {
        soap_action: Some("urn:hl7-org:v3:X".into()),
        content_type: "text/xml; charset=utf-8".into(),
        message_id: MessageId { root: "1.2.3".parse().unwrap(), extension: "1".into() },
        body: b"<a>\r\n</a>".to_vec(),
    }
}

async fn request(stream: &mut TlsStream<TcpStream>) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"</a>") {
        if stream.read_buf(&mut read).await.unwrap() == 0 {
            break;
        }
    }
    String::from_utf8(read).unwrap()
}

/// One exchange with a server that plays `play` once the handshake stands; gives what the transport said and what the server
/// read.
async fn exchange(play: &[u8]) -> (Result<Reply, TransportError>, String) {
    let authority = Authority::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let acceptor = authority.acceptor(&authority);
    let script = play.to_vec();
    let server = tokio::spawn(async move {
        let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
        let read = request(&mut stream).await;
        stream.write_all(&script).await.unwrap();
        if script.is_empty() {
            // Stays silent until the peer gives up.
            stream.read_to_end(&mut Vec::new()).await.unwrap_or_default();
        }
        stream.shutdown().await.unwrap_or_default();
        read
    });
    // Only a silent server is to be given up on soon; the others answer at once, however slow the machine is.
    let total_timeout = if play.is_empty() { Duration::from_secs(2) } else { TransportLimits::default().total_timeout };
    let reply = transport_with(total_timeout, port, &authority, &authority).post(&envelope()).await;
    (reply, server.await.unwrap())
}

#[tokio::test]
async fn the_body_arrives_byte_for_byte_and_the_reply_comes_back_whole() {
    let (reply, read) =
        exchange(b"HTTP/1.1 503 Busy\r\nContent-Type: text/xml\r\nRetry-After: 7\r\nContent-Length: 4\r\n\r\n<b/>")
            .await;
    let reply = reply.unwrap();
    assert_eq!((reply.status, reply.retry_after_s, reply.body.as_slice()), (503, Some(7), &b"<b/>"[..]));
    assert_eq!(reply.content_type.as_deref(), Some("text/xml"));
    assert!(read.starts_with("POST /medical-records HTTP/1.1\r\n"));
    assert!(read.contains("soapaction: \"urn:hl7-org:v3:X\"\r\n"));
    assert!(read.ends_with("\r\n\r\n<a>\r\n</a>"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (reply, _) =
        exchange(b"HTTP/1.1 302 Found\r\nLocation: https://localhost:1/\r\nContent-Length: 0\r\n\r\n").await;
    assert_eq!(reply.unwrap().status, 302);
}

#[tokio::test]
async fn what_breaks_after_sending_is_lost_and_not_unsent() {
    let lost = |lost| Err(TransportError::Lost(lost));
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<b";
    assert!(exchange(cut).await.0 == lost(Lost::Connection));
    assert!(exchange(b"HTTP/1.1 2").await.0 == lost(Lost::Connection));
    assert!(exchange(b"").await.0 == lost(Lost::TimedOut));
    let large = format!("HTTP/1.1 200 OK\r\nContent-Length: 1160\r\n\r\n{}", "x".repeat(1160));
    assert!(exchange(large.as_bytes()).await.0 == lost(Lost::TooLarge));
}

#[tokio::test]
async fn a_refused_certificate_is_told_and_is_unsent_only_where_that_is_certain() {
    // An unknown name, and a known name with another key: two alerts, one meaning.
    let (ours, others, impostor) = (Authority::new(), Authority::named("other"), Authority::new());
    for (server_trusts, client_trusts, expected) in [
        (&others, &ours, TransportError::Lost(Lost::OurCertificateRefused)),
        (&impostor, &ours, TransportError::Lost(Lost::OurCertificateRefused)),
        (&ours, &others, TransportError::Unsent(Unsent::PeerNotTrusted)),
        (&ours, &impostor, TransportError::Unsent(Unsent::PeerNotTrusted)),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = ours.acceptor(server_trusts);
        let server = tokio::spawn(async move {
            let refused = acceptor.accept(listener.accept().await.unwrap().0).into_fallible().await;
            let (_, mut stream) = refused.err().unwrap();
            // The connection stays up until the peer has read the alert, so that no reset overtakes it.
            stream.shutdown().await.unwrap_or_default();
            stream.read_to_end(&mut Vec::new()).await.unwrap_or_default();
        });
        let reply = transport(port, client_trusts, &ours).post(&envelope()).await;
        assert!(reply.as_ref().err() == Some(&expected), "{expected}: {:?}", reply.err());
        server.await.unwrap();
    }
}

#[tokio::test]
async fn without_a_listener_nothing_is_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let authority = Authority::new();
    let reply = transport(port, &authority, &authority).post(&envelope()).await;
    assert!(reply == Err(TransportError::Unsent(Unsent::Unreachable)));
}

#[test]
fn identities_and_addresses_are_checked_before_anything_connects() {
    use super::super::tls::TlsFault;
    let authority = Authority::new();
    let (certificate, key) = authority.issue();
    let (_, other_key) = authority.issue();
    let ca = authority.pem();
    let read = |ca: &str, certificate: &str, key: &str| {
        TlsIdentity::from_pem(ca.as_bytes(), certificate.as_bytes(), key.as_bytes())
    };
    let good = read(&ca, &certificate, &key).ok().unwrap();
    assert_eq!(good.not_after().to_string(), "2040-01-02T00:00:00Z");
    assert_eq!(read("", &certificate, &key).err(), Some(TlsFault::Certificates("certificate authorities")));
    assert_eq!(read(&ca, "x", &key).err(), Some(TlsFault::Certificates("client certificate")));
    assert_eq!(read(&ca, &certificate, "x").err(), Some(TlsFault::Key));
    assert_eq!(read(&ca, &certificate, &other_key).err(), Some(TlsFault::Pair));
    for address in ["http://localhost/", "https://user@localhost/", "https://localhost/#a", "localhost"] {
        let identity = read(&ca, &certificate, &key).ok().unwrap();
        let made = HttpsTransport::try_new(address, identity, TransportLimits::default());
        assert_eq!(made.err(), Some(TransportFault::Address), "{address}");
    }
}
