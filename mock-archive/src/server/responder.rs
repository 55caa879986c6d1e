//! The inner wiremock server: who may reach it, and how it says that nothing of what a test has mounted matches.
//!
//! Two mocks: without the front's secret 403 (before everything), and a last one that passes the request on to the archive.

use openssl::error::ErrorStack;
use wiremock::{Match, Mock, MockServer, Request, ResponseTemplate};

/// Headers between front and inner server; the front lets none of them in or out.
pub(crate) const HEADER_PREFIX: &str = "x-mock-archive-";
pub(crate) const SECRET_HEADER: &str = "x-mock-archive-secret";
pub(crate) const PEER_HEADER: &str = "x-mock-archive-peer";
/// On an answer that is none: the archive is to answer.
pub(crate) const PASSED_ON: &str = "x-mock-archive-passed-on";

const HIGHEST_PRIORITY: u8 = 1;
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

/// Mounts the two.
pub(super) async fn mount(inner: &MockServer, secret: &Secret) {
    let stranger = Mock::given(Stranger(secret.clone()));
    stranger.respond_with(ResponseTemplate::new(403)).with_priority(HIGHEST_PRIORITY).mount(inner).await;
    let rest = Mock::given(wiremock::matchers::any());
    let passed_on = ResponseTemplate::new(404).insert_header(PASSED_ON, "1");
    rest.respond_with(passed_on).with_priority(LOWEST_PRIORITY).mount(inner).await;
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
