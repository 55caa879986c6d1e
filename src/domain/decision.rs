//! A service decision (palvelupäätös, beslut om service) as far as a producer works by it: what was decided, when, on which
//! service, how it is arranged and until when it holds.
//!
//! Driven by paths as data (`profiles/decisions.toml`) for the eight structures that code a service; other decisions have no
//! typed view, only their content. Reads content alone: case, register, signature and safety ban stand elsewhere. What is there
//! but cannot be read is named by its place, never by its value.

mod shape;

use serde_json::{Map, Value};

pub use shape::{DecisionShape, DecisionShapes, Outcome};

use super::code::Code;
use super::content::{code_at, date_at, text_at};
use super::finding::redacted_debug;
use super::oid::Oid;
use super::organisation::Unit;
use super::time::PartialDate;

/// What a service decision says. A field that the document does not have is `None`; one that cannot be read is `None` and named
/// in `unreadable`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ServiceDecision {
    /// The decision's own id (`paatostunnus`); never the document's.
    pub id: Option<String>,
    /// Day of the decision.
    pub decided_on: Option<PartialDate>,
    /// What was decided (ratkaisun laji, 1.2.246.537.6.1248).
    pub outcome: Option<Code>,
    /// Service task (1.2.246.537.6.1221), where the content has it; most have it in the metadata alone.
    pub service_task: Option<Code>,
    /// Service (1.2.246.537.6.1222).
    pub service: Option<Code>,
    /// How the service is arranged (1.2.246.537.6.1296).
    pub arrangement: Option<Code>,
    /// When it holds.
    pub validity: Validity,
    /// Who decided.
    pub decision_maker: Option<DecisionMaker>,
    /// JSON Pointers, below the root key, of fields that are there and cannot be read.
    pub unreadable: Vec<String>,
}

redacted_debug!(ServiceDecision);

/// The days on which a decision holds, both included. No end: until further notice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Validity {
    /// First day.
    pub from: Option<PartialDate>,
    /// Last day.
    pub until: Option<PartialDate>,
}

impl Validity {
    /// Whether it may hold on a day: days known in part count from their first to their last.
    pub fn may_cover(self, day: jiff::civil::Date) -> bool {
        self.from.is_none_or(|from| from.earliest_day() <= day) && self.until.is_none_or(|end| day <= end.latest_day())
    }
}

/// Who decided.
#[derive(Clone, PartialEq, Eq)]
pub struct DecisionMaker {
    /// Family name.
    pub family: Option<String>,
    /// Given names.
    pub given: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// Unit.
    pub unit: Option<Unit>,
}

redacted_debug!(DecisionMaker);

impl ServiceDecision {
    /// Reads the content of a decision of this structure: the whole JSON with its one root key. `None` when the structure is none
    /// of those that code a service, or the content has no root.
    pub fn from_content(structure: &Oid, content: &Map<String, Value>) -> Option<Self> {
        let shapes = DecisionShapes::built_in();
        let (shape, root) = (shapes.of_structure(structure)?, content.values().next()?);
        Some(Self::read(shape, root))
    }

    fn read(shape: &DecisionShape, root: &Value) -> Self {
        let mut unreadable = Vec::new();
        let paths = &shape.paths;
        let mut code = |path: &Option<String>| {
            let read = code_at(root, path.as_deref()?);
            read.unwrap_or_else(|path| unread(&mut unreadable, path))
        };
        let (outcome, service_task) = (code(&paths.outcome), code(&paths.service_task));
        let (service, arrangement) = (code(&paths.service), code(&paths.arrangement));
        let mut day = |path: &Option<String>| {
            let read = date_at(root, path.as_deref()?);
            read.unwrap_or_else(|path| unread(&mut unreadable, path))
        };
        Self {
            decided_on: day(&paths.decided_on),
            validity: Validity { from: day(&paths.valid_from), until: day(&paths.valid_until) },
            id: paths.decision_id.as_deref().and_then(|path| text_at(root, &format!("{path}/value"))),
            outcome,
            service_task,
            service,
            arrangement,
            decision_maker: paths.decision_maker.as_deref().and_then(|path| root.pointer(path)).map(decision_maker),
            unreadable,
        }
    }

    /// Whether the service was granted, as far as the outcome's code tells.
    pub fn granted(&self) -> Outcome {
        self.outcome.as_ref().map_or(Outcome::NotKnown, |code| DecisionShapes::built_in().meaning(code))
    }
}

fn unread<T>(unreadable: &mut Vec<String>, path: String) -> Option<T> {
    unreadable.push(path);
    None
}

fn decision_maker(person: &Value) -> DecisionMaker {
    let unit = code_at(person, "/palveluyksikko").ok().flatten();
    let unit = unit.and_then(|unit| {
        let oid = unit.code.strip_prefix("urn:oid:").unwrap_or(&unit.code).parse().ok()?;
        Some(Unit { oid, name: unit.display.unwrap_or_default() })
    });
    DecisionMaker {
        family: text_at(person, "/sukunimi"),
        given: text_at(person, "/etunimet"),
        title: text_at(person, "/tehtavanimike"),
        unit,
    }
}

#[cfg(test)]
mod tests;
