//! Signed documents changed by an attacker, each in one way: none is believed, and the verdict says why.

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::cda::{HL7, HL7FI};
use asiasilta::domain::signature::{
    ExpectedSigner, Reason, SignatureKind, Trust, TrustPolicy, Verdict, XMLDSIG, verify,
};
use asiasilta::domain::xml::{Element, Limits, Node, Tree, XmlError, parse};

use crate::support::{
    CertificatePlan, NOW, PRODUCER, SIGNED_AT, TestIdentity, Usage, at, certify, client_document_header, identity, oid,
    signed,
};

const KINDS: [SignatureKind; 2] = [SignatureKind::System, SignatureKind::Professional];

fn policy(trusted: &TestIdentity) -> TrustPolicy {
    TrustPolicy {
        trust: Trust::Pinned(vec![trusted.certificate_der()]),
        system_signer: ExpectedSigner::Organisation(oid(PRODUCER)),
        now: at(NOW),
    }
}

fn tree(kind: SignatureKind) -> Tree {
    parse(signed(client_document_header(), kind).xml(), Limits::DOCUMENT).unwrap()
}

/// The verdict on a system-signed document after a change, written and read again as it would travel.
fn attacked(change: impl FnOnce(&mut Element)) -> Verdict {
    let mut tree = tree(SignatureKind::System);
    change(&mut tree.root);
    let tree = parse(tree.to_xml().as_bytes(), Limits::DOCUMENT).unwrap();
    verify(&tree, &OpensslCrypto, &policy(identity(SignatureKind::System)))
}

fn reasons(verdict: &Verdict) -> Vec<Reason> {
    assert!(!verdict.is_valid());
    verdict.all_reasons().collect()
}

/// The first element of this name, anywhere.
fn find<'a>(element: &'a mut Element, name: &str) -> &'a mut Element {
    fn search<'a>(element: &'a mut Element, name: &str) -> Option<&'a mut Element> {
        if element.name == name && element.prefix != "hl7fi" {
            return Some(element);
        }
        element.children.iter_mut().find_map(|node| match node {
            Node::Element(child) => search(child, name),
            _ => None,
        })
    }
    search(element, name).unwrap()
}

/// The child element of this name, taken out of its parent.
fn take(parent: &mut Element, name: &str) -> Element {
    let at = parent.children.iter().position(|n| matches!(n, Node::Element(e) if e.name == name)).unwrap();
    match parent.children.remove(at) {
        Node::Element(element) => element,
        _ => unreachable!("found as an element above"),
    }
}

fn set(element: &mut Element, name: &str, value: &str) {
    element.attributes.iter_mut().find(|a| a.name == name).unwrap().value = value.into();
}

#[test]
fn an_untouched_document_is_believed_and_says_who_signed_and_when() {
    for kind in KINDS {
        let verdict = verify(&tree(kind), &OpensslCrypto, &policy(identity(kind)));
        assert!(verdict.is_valid_and_signed_by(kind), "{kind:?}: {:?}", verdict.all_reasons().collect::<Vec<_>>());
        let one = &verdict.signatures[0];
        assert_eq!(one.signed_at, Some(at(SIGNED_AT)));
        assert_eq!(one.signer.as_ref().unwrap().organisation.as_deref(), Some("Testipalvelu Oy"));
        let other = if kind == KINDS[0] { KINDS[1] } else { KINDS[0] };
        assert!(!verdict.is_valid_and_signed_by(other));
    }
}

#[test]
fn a_swapped_body_is_not_believed() {
    let verdict = attacked(|root| {
        let json = find(root, "nonXMLBody").children.last_mut().unwrap();
        let Node::Element(json) = json else { unreachable!("json is an element") };
        json.children = vec![Node::Text("e30=".into())];
    });
    assert_eq!(reasons(&verdict), [Reason::BodyChanged]);
}

#[test]
fn a_second_body_with_the_same_id_is_not_believed() {
    let verdict = attacked(|root| {
        let body = find(root, "nonXMLBody").clone();
        let json = Element::new(HL7FI, "json").text("e30=");
        find(root, "nonXMLBody").children.push(Node::Element(json));
        let wrapper = Element::new(HL7FI, "attachment").child(body);
        find(root, "custodian").children.push(Node::Element(wrapper));
    });
    let reasons = reasons(&verdict);
    for expected in [Reason::SecondBody, Reason::DuplicateId, Reason::BodyChanged] {
        assert!(reasons.contains(&expected), "{expected}");
    }
}

