//! Submitting, following, withdrawing and validating records.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State as Injected};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Services;
use super::answer::Shown;
use super::auth::Caller;
use super::body::json_bytes;
use super::problem::{self, Problem};
use crate::domain::document::header::DocumentIds;
use crate::domain::finding::{Finding, Rule};
use crate::domain::record::Replaces;
use crate::domain::submission::{Class, Event, Kind, State};
use crate::domain::text::Text;
use crate::domain::validate::{CheckedRecord, predecessor_findings};
use crate::sidecar::audit;
use crate::sidecar::config::Operation;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::{
    Accepted, ChangesWanted, Earlier, NewSubmission, Step, Store, StoreError, Submission, SubmissionId,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_BYTES_MAX: usize = 255;
/// Records up to this size are checked in less than a millisecond.
const CHECKED_HERE_BYTES_MAX: usize = 16 << 10;
const LIMIT_DEFAULT: u32 = 100;
const LIMIT_MAX: u32 = 1000;

type Shared<S, A, C> = Injected<Arc<Services<S, A, C>>>;

/// `POST /v1/submissions`: 202 once the record is on disk, whatever happens to this process then.
pub(super) async fn submit<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Submit)?;
    // A key is its caller's own: another token's same key is another key.
    let key = caller.own_key(&idempotency_key(&headers)?);
    let body = json_bytes(&headers, body)?;
    let new = match to_be_accepted(&services, &caller, &key, &body).await {
        Ok(new) => new,
        // By today's rules; the answer of the first request with this key is by those of its day.
        Err(refused) => {
            if let Some(earlier) = services.store.earlier(&caller.organisation, &key, &body).await? {
                return repeat(&caller, earlier);
            }
            count(&services, &refused);
            return Err(refused);
        }
    };
    let kept = services.store.accept(new, services.clock.now()).await.map_err(Problem::from);
    match kept.inspect_err(|refused| count(&services, refused))? {
        Accepted::New(submission) => {
            services.metrics.count_accepted();
            services.wake.notify_one();
            tracing::info!(submission = %submission.id, document = %submission.document.document, "accepted");
            Ok(accepted(submission))
        }
        Accepted::Replay(submission) => repeat(&caller, Earlier::Same(Box::new(submission))),
        Accepted::Conflict => repeat(&caller, Earlier::Other),
    }
}

/// Counts a record that was refused for what it says.
fn count<S, A, C>(services: &Services<S, A, C>, refused: &Problem) {
    if refused.has_findings() {
        services.metrics.count_refused();
    }
}

async fn to_be_accepted<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    key: &str,
    body: &Bytes,
) -> Result<NewSubmission, Problem> {
    let checked = check(services, body.clone()).await?.map_err(problem::findings)?;
    new_submission(services, caller, key.to_owned(), body, &checked)
}

/// The answer to a request whose key has come before.
pub(super) fn repeat(caller: &Caller, earlier: Earlier) -> Result<Response, Problem> {
    let Earlier::Same(submission) = earlier else { return Err(problem::key_conflict()) };
    caller.speaks_for(&submission.unit)?;
    let mut response = accepted(*submission);
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}

pub(super) fn accepted(submission: Submission) -> Response {
    let location = format!("/v1/submissions/{}", submission.id);
    let shown = axum::Json(Shown::new(submission));
    (StatusCode::ACCEPTED, [(header::LOCATION, location)], shown).into_response()
}

pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<String, Problem> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(problem::bad_key()) };
    let bytes = value.as_bytes();
    if !(1..=KEY_BYTES_MAX).contains(&bytes.len()) || !bytes.iter().all(u8::is_ascii_graphic) {
        return Err(problem::bad_key());
    }
    value.to_str().map(str::to_owned).map_err(|_| problem::bad_key())
}

