//! Handing over another way, for the operator: the act, the package, the receipt, the way back.
//!
//! Sees what the token's organisation and units allow. Every act and every package that is given out stands in the use log.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State as Injected};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Services;
use super::auth::Caller;
use super::outbox::{Words, act, decided, found, listed};
use super::problem::{self, Problem, handover_not_possible};
use super::submissions::ListQuery;
use crate::domain::access::Denial;
use crate::domain::oid::Oid;
use crate::domain::record::LocalRecord;
use crate::domain::submission::{Class, Event, IllegalTransition, advance};
use crate::domain::text::Text;
use crate::sidecar::config::Operation;
use crate::sidecar::handover::{self, Against, Order, cause_of, check_kind, check_way_back};
use crate::sidecar::ports::{Archive, Clock, PrepareFault};
use crate::sidecar::store::{Claimed, Step, Store, StoreError, Submission, Use};

type Shared<S, A, C> = Injected<Arc<Services<S, A, C>>>;
type Id = Result<Path<String>, PathRejection>;
type Body = Result<Bytes, BytesRejection>;

/// Who hands over, in whose words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HandOver {
    by: String,
    reason: String,
    /// The organiser's case, for a record whose case was to be found.
    #[serde(default)]
    case: Option<Oid>,
}

/// Who takes back, in whose words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TakeBack {
    by: String,
    reason: String,
}

/// Who says that it has come, and the organiser's reference.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnterReceipt {
    by: String,
    reference: String,
}

impl Words for HandOver {
    fn words(&self) -> [&str; 2] {
        [&self.by, &self.reason]
    }
}

impl Words for TakeBack {
    fn words(&self) -> [&str; 2] {
        [&self.by, &self.reason]
    }
}

impl Words for EnterReceipt {
    fn words(&self) -> [&str; 2] {
        [&self.by, &self.reference]
    }
}

/// `GET /v1/handovers`: what was handed over.
pub(super) async fn list<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    listed(&services, &headers, query, Class::HandedOver).await
}

/// `POST /v1/outbox/{id}/handover`: a person hands over what the archive is no option for.
pub(super) async fn hand_over<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
    body: Body,
) -> Result<Response, Problem> {
    let (caller, act): (_, HandOver) = act(&services, &headers, body, &HAND_OVER)?;
    let (submission, _) = found(&services, &caller, id).await?;
    let (claimed, record) = whole(&services, &submission, "hand_over").await?;
    let parties = services.rights.kept_from_archive(&submission.organisation, &record);
    let against = Against::of(&claimed, parties).ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "handover.archive_is_an_option", handover::archive_is_an_option())
    })?;
    let (event, now) = (Event::HandOver { why: against.cause() }, services.clock.now());
    // Before anything is made.
    advance(&claimed.submission.state, event.clone(), now).map_err(|illegal| handover_not_possible(&illegal))?;
    let order = Order::try_new(&claimed, &record, act.case.as_ref(), &against).map_err(problem::conflict)?;
    let facts = json!({ "by": act.by, "reason": act.reason, "why": against.codes(), "organiser": record.organiser.oid,
        "case": order.case() });
    let made = order.carry_out(&services.pipeline, now).await.map_err(|fault| match fault {
        PrepareFault::Passing(why) | PrepareFault::Lasting(why) => problem::conflict(why),
    })?;
    let step = Step { facts, ..Step::plain(event, caller.actor(&services.instance)) };
    let done = services.store.hand_over(&submission.id, &made, step, now).await;
    let answer = decided(&services, done, "hand_over", handover_not_possible)?;
    services.metrics.count_handed_over();
    Ok(answer)
}

/// `GET /v1/handovers/{id}/package`: the encrypted package.
pub(super) async fn package<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let (submission, _) = found(&services, &caller, id).await?;
    let id = &submission.id;
    let package = services.store.package(id).await?.ok_or_else(|| no_package(&submission))?;
    // Known to the log before it is given out.
    let entry = Use {
        action: "handover.export",
        outcome: "exported".to_owned(),
        actor: caller.actor(&services.instance),
        subject: json!({ "submission": id, "document": submission.document.document }),
    };
    services.store.log_use(entry, services.clock.now()).await?;
    let name =
        HeaderValue::try_from(format!("attachment; filename=\"{id}.tar.age\"")).map_err(|_| problem::our_fault())?;
    let head: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream")),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((head, package).into_response())
}