#[test]
fn a_wrapped_document_is_not_believed() {
    // The signed document whole, inside a forged one that has its own body under another id.
    let verdict = attacked(|root| {
        let original = root.clone();
        let body = find(root, "nonXMLBody");
        set(body, "ID", "OID1.2.3");
        body.children = vec![Node::Element(Element::new(HL7FI, "json").text("e30="))];
        root.children.push(Node::Element(original));
    });
    let reasons = reasons(&verdict);
    for expected in [Reason::SecondDocument, Reason::SecondBody, Reason::ReferenceTarget, Reason::SignatureMisplaced] {
        assert!(reasons.contains(&expected), "{expected}");
    }
}

#[test]
fn a_body_outside_the_documents_own_component_is_not_believed() {
    let verdict = attacked(|root| {
        let component = take(root, "component");
        root.children.push(Node::Element(Element::new(HL7, "component").child(component)));
    });
    assert!(reasons(&verdict).contains(&Reason::BodyMissing));
}

#[test]
fn a_moved_signature_is_not_believed() {
    let verdict = attacked(|root| {
        let signature = take(find(root, "signature"), "Signature");
        find(root, "custodian").children.push(Node::Element(signature));
    });
    let found = reasons(&verdict);
    assert!(found.contains(&Reason::SignatureMisplaced) && found.contains(&Reason::SignedInfoNotOne));

    let verdict = attacked(|root| {
        let social = root.children.iter_mut().find_map(|n| match n {
            Node::Element(e) if e.name == "localSocialHeader" => Some(e),
            _ => None,
        });
        let collection = take(social.unwrap(), "signatureCollection");
        root.children.push(Node::Element(collection));
    });
    assert!(reasons(&verdict).contains(&Reason::SignatureMissing));
}

#[test]
fn a_comment_inside_a_digest_is_not_believed() {
    for name in ["DigestValue", "SignatureValue", "signatureTimestamp", "X509Certificate"] {
        let verdict = attacked(|root| find(root, name).children.push(Node::Comment("x".into())));
        let found = reasons(&verdict);
        let expected = if name == "signatureTimestamp" { Reason::TimestampUnreadable } else { Reason::CommentInValue };
        assert!(found.contains(&expected), "{name}: {found:?}");
    }
}

#[test]
fn a_comment_in_the_body_changes_nothing_that_is_signed_or_read() {
    let verdict = attacked(|root| find(root, "text").children.push(Node::Comment("seen in real documents".into())));
    assert!(verdict.is_valid());
}

#[test]
fn a_duplicate_id_is_not_believed_whatever_its_spelling() {
    for name in ["ID", "Id", "id"] {
        let id = format!("OID{}", client_document_header().ids.document);
        let verdict = attacked(|root| {
            let custodian = find(root, "custodian");
            *custodian = custodian.clone().with(name, id);
        });
        assert_eq!(reasons(&verdict), [Reason::DuplicateId]);
    }
}

#[test]
fn a_second_or_empty_signed_info_is_not_believed() {
    let verdict = attacked(|root| {
        let info = find(root, "SignedInfo").clone();
        find(root, "Signature").children.insert(0, Node::Element(info));
    });
    assert!(reasons(&verdict).contains(&Reason::SignedInfoNotOne));

    let verdict = attacked(|root| {
        let info = find(root, "SignedInfo").clone();
        let object = Element::new(XMLDSIG, "Object").child(info);
        find(root, "Signature").children.push(Node::Element(object));
    });
    let found = reasons(&verdict);
    assert!(found.contains(&Reason::SignatureMisplaced) && found.contains(&Reason::UnexpectedPart));

    let verdict = attacked(|root| find(root, "SignedInfo").children.clear());
    let found = reasons(&verdict);
    assert!(found.contains(&Reason::ReferenceCount) && found.contains(&Reason::AlgorithmRefused));
}

#[test]
fn references_to_anything_else_are_not_believed() {
    let verdict = attacked(|root| set(find(root, "Reference"), "URI", "#Signature.1"));
    assert!(reasons(&verdict).contains(&Reason::ReferenceTarget));
    let verdict = attacked(|root| set(find(root, "Reference"), "URI", ""));
    assert!(reasons(&verdict).contains(&Reason::ReferenceTarget));
    // The body twice, the timestamp not at all.
    let verdict = attacked(|root| {
        let info = find(root, "SignedInfo");
        drop(take(info, "Reference"));
        let body = take(info, "Reference");
        info.children.extend([Node::Element(body.clone()), Node::Element(body)]);
    });
    assert!(reasons(&verdict).contains(&Reason::ReferenceTarget));
    let verdict = attacked(|root| drop(take(find(root, "SignedInfo"), "Reference")));
    assert!(reasons(&verdict).contains(&Reason::ReferenceCount));
}

