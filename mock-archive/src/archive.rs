//! The archive itself: an HTTP message and its sender in, a reply out. Plain functions over state behind a lock.
//!
//! Knows nothing of TLS, connections or faults; those are `server.rs`. The way of a message, top to bottom: `arrive`
//! reads it and writes it into the ledger, `settle` judges it and answers.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use openssl::sha::sha256;

use crate::answers::{self, AckCode, Sheet};
use crate::clock::Clock;
use crate::faults::MessageKind;
use crate::finding::{Finding, Findings, Rule};
use crate::intake::frame::{self, DocumentText, Frame, MessageId, Subject, Unreadable};
use crate::intake::multipart::bare_id;
use crate::intake::soap::{self, HttpMessage, Manner, SoapVersion};
use crate::joining::{Standing, Standings};
use crate::ledger::{ArrivalKind, Ledger, Verdict};
use crate::oid::Oid;
use crate::registers::Registers;
use crate::roles::Roles;
use crate::rules::{message, persons};
use crate::schemas;
use crate::signature::Trust;
use crate::storage::{self, Bodies, StorageError};
use crate::structures::Structures;
use crate::xml;

mod invalidating;
mod lookup;
mod summary;
mod taking;
#[cfg(test)]
mod tests;
mod validating;

/// How an archive behaves where the page leaves it a choice, and what it knows of the world around it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) standings: Standings,
    pub(crate) roles: Roles,
    /// A fetch is answered with the document in `text`, not in a part of its own.
    pub(crate) answers_inline: bool,
    /// Messages and documents are not held against the XSDs.
    pub(crate) without_schemas: bool,
}

/// The archive.
pub struct Archive {
    registers: Mutex<Registers>,
    standings: Mutex<Standings>,
    roles: Roles,
    answers_inline: bool,
    without_schemas: bool,
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
    /// An envelope by itself; in SOAP 1.2 the media type names the action.
    fn envelope(status: u16, soap: SoapVersion, action: &str, text: String) -> Self {
        let media_type = soap.media_type();
        let action = match soap {
            SoapVersion::V11 => String::new(),
            SoapVersion::V12 => format!("; action=\"{}{action}\"", message::ACTION_PREFIX),
        };
        let content_type = format!("{media_type}; charset=utf-8{action}");
        Self { status, content_type, body: text.into_bytes() }
    }

    /// Registers or a body on disk that cannot be read or written: the archive's own failure.
    fn unreadable(error: &std::io::Error) -> Self {
        tracing::error!(error = %error, "registers or bodies cannot be read or written");
        Self { status: 500, content_type: "text/plain".to_owned(), body: Vec::new() }
    }
}

/// A message that has arrived and is in the ledger, not yet judged.
pub(crate) struct Arrival<'a> {
    sequence: u64,
    peer: Oid,
    manner: Manner,
    frame: Result<Frame, Unreadable>,
    findings: Findings,
    document: Option<Delivered<'a>>,
}

/// A document's bytes and their SHA-256.
struct Delivered<'a> {
    bytes: Cow<'a, [u8]>,
    sha256: [u8; 32],
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
            Subject::Invalidation(invalidation) => invalidation.id.as_ref().or(Some(&invalidation.set_id)),
            Subject::Query(query) => query.document.as_ref(),
        }
    }
}

fn message_kind(frame: &Frame) -> MessageKind {
    match &frame.subject {
        Subject::Document(metadata) if metadata.version > 1 => MessageKind::NewVersion,
        Subject::Document(_) => MessageKind::FirstVersion,
        Subject::Invalidation(_) => MessageKind::Invalidation,
        Subject::Query(_) if frame.service_request == message::SUMMARY => MessageKind::Summary,
        Subject::Query(query) => match (frame.interaction, &query.document) {
            (frame::Interaction::Fetch, _) => MessageKind::Fetch,
            (_, Some(_)) => MessageKind::Question,
            (_, None) => MessageKind::Find,
        },
    }
}

impl Archive {
    pub(crate) fn try_new(
        clock: Clock,
        structures: Structures,
        trust: Trust,
        settings: Settings,
    ) -> Result<Self, StorageError> {
        let (registers, ledger, numbers) = (Registers::in_memory()?, Ledger::default(), AtomicU64::new(1));
        let (depth, bodies) = (CheckDepth::default(), Bodies::default());
        let Settings { standings, roles, answers_inline, without_schemas } = settings;
        let (registers, standings) = (Mutex::new(registers), Mutex::new(standings));
        Ok(Self {
            registers,
            standings,
            roles,
            answers_inline,
            without_schemas,
            clock,
            structures,
            trust,
            depth,
            bodies,
            ledger,
            numbers,
        })
    }

    pub(crate) fn checking(self, depth: CheckDepth) -> Self {
        Self { depth, ..self }
    }

