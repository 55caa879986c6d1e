//! `POST /v1/access/check`: whether a record could be stored, or something read, now, with every reason, its source and what
//! would make it pass. Stores and sends nothing.
//!
//! Reads the relationship document of each client, and the case where one is named: uses of the register, so they stand in the
//! use log as a search does, begun before the archive is asked and ended before the answer leaves.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State as Injected;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use super::Services;
use super::auth::Caller;
use super::body::{json_bytes, parse};
use super::problem::{self, Problem};
use super::searches::reading::{archive_problem, too_slow};
use crate::domain::access::{CaseStanding, Evidence, Explanation, Question, explain};
use crate::domain::finding::{Finding, Rule};
use crate::domain::person::PersonId;
use crate::domain::record::PurchaseKind;
use crate::domain::text::Text;
use crate::sidecar::audit;
use crate::sidecar::config::Operation;
use crate::sidecar::ports::{Archive, ArchiveFault, Asker, Clock};
use crate::sidecar::store::{Store, Use};
use crate::sidecar::worker::{RightsFault, Wish};

/// As many as a record may have.
const CLIENTS_MAX: usize = 50;

/// A record has a structure, a bare question does not.
#[derive(Deserialize)]
struct Peek {
    structure: Option<IgnoredAny>,
}

/// `POST /v1/access/check`.
pub(super) async fn check<S: Store, A: Archive, C: Clock>(
    Injected(services): Injected<Arc<Services<S, A, C>>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let caller = services.tokens.caller(&headers, Operation::Search)?;
    let body = json_bytes(&headers, body)?;
    let question = question(&services, body).await?;
    caller.speaks_for(&question.unit.oid)?;
    let check = Check::begin(&services, caller, question).await?;
    // As in searches: the archive gets three quarters of the time that the request has.
    let time = Duration::from_secs(services.limits.request_timeout_s) * 3 / 4;
    let found = tokio::time::timeout(time, check.explain()).await.unwrap_or_else(|_| Err(too_slow()));
    check.end(found).await
}

async fn question<S: Store, A: Archive, C: Clock>(
    services: &Services<S, A, C>,
    body: Bytes,
) -> Result<Question, Problem> {
    if parse::<Peek>(&body, &SHAPE)?.structure.is_some() {
        let (checker, now) = (Arc::clone(&services.checker), services.clock.now());
        let checked = tokio::task::spawn_blocking(move || checker.record(&body, now)).await;
        let checked = checked.map_err(|_| problem::our_fault())?.map_err(problem::findings)?;
        return Ok(Question::of_record(checked.record()));
    }
    let question: Question = parse(&body, &SHAPE)?;
    let mut findings =
        services.checker.like_record(&body, &["acting_worker", "unit", "organiser", "professional_link"]);
    let clients = question.clients.len();
    if !(1..=CLIENTS_MAX).contains(&clients) {
        let expected = Text::same(format!("1…{CLIENTS_MAX}"));
        let rule = Rule::new("asiasilta, local API", "access check");
        findings.push(Finding::error("json.length", "/clients", Text::same(clients.to_string()), expected, rule));
    }
    if findings.is_empty() { Ok(question) } else { Err(problem::findings(findings)) }
}

/// A check that stands in the use log as begun. Dropped before it has ended, it writes down that it was cut off.
struct Check<S: Store, A: Archive, C: Clock> {
    caller: Arc<Caller>,
    question: Question,
    askers: Vec<Asker>,
    services: Arc<Services<S, A, C>>,
    ended: bool,
}

impl<S: Store, A: Archive, C: Clock> Check<S, A, C> {
    async fn begin(
        services: &Arc<Services<S, A, C>>,
        caller: Arc<Caller>,
        question: Question,
    ) -> Result<Self, Problem> {
        let asker = |client: PersonId| Asker {
            organisation: caller.organisation.clone(),
            organiser: question.organiser.clone(),
            unit: question.unit.clone(),
            worker: question.acting_worker.clone(),
            link: question.professional_link.clone(),
            client,
        };
        let askers = question.persons().into_iter().map(asker).collect();
        let check = Self { caller, question, askers, services: Arc::clone(services), ended: false };
        services.store.log_use(check.used("begun", &Value::Null), services.clock.now()).await?;
        Ok(check)
    }

