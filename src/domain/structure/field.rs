//! The fields of a structure, read from its JSON Schema nodes.
//!
//! Knows the dialect: `type`, `properties`, `items`, `required` and the `sosmeta` annotations. What a value must look like is the
//! schema's matter, not this file's.

use serde_json::{Map, Value};

use super::{FIELD_DEPTH_MAX, FIELDS_MAX, FaultReason, StructureFault};
use crate::domain::code::Language;
use crate::domain::oid::Oid;

/// What a field holds (`representation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Representation {
    /// Other fields; `Otsikko` or none.
    Group,
    /// Teksti, Nimi: a string.
    Text,
    /// Fraasi: one fixed sentence.
    Phrase,
    /// Allekirjoitus: a string.
    Signature,
    /// Koodi: `{system, code, display}`.
    Code,
    /// Tunnus: `{system?, value}`.
    Identifier,
    /// Pvm: a day known in part.
    PartialDate,
    /// Hetki: a day known in part or a moment.
    Moment,
    /// Kytkin: a boolean.
    Switch,
    /// Numero, Lkm: a number.
    Number,
    /// Määrä, Mitta, Prosentti: `{value, code}`.
    Quantity,
}

/// A field of a structure.
pub struct Field {
    key: String,
    name_fi: String,
    name_sv: String,
    representation: Representation,
    repeatable: bool,
    required: bool,
    hidden: bool,
    hidden_title: bool,
    row: u64,
    system: Option<Oid>,
    fields: Vec<Field>,
}

impl Field {
    /// The key in the content.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The name as users know it; in the other language when it has none in this one, the key when it has none at all.
    pub fn name(&self, language: Language) -> &str {
        let (first, second) = match language {
            Language::Fi => (&self.name_fi, &self.name_sv),
            Language::Sv => (&self.name_sv, &self.name_fi),
        };
        [first, second, &self.key].into_iter().find(|n| !n.is_empty()).map_or("", |n| n)
    }

    /// What it holds.
    pub fn representation(&self) -> Representation {
        self.representation
    }

    /// Whether it is a list of that.
    pub fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    /// Whether its parent must have it.
    pub fn is_required(&self) -> bool {
        self.required
    }

    /// Whether it is a level that readers do not see: its fields stand in its place (`hiddenField`).
    pub fn is_hidden(&self) -> bool {
        self.hidden
    }

    /// Whether its value is shown without its name (`hiddenTitle`).
    pub fn hides_title(&self) -> bool {
        self.hidden_title
    }

    /// The code system of a code (`classificationOid`) or the system of an identifier (`systemUri`).
    pub fn system(&self) -> Option<&Oid> {
        self.system.as_ref()
    }

    /// The fields below it, in row order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The field below it with this key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.key == key)
    }
}

/// Reads fields and counts them.
pub(super) struct Reader {
    fields: usize,
    depth: usize,
}

impl Reader {
    pub(super) fn new() -> Self {
        Self { fields: 0, depth: 0 }
    }

    /// The field that stands at `at` in the file.
    pub(super) fn field(&mut self, key: &str, node: &Value, required: bool, at: &str) -> Result<Field, StructureFault> {
        self.fields += 1;
        if self.fields > FIELDS_MAX {
            return Err(StructureFault::new(at, FaultReason::TooManyFields));
        }
        refuse_references(node, at)?;
        let list = node.get("type").and_then(Value::as_str) == Some("array");
        let items = || node.get("items").ok_or_else(|| expected(at, "items"));
        let (one, at) = if list { (items()?, format!("{at}/items")) } else { (node, at.to_owned()) };
        refuse_references(one, &at)?;
        let meta = one.get("sosmeta").or_else(|| node.get("sosmeta")).unwrap_or(&Value::Null);
        let representation = representation(one, meta).ok_or_else(|| expected(&at, "a type"))?;
        let flag = |name: &str| meta.get(name).and_then(Value::as_bool).unwrap_or(false);
        Ok(Field {
            key: key.into(),
            name_fi: text(meta, "name", "fi").unwrap_or_default().trim().into(),
            name_sv: text(meta, "name", "sv").unwrap_or_default().trim().into(),
            representation,
            repeatable: list,
            required,
            hidden: flag("hiddenField"),
            hidden_title: flag("hiddenTitle"),
            row: meta.get("rowNumber").and_then(Value::as_u64).unwrap_or(u64::MAX),
            system: system(meta),
            fields: if representation == Representation::Group { self.below(one, &at)? } else { Vec::new() },
        })
    }

