//! Persons, units and headers for tests of messages. All of them invented, identity codes of the 900 series.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::multipart::{Part, write};
use super::{MessageContext, MessageId, Reply, UseSituation};
use crate::domain::code::{Code, Language};
use crate::domain::document::header::{DocumentGroup, DocumentIds, Header, Software};
use crate::domain::environment::Environment;
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{Client, Gender, PersonName, Worker};
use crate::domain::time::Instant;

pub(crate) const PRODUCER: &str = "1.2.246.10.99999992.10.0";
pub(crate) const ORGANISER: &str = "1.2.246.10.99999991.10.0";
pub(crate) const DOCUMENT: &str = "1.2.246.10.99999992.95.2026.1.7";
pub(crate) const CASE: &str = "1.2.246.10.99999991.95.2026.3.1";

pub(crate) fn oid(text: &str) -> Oid {
    text.parse().unwrap()
}

pub(crate) fn name(given: &str, family: &str) -> PersonName {
    PersonName { family: family.into(), given: vec![given.into()], calling: None }
}

pub(crate) fn worker() -> Worker {
    Worker {
        name: name("Tarja", "Testi"),
        title: None,
        identity_code: "150285-911L".parse().unwrap(),
        registration_number: "12345678901".parse().unwrap(),
        role: None,
    }
}

pub(crate) fn unit() -> Unit {
    Unit { oid: oid("1.2.246.10.99999992.10.1"), name: "Kotihoito".into() }
}

pub(crate) fn client() -> Client {
    Client {
        identity_code: Some("010190-900P".parse().unwrap()),
        temporary_id: None,
        name: name("Tessa", "Testinen"),
        birth_date: "1990-01-01".parse().unwrap(),
        gender: Gender::Female,
        safety_ban: false,
    }
}

pub(crate) fn message_id(extension: &str) -> MessageId {
    MessageId { root: oid(PRODUCER), extension: extension.into() }
}

pub(crate) fn context<'a>(id: &'a MessageId, worker: &'a Worker, unit: &'a Unit) -> MessageContext<'a> {
    MessageContext {
        message_id: id,
        sender: &id.root,
        created: "2026-06-10T12:00:00+03:00".parse().unwrap(),
        environment: Environment::Test,
        worker,
        unit,
        situation: UseSituation::RegisterAccess,
    }
}

pub(crate) fn code(system: &str, code: &str) -> Code {
    Code { code: code.into(), system: oid(system), system_name: None, display: None }
}

pub(crate) fn header() -> Header {
    let drawn_up: Instant = "2026-06-10T11:30:00+03:00".parse().unwrap();
    Header {
        ids: DocumentIds { document: oid(DOCUMENT), set: oid(DOCUMENT), version: 1 },
        replaces: None,
        group: DocumentGroup::ClientDocument,
        general_type: Some(code("1.2.246.537.6.1506.201701", "19")),
        specific_type: Some(code("1.2.246.537.6.1506.201701", "19007")),
        structure: oid("1.2.246.537.6.1506.19007.2022.1.10"),
        drawn_up,
        created: drawn_up,
        language: Language::Fi,
        clients: vec![client()],
        author: Some(worker()),
        organiser: Organisation { oid: oid(ORGANISER), name: "Järjestäjä".into() },
        unit: unit(),
        case: Some(oid(CASE)),
        case_period: None,
        relationship: None,
        service_task: None,
        service_process: None,
        retention_class: code("1.2.246.537.6.1258.201601", "1"),
        special_content: false,
        guardian_disclosure: None,
        withheld_from_client: None,
        software: Software { moderator: "m".into(), product: "p".into(), version: "1".into() },
    }
}

/// An answer around this inside, as the archive sends it.
pub(crate) fn answer(interaction: &str, inside: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\">\
         <s:Body><{interaction} xmlns=\"urn:hl7-org:v3\" ITSVersion=\"XML_1.0\"><id root=\"1.2.3\" extension=\"9\"/>\
         <interactionId root=\"2.16.840.1.113883.1.6\" extension=\"{interaction}\"/>{inside}</{interaction}></s:Body>\
         </s:Envelope>\n"
    )
}

pub(crate) fn acknowledgement(code: &str, target: &str, details: &str) -> String {
    format!(
        "<acknowledgement><typeCode code=\"{code}\"/><targetMessage><id root=\"{PRODUCER}\" extension=\"{target}\"/>\
         </targetMessage>{details}</acknowledgement>"
    )
}

pub(crate) fn subject(id: &str, text: &str) -> String {
    format!(
        "<subject><clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\"><id root=\"{id}\"/>{text}\
         <effectiveTime value=\"20260610113000+0300\"/><setId root=\"{id}\"/><versionNumber value=\"2\"/>\
         <recordTarget><patient><id extension=\"010190-900P\" root=\"1.2.246.21\"/></patient></recordTarget>\
         <custodian><assignedCustodian><representedOrganization><id root=\"{ORGANISER}\"/></representedOrganization>\
         </assignedCustodian></custodian><componentOf><encounterEvent><id root=\"{CASE}\"/></encounterEvent></componentOf>\
         <localSocialHeader xmlns=\"urn:hl7finland\"><specificDocumentType code=\"11000\" \
         codeSystem=\"1.2.246.537.6.1506.201701\"/><functionCode code=\"24\" \
         codeSystem=\"1.2.246.537.6.1221.201601\"/><contentSpecificationId>1.2.246.537.6.1506.11000.2023.1.1\
         </contentSpecificationId><outsourcingServiceCustomer root=\"{ORGANISER}\"/></localSocialHeader>\
         </clinicalDocument></subject>"
    )
}

pub(crate) fn query_answer(interaction: &str, target: &str, code: &str, more: &str, subjects: &str) -> String {
    let act = format!(
        "{}<controlActProcess classCode=\"CACT\" moodCode=\"EVN\"><queryAck><queryResponseCode code=\"{code}\"/>\
         {more}</queryAck>{subjects}</controlActProcess>",
        acknowledgement("AA", target, "")
    );
    answer(interaction, &act)
}

pub(crate) fn reply(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Reply {
    Reply { status, content_type: Some(content_type.into()), retry_after_s: None, body: body.into() }
}

/// SOAP with status 200.
pub(crate) fn xml(body: impl Into<Vec<u8>>) -> Reply {
    reply(200, "text/xml; charset=utf-8", body)
}

/// The answer to a fetch: one subject, whose reference is `reference`, and one part `OID1.2` with this document.
pub(crate) fn fetch_reply(target: &str, reference: &str, document: &[u8]) -> Reply {
    let text = format!("<text mediaType=\"multipart/related\"><reference value=\"{reference}\"/></text>");
    let body = query_answer("RCMR_IN200032FI01", target, "OK", "", &subject(DOCUMENT, &text));
    let part = |content_id, body| Part { content_type: "text/xml", content_id, binary: false, body };
    let (kind, body) = write("1", None, &[part("frame", body.as_bytes()), part("OID1.2", document)]).unwrap();
    reply(200, &kind, body)
}
