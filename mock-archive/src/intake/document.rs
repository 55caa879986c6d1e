//! The archive document: CDA header, `localSocialHeader`, body (HL7 CDA R2; document standard 3.3).
//!
//! Reads what the archive needs; whether the parts agree is for `rules/`, whether a signature holds for `signature.rs`.

use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::{Finding, Rule};
use crate::intake::content;
use crate::intake::frame::{attribute, oid, person_id};
use crate::oid::Oid;
use crate::person::PersonId;
use crate::xml::{self, at, child, children};

/// The body has to fit in memory several times over.
const BODY_MAX_BYTES: usize = 20 * 1024 * 1024;
const CLIENTS_MAX: usize = 50;

/// A coded value, kept for the answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Code {
    pub(crate) code: String,
    /// The other attributes, as they stood: name and value.
    pub(crate) rest: Vec<(String, String)>,
}

/// A client as the header names it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Client {
    pub(crate) id: PersonId,
    pub(crate) family: String,
    /// Given names with their qualifier.
    pub(crate) given: Box<[(String, Option<String>)]>,
    pub(crate) birth: String,
}

/// A service unit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unit {
    pub(crate) id: Oid,
    pub(crate) name: String,
}

/// The service process: the text that names the kind, and the code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceProcess {
    pub(crate) kind: Option<String>,
    pub(crate) code: Code,
}

/// A document, read.
pub(crate) struct ArchiveDocument {
    pub(crate) id: Oid,
    pub(crate) set_id: Oid,
    pub(crate) version: u32,
    pub(crate) effective_time: String,
    pub(crate) general_type: Option<Code>,
    pub(crate) confidentiality: String,
    pub(crate) clients: Vec<Client>,
    /// Identifiers of the authors; none on a relationship document.
    pub(crate) authors: Vec<PersonId>,
    pub(crate) custodian: Oid,
    pub(crate) case: Option<Oid>,
    pub(crate) unit: Option<Unit>,
    /// The version that this one replaces, where the header names it.
    pub(crate) replaces: Option<Oid>,
    pub(crate) social: SocialHeader,
    pub(crate) body_id: String,
    /// The display form, decoded.
    pub(crate) display: String,
    pub(crate) content: Value,
}

/// `localSocialHeader` as far as the archive looks at it.
pub(crate) struct SocialHeader {
    pub(crate) group: Code,
    pub(crate) specific_type: Option<Code>,
    pub(crate) service_task: Option<Code>,
    pub(crate) service_process: Option<ServiceProcess>,
    pub(crate) record_status: String,
    pub(crate) register: String,
    pub(crate) organiser: Oid,
    pub(crate) content_specification: Oid,
    pub(crate) relationship: Option<Oid>,
}

fn form(place: &'static str) -> Finding {
    Finding::new(Rule::DocumentForm, place)
}

/// Reads a parsed document.
pub(crate) fn read(document: &Document<'_>) -> Result<ArchiveDocument, Finding> {
    let root = document.root_element();
    if !xml::is(root, xml::HL7, "ClinicalDocument") {
        return Err(form("ClinicalDocument"));
    }
    let encounter =
        at(root, &["componentOf", "encompassingEncounter"]).ok_or(form("componentOf/encompassingEncounter"))?;
    let body = at(root, &["component", "nonXMLBody"]).ok_or(form("component/nonXMLBody"))?;
    let social = child(root, xml::FINLAND, "localSocialHeader").ok_or(form("localSocialHeader"))?;
    let custodian = ["custodian", "assignedCustodian", "representedCustodianOrganization", "id"];
    let replaced = at(root, &["relatedDocument"]).filter(|related| related.attribute("typeCode") == Some("RPLC"));
    Ok(ArchiveDocument {
        id: oid(root, &["id"]).ok_or(form("id"))?,
        set_id: oid(root, &["setId"]).ok_or(form("setId"))?,
        version: attribute(root, &["versionNumber"], "value")
            .and_then(|value| value.parse().ok())
            .ok_or(form("versionNumber"))?,
        effective_time: attribute(root, &["effectiveTime"], "value").ok_or(form("effectiveTime"))?,
        general_type: at(root, &["code"]).and_then(code),
        confidentiality: attribute(root, &["confidentialityCode"], "code").ok_or(form("confidentialityCode"))?,
        clients: clients(root).ok_or(form("recordTarget"))?,
        authors: children(root, xml::HL7, "author")
            .filter_map(|author| at(author, &["assignedAuthor"]))
            .flat_map(|author| children(author, xml::HL7, "id").filter_map(person_id))
            .collect(),
        custodian: oid(root, &custodian).ok_or(form("custodian"))?,
        case: oid(encounter, &["id"]),
        unit: unit(encounter),
        replaces: replaced.and_then(|related| oid(related, &["parentDocument", "id"])),
        social: social_header(social)?,
        body_id: body.attribute("ID").unwrap_or_default().to_owned(),
        display: display(body)?,
        content: json(body)?,
    })
}

