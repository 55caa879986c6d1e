//! The control listener: plain HTTP and JSON on loopback, on a port of its own. What a test does with functions, a program in
//! another language or a person with curl does here.
//!
//! | call | what it does |
//! |---|---|
//! | `GET /health` | the archive's address and clock |
//! | `GET`, `PUT /clock` | `{"set": INSTANT}`, `{"advance_secs": N}` or `{"system": true}` |
//! | `GET /faults` | what waits, what is held, what has happened |
//! | `POST /faults` | adds a script, JSON or (with `Content-Type: application/toml`) TOML |
//! | `DELETE /faults` | forgets the script and releases what is held |
//! | `POST /faults/release` | releases what is held |
//! | `GET /ledger`, `/ledger/report` | every arrival, as JSON or as text |
//! | `GET /ledger/assertions` | the ledger's promises: kept or broken, and how |
//! | `GET`, `PUT /standings` | `{OID: STANDING}`: which organisations have joined, and in which phase |
//! | `POST /reset` | forgets documents, ledger and faults |
//! | `POST /shark-validointi/validoi/asiakirja/tulos` | the validation service: judges a frame and a document as JSON |
//!
//! Anybody on this machine may call it, but no web page in a browser: a request whose `Host` is not loopback gets 403.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::archive::{Archive, Reply};
use crate::clock::Clock;
use crate::faults::{Faults, Script};
use crate::joining::Standing;
use crate::ledger::{Entry, Ledger, LedgerBreach};
use crate::oid::Oid;

const BODY_MAX_BYTES: usize = 20 * 1024 * 1024;
/// The path of the real validation service.
const VALIDATION: &str = "/shark-validointi/validoi/asiakirja/tulos";
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// What the control listener steers.
pub(super) struct Steered {
    pub(super) url: String,
    pub(super) archive: Arc<Archive>,
    pub(super) clock: Clock,
    pub(super) faults: Faults,
}

/// A running control listener; it ends when it is dropped.
pub(super) struct Control {
    pub(super) address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Control {
    pub(super) async fn start(port: u16, steered: Steered) -> std::io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let address = listener.local_addr()?;
        Ok(Self { address, task: tokio::spawn(listen(listener, Arc::new(steered))) })
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, steered: Arc<Steered>) {
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(error = %error, "control: cannot accept");
                continue;
            }
        };
        let steered = Arc::clone(&steered);
        tokio::spawn(async move {
            let service = service_fn(|request| handle(request, Arc::clone(&steered)));
            let mut http = hyper::server::conn::http1::Builder::new();
            let served = http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
            if let Err(error) = served.serve_connection(TokioIo::new(stream), service).await {
                tracing::debug!(error = %error, "control: connection ended");
            }
        });
    }
}

/// Status and answer.
enum Said {
    Json(StatusCode, Value),
    Text(String),
    Reply(Reply),
}

impl Said {
    fn ok(value: Value) -> Self {
        Self::Json(StatusCode::OK, value)
    }

    fn bad(why: impl std::fmt::Display) -> Self {
        Self::Json(StatusCode::BAD_REQUEST, json!({"error": why.to_string()}))
    }
}

