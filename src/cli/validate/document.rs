//! A document, alone or with the frame that it came in: consistency, content, signatures.

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::read::consistency::Beside;
use asiasilta::domain::document::read::{ReadDocument, ReadError, ReadFrame, place, read_placed};
use asiasilta::domain::finding::{Finding, Rule};
use asiasilta::domain::signature::{ExpectedSigner, Reason, Trust, TrustPolicy, Verdict, XMLDSIG, verify};
use asiasilta::domain::source::Lines;
use asiasilta::domain::text::Text;
use asiasilta::domain::xml::{Element, Misread, Tree};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::super::input::{self, Part, Unreadable};
use super::Judge;

const XMLDSIG_SOURCE: &str = "W3C XML Signature";
const SIGNATURES: &str = "/ClinicalDocument/hl7fi:localSocialHeader/hl7fi:signatureCollection";

impl Judge {
    /// Findings of a document. `file` is what their lines are counted in, `part` the document in it.
    pub(super) fn document(
        &self,
        file: &[u8],
        part: Part<'_>,
        frame: Option<&ReadFrame>,
    ) -> Result<Vec<Finding>, Unreadable> {
        let document = read_placed(part.bytes).map_err(|(error, at)| match error {
            ReadError::Xml(error) => Unreadable::Xml(Misread { error, at: at.saturating_add(part.from) }),
            ReadError::NotClinicalDocument => Unreadable::Other(input::NOT_CLINICAL),
        })?;
        let mut findings = document.findings.clone();
        let structure = document.header.structure.as_ref().and_then(|oid| self.checker.structures().find(oid));
        let structure = structure.filter(|_| self.whole_structures);
        match (&structure, document.content()) {
            (Some(structure), Some(content)) => {
                let more = self.checker.content(structure, content);
                // What the reader tolerates with a word is not an error of the content too.
                let told = |f: &Finding| document.findings.iter().any(|d| d.place.input == f.place.input);
                findings.extend(more.into_iter().filter(|f| !told(f)));
            }
            (None, Some(_)) => findings.push(content_not_checked(self.whole_structures)),
            (_, None) => {}
        }
        let verdict = verify(document.tree(), &OpensslCrypto, &self.policy(&document));
        findings.extend(self.signatures(&verdict, frame.is_some()));
        let beside = Beside { frame, structure: structure.as_deref(), verdict: Some(&verdict) };
        findings.extend(document.compare(beside));
        place(&mut findings, document.tree(), &Lines::of_bytes(file), part.from);
        Ok(findings)
    }