fn unit(encounter: Node<'_, '_>) -> Option<Unit> {
    let organisation = at(encounter, &["encounterParticipant", "assignedEntity", "representedOrganization"])?;
    let name = at(organisation, &["name"]).map(xml::text).unwrap_or_default();
    Some(Unit { id: oid(organisation, &["id"])?, name: name.trim().to_owned() })
}

fn service_process(node: Node<'_, '_>) -> Option<ServiceProcess> {
    let kind = child(node, xml::FINLAND, "type").map(|kind| xml::text(kind).trim().to_owned());
    Some(ServiceProcess { kind, code: code(child(node, xml::FINLAND, "code")?)? })
}

fn clients(root: Node<'_, '_>) -> Option<Vec<Client>> {
    let clients: Option<Vec<_>> = children(root, xml::HL7, "recordTarget").take(CLIENTS_MAX + 1).map(client).collect();
    clients.filter(|clients| !clients.is_empty() && clients.len() <= CLIENTS_MAX)
}

fn client(target: Node<'_, '_>) -> Option<Client> {
    let role = at(target, &["patientRole"])?;
    let patient = at(role, &["patient"])?;
    let name = at(patient, &["name"])?;
    let given = children(name, xml::HL7, "given")
        .map(|given| (xml::text(given).into_owned(), given.attribute("qualifier").map(str::to_owned)))
        .collect();
    Some(Client {
        id: children(role, xml::HL7, "id").find_map(person_id)?,
        family: child(name, xml::HL7, "family").map(xml::text)?.into_owned(),
        given,
        birth: attribute(patient, &["birthTime"], "value")?,
    })
}

fn social_header(node: Node<'_, '_>) -> Result<SocialHeader, Finding> {
    let element = |name| child(node, xml::FINLAND, name);
    let coded = |name| element(name).and_then(code);
    let root = |name| element(name).and_then(|element| Oid::parse(element.attribute("root")?).ok());
    Ok(SocialHeader {
        group: coded("documentGroup").ok_or(form("localSocialHeader/documentGroup"))?,
        specific_type: coded("specificDocumentType"),
        service_task: coded("functionCode"),
        service_process: element("serviceProcess").and_then(service_process),
        record_status: coded("recordStatus").ok_or(form("localSocialHeader/recordStatus"))?.code,
        register: coded("registryType").ok_or(form("localSocialHeader/registryType"))?.code,
        organiser: root("outsourcingServiceCustomer").ok_or(form("localSocialHeader/outsourcingServiceCustomer"))?,
        content_specification: element("contentSpecificationId")
            .and_then(|element| Oid::parse(&xml::text(element)).ok())
            .ok_or(form("localSocialHeader/contentSpecificationId"))?,
        relationship: root("encompassingClientRelationship"),
    })
}

fn code(node: Node<'_, '_>) -> Option<Code> {
    let rest = node
        .attributes()
        .filter(|attribute| attribute.name() != "code" && attribute.namespace().is_none())
        .map(|attribute| (attribute.name().to_owned(), attribute.value().to_owned()))
        .collect();
    Some(Code { code: node.attribute("code")?.trim().to_owned(), rest })
}

fn display(body: Node<'_, '_>) -> Result<String, Finding> {
    let broken = |place| Finding::new(Rule::DisplayForm, place);
    let text = child(body, xml::HL7, "text").ok_or(broken("nonXMLBody/text"))?;
    if text.attribute("mediaType") != Some("application/xhtml+xml") || text.attribute("representation") != Some("B64") {
        return Err(broken("nonXMLBody/text/@mediaType"));
    }
    decode(text).and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(broken("nonXMLBody/text"))
}

fn json(body: Node<'_, '_>) -> Result<Value, Finding> {
    let broken = || Finding::new(Rule::ContentForm, "nonXMLBody/json");
    let node = child(body, xml::FINLAND, "json").ok_or_else(broken)?;
    decode(node).and_then(|bytes| content::parse(&bytes)).ok_or_else(broken)
}

/// Base64 as the real documents have it: broken by white space, sometimes preceded by a comment.
fn decode(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let text = xml::text(node);
    if text.len() > BODY_MAX_BYTES {
        return None;
    }
    xml::base64(text).filter(|bytes| !bytes.is_empty())
}
