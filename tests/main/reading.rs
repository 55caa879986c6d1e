//! Documents read back: ours say what was put in, others say what is wrong with them, and no bytes panic.

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::code::Language;
use asiasilta::domain::document::read::{ReadDocument, ReadError, read};
use asiasilta::domain::signature::{ExpectedSigner, SignatureKind, Trust, TrustPolicy, verify};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{
    NOW, SYSTEM, at, client_document_header, document, relationship_document_header, second_version_header, signed,
};

fn text() -> String {
    String::from_utf8(signed(client_document_header(), SignatureKind::System).into_parts().1).unwrap()
}

/// The codes of the findings after one replacement in our document.
fn findings_after(from: &str, to: &str) -> Vec<String> {
    let text = text();
    assert!(text.contains(from), "{from}");
    let read = read(text.replacen(from, to, 1).as_bytes()).unwrap();
    read.findings.iter().map(|f| f.code.clone()).collect()
}

#[test]
fn what_was_put_in_is_read_back_without_findings() {
    for header in [client_document_header(), relationship_document_header(), second_version_header()] {
        let signed = signed(header.clone(), SignatureKind::System);
        let read = read(signed.xml()).unwrap();
        assert!(read.findings.is_empty(), "{:?}", read.findings);
        let said = &read.header;
        assert!(said.document == Some(header.ids.document.clone()) && said.set == Some(header.ids.set.clone()));
        assert_eq!((said.version, said.group), (Some(header.ids.version), Some(header.group)));
        assert!(said.general_type == header.general_type && said.specific_type == header.specific_type);
        assert!(said.service_task == header.service_task && said.service_process == header.service_process);
        assert!(said.retention_class == Some(header.retention_class.clone()));
        assert!(said.case == header.case && said.relationship == header.relationship);
        assert!(said.organiser.as_ref() == Some(&header.organiser) && said.custodian == said.organiser);
        assert!(said.unit.as_ref() == Some(&header.unit) && said.software.as_ref() == Some(&header.software));
        assert!(said.drawn_up == Some(header.drawn_up) && said.created == Some(header.created));
        assert_eq!((said.language, said.special_content), (Some(Language::Fi), Some(false)));
        assert!(said.structure == Some(header.structure.clone()));
        assert!(said.replaces.as_ref() == header.replaces.as_ref().map(|(id, _)| id));
        assert!(said.clients[0].name.as_ref() == Some(&header.clients[0].name));
        assert!(said.clients[0].ids == header.clients[0].id().into_iter().collect::<Vec<_>>());
        assert!(said.clients[0].gender == Some(header.clients[0].gender));
        let author = said.author.as_ref().and_then(|a| a.registration_number.clone());
        assert!(author == header.author.as_ref().map(|a| a.registration_number.clone()));
        let document = document(header);
        assert!(read.display.as_deref() == Some(document.display()));
        assert!(read.content() == serde_json::from_str(document.content_json()).ok().as_ref());
        assert_eq!(read.signatures().count(), 1);
    }
}

#[test]
fn a_header_changed_after_signing_shows_as_a_disagreement_with_the_body() {
    let cases = [
        ("extension=\"010190-900P\"", "extension=\"020190-900M\"", "document.client"),
        ("<birthTime value=\"19900101\"", "<birthTime value=\"19900102\"", "document.birth_date"),
        ("code=\"19\"", "code=\"18\"", "document.type"),
        (
            "<hl7fi:outsourcingServiceCustomer root=\"1.2.246.10.99999991.10.0\"",
            "<hl7fi:outsourcingServiceCustomer root=\"1.2.3\"",
            "document.organiser",
        ),
        ("<setId root=\"1.2.246.10.99999992.95.2026.1.1\"", "<setId root=\"1.2.3\"", "document.set_id"),
    ];
    for (from, to, expected) in cases {
        let to = to.replace("020190-900M", &crate::support::identity_code("020190-900"));
        assert_eq!(findings_after(from, &to), [expected]);
    }
    let changed = findings_after("<id root=\"1.2.246.10.99999992.95.2026.1.1\"", "<id root=\"1.2.3\"");
    assert_eq!(changed, ["document.body_id", "document.display_id", "document.set_id"]);
}

