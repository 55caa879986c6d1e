//! The outbox for its operator: what stands where, letting go what is parked, giving up what will not come.
//!
//! Sees what the token's organisation and units allow, as every call does. Who decided and why go into the use log with the act.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State as Injected};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::Services;
use super::answer::Shown;
use super::auth::Caller;
use super::body::{json_bytes, parse};
use super::problem::{self, Problem};
use super::submissions::{ListQuery, parse_id};
use crate::domain::person::mentions_real_person;
use crate::domain::submission::{Class, Event, IllegalTransition};
use crate::domain::text::Text;
use crate::sidecar::config::Operation;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{Step, Store, StoreError, Submission, TimelineEntry};

const BY_CHARACTERS_MAX: usize = 100;
const REASON_CHARACTERS_MAX: usize = 500;

type Shared<S, A, C> = Injected<Arc<Services<S, A, C>>>;

/// `GET /v1/outbox`: what is open, or what the query names.
pub(super) async fn list<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    listed(&services, &headers, query, Class::Open).await
}

/// A page of the caller's submissions of this class, or of what the query names, as an operator sees them.
pub(super) async fn listed<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    headers: &HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
    class: Class,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(headers, Operation::Operate)?;
    let Query(query) = query.map_err(|_| problem::bad_query())?;
    let wanted = query.or_state(class.as_str()).wanted()?;
    let (after, limit) = (wanted.after, wanted.limit);
    let found = services.store.changes(wanted, &caller.scope()).await?;
    let next_after = found.last().map_or(after, |s| s.change);
    let more = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let items: Vec<_> = found.into_iter().map(Shown::for_operator).collect();
    Ok(axum::Json(json!({ "items": items, "next_after": next_after, "more": more })).into_response())
}

/// `GET /v1/outbox/{id}`.
pub(super) async fn show<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Operate)?;
    let (submission, timeline) = found(&services, &caller, id).await?;
    Ok(axum::Json(Shown::for_operator(submission).with_timeline(timeline)).into_response())
}

/// A submission that the caller may see, with its way.
pub(super) async fn found<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<(Submission, Vec<TimelineEntry>), Problem> {
    let found = services.store.find(&parse_id(id)?, &caller.scope()).await?;
    found.ok_or_else(problem::no_such_submission)
}

/// Where a released submission goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum GoesOn {
    /// As it is.
    #[default]
    AsItIs,
    /// In the place of the document that it replaces, which never arrived.
    InPlaceOfPredecessor,
}

/// Who decided, in whose words.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Act {
    by: String,
    reason: String,
    #[serde(default)]
    goes_on: GoesOn,
}

impl Words for Act {
    fn words(&self) -> [&str; 2] {
        [&self.by, &self.reason]
    }
}

/// An act in an operator's own words: who, and in one more field why or by what.
pub(super) trait Words: DeserializeOwned {
    /// Both.
    fn words(&self) -> [&str; 2];
}

/// Who acts, and the act; nothing of it holds an identity code.
pub(super) fn act<T: Words, S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    shape: &Text,
) -> Result<(Arc<Caller>, T), Problem> {
    let caller = services.tokens.caller(headers, Operation::Operate)?;
    let act: T = parse(&json_bytes(headers, body)?, shape)?;
    let [by, what] = act.words();
    let fit = fits(by, BY_CHARACTERS_MAX) && fits(what, REASON_CHARACTERS_MAX);
    if fit { Ok((caller, act)) } else { Err(problem::bad_act()) }
}

/// Whether words of an operator's can be kept: some, not too many, without an identity code.
fn fits(text: &str, most: usize) -> bool {
    let characters = text.trim().chars().count();
    (1..=most).contains(&characters) && !text.chars().any(char::is_control) && !mentions_real_person(text)
}

/// `POST /v1/outbox/{id}/release`: a person lets it go on.
pub(super) async fn release<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (caller, act): (_, Act) = act(&services, &headers, body, &SHAPE)?;
    let event = match act.goes_on {
        GoesOn::AsItIs => Event::Release,
        GoesOn::InPlaceOfPredecessor => Event::TakePlace,
    };
    carry_out(&services, &caller, id, &act, event).await
}

/// `POST /v1/outbox/{id}/abandon`: a person gives it up.
pub(super) async fn abandon<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let (caller, act): (_, Act) = act(&services, &headers, body, &SHAPE)?;
    let event = Event::Abandon { by: act.by.clone(), why: act.reason.clone() };
    carry_out(&services, &caller, id, &act, event).await
}

async fn carry_out<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    id: Result<Path<String>, PathRejection>,
    act: &Act,
    event: Event,
) -> Result<Response, Problem> {
    let (submission, _) = found(services, caller, id).await?;
    let name = event.name();
    let facts = json!({ "by": act.by, "reason": act.reason });
    let step = Step { facts, ..Step::plain(event, caller.actor(&services.instance)) };
    let done = services.store.step(&submission.id, step, services.clock.now()).await;
    decided(services, done, name, problem::act_not_possible)
}

/// What has become of an act; where it could not happen, in these words.
pub(super) fn decided<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    done: Result<Submission, StoreError>,
    act: &'static str,
    not_possible: fn(&IllegalTransition) -> Problem,
) -> Result<Response, Problem> {
    match done {
        Ok(moved) => {
            tracing::info!(submission = %moved.id, act, "an operator has decided");
            services.wake.notify_one();
            Ok(axum::Json(Shown::for_operator(moved)).into_response())
        }
        Err(StoreError::Illegal(illegal)) => Err(not_possible(&illegal)),
        Err(error) => Err(error.into()),
    }
}

const SHAPE: Text = Text::fixed(
    "by, reason ja vapautettaessa goes_on (as_it_is tai in_place_of_predecessor)",
    "by, reason och vid frisläppning goes_on (as_it_is eller in_place_of_predecessor)",
    "by, reason and, for a release, goes_on (as_it_is or in_place_of_predecessor)",
);
