//! Whether header, body and content of a document that was read say the same: signatures cover the body alone, so a header
//! that was changed afterwards shows only here.
//!
//! What real documents get wrong is a warning; what makes a document another one (id, client, relationship) is an error.

use serde_json::{Map, Value};

use super::header::ReadHeader;
use super::{CONTENT_PATH, disagreement};
use crate::domain::document::cda::body_id;
use crate::domain::finding::{Finding, Rule};
use crate::domain::person::{IDENTITY_CODE_ROOT, PersonId};
use crate::domain::text::Text;
use crate::domain::time::PartialDate;
use crate::domain::xml::{Element, Limits, parse};

const STANDARD: &str = "Sosiaalihuollon asiakirjastandardi 3.3";
const OTHER: Text = Text::fixed("jokin muu", "något annat", "something else");

pub(super) fn check(
    root: &Element,
    header: &ReadHeader,
    display: Option<&str>,
    content: Option<&Value>,
    findings: &mut Vec<Finding>,
) {
    ids(root, header, display, findings);
    organisations(header, findings);
    types(header, findings);
    if let Some((key, object)) = content.and_then(sole_root) {
        relationship(key, object, header, findings);
        for (pointer, client) in clients(key, object) {
            client_ids(&pointer, client, header, findings);
            birth_date(&pointer, client, header, findings);
        }
    }
}

/// The one key that a structure's content has, and what is under it.
fn sole_root(content: &Value) -> Option<(&str, &Map<String, Value>)> {
    let object = content.as_object()?;
    let (key, value) = object.iter().next().filter(|_| object.len() == 1)?;
    Some((key, value.as_object()?))
}

/// `asiakas`, one or a list, with JSON Pointers.
fn clients<'a>(key: &str, object: &'a Map<String, Value>) -> Vec<(String, &'a Map<String, Value>)> {
    let pointer = format!("/{}/asiakas", key.replace('~', "~0").replace('/', "~1"));
    match object.get("asiakas") {
        Some(Value::Object(client)) => vec![(pointer, client)],
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .filter_map(|(at, client)| Some((format!("{pointer}/{at}"), client.as_object()?)))
            .collect(),
        _ => Vec::new(),
    }
}

fn ids(root: &Element, header: &ReadHeader, display: Option<&str>, findings: &mut Vec<Finding>) {
    let Some(expected) = header.document.as_ref().map(|id| body_id(id.as_str())) else { return };
    let body = root.at(["component", "nonXMLBody"]).and_then(|body| body.attribute("ID"));
    let must = || Text::same(expected.clone());
    if body != Some(&expected) {
        let rule = Rule::new(STANDARD, "nonXMLBody/@ID");
        findings.push(disagreement("document.body_id", "", "component/nonXMLBody/@ID", OTHER, must(), rule));
    }
    let form = display.and_then(|text| parse(text.as_bytes(), Limits::DOCUMENT).ok());
    if form.is_some_and(|tree| tree.root.attribute("id") != Some(&expected)) {
        let rule = Rule::new(STANDARD, "div/@id");
        let finding = disagreement("document.display_id", "", "component/nonXMLBody/text", OTHER, must(), rule);
        findings.push(finding.warning());
    }
    if header.version == Some(1) && header.set.is_some() && header.set != header.document {
        let rule = Rule::new("HL7 CDA R2", "4.2.3.1");
        let must = Text::same(header.document.as_ref().map(ToString::to_string).unwrap_or_default());
        findings.push(disagreement("document.set_id", "", "setId/@root", OTHER, must, rule).warning());
    }
}

fn organisations(header: &ReadHeader, findings: &mut Vec<Finding>) {
    let (Some(custodian), Some(organiser)) = (&header.custodian, &header.organiser) else { return };
    if custodian.oid != organiser.oid {
        let path = "hl7fi:localSocialHeader/hl7fi:outsourcingServiceCustomer/@root";
        let (found, expected) = (Text::same(organiser.oid.as_str()), Text::same(custodian.oid.as_str()));
        let rule = Rule::new(STANDARD, "outsourcingServiceCustomer");
        findings.push(disagreement("document.organiser", "", path, found, expected, rule).warning());
    }
}

/// A specific type is its general type's number and three digits more.
fn types(header: &ReadHeader, findings: &mut Vec<Finding>) {
    let (Some(general), Some(specific)) = (&header.general_type, &header.specific_type) else { return };
    let number = |code: &str| code.parse::<u32>().ok();
    if number(&specific.code).map(|n| n / 1000) != number(&general.code) {
        let path = "hl7fi:localSocialHeader/hl7fi:specificDocumentType/@code";
        let (found, expected) = (Text::same(specific.code.as_str()), Text::same(format!("{}xxx", general.code)));
        let rule = Rule::new("THL koodistopalvelu", "1.2.246.537.6.1506");
        findings.push(disagreement("document.type", "", path, found, expected, rule).warning());
    }
}

