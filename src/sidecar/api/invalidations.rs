//! Invalidating: a document that is to count no longer, most often one that was stored on the wrong client.
//!
//! What has not left yet is withdrawn at once; for the rest an invalidation is kept and goes its way through the outbox, as a
//! record does. Who may invalidate what, the archive judges; here only the token's organisation and units.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State as Injected};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Services;
use super::answer::Shown;
use super::auth::Caller;
use super::body::{json_bytes, parse};
use super::problem::{self, Problem};
use super::submissions::{accepted, idempotency_key, repeat};
use crate::domain::document::invalidation::Extent;
use crate::domain::document::invalidation::order::{InvalidationOrder, PARTS_OF_RECORD, kept};
use crate::domain::oid::Oid;
use crate::domain::submission::{Class, Event, Kind, nothing_has_left};
use crate::domain::text::Text;
use crate::sidecar::audit;
use crate::sidecar::config::Operation;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{Accepted, Earlier, NewSubmission, Step, Store, StoreError, Submission, SubmissionId};

/// The structures' root: an invalidation follows none of them.
const NO_STRUCTURE: &str = "1.2.246.537.6.1506";

type Shared<S, A, C> = Injected<Arc<Services<S, A, C>>>;

/// `POST /v1/documents/{id}/invalidate`: 202 once the invalidation is on disk; 200 when nothing of the document has left, and it
/// is withdrawn instead.
pub(super) async fn invalidate<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Invalidate)?;
    let key = caller.own_key(&idempotency_key(&headers)?);
    let Path(id) = id.map_err(|_| problem::no_such_submission())?;
    let target: Oid = id.parse().map_err(|_| problem::no_such_document_id())?;
    let body = json_bytes(&headers, body)?;
    let payload = kept(&target, &body);
    if let Some(earlier) = services.store.earlier(&caller.organisation, &key, &payload).await? {
        return repeat(&caller, earlier);
    }
    let order = read(&services, &body).inspect_err(|_| services.metrics.count_refused())?;
    caller.speaks_for(&order.unit.oid)?;
    if let Some(answer) = withdraw_instead(&services, &caller, &target, &order).await? {
        return Ok(answer);
    }
    let new = new_invalidation(&services, &caller, key, payload, (target, &order))?;
    match services.store.accept(new, services.clock.now()).await? {
        Accepted::New(submission) => {
            services.metrics.count_accepted();
            services.wake.notify_one();
            tracing::info!(submission = %submission.id, target = ?submission.kind.target(), "invalidation accepted");
            Ok(accepted(submission))
        }
        Accepted::Replay(submission) => repeat(&caller, Earlier::Same(Box::new(submission))),
        Accepted::Conflict => repeat(&caller, Earlier::Other),
    }
}

fn read<S, A, C>(services: &Services<S, A, C>, body: &Bytes) -> Result<InvalidationOrder, Problem> {
    let findings = services.checker.like_record(body, &PARTS_OF_RECORD);
    if !findings.is_empty() {
        return Err(problem::findings(findings));
    }
    let order: InvalidationOrder = parse(body, &SHAPE)?;
    let findings = order.findings();
    if findings.is_empty() { Ok(order) } else { Err(problem::findings(findings)) }
}

/// Withdraws what has not left of what is to count no longer. The answer, when that is all there is to do.
async fn withdraw_instead<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    target: &Oid,
    order: &InvalidationOrder,
) -> Result<Option<Response>, Problem> {
    let chain = services.store.chain_of(&caller.organisation, target).await?;
    let meant = |s: &&Submission| order.extent == Extent::AllVersions || s.document.document == *target;
    let meant: Vec<&Submission> = chain.iter().filter(meant).collect();
    for submission in &meant {
        caller.speaks_for(&submission.unit)?;
    }
    // The last first: none of them can leave in between, each waits for the one before it.
    for submission in meant.iter().rev().filter(|s| nothing_has_left(&s.state)) {
        let event =
            Event::Withdraw { by: caller.name().to_owned(), why: "withdrawn instead of an invalidation".into() };
        let facts = audit::of_invalidation(order, target);
        let step = Step { facts, ..Step::plain(event, caller.actor(&services.instance)) };
        match services.store.step(&submission.id, step, services.clock.now()).await {
            // It has just left: then it is invalidated.
            Ok(_) | Err(StoreError::Illegal(_)) => services.wake.notify_one(),
            Err(error) => return Err(error.into()),
        }
    }
    let now = services.store.chain_of(&caller.organisation, target).await?;
    let rest: Vec<Submission> = now.into_iter().filter(|s| meant.iter().any(|m| m.id == s.id)).collect();
    let whole = order.extent == Extent::ThisVersion || rest.iter().any(|s| s.document.version == 1);
    Ok((!rest.is_empty() && whole && rest.iter().all(never_left)).then(|| withdrawn(rest)))
}

/// Whether neither the archive nor, another way, the organiser can have it. Of an earlier run's that is not certain: the database
/// may have been put back.
fn never_left(submission: &Submission) -> bool {
    match submission.state.class() {
        _ if submission.handed_over_at.is_some() => false,
        Class::Rejected => true,
        Class::Abandoned => !submission.has_envelope && !submission.from_earlier_run,
        Class::Open | Class::Archived | Class::HandedOver => false,
    }
}

fn withdrawn(submissions: Vec<Submission>) -> Response {
    let any = submissions.iter().any(|s| s.state.class() == Class::Abandoned);
    let outcome = if any { "withdrawn" } else { "never_archived" };
    let shown: Vec<Shown> = submissions.into_iter().map(Shown::new).collect();
    axum::Json(json!({ "outcome": outcome, "message": NOTHING_TO_INVALIDATE, "submissions": shown })).into_response()
}

fn new_invalidation<S, A, C>(
    services: &Services<S, A, C>,
    caller: &Caller,
    idempotency_key: String,
    payload: Vec<u8>,
    (target, order): (Oid, &InvalidationOrder),
) -> Result<NewSubmission, Problem> {
    let served = services.organisations.iter().find(|o| o.oid == caller.organisation).ok_or_else(problem::our_fault)?;
    Ok(NewSubmission {
        id: SubmissionId::random(),
        organisation: caller.organisation.clone(),
        document_node: served.document_node.clone(),
        unit: order.unit.oid.clone(),
        idempotency_key,
        subject: audit::of_invalidation(order, &target),
        kind: Kind::Invalidation { target, extent: order.extent },
        payload,
        structure: Oid::fixed(NO_STRUCTURE),
        replaces: None,
        warnings: Vec::new(),
        awaits_signature: false,
        used_by: caller.actor(&services.instance),
    })
}

const SHAPE: Text = Text::fixed(
    "reason, acting_worker, unit, organiser, clients, professional_link; vapaaehtoinen extent (this_version tai all_versions)",
    "reason, acting_worker, unit, organiser, clients, professional_link; frivillig extent (this_version eller all_versions)",
    "reason, acting_worker, unit, organiser, clients, professional_link; optional extent (this_version or all_versions)",
);
const NOTHING_TO_INVALIDATE: Text = Text::fixed(
    "asiakirja ei ole lähtenyt arkistoon eikä lähde: mitätöitävää ei ole",
    "handlingen har inte skickats till arkivet och skickas inte: det finns inget att makulera",
    "the document has not gone to the archive and will not: there is nothing to invalidate",
);
