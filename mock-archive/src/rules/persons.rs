//! The test environment's rule: no identity code of a real person anywhere (the archive's test pages, kanta.fi).

use roxmltree::Document;
use serde_json::Value;

use crate::finding::{Findings, Rule};
use crate::intake::content::any_string;
use crate::person::{CodeKind, PersonId, holds_real_code, kind};
use crate::xml;

/// Looks through an XML text; inline images are data, not text.
pub(crate) fn check_xml(document: &Document<'_>, part: &str) -> Findings {
    let mut found = Findings::default();
    let in_one_place = xml::strings(document).any(|text| !text.starts_with("data:") && holds_real_code(text));
    // Mark-up may stand in the middle of a code.
    let clean = !in_one_place && !holds_real_code(&xml::text(document.root()));
    found.require(clean, Rule::TestPerson, part);
    found
}

/// Looks through the decoded content.
pub(crate) fn check_content(content: &Value) -> Findings {
    let mut found = Findings::default();
    found.require(!any_string(content, &holds_real_code), Rule::TestPerson, "nonXMLBody/json");
    found
}

/// Where an identity code is meant to stand, only a test person's may stand.
pub(crate) fn check_ids<'a>(ids: impl IntoIterator<Item = &'a PersonId>, part: &str) -> Findings {
    let mut found = Findings::default();
    let clean = ids.into_iter().all(|id| !id.is_identity_code() || kind(&id.extension) == CodeKind::Test);
    found.require(clean, Rule::TestPerson, part);
    found
}
