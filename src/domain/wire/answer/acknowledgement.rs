//! `acknowledgement`: the archive's word on one message, with every detail (`docs/wire.md` 6).

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Actor, Doubt, Refusal};
use crate::domain::profile::WireProfile;
use crate::domain::wire::MessageId;
use crate::domain::xml::Element;

/// HL7 V3 `AcknowledgementType`, the application level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AckCode {
    /// AA
    Accepted,
    /// AE
    Refused,
    /// AR
    NotProcessed,
}

/// An acknowledgement of our message.
pub(super) struct Acknowledgement {
    pub(super) code: AckCode,
    pub(super) details: Vec<Detail>,
}

/// HL7 V3 `AcknowledgementDetailType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// E, and whatever else is said.
    Error,
    /// W
    Warning,
    /// I
    Information,
}

/// One thing that the archive says about a message. Its text may repeat what was sent: not for logs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// How grave.
    pub severity: Severity,
    /// Code.
    pub code: Option<String>,
    /// Code system with its version arc.
    pub code_system: Option<String>,
    /// The code's name.
    pub display: Option<String>,
    /// In words.
    pub text: Option<String>,
    /// Where in the message or document.
    pub location: Option<String>,
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Detail({:?} {})", self.severity, self.code.as_deref().unwrap_or("-"))
    }
}

/// The archive's no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The message that was refused.
    pub message_id: MessageId,
    /// Why, in the archive's codes and words.
    pub details: Vec<Detail>,
    /// What it is about, as far as the profile knows the codes.
    pub why: Refusal,
    /// Who must act.
    pub actor: Actor,
    /// Whether it is refused because the archive has a document with this id: perhaps this one.
    pub duplicate_id: bool,
}

impl Rejection {
    pub(super) fn new(profile: &WireProfile, sent: &MessageId, details: Vec<Detail>) -> Self {
        let why = Refusal::of(profile, &details);
        Self { message_id: sent.clone(), actor: why.actor(), duplicate_id: why == Refusal::DuplicateId, why, details }
    }
}

impl Acknowledgement {
    /// Reads `acknowledgement` below the message element.
    pub(super) fn read(message: &Element, sent: &MessageId) -> Result<Self, Doubt> {
        let missing = Doubt::Incomplete;
        let element = message.first("acknowledgement").ok_or(missing("acknowledgement"))?;
        let target = element.at(["targetMessage", "id"]).ok_or(missing("targetMessage/id"))?;
        let named = (target.attribute("root"), target.attribute("extension"));
        if named != (Some(sent.root.as_str()), Some(&sent.extension)) {
            return Err(Doubt::OtherMessage);
        }
        let code = match element.first("typeCode").and_then(|c| c.attribute("code")) {
            Some("AA") => AckCode::Accepted,
            Some("AE") => AckCode::Refused,
            Some("AR") => AckCode::NotProcessed,
            _ => return Err(missing("acknowledgement/typeCode")),
        };
        Ok(Self { code, details: element.all("acknowledgementDetail").map(detail).collect() })
    }
}

fn detail(element: &Element) -> Detail {
    let code = element.first("code");
    let attribute = |name: &str| code.and_then(|c| c.attribute(name)).map(str::to_owned);
    let text = |name: &str| element.first(name).map(|e| e.all_text().trim().to_owned()).filter(|t| !t.is_empty());
    Detail {
        severity: match element.attribute("typeCode") {
            Some("W") => Severity::Warning,
            Some("I") => Severity::Information,
            _ => Severity::Error,
        },
        code: attribute("code"),
        code_system: attribute("codeSystem"),
        display: attribute("displayName"),
        text: text("text"),
        location: text("location"),
    }
}