    fn below(&mut self, node: &Value, at: &str) -> Result<Vec<Field>, StructureFault> {
        let Some(properties) = node.get("properties") else { return Ok(Vec::new()) };
        let at = format!("{at}/properties");
        let properties = properties.as_object().ok_or_else(|| expected(&at, "an object"))?;
        if self.depth >= FIELD_DEPTH_MAX {
            return Err(StructureFault::new(at, FaultReason::TooDeep));
        }
        self.depth += 1;
        let read = |(key, child): (&String, &Value)| self.field(key, child, requires(node, key), &pointer(&at, key));
        let mut fields = properties.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        self.depth -= 1;
        fields.sort_by_key(|f| f.row);
        Ok(fields)
    }
}

/// Whether a schema node's `required` names this property.
pub(super) fn requires(node: &Value, key: &str) -> bool {
    let names = node.get("required").and_then(Value::as_array);
    names.is_some_and(|names| names.iter().any(|n| n.as_str() == Some(key)))
}

/// The JSON Pointer one member below.
pub(super) fn pointer(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Takes the annotations out, so that a loaded structure keeps only what its validator needs.
pub(super) fn strip_annotations(schema: &mut Value) {
    if let Value::Object(members) = schema {
        members.remove("sosmeta");
        if let Some(Value::Object(properties)) = members.get_mut("properties") {
            properties.values_mut().for_each(strip_annotations);
        }
        if let Some(items) = members.get_mut("items") {
            strip_annotations(items);
        }
    }
}

fn expected(at: &str, what: &'static str) -> StructureFault {
    StructureFault::new(at, FaultReason::Expected(what))
}

/// A reference could make a small file expand without end, and the dialect has none.
fn refuse_references(node: &Value, at: &str) -> Result<(), StructureFault> {
    let found = ["$ref", "$dynamicRef", "$recursiveRef"].into_iter().find(|k| node.get(k).is_some());
    found.map_or(Ok(()), |keyword| Err(StructureFault::new(at, FaultReason::Keyword(keyword))))
}

fn representation(node: &Value, meta: &Value) -> Option<Representation> {
    let named = match text(meta, "representation", "fi").unwrap_or_default() {
        "Teksti" | "Nimi" => Some(Representation::Text),
        "Fraasi" => Some(Representation::Phrase),
        "Allekirjoitus" => Some(Representation::Signature),
        "Koodi" => Some(Representation::Code),
        "Tunnus" => Some(Representation::Identifier),
        "Pvm" => Some(Representation::PartialDate),
        "Hetki" => Some(Representation::Moment),
        "Kytkin" => Some(Representation::Switch),
        "Numero" | "Lkm" => Some(Representation::Number),
        "Määrä" | "Mitta" | "Prosentti" => Some(Representation::Quantity),
        "Otsikko" => Some(Representation::Group),
        _ => None,
    };
    // A representation that came after this was written is taken for what its JSON type says.
    named.or_else(|| match node.get("type")?.as_str()? {
        "object" => Some(Representation::Group),
        "string" => Some(Representation::Text),
        "boolean" => Some(Representation::Switch),
        "number" | "integer" => Some(Representation::Number),
        _ => None,
    })
}

/// A text of an annotation: a list of `{lang, value}`.
fn text<'a>(meta: &'a Value, name: &str, lang: &str) -> Option<&'a str> {
    let texts = meta.get(name)?.as_array()?;
    let of = |m: &'a Map<String, Value>| m.get("value").and_then(Value::as_str);
    let mut objects = texts.iter().filter_map(Value::as_object);
    objects.find(|m| m.get("lang").and_then(Value::as_str) == Some(lang)).and_then(of)
}

fn system(meta: &Value) -> Option<Oid> {
    let first = |name: &str| ["", "fi"].into_iter().find_map(|lang| text(meta, name, lang));
    let uri = first("systemUri").or_else(|| first("classificationOid"))?.trim();
    uri.strip_prefix("urn:oid:").unwrap_or(uri).parse().ok()
}
