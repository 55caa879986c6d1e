//! What we make of a real document of the archive (test persons), where reference data is at hand.

use std::fs;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::header::DocumentGroup;
use asiasilta::domain::document::read::{read, read_tree};
use asiasilta::domain::signature::{
    Crypto, ExpectedSigner, Reason, SignatureKind, Trust, TrustPolicy, XMLDSIG, verify,
};
use asiasilta::domain::xml::{Limits, Node, parse};

use crate::support::{oid, reference};

const DOCUMENT: &str = "real/relationship-document.xml";

#[test]
fn real_signature_verifies_without_blank_text_and_is_refused_as_published() {
    let name = "real_signature_verifies_without_blank_text_and_is_refused_as_published";
    let Some(path) = reference(name, DOCUMENT) else { return };
    let published = parse(&fs::read(path).unwrap(), Limits::DOCUMENT).unwrap();
    let certificate = published.root.descendants().find(|e| e.is(XMLDSIG, "X509Certificate")).unwrap().all_text();
    let certificate = openssl::base64::decode_block(&certificate.split_whitespace().collect::<String>()).unwrap();
    let organisation = published.root.at(["custodian", "assignedCustodian", "representedCustodianOrganization", "id"]);
    let policy = TrustPolicy {
        trust: Trust::Pinned(vec![certificate.clone()]),
        system_signer: ExpectedSigner::Organisation(oid(organisation.unwrap().attribute("root").unwrap())),
    };

    let verdict = verify(&published, &OpensslCrypto, &policy);
    assert_eq!(verdict.all_reasons().collect::<Vec<_>>(), [Reason::BodyChanged, Reason::ValueWrong]);

    let mut original = published.clone();
    original.root.drop_blank_text();
    let verdict = verify(&original, &OpensslCrypto, &policy);
    let found: Vec<Reason> = verdict.all_reasons().collect();
    assert!(verdict.is_valid_and_signed_by(SignatureKind::System), "{found:?}");
    assert_eq!(verdict.signatures[0].signed_at.unwrap().to_string(), "2026-07-17T10:06:56.4257383Z");
    let facts = OpensslCrypto.certificate(&certificate).unwrap();
    assert_eq!(facts.rsa_bits, Some(4096));

    // One character of the signed body, and it is over.
    let body = original.root.descendants().position(|e| e.name == "nonXMLBody");
    assert!(body.is_some());
    let text = original.to_xml().replacen("PC9kaXY+", "PC9kaXY/", 1);
    let changed = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
    assert!(changed != original);
    let verdict = verify(&changed, &OpensslCrypto, &policy);
    assert_eq!(verdict.all_reasons().collect::<Vec<_>>(), [Reason::BodyChanged]);
}

#[test]
fn the_real_document_is_read_with_exactly_its_known_disagreements() {
    let name = "the_real_document_is_read_with_exactly_its_known_disagreements";
    let Some(path) = reference(name, DOCUMENT) else { return };
    let document = read(&fs::read(path).unwrap()).unwrap();
    let codes: Vec<&str> = document.findings.iter().map(|f| f.code.as_str()).collect();
    assert_eq!(codes, ["document.two_client_ids", "document.bare_system", "document.birth_date"]);
    assert!(document.findings.iter().all(|f| !f.is_error()));

    let header = &document.header;
    assert_eq!(header.group, Some(DocumentGroup::Relationship));
    assert_eq!(header.structure.as_ref().unwrap().as_str(), "1.2.246.537.6.1505.1.2023.6.1");
    assert!(header.document == header.set && header.version == Some(1));
    assert!(header.author.is_none() && header.case.is_none() && header.relationship.is_some());
    assert_eq!(header.special_content, Some(false));
    assert!(header.clients[0].ids.len() == 1 && header.clients[0].name.as_ref().unwrap().calling.is_some());
    assert!(document.content.unwrap().get("asiakkuusasiakirja").is_some());
    assert!(document.display.unwrap().contains("soc-document"));
}

#[test]
fn a_comment_before_the_base64_of_the_real_document_changes_nothing_that_is_read() {
    let name = "a_comment_before_the_base64_of_the_real_document_changes_nothing_that_is_read";
    let Some(path) = reference(name, DOCUMENT) else { return };
    let bytes = fs::read(path).unwrap();
    let plain = read(&bytes).unwrap();
    let mut tree = parse(&bytes, Limits::DOCUMENT).unwrap();
    let mut element = &mut tree.root;
    for name in ["component", "nonXMLBody", "json"] {
        let child = element.children.iter_mut().find_map(|n| match n {
            Node::Element(e) if e.name == name => Some(e),
            _ => None,
        });
        element = child.unwrap();
    }
    element.children.insert(0, Node::Comment("JSON".into()));
    let commented = read_tree(tree).unwrap();
    assert!(commented.content == plain.content && commented.findings == plain.findings);
}
