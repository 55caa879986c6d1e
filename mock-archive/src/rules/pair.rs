//! Rules for frame and document as a pair: the frame's metadata are the document's.

use std::collections::BTreeSet;

use crate::finding::{Findings, Rule};
use crate::hl7_time::instant;
use crate::intake::document::ArchiveDocument;
use crate::intake::frame::{Frame, FrameDocument};
use crate::registers::{KNOWN_GROUPS, RELATIONSHIP};
use crate::rules::message::{NEW_VERSION, group_of};

/// Compares a frame's metadata with the document's.
pub(crate) fn check(frame: &Frame, metadata: &FrameDocument, document: &ArchiveDocument) -> Findings {
    let mut found = Findings::default();
    found.require(metadata.id == document.id, Rule::PairId, "clinicalDocument/id");
    found.require(metadata.set_id == document.set_id, Rule::PairSetId, "clinicalDocument/setId");
    found.require(metadata.version == document.version, Rule::PairVersion, "clinicalDocument/versionNumber");
    let moments = (instant(&metadata.effective_time), instant(&document.effective_time));
    let same_moment = moments.0.is_some() && moments.0 == moments.1;
    found.require(same_moment, Rule::PairEffectiveTime, "clinicalDocument/effectiveTime");
    let named: BTreeSet<_> = metadata.clients.iter().collect();
    let meant: BTreeSet<_> = document.clients.iter().map(|client| &client.id).collect();
    found.require(named == meant, Rule::PairClients, "clinicalDocument/recordTarget");
    found.require(metadata.custodian == document.custodian, Rule::PairCustodian, "clinicalDocument/custodian");
    let group = document.social.group.code.as_str();
    // A relationship document belongs to no case; a real one has been seen with a root beside the nullFlavor.
    let expected_case = document.case.as_ref().filter(|_| group != RELATIONSHIP);
    let case_fits = metadata.case.as_ref() == expected_case;
    found.require(case_fits, Rule::PairCase, "clinicalDocument/componentOf");
    let is_new_version = frame.service_request == NEW_VERSION;
    found.require(is_new_version == (document.version > 1), Rule::PairNewVersion, "controlActProcess/reasonCode");
    // Of a group that nobody knows, document.group speaks.
    let needs_its_own = document.version <= 1 && !is_new_version && KNOWN_GROUPS.contains(&group);
    let group_fits = !needs_its_own || group_of(&frame.service_request) == Some(group);
    found.require(group_fits, Rule::PairGroup, "localSocialHeader/documentGroup");
    found
}
