//! Signatures: what holds, each way in which one does not, and two outside judges: xmlsec1 and a real document.

#![expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]

use std::path::Path;
use std::process::Command;

use openssl::x509::X509;

use super::*;
use crate::answers::AckCode;
use crate::certs::DevPki;
use crate::clock::Clock;
use crate::outside::{reference, say};
use crate::samples::{ORGANISER, PRODUCER, Sample, SignedBy, kit, oid, organisation, sign};
use crate::server::MockArchive;

fn trust() -> Trust {
    Trust::new(vec![X509::from_pem(kit().pki.signing_ca_pem().unwrap().as_bytes()).unwrap()])
}

fn broken(text: &str) -> Rule {
    verify(text, &trust()).unwrap_err().rule
}

#[test]
fn both_kinds_of_signature_hold() {
    let system = verify(&Sample::entry().document(), &trust()).unwrap();
    assert_eq!(system, [VerifiedSignature { kind: SignatureKind::System, signer: PRODUCER.into() }]);
    let professional = verify(&Sample::decision().document(), &trust()).unwrap();
    assert_eq!(professional, [VerifiedSignature { kind: SignatureKind::Professional, signer: "90000000001".into() }]);
}

#[test]
fn what_is_signed_cannot_be_changed() {
    let signed = Sample::entry().document();
    assert_eq!(broken(&signed.replace("T09:00:00Z", "T09:00:01Z")), Rule::SignatureDigest);
    assert_eq!(broken(&signed.replace("\n\t", "\n")), Rule::SignatureDigest);
    let other = Sample::entry().next_version("1.2.246.10.99999992.95.2026.1", 1);
    assert_eq!(signed, other.document(), "RSA PKCS#1 signatures of the same bytes are the same");
    let start = signed.find("<SignatureValue>").unwrap() + 20;
    let mut bent = signed.clone().into_bytes();
    bent.swap(start, start + 1);
    bent.swap(start + 2, start + 5);
    assert_eq!(broken(&String::from_utf8(bent).unwrap()), Rule::SignatureValue);
}

#[test]
fn comments_in_the_body_and_the_header_are_not_covered() {
    let signed = Sample::entry().document();
    verify(&signed.replace("<!-- c -->", "<!-- another -->"), &trust()).unwrap();
    verify(&signed.replace("<name>Yksikkö</name>", "<name>Toinen</name>"), &trust()).unwrap();
}

