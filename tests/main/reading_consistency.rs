//! Every consistency rule: what agrees is passed over, what does not is found under the rule's id.

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::Document;
use asiasilta::domain::document::header::Header;
use asiasilta::domain::document::read::consistency::{Beside, RULES, table};
use asiasilta::domain::document::read::{ReadFrame, read};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::finding::Finding;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::signature::{ExpectedSigner, SignatureKind, Trust, TrustPolicy, verify};
use asiasilta::domain::structure::Registry;
use asiasilta::domain::wire::frame::store_frame;
use asiasilta::domain::wire::{MessageContext, MessageId, UseSituation};
use asiasilta::domain::xml::{Limits, parse};

use crate::support::{
    NOW, PRODUCER, PROFESSIONAL, at, case_document_header, client, client_document_header, document, identity_code,
    oid, relationship_document_header, signed, worker,
};

/// Codes of what is found after a replacement in a document, alone.
fn alone(xml: &str, from: &str, to: &str) -> Vec<Finding> {
    assert!(xml.contains(from), "{from}");
    read(xml.replacen(from, to, 1).as_bytes()).unwrap().findings
}

fn signed_text(header: Header, kind: SignatureKind) -> String {
    String::from_utf8(signed(header, kind).into_parts().1).unwrap()
}

fn header(from: &str, to: &str) -> Vec<Finding> {
    alone(&signed_text(client_document_header(), SignatureKind::System), from, to)
}

/// What is found in a document of this header with this display form and content.
fn body(header: Header, display: &str, content: &str) -> Vec<Finding> {
    let document = Document::assemble(header, display.into(), content.into());
    read(document.unsigned_xml().as_bytes()).unwrap().findings
}

fn content(text: &str) -> Vec<Finding> {
    body(client_document_header(), &display("fi"), text)
}

fn display(language: &str) -> String {
    let id = client_document_header().ids.document;
    format!("<div xmlns=\"http://www.w3.org/1999/xhtml\" id=\"OID{id}\" lang=\"{language}\"><p>Päivä.</p></div>")
}

fn client_json(more: &str) -> String {
    format!(
        r#"{{"merkinta_asiakkaan_arjesta":{{"asiakas":[{{"henkilotunnus":{{"system":"urn:oid:1.2.246.21","value":"010190-900P"}}{more}}}]}}}}"#
    )
}

fn with_structure(text: &str) -> Vec<Finding> {
    let registry = Registry::reduced();
    let header = client_document_header();
    let structure = registry.find(&header.structure).unwrap();
    let document = Document::assemble(header, display("fi"), text.into());
    let read = read(document.unsigned_xml().as_bytes()).unwrap();
    read.compare(Beside { structure: Some(&structure), ..Beside::default() })
}

fn signers(from: &str, to: &str) -> Vec<Finding> {
    let xml = signed_text(client_document_header(), SignatureKind::Professional);
    assert!(xml.contains(from), "{from}");
    let read = read(xml.replacen(from, to, 1).as_bytes()).unwrap();
    let trust = Trust::Pinned(vec![PROFESSIONAL.certificate_der()]);
    let policy = TrustPolicy { trust, system_signer: ExpectedSigner::Anyone, now: at(NOW) };
    let verdict = verify(read.tree(), &OpensslCrypto, &policy);
    read.compare(Beside { verdict: Some(&verdict), ..Beside::default() })
}

/// Frame and document of one header, after a replacement in the frame.
fn frame(from: &str, to: &str) -> Vec<Finding> {
    let header = client_document_header();
    let (worker, id) = (worker(), MessageId { root: oid(PRODUCER), extension: "17".into() });
    let context = MessageContext {
        message_id: &id,
        sender: &id.root,
        created: header.created,
        environment: Environment::Test,
        worker: &worker,
        unit: &header.unit,
        situation: UseSituation::RegisterAccess,
    };
    let xml = store_frame(&WireProfile::default_profile().unwrap(), &context, &header, b"").unwrap().to_xml();
    let (before, document_part) = xml.split_once("<clinicalDocument").unwrap();
    let changed = if document_part.contains(from) {
        format!("{before}<clinicalDocument{}", document_part.replacen(from, to, 1))
    } else {
        assert!(before.contains(from), "{from}");
        format!("{}<clinicalDocument{document_part}", before.replacen(from, to, 1))
    };
    let message = parse(changed.as_bytes(), Limits::DOCUMENT).unwrap().root;
    let frame = ReadFrame::of(&message).unwrap();
    let read = read(signed_text(header, SignatureKind::System).as_bytes()).unwrap();
    read.compare(Beside { frame: Some(&frame), ..Beside::default() })
}

