//! The operator's side of the local API: lists, shows, releases, hands over and gives up submissions of a running sidecar.
//!
//! Plain HTTP to this machine, as the producer's own system speaks. Decides nothing; used by `asiasilta outbox` and `asiasilta handover`.

use serde_json::{Value, json};

use crate::archive::transport::{TransportFault, loopback_client};
use crate::domain::handover::BYTES_MAX;
use crate::domain::oid::Oid;

/// Bytes of an answer, at most: a page of 1000 submissions.
const ANSWER_BYTES_MAX: usize = 32 << 20;
/// Bytes of a package, at most: what it holds, and what encryption adds.
const PACKAGE_BYTES_MAX: usize = BYTES_MAX + (1 << 20);

/// Why there is no answer. All for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No HTTP client could be made.
    #[error(transparent)]
    Client(#[from] TransportFault),
    /// Nobody answers there.
    #[error("no answer from {address}: is the sidecar running there?")]
    NoAnswer {
        /// The address.
        address: String,
    },
    /// It answers something that is no JSON, or too much.
    #[error("{address} does not answer as a sidecar does (HTTP {status})")]
    Foreign {
        /// The address.
        address: String,
        /// HTTP status.
        status: u16,
    },
    /// The sidecar says no.
    #[error("{code}: {message} (HTTP {status})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The problem's code.
        code: String,
        /// Its sentence, in English.
        message: String,
    },
}

/// What a person decides about a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It goes on as it is.
    Release,
    /// It goes on in the place of its predecessor, which never arrived.
    ReleaseInPlaceOfPredecessor,
    /// It is given up.
    Abandon,
}

/// Who decides something, in whose words.
#[derive(Debug, Clone, Copy)]
pub struct ByReason<'a> {
    /// Who: a role or a name.
    pub by: &'a str,
    /// Why.
    pub reason: &'a str,
}

/// A caller with the operator's token.
pub struct OperatorClient {
    http: reqwest::Client,
    address: String,
    token: String,
}

impl OperatorClient {
    /// A client of the sidecar at `http://HOST:PORT`.
    ///
    /// # Errors
    /// [`OperatorError::Client`].
    pub fn try_new(address: &str, token: &str) -> Result<Self, OperatorError> {
        let address = address.trim_end_matches('/').to_owned();
        Ok(Self { http: loopback_client()?, address, token: token.to_owned() })
    }

    /// One page of the outbox: `items`, `next_after`, `more`. Everything open, or what is in this state.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn list(&self, state: Option<&str>, after: u64, limit: u32) -> Result<Value, OperatorError> {
        let state = state.map(|state| format!("&state={state}")).unwrap_or_default();
        let path = format!("/v1/outbox?after={after}&limit={limit}{state}");
        self.answer(self.http.get(format!("{}{path}", self.address))).await
    }

    /// One submission and its way.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn show(&self, id: &str) -> Result<Value, OperatorError> {
        self.answer(self.http.get(format!("{}/v1/outbox/{id}", self.address))).await
    }

    /// Carries out what a person has decided; the submission as it then is.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn decide(&self, id: &str, decision: Decision, by: &str, reason: &str) -> Result<Value, OperatorError> {
        let (act, body) = match decision {
            Decision::Release => ("release", json!({ "by": by, "reason": reason })),
            Decision::ReleaseInPlaceOfPredecessor => {
                ("release", json!({ "by": by, "reason": reason, "goes_on": "in_place_of_predecessor" }))
            }
            Decision::Abandon => ("abandon", json!({ "by": by, "reason": reason })),
        };
        self.act(&format!("/v1/outbox/{id}/{act}"), &body).await
    }

    /// One page of what was handed over.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn handovers(&self, after: u64, limit: u32) -> Result<Value, OperatorError> {
        self.answer(self.http.get(format!("{}/v1/handovers?after={after}&limit={limit}", self.address))).await
    }

    /// Hands a submission over another way than the archive; the submission as it then is.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn hand_over(&self, id: &str, act: &ByReason<'_>, case: Option<&Oid>) -> Result<Value, OperatorError> {
        let body = json!({ "by": act.by, "reason": act.reason, "case": case });
        self.act(&format!("/v1/outbox/{id}/handover"), &body).await
    }

    /// The package of what was handed over, encrypted to the organiser.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn package(&self, id: &str) -> Result<Vec<u8>, OperatorError> {
        let request = self.http.get(format!("{}/v1/handovers/{id}/package", self.address));
        let (status, bytes) = self.bytes(request, PACKAGE_BYTES_MAX).await?;
        if status == 200 { Ok(bytes) } else { Err(self.refusal(status, &bytes)) }
    }

    /// Enters the organiser's receipt.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn enter_receipt(&self, id: &str, by: &str, reference: &str) -> Result<Value, OperatorError> {
        self.act(&format!("/v1/handovers/{id}/receipt"), &json!({ "by": by, "reference": reference })).await
    }

    /// Takes back what was handed over, to be archived.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn take_back(&self, id: &str, act: &ByReason<'_>) -> Result<Value, OperatorError> {
        self.act(&format!("/v1/handovers/{id}/return"), &json!({ "by": act.by, "reason": act.reason })).await
    }

    async fn act(&self, path: &str, body: &Value) -> Result<Value, OperatorError> {
        let request = self.http.post(format!("{}{path}", self.address));
        self.answer(request.header("Content-Type", "application/json").body(body.to_string())).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, OperatorError> {
        let (status, bytes) = self.bytes(request, ANSWER_BYTES_MAX).await?;
        if status != 200 {
            return Err(self.refusal(status, &bytes));
        }
        serde_json::from_slice(&bytes).map_err(|_| self.foreign(status))
    }

    fn foreign(&self, status: u16) -> OperatorError {
        OperatorError::Foreign { address: self.address.clone(), status }
    }

    fn refusal(&self, status: u16, bytes: &[u8]) -> OperatorError {
        let body: Value = serde_json::from_slice(bytes).unwrap_or_default();
        let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(str::to_owned);
        match text("/code").zip(text("/message/en")) {
            Some((code, message)) => OperatorError::Refused { status, code, message },
            None => self.foreign(status),
        }
    }

    async fn bytes(&self, request: reqwest::RequestBuilder, bytes_max: usize) -> Result<(u16, Vec<u8>), OperatorError> {
        let no_answer = |_| OperatorError::NoAnswer { address: self.address.clone() };
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let mut answer = request.send().await.map_err(no_answer)?;
        let status = answer.status().as_u16();
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if bytes.len() + chunk.len() > bytes_max {
                return Err(self.foreign(status));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok((status, bytes))
    }
}
