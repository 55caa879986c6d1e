//! Readings in the organiser's register: decisions, cases, documents, the relationship, and which case a record belongs to.
//!
//! POST, so that no person stands in an address. Each is a [`Reading`]: worker, unit and ground named, in the use log. One
//! exchange with the archive for a page of metadata, one for each document whose content is asked for.

pub(super) mod reading;
mod request;
mod shown;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State as Injected;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::Services;
use super::problem::{self, Problem};
use crate::domain::find_case::Sought;
use crate::domain::oid::Oid;
use crate::domain::text::Text;
use crate::sidecar::find_case::{Reads, look_for};
use crate::sidecar::ports::{Archive, Clock, Listed, PageWanted, Wanted};
use crate::sidecar::store::Store;
use crate::sidecar::worker::RightsFault;
use reading::{Reading, Seen, archive_problem, ground, reasons};
use request::{
    CasesRequest, DecisionsRequest, DocumentsRequest, FetchRequest, FindCaseRequest, PageSize, RelationshipsRequest,
};

type Shared<S, A, C> = Injected<Arc<Services<S, A, C>>>;
type Body = Result<Bytes, BytesRejection>;

/// `POST /v1/decisions/search`.
pub(super) async fn decisions<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (reading, request) = Reading::begin::<DecisionsRequest>(&services, &headers, body, "decisions.search").await?;
    let page = Page { wanted: request.wanted(), size: request.page_size, cursor: request.cursor };
    let seen = reading.in_time(page.read(&reading, "decisions", shown::decision)).await;
    reading.end(seen).await
}

/// `POST /v1/cases/search`.
pub(super) async fn cases<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (reading, request) = Reading::begin::<CasesRequest>(&services, &headers, body, "cases.search").await?;
    let page = Page { wanted: request.wanted(), size: request.page_size, cursor: request.cursor };
    let seen = reading.in_time(page.read(&reading, "cases", |listed, _| shown::case(listed))).await;
    reading.end(seen).await
}

/// `POST /v1/documents/search`.
pub(super) async fn documents<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (reading, request) = Reading::begin::<DocumentsRequest>(&services, &headers, body, "documents.search").await?;
    let page = Page { wanted: request.wanted(), size: request.page_size, cursor: request.cursor };
    let seen = reading.in_time(page.read(&reading, "documents", |listed, _| shown::document(listed))).await;
    reading.end(seen).await
}

/// `POST /v1/documents/fetch`: one document, by its version OID.
pub(super) async fn fetch<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (reading, request) = Reading::begin::<FetchRequest>(&services, &headers, body, "documents.fetch").await?;
    let seen = reading.in_time(async {
        let authority = reading.authority().await?;
        let found = services.archive.document(&reading.asker, &authority, &request.document_id).await;
        let listed = found.map_err(archive_problem)?.ok_or_else(no_such_document)?;
        let mut answer = shown::document(&listed);
        shown::forms(&listed, request.forms, &mut answer);
        let safety_ban = safety_ban(&reading).await;
        answer.insert("safety_ban".to_owned(), json!(safety_ban));
        Ok(Seen { ground: ground(&authority), answer: Value::Object(answer), documents: vec![request.document_id] })
    });
    let seen = seen.await;
    reading.end(seen).await
}

/// `POST /v1/relationships/search`: what the newest relationship document gives the caller's unit. The one reading that needs no
/// right, since rights come from it; without one, other units' rows are not shown.
pub(super) async fn relationships<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (reading, _) =
        Reading::begin::<RelationshipsRequest>(&services, &headers, body, "relationships.search").await?;
    let seen = reading.in_time(async {
        let evidence = services.rights.evidence(&reading.asker).await.map_err(archive_problem)?;
        let decided = match reading.decide().await {
            Err(RightsFault::Archive(fault)) => return Err(archive_problem(fault)),
            Err(RightsFault::Denied(denial)) => Err(denial),
            Ok(authority) => Ok(authority),
        };
        let against = decided.as_ref().err().map(reasons).unwrap_or_default();
        let ground = decided.as_ref().map_or_else(|_| json!("relationship_lookup"), ground);
        let rows_of = decided.is_err().then_some(&reading.asker.unit.oid);
        let shown = evidence.iter().map(|evidence| shown::relationship(evidence, rows_of, &against));
        let documents = evidence.iter().map(|evidence| evidence.document.document.clone()).collect();
        Ok(Seen { ground, answer: json!({ "relationships": shown.collect::<Vec<_>>() }), documents })
    });
    let seen = seen.await;
    reading.end(seen).await
}

