//! Rules for versions: the first one starts a chain, every other one follows the newest.

use crate::finding::{Findings, Rule};
use crate::intake::document::ArchiveDocument;
use crate::registers::Registers;

/// Checks a document that the archive does not have yet.
pub(crate) fn check(document: &ArchiveDocument, registers: &Registers) -> Findings {
    let mut found = Findings::default();
    let is_first = document.version == 1;
    let numbered = document.version >= 1 && is_first == (document.id == document.set_id);
    found.require(numbered, Rule::VersionFirst, "setId");
    if numbered && !is_first {
        let follows = registers.newest_of_set(&document.set_id).is_some_and(|newest| {
            newest.version.checked_add(1) == Some(document.version)
                && newest.custodian == document.custodian
                && newest.group.code == document.social.group.code
        });
        found.require(follows, Rule::VersionSuccessor, "versionNumber");
    }
    found
}
