//! The operator's side of the local API: lists, shows, releases and gives up submissions of a running sidecar.
//!
//! Plain HTTP to this machine, as the producer's own system speaks. Decides nothing; used by `asiasilta outbox`.

use serde_json::{Value, json};

use crate::archive::transport::{TransportFault, loopback_client};

/// Bytes of an answer, at most: a page of 1000 submissions.
const ANSWER_BYTES_MAX: usize = 32 << 20;

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
        let request = self.http.post(format!("{}/v1/outbox/{id}/{act}", self.address));
        self.answer(request.header("Content-Type", "application/json").body(body.to_string())).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, OperatorError> {
        let no_answer = |_| OperatorError::NoAnswer { address: self.address.clone() };
        let request = request.header("Authorization", format!("Bearer {}", self.token));
        let mut answer = request.send().await.map_err(no_answer)?;
        let status = answer.status().as_u16();
        let foreign = || OperatorError::Foreign { address: self.address.clone(), status };
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(foreign());
            }
            bytes.extend_from_slice(&chunk);
        }
        let body: Value = serde_json::from_slice(&bytes).map_err(|_| foreign())?;
        if status == 200 {
            return Ok(body);
        }
        let text = |at: &str| body.pointer(at).and_then(Value::as_str).map(str::to_owned);
        let (code, message) = text("/code").zip(text("/message/en")).ok_or_else(foreign)?;
        Err(OperatorError::Refused { status, code, message })
    }
}
