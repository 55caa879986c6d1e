//! Searches in the organiser's register: the client's service decisions and cases.
//!
//! POST, so that no person stands in an address. Each search is in the use log, durably, before its answer leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State as Injected;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Services;
use super::auth::Caller;
use super::body::{json_bytes, parse};
use super::problem::{self, Problem};
use crate::domain::access::{self, Authority, Denial};
use crate::domain::code::Code;
use crate::domain::environment::Environment;
use crate::domain::finding::{Finding, Rule};
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
    #[serde(default)]
    service_task: Option<String>,
    /// Decisions only: code in 1.2.246.537.6.1506.
    #[serde(default)]
    specific_type: Option<String>,
    /// Decisions only.
    #[serde(default)]
    contents: Contents,
    /// Cases only: the decision whose case it is.
    #[serde(default)]
    decision: Option<Oid>,
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
    let search = Search::begin(&services, &headers, body, "decisions.search")?;
    let request = &search.request;
    let wanted = DecisionsWanted {
        service_task: request.service_task.clone(),
        specific_type: request.specific_type.clone(),
        contents: request.contents,
    };
    let found = match search.authority(&services).await {
        Ok(authority) => {
            let found = services.archive.decisions(&search.asker, &authority, &wanted).await;
            found.map(|entries| (authority, entries)).map_err(archive_problem)
        }
        Err(problem) => Err(problem),
    };
    search
        .end(&services, found, |entries| json!({ "decisions": entries.iter().map(decision_json).collect::<Vec<_>>() }))
        .await
}

/// `POST /v1/cases/search`.
pub(super) async fn cases<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let search = Search::begin(&services, &headers, body, "cases.search")?;
    let (service_task, decision) = (search.request.service_task.clone(), search.request.decision.clone());
    let wanted = CasesWanted { service_task, decision, case: None };
    let found = match search.authority(&services).await {
        Ok(authority) => {
            let found = services.archive.cases(&search.asker, &authority, &wanted).await;
            found.map(|entries| (authority, entries)).map_err(archive_problem)
        }
        Err(problem) => Err(problem),
    };
    search.end(&services, found, |entries| json!({ "cases": entries.iter().map(case_json).collect::<Vec<_>>() })).await
}

struct Search {
    action: &'static str,
    caller: Arc<Caller>,
    request: SearchRequest,
    asker: Asker,
}

impl Search {
    fn begin<S, A, C>(
        services: &Services<S, A, C>,
        headers: &HeaderMap,
        body: Result<Bytes, BytesRejection>,
        action: &'static str,
    ) -> Result<Self, Problem> {
        let caller = services.tokens.caller(headers, Operation::Search)?;
        let request: SearchRequest = parse(&json_bytes(headers, body)?, &SHAPE)?;
        caller.speaks_for(&request.unit.oid)?;
        if services.environment == Environment::Test {
            only_test_persons(&request)?;
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
        Ok(Self { action, caller, request, asker })
    }

    async fn authority<S, A: Archive, C: Clock>(&self, services: &Services<S, A, C>) -> Result<Authority, Problem> {
        let service_task = self.request.service_task.as_deref();
        let wish = Wish { operation: access::Operation::Read, service_task, purchase: None };
        services.rights.authority(&self.asker, wish).await.map_err(|fault| match fault {
            RightsFault::Denied(denial) => denied(&denial),
            RightsFault::Archive(fault) => archive_problem(fault),
        })
    }

    /// Writes the use down, then answers: what is not in the use log is shown to nobody.
    async fn end<S: Store, A: Archive, C: Clock, T>(
        self,
        services: &Services<S, A, C>,
        found: Result<(Authority, Vec<T>), Problem>,
        render: impl FnOnce(&[T]) -> Value,
    ) -> Result<Response, Problem> {
        let (outcome, ground) = match &found {
            Ok((Authority::OwnRegister, _)) => ("permitted".to_owned(), json!("own_register")),
            Ok((Authority::RegisterAccess(permit), _)) => ("permitted".to_owned(), json!(permit.record())),
            Err(problem) => (problem.code().to_owned(), Value::Null),
        };
        let subject = json!({ "search": audit::of_search(&self.asker), "ground": ground });
        let actor = self.caller.actor(&services.instance);
        services.store.log_use(Use { action: self.action, outcome, actor, subject }, services.clock.now()).await?;
        let (_, entries) = found?;
        Ok(axum::Json(render(&entries)).into_response())
    }
}

const SHAPE: Text = Text::fixed(
    "client (identity_code tai temporary_id), acting_worker, unit, organiser, professional_link ja haun rajaukset",
    "client (identity_code eller temporary_id), acting_worker, unit, organiser, professional_link och sökvillkor",
    "client (identity_code or temporary_id), acting_worker, unit, organiser, professional_link and what narrows the search",
);

fn only_test_persons(request: &SearchRequest) -> Result<(), Problem> {
    let client = match &request.client {
        ClientId::IdentityCode(code) => Some(("/client/identity_code", code)),
        ClientId::TemporaryId(_) => None,
    };
    let worker = Some(("/acting_worker/identity_code", &request.acting_worker.identity_code));
    let real = [client, worker].into_iter().flatten().filter(|(_, code)| !code.is_artificial());
    let findings: Vec<_> = real.map(|(place, _)| not_a_test_person(place)).collect();
    if findings.is_empty() { Ok(()) } else { Err(problem::findings(findings)) }
}

fn not_a_test_person(place: &str) -> Finding {
    let found = Text::fixed(
        "henkilötunnus, joka voi olla oikean henkilön",
        "en personbeteckning som kan vara en verklig persons",
        "an identity code that may be a real person's",
    );
    let expected = Text::fixed(
        "testihenkilö: yksilönumero 900–999",
        "en testperson: individnummer 900–999",
        "a test person: individual number 900 to 999",
    );
    Finding::error("environment.real_person", place, found, expected, Rule::new("Kanta, test environments", ""))
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
