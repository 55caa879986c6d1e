//! The archive's validation service: a frame and a document as JSON, judged without being sent or stored.
//!
//! The contract is the one that vendors' clients of the real service show: an empty 200 passes, a 4xx has a `description`
//! of numbered findings, a text without an XML declaration meets the gateway's block page. Judges what stands in the two
//! texts; registers, rights and phases are not asked, and nobody's certificate is.

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use crate::archive::{Archive, Reply};
use crate::finding::{Finding, Findings};
use crate::intake::frame::{Frame, Subject};
use crate::rules::{message, persons};

const REQUEST_MAX_BYTES: usize = 40 * 1024 * 1024;
const FIELDS: [&str; 5] = ["messageId", "palveluPyynto", "level", "siirtokehysXml", "asiakirjaXml"];
const DECLARATION: &str = "<?xml ";

/// A request, read.
struct Request<'a> {
    service_request: &'a str,
    level: &'a str,
    frame: &'a str,
    document: &'a str,
}

impl Archive {
    /// Validates a frame and its document: JSON `{messageId, palveluPyynto, level, siirtokehysXml, asiakirjaXml}`, all
    /// texts. Nothing is stored and nothing comes into the ledger. Requests over 40 MiB get 413.
    #[must_use]
    pub fn validate_pair(&self, body: &[u8]) -> Reply {
        if body.len() > REQUEST_MAX_BYTES {
            return Reply { status: 413, content_type: "text/plain".to_owned(), body: Vec::new() };
        }
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return findings_reply(&["the request is not JSON".to_owned()]);
        };
        let request = match read(&value) {
            Ok(request) => request,
            Err(missing) => return findings_reply(&missing),
        };
        // The gateway before the service lets nothing through that does not look like an XML document.
        if [request.frame, request.document].iter().any(|text| !text.starts_with(DECLARATION)) {
            return self.block_page();
        }
        let mut said = hygiene(&request);
        if said.is_empty() {
            said = self.judge_pair(&request);
        }
        if said.is_empty() {
            return Reply { status: 200, content_type: "text/plain".to_owned(), body: Vec::new() };
        }
        findings_reply(&said)
    }

    fn judge_pair(&self, request: &Request<'_>) -> Vec<String> {
        let mut findings = Findings::default();
        let read = self.read_pair(request.frame.as_bytes(), request.document.as_bytes(), &mut findings);
        let frame = match &read.frame {
            Ok(frame) => frame,
            Err(unreadable) => {
                findings.extend([unreadable.finding.clone()]);
                return told(findings);
            }
        };
        if read.follows_schema {
            findings.extend(message::check(frame, &frame.sender));
            findings.extend(persons::check_ids([&frame.worker.id], "authorOrPerformer"));
        }
        let mut said = self.judge_contents(frame, request, findings);
        if frame.service_request != request.service_request {
            said.push("palveluPyynto: expected: the frame's service request".to_owned());
        }
        said
    }

    fn judge_contents(&self, frame: &Frame, request: &Request<'_>, mut findings: Findings) -> Vec<String> {
        let Subject::Document(metadata) = &frame.subject else {
            let mut said = told(findings);
            said.push("siirtokehysXml: expected: a store message".to_owned());
            return said;
        };
        findings.extend(message::check_document(metadata));
        match self.examine(frame, metadata, request.document.as_bytes(), &mut findings) {
            Ok(Some(examined)) => findings.extend(examined.signatures),
            Ok(None) => {}
            Err(finding) => findings.extend([finding]),
        }
        told(findings)
    }

    /// What a gateway answers, with any status; the support id is its only content of use.
    fn block_page(&self) -> Reply {
        let support_id = 1_000_000_000_000_000_000 + self.numbers.fetch_add(1, Ordering::Relaxed);
        let page = format!(
            "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. Please consult with your \
             administrator.<br><br>Your support ID is: {support_id}</body></html>"
        );
        Reply { status: 200, content_type: "text/html; charset=utf-8".to_owned(), body: page.into_bytes() }
    }
}

fn read(value: &Value) -> Result<Request<'_>, Vec<String>> {
    let text = |name: &str| value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let missing: Vec<String> = FIELDS
        .into_iter()
        .filter(|name| text(name).is_none())
        .map(|name| format!("{name}: expected: a text that is not empty"))
        .collect();
    match (text("palveluPyynto"), text("level"), text("siirtokehysXml"), text("asiakirjaXml")) {
        (Some(service_request), Some(level), Some(frame), Some(document)) if missing.is_empty() => {
            Ok(Request { service_request, level, frame, document })
        }
        _ => Err(missing),
    }
}

/// What the service says of the texts before it reads them.
fn hygiene(request: &Request<'_>) -> Vec<String> {
    let mut said = Vec::new();
    if request.level != "1" {
        said.push("level: expected: 1".to_owned());
    }
    for (name, text) in [("siirtokehysXml", request.frame), ("asiakirjaXml", request.document)] {
        if text.matches(DECLARATION).count() > 1 {
            said.push(format!("{name}: expected: exactly one XML declaration"));
        }
        let declaration = text.split("?>").next().unwrap_or_default().to_ascii_lowercase();
        let utf8 = !declaration.contains("encoding") || declaration.contains("utf-8");
        if !utf8 {
            said.push(format!("{name}: expected: the encoding UTF-8"));
        }
    }
    // The real service loses the body of a document whose lines end in CR LF, and says that it is missing.
    if request.document.contains('\r') {
        said.push("ClinicalDocument/component: missing nonXMLBody".to_owned());
    }
    if request.frame.contains('\r') {
        said.push("siirtokehysXml: expected: lines that end in LF".to_owned());
    }
    said
}

fn told(findings: Findings) -> Vec<String> {
    let (findings, _) = findings.split();
    findings.iter().map(Finding::to_string).collect()
}

/// Numbered findings, separated by `;`, which therefore stands in none of them.
fn findings_reply(said: &[String]) -> Reply {
    let numbered: Vec<String> =
        said.iter().enumerate().map(|(index, text)| format!("{}: {}", index + 1, text.replace(';', ","))).collect();
    let body = json!({"description": numbered.join("; ")}).to_string().into_bytes();
    Reply { status: 400, content_type: "application/json".to_owned(), body }
}
