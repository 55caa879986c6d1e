//! What every message carries around its subject: ids, parties, processing codes, the acting worker (`docs/wire.md` 2).

use super::multipart::{self, Part};
use super::soap::{self, Addressed};
use super::{Envelope, HL7_NAMESPACE};
use crate::domain::code::Code;
use crate::domain::environment::Environment;
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::person::{IDENTITY_CODE_ROOT, PersonName, Worker};
use crate::domain::profile::{Addressing, Coded, SoapVersion, System, WireProfile};
use crate::domain::time::Instant;
use crate::domain::xml::{Element, Tree};

/// A message's id: an OID and a number unique under it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// OID of the organisation that runs the sending system.
    pub root: Oid,
    /// The number.
    pub extension: String,
}

/// On what ground the register is used, as messages say it (1.2.246.537.6.1289).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UseSituation {
    /// The sender's own register.
    OwnRegister,
    /// Another's register, under a register access right.
    RegisterAccess,
}

/// Who sends a message, when, in whose name.
#[derive(Clone, Copy)]
pub struct MessageContext<'a> {
    /// Its id.
    pub message_id: &'a MessageId,
    /// The sending organisation. In a real frame it differs from the id's root: one runs the system, the other sends.
    pub sender: &'a Oid,
    /// When it was made.
    pub created: Instant,
    /// Which archive it is for.
    pub environment: Environment,
    /// The acting worker.
    pub worker: &'a Worker,
    /// The service unit that the worker acts in.
    pub unit: &'a Unit,
    /// On what ground.
    pub situation: UseSituation,
}

redacted_debug!(MessageContext<'_>);

/// Why a message cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageFault {
    /// A document about nobody.
    #[error("a document without a client")]
    NoClient,
    /// A client without identity code and temporary id.
    #[error("a client without any id")]
    ClientWithoutId,
    /// No boundary of ours is free of the parts' bytes.
    #[error("a document in which every boundary occurs")]
    NoBoundary,
    /// A search that names neither client nor document.
    #[error("a search for neither a client nor a document")]
    SearchForNothing,
    /// A page size outside the profile's limits.
    #[error("a page size outside 1 to {0}")]
    PageSize(u32),
}

/// What differs between kinds of message.
pub(super) struct Kind<'a> {
    pub(super) interaction: &'a str,
    pub(super) trigger: &'a str,
    pub(super) accept_ack: &'a str,
    pub(super) service_request: &'a Coded,
}

/// An element of the HL7 namespace.
pub(super) fn element(name: &str) -> Element {
    Element::new(HL7_NAMESPACE, name)
}

/// An element with one attribute.
pub(super) fn simple(name: &str, attribute: &str, value: &str) -> Element {
    element(name).with(attribute, value)
}

/// `code`, `codeSystem`, and the two names as far as they are known, in the order that real frames have.
pub(super) fn coded(name: &str, code: &Code) -> Element {
    let mut element = simple(name, "code", &code.code).with("codeSystem", code.system.as_str());
    if let Some(system_name) = &code.system_name {
        element = element.with("codeSystemName", system_name);
    }
    match &code.display {
        Some(display) => element.with("displayName", display),
        None => element,
    }
}

/// `family`, `given`, and the given name that the person is called by once more with `qualifier="CL"`.
pub(super) fn name(name: &PersonName) -> Element {
    let given = name.given.iter().map(|g| element("given").text(g));
    let calling = name.calling.iter().map(|c| simple("given", "qualifier", "CL").text(c));
    element("name").child(element("family").text(&name.family)).children(given).children(calling)
}

/// The message with this subject (`subject` or `queryByParameter`).
pub(super) fn message(
    profile: &WireProfile,
    context: &MessageContext<'_>,
    kind: &Kind<'_>,
    subject: Element,
) -> Element {
    let processing = &profile.processing;
    let (processing_code, receiver) = match context.environment {
        Environment::Test => (&processing.test.value, &profile.party.archive.value),
        Environment::Production => (&processing.production.value, &profile.party.archive_production.value),
    };
    let id = context.message_id;
    element(kind.interaction).with("ITSVersion", "XML_1.0").children([
        simple("id", "extension", &id.extension).with("root", id.root.as_str()),
        simple("creationTime", "value", &context.created.hl7()),
        simple("interactionId", "extension", kind.interaction)
            .with("root", profile.system.interaction.value.oid.as_str()),
        simple("processingCode", "code", processing_code),
        simple("processingModeCode", "code", &processing.mode.value),
        simple("acceptAckCode", "code", kind.accept_ack),
        party("receiver", "RCV", receiver),
        party("sender", "SND", context.sender),
        act(profile, context, kind, subject),
    ])
}

