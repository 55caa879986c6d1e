//! Rules for versions: the first one starts a chain, every other one follows the newest.

use crate::finding::{Findings, Rule};
use crate::intake::document::ArchiveDocument;
use crate::registers::{Held, Registers};

/// Checks a document that the archive does not have yet.
///
/// # Errors
/// When the registers cannot be read.
pub(crate) fn check(document: &ArchiveDocument, registers: &Registers) -> std::io::Result<Findings> {
    let mut found = Findings::default();
    let is_first = document.version == 1;
    let numbered = document.version >= 1 && is_first == (document.id == document.set_id);
    found.require(numbered, Rule::VersionFirst, "setId");
    if numbered && !is_first {
        follows(document, registers.newest(&document.set_id)?.as_ref(), &mut found);
    }
    Ok(found)
}

fn follows(document: &ArchiveDocument, newest: Option<&Held>, found: &mut Findings) {
    let Some(newest) = newest.filter(|newest| {
        let newest = &newest.document;
        newest.version.checked_add(1) == Some(document.version)
            && newest.custodian == document.custodian
            && newest.group.code == document.social.group.code
    }) else {
        found.add(Rule::VersionSuccessor, "versionNumber");
        return;
    };
    found.require(newest.is_valid, Rule::VersionAfterInvalid, "setId");
    let replaces = document.replaces.as_ref().is_none_or(|replaced| *replaced == newest.document.id);
    found.require(replaces, Rule::VersionReplaces, "relatedDocument/parentDocument/id");
}
