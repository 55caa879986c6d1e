//! Writes what the archive says: acceptance, query answers, SOAP faults (docs/wire.md §6, §7).
//!
//! Strings out, no decisions. Every value is escaped; lines are not broken. Called by `archive.rs`.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Zoned;

use crate::finding::{DetailCode, Finding};
use crate::intake::document::{Client, Code, ServiceProcess};
use crate::intake::frame::{Frame, Interaction, MessageId};
use crate::intake::soap::SoapVersion;
use crate::oid::Oid;
use crate::registers::{Held, Stored};
use crate::rules::message::{ACTION_PREFIX, ARCHIVE_PARTY, CLIENT_REGISTER};

/// The interaction that accepts or refuses.
pub(crate) const ACCEPTANCE: &str = "MCCI_IN000002UV01";

/// Acknowledgement codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AckCode {
    /// Taken.
    Aa,
    /// Refused, a verdict.
    Ae,
    /// Not processed, no verdict.
    Ar,
}

impl AckCode {
    /// The code as it stands on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aa => "AA",
            Self::Ae => "AE",
            Self::Ar => "AR",
        }
    }
}

/// What an answer needs besides its content.
pub(crate) struct Sheet {
    /// The answer's own number.
    pub(crate) number: u64,
    pub(crate) now: Zoned,
    /// The organisation that is answered.
    pub(crate) to: String,
    /// An answer is in the version of its question.
    pub(crate) soap: SoapVersion,
    /// The `MessageID` that is answered, when addressing is in use.
    pub(crate) relates_to: Option<String>,
}

/// How a fetch's answer carries the document.
pub(crate) enum Carried {
    /// Not at all: a find's answer.
    Nothing,
    /// In a part that `text/reference` names.
    Part,
    /// In `text`, as this Base64.
    Inline(String),
}

/// One page of a query's result.
pub(crate) struct Page<'a> {
    pub(crate) documents: &'a [&'a Held],
    pub(crate) total: usize,
    pub(crate) continuation: Option<String>,
    pub(crate) carried: Carried,
}

/// The acceptance of a store message.
pub(crate) fn acceptance(sheet: &Sheet, target: &MessageId, code: AckCode, findings: &[Finding]) -> String {
    let content = acknowledgement(target, code, findings);
    message(sheet, ACCEPTANCE, &content)
}

/// The answer to a find or fetch that was refused.
pub(crate) fn refusal(sheet: &Sheet, frame: &Frame, query_id: &(String, String), findings: &[Finding]) -> String {
    let act = control_act(&query_ack(query_id, "AE", 0, None), "");
    let content = acknowledgement(&frame.id, AckCode::Ae, findings) + &act;
    message(sheet, answer_to(frame.interaction), &content)
}

/// The answer to a find or fetch.
pub(crate) fn page(sheet: &Sheet, frame: &Frame, query_id: &(String, String), page: &Page<'_>) -> String {
    let response = if page.total == 0 { "NF" } else { "OK" };
    let ack = query_ack(query_id, response, page.total, page.continuation.as_deref());
    let subjects: String = page.documents.iter().map(|held| subject(held, &page.carried)).collect();
    let content = acknowledgement(&frame.id, AckCode::Aa, &[]) + &control_act(&ack, &subjects);
    message(sheet, answer_to(frame.interaction), &content)
}

/// A summary, made by the archive itself (docs/wire.md §7.1).
pub(crate) struct Summary<'a> {
    pub(crate) custodian: &'a Oid,
    pub(crate) client: &'a Client,
    pub(crate) xhtml: &'a str,
}

/// The answer to a fetch of a summary; without one, that there is nothing to make it of.
pub(crate) fn summary(
    sheet: &Sheet,
    frame: &Frame,
    query_id: &(String, String),
    summary: Option<&Summary<'_>>,
) -> String {
    let ack = match summary {
        Some(_) => query_ack(query_id, "OK", 1, None),
        None => query_ack(query_id, "NF", 0, None),
    };
    let subject = summary.map(|summary| summary_subject(sheet, summary)).unwrap_or_default();
    let content = acknowledgement(&frame.id, AckCode::Aa, &[]) + &control_act(&ack, &subject);
    message(sheet, answer_to(frame.interaction), &content)
}