fn joint() -> Header {
    let mut header = client_document_header();
    let mut second = client();
    second.identity_code = Some(identity_code("020190-900").parse().unwrap());
    header.clients.push(second);
    header
}

/// For each rule what breaks it, and it alone.
fn broken(id: &str) -> Vec<Finding> {
    let document = "1.2.246.10.99999992.95.2026.1.1";
    match id {
        "document.body_id" => header("<nonXMLBody ID=\"OID1", "<nonXMLBody ID=\"OID2"),
        "document.display_id" => body(client_document_header(), "<div id=\"OID1.2\"/>", &client_json("")),
        "document.language" => body(client_document_header(), &display("sv"), &client_json("")),
        "document.signature_uri" => header(&format!("URI=\"#OID{document}\""), "URI=\"#OID1.2.3\""),
        "document.set_id" => header(&format!("<setId root=\"{document}\""), "<setId root=\"1.2.3\""),
        "document.organiser" => {
            header("Customer root=\"1.2.246.10.99999991.10.0\"", "Customer root=\"1.2.246.10.99999993.10.0\"")
        }
        "document.type" => header("<code code=\"19\"", "<code code=\"18\""),
        "document.structure_type" => header("6.1506.19007.2022", "6.1506.19002.2022"),
        "document.structure_group" => alone(
            &signed_text(relationship_document_header(), SignatureKind::System),
            "6.1505.1.2023.6.1<",
            "6.1505.2.2022.6.28<",
        ),
        "document.created_before_drawn_up" => {
            header("creationTime value=\"20261005143100", "creationTime value=\"20261005142900")
        }
        "document.signed_before_created" => {
            header("creationTime value=\"20261005143100", "creationTime value=\"20261005144600")
        }
        "document.author_unit" => header(
            "</assignedPerson></assignedAuthor>",
            "</assignedPerson><representedOrganization><id root=\"1.2.3\"/></representedOrganization></assignedAuthor>",
        ),
        "document.one_root_key" => content(r#"{"a":{},"b":{}}"#),
        "document.root_key" => with_structure(r#"{"palvelupaatos":{}}"#),
        "document.relationship" => {
            let other = r#"{"asiakkuusasiakirja":{"asiakkuuden_yksilointitunnus":{"value":"1.2.3"}}}"#;
            body(relationship_document_header(), &display("fi"), other)
        }
        "document.case" => body(
            case_document_header(),
            &display("fi"),
            r#"{"asia_asiakirja":{"asiatunnus":{"value":"urn:oid:1.2.3"}}}"#,
        ),
        "document.two_client_ids" => content(&client_json(r#","tilapainen_yksilointitunnus":{"value":"x"}"#)),
        "document.bare_system" => content(&client_json("").replace("urn:oid:", "")),
        "document.client" => content(&client_json("").replace("010190-900P", &identity_code("020190-900"))),
        "document.birth_date" => content(&client_json(r#","syntymaaika":"1991""#)),
        "document.client_missing" => body(joint(), &display("fi"), &client_json("")),
        "document.signer_not_named" => {
            signers("<hl7fi:assignedAuthorSigner>90000000001</hl7fi:assignedAuthorSigner>", "")
        }
        "document.signer_without_signature" => signers(
            "<hl7fi:signature>",
            "<hl7fi:signature><hl7fi:assignedAuthorSigner>90000000002</hl7fi:assignedAuthorSigner></hl7fi:signature><hl7fi:signature>",
        ),
        "frame.id" => frame(&format!("<id root=\"{document}\""), "<id root=\"1.2.3\""),
        "frame.set_id" => frame(&format!("<setId root=\"{document}\""), "<setId root=\"1.2.3\""),
        "frame.version" => frame("<versionNumber value=\"1\"", "<versionNumber value=\"2\""),
        "frame.drawn_up" => frame("<effectiveTime value=\"20261005143000", "<effectiveTime value=\"20261005143001"),
        "frame.register" => frame("<code code=\"1\"", "<code code=\"2\""),
        "frame.custodian" => frame("<id root=\"1.2.246.10.99999991.10.0\"", "<id root=\"1.2.3\""),
        "frame.client" => frame("extension=\"010190-900P\"", &format!("extension=\"{}\"", identity_code("020190-900"))),
        "frame.client_root" => frame("900P\" root=\"1.2.246.21\"", "900P\" root=\"1.2.246.31\""),
        "frame.case" => frame("<encounterEvent><id root=\"1.2", "<encounterEvent><id root=\"1.3"),
        "frame.language" => frame("<setId", "<languageCode code=\"SV\"/><setId"),
        "frame.unit" => frame("<id root=\"1.2.246.10.99999992.10.1\"", "<id root=\"1.2.3\""),
        _ => panic!("no failing case for {id}"),
    }
}

#[test]
fn every_rule_finds_what_breaks_it_under_its_own_id_and_severity() {
    for rule in RULES {
        let found = broken(rule.id);
        let codes: Vec<&str> = found.iter().map(|f| f.code.as_str()).collect();
        assert_eq!(codes, [rule.id]);
        assert_eq!(found[0].severity, rule.severity, "{}", rule.id);
        assert!(found[0].place.document.is_some() && !found[0].rule.source.is_empty(), "{}", rule.id);
        for text in [&found[0].message, &found[0].found, &found[0].expected] {
            assert!(!text.fi.is_empty() && !text.sv.is_empty() && !text.en.is_empty(), "{}", rule.id);
        }
    }
}

#[test]
fn what_agrees_is_passed_over_by_every_rule() {
    for (header, kind) in [
        (client_document_header(), SignatureKind::System),
        (client_document_header(), SignatureKind::Professional),
        (relationship_document_header(), SignatureKind::System),
    ] {
        assert!(read(signed(header, kind).xml()).unwrap().findings.is_empty());
    }
    let agreeing = [
        content(&client_json(r#","syntymaaika":"1990""#)),
        body(client_document_header(), &display("fi-FI"), &client_json("")),
        with_structure(&client_json("")),
        signers("<hl7fi:signature>", "<hl7fi:signature>"),
        frame("<setId", "<languageCode code=\"FI\"/><setId"),
        frame("900P\" root=\"1.2.246.21\"", "900P\" root=\"urn:oid:1.2.246.21\""),
    ];
    for found in agreeing {
        assert!(found.is_empty(), "{found:?}");
    }
    let case = case_document_header();
    let same = format!(r#"{{"asia_asiakirja":{{"asiatunnus":{{"value":"{}"}}}}}}"#, case.case.clone().unwrap());
    assert!(body(case, &display("fi"), &same).is_empty());
    let both = client_json("")
        .replace("]}}", &format!(r#",{{"henkilotunnus":{{"value":"{}"}}}}]}}}}"#, identity_code("020190-900")));
    assert!(body(joint(), &display("fi"), &both).is_empty());
    assert!(read(document(client_document_header()).unsigned_xml().as_bytes()).unwrap().findings.is_empty());
}

#[test]
fn the_documentation_has_the_rules_as_they_are() {
    let documented = include_str!("../../docs/consistency-rules.md");
    assert!(documented.contains(&table()), "docs/consistency-rules.md should hold this table:\n{}", table());
}

#[test]
fn rules_have_ids_of_their_own() {
    let mut ids: Vec<&str> = RULES.iter().map(|r| r.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), RULES.len());
}