fn relationship(key: &str, object: &Map<String, Value>, header: &ReadHeader, findings: &mut Vec<Finding>) {
    let Some(in_header) = &header.relationship else { return };
    let in_content = object.get("asiakkuuden_yksilointitunnus").and_then(|t| t.get("value")).and_then(Value::as_str);
    if in_content != Some(in_header.as_str()) {
        let pointer = format!("/{key}/asiakkuuden_yksilointitunnus/value");
        let expected = Text::same(in_header.as_str());
        let rule = Rule::new(STANDARD, "encompassingClientRelationship");
        findings.push(disagreement("document.relationship", &pointer, CONTENT_PATH, OTHER, expected, rule));
    }
}

fn client_ids(pointer: &str, client: &Map<String, Value>, header: &ReadHeader, findings: &mut Vec<Finding>) {
    let code = client.get("henkilotunnus").and_then(Value::as_object);
    let temporary = client.get("tilapainen_yksilointitunnus").and_then(Value::as_object);
    if code.is_some() && temporary.is_some() {
        let found = Text::fixed("molemmat", "båda", "both");
        let expected = Text::fixed(
            "henkilötunnus tai tilapäinen yksilöintitunnus",
            "personbeteckning eller temporär identifikationskod",
            "an identity code or a temporary id",
        );
        let rule = Rule::new("THL Sosmeta", "asiakas");
        findings.push(disagreement("document.two_client_ids", pointer, CONTENT_PATH, found, expected, rule).warning());
    }
    if code.and_then(|c| c.get("system")).and_then(Value::as_str) == Some(IDENTITY_CODE_ROOT) {
        let pointer = format!("{pointer}/henkilotunnus/system");
        let (found, expected) = (Text::same(IDENTITY_CODE_ROOT), Text::same(format!("urn:oid:{IDENTITY_CODE_ROOT}")));
        let rule = Rule::new("THL Sosmeta", "henkilotunnus");
        findings.push(disagreement("document.bare_system", &pointer, CONTENT_PATH, found, expected, rule).warning());
    }
    let said: Vec<&str> = [code, temporary].into_iter().flatten().filter_map(|id| id.get("value")?.as_str()).collect();
    let mut in_header = header.clients.iter().flat_map(|c| &c.ids).map(PersonId::reveal);
    if !said.is_empty() && !header.clients.is_empty() && !in_header.any(|id| said.contains(&id)) {
        let found = Text::fixed("toinen asiakas", "en annan klient", "another client");
        let expected = Text::fixed("otsikkotietojen asiakas", "huvudets klient", "the header's client");
        let rule = Rule::new(STANDARD, "recordTarget");
        findings.push(disagreement("document.client", pointer, CONTENT_PATH, found, expected, rule));
    }
}

fn birth_date(pointer: &str, client: &Map<String, Value>, header: &ReadHeader, findings: &mut Vec<Finding>) {
    let Some(said) = client.get("syntymaaika").and_then(Value::as_str).and_then(|t| t.parse::<PartialDate>().ok())
    else {
        return;
    };
    // The header's same client: the one with the same id, or the only one.
    let of_id = |kind: &str| client.get(kind).and_then(|id| id.get("value")).and_then(Value::as_str);
    let ids = [of_id("henkilotunnus"), of_id("tilapainen_yksilointitunnus")];
    let same = header.clients.iter().find(|c| c.ids.iter().any(|id| ids.contains(&Some(id.reveal()))));
    let only = || header.clients.first().filter(|_| header.clients.len() == 1);
    let Some(in_header) = same.or_else(only).and_then(|c| c.birth_date) else { return };
    // A year alone agrees with any day in it.
    if said.earliest_day() > in_header.latest_day() || said.latest_day() < in_header.earliest_day() {
        let pointer = format!("{pointer}/syntymaaika");
        let found = Text::fixed("toinen päivä", "en annan dag", "another day");
        let expected = Text::fixed(
            "sama syntymäpäivä kuin otsikkotiedoissa",
            "samma födelsedag som i huvudet",
            "the same day of birth as in the header",
        );
        let rule = Rule::new(STANDARD, "recordTarget/patientRole/patient/birthTime");
        let path = "recordTarget/patientRole/patient/birthTime/@value";
        findings.push(disagreement("document.birth_date", &pointer, path, found, expected, rule).warning());
    }
}
