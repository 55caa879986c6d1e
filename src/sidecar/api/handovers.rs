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
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Services;
use super::answer::Shown;
use super::auth::Caller;
use super::body::{json_bytes, parse};
use super::outbox::{BY_CHARACTERS_MAX, REASON_CHARACTERS_MAX, fits, page};
use super::problem::{self, Problem};
use super::submissions::{ListQuery, parse_id};
use crate::domain::access::Denial;
use crate::domain::oid::Oid;
use crate::domain::record::LocalRecord;
use crate::domain::submission::{Class, Event, advance};
use crate::domain::text::Text;
use crate::sidecar::config::Operation;
use crate::sidecar::handover::{self, Order, cause_of, codes};
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

/// `GET /v1/handovers`: what was handed over.
pub(super) async fn list<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let Query(query) = query.map_err(|_| problem::bad_query())?;
    let wanted = query.or_state(Class::HandedOver.as_str()).wanted()?;
    page(&services, &caller, wanted).await
}

/// `POST /v1/outbox/{id}/handover`: a person hands over what the archive is no option for.
pub(super) async fn hand_over<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
    body: Body,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let act: HandOver = act(&headers, body, &HAND_OVER, |act: &HandOver| [&act.by, &act.reason])?;
    let claimed = whole(&services, &caller, id).await?;
    let (submission, now) = (&claimed.submission, services.clock.now());
    let record = record_of(&claimed)?;
    let against = services.rights.kept_from_archive(&submission.organisation, &record);
    let against = against.ok_or_else(|| {
        Problem::new(StatusCode::CONFLICT, "handover.archive_is_an_option", handover::archive_is_an_option())
    })?;
    let event = Event::HandOver { why: cause_of(&against) };
    // Before anything is made.
    advance(&submission.state, event.clone(), now).map_err(|illegal| problem::handover_not_possible(&illegal))?;
    let order = Order::try_new(&claimed, &record, act.case.as_ref(), &against).map_err(problem::conflict)?;
    let bodies = order.carry_out(&services.pipeline, now).await.map_err(|fault| match fault {
        PrepareFault::Passing(why) | PrepareFault::Lasting(why) => problem::conflict(why),
    })?;
    let facts =
        json!({ "by": act.by, "reason": act.reason, "why": codes(&against), "organiser": record.organiser.oid });
    let step = Step { facts, ..Step::plain(event, caller.actor(&services.instance)) };
    let done = services.store.hand_over(&submission.id, &bodies, step, now).await;
    let moved = moved(&services, done, "hand_over")?;
    services.metrics.count_handed_over();
    Ok(axum::Json(Shown::for_operator(moved)).into_response())
}

/// `GET /v1/handovers/{id}/package`: the encrypted package.
pub(super) async fn package<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let id = parse_id(id)?;
    let found = services.store.find(&id, &caller.scope()).await?;
    let (submission, _) = found.ok_or_else(problem::no_such_submission)?;
    let package = services.store.package(&id).await?.ok_or_else(|| gone_or_never(&submission))?;
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
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let act: EnterReceipt = act(&headers, body, &RECEIPT, |act: &EnterReceipt| [&act.by, &act.reference])?;
    let facts = json!({ "by": act.by, "reference": act.reference });
    let event = Event::EnterReceipt { by: act.by, reference: act.reference };
    step(&services, &caller, id, event, facts).await
}

/// `POST /v1/handovers/{id}/return`: it is to be archived after all. The archive is asked for it first.
pub(super) async fn take_back<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Id,
    body: Body,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let act: TakeBack = act(&headers, body, &TAKE_BACK, |act: &TakeBack| [&act.by, &act.reason])?;
    let claimed = whole(&services, &caller, id).await?;
    let against = services.rights.kept_from_archive(&claimed.submission.organisation, &record_of(&claimed)?);
    if let Some(against) = against {
        return Err(still_no_option(&against));
    }
    let facts = json!({ "by": act.by, "reason": act.reason });
    step(&services, &caller, Ok(Path(claimed.submission.id.to_string())), Event::TakeBack, facts).await
}

fn still_no_option(against: &Denial) -> Problem {
    let text = handover::archive_is_no_option();
    Problem::new(StatusCode::CONFLICT, "handover.archive_is_no_option", text).with_reasons(vec![cause_of(against)])
}

/// An act that names who, and in one more field what for; neither holds an identity code.
fn act<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    shape: &Text,
    said: impl Fn(&T) -> [&String; 2],
) -> Result<T, Problem> {
    let act: T = parse(&json_bytes(headers, body)?, shape)?;
    let [by, what] = said(&act);
    match fits(by, BY_CHARACTERS_MAX) && fits(what, REASON_CHARACTERS_MAX) {
        true => Ok(act),
        false => Err(problem::bad_act()),
    }
}

/// All of a submission that the caller may see.
async fn whole<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    id: Id,
) -> Result<Claimed, Problem> {
    let id = parse_id(id)?;
    let (found, _) = services.store.find(&id, &caller.scope()).await?.ok_or_else(problem::no_such_submission)?;
    match services.store.whole(&id).await {
        Ok(claimed) => Ok(claimed),
        Err(StoreError::Damaged { .. }) if found.state.class() != Class::Open => Err(gone_or_never(&found)),
        Err(error) => Err(error.into()),
    }
}

fn record_of(claimed: &Claimed) -> Result<LocalRecord, Problem> {
    serde_json::from_slice(&claimed.payload).map_err(|_| problem::our_fault())
}

/// There is no package: purged with its receipt, or never made.
fn gone_or_never(submission: &Submission) -> Problem {
    match submission.handed_over_at {
        Some(_) => Problem::new(StatusCode::GONE, "handover.purged", handover::purged()),
        None => problem::no_such_submission(),
    }
}

async fn step<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    id: Id,
    event: Event,
    facts: Value,
) -> Result<Response, Problem> {
    let id = parse_id(id)?;
    services.store.find(&id, &caller.scope()).await?.ok_or_else(problem::no_such_submission)?;
    let name = event.name();
    let step = Step { facts, ..Step::plain(event, caller.actor(&services.instance)) };
    let done = services.store.step(&id, step, services.clock.now()).await;
    Ok(axum::Json(Shown::for_operator(moved(services, done, name)?)).into_response())
}

fn moved<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    done: Result<Submission, StoreError>,
    act: &'static str,
) -> Result<Submission, Problem> {
    match done {
        Ok(moved) => {
            tracing::info!(submission = %moved.id, act, "an operator has decided");
            services.wake.notify_one();
            Ok(moved)
        }
        Err(StoreError::Illegal(illegal)) => Err(problem::handover_not_possible(&illegal)),
        Err(error) => Err(error.into()),
    }
}

const HAND_OVER: Text = Text::fixed(
    "by, reason ja tarvittaessa case (asiatunnus)",
    "by, reason och vid behov case (ärendekod)",
    "by, reason and, where it is needed, case (OID of the organiser's case)",
);
const TAKE_BACK: Text = Text::fixed("by ja reason", "by och reason", "by and reason");
const RECEIPT: Text = Text::fixed("by ja reference", "by och reference", "by and reference");
