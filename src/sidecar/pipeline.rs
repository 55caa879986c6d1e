//! Record to signed envelope: the domain's steps in their order, with this installation's keys and names.
//!
//! Implements the sidecar's [`Pipeline`]. Decides nothing: checker, document, signature and frame do.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::handover::no_channel;
use super::ports::{
    Digest, HandoverBodies, HandoverPreparation, Invalidating, Outbound, Pipeline, Preparation, PrepareFault,
};
use super::sealing::Recipients;
use crate::archive::client::{Acting, ArchiveClient, ClientError};
use crate::archive::keys::{OpensslCrypto, SigningIdentity};
use crate::archive::transport::Transport;
use crate::domain::document::Document;
use crate::domain::document::build::{Making, document_with};
use crate::domain::document::display::{IdentityCodes, Logo, Look};
use crate::domain::document::header::{DocumentIds, Software};
use crate::domain::document::read::read;
use crate::domain::handover::{Packing, pack};
use crate::domain::oid::Oid;
use crate::domain::signature::{SignError, SignatureKind, SignedDocument, sign, signed_before};
use crate::domain::submission::Cause;
use crate::domain::text::Text;
use crate::domain::time::Instant;
use crate::domain::validate::{CheckedRecord, Checker};
use crate::domain::wire::{Envelope, document_in};

/// What this installation makes documents with.
pub struct DocumentPipeline<T> {
    /// The record checker.
    pub checker: Arc<Checker>,
    /// One client of the archive for each organisation that this installation sends for.
    pub clients: BTreeMap<Oid, Arc<ArchiveClient<T>>>,
    /// The system's signing identity.
    pub signer: SigningIdentity,
    /// How the writing system names itself.
    pub software: Software,
    /// How readable forms look.
    pub looks: Looks,
    /// Keys of organisers to whom documents go another way where the archive is no option.
    pub channels: BTreeMap<Oid, Recipients>,
}

/// How readable forms look, by whose register they go to.
#[derive(Debug, Clone, Default)]
pub struct Looks {
    /// How identity codes are shown.
    pub identity_codes: IdentityCodes,
    /// Organisers' logos.
    pub logos: BTreeMap<Oid, Logo>,
}

impl Looks {
    /// The look of an organiser's documents.
    pub fn of(&self, organiser: &Oid) -> Look {
        Look { identity_codes: self.identity_codes, logo: self.logos.get(organiser).cloned() }
    }
}

impl<T> DocumentPipeline<T> {
    fn document(&self, checked: &CheckedRecord, ids: &DocumentIds, created: Instant, case: Option<&Oid>) -> Document {
        let making = Making { ids, created, found_case: case, software: &self.software };
        document_with(checked, &making, &self.looks.of(&checked.record().organiser.oid))
    }

    /// A document signed now; or, of one that was handed over, as it was signed then.
    fn signed(
        &self,
        checked: &CheckedRecord,
        ids: &DocumentIds,
        now: Timestamp,
        case: Option<&Oid>,
        kept: Option<&[u8]>,
    ) -> Result<SignedDocument, PrepareFault> {
        let Some(kept) = kept else {
            let document = self.document(checked, ids, Instant::in_finland(now), case);
            return sign(&document, SignatureKind::System, now, &self.signer, &OpensslCrypto).map_err(not_signed);
        };
        let said = read(kept).map_err(|_| not_signed(SignError::NotTheSame))?.header;
        let made = said.created.ok_or_else(|| not_signed(SignError::NotTheSame))?;
        let document = self.document(checked, ids, made, said.case.as_ref());
        signed_before(&document, kept.to_vec(), &OpensslCrypto).map_err(not_signed)
    }

    fn checked(&self, payload: &[u8], now: Timestamp) -> Result<CheckedRecord, PrepareFault> {
        self.checker.record(payload, now).map_err(|_| no_longer_valid())
    }
}

