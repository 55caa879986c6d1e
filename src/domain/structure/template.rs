//! An example of a structure's content, ready to be filled in: what it demands alone, or every field once.
//!
//! Made from the structure's own schema and annotations by the same few steps for every structure: codes of the right system,
//! fixed sentences verbatim, days that exist, patterns met. The same structure always gives the same example. Persons in it are
//! test persons. What the schema asks and no step answers is a [`TemplateError`], never a wrong example. Does not judge: the
//! schema's own validator does, before anything is handed out.

mod leaf;
mod people;
mod record;
mod sample;

use std::collections::HashMap;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value};

pub use people::{TEMPLATE_CASE, TEMPLATE_RELATIONSHIP};

use super::{Field, Representation, Structure};
use crate::domain::code::Language;
use crate::domain::person::IDENTITY_CODE_ROOT;
use people::Person;

/// The most items put into one list: a structure that demands more is not served.
const ITEMS_MAX: u64 = 100;

/// How much an example holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// What the structure requires, and one id for each client: without it no record is taken.
    Minimal,
    /// Every field once; of a client's ids the identity code alone, as they are alternatives.
    Full,
}

/// An example: the content, and the local record around it.
pub struct Template {
    content: Map<String, Value>,
    record: Value,
}

impl Template {
    /// The content: one root key.
    pub fn content(&self) -> &Map<String, Value> {
        &self.content
    }

    /// The local record with that content, as [`crate::domain::validate::Checker`] takes it.
    pub fn record(&self) -> &Value {
        &self.record
    }
}

/// Why a structure has no example. The structure's publisher or we must mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// The schema itself is not valid.
    #[error("the structure's JSON Schema is not valid")]
    Schema,
    /// A demand that is not met.
    #[error("no example value meets the schema's {keyword} at {at}")]
    Unmet {
        /// JSON Pointer into the content.
        at: String,
        /// The schema's keyword.
        keyword: String,
    },
}

impl Structure {
    /// An example of this structure's content and of a record with it, in this language.
    ///
    /// # Errors
    /// [`TemplateError`] when the schema is broken or asks what is not known here.
    pub fn template(&self, extent: Extent, language: Language) -> Result<Template, TemplateError> {
        let schema = self.schema().ok_or(TemplateError::Schema)?;
        let validator = self.validator().ok_or(TemplateError::Schema)?;
        let mut maker = Maker { root: self.root_key().to_owned(), extent, language, patterns: HashMap::new() };
        let node = schema.get("properties").and_then(|p| p.get(self.root_key())).unwrap_or(&Value::Null);
        let root = maker.group(self.root(), node, Place::Root);
        let content: Map<_, _> = [(self.root_key().to_owned(), root)].into_iter().collect();
        let instance = Value::Object(content);
        if let Err(error) = validator.validate(&instance) {
            let (at, keyword) = (error.instance_path().to_string(), error.kind().keyword().to_owned());
            return Err(TemplateError::Unmet { at, keyword });
        }
        let Value::Object(content) = instance else { return Err(TemplateError::Schema) };
        let record = record::around(self, &content, language);
        Ok(Template { content, record })
    }
}

/// Where a field stands, as far as its values depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The root group.
    Root,
    /// Inside a client.
    Client(usize),
    /// Inside somebody or something else.
    Inside(Person),
}

struct Maker {
    /// The root key: the code systems of the structure's own lists begin with it.
    root: String,
    extent: Extent,
    language: Language,
    /// Compiled once each: a structure has few patterns and hundreds of fields with them.
    patterns: HashMap<String, Option<Validator>>,
}

impl Maker {
    fn field(&mut self, field: &Field, node: &Value, place: Place) -> Value {
        if !field.is_repeatable() {
            return self.one(field, node, self.place_of(field, place, 0));
        }
        let items = node.get("items").unwrap_or(&Value::Null);
        let at_least = node.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let count = if self.extent == Extent::Full { at_least.max(1) } else { at_least };
        let made = (0..count.min(ITEMS_MAX)).map(|index| {
            let index = usize::try_from(index).unwrap_or(0);
            self.one(field, items, self.place_of(field, place, index))
        });
        Value::Array(made.collect())
    }

    fn one(&mut self, field: &Field, node: &Value, place: Place) -> Value {
        match field.representation() {
            Representation::Group => self.group(field, node, place),
            _ => self.leaf(field, node, place),
        }
    }

    fn group(&mut self, group: &Field, node: &Value, place: Place) -> Value {
        let mut members = Map::new();
        let is_client = matches!(place, Place::Client(_)) && people::has_identity_code(group);
        for field in group.fields() {
            let Some(child) = node.get("properties").and_then(|p| p.get(field.key())) else { continue };
            let wanted = match self.extent {
                Extent::Minimal => is_client && people::is_identity_code(field),
                // One id is a client's; the others stand in for it.
                Extent::Full => {
                    !(is_client && field.representation() == Representation::Identifier)
                        || people::is_identity_code(field)
                        || !field.is_conditional()
                }
            };
            if wanted || field.is_required() {
                members.insert(field.key().to_owned(), self.field(field, child, place));
            }
        }
        Value::Object(members)
    }

    fn place_of(&self, field: &Field, outer: Place, index: usize) -> Place {
        match outer {
            Place::Root if people::is_client(field) => Place::Client(index),
            Place::Client(_) if field.representation() != Representation::Group => outer,
            Place::Root | Place::Client(_) | Place::Inside(_) if field.representation() == Representation::Group => {
                Place::Inside(Person::of_group(field))
            }
            Place::Root | Place::Client(_) | Place::Inside(_) => outer,
        }
    }

    /// Whether a text meets a pattern of the schema, by the engine that will judge it.
    fn meets(&mut self, pattern: &str, text: &str) -> bool {
        let validator = self.patterns.entry(pattern.to_owned()).or_insert_with(|| {
            let schema = serde_json::json!({ "pattern": pattern });
            let options = jsonschema::options().with_draft(Draft::Draft7);
            options.with_pattern_options(PatternOptions::regex()).offline().build(&schema).ok()
        });
        validator.as_ref().is_some_and(|v| v.is_valid(&Value::from(text)))
    }
}

/// The system of identity codes, as a URN.
fn identity_code_urn() -> String {
    format!("urn:oid:{IDENTITY_CODE_ROOT}")
}
