//! Problems: what went wrong, for the caller's program and for the person who reads it (RFC 9457).

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::domain::finding::Finding;
use crate::domain::submission::{Cause, IllegalTransition};
use crate::domain::text::Text;
use crate::domain::validate::predecessor_findings;
use crate::sidecar::handover;
use crate::sidecar::store::{Limit, StoreError, SubmissionId};

/// A problem on its way to the caller.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    cause: Cause,
    findings: Vec<Finding>,
    reasons: Vec<Cause>,
    retry_after: Option<Duration>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    code: &'a str,
    message: &'a Text,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reasons: Vec<Cause>,
}

impl Problem {
    /// Whether findings are what is wrong.
    pub(super) fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    pub(super) fn new(status: StatusCode, code: &str, message: Text) -> Self {
        let cause = Cause::new(code, message);
        Self { status, cause, findings: Vec::new(), reasons: Vec::new(), retry_after: None }
    }

    pub(super) fn with_findings(self, findings: Vec<Finding>) -> Self {
        Self { findings, ..self }
    }

    pub(super) fn with_reasons(self, reasons: Vec<Cause>) -> Self {
        Self { reasons, ..self }
    }

    pub(super) fn retry_after(self, delay: Duration) -> Self {
        Self { retry_after: Some(delay), ..self }
    }

    /// What stands behind it, for the use log.
    pub(super) fn code(&self) -> &str {
        &self.cause.code
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = Body {
            r#type: format!("urn:asiasilta:problem:{}", self.cause.code),
            title: self.status.canonical_reason().unwrap_or("Problem"),
            status: self.status.as_u16(),
            detail: &self.cause.message.en,
            code: &self.cause.code,
            message: &self.cause.message,
            findings: self.findings,
            reasons: self.reasons,
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(delay) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(delay.as_secs().max(1)));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => no_such_submission(),
            StoreError::Illegal(_) => already_left(),
            StoreError::Full { limit } => queue_full(limit),
            StoreError::Moved => conflict(handover::moved()),
            StoreError::PredecessorDiffers { said, known } => findings(predecessor_findings(&said, &known)),
            StoreError::InvalidationOpen { by } => invalidation_open(&by),
            StoreError::Purged => Problem::new(StatusCode::GONE, "handover.purged", handover::purged()),
            error => {
                tracing::error!(store.error = error.with_causes(), "the store did not do what the API asked");
                store_refuses()
            }
        }
    }
}

pub(super) async fn no_such_resource() -> Problem {
    let text = Text::fixed("tällaista resurssia ei ole", "en sådan resurs finns inte", "there is no such resource");
    Problem::new(StatusCode::NOT_FOUND, "request.no_such_resource", text)
}

pub(super) async fn no_such_method() -> Problem {
    let text = Text::fixed(
        "resurssi ei tue tätä HTTP-metodia",
        "resursen stöder inte denna HTTP-metod",
        "the resource does not take this HTTP method",
    );
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "request.no_such_method", text)
}

pub(super) fn no_such_submission() -> Problem {
    let text = Text::fixed(
        "lähetystä ei ole tai se ei kuulu kutsujalle",
        "försändelsen finns inte eller hör inte till anroparen",
        "there is no such submission, or it is not the caller's",
    );
    Problem::new(StatusCode::NOT_FOUND, "submission.not_found", text)
}

pub(super) fn no_such_document_id() -> Problem {
    let text = Text::fixed(
        "osoitteessa on oltava asiakirjan version tunnus (OID)",
        "adressen ska innehålla handlingsversionens kod (OID)",
        "the address must have the OID of a document's version",
    );
    Problem::new(StatusCode::NOT_FOUND, "document.no_oid", text)
}

pub(super) fn already_left() -> Problem {
    let text = Text::fixed(
        "asiakirja on jo lähetetty tai käsitelty loppuun; sitä ei voi enää perua",
        "handlingen har redan skickats eller behandlats färdigt; den kan inte längre återtas",
        "the document has already been sent or settled; it can no longer be withdrawn",
    );
    Problem::new(StatusCode::CONFLICT, "submission.already_left", text)
}

