//! Rules for a document by itself: header, display form and content tell the same.

use roxmltree::Document;

use crate::finding::{Finding, Findings, Rule};
use crate::intake::content;
use crate::intake::document::ArchiveDocument;
use crate::oid::Oid;
use crate::registers::{CASE, CLIENT_DOCUMENT, KNOWN_GROUPS, RELATIONSHIP};
use crate::signature::{SignatureKind, VerifiedSignature};
use crate::xml;

const REGISTRATION_NUMBERS: &str = "1.2.246.537.26";

/// Checks header against header, body and content. `display` is the display form, when it is well-formed.
pub(crate) fn check(document: &ArchiveDocument, display: Option<&Document<'_>>) -> Findings {
    let mut found = Findings::default();
    let social = &document.social;
    let group = social.group.code.as_str();
    let known = KNOWN_GROUPS.contains(&group);
    found.require(known, Rule::DocumentGroup, "localSocialHeader/documentGroup");
    let codes = [document.confidentiality.as_str(), social.register.as_str(), social.record_status.as_str()];
    found.require(codes == ["6", "1", "3"], Rule::DocumentCodes, "ClinicalDocument");
    found.require(
        document.custodian == social.organiser,
        Rule::DocumentCustodian,
        "localSocialHeader/outsourcingServiceCustomer",
    );
    found.require(types_agree(document), Rule::DocumentSpecificType, "localSocialHeader/specificDocumentType");
    let needs_case = [CASE, CLIENT_DOCUMENT].contains(&group);
    found.require(!needs_case || document.case.is_some(), Rule::DocumentCase, "componentOf/encompassingEncounter/id");
    let body_id = format!("OID{}", document.id);
    found.require(document.body_id == body_id, Rule::DocumentBodyId, "nonXMLBody/@ID");
    found.extend(display_form(display, &body_id));
    content_agrees(document, &mut found);
    found
}

/// The thousands of the specific type are the general type, as far as both are there.
fn types_agree(document: &ArchiveDocument) -> bool {
    let number = |code: &str| code.parse::<u32>().ok();
    match (&document.general_type, &document.social.specific_type) {
        (Some(general), Some(specific)) => number(&specific.code).map(|code| code / 1000) == number(&general.code),
        _ => true,
    }
}

/// The display form's root: one `div` with the body's id (document standard 3.3; seen in real documents).
fn display_form(display: Option<&Document<'_>>, body_id: &str) -> Option<Finding> {
    let root = display.map(Document::root_element);
    let Some(root) = root.filter(|root| xml::is(*root, xml::XHTML, "div")) else {
        return Some(Finding::new(Rule::DisplayForm, "nonXMLBody/text"));
    };
    (root.attribute("id") != Some(body_id)).then(|| Finding::new(Rule::DisplayId, "nonXMLBody/text: div/@id"))
}

fn content_agrees(document: &ArchiveDocument, found: &mut Findings) {
    let content = &document.content;
    // The header is not signed: a client added or exchanged there shows only against the content.
    let named = content::client_codes(content);
    let in_header: Vec<_> =
        document.clients.iter().map(|client| &client.id).filter(|id| id.is_identity_code()).collect();
    let known = named.iter().all(|code| in_header.contains(&code));
    let covered = named.is_empty() || in_header.iter().all(|id| named.contains(id));
    found.require(known && covered, Rule::ContentClient, "nonXMLBody/json: asiakas");
    match document.social.group.code.as_str() {
        CASE => {
            let case = content::case_id(content);
            let fits = case.is_some() && case == document.case;
            found.require(fits, Rule::ContentCase, "nonXMLBody/json: asian_tiedot/asiatunnus");
        }
        RELATIONSHIP => {
            let ids = (content::relationship_id(content), &document.social.relationship);
            let fits = !matches!(&ids, (Some(content), Some(header)) if content != header);
            found.require(fits, Rule::ContentRelationship, "localSocialHeader/encompassingClientRelationship");
            let rows = content::producer_rows(content).is_some();
            found.require(rows, Rule::ContentProducerRows, "nonXMLBody/json: palveluntuottaja");
        }
        _ => {}
    }
}

/// Checks who signed: a system signature is the sender's, a professional one the author's.
pub(crate) fn check_signers(document: &ArchiveDocument, signatures: &[VerifiedSignature], sender: &Oid) -> Findings {
    let mut found = Findings::default();
    for signature in signatures {
        let fits = match signature.kind {
            SignatureKind::System => Oid::parse(&signature.signer).is_ok_and(|signer| signer.is_or_is_below(sender)),
            SignatureKind::Professional => document.authors.iter().any(|author| {
                author.root == REGISTRATION_NUMBERS && author.extension == signature.signer.to_ascii_uppercase()
            }),
        };
        found.require(fits, Rule::SignatureSigner, "signatureCollection");
    }
    let professional = signatures.iter().any(|signature| signature.kind == SignatureKind::Professional);
    let needed = content::asks_for_professional_signature(&document.content);
    found.require(professional || !needed, Rule::SignatureProfessional, "signatureCollection");
    found
}