fn summary_subject(sheet: &Sheet, summary: &Summary<'_>) -> String {
    let mut out = format!(
        "<subject><summary classCode=\"DOC\" moodCode=\"EVN\"><effectiveTime value=\"{}\"/>",
        sheet.now.strftime("%Y%m%d%H%M%S%z")
    );
    custodian_element(&mut out, summary.custodian);
    record_target(&mut out, summary.client);
    let base64 = STANDARD.encode(summary.xhtml);
    push(&mut out, format_args!("<text mediaType=\"application/xhtml+xml\" representation=\"B64\">{base64}</text>"));
    out + "</summary></subject>"
}

/// A message that is none cannot be acknowledged.
pub(crate) fn fault(soap: SoapVersion, reason: &str) -> String {
    let reason = escape(reason);
    let fault = match soap {
        SoapVersion::V11 => format!("<faultcode>soap:Client</faultcode><faultstring>{reason}</faultstring>"),
        SoapVersion::V12 => format!(
            "<soap:Code><soap:Value>soap:Sender</soap:Value></soap:Code><soap:Reason><soap:Text xml:lang=\"en\">{reason}\
             </soap:Text></soap:Reason>"
        ),
    };
    envelope(soap, "", &format!("<soap:Fault>{fault}</soap:Fault>"))
}

/// The interaction that answers a query.
pub(crate) fn answer_to(interaction: Interaction) -> &'static str {
    match interaction {
        Interaction::Store | Interaction::Invalidate => "MCCI_IN000002UV01",
        Interaction::Find => "RCMR_IN200030FI01",
        Interaction::Fetch => "RCMR_IN200032FI01",
    }
}

fn envelope(soap: SoapVersion, header: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<soap:Envelope xmlns:soap=\"{}\">{header}<soap:Body>{content}</soap:Body></soap:Envelope>",
        soap.namespace()
    )
}

/// The addressing headers of an answer (docs/wire.md §1).
fn header(sheet: &Sheet, interaction: &str) -> String {
    let Some(relates_to) = &sheet.relates_to else { return String::new() };
    format!(
        "<soap:Header xmlns:wsa=\"{}\"><wsa:Action>{ACTION_PREFIX}{interaction}</wsa:Action><wsa:RelatesTo>{}</wsa:RelatesTo></soap:Header>",
        crate::xml::ADDRESSING,
        escape(relates_to)
    )
}

fn message(sheet: &Sheet, interaction: &str, content: &str) -> String {
    let created = sheet.now.strftime("%Y%m%d%H%M%S%z");
    let (number, to) = (sheet.number, escape(&sheet.to));
    let message = format!(
        "<{interaction} xmlns=\"urn:hl7-org:v3\" ITSVersion=\"XML_1.0\">\
         <id root=\"{ARCHIVE_PARTY}\" extension=\"{number}\"/><creationTime value=\"{created}\"/>\
         <interactionId root=\"2.16.840.1.113883.1.6\" extension=\"{interaction}\"/>\
         <processingCode code=\"D\"/><processingModeCode code=\"T\"/><acceptAckCode code=\"NE\"/>\
         <receiver typeCode=\"RCV\"><device classCode=\"DEV\" determinerCode=\"INSTANCE\"><id root=\"{to}\"/></device></receiver>\
         <sender typeCode=\"SND\"><device classCode=\"DEV\" determinerCode=\"INSTANCE\"><id root=\"{ARCHIVE_PARTY}\"/></device></sender>\
         {content}</{interaction}>"
    );
    envelope(sheet.soap, &header(sheet, interaction), &message)
}