pub(super) fn bad_act() -> Problem {
    let text = Text::fixed(
        "by (1–100 merkkiä) ja reason (1–500 merkkiä) vaaditaan; henkilötunnuksia niissä ei saa olla",
        "by (1–100 tecken) och reason (1–500 tecken) krävs; de får inte innehålla personbeteckningar",
        "by (1 to 100 characters) and reason (1 to 500) are required and must hold no personal identity code",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "outbox.act", text)
}

pub(super) fn act_not_possible(illegal: &IllegalTransition) -> Problem {
    let state = illegal.state;
    let text = Text::made(
        format!(
            "tila on {state}: vapauttaa voi odottavan (held, parked), edeltäjän paikalle vain, jos edeltäjä ei päätynyt arkistoon, ja luopua voi siitä, mikä ei ole juuri matkalla eikä valmis"
        ),
        format!(
            "tillståndet är {state}: släppa kan man det som väntar (held, parked), på föregångarens plats endast om den inte kom till arkivet, och ge upp det som inte just är på väg eller avgjort"
        ),
        format!(
            "the state is {state}: what is held or parked can be released, in its predecessor's place only if that one did not reach the archive; what is not just on its way and not settled can be given up"
        ),
    );
    Problem::new(StatusCode::CONFLICT, "outbox.not_possible", text)
}

/// What was asked for cannot be done, for this reason.
pub(super) fn conflict(why: Cause) -> Problem {
    Problem::new(StatusCode::CONFLICT, &why.code, why.message)
}

/// What is to count no longer is not taken back; names the invalidation.
fn invalidation_open(by: &SubmissionId) -> Problem {
    let Cause { code, message, .. } = handover::invalidation_open();
    let text = Text::made(
        format!("{} (mitätöinti {by})", message.fi),
        format!("{} (makulering {by})", message.sv),
        format!("{} (invalidation {by})", message.en),
    );
    Problem::new(StatusCode::CONFLICT, &code, text)
}

pub(super) fn handover_not_possible(illegal: &IllegalTransition) -> Problem {
    let state = illegal.state;
    let text = Text::made(
        format!(
            "tila on {state}: luovuttaa voi sen, mistä mitään ei ole lähtenyt; kuitata kerran sen, mikä on luovutettu; palauttaa luovutetun"
        ),
        format!(
            "tillståndet är {state}: överlämna kan man det som inget har sänts av; kvittera en gång det som är överlämnat; ta tillbaka det överlämnade"
        ),
        format!(
            "the state is {state}: what nothing of has left can be handed over; what is handed over gets one receipt, and can be taken back"
        ),
    );
    Problem::new(StatusCode::CONFLICT, "handover.not_possible", text)
}

pub(super) fn key_conflict() -> Problem {
    let text = Text::fixed(
        "samalla Idempotency-Key-arvolla on jo otettu vastaan toinen sisältö",
        "ett annat innehåll har redan tagits emot med samma Idempotency-Key",
        "another body was accepted before under the same Idempotency-Key",
    );
    Problem::new(StatusCode::CONFLICT, "request.idempotency_conflict", text)
}

pub(super) fn bad_key() -> Problem {
    let text = Text::fixed(
        "otsake Idempotency-Key puuttuu; odotettiin 1–255 näkyvää ASCII-merkkiä",
        "rubriken Idempotency-Key saknas; väntade 1–255 synliga ASCII-tecken",
        "header Idempotency-Key is missing or wrong; expected 1 to 255 visible ASCII characters, once",
    );
    Problem::new(StatusCode::BAD_REQUEST, "request.idempotency_key", text)
}

pub(super) fn bad_query() -> Problem {
    let text = Text::fixed(
        "kyselyparametrit: state, after ja limit (1–1000)",
        "frågeparametrar: state, after och limit (1–1000)",
        "the query takes state (a state's or class's name), after (a number) and limit (1 to 1000)",
    );
    Problem::new(StatusCode::BAD_REQUEST, "request.query", text)
}

pub(super) fn findings(findings: Vec<Finding>) -> Problem {
    let text = Text::fixed(
        "sisällössä on korjattavaa",
        "innehållet behöver rättas",
        "the content needs mending; see findings",
    );
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "content.findings", text).with_findings(findings)
}

