//! Connections of the local API: HTTP/1.1, with bounds that hold before anyone has said who calls.
//!
//! Decides nothing about requests. When it stops, a connection on which no request is being answered is closed at once,
//! whatever half of a request it has sent; one that is being answered gets the time that a request may take.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Connections at the same time; further ones wait until one ends.
const CONNECTIONS_MAX: usize = 512;
/// Time for a request's line and headers; also how long an unused connection is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Time for the last bytes of an answer once a connection is being closed.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause after the system had no socket to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stopping` turns true or its sender is gone, then ends what is under way.
///
/// # Errors
/// None today; the signature is that of a server.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    stopping: watch::Receiver<bool>,
    request_timeout: Duration,
) -> io::Result<()> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stopped(stopping.clone()));
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(_) = connections.join_next() => {}
            stream = accept(&listener, &places) => {
                let Some((stream, place)) = stream else { continue };
                let (router, stopping) = (router.clone(), stopping.clone());
                connections.spawn(async move {
                    connection(stream, router, stopping, request_timeout).await;
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, router: Router, stopping: watch::Receiver<bool>, request_timeout: Duration) {
    let answering = Arc::new(AtomicBool::new(false));
    let router = TowerToHyperService::new(router);
    let marked = Arc::clone(&answering);
    let service = service_fn(move |request: Request<Incoming>| {
        marked.store(true, Ordering::SeqCst);
        let (answer, marked) = (router.call(request), Arc::clone(&marked));
        async move {
            let answer = answer.await;
            marked.store(false, Ordering::SeqCst);
            answer
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    let mut served = pin!(served);
    // How it ended matters to nobody: a caller that is gone, or one that spoke no HTTP.
    tokio::select! {
        _ = served.as_mut() => return,
        () = stopped(stopping) => served.as_mut().graceful_shutdown(),
    }
    let left = if answering.load(Ordering::SeqCst) { request_timeout + CLOSE_TIMEOUT } else { CLOSE_TIMEOUT };
    if timeout(left, served).await.is_err() {
        tracing::debug!("a connection was closed before its request was complete");
    }
}

async fn stopped(mut flag: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is the end as well.
    if flag.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("stopping because nobody holds the service any more");
    }
}
