//! The inner wiremock server: who may reach it, what it answers, and the faults that the archive's own side makes.
//!
//! Three mocks: without the front's secret 403 (before everything), the archive (after what a test mounts), and a
//! catch-all that writes down what nobody expected.

use std::sync::Arc;

use openssl::error::ErrorStack;
use wiremock::matchers::{method, path};
use wiremock::{Match, Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::archive::{Archive, Reply};
use crate::faults::{Fault, Faults};
use crate::intake::soap::HttpMessage;
use crate::oid::Oid;
use crate::server::{ENDPOINT, Unexpected};

/// Headers between front and inner server; the front lets none of them in or out.
pub(crate) const HEADER_PREFIX: &str = "x-mock-archive-";
pub(crate) const SECRET_HEADER: &str = "x-mock-archive-secret";
pub(crate) const PEER_HEADER: &str = "x-mock-archive-peer";
/// Set on an answer whose connection is to be cut: `0` before it, `n` after so many bytes of its body.
pub(crate) const CUT_HEADER: &str = "x-mock-archive-cut";

const HIGHEST_PRIORITY: u8 = 1;
const ARCHIVE_PRIORITY: u8 = 200;
const LOWEST_PRIORITY: u8 = 255;

/// What the front shows to the inner server; new for every archive.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new() -> Result<Self, ErrorStack> {
        let mut bytes = [0; 32];
        openssl::rand::rand_bytes(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Mounts the archive's mocks.
pub(super) async fn mount(
    inner: &MockServer,
    archive: Arc<Archive>,
    faults: Faults,
    unexpected: Unexpected,
    secret: &Secret,
) {
    let stranger = Mock::given(Stranger(secret.clone()));
    stranger.respond_with(ResponseTemplate::new(403)).with_priority(HIGHEST_PRIORITY).mount(inner).await;
    let ours = Mock::given(method("POST")).and(path(ENDPOINT));
    ours.respond_with(Responder { archive, faults }).with_priority(ARCHIVE_PRIORITY).mount(inner).await;
    let rest = Mock::given(wiremock::matchers::any());
    rest.respond_with(CatchAll(unexpected)).with_priority(LOWEST_PRIORITY).mount(inner).await;
}

/// Matches what does not come from the front.
struct Stranger(Secret);

impl Match for Stranger {
    fn matches(&self, request: &Request) -> bool {
        let shown = request.headers.get(SECRET_HEADER).map(wiremock::http::HeaderValue::as_bytes).unwrap_or_default();
        let expected = self.0.as_str().as_bytes();
        shown.len() != expected.len() || !openssl::memcmp::eq(shown, expected)
    }
}

struct CatchAll(Unexpected);

impl Respond for CatchAll {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        self.0.note(format!("{} {}", request.method, request.url.path()));
        ResponseTemplate::new(404)
    }
}

struct Responder {
    archive: Arc<Archive>,
    faults: Faults,
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        let Some(peer) = header(PEER_HEADER).and_then(|peer| Oid::parse(peer).ok()) else {
            return ResponseTemplate::new(403);
        };
        let message = HttpMessage {
            content_type: header("content-type").unwrap_or_default(),
            soap_action: header("soapaction"),
            body: &request.body,
        };
        let arrival = self.archive.arrive(&peer, &message);
        let fault = if arrival.is_store() { self.faults.take() } else { None };
        let lost = |template| {
            self.archive.lose(&arrival);
            template
        };
        match fault {
            None => answer(self.archive.settle(arrival)),
            Some(Fault::StoredButNeverAnswered) => answer(self.archive.settle(arrival)).insert_header(CUT_HEADER, "0"),
            Some(Fault::AnswerCutAfter(bytes)) => {
                // The headers always go: cutting before them is StoredButNeverAnswered.
                answer(self.archive.settle(arrival)).insert_header(CUT_HEADER, format!("body {bytes}"))
            }
            Some(Fault::ResetBeforeStore) => lost(ResponseTemplate::new(200).insert_header(CUT_HEADER, "0")),
            Some(Fault::Status(status, retry_after_secs)) => lost(refusal(status, retry_after_secs)),
            Some(Fault::BlockPage) => lost(block_page()),
            Some(Fault::NotProcessed) => answer(self.archive.turn_away(&arrival)),
        }
    }
}

fn answer(reply: Reply) -> ResponseTemplate {
    ResponseTemplate::new(reply.status).set_body_raw(reply.body, &reply.content_type)
}

fn refusal(status: u16, retry_after_secs: Option<u32>) -> ResponseTemplate {
    let template = ResponseTemplate::new(status);
    match retry_after_secs {
        Some(seconds) => template.insert_header("retry-after", seconds.to_string()),
        None => template,
    }
}

/// A gateway's page as seen before the real validator: any status, a support id, no XML.
fn block_page() -> ResponseTemplate {
    let page = "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. \
                Your support ID is: 0000000000000000000</body></html>";
    ResponseTemplate::new(200).set_body_raw(page, "text/html; charset=utf-8")
}
