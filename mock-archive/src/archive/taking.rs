//! Taking a document: recognise a repetition, judge by every rule, store. Called by `archive.rs` for a store message.

use std::io;

use jiff::Timestamp;

use crate::answers::AckCode;
use crate::archive::{Acceptance, Archive, CheckDepth, Delivered};
use crate::finding::{Finding, Findings, Rule};
use crate::intake::content;
use crate::intake::document::{self, ArchiveDocument};
use crate::intake::frame::{Frame, FrameDocument};
use crate::oid::Oid;
use crate::registers::{CASE, RELATIONSHIP, Stored};
use crate::rules::access::Circumstances;
use crate::rules::{access, document as document_rules, pair, persons, versions};
use crate::schemas;
use crate::signature;
use crate::storage::{Body, Record, Records, StorageError};
use crate::xml;

/// A document as far as it can be judged without looking at what the archive holds.
pub(super) struct Examined {
    pub(super) document: ArchiveDocument,
    /// What its signatures have to say; last in the answer.
    pub(super) signatures: Findings,
}

impl Archive {
    /// Judges a document whose message is in order, and stores it when no rule refuses. What the archive cannot look up or keep,
    /// it has not processed.
    pub(super) fn take(
        &self,
        frame: &Frame,
        metadata: &FrameDocument,
        delivered: &Delivered<'_>,
        findings: Findings,
    ) -> Acceptance {
        self.try_take(frame, metadata, delivered, findings).unwrap_or_else(|error| {
            tracing::error!(error = %error, "registers or bodies cannot be read or written");
            Acceptance { code: AckCode::Ar, findings: Vec::new(), warnings: Vec::new(), already_stored: false }
        })
    }

    fn try_take(
        &self,
        frame: &Frame,
        metadata: &FrameDocument,
        delivered: &Delivered<'_>,
        mut findings: Findings,
    ) -> io::Result<Acceptance> {
        let known = self.registers().held(&metadata.id)?;
        if let Some(known) = known {
            return self.repetition(&known.document, &frame.sender, &delivered.bytes);
        }
        // Most of the work, so without the lock: other messages are judged meanwhile.
        let Examined { document, signatures } = match self.examine(frame, metadata, &delivered.bytes, &mut findings) {
            Ok(Some(examined)) => examined,
            Ok(None) => return Ok(refused(findings)),
            Err(finding) => {
                findings.extend([finding]);
                return Ok(refused(findings));
            }
        };
        let mut registers = self.registers();
        if let Some(known) = registers.held(&metadata.id)? {
            return self.repetition(&known.document, &frame.sender, &delivered.bytes);
        }
        findings.extend(versions::check(&document, &registers)?);
        let standings = self.standings();
        let (roles, today) = (&self.roles, self.clock.today());
        let known = Circumstances { registers: &registers, standings: &standings, roles, today };
        findings.extend(access::check_store(frame, &document, known)?);
        drop(standings);
        findings.extend(signatures);
        if findings.refuse() {
            return Ok(refused(findings));
        }
        let body = self.bodies.keep(&delivered.bytes)?;
        registers.store(&stored(document, &frame.sender, body, self.clock.now()))?;
        let (_, warnings) = findings.split();
        Ok(Acceptance { code: AckCode::Aa, findings: Vec::new(), warnings, already_stored: false })
    }