pub(super) fn too_large() -> Problem {
    let text = Text::fixed("sisältö on liian suuri", "innehållet är för stort", "the body is too large");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "request.too_large", text)
}

pub(super) fn unreadable_body() -> Problem {
    let text = Text::fixed("sisältö katkesi", "innehållet avbröts", "the body broke off");
    Problem::new(StatusCode::BAD_REQUEST, "request.unreadable", text)
}

pub(super) fn not_json() -> Problem {
    let text = Text::fixed(
        "sisällön tyypin on oltava application/json",
        "innehållets typ ska vara application/json",
        "the content type must be application/json",
    );
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "request.not_json", text)
}

pub(super) fn no_token() -> Problem {
    let text = Text::fixed(
        "tunniste puuttuu tai sitä ei tunneta",
        "behörighetsbeviset saknas eller är okänt",
        "the bearer token is missing or not known",
    );
    Problem::new(StatusCode::UNAUTHORIZED, "caller.unknown", text)
}

pub(super) fn not_allowed() -> Problem {
    let text = Text::fixed(
        "tunniste ei oikeuta tähän toimintoon",
        "behörighetsbeviset berättigar inte till detta",
        "the token does not allow this operation",
    );
    Problem::new(StatusCode::FORBIDDEN, "caller.operation", text)
}

pub(super) fn not_its_unit() -> Problem {
    let text = Text::fixed(
        "palveluyksikkö ei kuulu tunnisteen palveluyksiköihin",
        "serviceenheten hör inte till behörighetsbevisets enheter",
        "the unit is not one of the token's units",
    );
    Problem::new(StatusCode::FORBIDDEN, "caller.unit", text)
}

pub(super) fn overloaded() -> Problem {
    let text = Text::fixed(
        "palvelu on ruuhkautunut; yritä hetken päästä uudelleen",
        "tjänsten är överbelastad; försök igen om en stund",
        "the service is overloaded; try again shortly",
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.overloaded", text).retry_after(Duration::from_secs(1))
}

pub(super) fn took_too_long() -> Problem {
    let text = Text::fixed(
        "vastaus viipyi liian kauan; lähetä uudelleen samalla Idempotency-Key-arvolla",
        "svaret dröjde för länge; skicka på nytt med samma Idempotency-Key",
        "the answer took too long; send again with the same Idempotency-Key",
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.timeout", text).retry_after(Duration::from_secs(5))
}

pub(super) fn stopping() -> Problem {
    let text = Text::fixed("palvelu on sammumassa", "tjänsten stängs", "the service is stopping");
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.stopping", text).retry_after(Duration::from_secs(5))
}

pub(super) fn store_refuses() -> Problem {
    let text = Text::fixed(
        "tallennus ei juuri nyt vastaa; lähetä uudelleen samalla Idempotency-Key-arvolla",
        "lagringen svarar inte just nu; skicka på nytt med samma Idempotency-Key",
        "the store does not answer now; send again with the same Idempotency-Key",
    );
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "service.store", text).retry_after(Duration::from_secs(30))
}

/// By the time that a queue drains or a disk is tended.
fn queue_full(limit: Limit) -> Problem {
    let text = match limit {
        Limit::Rows | Limit::Bytes => Text::fixed(
            "jono on täynnä: arkistoon odottaa jo enintään sallittu määrä; lähetä myöhemmin samalla Idempotency-Key-arvolla",
            "kön är full: så mycket som får vänta på arkivet väntar redan; skicka senare med samma Idempotency-Key",
            "the queue is full: as much as may wait for the archive waits already; send later with the same Idempotency-Key",
        ),
        Limit::Disk => Text::fixed(
            "levytila on vähissä; lähetä myöhemmin samalla Idempotency-Key-arvolla",
            "diskutrymmet håller på att ta slut; skicka senare med samma Idempotency-Key",
            "the disk is nearly full; send later with the same Idempotency-Key",
        ),
    };
    let code = if limit == Limit::Disk { "service.disk_full" } else { "service.queue_full" };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, text).retry_after(Duration::from_secs(30))
}

pub(super) fn our_fault() -> Problem {
    let text = Text::fixed("ohjelmavirhe", "programfel", "a fault in this program; its log says more");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "service.fault", text)
}
