//! What a document of ours looks like, and what is refused before it is signed.

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::Document;
use asiasilta::domain::document::cda::{HL7, HL7FI};
use asiasilta::domain::document::header::{DocumentGroup, Header};
use asiasilta::domain::person::{Gender, TemporaryId};
use asiasilta::domain::signature::{SignError, SignatureKind, prepare, sign};
use asiasilta::domain::xml::{Element, Limits, Tree, parse};

use crate::support::{
    CertificatePlan, PROFESSIONAL, SIGNED_AT, SYSTEM, Usage, at, case_document_header, certify, client_document_header,
    document, full_header, oid, relationship_document_header, second_version_header, signed,
};

fn unsigned(header: Header) -> Tree {
    parse(document(header).unsigned_xml().as_bytes(), Limits::DOCUMENT).unwrap()
}

fn names(element: &Element) -> Vec<&str> {
    element.elements().map(|e| e.name.as_str()).collect()
}

fn social(tree: &Tree) -> &Element {
    tree.root.first_in(HL7FI, "localSocialHeader").unwrap()
}

#[test]
fn elements_stand_in_the_order_of_the_archives_documents() {
    let tree = unsigned(second_version_header());
    let order = [
        "realmCode",
        "typeId",
        "id",
        "code",
        "effectiveTime",
        "confidentialityCode",
        "languageCode",
        "setId",
        "versionNumber",
        "recordTarget",
        "author",
        "custodian",
        "relatedDocument",
        "componentOf",
        "localSocialHeader",
        "component",
    ];
    assert_eq!(names(&tree.root), order);
    let order = [
        "specificDocumentType",
        "creationTime",
        "documentGroup",
        "fileFormat",
        "structuredFileFormat",
        "softwareSupport",
        "functionCode",
        "recordStatus",
        "registryType",
        "outsourcingServiceCustomer",
        "outsourcingServiceCustomerName",
        "totalRetentionPeriodClass",
        "specialContent",
        "contentSpecificationId",
        "serviceProcess",
        "reasonOfCorrection",
    ];
    assert_eq!(names(social(&tree)), order);
}

#[test]
fn a_professional_signature_adds_its_metadata_and_a_system_signature_does_not() {
    let professional = signed(client_document_header(), SignatureKind::Professional);
    let tree = parse(professional.xml(), Limits::DOCUMENT).unwrap();
    let added = &names(social(&tree))[15..];
    assert_eq!(added, ["signature", "signatureCollection"]);
    let signature = social(&tree).first("signature").unwrap();
    assert_eq!(names(signature), ["assignedAuthorSigner", "signer", "authenticationMethod", "time"]);
    assert_eq!(signature.first("time").unwrap().attribute("value"), Some("20261005144500+0300"));

    let system = signed(client_document_header(), SignatureKind::System);
    let tree = parse(system.xml(), Limits::DOCUMENT).unwrap();
    assert_eq!(&names(social(&tree))[15..], ["signatureCollection"]);
}

#[test]
fn a_relationship_document_names_no_author_case_or_type() {
    let tree = unsigned(Header { author: client_document_header().author, ..relationship_document_header() });
    for path in [&["code"][..], &["author", "assignedAuthor", "id"], &["componentOf", "encompassingEncounter", "id"]] {
        let element = path.iter().fold(&tree.root, |e, name| e.first(name).unwrap());
        assert_eq!(element.attribute("nullFlavor"), Some("NA"), "{path:?}");
        assert_eq!(element.attributes.len(), 1, "{path:?}");
    }
    assert!(social(&tree).first("encompassingClientRelationship").is_some());
    assert!(!names(tree.root.at(["componentOf", "encompassingEncounter"]).unwrap()).contains(&"responsibleParty"));
}

