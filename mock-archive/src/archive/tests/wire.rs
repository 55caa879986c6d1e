//! The ways in which a message may come: SOAP 1.1 or 1.2, addressing or none, the document in a part or inline; and the
//! parameters of a find, what entries tell, the summary.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{CASE_DOCUMENT, DECISION, ENTRY, RELATIONSHIP, ask, full_archive, reply};
use crate::archive::{Archive, Reply};
use crate::intake::soap::HttpMessage;
use crate::samples::{ORGANISER, PRODUCER, Question, Sample, archive, kit, oid, prepared_archive, said};
use crate::server::MockArchive;

const STORE_ACTION: &str = "urn:hl7-org:v3:RCMR_IN200002FI01";

/// One way of a store message.
#[derive(Clone, Copy, Debug)]
struct Way {
    soap12: bool,
    addressing: bool,
    inline: bool,
}

fn every_way() -> Vec<Way> {
    let both = [false, true];
    let ways = both.iter().flat_map(|soap12| both.iter().map(move |addressing| (*soap12, *addressing)));
    ways.flat_map(|(soap12, addressing)| both.map(|inline| Way { soap12, addressing, inline })).collect()
}

fn addressing(action: &str, message_id: &str) -> String {
    format!(
        "<s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\" s:mustUnderstand=\"1\">{action}</a:Action>\
         <a:MessageID xmlns:a=\"http://www.w3.org/2005/08/addressing\">{message_id}</a:MessageID>\
         <a:ReplyTo xmlns:a=\"http://www.w3.org/2005/08/addressing\"><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo></s:Header>"
    )
}

fn message_id() -> String {
    format!("urn:oid:{PRODUCER}.17")
}

/// The content type, the `SOAPAction` and the body of the entry's store message.
fn http(way: Way, header: &str) -> (String, Option<String>, Vec<u8>) {
    let sample = Sample::entry();
    let reference = format!("OID{}", sample.id);
    let mut frame = sample.frame(Some(&reference));
    if way.inline {
        let part = format!("<text mediaType=\"multipart/related\"><reference value=\"cid:{reference}\"/></text>");
        let inline = format!(
            "<text mediaType=\"text/xml\" representation=\"B64\">{}</text>",
            STANDARD.encode(sample.document())
        );
        assert!(frame.contains(&part));
        frame = frame.replace(&part, &inline);
    }
    let (namespace, media_type) = if way.soap12 {
        ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml")
    } else {
        ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml")
    };
    let envelope = format!("<s:Envelope xmlns:s=\"{namespace}\">{header}<s:Body>{frame}</s:Body></s:Envelope>");
    let action = (!way.soap12).then(|| format!("\"{STORE_ACTION}\""));
    if way.inline {
        let parameter = if way.soap12 { format!("; action=\"{STORE_ACTION}\"") } else { String::new() };
        return (format!("{media_type}; charset=utf-8{parameter}"), action, envelope.into_bytes());
    }
    let start_info = if way.soap12 { format!("start-info=\"{STORE_ACTION}\"; ") } else { String::new() };
    let body = format!(
        "--b\r\nContent-Type: {media_type}; charset=utf-8\r\nContent-ID: <frame>\r\n\r\n{envelope}\r\n--b\r\n\
         Content-Type: application/xml; charset=utf-8\r\nContent-Transfer-Encoding: binary\r\nContent-ID: <{reference}>\r\n\r\n{}\r\n--b--\r\n",
        sample.document()
    );
    let content_type =
        format!("multipart/related; type=\"{media_type}\"; {start_info}start=\"<frame>\"; boundary=\"b\"");
    (content_type, action, body.into_bytes())
}

fn give(archive: &Archive, (content_type, action, body): &(String, Option<String>, Vec<u8>)) -> Reply {
    let message = HttpMessage { content_type, soap_action: action.as_deref(), body };
    archive.receive(&oid(PRODUCER), &message)
}

