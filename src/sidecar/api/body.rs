//! Request bodies: JSON, whole, within the limit.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;

use super::problem::{self, Problem};
use crate::domain::finding::{Finding, Rule};
use crate::domain::text::Text;

/// A body that came whole and says that it is JSON.
pub(super) fn json_bytes(headers: &HeaderMap, body: Result<Bytes, BytesRejection>) -> Result<Bytes, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(problem::not_json());
    }
    body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => problem::too_large(),
        _ => problem::unreadable_body(),
    })
}

/// Parses a body of ours. What does not fit is told by its place only: the parser's own words may repeat a person's data.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8], shape: &Text) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let found = Text::made(
            format!("muu rivillä {line}, sarakkeessa {column}"),
            format!("något annat på rad {line}, kolumn {column}"),
            format!("something else at line {line}, column {column}"),
        );
        let rule = Rule::new("asiasilta, local API", "request body");
        let mut finding = Finding::error("json.shape", "", found, shape.clone(), rule);
        finding.place.line = u32::try_from(line).ok();
        finding.place.column = u32::try_from(column).ok();
        problem::findings(vec![finding])
    })
}