#[test]
fn values_that_are_not_what_they_should_be_are_findings_and_do_not_stop_the_reading() {
    let cases = [
        ("extension=\"010190-900P\"", "extension=\"010190-900A\"", "value.check_character"),
        ("<effectiveTime value=\"2", "<effectiveTime value=\"x", "value.instant"),
        ("<languageCode code=\"fi\"", "<languageCode code=\"en\"", "document.value"),
        ("<versionNumber value=\"1\"", "<versionNumber value=\"0\"", "document.value"),
        ("<birthTime value=\"19900101\"", "<birthTime value=\"19901301\"", "value.partial_date"),
        ("<hl7fi:contentSpecificationId>1.2", "<hl7fi:contentSpecificationId>x", "value.oid"),
        (
            "<hl7fi:json xmlns:hl7fi=\"urn:hl7finland\">",
            "<hl7fi:json xmlns:hl7fi=\"urn:hl7finland\">*",
            "document.unreadable",
        ),
    ];
    for (from, to, expected) in cases {
        let found = findings_after(from, to);
        assert!(found.contains(&expected.to_owned()), "{from}: {found:?}");
    }
}

#[test]
fn what_real_documents_do_otherwise_is_tolerated() {
    for (from, to) in [
        ("<languageCode code=\"fi\"", "<languageCode code=\"FI\""),
        (
            "<id root=\"1.2.246.10.99999991.95.2026.7.1\"",
            "<id root=\"1.2.246.10.99999991.95.2026.7.1\" nullFlavor=\"NA\"",
        ),
        ("representation=\"B64\">", "representation=\"B64\">\r\n\t<!-- XHTML -->\t"),
    ] {
        assert_eq!(findings_after(from, to), [""; 0]);
    }
}

#[test]
fn findings_name_no_person() {
    let text = text().replacen("extension=\"010190-900P\"", "extension=\"010190-900A\"", 1);
    let said = serde_json::to_string(&read(text.as_bytes()).unwrap().findings).unwrap();
    assert!(!said.contains("010190") && !said.contains("Testinen"));
}

#[test]
fn what_is_no_document_is_refused() {
    assert_eq!(read(b"<ClinicalDocument/>").err(), Some(ReadError::NotClinicalDocument));
    assert!(matches!(read(b"").err(), Some(ReadError::Xml(_))));
    let bare = read(b"<ClinicalDocument xmlns='urn:hl7-org:v3'/>").unwrap();
    assert_eq!(bare.findings.len(), 1);
}

fn policy() -> TrustPolicy {
    TrustPolicy {
        trust: Trust::Pinned(vec![SYSTEM.certificate_der()]),
        system_signer: ExpectedSigner::Anyone,
        now: at(NOW),
    }
}

/// Reads and judges; a document that is still believed must still have the signed body.
fn judge(bytes: &[u8], original: &ReadDocument) {
    let Ok(read) = read(bytes) else { return };
    if verify(read.tree(), &OpensslCrypto, &policy()).is_valid() {
        assert!(read.display == original.display && read.content() == original.content());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        prop_assert!(read(&bytes).is_err());
    }

    #[test]
    fn no_change_of_some_bytes_panics_or_gets_another_body_believed(
        changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let bytes = text().into_bytes();
        let original = read(&bytes).unwrap();
        let mut changed = bytes;
        for (at, byte) in changes {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        judge(&changed, &original);
    }

    #[test]
    fn no_part_moved_or_doubled_panics_or_gets_another_body_believed(
        from in any::<Index>(), length in 0usize..3000, to in any::<Index>(), remove in any::<bool>(),
    ) {
        let mut bytes = text().into_bytes();
        let original = read(&bytes).unwrap();
        let from = from.index(bytes.len());
        let part: Vec<u8> = bytes[from..(from + length).min(bytes.len())].to_vec();
        if remove {
            bytes.drain(from..from + part.len());
        }
        let to = to.index(bytes.len());
        bytes.splice(to..to, part);
        judge(&bytes, &original);
    }
}