#[test]
fn algorithms_and_transforms_off_the_list_are_refused_by_name() {
    let cases = [
        ("DigestMethod", "http://www.w3.org/2000/09/xmldsig#sha1", Reason::Sha1),
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#rsa-sha1", Reason::Sha1),
        ("SignatureMethod", "http://www.w3.org/2000/09/xmldsig#hmac-sha256", Reason::AlgorithmRefused),
        ("CanonicalizationMethod", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", Reason::AlgorithmRefused),
        ("Transform", "http://www.w3.org/TR/1999/REC-xpath-19991116", Reason::TransformRefused),
    ];
    for (element, algorithm, expected) in cases {
        let verdict = attacked(|root| set(find(root, element), "Algorithm", algorithm));
        assert!(reasons(&verdict).contains(&expected), "{element} {algorithm}");
    }
    let inclusive =
        Element::new("http://www.w3.org/2001/10/xml-exc-c14n#", "InclusiveNamespaces").with("PrefixList", "hl7fi");
    for element in ["CanonicalizationMethod", "Transform"] {
        let verdict = attacked(|root| find(root, element).children.push(Node::Element(inclusive.clone())));
        assert!(reasons(&verdict).contains(&Reason::TransformParameters), "{element}");
    }
}

#[test]
fn a_changed_time_or_value_is_not_believed() {
    let verdict = attacked(|root| {
        find(root, "signatureTimestamp").children = vec![Node::Text("2026-10-05T11:45:01Z".into())];
    });
    assert_eq!(reasons(&verdict), [Reason::TimestampChanged]);
    let verdict = attacked(|root| find(root, "SignatureValue").children = vec![Node::Text("AAAA".into())]);
    assert_eq!(reasons(&verdict), [Reason::ValueWrong]);
    let verdict = attacked(|root| {
        let der = identity(SignatureKind::Professional).certificate_der();
        let encoded = openssl::base64::encode_block(&der);
        find(root, "X509Certificate").children = vec![Node::Text(encoded)];
    });
    let found = reasons(&verdict);
    assert!(found.contains(&Reason::ValueWrong) && found.contains(&Reason::CertificateUntrusted));
}

#[test]
fn a_signature_of_another_document_is_not_believed() {
    let other = signed(crate::support::second_version_header(), SignatureKind::System);
    let mut other = parse(other.xml(), Limits::DOCUMENT).unwrap();
    let foreign = find(&mut other.root, "signature").clone();
    let verdict = attacked(|root| *find(root, "signature") = foreign);
    assert!(reasons(&verdict).contains(&Reason::ReferenceTarget));
}

#[test]
fn an_unknown_kind_of_signature_is_not_believed() {
    let verdict = attacked(|root| set(find(root, "signatureDescription"), "code", "2"));
    assert!(reasons(&verdict).contains(&Reason::KindUnknown));
}

#[test]
fn a_doctype_is_refused_before_anything_is_judged() {
    let text = tree(SignatureKind::System).to_xml().replacen("?>", "?><!DOCTYPE ClinicalDocument>", 1);
    assert_eq!(parse(text.as_bytes(), Limits::DOCUMENT).err(), Some(XmlError::Doctype));
}

#[test]
fn another_organisations_signature_is_not_believed_and_the_custodian_does_not_count() {
    let tree = tree(SignatureKind::System);
    let mut policy = policy(identity(SignatureKind::System));
    policy.system_signer = ExpectedSigner::Organisation(client_document_header().organiser.oid);
    assert_eq!(reasons(&verify(&tree, &OpensslCrypto, &policy)), [Reason::OtherOrganisation]);
    policy.system_signer = ExpectedSigner::Anyone;
    assert!(verify(&tree, &OpensslCrypto, &policy).is_valid());
}

#[test]
fn a_professional_signature_by_someone_the_document_does_not_name_is_not_believed() {
    let mut tree = tree(SignatureKind::Professional);
    let named = crate::support::REGISTRATION_NUMBER;
    let text = tree.to_xml().replace(&format!(">{named}<"), ">90000000002<");
    tree = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
    let policy = policy(identity(SignatureKind::Professional));
    assert_eq!(reasons(&verify(&tree, &OpensslCrypto, &policy)), [Reason::OtherProfessional]);
}

#[test]
fn a_system_signature_does_not_become_a_professionals_by_what_the_header_says() {
    // Neither the kind nor the signer's name is signed.
    let organisation = identity(SignatureKind::System).signing().facts().subject_serial.clone().unwrap();
    let verdict = attacked(|root| {
        let header = root.children.iter_mut().find_map(|node| match node {
            Node::Element(e) if e.name == "localSocialHeader" => Some(e),
            _ => None,
        });
        let header = header.unwrap();
        let signer = Element::new(HL7FI, "assignedAuthorSigner").text(organisation.as_str());
        header.children.push(Node::Element(Element::new(HL7FI, "signature").child(signer)));
        set_kind(header, "1");
    });
    assert!(!verdict.is_valid_and_signed_by(SignatureKind::Professional));
    assert_eq!(reasons(&verdict), [Reason::OtherProfessional]);
}

/// Changes the code of every `signatureDescription` below.
fn set_kind(element: &mut Element, code: &str) {
    for node in &mut element.children {
        if let Node::Element(child) = node {
            if child.name == "signatureDescription" {
                child.attributes.iter_mut().filter(|a| a.name == "code").for_each(|a| a.value = code.into());
            }
            set_kind(child, code);
        }
    }
}

#[test]
fn a_signature_from_the_future_is_not_believed() {
    let trusted = identity(SignatureKind::System);
    let early = TrustPolicy { now: at("2026-10-05T11:39:00Z"), ..policy(trusted) };
    let verdict = verify(&tree(SignatureKind::System), &OpensslCrypto, &early);
    assert_eq!(reasons(&verdict), [Reason::SignedInFuture]);
    let tolerated = TrustPolicy { now: at("2026-10-05T11:41:00Z"), ..policy(trusted) };
    assert!(verify(&tree(SignatureKind::System), &OpensslCrypto, &tolerated).is_valid());
}

#[test]
fn trust_is_by_pin_or_by_a_chain_valid_at_the_signed_time() {
    let plan = CertificatePlan { common_name: "Testi-CA", usage: Usage::Authority, ..CertificatePlan::default() };
    let authority = certify(&plan, None);
    let leaf = certify(&CertificatePlan::default(), Some(&authority));
    let stranger = certify(&plan, None);
    let document = crate::support::document(client_document_header());
    let sign_at = |time: &str| {
        let signed = asiasilta::domain::signature::sign(
            &document,
            SignatureKind::System,
            at(time),
            &leaf.signing(),
            &OpensslCrypto,
        );
        signed.map(|s| parse(s.xml(), Limits::DOCUMENT).unwrap())
    };
    let tree = sign_at(SIGNED_AT).unwrap();
    let judge = |trust: Trust| {
        verify(
            &tree,
            &OpensslCrypto,
            &TrustPolicy { trust, system_signer: ExpectedSigner::Organisation(oid(PRODUCER)), now: at(NOW) },
        )
    };
    assert!(judge(Trust::Authorities(vec![authority.certificate_der()])).is_valid());
    assert!(judge(Trust::Pinned(vec![leaf.certificate_der()])).is_valid());
    for trust in [
        Trust::Authorities(vec![stranger.certificate_der()]),
        Trust::Authorities(Vec::new()),
        Trust::Pinned(vec![authority.certificate_der()]),
    ] {
        assert_eq!(reasons(&judge(trust)), [Reason::CertificateUntrusted]);
    }
    assert_eq!(
        sign_at("2027-02-01T00:00:00Z").err(),
        Some(asiasilta::domain::signature::SignError::CertificateNotValid)
    );
    // A signer that lies about the time gets a certificate that was not valid then.
    let text = tree.to_xml().replace(SIGNED_AT, "2025-10-05T11:45:00Z");
    let early = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
    let trust = Trust::Authorities(vec![authority.certificate_der()]);
    let verdict =
        verify(&early, &OpensslCrypto, &TrustPolicy { trust, system_signer: ExpectedSigner::Anyone, now: at(NOW) });
    assert_eq!(
        reasons(&verdict),
        [Reason::TimestampChanged, Reason::CertificateNotValidThen, Reason::CertificateUntrusted]
    );
}