fn party(name: &str, type_code: &str, id: &Oid) -> Element {
    let device = simple("device", "classCode", "DEV").with("determinerCode", "INSTANCE");
    simple(name, "typeCode", type_code).child(device.child(simple("id", "root", id.as_str())))
}

fn act(profile: &WireProfile, context: &MessageContext<'_>, kind: &Kind<'_>, subject: Element) -> Element {
    let situation = match context.situation {
        UseSituation::OwnRegister => &profile.use_situation.own_register.value,
        UseSituation::RegisterAccess => &profile.use_situation.register_access.value,
    };
    let reason = |system: &System, code: &Coded| coded("reasonCode", &system.code(code));
    simple("controlActProcess", "classCode", "CACT").with("moodCode", "EVN").children([
        simple("code", "code", kind.trigger).with("codeSystem", profile.system.trigger.value.oid.as_str()),
        simple("priorityCode", "code", &profile.frame.priority.value),
        reason(&profile.system.service_request.value, kind.service_request),
        reason(&profile.system.use_situation.value, situation),
        performer(profile, context),
        subject,
    ])
}

fn performer(profile: &WireProfile, context: &MessageContext<'_>) -> Element {
    let worker = context.worker;
    let role = worker.role.as_ref().map(|role| {
        let role = Coded { code: role.clone(), display: None };
        coded("code", &profile.system.worker_role.value.code(&role))
    });
    let person = element("assignedPerson")
        .child(simple("id", "extension", worker.identity_code.reveal()).with("root", IDENTITY_CODE_ROOT))
        .children(role)
        .children([
            element("assignedPerson").child(name(&worker.name)),
            element("representedOrganization")
                .children([simple("id", "root", context.unit.oid.as_str()), element("name").text(&context.unit.name)]),
        ]);
    simple("authorOrPerformer", "typeCode", "PRF").child(person)
}

/// A document that travels beside its message.
pub(super) struct Beside<'a> {
    pub(super) content_id: &'a str,
    pub(super) xml: &'a [u8],
}

/// A message in its envelope, in the profile's SOAP version, with the document beside it where there is one.
pub(super) fn envelope(
    profile: &WireProfile,
    id: &MessageId,
    interaction: &str,
    message: Element,
    beside: Option<Beside<'_>>,
) -> Result<Envelope, MessageFault> {
    let transport = &profile.transport;
    let version = transport.soap_version.value;
    let action = format!("{}{interaction}", transport.soap_action_prefix.value);
    let addressed = match transport.addressing.value {
        Addressing::None => None,
        Addressing::WsAddressing1 => Some(Addressed { action: &action, id }),
    };
    let frame = soap::wrap(version, addressed, message);
    let (media_type, in_media_type) = (soap::media_type(version), matches!(version, SoapVersion::V1_2));
    let parameter = in_media_type.then_some(action.as_str());
    let (content_type, body) = match beside {
        None => {
            let parameter = parameter.map(|action| format!("; action=\"{action}\"")).unwrap_or_default();
            (format!("{media_type}; charset=utf-8{parameter}"), frame.into_bytes())
        }
        Some(document) => {
            let frame_type = format!("{media_type}; charset=utf-8");
            let parts = [
                Part { content_type: &frame_type, content_id: "frame", binary: false, body: frame.as_bytes() },
                Part {
                    content_type: "application/xml; charset=utf-8",
                    content_id: document.content_id,
                    binary: true,
                    body: document.xml,
                },
            ];
            multipart::write(document.content_id, parameter, &parts).ok_or(MessageFault::NoBoundary)?
        }
    };
    let soap_action = if in_media_type { None } else { Some(action) };
    Ok(Envelope { soap_action, content_type, message_id: id.clone(), body })
}

/// A tree of this element alone.
pub(super) fn tree(root: Element) -> Tree {
    Tree { prolog: Vec::new(), root }
}