/// Checks here what takes less than a change of threads would, and a large record on a thread where it delays nobody else.
async fn check<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    body: Bytes,
) -> Result<Result<CheckedRecord, Vec<Finding>>, Problem> {
    let (checker, now) = (Arc::clone(&services.checker), services.clock.now());
    if body.len() <= CHECKED_HERE_BYTES_MAX {
        return Ok(checker.record(&body, now));
    }
    tokio::task::spawn_blocking(move || checker.record(&body, now)).await.map_err(|_| problem::our_fault())
}

fn new_submission<S, A, C>(
    services: &Services<S, A, C>,
    caller: &Caller,
    idempotency_key: String,
    body: &[u8],
    checked: &CheckedRecord,
) -> Result<NewSubmission, Problem> {
    let record = checked.record();
    caller.speaks_for(&record.unit.oid)?;
    let served = services.organisations.iter().find(|o| o.oid == caller.organisation).ok_or_else(problem::our_fault)?;
    Ok(NewSubmission {
        id: SubmissionId::random(),
        organisation: caller.organisation.clone(),
        document_node: served.document_node.clone(),
        unit: record.unit.oid.clone(),
        idempotency_key,
        kind: Kind::Document,
        payload: body.to_vec(),
        structure: record.structure.clone(),
        replaces: replaced(checked),
        warnings: remarks(checked),
        awaits_signature: checked.structure().needs_professional_signature(),
        used_by: caller.actor(&services.instance),
        subject: audit::of_record(record),
    })
}

/// What the caller should know: warnings, and what nothing has checked. Silence is never a pass.
fn remarks(checked: &CheckedRecord) -> Vec<Finding> {
    let mut remarks: Vec<_> = checked.warnings().iter().chain(checked.unchecked()).cloned().collect();
    if checked.structure().needs_professional_signature() {
        remarks.push(signature_awaited());
    }
    remarks
}

/// It would wait, and nobody would know why.
fn signature_awaited() -> Finding {
    Finding::error(
        "signature.awaited",
        "/structure",
        Text::fixed(
            "asiakirjan rakenteessa on ammattihenkilön allekirjoitus",
            "handlingens struktur har en yrkesutbildad persons underskrift",
            "the document's structure has a professional's signature",
        ),
        Text::fixed(
            "asiakirja, jonka järjestelmä allekirjoittaa: tässä ohjelmaversiossa ammattihenkilön allekirjoitusta ei voi vielä \
             toimittaa, joten asiakirja ja sen myöhemmät versiot odottavat, kunnes se perutaan",
            "en handling som systemet undertecknar: en yrkesutbildad persons underskrift kan ännu inte lämnas i den här \
             programversionen, så handlingen och dess senare versioner väntar tills den tas tillbaka",
            "a document that the system signs: a professional's signature cannot be handed in to this version of the program yet, \
             so that the document and its later versions wait until it is taken back",
        ),
        Rule::new("asiasilta", "docs/sidecar.md"),
    )
    .warning()
}

/// `POST /v1/validations`: the same verdict as a submission's, and nothing is kept.
pub(super) async fn validate<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Submit)?;
    let body = json_bytes(&headers, body)?;
    let (valid, findings) = match check(&services, body).await? {
        Ok(checked) => {
            caller.speaks_for(&checked.record().unit.oid)?;
            match against_its_predecessor(&services, &caller, &checked).await? {
                differs if differs.is_empty() => (true, remarks(&checked)),
                differs => (false, differs),
            }
        }
        Err(findings) => (false, findings),
    };
    Ok(axum::Json(json!({ "valid": valid, "findings": findings })).into_response())
}

/// What a record says wrongly of a document of the caller's that it replaces, as the store would when it is submitted.
async fn against_its_predecessor<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    caller: &Caller,
    checked: &CheckedRecord,
) -> Result<Vec<Finding>, Problem> {
    let Some(said) = replaced(checked) else { return Ok(Vec::new()) };
    let chain = services.store.chain_of(&caller.organisation, &said.document).await?;
    let known = chain.iter().find(|one| one.document.document == said.document);
    Ok(known.map(|known| predecessor_findings(&said, &known.document)).unwrap_or_default())
}

