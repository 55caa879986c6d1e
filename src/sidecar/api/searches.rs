//! Searches in the organiser's register: the client's service decisions and cases.
//!
//! POST, so that no person stands in an address. Each search is in the use log twice, durably: begun, before the archive is
//! asked, and how it ended, before its answer leaves. One that nobody waits for any more ends as `cut_off`.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State as Injected;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::Services;
use super::auth::Caller;
use super::body::{json_bytes, parse};
use super::problem::{self, Problem};
use crate::domain::access::{self, Authority, Denial};
use crate::domain::code::Code;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{PersonId, PersonalIdentityCode, TemporaryId, Worker};
use crate::domain::record::ProfessionalLink;
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::sidecar::audit;
use crate::sidecar::config::Operation;
use crate::sidecar::ports::{
    Archive, ArchiveFault, Asker, CaseEntry, CaseStatus, CasesWanted, Clock, Contents, DecisionEntry, DecisionsWanted,
    Fetched,
};
use crate::sidecar::store::{Store, Use};
use crate::sidecar::worker::{RightsFault, Wish};

type Shared<S, A, C> = Injected<Arc<Services<S, A, C>>>;

/// What both searches ask.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SearchRequest {
    client: ClientId,
    acting_worker: Worker,
    unit: Unit,
    organiser: Organisation,
    professional_link: ProfessionalLink,
    /// Code in 1.2.246.537.6.1221.
    #[serde(default, deserialize_with = "code_text")]
    service_task: Option<String>,
    /// Decisions only: code in 1.2.246.537.6.1506.
    #[serde(default, deserialize_with = "code_text")]
    specific_type: Option<String>,
    /// Decisions only.
    #[serde(default)]
    contents: Contents,
    /// Cases only: the decision whose case it is.
    #[serde(default)]
    decision: Option<Oid>,
}

/// A code's text: no code of the code service is longer.
const CODE_BYTES_MAX: usize = 100;

fn code_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let code = Option::<String>::deserialize(from)?;
    match &code {
        Some(code) if !(1..=CODE_BYTES_MAX).contains(&code.len()) => Err(D::Error::custom("a code's length")),
        _ => Ok(code),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum ClientId {
    IdentityCode(PersonalIdentityCode),
    TemporaryId(TemporaryId),
}

/// `POST /v1/decisions/search`.
pub(super) async fn decisions<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let search = Search::begin(&services, &headers, body, "decisions.search").await?;
    let request = &search.request;
    let wanted = DecisionsWanted {
        service_task: request.service_task.clone(),
        specific_type: request.specific_type.clone(),
        contents: request.contents,
    };
    let found = search.in_time(&services, async {
        let authority = search.authority(&services).await?;
        let found = services.archive.decisions(&search.asker, &authority, &wanted).await.map_err(archive_problem)?;
        Ok((authority, found))
    });
    let found = found.await;
    search.end(found, |entries| json!({ "decisions": entries.iter().map(decision_json).collect::<Vec<_>>() })).await
}

/// `POST /v1/cases/search`.
pub(super) async fn cases<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let search = Search::begin(&services, &headers, body, "cases.search").await?;
    let (service_task, decision) = (search.request.service_task.clone(), search.request.decision.clone());
    let wanted = CasesWanted { service_task, decision, case: None };
    let found = search.in_time(&services, async {
        let authority = search.authority(&services).await?;
        let found = services.archive.cases(&search.asker, &authority, &wanted).await.map_err(archive_problem)?;
        Ok((authority, found))
    });
    let found = found.await;
    search.end(found, |entries| json!({ "cases": entries.iter().map(case_json).collect::<Vec<_>>() })).await
}

/// A search that stands in the use log as begun. Dropped before it has ended, it writes down that it was cut off.
struct Search<S: Store, A: Archive, C: Clock> {
    action: &'static str,
    caller: Arc<Caller>,
    request: SearchRequest,
    asker: Asker,
    services: Arc<Services<S, A, C>>,
    ended: bool,
}

impl<S: Store, A: Archive, C: Clock> Search<S, A, C> {
    async fn begin(
        services: &Arc<Services<S, A, C>>,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
        action: &'static str,
    ) -> Result<Self, Problem> {
        let caller = services.tokens.caller(headers, Operation::Search)?;
        let body = json_bytes(headers, body)?;
        let request: SearchRequest = parse(&body, &SHAPE)?;
        caller.speaks_for(&request.unit.oid)?;
        let findings =
            services.checker.like_record(&body, &["acting_worker", "unit", "organiser", "professional_link"]);
        if !findings.is_empty() {
            return Err(problem::findings(findings));
        }
        let client = match &request.client {
            ClientId::IdentityCode(code) => PersonId::IdentityCode(code.clone()),
            ClientId::TemporaryId(id) => PersonId::Temporary(id.clone()),
        };
        let asker = Asker {
            organisation: caller.organisation.clone(),
            organiser: request.organiser.clone(),
            unit: request.unit.clone(),
            worker: request.acting_worker.clone(),
            link: request.professional_link.clone(),
            client,
        };
        let search = Self { action, caller, request, asker, services: Arc::clone(services), ended: false };
        services.store.log_use(search.used("begun".to_owned(), &Value::Null), services.clock.now()).await?;
        Ok(search)
    }

