//! The archive itself: an HTTP message and its sender in, a reply out. Plain functions over state behind a lock.
//!
//! Knows nothing of TLS, connections or faults; those are `server.rs`. The way of a message, top to bottom: `arrive`
//! reads it and writes it into the ledger, `settle` judges it and answers.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use openssl::sha::sha256;

use crate::answers::{self, AckCode, Sheet};
use crate::clock::Clock;
use crate::faults::MessageKind;
use crate::finding::{Finding, Findings, Rule};
use crate::intake::frame::{self, Frame, FrameDocument, MessageId, Subject, Unreadable};
use crate::intake::multipart::bare_id;
use crate::intake::soap::{self, HttpMessage};
use crate::ledger::{ArrivalKind, Ledger, Verdict};
use crate::oid::Oid;
use crate::registers::Registers;
use crate::rules::{message, persons};
use crate::signature::Trust;
use crate::storage::{self, Bodies, StorageError};
use crate::structures::Structures;
use crate::xml;

mod lookup;
mod taking;
#[cfg(test)]
mod tests;

/// The archive.
pub struct Archive {
    registers: Mutex<Registers>,
    clock: Clock,
    structures: Structures,
    trust: Trust,
    depth: CheckDepth,
    bodies: Bodies,
    ledger: Ledger,
    numbers: AtomicU64,
}

/// How much of a document is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CheckDepth {
    /// Everything.
    #[default]
    Deep,
    /// Not its signatures, schema and content structure: for load.
    Shallow,
}

/// The archive's verdict on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// `AA`, `AE`, or `AR` when it could not be kept.
    pub code: AckCode,
    /// Why it was refused.
    pub findings: Vec<Finding>,
    /// What was noted without refusing.
    pub warnings: Vec<Finding>,
    /// The same bytes had been stored before.
    pub already_stored: bool,
}

impl Acceptance {
    fn refused(finding: Finding) -> Self {
        Self { code: AckCode::Ae, findings: vec![finding], warnings: Vec::new(), already_stored: false }
    }

    fn verdict(&self) -> Verdict {
        let rules = |findings: &[Finding]| findings.iter().map(|finding| finding.rule).collect();
        match (self.code, self.already_stored) {
            (AckCode::Aa, true) => Verdict::AlreadyStored,
            (AckCode::Aa, false) => Verdict::Stored(rules(&self.warnings)),
            (AckCode::Ar, _) => Verdict::NotProcessed,
            _ => Verdict::Refused(rules(&self.findings)),
        }
    }
}

/// An HTTP answer.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The `Content-Type` header.
    pub content_type: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Reply {
    fn xml(status: u16, text: String) -> Self {
        Self { status, content_type: "text/xml; charset=utf-8".to_owned(), body: text.into_bytes() }
    }

    /// A body on disk that cannot be read: the archive's own failure.
    fn unreadable_body(error: &std::io::Error) -> Self {
        tracing::error!(error = %error, "a document's body cannot be read");
        Self::xml(500, String::new())
    }
}

/// A message that has arrived and is in the ledger, not yet judged.
pub(crate) struct Arrival<'a> {
    sequence: u64,
    peer: Oid,
    frame: Result<Frame, Unreadable>,
    findings: Findings,
    document: Option<&'a [u8]>,
}

impl Arrival<'_> {
    /// What kind of message it is, for the faults.
    pub(crate) fn message_kind(&self) -> MessageKind {
        match &self.frame {
            Err(_) => MessageKind::Unreadable,
            Ok(frame) => message_kind(frame),
        }
    }

    /// The document that it is about, when it names one.
    pub(crate) fn document_id(&self) -> Option<&Oid> {
        match &self.frame.as_ref().ok()?.subject {
            Subject::Document(metadata) => Some(&metadata.id),
            Subject::Query(query) => query.document.as_ref(),
        }
    }
}

fn message_kind(frame: &Frame) -> MessageKind {
    match &frame.subject {
        Subject::Document(metadata) if metadata.version > 1 => MessageKind::NewVersion,
        Subject::Document(_) => MessageKind::FirstVersion,
        Subject::Query(_) if frame.service_request == "OURS-FETCH-SUMMARY" => MessageKind::Summary,
        Subject::Query(query) => match (frame.interaction, &query.document) {
            (frame::Interaction::Fetch, _) => MessageKind::Fetch,
            (_, Some(_)) => MessageKind::Question,
            (_, None) => MessageKind::Find,
        },
    }
}

