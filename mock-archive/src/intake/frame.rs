//! The transfer frame: what every message carries and the document's metadata in a store message (docs/wire.md §2, §5).
//!
//! Reads both what stands inside a SOAP envelope and a bare frame. Checks form, not meaning: that is `rules/`.

use roxmltree::Node;

use crate::finding::{Finding, Rule};
use crate::hl7_time::instant;
use crate::intake::query::{self, Query};
use crate::oid::Oid;
use crate::person::PersonId;
use crate::xml::{self, at, child, children};

/// Code system of the service requests (any version).
const SERVICE_REQUESTS: &str = "1.2.246.537.6.1503";
/// Code system of the use situations (any version).
const USE_SITUATIONS: &str = "1.2.246.537.6.1289";
/// Code system of the workers' roles.
const ROLES: &str = "1.2.246.10.99999990.6.1";

/// A message's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MessageId {
    pub(crate) root: String,
    pub(crate) extension: String,
}

/// What the sender wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interaction {
    Store,
    Invalidate,
    Find,
    Fetch,
}

impl Interaction {
    fn of(name: &str) -> Option<Self> {
        match name {
            "RCMR_IN200002FI01" => Some(Self::Store),
            "RCMR_IN200025FI01" => Some(Self::Invalidate),
            "RCMR_IN200029FI01" => Some(Self::Find),
            "RCMR_IN200031FI01" => Some(Self::Fetch),
            _ => None,
        }
    }

    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Store => "RCMR_IN200002FI01",
            Self::Invalidate => "RCMR_IN200025FI01",
            Self::Find => "RCMR_IN200029FI01",
            Self::Fetch => "RCMR_IN200031FI01",
        }
    }
}

/// A message, read.
pub(crate) struct Frame {
    pub(crate) interaction: Interaction,
    pub(crate) id: MessageId,
    /// `interactionId@extension`.
    pub(crate) named_interaction: String,
    pub(crate) processing: (String, String),
    pub(crate) receiver: Oid,
    pub(crate) sender: Oid,
    pub(crate) trigger: Option<String>,
    pub(crate) service_request: String,
    pub(crate) use_situation: String,
    pub(crate) worker: Worker,
    pub(crate) subject: Subject,
}

/// The acting worker.
pub(crate) struct Worker {
    pub(crate) id: PersonId,
    /// The role's code, where the sender knows it.
    pub(crate) role: Option<String>,
    pub(crate) unit: Oid,
}

pub(crate) enum Subject {
    Document(Box<FrameDocument>),
    Invalidation(Box<Invalidation>),
    Query(Box<Query>),
}

/// The document's metadata as the frame has them.
pub(crate) struct FrameDocument {
    pub(crate) id: Oid,
    pub(crate) set_id: Oid,
    pub(crate) version: u32,
    pub(crate) effective_time: String,
    pub(crate) register: String,
    pub(crate) text: DocumentText,
    /// statusCode, completionCode, storageCode.
    pub(crate) states: [String; 3],
    pub(crate) clients: Vec<PersonId>,
    pub(crate) custodian: Oid,
    pub(crate) case: Option<Oid>,
}

/// Where the document of a store message is.
pub(crate) enum DocumentText {
    /// `text/reference@value`: in a part of its own.
    Part(String),
    /// In `text` itself, decoded.
    Inline(Vec<u8>),
    /// Nowhere, or in a way that cannot be read. So it is in a bare frame.
    Nowhere,
}

/// What is to count no longer (docs/wire.md §5.1).
pub(crate) struct Invalidation {
    /// The version; `None` when all are meant.
    pub(crate) id: Option<Oid>,
    pub(crate) set_id: Oid,
    pub(crate) register: String,
    pub(crate) status: String,
    pub(crate) clients: Vec<PersonId>,
    pub(crate) custodian: Oid,
    pub(crate) group: String,
    pub(crate) reason: String,
}

/// A message that cannot be read; with its id it can still be answered.
pub(crate) struct Unreadable {
    pub(crate) id: Option<MessageId>,
    pub(crate) finding: Finding,
}