#[test]
fn a_store_message_is_taken_in_every_way_and_answered_in_its_own() {
    for way in every_way() {
        let (archive, _) = prepared_archive();
        let header = if way.addressing { addressing(STORE_ACTION, &message_id()) } else { String::new() };
        let reply = give(&archive, &http(way, &header));
        let text = String::from_utf8(reply.body.clone()).unwrap();
        assert_eq!(said(&reply.body).acknowledgement, "AA", "{way:?} {text}");
        let expected = if way.soap12 {
            "application/soap+xml; charset=utf-8; action=\"urn:hl7-org:v3:MCCI_IN000002UV01\""
        } else {
            "text/xml; charset=utf-8"
        };
        assert_eq!(reply.content_type, expected);
        assert_eq!(text.contains("http://www.w3.org/2003/05/soap-envelope"), way.soap12);
        let relates = format!("RelatesTo>{}<", message_id());
        let answers_action = "Action>urn:hl7-org:v3:MCCI_IN000002UV01<";
        assert_eq!(text.contains(&relates) && text.contains(answers_action), way.addressing, "{text}");
        let stored = self::reply(&archive, &Question::fetch(ENTRY)).body;
        let document = Sample::entry().document();
        assert!(stored.windows(document.len()).any(|window| window == document.as_bytes()), "{way:?}");
    }
}

#[test]
fn addressing_that_is_about_another_message_is_refused() {
    let way = Way { soap12: true, addressing: true, inline: true };
    let (archive, _) = prepared_archive();
    for header in [
        addressing("urn:hl7-org:v3:RCMR_IN200029FI01", &message_id()),
        addressing(STORE_ACTION, "urn:oid:1.2.3"),
        addressing(STORE_ACTION, &message_id()).replace("/anonymous<", "/none<"),
        "<s:Header><a:Action xmlns:a=\"http://www.w3.org/2005/08/addressing\"/></s:Header>".to_owned(),
    ] {
        assert_eq!(said(&give(&archive, &http(way, &header)).body).rules, ["message.addressing"], "{header}");
    }
}

#[test]
fn versions_of_soap_are_not_mixed_and_the_action_is_named() {
    let way = Way { soap12: true, addressing: false, inline: true };
    let (archive, _) = prepared_archive();
    let (content_type, _, body) = http(way, "");
    let as_11 = ("text/xml".to_owned(), Some(STORE_ACTION.to_owned()), body.clone());
    assert_eq!(give(&archive, &as_11).status, 400);
    let unnamed = (content_type.split("; action").next().unwrap().to_owned(), None, body);
    assert_eq!(said(&give(&archive, &unnamed).body).rules, ["message.soap-action"]);
    let foreign = "<s:Header><x xmlns=\"urn:x\" s:mustUnderstand=\"1\"/></s:Header>";
    let reply = give(&archive, &http(way, foreign));
    assert_eq!(reply.status, 400);
    assert!(String::from_utf8(reply.body).unwrap().contains("<soap:Value>soap:Sender</soap:Value>"));
}

#[test]
fn a_document_that_is_inline_and_referred_to_or_broken_is_none() {
    let way = Way { soap12: false, addressing: false, inline: true };
    let (content_type, action, body) = http(way, "");
    let body = String::from_utf8(body).unwrap();
    for (from, to) in [
        ("representation=\"B64\">", "representation=\"B64\"><reference value=\"cid:OIDx\"/>"),
        ("representation=\"B64\">", "representation=\"B64\">*"),
        ("representation=\"B64\"", "representation=\"TXT\""),
        ("mediaType=\"text/xml\"", "mediaType=\"application/pdf\""),
    ] {
        let (archive, _) = prepared_archive();
        let bent = (content_type.clone(), action.clone(), body.replacen(from, to, 1).into_bytes());
        assert_eq!(said(&give(&archive, &bent).body).rules, ["message.attachment"], "{to}");
    }
}

#[test]
fn a_fetch_is_answered_inline_when_the_archive_is_so_set() {
    let builder = MockArchive::builder().clock(archive().1).pki(std::sync::Arc::clone(&kit().pki)).answers_inline();
    let archive = builder.archive().unwrap();
    for sample in [Sample::relationship(), Sample::case(), Sample::decision()] {
        assert_eq!(sample.give_to(&archive).code.as_str(), "AA");
    }
    let reply = reply(&archive, &Question::fetch(DECISION).by_organiser());
    assert_eq!(reply.content_type, "text/xml; charset=utf-8");
    let text = String::from_utf8(reply.body).unwrap();
    let inline = format!("representation=\"B64\">{}</text>", STANDARD.encode(Sample::decision().document()));
    assert!(text.contains(&inline) && !text.contains("<reference"));
}

