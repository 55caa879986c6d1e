//! Answers to searches and fetches: what is known of each document found, and its bytes (`docs/wire.md` 7).

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Doubt;
use super::acknowledgement::{AckCode, Acknowledgement, Detail, Rejection};
use super::reading::{self, Answer};
use crate::domain::code::Code;
use crate::domain::document::header::DocumentIds;
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::organisation::Unit;
use crate::domain::person::PersonId;
use crate::domain::profile::WireProfile;
use crate::domain::time::Instant;
use crate::domain::wire::{HL7_FINLAND_NAMESPACE, MessageId, Reply};
use crate::domain::xml::{Element, Node};

/// What a query was answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryAnswer<T> {
    /// Something.
    Found(T),
    /// The archive says that there is nothing.
    Nothing,
    /// The archive refuses to say.
    Refused(Rejection),
    /// Not now.
    NotProcessed {
        /// Why.
        details: Vec<Detail>,
        /// What the peer asked for.
        retry_after: Option<Duration>,
    },
}

/// One page of a search's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryPage {
    /// In the archive's order.
    pub entries: Vec<Entry>,
    /// How many there are on all pages, when it is told.
    pub total: Option<u32>,
    /// What to ask with for the next page; `None` on the last.
    pub continuation: Option<String>,
}

/// What the archive knows of one document.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Version, original, number.
    pub ids: DocumentIds,
    /// `effectiveTime`; `None` when it is not a moment of full seconds.
    pub drawn_up: Option<Instant>,
    /// The clients.
    pub clients: Vec<ClientId>,
    /// Owner of the register.
    pub custodian: Oid,
    /// The case that it belongs to.
    pub case: Option<Oid>,
    /// Specific document type.
    pub specific_type: Option<Code>,
    /// Document group.
    pub group: Option<Code>,
    /// Service task (`functionCode`).
    pub service_task: Option<Code>,
    /// Service process.
    pub service_process: Option<Code>,
    /// Whether it still counts.
    pub status: EntryStatus,
    /// When the archive stored it.
    pub stored: Option<Instant>,
    /// The unit that it was made in.
    pub unit: Option<Unit>,
    /// The structure that its content follows.
    pub structure: Option<Oid>,
    /// The organiser (`outsourcingServiceCustomer`).
    pub organiser: Option<Oid>,
}

redacted_debug!(Entry);

/// What `statusCode` of an entry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryStatus {
    /// It counts.
    Completed,
    /// It was invalidated: to its sender it has arrived, and it is offered to nobody else.
    Nullified,
}

/// A client's id as an answer has it.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientId {
    root: String,
    value: String,
}

redacted_debug!(ClientId);

impl ClientId {
    /// A person's, as an answer has it.
    pub fn of(id: &PersonId) -> Self {
        Self { root: id.root().to_owned(), value: id.reveal().to_owned() }
    }

    /// Whether it is this person's.
    pub fn is(&self, id: &PersonId) -> bool {
        self.root == id.root() && self.value == id.reveal()
    }
}

/// A document with what the archive knows of it, byte for byte as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Fetched {
    /// What is known of it.
    pub entry: Entry,
    /// The document.
    pub xml: Vec<u8>,
}

redacted_debug!(Fetched);

/// Reads the answer to a search.
///
/// # Errors
/// A [`Doubt`]: it is not known what the archive would say.
pub fn find_answer(profile: &WireProfile, sent: &MessageId, reply: &Reply) -> Result<QueryAnswer<EntryPage>, Doubt> {
    let answer = reading::read(profile, sent, reply)?;
    read_query(profile, sent, reply, &answer, &profile.interaction.find_answer.value, |act, ack| {
        let entries = subjects(act).map(entry).collect::<Result<Vec<_>, _>>()?;
        let total = ack.first("resultTotalQuantity").and_then(|q| q.attribute("value")).and_then(|q| q.parse().ok());
        let continuation = ack.first("continuation").map(Element::all_text).filter(|c| !c.is_empty());
        Ok(EntryPage { entries, total, continuation })
    })
}

/// Reads the answer to a fetch.
///
/// # Errors
/// As [`find_answer`].
pub fn fetch_answer(
    profile: &WireProfile,
    sent: &MessageId,
    reply: &Reply,
) -> Result<QueryAnswer<Vec<Fetched>>, Doubt> {
    let answer = reading::read(profile, sent, reply)?;
    read_query(profile, sent, reply, &answer, &profile.interaction.fetch_answer.value, |act, _| {
        subjects(act).map(|subject| fetched(subject, &answer)).collect()
    })
}