fn acknowledgement(target: &MessageId, code: AckCode, findings: &[Finding]) -> String {
    let mut out = format!(
        "<acknowledgement><typeCode code=\"{}\"/><targetMessage><id root=\"{}\" extension=\"{}\"/></targetMessage>",
        code.as_str(),
        escape(&target.root),
        escape(&target.extension)
    );
    if code == AckCode::Ar {
        detail(&mut out, DetailCode::Overload, "overload", "not processed, send again later", "");
    }
    for finding in findings {
        detail(&mut out, finding.rule.code(), finding.rule.id(), finding.rule.text(), &finding.at);
    }
    out + "</acknowledgement>"
}

fn detail(out: &mut String, code: DetailCode, name: &str, text: &str, location: &str) {
    push(
        out,
        format_args!(
            "<acknowledgementDetail typeCode=\"E\"><code code=\"{}\" codeSystem=\"1.2.246.537.5.40112.2006\" displayName=\"{}\"/>\
             <text>{}</text><location>{}</location></acknowledgementDetail>",
            code.as_str(),
            escape(name),
            escape(text),
            escape(location)
        ),
    );
}

fn query_ack(query_id: &(String, String), response: &str, total: usize, continuation: Option<&str>) -> String {
    let more = continuation.map(|token| format!("<continuation>{}</continuation>", escape(token))).unwrap_or_default();
    format!(
        "<queryAck><queryId root=\"{}\" extension=\"{}\"/><queryResponseCode code=\"{response}\"/>\
         <resultTotalQuantity value=\"{total}\"/>{more}</queryAck>",
        escape(&query_id.0),
        escape(&query_id.1)
    )
}

fn control_act(query_ack: &str, subjects: &str) -> String {
    format!("<controlActProcess classCode=\"CACT\" moodCode=\"EVN\">{query_ack}{subjects}</controlActProcess>")
}

fn subject(held: &Held, carried: &Carried) -> String {
    let document = &held.document;
    let status = if held.is_valid { "COMPLETED" } else { "NULLIFIED" };
    let mut out = String::from(
        "<subject><clinicalDocument classCode=\"DOCCLIN\" moodCode=\"EVN\"><realmCode code=\"FI\"/>\
         <typeId root=\"2.16.840.1.113883.1.3\" extension=\"POCD_HD000040\"/>",
    );
    let (id, set_id, custodian) = (&document.id, &document.set_id, &document.custodian);
    push(
        &mut out,
        format_args!("<id root=\"{id}\"/><code code=\"{CLIENT_REGISTER}\" codeSystem=\"1.2.246.537.6.1264.201701\"/>"),
    );
    match carried {
        Carried::Nothing => {}
        Carried::Part => {
            push(
                &mut out,
                format_args!("<text mediaType=\"multipart/related\"><reference value=\"cid:OID{id}\"/></text>"),
            );
        }
        Carried::Inline(base64) => {
            push(&mut out, format_args!("<text mediaType=\"text/xml\" representation=\"B64\">{base64}</text>"));
        }
    }
    push(
        &mut out,
        format_args!(
            "<statusCode code=\"{status}\"/><effectiveTime value=\"{}\"/><setId root=\"{set_id}\"/>\
             <versionNumber value=\"{}\"/><completionCode code=\"LA\" codeSystem=\"1.2.246.537.5.40115.2006\"/>\
             <storageCode code=\"AC\" codeSystem=\"1.2.246.537.5.40116.2006\"/>",
            escape(&document.effective_time),
            document.version
        ),
    );
    document.clients.iter().for_each(|client| record_target(&mut out, client));
    author(&mut out, document);
    custodian_element(&mut out, custodian);
    if let Some(case) = &document.case {
        push(
            &mut out,
            format_args!("<componentOf><encounterEvent><id root=\"{case}\"/></encounterEvent></componentOf>"),
        );
    }
    social_header(&mut out, document);
    let stored_at = document.stored_at.to_zoned(crate::clock::helsinki());
    push(&mut out, format_args!("<availabilityTime value=\"{}\"/>", stored_at.strftime("%Y%m%d%H%M%S%z")));
    if let Some(unit) = &document.unit {
        push(
            &mut out,
            format_args!("<serviceUnit><id root=\"{}\"/><name>{}</name></serviceUnit>", unit.id, escape(&unit.name)),
        );
    }
    out + "</clinicalDocument></subject>"
}