    /// Findings about a frame, and about its document; the lines of each are counted in its own file.
    pub(super) fn frame(
        &self,
        file: &[u8],
        message: &Element,
        part: Part<'_>,
        document: (&[u8], Part<'_>),
    ) -> Result<(Vec<Finding>, Vec<Finding>), Unreadable> {
        let frame = ReadFrame::of(message);
        let mut findings = self.document(document.0, document.1, frame.as_ref())?;
        if frame.is_none() {
            findings.push(frame_without_metadata());
        }
        let own = format!("/{}", message.name);
        let (mut of_frame, rest): (Vec<Finding>, Vec<Finding>) =
            findings.into_iter().partition(|f| f.code.starts_with("frame.") || f.place.document.as_ref() == Some(&own));
        let tree = Tree { prolog: Vec::new(), root: message.clone() };
        place(&mut of_frame, &tree, &Lines::of_bytes(file), part.from);
        Ok((of_frame, rest))
    }

    /// With authorities, by them; without, by the certificates that the document itself carries: integrity alone.
    fn policy(&self, document: &ReadDocument) -> TrustPolicy {
        let trust = match &self.authorities {
            Some(authorities) => Trust::Authorities(authorities.clone()),
            None => Trust::Pinned(embedded_certificates(document)),
        };
        TrustPolicy { trust, system_signer: ExpectedSigner::Anyone, now: self.now }
    }

    fn signatures(&self, verdict: &Verdict, on_the_way: bool) -> Vec<Finding> {
        let mut told: Vec<Reason> = Vec::new();
        let mut findings = Vec::new();
        for reason in verdict.all_reasons() {
            if told.contains(&reason) {
                continue;
            }
            told.push(reason);
            let finding = signature_finding(reason);
            // A document that was only built has no signature yet; one on its way must have one.
            let bare = reason == Reason::SignatureMissing && !on_the_way;
            findings.push(if bare { finding.warning() } else { finding });
        }
        if self.authorities.is_none() && !verdict.signatures.is_empty() {
            findings.push(trust_not_checked());
        }
        findings
    }
}

fn embedded_certificates(document: &ReadDocument) -> Vec<Vec<u8>> {
    let certificates =
        document.signatures().flat_map(Element::descendants).filter(|e| e.is(XMLDSIG, "X509Certificate"));
    let packed = certificates.map(|c| c.all_text().bytes().filter(|b| !b.is_ascii_whitespace()).collect::<Vec<u8>>());
    packed.filter_map(|text| STANDARD.decode(text).ok()).collect()
}

fn signature_finding(reason: Reason) -> Finding {
    let expected = Text::fixed(
        "allekirjoitus, joka kattaa rungon ja aikaleiman",
        "en underskrift som omfattar innehållet och tidsstämpeln",
        "a signature that covers the body and its timestamp",
    );
    Finding::error(reason.code(), "", reason.text(), expected, Rule::new(XMLDSIG_SOURCE, "3.2")).in_document(SIGNATURES)
}

fn trust_not_checked() -> Finding {
    let found = Text::fixed(
        "allekirjoitusten eheys on tarkistettu, luottamusta varmenteisiin ei",
        "underskrifternas integritet är kontrollerad, tilliten till certifikaten inte",
        "signatures were checked for integrity only, not for trust",
    );
    let expected = Text::fixed(
        "luotetut varmentajat valitsimella --trust",
        "betrodda utfärdare med --trust",
        "trusted authorities, given with --trust",
    );
    let rule = Rule::new("RFC 5280", "6");
    Finding::error("signature.trust_not_checked", "", found, expected, rule).in_document(SIGNATURES).not_checked()
}

fn content_not_checked(whole_structures: bool) -> Finding {
    let found = match whole_structures {
        true => Text::fixed(
            "rakenne, jota ei ole ladattu",
            "en struktur som inte laddats",
            "a structure that is not loaded",
        ),
        false => Text::fixed(
            "sisältöä ei ole tarkistettu",
            "innehållet är inte kontrollerat",
            "content that was not checked",
        ),
    };
    let expected = Text::fixed(
        "asiakirjan rakenne valitsimen --structures kansiossa",
        "handlingens struktur i mappen för --structures",
        "the document's structure in the folder of --structures",
    );
    let path = "/ClinicalDocument/hl7fi:localSocialHeader/hl7fi:contentSpecificationId";
    let rule = Rule::new("THL Sosmeta", "");
    Finding::error("content.not_checked", "", found, expected, rule).in_document(path).not_checked()
}

/// A frame that came without its document: there is nothing to compare it with.
pub(super) fn frame_alone() -> Finding {
    let found = Text::fixed("kehys ilman asiakirjaa", "en ram utan handling", "a frame without its document");
    let expected = Text::fixed(
        "asiakirja valitsimella --document",
        "handlingen med --document",
        "the document, given with --document",
    );
    Finding::error("frame.not_checked", "", found, expected, Rule::new("HL7 V3 Medical Records", "")).not_checked()
}

fn frame_without_metadata() -> Finding {
    let found = Text::fixed(
        "sanoma ilman asiakirjan kuvailutietoja",
        "ett meddelande utan handlingens metadata",
        "a message without the document's metadata",
    );
    let expected = Text::same("controlActProcess/subject/clinicalDocument");
    Finding::error("frame.no_document", "", found, expected, Rule::new("HL7 V3 Medical Records", ""))
}