impl Archive {
    pub(crate) fn new(clock: Clock, structures: Structures, trust: Trust) -> Self {
        let (registers, ledger, numbers) = (Mutex::default(), Ledger::default(), AtomicU64::new(1));
        let (depth, bodies) = (CheckDepth::default(), Bodies::default());
        Self { registers, clock, structures, trust, depth, bodies, ledger, numbers }
    }

    pub(crate) fn checking(self, depth: CheckDepth) -> Self {
        Self { depth, ..self }
    }

    /// Keeps bodies and what is needed to find them again in a directory; takes up what is there.
    pub(crate) fn kept_in(mut self, directory: &Path) -> Result<Self, StorageError> {
        let opened = storage::open(directory)?;
        self.bodies = opened.bodies;
        self.recall(opened.records)?;
        self.registers().keep_journal(opened.journal);
        Ok(self)
    }

    /// Forgets every document and the ledger.
    ///
    /// # Errors
    /// When the data directory cannot be written.
    pub fn reset(&self) -> std::io::Result<()> {
        let mut registers = self.registers();
        registers.clear()?;
        self.bodies.clear()?;
        self.ledger.clear();
        Ok(())
    }

    /// The ledger of this archive.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Marks a stored document invalid: it is left out of answers. Tells whether it was there and valid.
    pub fn invalidate(&self, document: &Oid) -> bool {
        self.registers().invalidate(document)
    }

    fn registers(&self) -> MutexGuard<'_, Registers> {
        self.registers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes an HTTP message from `peer`, the organisation of the client certificate, and answers it.
    #[must_use]
    pub fn receive(&self, peer: &Oid, message: &HttpMessage<'_>) -> Reply {
        self.settle(self.arrive(peer, message))
    }

    /// Takes a bare frame and its document, without SOAP and without `text/reference`.
    #[must_use]
    pub fn take_pair(&self, peer: &Oid, frame_xml: &[u8], document_xml: &[u8]) -> Acceptance {
        let arrival = self.arrive_with(peer, None, |findings| read_pair(frame_xml, document_xml, findings));
        let (sequence, acceptance) = (arrival.sequence, self.judge_store(&arrival));
        self.ledger.settle(sequence, acceptance.verdict());
        acceptance
    }

    /// Reads a message and writes it into the ledger.
    pub(crate) fn arrive<'a>(&self, peer: &Oid, message: &HttpMessage<'a>) -> Arrival<'a> {
        // SOAP 1.1 demands the header; an absent one names no interaction.
        let action = message.soap_action.unwrap_or_default();
        self.arrive_with(peer, Some(action), |findings| read_message(message, findings))
    }

    fn arrive_with<'a>(
        &self,
        peer: &Oid,
        soap_action: Option<&str>,
        read: impl FnOnce(&mut Findings) -> (Result<Frame, Unreadable>, Option<&'a [u8]>),
    ) -> Arrival<'a> {
        let mut findings = Findings::default();
        let (frame, document) = read(&mut findings);
        let kind = kind(&frame, document);
        if let Ok(frame) = &frame {
            findings.extend(message::check(frame, peer, soap_action));
            findings.extend(persons::check_ids([&frame.worker.id], "authorOrPerformer"));
        }
        let sequence = self.ledger.arrived(self.clock.now(), peer.clone(), kind);
        Arrival { sequence, peer: peer.clone(), frame, findings, document }
    }

    /// Notes that an arrival was not looked at.
    pub(crate) fn lose(&self, arrival: &Arrival<'_>) {
        self.ledger.settle(arrival.sequence, Verdict::NotProcessed);
    }

    /// Answers `AR`: not processed.
    pub(crate) fn turn_away(&self, arrival: &Arrival<'_>) -> Reply {
        self.lose(arrival);
        match &arrival.frame {
            Ok(frame) => self.acknowledge(&arrival.peer, &frame.id, AckCode::Ar, &[]),
            Err(unreadable) => self.answer_unreadable(&arrival.peer, unreadable),
        }
    }

    /// Judges an arrival and answers it.
    pub(crate) fn settle(&self, arrival: Arrival<'_>) -> Reply {
        let (verdict, reply) = match &arrival.frame {
            Err(unreadable) => {
                let refused = Verdict::Refused(vec![unreadable.finding.rule]);
                (refused, self.answer_unreadable(&arrival.peer, unreadable))
            }
            Ok(frame) => match &frame.subject {
                Subject::Document(_) => {
                    let acceptance = self.judge_store(&arrival);
                    let reply = self.acknowledge(&arrival.peer, &frame.id, acceptance.code, &acceptance.findings);
                    (acceptance.verdict(), reply)
                }
                Subject::Query(query) => self.answer_query(frame, query, &arrival),
            },
        };
        self.ledger.settle(arrival.sequence, verdict);
        reply
    }

    fn judge_store(&self, arrival: &Arrival<'_>) -> Acceptance {
        let frame = match &arrival.frame {
            Ok(frame) => frame,
            Err(unreadable) => return Acceptance::refused(unreadable.finding.clone()),
        };
        let Subject::Document(metadata) = &frame.subject else {
            return Acceptance::refused(Finding::new(Rule::MessageInteraction, "message"));
        };
        let mut findings = arrival.findings.clone();
        findings.extend(message::check_document(metadata));
        match arrival.document {
            Some(bytes) if !findings.refuse() => self.take(frame, metadata, bytes, findings),
            _ => {
                findings.require(
                    arrival.document.is_some(),
                    Rule::MessageAttachment,
                    "clinicalDocument/text/reference",
                );
                let (findings, warnings) = findings.split();
                Acceptance { code: AckCode::Ae, findings, warnings, already_stored: false }
            }
        }
    }

    fn acknowledge(&self, to: &Oid, target: &MessageId, code: AckCode, findings: &[Finding]) -> Reply {
        Reply::xml(200, answers::acceptance(&self.sheet(to), target, code, findings))
    }

    /// With an id the message can be refused; without, it is no message.
    fn answer_unreadable(&self, to: &Oid, unreadable: &Unreadable) -> Reply {
        match &unreadable.id {
            Some(id) => self.acknowledge(to, id, AckCode::Ae, std::slice::from_ref(&unreadable.finding)),
            None => Reply::xml(400, answers::fault(unreadable.finding.rule.text())),
        }
    }

    fn sheet(&self, to: &Oid) -> Sheet {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        Sheet { number, now: self.clock.now_in_helsinki(), to: to.to_string() }
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Archive(..)")
    }
}

