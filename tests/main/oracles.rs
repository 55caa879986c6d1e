//! What programs that we did not write make of our documents and of our canonical form.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use asiasilta::domain::document::cda::HL7FI;
use asiasilta::domain::document::header::Header;
use asiasilta::domain::signature::{SignatureKind, c14n};
use asiasilta::domain::xml::{Element, Limits, Node, parse};
use tempfile::TempDir;

use crate::support::{
    case_document_header, client_document_header, document, full_header, identity, oracle, reference,
    relationship_document_header, second_version_header, signed,
};

const KINDS: [SignatureKind; 2] = [SignatureKind::System, SignatureKind::Professional];

/// The signed document and its signer's certificate as files.
fn files(kind: SignatureKind) -> (TempDir, PathBuf, PathBuf) {
    let folder = TempDir::new().unwrap();
    let (document, certificate) = (folder.path().join("document.xml"), folder.path().join("signer.pem"));
    fs::write(&document, signed(client_document_header(), kind).xml()).unwrap();
    fs::write(&certificate, identity(kind).certificate_pem()).unwrap();
    (folder, document, certificate)
}

/// The same document with another word in its body.
fn with_other_body(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let other = document(second_version_header());
    let tree = parse(other.unsigned_xml().as_bytes(), Limits::DOCUMENT).unwrap();
    let json = |e: &Element| e.at(["component", "nonXMLBody"]).unwrap().first("text").unwrap().all_text();
    let own = json(&parse(text.as_bytes(), Limits::DOCUMENT).unwrap().root);
    assert!(text.contains(&own));
    fs::write(path, text.replace(&own, &json(&tree.root))).unwrap();
}