    fn used(&self, outcome: String, ground: &Value) -> Use {
        let subject = json!({ "search": audit::of_search(&self.asker), "ground": ground });
        Use { action: self.action, outcome, actor: self.caller.actor(&self.services.instance), subject }
    }

    /// The archive gets three quarters of the time that the request has, so that the answer is this search's own.
    async fn in_time<T>(
        &self,
        services: &Services<S, A, C>,
        searching: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        let time = Duration::from_secs(services.limits.request_timeout_s) * 3 / 4;
        tokio::time::timeout(time, searching).await.unwrap_or_else(|_| Err(archive_problem(too_slow())))
    }

    async fn authority(&self, services: &Services<S, A, C>) -> Result<Authority, Problem> {
        let service_task = self.request.service_task.as_deref();
        let wish = Wish { operation: access::Operation::Read, service_task, purchase: None };
        services.rights.authority(&self.asker, wish).await.map_err(|fault| match fault {
            RightsFault::Denied(denial) => denied(&denial),
            RightsFault::Archive(fault) => archive_problem(fault),
        })
    }

    /// Writes the use down, then answers: what is not in the use log is shown to nobody.
    async fn end<T>(
        mut self,
        found: Result<(Authority, Vec<T>), Problem>,
        render: impl FnOnce(&[T]) -> Value,
    ) -> Result<Response, Problem> {
        let (outcome, ground) = match &found {
            Ok((Authority::OwnRegister, _)) => ("permitted".to_owned(), json!("own_register")),
            Ok((Authority::RegisterAccess(permit), _)) => ("permitted".to_owned(), json!(permit.record())),
            Err(problem) => (problem.code().to_owned(), Value::Null),
        };
        let now = self.services.clock.now();
        self.services.store.log_use(self.used(outcome, &ground), now).await?;
        self.ended = true;
        let (_, entries) = found?;
        Ok(axum::Json(render(&entries)).into_response())
    }
}

impl<S: Store, A: Archive, C: Clock> Drop for Search<S, A, C> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.ended {
            return;
        }
        let (entry, services) = (self.used("cut_off".to_owned(), &Value::Null), Arc::clone(&self.services));
        runtime.spawn(async move {
            if let Err(error) = services.store.log_use(entry, services.clock.now()).await {
                tracing::error!(store.error = %error, "the use log has a search that began and does not say how it ended");
            }
        });
    }
}

const SHAPE: Text = Text::fixed(
    "client (identity_code tai temporary_id), acting_worker, unit, organiser, professional_link ja haun rajaukset",
    "client (identity_code eller temporary_id), acting_worker, unit, organiser, professional_link och sökvillkor",
    "client (identity_code or temporary_id), acting_worker, unit, organiser, professional_link and what narrows the search",
);

fn too_slow() -> ArchiveFault {
    let text = Text::fixed(
        "arkiston vastaus viipyi liian kauan",
        "arkivets svar dröjde för länge",
        "the archive's answer took too long",
    );
    ArchiveFault::Passing { retry_after: None, why: Cause::new("archive.too_slow", text) }
}

fn denied(denial: &Denial) -> Problem {
    let text = Text::fixed(
        "rekisterinkäyttöoikeutta ei ole",
        "åtkomsträtt till registret saknas",
        "there is no register access right",
    );
    let reasons = denial.reasons.iter().map(|r| Cause::new(format!("access.{}", r.code()), r.text())).collect();
    Problem::new(StatusCode::FORBIDDEN, "access.denied", text).with_reasons(reasons)
}

fn archive_problem(fault: ArchiveFault) -> Problem {
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

fn decision_json(entry: &DecisionEntry) -> Value {
    let mut shown = json!({
        "document_id": entry.document,
        "case": entry.case,
        "specific_type": entry.specific_type.as_ref().map(code_json),
        "structure": entry.structure,
        "service_task": entry.service_task.as_ref().map(code_json),
        "drawn_up": entry.drawn_up.map(|at| at.rfc3339()),
    });
    let fetched = match &entry.fetched {
        Fetched::No => return shown,
        Fetched::Verified(content) => json!({ "signature": "valid", "content": content }),
        Fetched::NotVerified(why) => json!({ "signature": "not_valid", "why": why }),
    };
    if let Some(object) = shown.as_object_mut() {
        object.insert("fetched".to_owned(), fetched);
    }
    shown
}

fn case_json(entry: &CaseEntry) -> Value {
    // What does not verify is neither open nor closed.
    let (open, why) = match &entry.status {
        CaseStatus::Open => (Some(true), None),
        CaseStatus::Closed => (Some(false), None),
        CaseStatus::NotVerified(why) => (None, Some(why)),
    };
    let mut shown = json!({
        "case": entry.case,
        "document_id": entry.document,
        "service_task": entry.service_task.as_ref().map(code_json),
        "open": open,
        "verified": why.is_none(),
    });
    if let (Some(object), Some(why)) = (shown.as_object_mut(), why) {
        object.insert("why".to_owned(), json!(why));
    }
    shown
}

fn code_json(code: &Code) -> Value {
    json!({ "code": code.code, "system": code.system, "display": code.display })
}