type Read<'a> = (Result<Frame, Unreadable>, Option<&'a [u8]>);

fn no_message(at: &str) -> Unreadable {
    Unreadable { id: None, finding: Finding::new(Rule::MessageForm, at) }
}

fn read_message<'a>(message: &HttpMessage<'a>, findings: &mut Findings) -> Read<'a> {
    let Some(parts) = soap::parts(message) else {
        return (Err(no_message("Content-Type")), None);
    };
    let Some(envelope) = std::str::from_utf8(parts.envelope).ok().and_then(|text| xml::parse(text).ok()) else {
        return (Err(no_message("envelope")), None);
    };
    let Some(root) = soap::message(&envelope) else {
        return (Err(no_message("Envelope/Body")), None);
    };
    findings.extend(persons::check_xml(&envelope, "frame"));
    let frame = frame::read(root);
    let document = frame.as_ref().ok().and_then(|frame| attached(frame, &parts));
    (frame, document)
}

/// The part that `text/reference` names, when there is exactly one.
fn attached<'a>(frame: &Frame, parts: &soap::Parts<'a>) -> Option<&'a [u8]> {
    let Subject::Document(metadata) = &frame.subject else {
        return None;
    };
    let FrameDocument { reference: Some(reference), .. } = metadata.as_ref() else {
        return None;
    };
    let id = bare_id(reference.strip_prefix("cid:")?);
    let mut named = parts.attachments.iter().filter(|part| part.content_id.as_deref() == Some(id.as_str()));
    let part = named.next()?;
    (named.next().is_none() && parts.attachments.len() == 1).then_some(part.body)
}

fn read_pair<'a>(frame_xml: &[u8], document_xml: &'a [u8], findings: &mut Findings) -> Read<'a> {
    let Some(frame) = std::str::from_utf8(frame_xml).ok().and_then(|text| xml::parse(text).ok()) else {
        return (Err(no_message("frame")), None);
    };
    findings.extend(persons::check_xml(&frame, "frame"));
    (frame::read(frame.root_element()), Some(document_xml))
}

fn kind(frame: &Result<Frame, Unreadable>, document: Option<&[u8]>) -> ArrivalKind {
    let Ok(frame) = frame else {
        return ArrivalKind::Unreadable;
    };
    match &frame.subject {
        Subject::Document(metadata) => {
            let (document_id, set_id) = (metadata.id.clone(), metadata.set_id.clone());
            ArrivalKind::Store { document_id, set_id, version: metadata.version, body_sha256: document.map(sha256) }
        }
        Subject::Query(query) => match (frame.interaction, &query.document) {
            (frame::Interaction::Fetch, document) => ArrivalKind::Fetch { document_id: document.clone() },
            (_, Some(document)) => ArrivalKind::Question { document_id: document.clone() },
            (_, None) => ArrivalKind::Find,
        },
    }
}