#[test]
fn other_algorithms_and_transforms_are_refused() {
    let signed = Sample::entry().document();
    for (from, to) in [
        ("xmldsig-more#rsa-sha256", "xmldsig-more#rsa-sha512"),
        ("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        ("http://www.w3.org/2001/04/xmlenc#sha256", "http://www.w3.org/2000/09/xmldsig#sha1"),
        (
            "CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#",
            "CanonicalizationMethod Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        ),
        (
            "<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<Transform Algorithm=\"http://www.w3.org/TR/1999/REC-xslt-19991116\"/>",
        ),
        (
            "<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/>",
            "<Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"><p/></Transform>",
        ),
        ("<Transforms><Transform Algorithm=\"http://www.w3.org/2001/10/xml-exc-c14n#\"/></Transforms>", ""),
    ] {
        assert!(signed.contains(from), "{from}");
        assert_eq!(broken(&signed.replace(from, to)), Rule::SignatureAlgorithms, "{to}");
    }
}

#[test]
fn the_references_are_the_timestamp_and_the_body_and_nothing_else() {
    let signed = Sample::entry().document();
    let body = "#OID1.2.246.10.99999992.95.2026.1";
    let first = signed.find("<Reference ").unwrap();
    let second = first + signed.get(first + 1..).unwrap().find("<Reference ").unwrap() + 1;
    let end = signed.find("</SignedInfo>").unwrap();
    let one = signed.get(first..second).unwrap();
    let other = signed.get(second..end).unwrap();
    for bad in [
        signed.replace(one, ""),
        signed.replace(one, &format!("{one}{one}")),
        signed.replace(other, one),
        signed.replace(&format!("URI=\"{body}\""), "URI=\"\""),
        // Two elements with the body's id: which one is meant is nobody's guess.
        signed.replace("<realmCode ", &format!("<realmCode ID=\"{}\" ", body.trim_start_matches('#'))),
        signed.replace("<languageCode ", "<languageCode id=\"time-1\" "),
    ] {
        assert_ne!(bad, signed);
        assert_eq!(broken(&bad), Rule::SignatureReferences);
    }
}

#[test]
fn a_signed_body_beside_the_real_one_is_not_taken_for_it() {
    let signed = Sample::entry().document();
    let start = signed.find("<component>").unwrap();
    let end = signed.find("</ClinicalDocument>").unwrap();
    let real = signed.get(start..end).unwrap();
    let forged = real.replace("OID1.2", "OID1.3");
    let wrapped = signed.replace(real, &format!("{forged}{real}"));
    assert_eq!(broken(&wrapped), Rule::SignatureReferences);
}

#[test]
fn a_document_without_or_with_too_many_signatures_is_refused() {
    let mut sample = Sample::entry();
    sample.signed_by = SignedBy::Nobody;
    assert_eq!(broken(&sample.document()), Rule::SignaturePresent);
    let signed = Sample::entry().document();
    let (start, end) = (signed.find("<x:signature ").unwrap(), signed.find("</x:signatureCollection>").unwrap());
    let one = signed.get(start..end).unwrap();
    assert_eq!(broken(&signed.replace(one, &one.repeat(11))), Rule::SignaturePresent);
    assert_eq!(
        broken(&signed.replace("signatureDescription code=\"3\"", "signatureDescription code=\"2\"")),
        Rule::SignatureForm
    );
    assert_eq!(broken(&signed.replace("</X509Data>", "</X509Data><X509Data/>")), Rule::SignatureForm);
}

#[test]
fn a_certificate_of_another_authority_is_refused_unless_pinned() {
    let other = DevPki::new(crate::samples::NOW.parse().unwrap()).unwrap();
    let identity = other.system_signer(&organisation(PRODUCER)).unwrap();
    let mut sample = Sample::entry();
    sample.signed_by = SignedBy::Nobody;
    let signed = sign(&sample.document(), &format!("OID{}", sample.id), 3, &identity);
    assert_eq!(broken(&signed), Rule::SignatureCertificate);
    let mut trust = trust();
    trust.pin(&X509::from_pem(identity.certificate_pem.as_bytes()).unwrap()).unwrap();
    assert!(verify(&signed, &trust).is_ok());
    let mut anyone = Trust::new(Vec::new());
    anyone.trust_anyone();
    assert!(verify(&signed, &anyone).is_ok());
    assert_eq!(verify(&signed.replace("\n\t", ""), &anyone).unwrap_err().rule, Rule::SignatureDigest);
}

#[test]
fn a_transport_certificate_does_not_sign() {
    let identity = kit().pki.transport(&organisation(PRODUCER)).unwrap();
    let mut sample = Sample::entry();
    sample.signed_by = SignedBy::Nobody;
    let signed = sign(&sample.document(), &format!("OID{}", sample.id), 3, &identity);
    assert_eq!(broken(&signed), Rule::SignatureAlgorithms, "its key is no RSA key");
}

#[test]
fn what_counts_is_validity_at_the_signed_time() {
    for (made, expected) in [
        ("2026-11-24T09:00:01Z", Some(Rule::SignatureMoment)),
        ("2026-11-23T08:59:59Z", None),
        ("2025-11-22T09:00:01Z", None),
        ("2025-11-22T08:59:59Z", Some(Rule::SignatureMoment)),
    ] {
        let pki = DevPki::new(made.parse().unwrap()).unwrap();
        let identity = pki.system_signer(&organisation(PRODUCER)).unwrap();
        let mut sample = Sample::entry();
        sample.signed_by = SignedBy::Nobody;
        let signed = sign(&sample.document(), &format!("OID{}", sample.id), 3, &identity);
        let trust = Trust::new(vec![X509::from_pem(pki.signing_ca_pem().unwrap().as_bytes()).unwrap()]);
        assert_eq!(verify(&signed, &trust).err().map(|finding| finding.rule), expected, "{made}");
    }
}

#[test]
fn xmlsec1_agrees_on_good_and_bad() {
    let Ok(version) = Command::new("xmlsec1").arg("--version").output() else {
        return say("SKIPPED xmlsec1_agrees_on_good_and_bad: no xmlsec1 here");
    };
    assert!(version.status.success());
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.pem");
    std::fs::write(&authority, kit().pki.signing_ca_pem().unwrap()).unwrap();
    let signed = Sample::entry().document();
    for (text, holds) in [
        (signed.clone(), true),
        (signed.replace("T09:00:00Z", "T09:00:01Z"), false),
        (signed.replace("\n\t", ""), false),
    ] {
        let file = directory.path().join("document.xml");
        std::fs::write(&file, &text).unwrap();
        assert_eq!(xmlsec1(&file, &authority), holds);
        assert_eq!(verify(&text, &trust()).is_ok(), holds);
    }
}

fn xmlsec1(file: &Path, authority: &Path) -> bool {
    let output = Command::new("xmlsec1")
        .args([
            "--verify",
            "--id-attr:ID",
            "urn:hl7-org:v3:nonXMLBody",
            "--id-attr:ID",
            "urn:hl7finland:signatureTimestamp",
        ])
        .args(["--verification-time", "2026-11-22 09:00:00", "--trusted-pem"])
        .arg(authority)
        .arg(file)
        .output()
        .unwrap();
    output.status.success()
}

/// The document as it was before it was re-indented for publication.
fn without_blank_nodes(text: &str) -> String {
    let mut out = String::new();
    for piece in text.split_inclusive('>') {
        let blank_before_tag = piece.trim_start();
        out.push_str(if blank_before_tag.starts_with('<') { blank_before_tag } else { piece });
    }
    out
}

#[test]
fn the_real_pair_is_taken_and_refused_as_published() {
    let Some(folder) = reference("the_real_pair_is_taken_and_refused_as_published") else {
        return;
    };
    let frame = std::fs::read_to_string(folder.join("real/relationship-frame.xml")).unwrap();
    let published = std::fs::read_to_string(folder.join("real/relationship-document.xml")).unwrap();
    let original = without_blank_nodes(&published);
    let start = original.find("<X509Certificate>").unwrap() + "<X509Certificate>".len();
    let end = original.find("</X509Certificate>").unwrap();
    let certificate: String = original.get(start..end).unwrap().split_whitespace().collect();
    let pem = X509::from_der(&STANDARD.decode(certificate).unwrap()).unwrap().to_pem().unwrap();
    let organisation = oid("1.2.246.10.32213561.10.0");
    let archive = || {
        let clock = Clock::standing_at("2026-07-17T10:10:00Z".parse().unwrap());
        let builder = MockArchive::builder().clock(clock).pin_signer(String::from_utf8(pem.clone()).unwrap());
        builder.structures(folder.join("sosmeta")).archive().unwrap()
    };
    let taken = archive().take_pair(&organisation, frame.as_bytes(), original.as_bytes());
    assert_eq!((taken.code, taken.findings, taken.warnings), (AckCode::Aa, Vec::new(), Vec::new()));
    let refused = archive().take_pair(&organisation, frame.as_bytes(), published.as_bytes());
    let rules: Vec<_> = refused.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((refused.code, rules), (AckCode::Ae, vec![Rule::SignatureDigest]));
    let stranger = archive().take_pair(&oid(ORGANISER), frame.as_bytes(), original.as_bytes());
    let rules: Vec<_> = stranger.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!((stranger.code, rules), (AckCode::Ae, vec![Rule::MessageSender]));
}
