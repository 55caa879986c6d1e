//! The local HTTP API for the producer's system.
//!
//! Accepting depends on the local disk alone; searches go to the archive. Every answer that is not a success is a problem
//! (RFC 9457) in Finnish, Swedish and English. Knows nothing of SQL or TLS; logs no body, token, person or path.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::{Notify, Semaphore, watch};

use super::config::{Limits, ServedOrganisation};
use super::ports::{Archive, Clock, Pipeline};
use super::store::Store;
use super::telemetry::Metrics;
use super::worker::Rights;
use crate::domain::environment::Environment;
use crate::domain::validate::Checker;

mod access;
mod answer;
mod auth;
mod body;
mod cursor;
mod handovers;
mod invalidations;
mod outbox;
mod problem;
mod searches;
mod serve;
mod status;
mod submissions;

#[cfg(all(test, feature = "sqlite"))]
mod tests;

pub use auth::Tokens;
pub use cursor::Cursors;
pub(super) use serve::serve;

const SEARCH_BYTES_MAX: usize = 64 << 10;

/// What the API answers from.
pub struct Services<S, A, C> {
    /// Where submissions are.
    pub store: Arc<S>,
    /// The archive, for searches.
    pub archive: Arc<A>,
    /// The clock.
    pub clock: Arc<C>,
    /// Makes packages for what goes another way.
    pub pipeline: Arc<dyn Pipeline>,
    /// Checks records.
    pub checker: Arc<Checker>,
    /// Who may search.
    pub rights: Arc<Rights<A, C>>,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// Wakes the worker.
    pub wake: Arc<Notify>,
    /// Callers.
    pub tokens: Tokens,
    /// Where searches go on.
    pub cursors: Cursors,
    /// Producers.
    pub organisations: Vec<ServedOrganisation>,
    /// Which world.
    pub environment: Environment,
    /// Bounds.
    pub limits: Limits,
    /// Name of this process in the use log.
    pub instance: String,
    /// True once the process stops.
    pub stopping: watch::Receiver<bool>,
}

/// The routes over their services.
pub fn router<S: Store, A: Archive, C: Clock>(services: Arc<Services<S, A, C>>) -> Router {
    let gate = Gate {
        places: Arc::new(Semaphore::new(services.limits.concurrent_requests_max)),
        timeout: Duration::from_secs(services.limits.request_timeout_s),
        body_bytes_max: services.limits.body_bytes_max,
        body_kib: Arc::new(Semaphore::new(services.limits.bodies_bytes_max >> 10)),
    };
    let versioned = Router::new()
        .route("/v1/submissions", post(submissions::submit::<S, A, C>).get(submissions::list::<S, A, C>))
        .route("/v1/submissions/{id}", get(submissions::show::<S, A, C>).delete(submissions::withdraw::<S, A, C>))
        .route("/v1/access/check", post(access::check::<S, A, C>))
        .route("/v1/validations", post(submissions::validate::<S, A, C>))
        .route("/v1/decisions/search", post(searches::decisions::<S, A, C>).layer(search_body()))
        .route("/v1/cases/search", post(searches::cases::<S, A, C>).layer(search_body()))
        .route("/v1/cases/find", post(searches::find_case::<S, A, C>).layer(search_body()))
        .route("/v1/documents/search", post(searches::documents::<S, A, C>).layer(search_body()))
        .route("/v1/documents/fetch", post(searches::fetch::<S, A, C>).layer(search_body()))
        .route("/v1/documents/{id}/invalidate", post(invalidations::invalidate::<S, A, C>).layer(search_body()))
        .route("/v1/relationships/search", post(searches::relationships::<S, A, C>).layer(search_body()))
        .route("/v1/outbox", get(outbox::list::<S, A, C>))
        .route("/v1/outbox/{id}", get(outbox::show::<S, A, C>))
        .route("/v1/outbox/{id}/release", post(outbox::release::<S, A, C>).layer(search_body()))
        .route("/v1/outbox/{id}/abandon", post(outbox::abandon::<S, A, C>).layer(search_body()))
        .route("/v1/outbox/{id}/handover", post(handovers::hand_over::<S, A, C>).layer(search_body()))
        .route("/v1/handovers", get(handovers::list::<S, A, C>))
        .route("/v1/handovers/{id}/package", get(handovers::package::<S, A, C>))
        .route("/v1/handovers/{id}/receipt", post(handovers::receipt::<S, A, C>).layer(search_body()))
        .route("/v1/handovers/{id}/return", post(handovers::take_back::<S, A, C>).layer(search_body()))
        .fallback(problem::no_such_resource)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(from_fn_with_state(gate, pass))
        // Outermost: who is not known takes no place, and nothing of a body is read from it.
        .layer(from_fn_with_state(Arc::clone(&services), known::<S, A, C>));
    // Outside the gate: an overloaded service is still alive, and says so.
    let status = Router::new()
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz::<S, A, C>))
        .route("/metrics", get(status::metrics::<S, A, C>))
        .method_not_allowed_fallback(problem::no_such_method);
    let body_bytes_max = services.limits.body_bytes_max;
    status.merge(versioned).layer(DefaultBodyLimit::max(body_bytes_max)).with_state(services)
}

/// A search is some names, ids and codes.
fn search_body() -> DefaultBodyLimit {
    DefaultBodyLimit::max(SEARCH_BYTES_MAX)
}

#[derive(Clone)]
struct Gate {
    places: Arc<Semaphore>,
    timeout: Duration,
    body_bytes_max: usize,
    /// Room for bodies, in KiB.
    body_kib: Arc<Semaphore>,
}

impl Gate {
    /// The room that a request's body may take: what it says, or the most there may be when it does not say.
    fn body_kib_of(&self, request: &Request) -> u32 {
        let headers = request.headers();
        let length = headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        let unknown = if headers.contains_key(header::TRANSFER_ENCODING) { self.body_bytes_max } else { 0 };
        let bytes = length.unwrap_or(unknown).min(self.body_bytes_max);
        u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX)
    }
}

/// Lets nobody further who shows no known token; whether it allows the operation is judged later.
async fn known<S: Store, A: Archive, C: Clock>(
    State(services): State<Arc<Services<S, A, C>>>,
    request: Request,
    next: Next,
) -> Response {
    match services.tokens.known(request.headers()) {
        Ok(_) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// A method's name for the log: any other is the caller's own words.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

/// Bounds how many requests are served, how much room their bodies take and how long each takes; nothing answered here may be
/// kept by a cache.
async fn pass(State(gate): State<Gate>, request: Request, next: Next) -> Response {
    let Ok(_place) = gate.places.try_acquire() else { return problem::overloaded().into_response() };
    let Ok(_room) = gate.body_kib.try_acquire_many(gate.body_kib_of(&request)) else {
        return problem::overloaded().into_response();
    };
    let method = known_method(request.method());
    let mut response = match tokio::time::timeout(gate.timeout, next.run(request)).await {
        Ok(response) => response,
        Err(_) => problem::took_too_long().into_response(),
    };
    tracing::debug!(http.method = method, http.status = response.status().as_u16(), "answered");
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
