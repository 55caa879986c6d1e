//! Tests of every way in which messages may be carried: SOAP version × WS-Addressing × place of the document, out and in.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::answer::{Doubt, Outcome, QueryAnswer, acceptance, fetch_answer, find_answer, summary_answer};
use super::fixtures::*;
use super::frame::store_message;
use super::query::summary_message;
use super::soap::{ADDRESSING_NAMESPACE, Content, NAMESPACE, NAMESPACE_1_2, media_type, namespace};
use super::{Envelope, Reply, multipart, soap};
use crate::domain::profile::{Addressing, DocumentPlace, SoapVersion, WireProfile};
use crate::domain::xml::{Element, Limits, parse};

const VERSIONS: [SoapVersion; 2] = [SoapVersion::V1_1, SoapVersion::V1_2];

/// Every combination, as profiles of an operator's.
fn profiles() -> Vec<WireProfile> {
    let mut profiles = Vec::new();
    for soap in ["1.1", "1.2"] {
        for addressing in ["none", "ws-addressing-1.0"] {
            for place in ["multipart", "inline"] {
                let over = format!(
                    "[transport]\nsoap_version = {{ value = \"{soap}\" }}\naddressing = {{ value = \"{addressing}\" }}\n\
                     document_place = {{ value = \"{place}\" }}"
                );
                profiles.push(WireProfile::default_with(&over).unwrap());
            }
        }
    }
    profiles
}

fn stored(profile: &WireProfile, document: &[u8]) -> Envelope {
    let (id, worker, unit) = (message_id("17"), worker(), unit());
    store_message(profile, &context(&id, &worker, &unit), &header(), document).unwrap()
}

/// The envelope element and the document of a store message, taken apart as a peer would.
fn taken_apart(envelope: &Envelope) -> (Element, Vec<u8>) {
    let parts = match multipart::is_multipart(&envelope.content_type) {
        true => multipart::read(&envelope.content_type, &envelope.body).unwrap(),
        false => Vec::new(),
    };
    let frame = parts.first().map_or(envelope.body.as_slice(), |part| part.body);
    let root = parse(frame, Limits::DOCUMENT).unwrap().root;
    let Content::Message(message) = soap::unwrap(frame, Limits::DOCUMENT).unwrap() else { panic!("a fault") };
    let text = message.at(["controlActProcess", "subject", "clinicalDocument", "text"]).unwrap();
    let document = match text.first("reference") {
        Some(reference) => {
            let id = reference.attribute("value").unwrap().strip_prefix("cid:").unwrap();
            parts.iter().find(|part| part.content_id == id).unwrap().body.to_vec()
        }
        None => {
            assert_eq!(
                (text.attribute("mediaType"), text.attribute("representation")),
                (Some("text/xml"), Some("B64"))
            );
            STANDARD.decode(text.all_text()).unwrap()
        }
    };
    (root, document)
}

#[test]
fn every_combination_carries_the_document_byte_for_byte_and_says_what_it_is() {
    for profile in profiles() {
        let transport = &profile.transport;
        let document = b"<?xml version=\"1.0\"?>\r\n<ClinicalDocument/>\n\xc3\xa4";
        let envelope = stored(&profile, document);
        assert!(stored(&profile, document) == envelope);
        let (root, carried) = taken_apart(&envelope);
        assert_eq!(carried, document);
        assert_eq!(root.namespace.as_str(), namespace(transport.soap_version.value));
        let action = "urn:hl7-org:v3:RCMR_IN200002FI01";
        let kind = envelope.content_type.as_str();
        match transport.soap_version.value {
            SoapVersion::V1_1 => assert_eq!(envelope.soap_action.as_deref(), Some(action)),
            SoapVersion::V1_2 => {
                assert_eq!(envelope.soap_action, None);
                assert!(kind.contains(&format!("=\"{action}\"")), "{kind}");
            }
        }
        assert!(kind.contains(media_type(transport.soap_version.value)), "{kind}");
        assert_eq!(kind.starts_with("multipart/"), transport.document_place.value == DocumentPlace::Multipart);
        let relates = root.first("Header").and_then(|h| h.first_in(ADDRESSING_NAMESPACE, "MessageID"));
        let expected =
            (transport.addressing.value == Addressing::WsAddressing1).then(|| format!("urn:oid:{PRODUCER}.17"));
        assert_eq!(relates.map(Element::all_text), expected);
        let kept = Envelope::from_bytes(&envelope.to_bytes().unwrap()).unwrap();
        assert!(kept == envelope);
        let parts = (kept.soap_action.unwrap_or_default(), kept.content_type, kept.body);
        assert!(Envelope::from_parts(parts.0, parts.1, parts.2).unwrap() == envelope);
    }
}