fn xmlsec1(command: &mut Command, document: &Path, certificate: &Path) -> (bool, String) {
    let output = command
        .args(["--verify", "--id-attr:ID", "urn:hl7finland:signatureTimestamp"])
        .args(["--id-attr:ID", "urn:hl7-org:v3:nonXMLBody", "--pubkey-cert-pem"])
        .args([certificate, document])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

#[test]
fn our_signed_document_verifies_with_xmlsec1() {
    for kind in KINDS {
        let Some(mut command) = oracle("xmlsec1", "--version") else { return };
        let (_folder, document, certificate) = files(kind);
        let (valid, said) = xmlsec1(&mut command, &document, &certificate);
        assert!(valid && said.contains("SignedInfo References (ok/all): 2/2"), "{kind:?}: {said}");
        with_other_body(&document);
        let (valid, said) = xmlsec1(&mut Command::new("xmlsec1"), &document, &certificate);
        assert!(!valid, "{kind:?} with another body: {said}");
    }
}

#[test]
fn our_signed_document_verifies_with_the_jdk() {
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/VerifySignature.java");
    for kind in KINDS {
        if oracle("java", "-version").is_none() {
            return;
        }
        let (_folder, document, certificate) = files(kind);
        let judge = || Command::new("java").arg(program).arg(&document).arg(&certificate).output().unwrap();
        let output = judge();
        let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{kind:?}: {said}");
        with_other_body(&document);
        assert!(!judge().status.success(), "{kind:?} with another body");
    }
}

/// HL7's schema knows nothing of the Finnish extension.
fn without_extension(element: &mut Element) {
    element.children.retain(|node| !matches!(node, Node::Element(e) if e.namespace == HL7FI));
    if element.name == "nonXMLBody" {
        element.attributes.retain(|a| a.name != "ID");
    }
    for node in &mut element.children {
        if let Node::Element(child) = node {
            without_extension(child);
        }
    }
}

#[test]
fn our_document_is_valid_by_hl7s_cda_schema() {
    let schema = "cda-r2/infrastructure/cda/CDA.xsd";
    let Some(schema) = reference("our_document_is_valid_by_hl7s_cda_schema", schema) else { return };
    let folder = TempDir::new().unwrap();
    let mut uncased = client_document_header();
    uncased.case = None;
    let mut joint = client_document_header();
    joint.clients.push(joint.clients[0].clone());
    let mut open = case_document_header();
    open.case_period.as_mut().unwrap().closed = None;
    let minor = Header { guardian_disclosure: full_header().guardian_disclosure, ..relationship_document_header() };
    let headers = [
        client_document_header(),
        relationship_document_header(),
        second_version_header(),
        uncased,
        joint,
        full_header(),
        case_document_header(),
        open,
        minor,
    ];
    for (at, header) in headers.into_iter().enumerate() {
        let Some(mut xmllint) = oracle("xmllint", "--version") else { return };
        let mut tree = parse(document(header).unsigned_xml().as_bytes(), Limits::DOCUMENT).unwrap();
        without_extension(&mut tree.root);
        let path = folder.path().join(format!("{at}.xml"));
        fs::write(&path, tree.to_xml()).unwrap();
        let output = xmllint.args(["--noout", "--nonet", "--schema"]).arg(&schema).arg(&path).output().unwrap();
        assert!(output.status.success(), "{at}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

const TRICKY: [&str; 9] = [
    "<a xmlns='urn:d' xmlns:p='urn:u' xmlns:q='urn:v'><p:b q:x='1' p:y='2' z='3'/><c xmlns=''><p:d xmlns:p='urn:w'/></c></a>",
    "<p:a xmlns:p='urn:u' xmlns:unused='urn:n' xml:lang='fi'><b xmlns='urn:d'><p:c/><b xmlns=''><b/></b></b></p:a>",
    "<a b='&#9;&#10;&#13;&quot;&gt;&lt;&amp;&apos; \t\n x'>&#13;&gt;&lt;&quot;&amp;'\r\n\t<?t   d ?><?u?></a>",
    "<a xmlns:x='urn:z' xmlns:y='urn:b' x:m='1' y:n='2' y:l='3' b='4' xml:id='i5' a='6' B='7'/>",
    "<a>ä€𝄞<![CDATA[<&>]]>&#x20AC;</a>",
    "<a xmlns='urn:u' xmlns:p='urn:u'><p:a/><a p:b='1' b='2'/></a>",
    "<p:a xmlns:p='urn:u'><p:b xmlns:p='urn:v'><p:c xmlns:p='urn:u'/></p:b><p:b xmlns:p='urn:u' p:k=''/></p:a>",
    "<a xmlns='urn:d'><b xmlns='urn:e'><c xmlns='urn:d'/></b><x:y xmlns:x='urn:d'><z/></x:y></a>",
    "<a\n  xmlns:s='http://www.w3.org/2001/XMLSchema-instance' s:type='t'   ><b\t/></a  >",
];

fn without_comments(text: &str) -> String {
    let mut rest = text;
    let mut out = String::new();
    while let Some((before, after)) = rest.split_once("<!--") {
        out.push_str(before);
        rest = after.split_once("-->").unwrap().1;
    }
    out + rest
}

/// `xmllint`'s canonical modes keep comments, so what it gets has none.
#[test]
fn canonical_form_is_byte_for_byte_that_of_libxml2() {
    let Some(_) = oracle("xmllint", "--version") else { return };
    let mut inputs: Vec<String> = TRICKY.map(str::to_owned).into();
    for kind in KINDS {
        inputs.push(String::from_utf8(signed(client_document_header(), kind).xml().to_vec()).unwrap());
    }
    if let Some(folder) = reference("canonical_form_is_byte_for_byte_that_of_libxml2", "real") {
        for name in ["relationship-document.xml", "relationship-frame.xml"] {
            inputs.push(fs::read_to_string(folder.join(name)).unwrap());
        }
    }
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("input.xml");
    for input in inputs {
        let input = without_comments(&input);
        fs::write(&path, &input).unwrap();
        let output = Command::new("xmllint").args(["--nonet", "--exc-c14n"]).arg(&path).output().unwrap();
        let ours = c14n::canonical(&parse(input.as_bytes(), Limits::DOCUMENT).unwrap().root);
        let start: String = input.chars().take(80).collect();
        assert!(ours.as_bytes() == output.stdout, "{start}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