#[test]
fn the_case_is_the_encounters_id_and_one_not_yet_found_is_said_to_be_missing() {
    let header = client_document_header();
    let case = header.case.clone().unwrap();
    let tree = unsigned(header);
    let encounter = ["componentOf", "encompassingEncounter", "id"];
    assert_eq!(tree.root.at(encounter).unwrap().attribute("root"), Some(case.as_str()));
    let mut without = client_document_header();
    without.case = None;
    let tree = unsigned(without.clone());
    assert_eq!(tree.root.at(encounter).unwrap().attribute("nullFlavor"), Some("NI"));
    let key = SYSTEM.signing();
    let refused = sign(&document(without), SignatureKind::System, at(SIGNED_AT), &key, &OpensslCrypto);
    assert_eq!(refused.err(), Some(SignError::NoCase));
}

#[test]
fn a_new_version_names_the_one_it_replaces() {
    let tree = unsigned(second_version_header());
    let related = tree.root.first("relatedDocument").unwrap();
    assert_eq!(related.attribute("typeCode"), Some("RPLC"));
    let first = client_document_header().ids;
    let parent = related.first("parentDocument").unwrap();
    assert_eq!(parent.first("id").unwrap().attribute("root"), Some(first.document.as_str()));
    assert_eq!(parent.first("versionNumber").unwrap().attribute("value"), Some("1"));
    assert_eq!(tree.root.first("setId").unwrap().attribute("root"), Some(first.set.as_str()));
    assert_eq!(social(&tree).first("reasonOfCorrection").unwrap().all_text(), "Kirjoitusvirhe korjattu");
}

#[test]
fn a_client_without_identity_code_goes_by_the_temporary_id() {
    let mut header = client_document_header();
    let root = oid("1.2.246.10.99999992.22.2026");
    header.clients[0].identity_code = None;
    header.clients[0].temporary_id = Some(TemporaryId { root: root.clone(), value: "010190-999X".parse().unwrap() });
    header.clients[0].gender = Gender::Unknown;
    let tree = unsigned(header);
    let role = tree.root.at(["recordTarget", "patientRole"]).unwrap();
    assert_eq!(role.first("id").unwrap().attribute("root"), Some(root.as_str()));
    let gender = role.at(["patient", "administrativeGenderCode"]).unwrap();
    assert_eq!(gender.attribute("nullFlavor"), Some("UNK"));
}

#[test]
fn base64_stands_in_one_line_and_nothing_stands_between_elements() {
    let document = Document::assemble(client_document_header(), "x".repeat(10_000), "{}".into());
    let text = document.unsigned_xml();
    assert!(!text.contains("<!--"));
    assert_eq!(text.lines().count(), 2, "the XML declaration and the document");
    assert_eq!(text, document.unsigned_xml());
    let tree = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
    let mut dropped = tree.root.clone();
    dropped.drop_blank_text();
    assert!(dropped == tree.root);
    assert!(tree.root.is(HL7, "ClinicalDocument"));
}

#[test]
fn the_same_document_key_and_time_give_the_same_bytes() {
    let twice = [(); 2].map(|()| signed(client_document_header(), SignatureKind::System).into_parts().1);
    assert!(twice[0] == twice[1]);
}

#[test]
fn nothing_is_signed_that_a_verifier_would_refuse() {
    let document_of = |header: Header| document(header);
    let kind = SignatureKind::Professional;
    let refused = sign(&document_of(client_document_header()), kind, at(SIGNED_AT), &SYSTEM.signing(), &OpensslCrypto);
    assert_eq!(refused.err(), Some(SignError::OtherProfessional));
    let unsignable = document_of(relationship_document_header());
    assert_eq!(prepare(&unsignable, kind, at(SIGNED_AT), &OpensslCrypto).err(), Some(SignError::NoAuthor));

    // A signature handed in later: of other bytes, and with a certificate that may not sign.
    let prepared = prepare(&document_of(client_document_header()), kind, at(SIGNED_AT), &OpensslCrypto).unwrap();
    let other = asiasilta::domain::signature::Signer::sign_rsa_sha256(&PROFESSIONAL.signing(), b"other").unwrap();
    let completed = prepared.clone().complete(&other, &PROFESSIONAL.certificate_der(), &OpensslCrypto);
    assert_eq!(completed.err(), Some(SignError::DoesNotVerify));
    let plan = CertificatePlan { usage: Usage::Encipher, ..CertificatePlan::default() };
    let unfit = certify(&plan, None).certificate_der();
    assert_eq!(prepared.clone().complete(&other, &unfit, &OpensslCrypto).err(), Some(SignError::CertificateUnfit));
    assert_eq!(prepared.complete(&other, b"x", &OpensslCrypto).err(), Some(SignError::CertificateUnreadable));
}