    fn used(&self, outcome: &str, ground: &Value) -> Use {
        let subject = json!({ "search": audit::of_question(&self.askers), "ground": ground });
        let actor = self.caller.actor(&self.services.instance);
        Use { action: "access.check", outcome: outcome.to_owned(), actor, subject }
    }

    async fn explain(&self) -> Result<Explanation, ArchiveFault> {
        let (rights, now) = (&self.services.rights, self.services.clock.now());
        let Some(asker) = self.askers.first() else { return Ok(Explanation::own_register(now)) };
        if asker.organisation == asker.organiser.oid && self.question.purchase != Some(PurchaseKind::SelfPay) {
            return Ok(Explanation::own_register(now));
        }
        let mut evidence = Vec::new();
        for asker in &self.askers {
            evidence.push(rights.evidence(asker).await?);
        }
        let told = self.told(asker, &evidence, CaseStanding::NotAsked);
        if !told.permitted || self.question.case.is_none() {
            return Ok(told);
        }
        let case = self.case().await?;
        Ok(self.told(asker, &evidence, case))
    }

    fn told(&self, asker: &Asker, evidence: &[Option<Evidence>], case: CaseStanding) -> Explanation {
        let rights = &self.services.rights;
        let request = self.question.request(&asker.client, case);
        let clients: Vec<_> = self.askers.iter().map(|a| &a.client).zip(evidence.iter().map(Option::as_ref)).collect();
        explain(&request, &clients, &rights.parties(asker), rights.profile(), self.services.clock.now())
    }

    /// Whether the register has the named case for every client. Asked only with a right to ask.
    async fn case(&self) -> Result<CaseStanding, ArchiveFault> {
        let Some(case) = &self.question.case else { return Ok(CaseStanding::NotAsked) };
        let wish = Wish {
            operation: self.question.operation(),
            service_task: self.question.service_task.as_deref(),
            service_process: self.question.service_process.as_deref(),
            purchase: self.question.purchase,
        };
        for asker in &self.askers {
            let authority = match self.services.rights.authority(asker, wish).await {
                Ok(authority) => authority,
                // The evidence has changed in between: the next check tells.
                Err(RightsFault::Denied(_)) => return Ok(CaseStanding::NotAsked),
                Err(RightsFault::Archive(fault)) => return Err(fault),
            };
            if self.services.rights.case(asker, &authority, case).await?.is_none() {
                return Ok(CaseStanding::Unknown);
            }
        }
        Ok(CaseStanding::Known)
    }

    /// Writes the use down, then answers.
    async fn end(mut self, found: Result<Explanation, ArchiveFault>) -> Result<Response, Problem> {
        let found = found.map_err(archive_problem);
        let (outcome, ground) = match &found {
            Ok(told) if told.permitted => ("permitted", json!(told.permit)),
            Ok(_) => ("access.denied", Value::Null),
            Err(problem) => (problem.code(), Value::Null),
        };
        self.services.store.log_use(self.used(outcome, &ground), self.services.clock.now()).await?;
        self.ended = true;
        Ok(axum::Json(found?).into_response())
    }
}

impl<S: Store, A: Archive, C: Clock> Drop for Check<S, A, C> {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.ended {
            return;
        }
        let (entry, services) = (self.used("cut_off", &Value::Null), Arc::clone(&self.services));
        runtime.spawn(async move {
            if let Err(error) = services.store.log_use(entry, services.clock.now()).await {
                tracing::error!(store.error = %error, "the use log has a check that began and does not say how it ended");
            }
        });
    }
}

const SHAPE: Text = Text::fixed(
    "tietue, tai operation, clients, acting_worker, unit, organiser, professional_link ja asiaa rajaavat kentät",
    "en post, eller operation, clients, acting_worker, unit, organiser, professional_link och avgränsande fält",
    "a local record, or operation, clients, acting_worker, unit, organiser, professional_link and what narrows it",
);
