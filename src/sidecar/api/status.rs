//! Alive, ready, and numbers. No token needed: nothing here tells of a record or a person.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::Services;
use super::problem::{self, Problem};
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::Store;

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz<S: Store, A: Archive, C: Clock>(
    State(services): State<Arc<Services<S, A, C>>>,
) -> Result<&'static str, Problem> {
    if *services.stopping.borrow() {
        return Err(problem::stopping());
    }
    services.store.ready().await?;
    Ok("ready\n")
}

pub(super) async fn metrics<S: Store, A: Archive, C: Clock>(
    State(services): State<Arc<Services<S, A, C>>>,
) -> Result<Response, Problem> {
    let census = services.store.census().await?;
    let text = services.metrics.render(&census, services.clock.now());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
