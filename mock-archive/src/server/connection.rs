//! One connection: TLS handshake, peer from the certificate, requests forwarded to the inner server, answers cut when a
//! fault says so. HTTP/1.1 only.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderValue, SERVER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use openssl::x509::X509;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::faults::{Faults, HoldAt};
use crate::oid::Oid;
use crate::server::Limits;
use crate::server::responder::{CUT_HEADER, HEADER_PREFIX, PEER_HEADER, SECRET_HEADER, Secret};
use crate::signature::subject_serial;

/// What every connection needs.
pub(super) struct Inner {
    client: Client<HttpConnector, Full<Bytes>>,
    address: SocketAddr,
    secret: Secret,
    faults: Faults,
    limits: Limits,
}

impl Inner {
    pub(super) fn new(address: SocketAddr, secret: Secret, faults: Faults, limits: Limits) -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, address, secret, faults, limits }
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(stream: TcpStream, acceptor: TlsAcceptor, inner: Arc<Inner>) {
    let handshake = tokio::time::timeout(inner.limits.handshake_timeout, acceptor.accept(stream)).await;
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
    let header_timeout = inner.limits.header_timeout;
    let service = service_fn(|request| handle(request, peer.clone(), Arc::clone(&inner)));
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(error = %error, "connection ended");
    }
}

/// The connection is to be cut: hyper closes it when the service or a body fails.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("cut on request")]
struct Cut;

async fn handle(request: Request<Incoming>, peer: Oid, inner: Arc<Inner>) -> Result<Response<AnswerBody>, Cut> {
    let is_store = request
        .headers()
        .get("soapaction")
        .is_some_and(|action| action.as_bytes().windows(17).any(|name| name == b"RCMR_IN200002FI01"));
    let (parts, body) = request.into_parts();
    let whole = Limited::new(body, inner.limits.body_max_bytes).collect();
    let body = match tokio::time::timeout(inner.limits.body_timeout, whole).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Ok(plain(StatusCode::PAYLOAD_TOO_LARGE)),
        Err(_) => return Ok(plain(StatusCode::REQUEST_TIMEOUT)),
    };
    if is_store {
        inner.faults.pass(HoldAt::Arrival).await;
    }
    let forwarded = if is_store && inner.faults.holds(HoldAt::Inside) {
        inside(parts, body.to_bytes(), peer, Arc::clone(&inner)).await
    } else {
        forward(&parts, body.to_bytes(), &peer, &inner).await
    };
    if is_store {
        inner.faults.pass(HoldAt::Answer).await;
    }
    match forwarded {
        Some((head, body)) => answered(head, body),
        None => Ok(plain(StatusCode::BAD_GATEWAY)),
    }
}

/// Held on a task of its own, which does not end with the connection.
async fn inside(
    parts: hyper::http::request::Parts,
    body: Bytes,
    peer: Oid,
    inner: Arc<Inner>,
) -> Option<(hyper::http::response::Parts, Bytes)> {
    let held = tokio::spawn(async move {
        inner.faults.pass(HoldAt::Inside).await;
        forward(&parts, body, &peer, &inner).await
    });
    held.await.ok().flatten()
}

async fn forward(
    parts: &hyper::http::request::Parts,
    body: Bytes,
    peer: &Oid,
    inner: &Inner,
) -> Option<(hyper::http::response::Parts, Bytes)> {
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("http://{}{path}", inner.address).parse().ok()?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = passed_on(&parts.headers);
    request.headers_mut().insert(SECRET_HEADER, HeaderValue::from_str(inner.secret.as_str()).ok()?);
    request.headers_mut().insert(PEER_HEADER, HeaderValue::from_str(peer.as_str()).ok()?);
    let response = inner
        .client
        .request(request)
        .await
        .inspect_err(|error| tracing::error!(error = %error, "inner server"))
        .ok()?;
    let (head, body) = response.into_parts();
    Some((head, body.collect().await.ok()?.to_bytes()))
}

/// End-to-end headers, without ours and without those that belong to one connection.
fn passed_on(headers: &HeaderMap) -> HeaderMap {
    let own = [
        "connection",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "content-length",
        "host",
        "expect",
    ];
    headers
        .iter()
        .filter(|(name, _)| !name.as_str().starts_with(HEADER_PREFIX) && !own.contains(&name.as_str()))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn answered(head: hyper::http::response::Parts, body: Bytes) -> Result<Response<AnswerBody>, Cut> {
    let cut = head.headers.get(CUT_HEADER).and_then(|value| value.to_str().ok());
    let body = match cut {
        None => AnswerBody::whole(body),
        Some(place) => match place.strip_prefix("body ").and_then(|bytes| bytes.parse().ok()) {
            Some(bytes) => AnswerBody::cut_after(body, bytes),
            None => return Err(Cut),
        },
    };
    let mut response = Response::new(body);
    *response.status_mut() = head.status;
    *response.headers_mut() = passed_on(&head.headers);
    response.headers_mut().insert(SERVER, HeaderValue::from_static("mock-archive"));
    Ok(response)
}

fn plain(status: StatusCode) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::whole(Bytes::new()));
    *response.status_mut() = status;
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