fn custodian_element(out: &mut String, custodian: &Oid) {
    push(
        out,
        format_args!(
            "<custodian typeCode=\"CST\"><assignedCustodian classCode=\"ASSIGNED\"><representedOrganization classCode=\"ORG\" \
             determinerCode=\"INSTANCE\"><id root=\"{custodian}\"/></representedOrganization></assignedCustodian></custodian>"
        ),
    );
}

fn record_target(out: &mut String, client: &Client) {
    push(
        out,
        format_args!(
            "<recordTarget typeCode=\"RCT\"><patient classCode=\"PAT\"><id root=\"{}\" extension=\"{}\"/><statusCode code=\"normal\"/>\
             <patientPerson classCode=\"PSN\" determinerCode=\"INSTANCE\"><name><family>{}</family>",
            escape(&client.id.root),
            escape(&client.id.extension),
            escape(&client.family)
        ),
    );
    for (given, qualifier) in &client.given {
        let qualifier =
            qualifier.as_deref().map(|value| format!(" qualifier=\"{}\"", escape(value))).unwrap_or_default();
        push(out, format_args!("<given{qualifier}>{}</given>", escape(given)));
    }
    push(
        out,
        format_args!(
            "</name><birthTime value=\"{}\"/></patientPerson></patient></recordTarget>",
            escape(&client.birth)
        ),
    );
}

fn author(out: &mut String, document: &Stored) {
    out.push_str("<author typeCode=\"AUT\"><time nullFlavor=\"NA\"/><assignedAuthor classCode=\"ASSIGNED\">");
    for id in &document.authors {
        push(out, format_args!("<id root=\"{}\" extension=\"{}\"/>", escape(&id.root), escape(&id.extension)));
    }
    if document.authors.is_empty() {
        out.push_str("<id nullFlavor=\"NA\"/>");
    }
    out.push_str("</assignedAuthor></author>");
}

fn social_header(out: &mut String, document: &Stored) {
    out.push_str("<localSocialHeader xmlns=\"urn:hl7finland\">");
    coded(out, "specificDocumentType", document.specific_type.as_ref());
    coded(out, "documentGroup", Some(&document.group));
    coded(out, "functionCode", document.service_task.as_ref());
    push(
        out,
        format_args!(
            "<contentSpecificationId>{}</contentSpecificationId><outsourcingServiceCustomer root=\"{}\"/>",
            document.content_specification, document.organiser
        ),
    );
    if let Some(ServiceProcess { kind, code }) = &document.service_process {
        let kind = kind.as_deref().map(|kind| format!("<type>{}</type>", escape(kind))).unwrap_or_default();
        push(out, format_args!("<serviceProcess>{kind}"));
        coded(out, "code", Some(code));
        out.push_str("</serviceProcess>");
    }
    out.push_str("</localSocialHeader>");
}

fn coded(out: &mut String, name: &str, code: Option<&Code>) {
    let Some(code) = code else { return };
    push(out, format_args!("<{name} code=\"{}\"", escape(&code.code)));
    for (attribute, value) in &code.rest {
        push(out, format_args!(" {attribute}=\"{}\"", escape(value)));
    }
    out.push_str("/>");
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    if out.write_fmt(text).is_err() {
        // Writing into a String fails only when a Display of ours does, and none can.
        tracing::error!("an answer could not be written completely");
    }
}

/// Escapes for text and for attributes in double quotes; signs that XML does not know are left out.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            control if control.is_control() => {}
            other => out.push(other),
        }
    }
    out
}
