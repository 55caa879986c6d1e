//! Both ends of a line over mutual TLS: a client that reads and writes as little as it can, and the control's server.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mock_archive::certs::{DevPki, PemIdentity};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// As long as an acceptance.
const ANSWER_BYTES: usize = 1_000;

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(pki: &DevPki) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pki.tls_ca_pem().unwrap().as_bytes()).unwrap()).unwrap();
    roots
}

fn pair(identity: &PemIdentity) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let certificate = CertificateDer::from_pem_slice(identity.certificate_pem.as_bytes()).unwrap();
    (vec![certificate], PrivateKeyDer::from_pem_slice(identity.key_pem.as_bytes()).unwrap())
}

pub(crate) fn client_config(pki: &DevPki, identity: &PemIdentity) -> Arc<ClientConfig> {
    let (chain, key) = pair(identity);
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots(pki)).with_client_auth_cert(chain, key).unwrap())
}

pub(crate) fn server_config(pki: &DevPki) -> Arc<ServerConfig> {
    let (chain, key) = pair(&pki.server().unwrap());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(pki)), provider()).build().unwrap();
    let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap())
}

pub(crate) fn connect(to: SocketAddr, config: &Arc<ClientConfig>) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    StreamOwned::new(ClientConnection::new(Arc::clone(config), name).unwrap(), stream)
}

/// Answers anything with the first bytes of the body, over hyper and tokio as the archive does it.
pub(crate) async fn echo(listener: TcpListener, config: Arc<ServerConfig>) {
    let acceptor = TlsAcceptor::from(config);
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            stream.set_nodelay(true).unwrap();
            let stream = acceptor.accept(stream).await.unwrap();
            let echoed = service_fn(|request: Request<Incoming>| async {
                let body = request.into_body().collect().await?.to_bytes();
                Ok::<_, hyper::Error>(Response::new(Full::new(body.slice(..ANSWER_BYTES))))
            });
            // The client ends the connection without a word.
            drop(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), echoed).await);
        });
    }
}

/// The body of the next answer.
pub(crate) fn answer(stream: &mut impl Read) -> String {
    String::from_utf8(message_from(stream).expect("an answer")).unwrap()
}

/// The body of the next HTTP message; `None` at the end.
fn message_from(stream: &mut impl Read) -> Option<Vec<u8>> {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 16 * 1024]);
    let (head, length) = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes.get(..end)?.to_vec()).unwrap().to_ascii_lowercase();
            let length =
                head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
            break (end + 4, length.unwrap());
        }
        match stream.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(chunk.get(..read)?),
            _ => return None,
        }
    };
    let mut body = bytes.split_off(head);
    while body.len() < length {
        let read = stream.read(&mut chunk).unwrap();
        assert!(read > 0, "the connection broke");
        body.extend_from_slice(chunk.get(..read)?);
    }
    Some(body)
}