impl<T: Transport + 'static> Pipeline for DocumentPipeline<T> {
    fn prepare(&self, preparation: &Preparation<'_>) -> Result<Outbound, PrepareFault> {
        let Preparation { ids, created, case, kept, .. } = *preparation;
        let checked = self.checked(preparation.payload, created)?;
        let signed = self.signed(&checked, ids, created, case, kept)?;
        let record = checked.record();
        let client = self.clients.get(preparation.organisation).ok_or_else(not_a_sender)?;
        let acting = Acting { worker: &record.acting_worker, unit: &record.unit };
        let (number, moment) = (preparation.message_number, Instant::in_finland(created));
        let envelope = client.prepare_store_numbered(number, moment, &signed, acting, preparation.authority);
        envelope.map(outbound).map_err(not_framed)
    }

    fn hand_over(&self, preparation: &HandoverPreparation<'_>) -> Result<HandoverBodies, PrepareFault> {
        let HandoverPreparation { ids, created, case, kept, .. } = *preparation;
        let recipients = self.channels.get(preparation.organiser);
        let recipients = recipients.ok_or_else(|| PrepareFault::Lasting(no_channel()))?;
        let checked = self.checked(preparation.payload, created)?;
        let (_, document) = self.signed(&checked, ids, created, case, kept)?.into_parts();
        let packing = Packing {
            id: preparation.package,
            created,
            organiser: &checked.record().organiser,
            why: preparation.why,
            documents: std::slice::from_ref(&document),
        };
        let tar = pack(&packing, &OpensslCrypto).map_err(|fault| PrepareFault::Lasting(not_packed(&fault)))?;
        let package = recipients.seal(&tar).map_err(|fault| PrepareFault::Passing(not_packed(&fault)))?;
        Ok(HandoverBodies { package, document })
    }

    fn case_in(&self, kept: &[u8]) -> Option<Oid> {
        read(kept).ok()?.header.case
    }

    fn document_digest(&self, outbound: &Outbound) -> Option<Digest> {
        document_in(&outbound.content_type, &outbound.body).map(|document| Digest::of(&document))
    }

    fn invalidation(&self, of: &Invalidating<'_>) -> Result<Outbound, PrepareFault> {
        let client = self.clients.get(of.organisation).ok_or_else(not_a_sender)?;
        let acting = Acting { worker: of.worker, unit: of.unit };
        let created = Instant::in_finland(of.created);
        let envelope = client.prepare_invalidation(of.message_number, created, of.invalidation, acting);
        envelope.map(outbound).map_err(not_framed)
    }
}

fn outbound(envelope: Envelope) -> Outbound {
    Outbound {
        soap_action: envelope.soap_action.unwrap_or_default(),
        content_type: envelope.content_type,
        body: envelope.body,
    }
}

fn not_framed(fault: ClientError) -> PrepareFault {
    PrepareFault::Lasting(Cause::new("wire.not_framed", Text::same(fault.to_string())))
}

fn not_packed(fault: &dyn std::error::Error) -> Cause {
    Cause::new("handover.not_packed", Text::same(fault.to_string()))
}

fn not_a_sender() -> PrepareFault {
    PrepareFault::Lasting(Cause::new("archive.sender", super::line::SENDER))
}

fn no_longer_valid() -> PrepareFault {
    PrepareFault::Lasting(Cause::new(
        "record.no_longer_valid",
        Text::fixed(
            "tietue ei enää läpäise tarkistuksia, joilla se vastaanotettiin",
            "posten uppfyller inte längre de kontroller som den togs emot med",
            "the record no longer passes the checks that it was accepted by",
        ),
    ))
}

fn not_signed(fault: SignError) -> PrepareFault {
    let cause = Cause::new("signature.not_made", Text::same(fault.to_string()));
    match fault {
        SignError::Signer(_) | SignError::CertificateNotValid => PrepareFault::Passing(cause),
        _ => PrepareFault::Lasting(cause),
    }
}
