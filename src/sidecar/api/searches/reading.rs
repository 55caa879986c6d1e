//! One reading of the organiser's register for a caller: who reads whose documents on what ground, durably in the use log twice,
//! begun before the archive is asked and how it ended before its answer leaves.
//!
//! A reading that nobody waits for any more ends as `cut_off`. What is not in the use log is shown to nobody. Knows nothing of
//! what is read.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::Services;
use super::super::auth::Caller;
use super::super::body::{json_bytes, parse};
use super::super::cursor::Binding;
use super::super::problem::{self, Problem};
use super::request::Request;
use crate::domain::access::{Authority, Denial};
use crate::domain::oid::Oid;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::sidecar::audit;
use crate::sidecar::config::Operation;
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, Clock};
use crate::sidecar::store::{Store, Use};
use crate::sidecar::worker::{RightsFault, Wish};

/// What a reading came to: what is shown, on what ground, and which documents it is of.
pub(super) struct Seen {
    /// The ground as the use log keeps it.
    pub(super) ground: Value,
    /// The answer.
    pub(super) answer: Value,
    /// Version OIDs of the documents that the answer tells of.
    pub(super) documents: Vec<Oid>,
}

/// A reading that stands in the use log as begun. Dropped before it has ended, it writes down that it was cut off.
pub(super) struct Reading<S: Store, A: Archive, C: Clock> {
    action: &'static str,
    caller: Arc<Caller>,
    pub(super) asker: Asker,
    pub(super) binding: Binding,
    service_task: Option<String>,
    pub(super) services: Arc<Services<S, A, C>>,
    ended: bool,
}

impl<S: Store, A: Archive, C: Clock> Reading<S, A, C> {
    /// Knows the caller, understands the request, and writes down that it begins.
    pub(super) async fn begin<R: Request + DeserializeOwned>(
        services: &Arc<Services<S, A, C>>,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
        action: &'static str,
    ) -> Result<(Self, R), Problem> {
        let caller = services.tokens.caller(headers, Operation::Search)?;
        let body = json_bytes(headers, body)?;
        let request: R = parse(&body, &R::SHAPE)?;
        let asker = request.asker(&caller.organisation);
        caller.speaks_for(&asker.unit.oid)?;
        let findings =
            services.checker.like_record(&body, &["acting_worker", "unit", "organiser", "professional_link"]);
        if !findings.is_empty() {
            return Err(problem::findings(findings));
        }
        let asked = serde_json::from_slice(&body).unwrap_or(Value::Null);
        let binding = Binding::new(action, caller.name(), &asked);
        let service_task = request.service_task().map(str::to_owned);
        let reading =
            Self { action, caller, asker, binding, service_task, services: Arc::clone(services), ended: false };
        let begun = reading.used("begun".to_owned(), &Value::Null, &[]);
        services.store.log_use(begun, services.clock.now()).await?;
        Ok((reading, request))
    }

    fn used(&self, outcome: String, ground: &Value, documents: &[Oid]) -> Use {
        let mut subject = json!({ "search": audit::of_search(&self.asker), "ground": ground });
        if let (Some(subject), false) = (subject.as_object_mut(), documents.is_empty()) {
            subject.insert("documents".to_owned(), json!(documents));
        }
        Use { action: self.action, outcome, actor: self.caller.actor(&self.services.instance), subject }
    }

    /// The service task that the reading is for.
    pub(super) fn service_task(&self) -> Option<&str> {
        self.service_task.as_deref()
    }

    /// The authority to read for this client.
    pub(super) async fn authority(&self) -> Result<Authority, Problem> {
        self.decide().await.map_err(|fault| match fault {
            RightsFault::Denied(denial) => denied(&denial),
            RightsFault::Archive(fault) => archive_problem(fault),
        })
    }

    /// As [`Reading::authority`], with the denial as it is.
    pub(super) async fn decide(&self) -> Result<Authority, RightsFault> {
        let service_task = self.service_task.as_deref();
        self.services.rights.authority(&self.asker, Wish::read(service_task)).await
    }

    /// The archive gets three quarters of the time that the request has, so that the answer is this reading's own.
    pub(super) async fn in_time(&self, reading: impl Future<Output = Result<Seen, Problem>>) -> Result<Seen, Problem> {
        let time = Duration::from_secs(self.services.limits.request_timeout_s) * 3 / 4;
        tokio::time::timeout(time, reading).await.unwrap_or_else(|_| Err(archive_problem(too_slow())))
    }

    /// Writes the use down, then answers: what is not in the use log is shown to nobody.
    pub(super) async fn end(mut self, seen: Result<Seen, Problem>) -> Result<Response, Problem> {
        let used = match &seen {
            Ok(seen) => self.used("permitted".to_owned(), &seen.ground, &seen.documents),
            Err(problem) => self.used(problem.code().to_owned(), &Value::Null, &[]),
        };
        self.services.store.log_use(used, self.services.clock.now()).await?;
        self.ended = true;
        Ok(axum::Json(seen?.answer).into_response())
    }
}

impl<S: Store, A: Archive, C: Clock> Drop for Reading<S, A, C> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.ended {
            return;
        }
        let (entry, services) = (self.used("cut_off".to_owned(), &Value::Null, &[]), Arc::clone(&self.services));
        runtime.spawn(async move {
            if let Err(error) = services.store.log_use(entry, services.clock.now()).await {
                tracing::error!(store.error = %error, "the use log has a search that began and does not say how it ended");
            }
        });
    }
}

/// The ground of an authority, as the use log keeps it.
pub(super) fn ground(authority: &Authority) -> Value {
    match authority {
        Authority::OwnRegister => json!("own_register"),
        Authority::RegisterAccess(permit) => json!(permit.record()),
    }
}

pub(in crate::sidecar::api) fn too_slow() -> ArchiveFault {
    let text = Text::fixed(
        "arkiston vastaus viipyi liian kauan",
        "arkivets svar dröjde för länge",
        "the archive's answer took too long",
    );
    ArchiveFault::Passing { retry_after: None, why: Cause::new("archive.too_slow", text) }
}

/// What stands against a right, under its names.
pub(super) fn reasons(denial: &Denial) -> Vec<Cause> {
    denial.reasons.iter().map(|r| Cause::new(format!("access.{}", r.code()), r.text())).collect()
}

fn denied(denial: &Denial) -> Problem {
    let text = Text::fixed(
        "rekisterinkäyttöoikeutta ei ole",
        "åtkomsträtt till registret saknas",
        "there is no register access right",
    );
    Problem::new(StatusCode::FORBIDDEN, "access.denied", text).with_reasons(reasons(denial))
}

/// What the caller is told when the archive does not answer.
pub(in crate::sidecar::api) fn archive_problem(fault: ArchiveFault) -> Problem {
    match fault {
        ArchiveFault::Passing { retry_after, why } => {
            let text = Text::fixed(
                "arkisto ei juuri nyt vastaa",
                "arkivet svarar inte just nu",
                "the archive does not answer now",
            );
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "archive.unavailable", text)
                .with_reasons(vec![why])
                .retry_after(retry_after.unwrap_or(Duration::from_secs(30)))
        }
        ArchiveFault::Lasting { why } => {
            let text = Text::fixed(
                "arkisto hylkäsi kyselyn tai sen vastausta ei voi lukea",
                "arkivet avvisade frågan eller dess svar kan inte läsas",
                "the archive refused the question, or its answer cannot be read",
            );
            Problem::new(StatusCode::BAD_GATEWAY, "archive.refused", text).with_reasons(vec![why])
        }
    }
}