/// What the archive itself has put together about a client (kooste): made by the archive, read only.
#[derive(Clone, PartialEq, Eq)]
pub struct Summary {
    /// When it was made; `None` when it is not a moment of full seconds.
    pub made: Option<Instant>,
    /// The clients.
    pub clients: Vec<ClientId>,
    /// Owner of the register.
    pub custodian: Oid,
    /// The text, XHTML as the archive wrote it. Not checked: show it as data of another's.
    pub xhtml: Vec<u8>,
}

redacted_debug!(Summary);

/// Reads the answer to a fetch of a summary.
///
/// # Errors
/// As [`find_answer`].
pub fn summary_answer(profile: &WireProfile, sent: &MessageId, reply: &Reply) -> Result<QueryAnswer<Summary>, Doubt> {
    let answer = reading::read(profile, sent, reply)?;
    read_query(profile, sent, reply, &answer, &profile.interaction.fetch_answer.value, |act, _| {
        let mut subjects = subjects(act);
        match (subjects.next().and_then(|s| s.first("summary")), subjects.next()) {
            (Some(element), None) => summary(element),
            _ => Err(Doubt::Incomplete("summary")),
        }
    })
}

fn summary(element: &Element) -> Result<Summary, Doubt> {
    let made = element.first("effectiveTime").and_then(|t| t.attribute("value"));
    Ok(Summary {
        made: made.and_then(|t| Instant::from_hl7(t).ok()),
        clients: clients(element)?,
        custodian: custodian(element)?,
        xhtml: inline(element.first("text").ok_or(Doubt::Incomplete("text"))?)?,
    })
}

fn custodian(document: &Element) -> Result<Oid, Doubt> {
    let id = document.at(["custodian", "assignedCustodian", "representedOrganization", "id"]);
    let root = id.and_then(|id| id.attribute("root")).and_then(|root| root.parse().ok());
    root.ok_or(Doubt::Incomplete("custodian"))
}

fn read_query<T>(
    profile: &WireProfile,
    sent: &MessageId,
    reply: &Reply,
    answer: &Answer<'_>,
    interaction: &str,
    found: impl FnOnce(&Element, &Element) -> Result<T, Doubt>,
) -> Result<QueryAnswer<T>, Doubt> {
    // A refusal may come without controlActProcess, and then as the plain acceptance message.
    if !answer.is(interaction) && !answer.is(&profile.interaction.acceptance.value) {
        return Err(Doubt::OtherInteraction);
    }
    let Acknowledgement { code, details } = Acknowledgement::read(&answer.message, sent)?;
    let retry_after = reply.retry_after_s.map(|s| Duration::from_secs(s.into()));
    match code {
        AckCode::Refused => return Ok(QueryAnswer::Refused(Rejection::new(profile, sent, details))),
        AckCode::NotProcessed => return Ok(QueryAnswer::NotProcessed { details, retry_after }),
        AckCode::Accepted => answer.expect(interaction)?,
    }
    let act = answer.message.first("controlActProcess").ok_or(Doubt::Incomplete("controlActProcess"))?;
    let ack = act.first("queryAck").ok_or(Doubt::Incomplete("queryAck"))?;
    match (ack.first("queryResponseCode").and_then(|c| c.attribute("code")), subjects(act).next()) {
        (Some("OK"), Some(_)) => found(act, ack).map(QueryAnswer::Found),
        (Some("NF"), None) => Ok(QueryAnswer::Nothing),
        (Some("AE"), None) => Ok(QueryAnswer::Refused(Rejection::new(profile, sent, details))),
        _ => Err(Doubt::Incomplete("queryResponseCode")),
    }
}

fn subjects(act: &Element) -> impl Iterator<Item = &Element> {
    act.all("subject")
}

/// The document: the part that is named, or what stands in the answer itself.
fn fetched(subject: &Element, answer: &Answer<'_>) -> Result<Fetched, Doubt> {
    let text = subject.at(["clinicalDocument", "text"]).ok_or(Doubt::Incomplete("text"))?;
    let xml = match text.first("reference") {
        Some(reference) => {
            let id = reference.attribute("value").and_then(|value| value.strip_prefix("cid:"));
            let part = answer.parts.iter().find(|p| Some(p.content_id.as_str()) == id);
            part.ok_or(Doubt::Incomplete("text/reference"))?.body.to_vec()
        }
        None => inline(text)?,
    };
    Ok(Fetched { entry: entry(subject)?, xml })
}

