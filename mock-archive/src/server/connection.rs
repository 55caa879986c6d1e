//! One connection: TLS handshake, peer from the certificate, requests to the archive or to what a test has mounted above it,
//! answers as their fault says. HTTP/1.1 only.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, SERVER};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use openssl::x509::X509;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::archive::{Archive, Reply};
use crate::faults::{Fault, Faults, Head, HoldAt, Planned, TlsFault};
use crate::oid::Oid;
use crate::server::line::{Line, Wire};
use crate::server::message::{Message, Sent, attend, attend_aside};
use crate::server::responder::{HEADER_PREFIX, PASSED_ON, PEER_HEADER, SECRET_HEADER, Secret};
use crate::server::tls::Tls;
use crate::server::{ENDPOINT, Limits, Unexpected};
use crate::signature::subject_serial;

/// A fatal alert, `handshake_failure` (RFC 8446, 6.2), as a record of its own.
const HANDSHAKE_FAILURE: [u8; 7] = [21, 3, 3, 0, 2, 2, 40];

/// What every connection needs.
pub(super) struct Inner {
    pub(super) tls: Tls,
    pub(super) archive: Arc<Archive>,
    pub(super) faults: Faults,
    pub(super) unexpected: Unexpected,
    pub(super) mounted: Mounted,
    pub(super) limits: Limits,
}

/// The inner server, where a test mounts answers of its own. It is passed by until somebody has asked for it.
pub(super) struct Mounted {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    secret: Secret,
    in_use: Arc<AtomicBool>,
}

impl Mounted {
    pub(super) fn new(address: SocketAddr, secret: Secret, in_use: Arc<AtomicBool>) -> Self {
        Self { client: Client::builder(TokioExecutor::new()).build_http(), address, secret, in_use }
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, inner: Arc<Inner>) {
    let fault = inner.faults.take_for_connection();
    let handshake = tokio::time::timeout(inner.limits.handshake_timeout, shake_hands(stream, fault, &inner)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::info!(error = %error, "handshake refused"),
        Err(_) => return tracing::info!("handshake timed out"),
    };
    let certificate = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
    let serial = certificate.and_then(|der| X509::from_der(der).ok()).as_ref().and_then(subject_serial);
    let Some(peer) = serial.and_then(|serial| Oid::parse(&serial).ok()) else {
        return tracing::info!("the client certificate names no organisation");
    };
    let line = Line::default();
    let wire = Wire::new(stream, line.clone());
    let header_timeout = inner.limits.header_timeout;
    let service = service_fn(|request| handle(request, peer.clone(), line.clone(), Arc::clone(&inner)));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(wire), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error = %error, "connection ended");
    }
}

async fn shake_hands(
    mut stream: TcpStream,
    fault: Option<TlsFault>,
    inner: &Inner,
) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    if fault == Some(TlsFault::HandshakeRefused) {
        // Closing with unread bytes would reset the connection and take the alert with it.
        let mut hello = [0; 4096];
        let read = stream.read(&mut hello).await?;
        tracing::debug!(bytes = read, "a handshake is refused on request");
        stream.write_all(&HANDSHAKE_FAILURE).await?;
        stream.shutdown().await?;
        return Err(std::io::Error::other("on request"));
    }
    let config = inner.tls.config(fault).map_err(std::io::Error::other)?;
    match TlsAcceptor::from(config).accept(stream).into_fallible().await {
        Ok(stream) => Ok(stream),
        Err((error, mut stream)) => {
            // In TLS 1.3 the request may be under way by now: unread, it would reset the connection and take the alert with it.
            stream.shutdown().await?;
            let mut unread = [0; 4096];
            while stream.read(&mut unread).await? > 0 {}
            Err(error)
        }
    }
}

/// The connection is to be cut: hyper closes it when the service or a body fails.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("cut on request")]
pub(super) struct Cut;

async fn handle(
    request: Request<Incoming>,
    peer: Oid,
    line: Line,
    inner: Arc<Inner>,
) -> Result<Response<AnswerBody>, Cut> {
    line.clear();
    let (parts, mut body) = request.into_parts();
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (soap_action, content_type) = (text("soapaction"), text("content-type").unwrap_or_default());
    let head = Head::new(&peer, soap_action.as_deref().unwrap_or(&content_type));
    let is_store = head.is_store();
    let planned = inner.faults.plan(&head);
    match planned {
        Planned::Early(Fault::ResetBeforeBody) => return reset(&line),
        Planned::Early(Fault::ResetDuringBody(bytes)) => {
            read_some(&mut body, bytes).await;
            return reset(&line);
        }
        _ => {}
    }
    let whole = Limited::new(body, inner.limits.body_max_bytes).collect();
    let body = match tokio::time::timeout(inner.limits.body_timeout, whole).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(_)) => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Ok(plain(StatusCode::REQUEST_TIMEOUT)),
    };
    if let Planned::Early(fault) = planned {
        inner.faults.wait(fault, HoldAt::Arrival).await;
    }
    if is_store {
        inner.faults.pass(HoldAt::Arrival).await;
    }
    if inner.mounted.in_use.load(Ordering::Relaxed)
        && let Some(answered) = mounted(&parts, body.clone(), &peer, &inner.mounted).await
    {
        return Ok(answered);
    }
    if parts.method != Method::POST || parts.uri.path() != ENDPOINT {
        inner.unexpected.note(format!("{} {}", parts.method, parts.uri.path()));
        return Ok(plain(StatusCode::NOT_FOUND));
    }
    let message = Message { peer, content_type, soap_action, body, is_store };
    let Some(sent) = attended(message, planned, &inner).await else {
        return Ok(plain(StatusCode::BAD_GATEWAY));
    };
    if is_store {
        inner.faults.pass(HoldAt::Answer).await;
    }
    if let Some(fault) = sent.fault {
        inner.faults.wait(fault, HoldAt::Answer).await;
    }
    answer(sent, &line)
}