#[test]
fn finds_follow_process_days_and_moments() {
    let archive = full_archive();
    let all = vec![RELATIONSHIP, CASE_DOCUMENT, DECISION, ENTRY];
    let period = |ends: &str| format!("<effectiveTime>{ends}</effectiveTime>");
    for (parameters, expected) in [
        (
            "<serviceProcess><value code=\"5\" codeSystem=\"1.2.246.537.6.1277.201701\"/></serviceProcess>".to_owned(),
            true,
        ),
        ("<serviceProcess><value code=\"3\"/></serviceProcess>".to_owned(), false),
        (period("<low value=\"20261122110000+0200\"/>"), true),
        (period("<low value=\"20261122110001+0200\"/>"), false),
        (period("<high value=\"20261122110000+0200\"/>"), true),
        (period("<high value=\"20261122105959+0200\"/>"), false),
        (period("<low value=\"20261122\"/><high value=\"20261122\"/>"), true),
        (period("<low value=\"20261123\"/>"), false),
        (period("<high value=\"20261121\"/>"), false),
        (period(""), true),
        ("<storedAfter value=\"20261122115959+0200\"/>".to_owned(), true),
        ("<storedAfter value=\"20261122120000+0200\"/>".to_owned(), false),
    ] {
        let found = ask(&archive, &Question::find(&parameters)).ids;
        assert_eq!(found, if expected { all.clone() } else { Vec::new() }, "{parameters}");
    }
    for bad in [period("<low value=\"2026\"/>"), period("<high/>"), "<storedAfter value=\"20261122\"/>".to_owned()] {
        assert_eq!(ask(&archive, &Question::find(&bad)).rules, ["query.form"], "{bad}");
    }
}

#[test]
fn an_entry_tells_when_it_was_stored_and_of_which_unit_and_process_it_is() {
    let archive = full_archive();
    let text = String::from_utf8(reply(&archive, &Question::about(ENTRY)).body).unwrap();
    for part in [
        "<availabilityTime value=\"20261122120000+0200\"/>",
        "<serviceUnit><id root=\"1.2.246.10.99999992.10.1\"/><name>Yksikkö</name></serviceUnit>",
        "<serviceProcess><type>Sosiaalihuollon palveluprosessi</type><code code=\"5\" codeSystem=\"1.2.246.537.6.1277.201701\"/></serviceProcess>",
    ] {
        assert!(text.contains(part), "{part}");
    }
}

#[test]
fn a_summary_holds_what_the_asker_may_read() {
    let archive = full_archive();
    let wanted =
        || Question { interaction: "RCMR_IN200031FI01", service_request: "OURS-FETCH-SUMMARY", ..Question::find("") };
    let summary = |question: &Question| {
        let text = String::from_utf8(reply(&archive, question).body).unwrap();
        let base64 = text.split("representation=\"B64\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
        (text, String::from_utf8(STANDARD.decode(base64).unwrap()).unwrap())
    };
    let (text, xhtml) = summary(&wanted());
    assert!(text.contains(
        "<subject><summary classCode=\"DOC\" moodCode=\"EVN\"><effectiveTime value=\"20261122120000+0200\"/>"
    ));
    assert!(text.contains("RCMR_IN200032FI01") && xhtml.contains("Asiakirjoja: 4") && xhtml.contains("22.11.2026"));
    assert!(!xhtml.contains(ORGANISER) && roxmltree::Document::parse(&xhtml).is_ok());
    assert!(summary(&wanted().by_organiser()).1.contains("Asiakirjoja: 4"));
    let by_document = Question { parameters: Question::about(ENTRY).parameters, ..wanted() };
    assert_eq!(ask(&archive, &by_document).rules, ["query.subject"]);
    let (empty, _) = crate::samples::archive();
    assert_eq!(ask(&empty, &wanted()).rules, ["access.relationship"]);
    assert_eq!(ask(&empty, &wanted().by_organiser()).response.as_deref(), Some("NF"));
}