    pub(super) fn examine(
        &self,
        frame: &Frame,
        metadata: &FrameDocument,
        bytes: &[u8],
        findings: &mut Findings,
    ) -> Result<Option<Examined>, Finding> {
        let unreadable = |_| Finding::new(Rule::DocumentForm, "document");
        let text = std::str::from_utf8(bytes).map_err(|_| Finding::new(Rule::DocumentForm, "document"))?;
        let xml = xml::parse(text).map_err(unreadable)?;
        findings.extend(persons::check_xml(&xml, "document"));
        let by_schema = if self.checks_schemas() { schemas::check_document(text) } else { Vec::new() };
        let follows_schema = by_schema.is_empty();
        findings.extend(by_schema);
        let document = match document::read(&xml) {
            // The schema has said it more exactly.
            Err(finding) if follows_schema => return Err(finding),
            Err(_) => return Ok(None),
            Ok(document) => document,
        };
        findings.extend(persons::check_ids(document.clients.iter().map(|client| &client.id), "recordTarget"));
        findings.extend(persons::check_ids(&document.authors, "author"));
        findings.extend(persons::check_ids(&content::client_codes(&document.content), "nonXMLBody/json: asiakas"));
        findings.extend(persons::check_content(&document.content));
        let display = xml::parse(document.display.trim_start()).ok();
        if let Some(display) = &display {
            findings.extend(persons::check_xml(display, "nonXMLBody/text"));
        }
        findings.extend(pair::check(frame, metadata, &document));
        findings.extend(document_rules::check(&document, display.as_ref()));
        drop(display);
        let mut signatures = Findings::default();
        if self.depth == CheckDepth::Deep {
            findings.extend(self.structures.check(&document.social.content_specification, &document.content));
            match signature::verify(text, &self.trust) {
                Ok(found) => signatures.extend(document_rules::check_signers(&document, &found, &frame.sender)),
                Err(finding) => signatures.extend([finding]),
            }
        }
        Ok(Some(Examined { document, signatures }))
    }

    /// The same bytes from the same sender are taken again as taken; anything else under the id is refused.
    fn repetition(&self, known: &Stored, sender: &Oid, bytes: &[u8]) -> io::Result<Acceptance> {
        if known.sender == *sender && *self.bodies.read(known.body)? == *bytes {
            let (findings, warnings) = (Vec::new(), Vec::new());
            return Ok(Acceptance { code: AckCode::Aa, findings, warnings, already_stored: true });
        }
        Ok(Acceptance::refused(Finding::new(Rule::DuplicateId, "clinicalDocument/id")))
    }

    /// Takes up what an earlier run has kept in its data directory.
    pub(crate) fn recall(&self, records: Records) -> Result<(), StorageError> {
        let mut registers = self.registers();
        for record in records {
            match record? {
                Record::Stored { sender, body, at } => {
                    let bytes = self.bodies.read(body)?;
                    let text = std::str::from_utf8(&bytes).map_err(|_| StorageError::Body)?;
                    let xml = xml::parse(text).map_err(|_| StorageError::Body)?;
                    let document = document::read(&xml).map_err(|_| StorageError::Body)?;
                    // Written down, but answered as not processed, so it came again.
                    if registers.held(&document.id)?.is_none() {
                        registers.store(&stored(document, &sender, body, at))?;
                    }
                }
                Record::Invalidated { document, at } => {
                    registers.invalidate(&document, at)?;
                }
                Record::Standing { organisation, standing } => self.standings().set(organisation, standing),
            }
        }
        Ok(())
    }
}

fn refused(findings: Findings) -> Acceptance {
    let (findings, warnings) = findings.split();
    Acceptance { code: AckCode::Ae, findings, warnings, already_stored: false }
}

fn stored(document: ArchiveDocument, sender: &Oid, body: Body, stored_at: Timestamp) -> Stored {
    let social = document.social;
    let is_relationship = social.group.code == RELATIONSHIP;
    let case_closed = if social.group.code == CASE { content::case_closed(&document.content) } else { None };
    let rows = if is_relationship { content::producer_rows(&document.content).unwrap_or_default() } else { Vec::new() };
    Stored {
        id: document.id,
        set_id: document.set_id,
        version: document.version,
        effective_time: document.effective_time.into(),
        group: social.group,
        general_type: document.general_type,
        specific_type: social.specific_type,
        service_task: social.service_task,
        service_process: social.service_process,
        content_specification: social.content_specification,
        custodian: document.custodian,
        organiser: social.organiser,
        unit: document.unit,
        sender: sender.clone(),
        clients: document.clients,
        authors: document.authors,
        case: document.case.filter(|_| !is_relationship),
        rows,
        case_closed,
        stored_at,
        body,
    }
}