#[test]
fn a_signature_made_elsewhere_completes_the_document() {
    let kind = SignatureKind::Professional;
    let prepared = prepare(&document(client_document_header()), kind, at(SIGNED_AT), &OpensslCrypto).unwrap();
    let card = PROFESSIONAL.signing();
    let value = asiasilta::domain::signature::Signer::sign_rsa_sha256(&card, prepared.to_be_signed().as_bytes());
    let completed = prepared.complete(&value.unwrap(), &PROFESSIONAL.certificate_der(), &OpensslCrypto).unwrap();
    assert!(completed == signed(client_document_header(), kind));
    assert_eq!(completed.header().group, DocumentGroup::ClientDocument);
}

#[test]
fn debug_of_documents_says_only_the_type() {
    let signed = signed(client_document_header(), SignatureKind::System);
    let said = format!("{:?} {signed:?} {:?}", document(client_document_header()), SYSTEM.signing());
    assert_eq!(said, "Document(…) SignedDocument(…) SigningIdentity(…)");
}

#[test]
fn conditional_elements_stand_where_the_archives_documents_have_them() {
    let tree = unsigned(full_header());
    let order = ["custodian", "relatedDocument", "authorization", "componentOf", "localSocialHeader", "component"];
    let root = names(&tree.root);
    assert_eq!(root[root.len() - order.len()..], order);
    let consent = tree.root.at(["authorization", "consent"]).unwrap();
    assert_eq!(names(consent), ["code", "statusCode"]);
    assert_eq!(consent.first("code").unwrap().attribute("code"), Some("2"));
    assert_eq!(consent.first("statusCode").unwrap().attribute("code"), Some("completed"));
    let order = ["serviceProcess", "authorizationRestrictionArgument", "inaccessibleArgument", "reasonOfCorrection"];
    let social_names = names(social(&tree));
    assert_eq!(social_names[social_names.len() - order.len()..], order);
    assert_eq!(social(&tree).first("authorizationRestrictionArgument").unwrap().all_text(), "Alaikäisen oma pyyntö.");
    let withheld = social(&tree).first("inaccessibleArgument").unwrap();
    assert_eq!(withheld.attribute("codeSystem"), Some("1.2.246.537.6.1288.201901"));
    for name in ["authorization", "relatedDocument"] {
        assert!(unsigned(client_document_header()).root.first(name).is_none(), "{name}");
    }
}

#[test]
fn every_client_of_a_joint_case_is_a_target_and_goes_by_one_id() {
    let tree = unsigned(full_header());
    let ids: Vec<Vec<_>> = (tree.root.all("recordTarget"))
        .map(|target| target.first("patientRole").unwrap().all("id").map(|id| id.attribute("root").unwrap()).collect())
        .collect();
    assert_eq!(ids, [["1.2.246.21"], ["1.2.246.21"]]);
}

#[test]
fn a_case_documents_encounter_tells_when_the_case_was_opened_and_closed() {
    let times = |header: Header| {
        let tree = unsigned(header);
        let time = tree.root.at(["componentOf", "encompassingEncounter", "effectiveTime"]).unwrap();
        let of = |e: &Element| format!("{}={}", e.name, e.attribute("value").unwrap());
        (time.elements().map(of).collect::<Vec<_>>(), time.attribute("nullFlavor").map(str::to_owned))
    };
    assert_eq!(times(case_document_header()), (vec!["low=20260112".into(), "high=202609".into()], None));
    let mut open = case_document_header();
    open.case_period.as_mut().unwrap().closed = None;
    assert_eq!(times(open), (vec!["low=20260112".into()], None));
    assert_eq!(times(client_document_header()), (vec![], Some("NA".into())));
}