    /// Keeps bodies and what is needed to find them again in a directory; takes up what is there.
    pub(crate) fn kept_in(mut self, directory: &Path) -> Result<Self, StorageError> {
        let opened = storage::open(directory)?;
        self.bodies = opened.bodies;
        self.registers = Mutex::new(Registers::in_file(&directory.join(storage::INDEX))?);
        self.recall(opened.records)?;
        self.registers().keep_journal(opened.journal);
        self.ledger.keep_older_in(&directory.join(storage::LEDGER))?;
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
    ///
    /// # Errors
    /// When the data directory cannot be read or written.
    pub fn invalidate(&self, document: &Oid) -> std::io::Result<bool> {
        self.registers().invalidate(document, self.clock.now())
    }

    /// Says from now on whether an organisation has joined, and in which phase. A data directory keeps it: it comes before what
    /// the builder says at the next start.
    pub fn set_standing(&self, organisation: Oid, standing: Standing) {
        // Nobody locks the registers while holding the standings, so the journal comes first.
        self.registers().note_standing(&organisation, standing, self.clock.now());
        self.standings().set(organisation, standing);
    }

    /// The organisations whose standing was set; every other one has joined and is in phase 2.
    pub(crate) fn known_standings(&self) -> BTreeMap<Oid, Standing> {
        self.standings().all()
    }

    fn standings(&self) -> MutexGuard<'_, Standings> {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner)
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
        let arrival = self.arrive_with(peer, |findings| self.read_pair(frame_xml, document_xml, findings));
        let (sequence, acceptance) = (arrival.sequence, self.judge_store(&arrival));
        self.ledger.settle(sequence, acceptance.verdict());
        acceptance
    }

    /// Reads a message and writes it into the ledger.
    pub(crate) fn arrive<'a>(&self, peer: &Oid, message: &HttpMessage<'a>) -> Arrival<'a> {
        self.arrive_with(peer, |findings| {
            let read = self.read_message(message, findings);
            if let (Ok(frame), true) = (&read.frame, read.follows_schema) {
                findings.extend(message::check_manner(frame, &read.manner));
            }
            read
        })
    }

    fn arrive_with<'a>(&self, peer: &Oid, read: impl FnOnce(&mut Findings) -> Read<'a>) -> Arrival<'a> {
        let mut findings = Findings::default();
        let Read { frame, document, manner, follows_schema } = read(&mut findings);
        let document = document.map(|bytes| Delivered { sha256: sha256(&bytes), bytes });
        let kind = kind(&frame, document.as_ref().map(|document| document.sha256));
        // What a message of another structure means is not asked.
        if let (Ok(frame), true) = (&frame, follows_schema) {
            findings.extend(message::check(frame, peer));
            let joined = self.standings().has_joined(&frame.sender);
            findings.require(joined, Rule::OrganisationJoined, "sender/device/id");
            findings.extend(persons::check_ids([&frame.worker.id], "authorOrPerformer"));
        }
        let sequence = self.ledger.arrived(self.clock.now(), peer.clone(), kind);
        Arrival { sequence, peer: peer.clone(), manner, frame, findings, document }
    }

    fn read_message<'a>(&self, message: &HttpMessage<'a>, findings: &mut Findings) -> Read<'a> {
        let Some(parts) = soap::parts(message) else {
            return Read::nothing("Content-Type", Manner::default());
        };
        let mut manner = Manner { soap: parts.soap, action: parts.action.clone(), addressing: None };
        let Some((text, xml)) = parsed(parts.envelope) else {
            return Read::nothing("envelope", manner);
        };
        let Some(envelope) = soap::open(&xml, parts.soap) else {
            return Read::nothing("Envelope", manner);
        };
        manner.addressing = envelope.addressing;
        findings.extend(persons::check_xml(&xml, "frame"));
        let follows_schema = self.check_message_schema(text, findings);
        let mut frame = frame::read(envelope.message);
        let document = frame.as_mut().ok().and_then(|frame| carried(frame, &parts));
        Read { frame, document, manner, follows_schema }
    }

    fn read_pair<'a>(&self, frame_xml: &[u8], document_xml: &'a [u8], findings: &mut Findings) -> Read<'a> {
        let Some((text, xml)) = parsed(frame_xml) else {
            return Read::nothing("frame", Manner::default());
        };
        findings.extend(persons::check_xml(&xml, "frame"));
        let follows_schema = self.check_message_schema(text, findings);
        let frame = frame::read(xml.root_element());
        Read { frame, document: Some(Cow::Borrowed(document_xml)), manner: Manner::default(), follows_schema }
    }

    fn checks_schemas(&self) -> bool {
        !self.without_schemas && self.depth == CheckDepth::Deep
    }

    fn check_message_schema(&self, text: &str, findings: &mut Findings) -> bool {
        let found = if self.checks_schemas() { schemas::check_message(text) } else { Vec::new() };
        let follows = found.is_empty();
        findings.extend(found);
        follows
    }

    /// Notes that an arrival was not looked at.
    pub(crate) fn lose(&self, arrival: &Arrival<'_>) {
        self.ledger.settle(arrival.sequence, Verdict::NotProcessed);
    }

    /// Answers `AR`: not processed.
    pub(crate) fn turn_away(&self, arrival: &Arrival<'_>) -> Reply {
        self.lose(arrival);
        match &arrival.frame {
            Ok(frame) => self.acknowledge(arrival, &frame.id, AckCode::Ar, &[]),
            Err(unreadable) => self.answer_unreadable(arrival, unreadable),
        }
    }

    /// Judges an arrival and answers it.
    pub(crate) fn settle(&self, arrival: Arrival<'_>) -> Reply {
        let (verdict, reply) = match &arrival.frame {
            Err(unreadable) => {
                let refused = Verdict::Refused(vec![unreadable.finding.rule]);
                (refused, self.answer_unreadable(&arrival, unreadable))
            }
            Ok(frame) => match &frame.subject {
                Subject::Document(_) => {
                    let acceptance = self.judge_store(&arrival);
                    let reply = self.acknowledge(&arrival, &frame.id, acceptance.code, &acceptance.findings);
                    (acceptance.verdict(), reply)
                }
                Subject::Invalidation(invalidation) => self.answer_invalidation(frame, invalidation, &arrival),
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
        match &arrival.document {
            Some(document) if !findings.refuse() => self.take(frame, metadata, document, findings),
            _ => {
                findings.require(arrival.document.is_some(), Rule::MessageAttachment, "clinicalDocument/text");
                let (findings, warnings) = findings.split();
                Acceptance { code: AckCode::Ae, findings, warnings, already_stored: false }
            }
        }
    }

    fn acknowledge(&self, to: &Arrival<'_>, target: &MessageId, code: AckCode, findings: &[Finding]) -> Reply {
        let text = answers::acceptance(&self.sheet(to), target, code, findings);
        Reply::envelope(200, to.manner.soap, answers::ACCEPTANCE, text)
    }

    /// With an id the message can be refused; without, it is no message.
    fn answer_unreadable(&self, to: &Arrival<'_>, unreadable: &Unreadable) -> Reply {
        match &unreadable.id {
            Some(id) => self.acknowledge(to, id, AckCode::Ae, std::slice::from_ref(&unreadable.finding)),
            None => {
                let text = answers::fault(to.manner.soap, unreadable.finding.rule.text());
                Reply::envelope(400, to.manner.soap, "fault", text)
            }
        }
    }

    fn sheet(&self, to: &Arrival<'_>) -> Sheet {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let relates_to = to.manner.addressing.as_ref().and_then(|addressing| addressing.message_id.clone());
        let soap = to.manner.soap;
        Sheet { number, now: self.clock.now_in_helsinki(), to: to.peer.to_string(), soap, relates_to }
    }
}

impl std::fmt::Debug for Archive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Archive(..)")
    }
}

