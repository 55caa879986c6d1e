//! The same question to a sidecar that runs.

use std::error::Error;
use std::path::Path;

use asiasilta::archive::transport::loopback_client;
use serde_json::Value;

use super::super::{input, runtime};

/// Asks `POST /v1/access/check`.
pub(super) fn ask(address: &str, token_file: &Path, question: Vec<u8>) -> Result<Value, Box<dyn Error>> {
    let token = String::from_utf8(input::read(token_file)?.bytes)?;
    let request = loopback_client()?
        .post(format!("{}/v1/access/check", address.trim_end_matches('/')))
        .bearer_auth(token.trim())
        .header("content-type", "application/json")
        .body(question);
    let (status, body) = runtime()?.block_on(async {
        let response = request.send().await?;
        Ok::<_, reqwest::Error>((response.status(), response.bytes().await?))
    })?;
    let told: Value =
        serde_json::from_slice(&body).map_err(|_| format!("the sidecar answered {status} without JSON"))?;
    if status.is_success() {
        return Ok(told);
    }
    let detail = told.get("detail").and_then(Value::as_str).unwrap_or_default();
    let code = told.get("code").and_then(Value::as_str).unwrap_or_default();
    Err(format!("the sidecar answered {status}: {code}: {detail}").into())
}