/// The reply in another SOAP version, with or without a relation.
fn in_version(reply: &Reply, version: SoapVersion, relates_to: Option<&str>) -> Reply {
    let text = String::from_utf8(reply.body.clone()).unwrap();
    let header = relates_to.map(|id| {
        format!("<s:Header><a:RelatesTo xmlns:a=\"{ADDRESSING_NAMESPACE}\">{id}</a:RelatesTo></s:Header><s:Body>")
    });
    let text = text.replace(NAMESPACE, namespace(version));
    let text = header.map_or(text.clone(), |header| text.replacen("<s:Body>", &header, 1));
    let kind = reply.content_type.as_deref().unwrap().replacen("text/xml", media_type(version), 1);
    Reply { content_type: Some(kind), body: text.into_bytes(), ..reply.clone() }
}

fn inline_fetch(document: &[u8]) -> Reply {
    let text = format!("<text mediaType=\"text/xml\" representation=\"B64\">\n{}\n</text>", STANDARD.encode(document));
    xml(query_answer("RCMR_IN200032FI01", "17", "OK", "", &subject(DOCUMENT, &text)))
}

#[test]
fn every_combination_reads_acceptances_entries_and_documents_in_either_place() {
    let sent = message_id("17");
    let ours = format!("urn:oid:{PRODUCER}.17");
    let document = b"<d>\r\n</d>";
    let accepted = xml(answer("MCCI_IN000002UV01", &acknowledgement("AA", "17", "")));
    let entries = xml(query_answer("RCMR_IN200030FI01", "17", "OK", "", &subject(DOCUMENT, "")));
    for profile in profiles() {
        for version in VERSIONS {
            for relates_to in [None, Some(ours.as_str())] {
                let reply = |reply: &Reply| in_version(reply, version, relates_to);
                assert!(matches!(acceptance(&profile, &sent, &reply(&accepted)), Outcome::Archived(_)));
                assert!(matches!(find_answer(&profile, &sent, &reply(&entries)), Ok(QueryAnswer::Found(_))));
                for fetched in [fetch_reply("17", "cid:OID1.2", document), inline_fetch(document)] {
                    let Ok(QueryAnswer::Found(found)) = fetch_answer(&profile, &sent, &reply(&fetched)) else {
                        panic!()
                    };
                    assert_eq!(found[0].xml, document);
                }
            }
        }
    }
}

#[test]
fn with_addressing_an_answer_that_relates_to_another_message_is_no_answer() {
    let sent = message_id("17");
    let accepted = xml(answer("MCCI_IN000002UV01", &acknowledgement("AA", "17", "")));
    for profile in profiles() {
        let other = in_version(&accepted, SoapVersion::V1_1, Some("urn:oid:1.2.3.99"));
        let outcome = acceptance(&profile, &sent, &other);
        match profile.transport.addressing.value {
            Addressing::WsAddressing1 => {
                assert!(matches!(outcome, Outcome::Unknown { why: Doubt::OtherMessage, .. }));
            }
            Addressing::None => assert!(matches!(outcome, Outcome::Archived(_))),
        }
    }
}

#[test]
fn inline_documents_that_cannot_be_decoded_are_told() {
    let (profile, sent) = (WireProfile::default_profile().unwrap(), message_id("17"));
    for (inside, expected) in [
        ("<text representation=\"B64\">***</text>", "text"),
        ("<text representation=\"B64\"> </text>", "text"),
        ("<text>PGQvPg==</text>", "text/reference"),
        ("", "text"),
    ] {
        let reply = xml(query_answer("RCMR_IN200032FI01", "17", "OK", "", &subject(DOCUMENT, inside)));
        assert_eq!(fetch_answer(&profile, &sent, &reply), Err(Doubt::Incomplete(expected)), "{inside}");
    }
}