async fn handle(
    request: Request<Incoming>,
    steered: Arc<Steered>,
) -> Result<Response<Full<Bytes>>, std::convert::Infallible> {
    let (parts, body) = request.into_parts();
    let header = |name| parts.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let said = if is_loopback(header(HOST)) {
        match Limited::new(body, BODY_MAX_BYTES).collect().await {
            Ok(body) => {
                let toml = header(CONTENT_TYPE).starts_with("application/toml");
                steered.answer(&parts.method, parts.uri.path(), &body.to_bytes(), toml)
            }
            Err(_) => Said::Json(StatusCode::PAYLOAD_TOO_LARGE, json!({"error": "more than 20 MiB"})),
        }
    } else {
        Said::Json(StatusCode::FORBIDDEN, json!({"error": "expected a loopback Host"}))
    };
    let reply = match said {
        Said::Json(status, value) => {
            let body = format!("{value:#}\n").into_bytes();
            Reply { status: status.as_u16(), content_type: "application/json".to_owned(), body }
        }
        Said::Text(text) => {
            Reply { status: 200, content_type: "text/plain; charset=utf-8".to_owned(), body: text.into_bytes() }
        }
        Said::Reply(reply) => reply,
    };
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(content_type) = HeaderValue::from_str(&reply.content_type) {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    Ok(response)
}

/// A page in a browser that has had its name resolved to this machine shows that name here.
fn is_loopback(host: &str) -> bool {
    let name = host
        .rsplit_once(':')
        .map_or(host, |(name, port)| if port.bytes().all(|byte| byte.is_ascii_digit()) { name } else { host });
    matches!(name, "127.0.0.1" | "localhost" | "[::1]")
}

impl Steered {
    fn answer(&self, method: &Method, path: &str, body: &[u8], toml: bool) -> Said {
        match (method.as_str(), path) {
            ("GET", "/health") => Said::ok(json!({"status": "ok", "url": self.url, "clock": self.clock()})),
            ("GET", "/clock") => Said::ok(self.clock()),
            ("PUT", "/clock") => self.set_clock(body),
            ("GET", "/faults") => Said::ok(self.faults()),
            ("POST", "/faults") => self.play(body, toml),
            ("POST", "/faults/release") => {
                self.faults.release();
                Said::ok(self.faults())
            }
            ("DELETE", "/faults") => {
                self.faults.clear();
                Said::ok(self.faults())
            }
            ("GET", "/ledger") => Said::ok(self.ledger().entries().iter().map(entry).collect()),
            ("GET", "/ledger/report") => Said::Text(self.ledger().to_string()),
            ("GET", "/ledger/assertions") => Said::ok(assertions(self.ledger())),
            ("GET", "/standings") => Said::ok(self.standings()),
            ("PUT", "/standings") => self.set_standings(body),
            ("POST", "/reset") => self.reset(),
            ("POST", VALIDATION) => Said::Reply(self.archive.validate_pair(body)),
            _ => Said::Json(StatusCode::NOT_FOUND, json!({"error": "no such call"})),
        }
    }

    fn ledger(&self) -> &Ledger {
        self.archive.ledger()
    }

    fn clock(&self) -> Value {
        json!({"now": self.clock.now().to_string(), "stands": self.clock.stands()})
    }

    fn set_clock(&self, body: &[u8]) -> Said {
        let Ok(Value::Object(wanted)) = serde_json::from_slice(body) else {
            return Said::bad("expected an object");
        };
        let mut wanted = wanted.into_iter();
        match (wanted.next(), wanted.next()) {
            (Some((key, Value::String(at))), None) if key == "set" => match at.parse() {
                Ok(instant) => self.clock.set(instant),
                Err(_) => return Said::bad("set: expected an instant such as 2026-11-22T10:00:00Z"),
            },
            (Some((key, Value::Number(seconds))), None) if key == "advance_secs" => match seconds.as_u64() {
                Some(seconds) => self.clock.advance(Duration::from_secs(seconds)),
                None => return Said::bad("advance_secs: expected a whole number"),
            },
            (Some((key, Value::Bool(true))), None) if key == "system" => self.clock.set_to_system(),
            _ => return Said::bad("expected set, advance_secs or system: true"),
        }
        Said::ok(self.clock())
    }

    fn standings(&self) -> Value {
        let standings = self.archive.known_standings().into_iter();
        standings.map(|(organisation, standing)| (organisation.to_string(), standing.to_string())).collect()
    }

    /// All of them or, when one cannot be read, none.
    fn set_standings(&self, body: &[u8]) -> Said {
        let Ok(wanted) = serde_json::from_slice::<BTreeMap<Oid, String>>(body) else {
            return Said::bad("expected an object of organisations' OIDs and their standing");
        };
        let read =
            |(organisation, word): (Oid, String)| word.parse().map(|standing: Standing| (organisation, standing));
        match wanted.into_iter().map(read).collect::<Result<Vec<_>, _>>() {
            Ok(standings) => {
                standings
                    .into_iter()
                    .for_each(|(organisation, standing)| self.archive.set_standing(organisation, standing));
                Said::ok(self.standings())
            }
            Err(error) => Said::bad(error),
        }
    }

    fn faults(&self) -> Value {
        let (happened, count) = self.faults.happened();
        let happened: Vec<Value> = happened
            .iter()
            .map(|one| json!({"fault": one.fault.to_string(), "on": one.kind.map(|kind| kind.to_string())}))
            .collect();
        let (waiting, held) = (self.faults.waiting(), self.faults.held());
        json!({"waiting": waiting, "held": held, "happened_count": count, "happened": happened})
    }

    fn play(&self, body: &[u8], toml: bool) -> Said {
        let script = if toml { Script::from_toml(&String::from_utf8_lossy(body)) } else { Script::from_json(body) };
        match script
            .map_err(|error| error.to_string())
            .and_then(|script| self.faults.play(script).map_err(|error| error.to_string()))
        {
            Ok(()) => Said::ok(self.faults()),
            Err(error) => Said::bad(error),
        }
    }

    fn reset(&self) -> Said {
        self.faults.clear();
        match self.archive.reset() {
            Ok(()) => Said::ok(json!({"status": "ok"})),
            Err(error) => Said::Json(StatusCode::INTERNAL_SERVER_ERROR, json!({"error": error.to_string()})),
        }
    }
}

fn entry(entry: &Entry) -> Value {
    json!({
        "sequence": entry.sequence,
        "at": entry.at.to_string(),
        "sender": entry.sender.as_str(),
        "what": entry.kind.to_string(),
        "verdict": entry.verdict.to_string(),
    })
}

fn assertions(ledger: &Ledger) -> Value {
    let kept = |held: Result<(), LedgerBreach>| match held {
        Ok(()) => json!({"kept": true}),
        Err(breach) => json!({"kept": false, "breach": breach.to_string()}),
    };
    json!({
        "no_unasked_second_arrival": kept(ledger.assert_no_unasked_second_arrival()),
        "stored_once": kept(ledger.stored_once().map(drop)),
        "nothing_arrived_twice": kept(ledger.assert_nothing_arrived_twice()),
        "order_in_each_chain": kept(ledger.assert_order_in_each_chain()),
    })
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_loopback_names_are_hosts() {
        for host in ["127.0.0.1:8080", "localhost", "localhost:1", "[::1]:80"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["", "evil.example", "evil.example:80", "127.0.0.1.evil.example", "127.0.0.1:evil"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