/// `POST /v1/cases/find`: which case a record of this task, these services and this day belongs to, with reasons.
pub(super) async fn find_case<S: Store, A: Archive, C: Clock>(
    Injected(services): Shared<S, A, C>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let (reading, request) = Reading::begin::<FindCaseRequest>(&services, &headers, body, "cases.find").await?;
    let seen = reading.in_time(async {
        let authority = reading.authority().await?;
        let sought = Sought {
            service_task: reading.service_task(),
            services: &request.services,
            day: request.day.date(),
            decision: request.decision.as_ref(),
        };
        let askers = std::slice::from_ref(&reading.asker);
        let answer = look_for(&*services.archive, askers, &authority, &sought, &mut Reads::default()).await;
        let answer = answer.map_err(archive_problem)?;
        Ok(Seen { ground: ground(&authority), answer: shown::found_case(&answer), documents: Vec::new() })
    });
    let seen = seen.await;
    reading.end(seen).await
}

/// One page of a search.
struct Page {
    wanted: Wanted,
    size: PageSize,
    cursor: Option<String>,
}

impl Page {
    /// Reads it, and answers its documents under `name`, each as `show` shows it to one who knows of the client's safety ban.
    async fn read<S: Store, A: Archive, C: Clock>(
        self,
        reading: &Reading<S, A, C>,
        name: &str,
        show: impl Fn(&Listed, Option<bool>) -> Map<String, Value>,
    ) -> Result<Seen, Problem> {
        let services = &reading.services;
        let now = services.clock.now();
        let cursor = self.cursor.as_deref().map(|text| services.cursors.open(text, &reading.binding, now));
        let cursor = cursor.transpose().map_err(|_| cursor_gone())?;
        let authority = reading.authority().await?;
        let page = PageWanted {
            size: self.size.bounded(self.wanted.contents),
            cursor,
            content_bytes_max: services.limits.answer_content_bytes_max,
        };
        let found = services.archive.search(&reading.asker, &authority, &self.wanted, &page).await;
        let found = found.map_err(archive_problem)?;
        let next =
            found.next.map(|next| services.cursors.seal(&next, &reading.binding, now).ok_or_else(problem::our_fault));
        let next = next.transpose()?;
        let safety_ban = safety_ban(reading).await;
        let documents: Vec<Oid> = found.documents.iter().map(|d| d.about.ids.document.clone()).collect();
        let shown: Vec<_> = found.documents.iter().map(|listed| Value::Object(show(listed, safety_ban))).collect();
        let answer = json!({ name: shown, "next": next, "safety_ban": safety_ban });
        Ok(Seen { ground: ground(&authority), answer, documents })
    }
}

/// Whether the client has a safety ban, by the newest relationship document; `None`: nobody here can say.
async fn safety_ban<S: Store, A: Archive, C: Clock>(reading: &Reading<S, A, C>) -> Option<bool> {
    reading.services.rights.evidence(&reading.asker).await.ok().flatten()?.relationship.safety_ban
}

fn cursor_gone() -> Problem {
    let text = Text::fixed(
        "haun jatkokohta on vanhentunut tai toisen haun; hae alusta",
        "sökningens fortsättning har föråldrats eller hör till en annan sökning; sök från början",
        "where the search goes on is too old or of another search; search from the beginning",
    );
    Problem::new(StatusCode::GONE, "search.cursor_gone", text)
}

fn no_such_document() -> Problem {
    let text = Text::fixed(
        "asiakkaalla ei ole tällaista asiakirjaa rekisterissä, tai se on mitätöity",
        "klienten har ingen sådan handling i registret, eller så har den ogiltigförklarats",
        "the client has no such document in the register, or it was invalidated",
    );
    Problem::new(StatusCode::NOT_FOUND, "document.not_found", text)
}