/// While nothing is scripted there is nothing that could outlive the connection.
async fn attended(message: Message, planned: Planned, inner: &Inner) -> Option<Sent> {
    if inner.faults.is_quiet() && planned == Planned::Open {
        return Some(attend(message, planned, &inner.archive, &inner.faults, &mut None).await);
    }
    attend_aside(message, planned, Arc::clone(&inner.archive), inner.faults.clone()).await
}

fn reset(line: &Line) -> Result<Response<AnswerBody>, Cut> {
    line.reset();
    Err(Cut)
}

/// Reads at least so many bytes of the body, unless it is shorter.
async fn read_some(body: &mut Incoming, bytes: usize) {
    let mut read = 0;
    while read < bytes {
        match body.frame().await {
            Some(Ok(frame)) => read += frame.data_ref().map_or(0, Bytes::len),
            _ => return,
        }
    }
}

/// What a test has mounted answers; `None` when nothing of it matches.
async fn mounted(
    parts: &hyper::http::request::Parts,
    body: Bytes,
    peer: &Oid,
    mounted: &Mounted,
) -> Option<Response<AnswerBody>> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("http://{}{path}", mounted.address).parse().ok()?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = passed_on(&parts.headers);
    request.headers_mut().insert(SECRET_HEADER, HeaderValue::from_str(mounted.secret.as_str()).ok()?);
    request.headers_mut().insert(PEER_HEADER, HeaderValue::from_str(peer.as_str()).ok()?);
    let answered = mounted.client.request(request).await;
    let response = answered.inspect_err(|error| tracing::error!(error = %error, "inner server")).ok()?;
    let (head, body) = response.into_parts();
    if head.headers.contains_key(PASSED_ON) {
        return None;
    }
    let mut response = Response::new(AnswerBody::whole(body.collect().await.ok()?.to_bytes()));
    *response.status_mut() = head.status;
    *response.headers_mut() = passed_on(&head.headers);
    response.headers_mut().insert(SERVER, HeaderValue::from_static("mock-archive"));
    Some(response)
}

/// End-to-end headers without ours, without those that belong to one connection, and without what a proxy would say of a peer:
/// the certificate alone says who it is.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let passes = |name: &HeaderName| {
        let name = name.as_str();
        !name.starts_with(HEADER_PREFIX) && !OF_ONE_CONNECTION.contains(&name) && !speaks_of_the_peer(name)
    };
    headers.iter().filter(|(name, _)| passes(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
}

const OF_ONE_CONNECTION: [&str; 9] =
    ["connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host", "expect"];

/// Headers by which proxies tell who the peer is.
fn speaks_of_the_peer(name: &str) -> bool {
    let beginnings = ["x-forwarded", "x-client-cert", "x-ssl-", "ssl-client", "ssl_client", "x-real-ip", "x-amzn-mtls"];
    name == "forwarded"
        || name == "client-cert"
        || name == "client-cert-chain"
        || beginnings.iter().any(|beginning| name.starts_with(beginning))
}

fn answer(sent: Sent, line: &Line) -> Result<Response<AnswerBody>, Cut> {
    let Some(Reply { status, content_type, body }) = sent.reply else {
        return reset(line);
    };
    let body = Bytes::from(body);
    let body = match sent.fault {
        Some(Fault::AnswerCutAfter(bytes)) => AnswerBody::cut_after(body, bytes),
        _ => AnswerBody::whole(body),
    };
    match sent.fault {
        Some(Fault::Trickle(bytes, millis)) => line.trickle(bytes, Duration::from_millis(millis)),
        Some(Fault::AnswerTwice) => line.repeat(),
        _ => {}
    }
    let mut response = plain_with(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY), body);
    if let (false, Ok(value)) = (content_type.is_empty(), HeaderValue::from_str(&content_type)) {
        response.headers_mut().insert(CONTENT_TYPE, value);
    }
    if let Some(seconds) = sent.retry_after_secs {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

fn plain(status: StatusCode) -> Response<AnswerBody> {
    plain_with(status, AnswerBody::whole(Bytes::new()))
}

fn plain_with(status: StatusCode, body: AnswerBody) -> Response<AnswerBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(SERVER, HeaderValue::from_static("mock-archive"));
    response
}

/// A body that may break off. It announces its whole length either way.
struct AnswerBody {
    announced: u64,
    rest: Option<Bytes>,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    /// Cut, after what was sent has been flushed.
    CutAfterFlush,
    CutNow,
}

impl AnswerBody {
    fn whole(bytes: Bytes) -> Self {
        Self { announced: bytes.len() as u64, rest: Some(bytes), end: End::Whole }
    }

    fn cut_after(mut bytes: Bytes, sent: usize) -> Self {
        let announced = bytes.len() as u64;
        bytes.truncate(sent);
        Self { announced, rest: Some(bytes), end: End::CutAfterFlush }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(bytes) = self.rest.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match self.end {
            End::Whole => Poll::Ready(None),
            End::CutAfterFlush => {
                // Pending once makes hyper write out what it has before it meets the error.
                self.end = End::CutNow;
                context.waker().wake_by_ref();
                Poll::Pending
            }
            End::CutNow => Poll::Ready(Some(Err(Cut))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.end == End::Whole && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.rest.as_ref().map_or(0, |bytes| bytes.len() as u64);
        SizeHint::with_exact(if self.end == End::Whole { left } else { self.announced })
    }
}