/// What was read of an arrival.
struct Read<'a> {
    frame: Result<Frame, Unreadable>,
    document: Option<Cow<'a, [u8]>>,
    manner: Manner,
    follows_schema: bool,
}

impl Read<'_> {
    fn nothing(at: &str, manner: Manner) -> Self {
        let unreadable = Unreadable { id: None, finding: Finding::new(Rule::MessageForm, at) };
        Self { frame: Err(unreadable), document: None, manner, follows_schema: false }
    }
}

fn parsed(bytes: &[u8]) -> Option<(&str, roxmltree::Document<'_>)> {
    let text = std::str::from_utf8(bytes).ok()?;
    Some((text, xml::parse(text).ok()?))
}

/// The document: from the part that `text/reference` names, when there is exactly one, or from `text` itself.
fn carried<'a>(frame: &mut Frame, parts: &soap::Parts<'a>) -> Option<Cow<'a, [u8]>> {
    let Subject::Document(metadata) = &mut frame.subject else {
        return None;
    };
    match std::mem::replace(&mut metadata.text, DocumentText::Nowhere) {
        DocumentText::Part(reference) => {
            let id = bare_id(reference.strip_prefix("cid:")?);
            let mut named = parts.attachments.iter().filter(|part| part.content_id.as_deref() == Some(id.as_str()));
            let part = named.next()?;
            (named.next().is_none() && parts.attachments.len() == 1).then_some(Cow::Borrowed(part.body))
        }
        DocumentText::Inline(bytes) => parts.attachments.is_empty().then_some(Cow::Owned(bytes)),
        DocumentText::Nowhere => None,
    }
}

fn kind(frame: &Result<Frame, Unreadable>, body_sha256: Option<[u8; 32]>) -> ArrivalKind {
    let Ok(frame) = frame else {
        return ArrivalKind::Unreadable;
    };
    match &frame.subject {
        Subject::Document(metadata) => {
            let (document_id, set_id) = (metadata.id.clone(), metadata.set_id.clone());
            ArrivalKind::Store { document_id, set_id, version: metadata.version, body_sha256 }
        }
        Subject::Invalidation(invalidation) => {
            ArrivalKind::Invalidation { set_id: invalidation.set_id.clone(), document_id: invalidation.id.clone() }
        }
        Subject::Query(query) => match (frame.interaction, &query.document) {
            (frame::Interaction::Fetch, document) => ArrivalKind::Fetch { document_id: document.clone() },
            (_, Some(document)) => ArrivalKind::Question { document_id: document.clone() },
            (_, None) => ArrivalKind::Find,
        },
    }
}