/// Reads a message element.
pub(crate) fn read(root: Node<'_, '_>) -> Result<Frame, Unreadable> {
    let interaction = Interaction::of(root.tag_name().name()).filter(|_| root.tag_name().namespace() == Some(xml::HL7));
    let id = message_id(root);
    let unreadable = |at: &str, rule| Unreadable { id: id.clone(), finding: Finding::new(rule, at) };
    let Some(interaction) = interaction else {
        return Err(unreadable("message", Rule::MessageInteraction));
    };
    let Some(known_id) = id.clone() else {
        return Err(unreadable("id", Rule::MessageForm));
    };
    frame(root, interaction, known_id).map_err(|(at, rule)| unreadable(at, rule))
}

type Place = (&'static str, Rule);

fn missing(place: &'static str) -> Place {
    (place, Rule::MessageForm)
}

fn frame(root: Node<'_, '_>, interaction: Interaction, id: MessageId) -> Result<Frame, Place> {
    let act = child(root, xml::HL7, "controlActProcess").ok_or(missing("controlActProcess"))?;
    Ok(Frame {
        interaction,
        id,
        named_interaction: attribute(root, &["interactionId"], "extension").ok_or(missing("interactionId"))?,
        processing: (
            attribute(root, &["processingCode"], "code").ok_or(missing("processingCode"))?,
            attribute(root, &["processingModeCode"], "code").ok_or(missing("processingModeCode"))?,
        ),
        receiver: oid(root, &["receiver", "device", "id"]).ok_or(missing("receiver/device/id"))?,
        sender: oid(root, &["sender", "device", "id"]).ok_or(missing("sender/device/id"))?,
        trigger: attribute(act, &["code"], "code"),
        service_request: reason(act, SERVICE_REQUESTS)
            .ok_or(missing("controlActProcess/reasonCode (service request)"))?,
        use_situation: reason(act, USE_SITUATIONS).ok_or(missing("controlActProcess/reasonCode (use situation)"))?,
        worker: worker(act).ok_or(missing("controlActProcess/authorOrPerformer"))?,
        subject: match interaction {
            Interaction::Store => Subject::Document(Box::new(frame_document(act)?)),
            Interaction::Invalidate => Subject::Invalidation(Box::new(invalidation(act)?)),
            Interaction::Find | Interaction::Fetch => Subject::Query(Box::new(query::read(act)?)),
        },
    })
}

/// The one reason code of that code system, whatever the system's version.
fn reason(act: Node<'_, '_>, system: &str) -> Option<String> {
    let mut codes = children(act, xml::HL7, "reasonCode").filter(|code| {
        code.attribute("codeSystem")
            .and_then(|value| value.strip_prefix(system))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    let code = codes.next()?.attribute("code")?.to_owned();
    codes.next().is_none().then_some(code)
}

fn worker(act: Node<'_, '_>) -> Option<Worker> {
    let performer = child(act, xml::HL7, "authorOrPerformer")?;
    let person = child(performer, xml::HL7, "assignedPerson")?;
    let id = children(person, xml::HL7, "id").filter_map(person_id).find(PersonId::is_identity_code)?;
    at(person, &["assignedPerson", "name"])?;
    at(person, &["representedOrganization", "name"])?;
    let role = child(person, xml::HL7, "code")
        .filter(|code| code.attribute("codeSystem") == Some(ROLES))
        .and_then(|code| code.attribute("code"))
        .map(|code| code.trim().to_owned());
    Some(Worker { id, role, unit: oid(person, &["representedOrganization", "id"])? })
}

fn frame_document(act: Node<'_, '_>) -> Result<FrameDocument, Place> {
    let node = at(act, &["subject", "clinicalDocument"]).ok_or(missing("subject/clinicalDocument"))?;
    let code = |name, place| attribute(node, &[name], "code").ok_or(missing(place));
    Ok(FrameDocument {
        id: oid(node, &["id"]).ok_or(missing("clinicalDocument/id"))?,
        set_id: oid(node, &["setId"]).ok_or(missing("clinicalDocument/setId"))?,
        version: attribute(node, &["versionNumber"], "value")
            .and_then(|value| value.parse().ok())
            .ok_or(missing("clinicalDocument/versionNumber"))?,
        effective_time: attribute(node, &["effectiveTime"], "value")
            .ok_or(missing("clinicalDocument/effectiveTime"))?,
        register: code("code", "clinicalDocument/code")?,
        text: document_text(node),
        states: [
            code("statusCode", "clinicalDocument/statusCode")?,
            code("completionCode", "clinicalDocument/completionCode")?,
            code("storageCode", "clinicalDocument/storageCode")?,
        ],
        clients: clients(node)?,
        custodian: custodian(node)?,
        case: oid(node, &["componentOf", "encounterEvent", "id"]),
    })
}

/// Exactly one of the two ways: a reference, or Base64 (RFC 4648, broken by white space or not).
fn document_text(node: Node<'_, '_>) -> DocumentText {
    let Some(text) = child(node, xml::HL7, "text") else {
        return DocumentText::Nowhere;
    };
    let reference = attribute(text, &["reference"], "value");
    let inline = text.attribute("representation") == Some("B64") && text.attribute("mediaType") == Some("text/xml");
    match (reference, inline) {
        (Some(reference), false) => DocumentText::Part(reference),
        (None, true) => xml::base64(xml::text(text)).map_or(DocumentText::Nowhere, DocumentText::Inline),
        _ => DocumentText::Nowhere,
    }
}

fn invalidation(act: Node<'_, '_>) -> Result<Invalidation, Place> {
    let node = at(act, &["subject", "clinicalDocument"]).ok_or(missing("subject/clinicalDocument"))?;
    let code = |name, place| attribute(node, &[name], "code").ok_or(missing(place));
    let decided = attribute(node, &["effectiveTime"], "value").and_then(|value| instant(&value));
    decided.ok_or(missing("clinicalDocument/effectiveTime"))?;
    let social = child(node, xml::FINLAND, "localSocialHeader").ok_or(missing("localSocialHeader"))?;
    let id = match child(node, xml::HL7, "id") {
        None => None,
        Some(_) => Some(oid(node, &["id"]).ok_or(missing("clinicalDocument/id"))?),
    };
    Ok(Invalidation {
        id,
        set_id: oid(node, &["setId"]).ok_or(missing("clinicalDocument/setId"))?,
        register: code("code", "clinicalDocument/code")?,
        status: code("statusCode", "clinicalDocument/statusCode")?,
        clients: clients(node)?,
        custodian: custodian(node)?,
        group: child(social, xml::FINLAND, "documentGroup")
            .and_then(|group| group.attribute("code"))
            .ok_or(missing("localSocialHeader/documentGroup"))?
            .to_owned(),
        reason: child(social, xml::FINLAND, "reasonOfInvalidation")
            .map(|reason| xml::text(reason).into_owned())
            .ok_or(missing("localSocialHeader/reasonOfInvalidation"))?,
    })
}

fn clients(node: Node<'_, '_>) -> Result<Vec<PersonId>, Place> {
    let clients: Option<Vec<_>> = children(node, xml::HL7, "recordTarget")
        .map(|target| at(target, &["patient", "id"]).and_then(person_id))
        .collect();
    clients.filter(|all| !all.is_empty()).ok_or(missing("clinicalDocument/recordTarget"))
}

fn custodian(node: Node<'_, '_>) -> Result<Oid, Place> {
    oid(node, &["custodian", "assignedCustodian", "representedOrganization", "id"])
        .ok_or(missing("clinicalDocument/custodian"))
}

fn message_id(root: Node<'_, '_>) -> Option<MessageId> {
    let node = child(root, xml::HL7, "id")?;
    let part = |name| node.attribute(name).filter(|value| !value.is_empty() && value.len() <= 64).map(str::to_owned);
    Some(MessageId { root: part("root")?, extension: part("extension")? })
}

/// An attribute of the element at the end of a path.
pub(crate) fn attribute(node: Node<'_, '_>, path: &[&str], name: &str) -> Option<String> {
    Some(at(node, path)?.attribute(name)?.trim().to_owned())
}

/// The `root` of the element at the end of a path. A root beside a nullFlavor counts: a real document has both.
pub(crate) fn oid(node: Node<'_, '_>, path: &[&str]) -> Option<Oid> {
    Oid::parse(at(node, path)?.attribute("root")?).ok()
}

/// Reads an `id` with root and extension.
pub(crate) fn person_id(node: Node<'_, '_>) -> Option<PersonId> {
    Some(PersonId::new(node.attribute("root")?, node.attribute("extension")?))
}