/// The document that a record replaces, as it says.
fn replaced(checked: &CheckedRecord) -> Option<DocumentIds> {
    let Replaces { document, set, version, .. } = checked.record().replaces.clone()?;
    Some(DocumentIds { document, set, version })
}

/// `GET /v1/submissions/{id}`.
pub(super) async fn show<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Read)?;
    let id = parse_id(id)?;
    let found = services.store.find(&id, &caller.scope()).await?;
    let (submission, timeline) = found.ok_or_else(problem::no_such_submission)?;
    Ok(axum::Json(Shown::new(submission).with_timeline(timeline)).into_response())
}

pub(super) fn parse_id(id: Result<Path<String>, PathRejection>) -> Result<SubmissionId, Problem> {
    let Path(text) = id.map_err(|_| problem::no_such_submission())?;
    text.parse().map_err(|_| problem::no_such_submission())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<String>,
    after: Option<u64>,
    limit: Option<u32>,
}

impl ListQuery {
    /// With this state where the query names none.
    pub(super) fn or_state(self, state: &str) -> Self {
        Self { state: self.state.or_else(|| Some(state.to_owned())), ..self }
    }

    /// What it asks for, when it is something that there is.
    pub(super) fn wanted(self) -> Result<ChangesWanted, Problem> {
        let limit = self.limit.unwrap_or(LIMIT_DEFAULT);
        let known = self.state.as_deref().is_none_or(|s| State::NAMES.contains(&s) || s == Class::Open.as_str());
        if !known || !(1..=LIMIT_MAX).contains(&limit) {
            return Err(problem::bad_query());
        }
        Ok(ChangesWanted { state: self.state, after: self.after.unwrap_or(0), limit })
    }
}

#[derive(Serialize)]
struct ListAnswer {
    items: Vec<Shown>,
    /// Give it as `after` to go on from here.
    next_after: u64,
    more: bool,
}

/// `GET /v1/submissions`: the change list.
pub(super) async fn list<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Read)?;
    let Query(query) = query.map_err(|_| problem::bad_query())?;
    let wanted = query.wanted()?;
    let (after, limit) = (wanted.after, wanted.limit);
    let found = services.store.changes(wanted, &caller.scope()).await?;
    let next_after = found.last().map_or(after, |s| s.change);
    let more = found.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
    let items = found.into_iter().map(Shown::new).collect();
    Ok(axum::Json(ListAnswer { items, next_after, more }).into_response())
}

/// `DELETE /v1/submissions/{id}`: takes it back while nothing has left.
pub(super) async fn withdraw<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Withdraw)?;
    let id = parse_id(id)?;
    let found = services.store.find(&id, &caller.scope()).await?;
    let (submission, _) = found.ok_or_else(problem::no_such_submission)?;
    let actor = caller.actor(&services.instance);
    let event = Event::Withdraw { by: actor.name.clone(), why: "withdrawn by the caller".into() };
    match services.store.step(&id, Step::plain(event, actor), services.clock.now()).await {
        Ok(withdrawn) => {
            // Its successors, if any, can now be told that it will not arrive.
            services.wake.notify_one();
            Ok(axum::Json(Shown::new(withdrawn)).into_response())
        }
        Err(StoreError::Illegal(illegal)) => {
            // As it stands now: another request may have withdrawn it since it was looked at.
            let found = services.store.find(&submission.id, &caller.scope()).await?;
            match found {
                Some((now, _)) if matches!(now.state, State::Abandoned { .. }) => {
                    Ok(axum::Json(Shown::new(now)).into_response())
                }
                _ => Err(StoreError::Illegal(illegal).into()),
            }
        }
        Err(error) => Err(error.into()),
    }
}
