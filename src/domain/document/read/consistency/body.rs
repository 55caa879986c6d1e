//! The body against the header: ids, language, what signatures refer to.

use super::{ConsistencyRule, Disagreement, OTHER, STANDARD, Said, Severity};
use crate::domain::document::cda::{HL7FI, body_id};
use crate::domain::signature::XMLDSIG;
use crate::domain::text::Text;

pub(super) static BODY_ID: ConsistencyRule = ConsistencyRule {
    id: "document.body_id",
    severity: Severity::Error,
    says: "`nonXMLBody/@ID` is `OID` and the document's id",
    source: STANDARD,
    clause: "nonXMLBody/@ID",
    check: |said, out| {
        let Some(expected) = said.header.document.as_ref().map(|id| body_id(id.as_str())) else { return };
        if body_attribute(said) != Some(&expected) {
            out.push(Disagreement::at("component/nonXMLBody/@ID", OTHER, Text::same(expected)));
        }
    },
};

pub(super) static DISPLAY_ID: ConsistencyRule = ConsistencyRule {
    id: "document.display_id",
    severity: Severity::Warning,
    says: "the display form's root has the same id as the body",
    source: STANDARD,
    clause: "div/@id",
    check: |said, out| {
        let Some(expected) = said.header.document.as_ref().map(|id| body_id(id.as_str())) else { return };
        if said.display.is_some_and(|form| form.attribute("id") != Some(&expected)) {
            out.push(Disagreement::at("component/nonXMLBody/text", OTHER, Text::same(expected)));
        }
    },
};

pub(super) static LANGUAGE: ConsistencyRule = ConsistencyRule {
    id: "document.language",
    severity: Severity::Warning,
    says: "the display form's `lang`, where it has one, is the header's language",
    source: STANDARD,
    clause: "languageCode",
    check: |said, out| {
        let (Some(language), Some(form)) = (said.header.language, said.display) else { return };
        let lang = form.attribute_of_any_namespace("lang");
        let same = |lang: &str| lang.split('-').next().is_some_and(|l| l.eq_ignore_ascii_case(language.as_str()));
        if lang.is_some_and(|lang| !same(lang)) {
            out.push(Disagreement::at("component/nonXMLBody/text", OTHER, Text::same(language.as_str())));
        }
    },
};

pub(super) static SIGNATURE_URI: ConsistencyRule = ConsistencyRule {
    id: "document.signature_uri",
    severity: Severity::Error,
    says: "every signature refers to the body by its id",
    source: "W3C XML Signature",
    clause: "4.4.3.1",
    check: |said, out| {
        let Some(body) = body_attribute(said) else { return };
        let collections = said.root.first_in(HL7FI, "localSocialHeader").into_iter();
        let signatures = collections.flat_map(|h| h.all("signatureCollection")).flat_map(|c| c.all("signature"));
        for signature in signatures {
            let info = signature.first_in(XMLDSIG, "Signature").and_then(|s| s.first("SignedInfo"));
            let mut uris = info.into_iter().flat_map(|i| i.all("Reference")).filter_map(|r| r.attribute("URI"));
            // A body under another id than the document's has its own rule.
            let own = said.header.document.as_ref().map(|id| body_id(id.as_str()));
            if !uris.any(|uri| uri.strip_prefix('#').is_some_and(|id| id == body || own.as_deref() == Some(id))) {
                let path = "localSocialHeader/signatureCollection/signature/Signature/SignedInfo/Reference/@URI";
                out.push(Disagreement::at(path, OTHER, Text::same(format!("#{body}"))));
            }
        }
    },
};

fn body_attribute<'a>(said: &Said<'a>) -> Option<&'a str> {
    said.root.at(["component", "nonXMLBody"])?.attribute("ID")
}
