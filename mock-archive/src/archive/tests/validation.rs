//! The validation service keeps the contract that its real clients rely on.

use serde_json::{Value, json};

use crate::archive::Archive;
use crate::samples::{Sample, SignedBy, kit};
use crate::server::MockArchive;

const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

fn archive() -> Archive {
    let clock = crate::samples::archive().1;
    MockArchive::builder().clock(clock).pki(std::sync::Arc::clone(&kit().pki)).archive().unwrap()
}

fn request(sample: &Sample) -> Value {
    json!({
        "messageId": "1", "palveluPyynto": sample.service_request, "level": "1",
        "siirtokehysXml": format!("{DECLARATION}{}", sample.frame(None)), "asiakirjaXml": sample.document(),
    })
}

/// Status and the numbered findings.
fn asked(archive: &Archive, request: &Value) -> (u16, Vec<String>) {
    let reply = archive.validate_pair(request.to_string().as_bytes());
    if reply.body.is_empty() {
        return (reply.status, Vec::new());
    }
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    let description = body.get("description").unwrap().as_str().unwrap();
    let numbered = description.split("; ").enumerate();
    let findings = numbered.map(|(at, text)| text.strip_prefix(&format!("{}: ", at + 1)).unwrap().to_owned()).collect();
    (reply.status, findings)
}

#[test]
fn an_empty_200_passes_and_nothing_is_kept() {
    let archive = archive();
    for sample in [Sample::relationship(), Sample::case(), Sample::decision(), Sample::entry()] {
        assert_eq!(asked(&archive, &request(&sample)), (200, vec![]));
    }
    assert!(archive.ledger().entries().is_empty());
}

#[test]
fn findings_are_numbered_and_separated_by_semicolons() {
    let mut sample = Sample::entry();
    sample.signed_by = SignedBy::Nobody;
    sample.frame_edits = vec![("<versionNumber value=\"1\"/>", "<versionNumber value=\"2\"/>")];
    let (status, findings) = asked(&archive(), &request(&sample));
    assert_eq!(status, 400);
    let rules: Vec<_> = findings.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(rules, ["pair.version", "signature.present"]);
}

#[test]
fn each_field_is_a_text_and_the_request_is_told_apart_from_its_contents() {
    let archive = archive();
    for field in ["messageId", "palveluPyynto", "level", "siirtokehysXml", "asiakirjaXml"] {
        let mut bent = request(&Sample::entry());
        bent.as_object_mut().unwrap().remove(field);
        let (status, findings) = asked(&archive, &bent);
        assert_eq!((status, findings.len()), (400, 1));
        assert!(findings.first().unwrap().starts_with(field));
    }
    let mut other = request(&Sample::entry());
    *other.pointer_mut("/palveluPyynto").unwrap() = json!("SP1");
    assert!(asked(&archive, &other).1.first().unwrap().starts_with("palveluPyynto"));
    *other.pointer_mut("/level").unwrap() = json!("2");
    assert!(asked(&archive, &other).1.first().unwrap().starts_with("level"));
    assert_eq!(archive.validate_pair(b"{").status, 400);
}

#[test]
fn a_text_without_its_declaration_meets_the_block_page() {
    let archive = archive();
    for field in ["/siirtokehysXml", "/asiakirjaXml"] {
        let mut bent = request(&Sample::entry());
        let text = bent.pointer(field).unwrap().as_str().unwrap().replacen(DECLARATION, "", 1);
        *bent.pointer_mut(field).unwrap() = json!(text);
        let reply = archive.validate_pair(bent.to_string().as_bytes());
        let page = String::from_utf8(reply.body).unwrap();
        assert!(reply.content_type.starts_with("text/html") && page.contains("Your support ID is: 1"), "{page}");
    }
}

#[test]
fn two_declarations_another_encoding_and_carriage_returns_are_found() {
    let archive = archive();
    for (field, from, to, expected) in [
        (
            "/asiakirjaXml",
            "<ClinicalDocument",
            "<?xml version=\"1.0\"?><ClinicalDocument",
            "asiakirjaXml: expected: exactly one",
        ),
        ("/siirtokehysXml", "UTF-8", "ISO-8859-1", "siirtokehysXml: expected: the encoding"),
        ("/asiakirjaXml", "\n", "\r\n", "ClinicalDocument/component: missing nonXMLBody"),
        ("/siirtokehysXml", "\n", "\r\n", "siirtokehysXml: expected: lines"),
    ] {
        let mut bent = request(&Sample::entry());
        let text = bent.pointer(field).unwrap().as_str().unwrap().replacen(from, to, 1);
        *bent.pointer_mut(field).unwrap() = json!(text);
        let (status, findings) = asked(&archive, &bent);
        assert_eq!(status, 400);
        assert!(findings.first().unwrap().starts_with(expected), "{findings:?}");
    }
}
