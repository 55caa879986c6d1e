//! Where each service decision keeps its fields: `profiles/decisions.toml`.

use std::sync::LazyLock;

use serde::Deserialize;

use crate::domain::code::Code;
use crate::domain::oid::Oid;
use crate::domain::profile::Certainty;

const BUILT_IN: &str = include_str!("../../../profiles/decisions.toml");
/// Client document types.
const DOCUMENT_TYPES: &str = "1.2.246.537.6.1506.";

/// The shapes that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionShapes {
    #[serde(rename = "shape")]
    shapes: Vec<DecisionShape>,
    outcome: Option<Outcomes>,
}

/// The shape of some decision types.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionShape {
    /// Specific document types (codes of 1.2.246.537.6.1506).
    pub types: Vec<String>,
    /// How sure the paths are.
    pub certainty: Certainty,
    /// Where they are from.
    pub source: String,
    pub(super) paths: Paths,
}

/// JSON Pointers below the root key.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Paths {
    pub(super) decision_id: Option<String>,
    pub(super) decided_on: Option<String>,
    pub(super) outcome: Option<String>,
    pub(super) service_task: Option<String>,
    pub(super) service: Option<String>,
    pub(super) arrangement: Option<String>,
    pub(super) valid_from: Option<String>,
    pub(super) valid_until: Option<String>,
    pub(super) decision_maker: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcomes {
    system: Oid,
    granted: Vec<String>,
    refused: Vec<String>,
    /// How sure the meanings are.
    certainty: Certainty,
    /// Where they are from.
    source: String,
}

/// What an outcome means for the service decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is granted.
    Granted,
    /// It is not.
    Refused,
    /// The code is not a known one.
    NotKnown,
}

impl DecisionShapes {
    /// The shapes in `profiles/decisions.toml`.
    pub fn built_in() -> &'static Self {
        // A test holds that the built-in file has no fault.
        static SHAPES: LazyLock<DecisionShapes> = LazyLock::new(|| DecisionShapes::parse(BUILT_IN).unwrap_or_default());
        &SHAPES
    }

    pub(super) fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The shape of decisions that follow this structure, any version of it.
    pub fn of_structure(&self, structure: &Oid) -> Option<&DecisionShape> {
        let code = structure.as_str().strip_prefix(DOCUMENT_TYPES)?.split('.').next()?;
        self.shapes.iter().find(|shape| shape.types.iter().any(|of| of == code))
    }

    /// Every type that has a shape, in the file's order.
    pub fn types(&self) -> impl Iterator<Item = &str> {
        self.shapes.iter().flat_map(|shape| shape.types.iter().map(String::as_str))
    }

    /// What an outcome's code means.
    pub fn meaning(&self, outcome: &Code) -> Outcome {
        let Some(outcomes) = &self.outcome else { return Outcome::NotKnown };
        let is = |codes: &[String]| codes.iter().any(|code| outcome.is(&outcomes.system, code));
        match (is(&outcomes.granted), is(&outcomes.refused)) {
            (true, _) => Outcome::Granted,
            (_, true) => Outcome::Refused,
            _ => Outcome::NotKnown,
        }
    }
}