/// `representation="B64"`: Base64 with white space anywhere (XML Schema Part 2, 3.2.16).
pub(in crate::domain::wire) fn inline(text: &Element) -> Result<Vec<u8>, Doubt> {
    if text.attribute("representation") != Some("B64") {
        return Err(Doubt::Incomplete("text/reference"));
    }
    let mut characters = Cow::Borrowed("");
    for node in &text.children {
        match node {
            Node::Text(text) if characters.is_empty() => characters = Cow::Borrowed(text),
            Node::Text(text) => characters.to_mut().push_str(text),
            Node::Element(_) => return Err(Doubt::Incomplete("text")),
            Node::Comment(_) | Node::Instruction(_) => {}
        }
    }
    // Most writers put it on one line, which needs no copy.
    if characters.bytes().fold(false, |found, b| found | b.is_ascii_whitespace()) {
        characters.to_mut().retain(|c| !c.is_ascii_whitespace());
    }
    match STANDARD.decode(characters.as_bytes()) {
        Ok(bytes) if !bytes.is_empty() => Ok(bytes),
        _ => Err(Doubt::Incomplete("text")),
    }
}

fn entry(subject: &Element) -> Result<Entry, Doubt> {
    let missing = Doubt::Incomplete;
    let document = subject.first("clinicalDocument").ok_or(missing("clinicalDocument"))?;
    let root = |element: Option<&Element>| element.and_then(|e| e.attribute("root")).and_then(|r| r.parse().ok());
    let version = document.first("versionNumber").and_then(|v| v.attribute("value")).and_then(|v| v.parse().ok());
    let ids = DocumentIds {
        document: root(document.first("id")).ok_or(missing("id"))?,
        set: root(document.first("setId")).ok_or(missing("setId"))?,
        version: version.ok_or(missing("versionNumber"))?,
    };
    let social = document.first_in(HL7_FINLAND_NAMESPACE, "localSocialHeader");
    let social_child = |name: &str| social.and_then(|s| s.first(name));
    let structure = social_child("contentSpecificationId").map(Element::all_text);
    let moment = |name: &str| {
        let value = document.first(name).and_then(|t| t.attribute("value"));
        value.and_then(|t| Instant::from_hl7(t).ok())
    };
    Ok(Entry {
        ids,
        drawn_up: moment("effectiveTime"),
        clients: clients(document)?,
        custodian: custodian(document)?,
        case: root(document.at(["componentOf", "encounterEvent", "id"])),
        specific_type: social_child("specificDocumentType").and_then(code),
        group: social_child("documentGroup").and_then(code),
        service_task: social_child("functionCode").and_then(code),
        service_process: social_child("serviceProcess").and_then(code),
        status: status(document)?,
        stored: moment("availabilityTime"),
        unit: document.first("serviceUnit").and_then(unit),
        structure: structure.and_then(|s| s.trim().parse().ok()),
        organiser: root(social_child("outsourcingServiceCustomer")),
    })
}

/// A status that is not known could be one that forbids use, so it is not taken for one that allows it.
fn status(document: &Element) -> Result<EntryStatus, Doubt> {
    match document.first("statusCode").and_then(|s| s.attribute("code")) {
        None | Some("COMPLETED") => Ok(EntryStatus::Completed),
        Some("NULLIFIED") => Ok(EntryStatus::Nullified),
        Some(_) => Err(Doubt::Incomplete("statusCode")),
    }
}

fn unit(element: &Element) -> Option<Unit> {
    let oid = element.first("id")?.attribute("root")?.parse().ok()?;
    let name = element.first("name").map(|n| n.all_text().trim().to_owned()).unwrap_or_default();
    Some(Unit { oid, name })
}

fn clients(document: &Element) -> Result<Vec<ClientId>, Doubt> {
    let targets = document.all("recordTarget").filter_map(|t| t.first("patient"));
    let mut clients = Vec::new();
    for id in targets.flat_map(|patient| patient.all("id")) {
        let (Some(root), Some(value)) = (id.attribute("root"), id.attribute("extension")) else {
            return Err(Doubt::Incomplete("recordTarget"));
        };
        clients.push(ClientId { root: root.into(), value: value.into() });
    }
    if clients.is_empty() { Err(Doubt::Incomplete("recordTarget")) } else { Ok(clients) }
}

fn code(element: &Element) -> Option<Code> {
    let attribute = |name: &str| element.attribute(name).map(str::to_owned);
    Some(Code {
        code: attribute("code")?,
        system: element.attribute("codeSystem")?.parse().ok()?,
        system_name: attribute("codeSystemName"),
        display: attribute("displayName"),
    })
}
