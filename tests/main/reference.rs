//! What we make of a real document of the archive (test persons), where reference data is at hand.

use std::fs;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::header::{DocumentGroup, DocumentIds, Header};
use asiasilta::domain::document::read::{ReadHeader, read};
use asiasilta::domain::finding::Finding;
use asiasilta::domain::person::{Client, PersonId};
use asiasilta::domain::signature::{
    Crypto, ExpectedSigner, Reason, SignatureKind, Trust, TrustPolicy, XMLDSIG, verify,
};
use asiasilta::domain::xml::{Element, Limits, Node, Tree, parse};

use crate::support::{NOW, at, oid, reference, relationship_document_header, signed};

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
        now: at(NOW),
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
    assert!(document.findings.iter().all(|f| !f.is_error() && f.place.line.is_some() && f.place.column.is_some()));

    let header = &document.header;
    assert_eq!(header.group, Some(DocumentGroup::Relationship));
    assert_eq!(header.structure.as_ref().unwrap().as_str(), "1.2.246.537.6.1505.1.2023.6.1");
    assert!(header.document == header.set && header.version == Some(1));
    assert!(header.author.is_none() && header.case.is_none() && header.relationship.is_some());
    assert_eq!(header.special_content, Some(false));
    assert!(header.clients[0].ids.len() == 1 && header.clients[0].name.as_ref().unwrap().calling.is_some());
    assert!(document.content().unwrap().get("asiakkuusasiakirja").is_some());
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
    let commented = read(tree.to_xml().as_bytes()).unwrap();
    let unplaced = |finding: &Finding| {
        let mut finding = finding.clone();
        (finding.place.line, finding.place.column) = (None, None);
        finding
    };
    let unplaced = |findings: &[Finding]| findings.iter().map(unplaced).collect::<Vec<_>>();
    assert!(commented.content() == plain.content());
    assert_eq!(unplaced(&commented.findings), unplaced(&plain.findings));
}

/// Paths of elements with their attributes' names, and the values of codes, roots and extensions.
fn outline(element: &Element, path: &str, lines: &mut Vec<String>) {
    let path = format!("{path}/{}", element.name);
    let mut attributes: Vec<String> = element.attributes.iter().map(|a| format!("{}={}", a.name, a.value)).collect();
    attributes.sort_unstable();
    lines.push(format!("{{{}}}{path} {}", element.namespace, attributes.join(" ")));
    for child in element.elements().filter(|child| child.name != "Signature") {
        outline(child, &path, lines);
    }
}

fn outline_of(tree: &Tree) -> Vec<String> {
    let mut lines = Vec::new();
    outline(&tree.root, "", &mut lines);
    lines
}

/// A header that says what the real document says.
fn header_of(read: &ReadHeader) -> Header {
    let client = &read.clients[0];
    let Some(PersonId::IdentityCode(code)) = client.ids.first().cloned() else { panic!("an identity code") };
    let birth_date = client.birth_date.unwrap().to_string();
    Header {
        ids: DocumentIds { document: read.document.clone().unwrap(), set: read.set.clone().unwrap(), version: 1 },
        structure: read.structure.clone().unwrap(),
        drawn_up: read.drawn_up.unwrap(),
        created: read.created.unwrap(),
        clients: vec![Client {
            identity_code: Some(code),
            temporary_id: None,
            name: client.name.clone().unwrap(),
            birth_date: birth_date.parse().unwrap(),
            gender: client.gender.unwrap(),
            safety_ban: false,
        }],
        organiser: read.organiser.clone().unwrap(),
        unit: read.unit.clone().unwrap(),
        relationship: read.relationship.clone(),
        retention_class: read.retention_class.clone().unwrap(),
        special_content: read.special_content.unwrap(),
        software: read.software.clone().unwrap(),
        ..relationship_document_header()
    }
}

/// The differences are those listed here and no others.
#[test]
fn our_document_of_the_real_documents_data_has_its_elements_attributes_and_order() {
    let name = "our_document_of_the_real_documents_data_has_its_elements_attributes_and_order";
    let Some(path) = reference(name, DOCUMENT) else { return };
    let real = read(&fs::read(path).unwrap()).unwrap();
    let ours = signed(header_of(&real.header), SignatureKind::System);
    let ours = outline_of(&parse(ours.xml(), Limits::DOCUMENT).unwrap());
    let real = outline_of(real.tree());
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|line| !those.contains(line)).map(|line| line.split(' ').next().unwrap().into()).collect()
    };
    let differ = [
        // We write no xsi:schemaLocation.
        "{urn:hl7-org:v3}/ClinicalDocument",
        // A record says nothing of disclosure to a minor's custodians yet.
        "{urn:hl7-org:v3}/ClinicalDocument/authorization",
        "{urn:hl7-org:v3}/ClinicalDocument/authorization/consent",
        "{urn:hl7-org:v3}/ClinicalDocument/authorization/consent/code",
        "{urn:hl7-org:v3}/ClinicalDocument/authorization/consent/statusCode",
        // Ids of our own making.
        "{urn:hl7finland}/ClinicalDocument/localSocialHeader/signatureCollection/signature",
        "{urn:hl7finland}/ClinicalDocument/localSocialHeader/signatureCollection/signature/signatureTimestamp",
    ];
    assert_eq!(only(&real, &ours), differ);
    let of_ours: Vec<&str> = differ.into_iter().filter(|line| !line.contains("authorization")).collect();
    assert_eq!(only(&ours, &real), of_ours);
    let kept = |lines: &[String], others: &[String]| -> Vec<String> {
        lines.iter().filter(|line| others.contains(line)).cloned().collect()
    };
    assert!(kept(&ours, &real) == kept(&real, &ours), "the order differs");
}