#[test]
fn an_answer_in_another_charset_is_told() {
    let (profile, sent) = (WireProfile::default_profile().unwrap(), message_id("17"));
    let body = answer("MCCI_IN000002UV01", &acknowledgement("AA", "17", ""));
    let declared = body.replace("encoding=\"UTF-8\"", "encoding=\"ISO-8859-1\"");
    let mut bytes = body.clone().into_bytes();
    bytes.splice(bytes.len() - 30..bytes.len() - 30, *b"<!--\xe4-->");
    for reply in [reply(200, "text/xml; charset=ISO-8859-1", body), xml(declared), xml(bytes)] {
        let outcome = acceptance(&profile, &sent, &reply);
        assert!(matches!(outcome, Outcome::Unknown { why: Doubt::Charset, .. }), "{outcome:?}");
    }
}

fn summary_reply(text: &str, owner: &str) -> Reply {
    let subject = format!(
        "<subject><summary classCode=\"DOC\" moodCode=\"EVN\"><effectiveTime value=\"20260610113000+0300\"/><custodian>\
         <assignedCustodian><representedOrganization><id root=\"{owner}\"/></representedOrganization></assignedCustodian>\
         </custodian><recordTarget><patient><id extension=\"010190-900P\" root=\"1.2.246.21\"/></patient></recordTarget>\
         <text mediaType=\"application/xhtml+xml\" representation=\"B64\">{text}</text></summary></subject>"
    );
    xml(query_answer("RCMR_IN200032FI01", "17", "OK", "", &subject))
}

#[test]
fn a_summary_is_asked_for_by_client_and_read_with_its_owner_and_moment() {
    let (profile, sent) = (WireProfile::default_profile().unwrap(), message_id("17"));
    let (worker, unit, custodian, person) = (worker(), unit(), oid(ORGANISER), client().id().unwrap());
    let envelope = summary_message(&profile, &context(&sent, &worker, &unit), &custodian, &person).unwrap();
    let Content::Message(message) = soap::unwrap(&envelope.body, Limits::DOCUMENT).unwrap() else { panic!() };
    let act = message.first("controlActProcess").unwrap();
    assert_eq!(act.first("reasonCode").unwrap().attribute("code"), Some("OURS-FETCH-SUMMARY"));
    let query = act.first("queryByParameter").unwrap();
    assert!(query.first("documentId").is_none() && query.first("clientId").is_some());
    let read = summary_answer(&profile, &sent, &summary_reply("PGh0bWwvPg==", ORGANISER));
    let Ok(QueryAnswer::Found(summary)) = read else { panic!() };
    assert_eq!((summary.xhtml.as_slice(), &summary.custodian), (&b"<html/>"[..], &custodian));
    assert_eq!(summary.made.map(|m| m.hl7()).as_deref(), Some("20260610113000+0300"));
    assert!(summary.clients[0].is(&person));
    let document = xml(query_answer("RCMR_IN200032FI01", "17", "OK", "", &subject(DOCUMENT, "")));
    assert_eq!(summary_answer(&profile, &sent, &document), Err(Doubt::Incomplete("summary")));
}

#[test]
fn envelopes_of_both_versions_hold_both_namespaces_apart() {
    let mixed =
        format!("<a:Envelope xmlns:a=\"{NAMESPACE}\" xmlns:b=\"{NAMESPACE_1_2}\"><b:Body><x/></b:Body></a:Envelope>");
    assert!(soap::unwrap(mixed.as_bytes(), Limits::DOCUMENT).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_bytes_a_document_has_they_arrive(document in proptest::collection::vec(any::<u8>(), 1..400), which in 0usize..8) {
        let profile = &profiles()[which];
        let (_, carried) = taken_apart(&stored(profile, &document));
        prop_assert_eq!(&carried, &document);
        let sent = message_id("17");
        for reply in [fetch_reply("17", "cid:OID1.2", &document), inline_fetch(&document)] {
            let Ok(QueryAnswer::Found(found)) = fetch_answer(profile, &sent, &reply) else { panic!() };
            prop_assert_eq!(&found[0].xml, &document);
        }
    }
}
