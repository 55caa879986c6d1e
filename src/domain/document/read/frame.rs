//! The transfer frame (siirtokehys) of a document that was read: the copy of the document's metadata that a store message or an
//! answer of the archive carries. Read as it stands; [`super::ReadDocument::compare`] says where it differs from the document.

use crate::domain::finding::redacted_debug;
use crate::domain::time::Instant;
use crate::domain::xml::Element;

/// What a frame says of its document. Everything may be absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ReadFrame {
    /// The message's name, for example `RCMR_IN200002FI01`.
    pub message: String,
    /// `id`: the version's OID.
    pub document: Option<String>,
    /// `setId`: the original's OID.
    pub set: Option<String>,
    /// `versionNumber`.
    pub version: Option<String>,
    /// `effectiveTime`.
    pub drawn_up: Option<Instant>,
    /// `code`: the register (1.2.246.537.6.1264).
    pub register: Option<String>,
    /// `languageCode`.
    pub language: Option<String>,
    /// Clients' ids, as many as the frame names.
    pub(super) clients: Vec<FrameClient>,
    /// OID of the register owner.
    pub custodian: Option<String>,
    /// OID of the case.
    pub case: Option<String>,
    /// OID of the unit that the acting worker is in.
    pub unit: Option<String>,
}

redacted_debug!(ReadFrame);

/// A client's id as a frame names it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct FrameClient {
    pub(super) root: Option<String>,
    pub(super) extension: String,
}

impl ReadFrame {
    /// Reads the message element of a frame; `None` when it carries no document's metadata.
    pub fn of(message: &Element) -> Option<Self> {
        let act = message.first("controlActProcess")?;
        let document = act.at(["subject", "clinicalDocument"])?;
        let value = |name: &str, attribute: &str| document.first(name)?.attribute(attribute).map(str::to_owned);
        let root = |element: Option<&Element>| element?.attribute("root").map(str::to_owned);
        let clients = document.all("recordTarget").filter_map(|r| {
            let id = r.at(["patient", "id"])?;
            Some(FrameClient { root: root(Some(id)), extension: id.attribute("extension")?.to_owned() })
        });
        Some(Self {
            message: message.name.to_string(),
            document: value("id", "root"),
            set: value("setId", "root"),
            version: value("versionNumber", "value"),
            drawn_up: value("effectiveTime", "value").and_then(|text| Instant::from_hl7(&text).ok()),
            register: value("code", "code"),
            language: value("languageCode", "code"),
            clients: clients.collect(),
            custodian: root(document.at(["custodian", "assignedCustodian", "representedOrganization", "id"])),
            case: root(document.at(["componentOf", "encounterEvent", "id"])),
            unit: root(act.at(["authorOrPerformer", "assignedPerson", "representedOrganization", "id"])),
        })
    }
}
