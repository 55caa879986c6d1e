//! The producer: its sidecar's files, and its own system speaking plain HTTP to the sidecar.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::stage::{PRODUCER, write_secret};
use super::{DemoError, Stage};
use crate::archive::transport::loopback_client;
use crate::sidecar::vault::StoreKey;

/// The unit of the example records.
const UNIT: &str = "1.2.246.10.99999992.10.1";
/// Secret of nobody: made for a stage that lives as long as one run.
const TOKEN_BYTES: usize = 24;

/// A sidecar's folder: configuration, key, token.
pub struct SidecarFiles {
    /// `sidecar.toml`.
    pub config: PathBuf,
    /// The bearer token of the producer's system.
    pub token: String,
}

impl SidecarFiles {
    /// Writes them into the stage's folder. The sidecar listens on `listen`.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn write(stage: &Stage, listen: SocketAddr) -> Result<Self, DemoError> {
        let folder = stage.directory();
        let token = new_token()?;
        write_secret(&folder.join("token"), token.as_bytes())?;
        StoreKey::generate_file(&folder.join("store.key")).map_err(|_| DemoError::Defect("the store's key file"))?;
        let config = folder.join("sidecar.toml");
        std::fs::write(&config, text(&stage.mock.url(), listen, &sha256_hex(&token)))?;
        Ok(Self { config, token })
    }
}

fn text(archive: &str, listen: SocketAddr, token: &str) -> String {
    format!(
        r#"environment = "test"

[listen]
address = "{listen}"

[store]
path = "outbox.sqlite"
key_file = "store.key"

[archive]
url = "{archive}"
trust_anchors = "tls-ca.pem"
transport_certificate = "transport.pem"
transport_key = "transport.key"
signing_certificate = "signing.pem"
signing_key = "signing.key"
signature_trust_anchors = "signing-ca.pem"
structures = "structures"

[[organisations]]
oid = "{PRODUCER}"
document_node = "1.2.246.10.99999992"

[[tokens]]
name = "client-information-system"
sha256 = "{token}"
organisation = "{PRODUCER}"
units = ["{UNIT}"]
operations = ["submit", "read", "search", "withdraw", "invalidate", "operate"]

[worker]
reconcile_after_s = 1
retry_delay_min_ms = 200

[log]
filter = "warn"
"#
    )
}

fn new_token() -> Result<String, DemoError> {
    let mut bytes = [0u8; TOKEN_BYTES];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| DemoError::Defect("the system's randomness"))?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

fn sha256_hex(text: &str) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

/// A producer's client information system, as far as the sidecar sees it.
pub struct ProducerSystem {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// What the sidecar answered.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The JSON body; null where there is none.
    pub body: Value,
}

impl ProducerSystem {
    /// A system that speaks to the sidecar at this address.
    ///
    /// # Errors
    /// [`DemoError`].
    pub fn try_new(sidecar: SocketAddr, token: &str) -> Result<Self, DemoError> {
        Ok(Self { http: loopback_client()?, base: format!("http://{sidecar}"), token: token.to_owned() })
    }

    /// `POST` of a JSON body; `key` becomes the `Idempotency-Key`.
    ///
    /// # Errors
    /// [`DemoError::Sidecar`] when there is no answer.
    pub async fn post(&self, path: &str, key: Option<&str>, body: Vec<u8>) -> Result<Answer, DemoError> {
        let mut request = self.http.post(format!("{}{path}", self.base)).header("Content-Type", "application/json");
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        self.answer(request.body(body)).await
    }

    /// `GET`.
    ///
    /// # Errors
    /// [`DemoError::Sidecar`] when there is no answer.
    pub async fn get(&self, path: &str) -> Result<Answer, DemoError> {
        self.answer(self.http.get(format!("{}{path}", self.base))).await
    }

    /// `GET` of something that is no JSON: the status, and the body as it came.
    ///
    /// # Errors
    /// [`DemoError::Sidecar`] when there is no answer.
    pub async fn download(&self, path: &str) -> Result<(u16, Vec<u8>), DemoError> {
        self.send(self.http.get(format!("{}{path}", self.base))).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Answer, DemoError> {
        let (status, bytes) = self.send(request).await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Result<(u16, Vec<u8>), DemoError> {
        let answer = request.header("Authorization", format!("Bearer {}", self.token)).send().await;
        let answer = answer.map_err(|_| DemoError::Sidecar)?;
        let status = answer.status().as_u16();
        let bytes = answer.bytes().await.map_err(|_| DemoError::Sidecar)?;
        Ok((status, bytes.to_vec()))
    }
}

/// The example records that the demo submits, by file name.
pub const RECORDS: [(&str, &str); 8] = [
    ("01-service-started", include_str!("../../examples/records/01-service-started.json")),
    ("02-everyday-life-morning", include_str!("../../examples/records/02-everyday-life-morning.json")),
    ("03-everyday-life-swedish", include_str!("../../examples/records/03-everyday-life-swedish.json")),
    ("04-everyday-life-walk", include_str!("../../examples/records/04-everyday-life-walk.json")),
    ("05-service-ended", include_str!("../../examples/records/05-service-ended.json")),
    ("90-broken-field", include_str!("../../examples/records/90-broken-field.json")),
    ("91-unit-not-named", include_str!("../../examples/records/91-unit-not-named.json")),
    ("92-right-starts-tomorrow", include_str!("../../examples/records/92-right-starts-tomorrow.json")),
];

/// Where the examples' folder is said to be, for curl lines.
pub fn example_path(name: &str) -> String {
    Path::new("examples/records").join(format!("{name}.json")).display().to_string()
}