/// `POST /v1/handovers/{id}/receipt`: the organiser has confirmed it.
pub(super) async fn receipt<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
    body: Body,
) -> Result<Response, Problem> {
    let (caller, act): (_, EnterReceipt) = act(&services, &headers, body, &RECEIPT)?;
    let (submission, _) = found(&services, &caller, id).await?;
    let facts = json!({ "by": act.by, "reference": act.reference });
    let event = Event::EnterReceipt { by: act.by, reference: act.reference };
    step(&services, &caller, &submission, event, facts).await
}

/// `POST /v1/handovers/{id}/return`: it is to be archived after all. The archive is asked for it first.
pub(super) async fn take_back<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
    body: Body,
) -> Result<Response, Problem> {
    let (caller, act): (_, TakeBack) = act(&services, &headers, body, &TAKE_BACK)?;
    let (submission, _) = found(&services, &caller, id).await?;
    // Said before anything else: whatever else stands in the way, it is not to come back.
    if let Some(by) = submission.invalidated_by {
        return Err(StoreError::InvalidationOpen { by }.into());
    }
    let (claimed, record) = whole(&services, &submission, Event::TakeBack.name()).await?;
    if let Some(against) = services.rights.kept_from_archive(&submission.organisation, &record) {
        return Err(still_no_option(&against));
    }
    check_way_back(&claimed).map_err(problem::conflict)?;
    let facts = json!({ "by": act.by, "reason": act.reason });
    step(&services, &caller, &submission, Event::TakeBack, facts).await
}

fn still_no_option(against: &Denial) -> Problem {
    let text = handover::archive_is_no_option();
    Problem::new(StatusCode::CONFLICT, "handover.archive_is_no_option", text).with_reasons(vec![cause_of(against)])
}

/// All of a submission, and its record, for this act. What retention has purged says so, or that the act was never possible.
async fn whole<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    of: &Submission,
    act: &'static str,
) -> Result<(Claimed, LocalRecord), Problem> {
    check_kind(of).map_err(problem::conflict)?;
    let claimed = match services.store.whole(&of.id).await {
        Err(StoreError::Purged) if of.handed_over_at.is_none() => {
            return Err(handover_not_possible(&IllegalTransition { state: of.state.name(), event: act }));
        }
        claimed => claimed?,
    };
    let record = serde_json::from_slice(&claimed.payload).map_err(|_| problem::our_fault())?;
    Ok((claimed, record))
}

/// Why there is no package: never made, purged after its receipt, or lost, which is a fault.
fn no_package(of: &Submission) -> Problem {
    match of.handed_over_at {
        None => Problem::new(StatusCode::NOT_FOUND, "handover.never", handover::never_handed_over()),
        // Retention takes nothing before the receipt, nor what was taken back and did not arrive.
        Some(_) if of.state.awaits_receipt() || !matches!(of.state.class(), Class::Archived | Class::HandedOver) => {
            StoreError::Damaged { what: "package" }.into()
        }
        Some(_) => StoreError::Purged.into(),
    }
}

async fn step<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    of: &Submission,
    event: Event,
    facts: Value,
) -> Result<Response, Problem> {
    let name = event.name();
    let step = Step { facts, ..Step::plain(event, caller.actor(&services.instance)) };
    let done = services.store.step(&of.id, step, services.clock.now()).await;
    decided(services, done, name, handover_not_possible)
}

const HAND_OVER: Text = Text::fixed(
    "by, reason ja tarvittaessa case (asiatunnus)",
    "by, reason och vid behov case (ärendekod)",
    "by, reason and, where it is needed, case (OID of the organiser's case)",
);
const TAKE_BACK: Text = Text::fixed("by ja reason", "by och reason", "by and reason");
const RECEIPT: Text = Text::fixed("by ja reference", "by och reference", "by and reference");
