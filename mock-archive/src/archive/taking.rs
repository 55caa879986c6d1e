//! Taking a document: recognise a repetition, judge by every rule, store. Called by `archive.rs` for a store message.

use std::sync::Arc;

use openssl::sha::sha256;

use crate::answers::AckCode;
use crate::archive::{Acceptance, Archive};
use crate::finding::{Finding, Findings, Rule};
use crate::intake::content;
use crate::intake::document::{self, ArchiveDocument};
use crate::intake::frame::{Frame, FrameDocument};
use crate::oid::Oid;
use crate::registers::{RELATIONSHIP, Registers, Stored};
use crate::rules::{access, document as document_rules, pair, persons, versions};
use crate::signature;
use crate::xml;

impl Archive {
    /// Judges a document whose message is in order, and stores it when no rule refuses.
    pub(super) fn take(
        &self,
        frame: &Frame,
        metadata: &FrameDocument,
        bytes: &[u8],
        mut findings: Findings,
    ) -> Acceptance {
        let digest = sha256(bytes);
        let mut registers = self.registers();
        if let Some(known) = registers.document(&metadata.id) {
            return repetition(known, &frame.sender, &digest);
        }
        let document = match self.judge(frame, metadata, bytes, &registers, &mut findings) {
            Ok(document) => document,
            Err(finding) => {
                findings.extend([finding]);
                return refused(findings);
            }
        };
        if findings.refuse() {
            return refused(findings);
        }
        registers.store(stored(document, &frame.sender, bytes, digest));
        let (_, warnings) = findings.split();
        Acceptance { code: AckCode::Aa, findings: Vec::new(), warnings, already_stored: false }
    }

    fn judge(
        &self,
        frame: &Frame,
        metadata: &FrameDocument,
        bytes: &[u8],
        registers: &Registers,
        findings: &mut Findings,
    ) -> Result<ArchiveDocument, Finding> {
        let unreadable = |_| Finding::new(Rule::DocumentForm, "document");
        let text = std::str::from_utf8(bytes).map_err(|_| Finding::new(Rule::DocumentForm, "document"))?;
        let xml = xml::parse(text).map_err(unreadable)?;
        findings.extend(persons::check_xml(&xml, "document"));
        let document = document::read(&xml)?;
        findings.extend(persons::check_ids(document.clients.iter().map(|client| &client.id), "recordTarget"));
        findings.extend(persons::check_ids(&document.authors, "author"));
        findings.extend(persons::check_ids(&content::client_codes(&document.content), "nonXMLBody/json: asiakas"));
        findings.extend(persons::check_content(&document.content));
        if let Ok(display) = xml::parse(document.display.trim_start()) {
            findings.extend(persons::check_xml(&display, "nonXMLBody/text"));
        }
        findings.extend(pair::check(frame, metadata, &document));
        findings.extend(document_rules::check(&document));
        findings.extend(self.structures.check(&document.social.content_specification, &document.content));
        findings.extend(versions::check(&document, registers));
        findings.extend(access::check_store(frame, &document, registers, self.clock.today()));
        match signature::verify(text, &self.trust) {
            Ok(signatures) => {
                findings.extend(document_rules::check_signers(&document, &signatures, &frame.sender));
            }
            Err(finding) => findings.extend([finding]),
        }
        Ok(document)
    }
}

/// The same bytes from the same sender are taken again as taken; anything else under the id is refused.
fn repetition(known: &Stored, sender: &Oid, digest: &[u8; 32]) -> Acceptance {
    if known.sha256 == *digest && known.sender == *sender {
        return Acceptance { code: AckCode::Aa, findings: Vec::new(), warnings: Vec::new(), already_stored: true };
    }
    Acceptance::refused(Finding::new(Rule::DuplicateId, "clinicalDocument/id"))
}

fn refused(findings: Findings) -> Acceptance {
    let (findings, warnings) = findings.split();
    Acceptance { code: AckCode::Ae, findings, warnings, already_stored: false }
}

fn stored(document: ArchiveDocument, sender: &Oid, bytes: &[u8], sha256: [u8; 32]) -> Stored {
    let is_relationship = document.social.group.code == RELATIONSHIP;
    let rows = if is_relationship { content::producer_rows(&document.content).unwrap_or_default() } else { Vec::new() };
    Stored {
        id: document.id,
        set_id: document.set_id,
        version: document.version,
        effective_time: document.effective_time,
        group: document.social.group,
        general_type: document.general_type,
        specific_type: document.social.specific_type,
        service_task: document.social.service_task,
        content_specification: document.social.content_specification,
        clients: document.clients,
        authors: document.authors,
        custodian: document.custodian,
        organiser: document.social.organiser,
        case: document.case.filter(|_| !is_relationship),
        rows,
        sender: sender.clone(),
        bytes: Arc::from(bytes),
        sha256,
    }
}
