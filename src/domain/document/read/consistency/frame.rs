//! The frame against the document that it carries.

use super::{ConsistencyRule, Disagreement, OTHER, Said, Severity};
use crate::domain::document::cda::HL7FI;
use crate::domain::document::read::ReadFrame;
use crate::domain::person::PersonId;
use crate::domain::text::Text;

const MESSAGES: &str = "HL7 V3 Medical Records";

/// A rule between one value of the frame and one of the document, silent where either is not there.
macro_rules! same {
    ($name:ident, $id:literal, $severity:ident, $says:literal, $place:literal, $frame:expr, $document:expr) => {
        pub(super) static $name: ConsistencyRule = ConsistencyRule {
            id: $id,
            severity: Severity::$severity,
            says: $says,
            source: MESSAGES,
            clause: $place,
            check: |said, out| {
                let Some(frame) = said.beside.frame else { return };
                let in_frame: fn(&ReadFrame) -> Option<String> = $frame;
                let in_document: fn(&Said<'_>) -> Option<String> = $document;
                let (Some(found), Some(expected)) = (in_frame(frame), in_document(said)) else { return };
                if found != expected {
                    out.push(at(frame, $place, OTHER, Text::same(expected)));
                }
            },
        };
    };
}

same!(
    ID,
    "frame.id",
    Error,
    "the frame's id is the document's",
    "controlActProcess/subject/clinicalDocument/id/@root",
    |frame| frame.document.clone(),
    |said| said.header.document.as_ref().map(ToString::to_string)
);
same!(
    SET_ID,
    "frame.set_id",
    Error,
    "the frame's `setId` is the document's",
    "controlActProcess/subject/clinicalDocument/setId/@root",
    |frame| frame.set.clone(),
    |said| said.header.set.as_ref().map(ToString::to_string)
);
same!(
    VERSION,
    "frame.version",
    Error,
    "the frame's version number is the document's",
    "controlActProcess/subject/clinicalDocument/versionNumber/@value",
    |frame| frame.version.clone(),
    |said| said.header.version.map(|v| v.to_string())
);
same!(
    DRAWN_UP,
    "frame.drawn_up",
    Error,
    "the frame's `effectiveTime` is the document's moment",
    "controlActProcess/subject/clinicalDocument/effectiveTime/@value",
    |frame| frame.drawn_up.map(|at| at.timestamp().to_string()),
    |said| said.header.drawn_up.map(|at| at.timestamp().to_string())
);
same!(
    REGISTER,
    "frame.register",
    Error,
    "the frame's register (`code`) is the document's `registryType`",
    "controlActProcess/subject/clinicalDocument/code/@code",
    |frame| frame.register.clone(),
    |said| {
        let header = said.root.first_in(HL7FI, "localSocialHeader")?;
        header.first("registryType")?.attribute("code").map(str::to_owned)
    }
);
same!(
    CUSTODIAN,
    "frame.custodian",
    Error,
    "the frame's custodian is the document's",
    "controlActProcess/subject/clinicalDocument/custodian/assignedCustodian/representedOrganization/id/@root",
    |frame| frame.custodian.clone(),
    |said| said.header.custodian.as_ref().map(|c| c.oid.to_string())
);
same!(
    CASE,
    "frame.case",
    Error,
    "the frame's case, where it names one, is the document's",
    "controlActProcess/subject/clinicalDocument/componentOf/encounterEvent/id/@root",
    |frame| frame.case.clone(),
    |said| said.header.case.as_ref().map(ToString::to_string)
);
same!(
    LANGUAGE,
    "frame.language",
    Warning,
    "the frame's language, where it names one, is the document's",
    "controlActProcess/subject/clinicalDocument/languageCode/@code",
    |frame| frame.language.as_ref().map(|l| l.to_lowercase()),
    |said| said.header.language.map(|l| l.as_str().to_owned())
);
same!(
    UNIT,
    "frame.unit",
    Warning,
    "the acting worker's unit is the document's service unit",
    "controlActProcess/authorOrPerformer/assignedPerson/representedOrganization/id/@root",
    |frame| frame.unit.clone(),
    |said| said.header.unit.as_ref().map(|u| u.oid.to_string())
);

pub(super) static CLIENT: ConsistencyRule = ConsistencyRule {
    id: "frame.client",
    severity: Severity::Error,
    says: "the frame's clients are the document's (`recordTarget`)",
    source: MESSAGES,
    clause: "controlActProcess/subject/clinicalDocument/recordTarget/patient/id",
    check: |said, out| {
        let Some(frame) = said.beside.frame.filter(|f| !f.clients.is_empty()) else { return };
        let ids: Vec<&str> = said.header.clients.iter().flat_map(|c| &c.ids).map(PersonId::reveal).collect();
        let all_there = frame.clients.iter().all(|client| ids.contains(&client.extension.as_str()));
        if !ids.is_empty() && (!all_there || frame.clients.len() != said.header.clients.len()) {
            let found = Text::fixed("muut asiakkaat", "andra klienter", "other clients");
            let expected = Text::fixed("asiakirjan asiakkaat", "handlingens klienter", "the document's clients");
            out.push(at(frame, CLIENT.clause, found, expected));
        }
    },
};

/// The same characters under another root are another person's id, or none.
pub(super) static CLIENT_ROOT: ConsistencyRule = ConsistencyRule {
    id: "frame.client_root",
    severity: Severity::Error,
    says: "the frame names a client's id under the root that the document names it under",
    source: MESSAGES,
    clause: "controlActProcess/subject/clinicalDocument/recordTarget/patient/id/@root",
    check: |said, out| {
        let Some(frame) = said.beside.frame else { return };
        let roles = said.root.all("recordTarget").filter_map(|target| target.first("patientRole"));
        let ids = roles.flat_map(|role| role.all("id"));
        let ids: Vec<(&str, &str)> =
            ids.filter_map(|id| Some((id.attribute("extension")?.trim(), bare(id.attribute("root"))))).collect();
        for client in &frame.clients {
            let extension = client.extension.trim();
            let same_id = ids.iter().filter(|(known, _)| known.eq_ignore_ascii_case(extension));
            let roots: Vec<&str> = same_id.map(|(_, root)| *root).collect();
            if let Some(expected) = roots.first().filter(|_| !roots.contains(&bare(client.root.as_deref()))) {
                out.push(at(frame, CLIENT_ROOT.clause, OTHER, Text::same((*expected).to_owned())));
            }
        }
    },
};

/// A root without the prefix that some write before it; empty where there is none.
fn bare(root: Option<&str>) -> &str {
    let root = root.unwrap_or_default().trim();
    root.strip_prefix("urn:oid:").unwrap_or(root)
}

/// At a path below the message's element.
fn at(frame: &ReadFrame, path: &str, found: Text, expected: Text) -> Disagreement {
    Disagreement { pointer: String::new(), path: format!("/{}/{path}", frame.message), found, expected }
}
