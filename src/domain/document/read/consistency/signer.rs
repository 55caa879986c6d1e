//! What the header says of professional signatures against the certificates that they were made with.

use super::{ConsistencyRule, Disagreement, STANDARD, Said, Severity};
use crate::domain::document::cda::HL7FI;
use crate::domain::signature::SignatureKind;
use crate::domain::text::Text;
use crate::domain::xml::FlatElement;

pub(super) static NAMED: ConsistencyRule = ConsistencyRule {
    id: "document.signer_not_named",
    severity: Severity::Error,
    says: "who signed as a professional is named in the header (`assignedAuthorSigner` = the certificate's serial number)",
    source: STANDARD,
    clause: "assignedAuthorSigner",
    check: |said, out| {
        let (named, signed) = numbers(said);
        for number in &signed {
            if !named.contains(number) {
                let found =
                    Text::fixed("toinen ammattihenkilö", "en annan yrkesutbildad person", "another professional");
                let expected = Text::fixed(
                    "allekirjoitusvarmenteen rekisteröintinumero",
                    "signaturcertifikatets registreringsnummer",
                    "the signing certificate's registration number",
                );
                out.push(Disagreement::at(PATH, found, expected));
            }
        }
    },
};

pub(super) static SIGNED: ConsistencyRule = ConsistencyRule {
    id: "document.signer_without_signature",
    severity: Severity::Error,
    says: "who is named as a signer has signed",
    source: STANDARD,
    clause: "signature",
    check: |said, out| {
        let (named, signed) = numbers(said);
        for number in &named {
            if !signed.contains(number) {
                let found = Text::fixed(
                    "allekirjoittaja ilman allekirjoitusta",
                    "en undertecknare utan underskrift",
                    "a signer without signature",
                );
                let expected = Text::fixed("allekirjoitus", "en underskrift", "a signature");
                out.push(Disagreement::at(PATH, found, expected));
            }
        }
    },
};

const PATH: &str = "hl7fi:localSocialHeader/hl7fi:signature/hl7fi:assignedAuthorSigner";

/// Registration numbers: named in the header, and of certificates that signed as professionals. Both empty without a verdict.
fn numbers(said: &Said<'_>) -> (Vec<String>, Vec<String>) {
    let Some(verdict) = said.beside.verdict else { return (Vec::new(), Vec::new()) };
    let header = said.root.first_in(HL7FI, "localSocialHeader").into_iter();
    let named = header.flat_map(|h| h.all("signature")).filter_map(|s| s.first("assignedAuthorSigner"));
    let named = named.map(FlatElement::all_text).map(|text| text.trim().to_owned()).collect();
    let by_professionals = verdict.signatures.iter().filter(|s| s.kind == Some(SignatureKind::Professional));
    (named, by_professionals.filter_map(|s| s.signer.as_ref()?.subject_serial.clone()).collect())
}
