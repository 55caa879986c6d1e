//! A Sosmeta document structure as data: its names, its fields and the JSON Schema that its content must follow.
//!
//! Every structure is read the same way; nothing here knows a particular one. Structures belong to their publisher (THL) and
//! come from the operator's directory; `schemas/structures/` has a few reduced ones of our own for tests and the demo. Does not
//! judge content: [`super::validate`] does, and [`super::document::display`] shows it.

mod diff;
mod fault;
mod field;
mod registry;
mod template;

use std::sync::OnceLock;

use jiff::civil::Date;
use jsonschema::{Draft, PatternOptions, Validator, json};
use serde_json::{Map, Value};

pub use diff::{Change, Difference, Trait, differences};
pub use fault::{FaultReason, StructureFault};
pub use field::{Field, ListedCode, Representation};
pub use registry::{REDUCED, Registry};
pub use template::{Extent, TEMPLATE_CASE, TEMPLATE_RELATIONSHIP, Template, TemplateError};

use super::code::{Code, Language};
use super::document::header::DocumentGroup;
use super::json::Json;
use super::json::schema::JsonList;
use super::oid::Oid;
use super::text::Text;
use field::Reader;

/// The longest structure file taken, in bytes. The largest published one has about half a million.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// The most fields that a structure may have.
pub const FIELDS_MAX: usize = 20_000;
/// The deepest nesting of fields.
pub const FIELD_DEPTH_MAX: usize = 24;

/// Document types and client document types: `1.2.246.537.6.1506`, with the version that headers carry.
const DOCUMENT_TYPES: &str = "1.2.246.537.6.1506.201701";
/// The code system of electronic signatures, whose field says that a professional signs.
const SIGNATURE_KINDS: &str = "1.2.246.537.5.40161";

/// General document types: code, Finnish name as the structures' `documentType` has it, Swedish name.
const GENERAL_TYPES: [(&str, &str, &str); 16] = [
    ("1", "Arvio", "Bedömning"),
    ("3", "Hakemus", "Ansökan"),
    ("4", "Ilmoitus", "Anmälan"),
    ("5", "Kuulemisasiakirja", "Hörandehandling"),
    ("6", "Laskelma", "Kalkyl"),
    ("7", "Lausunto", "Utlåtande"),
    ("8", "Lähete", "Remiss"),
    ("9", "Maksusitoumus", "Betalningsförbindelse"),
    ("10", "Pyyntö", "Begäran"),
    ("11", "Päätös", "Beslut"),
    ("12", "Selvitys", "Utredning"),
    ("13", "Sopimus", "Avtal"),
    ("14", "Suostumus", "Samtycke"),
    ("15", "Suunnitelma", "Plan"),
    ("16", "Yhteenveto", "Sammandrag"),
    ("19", "Asiakaskertomusmerkintä", "Klientjournalanteckning"),
];

/// A document structure.
pub struct Structure {
    oid: Oid,
    /// The arc that tells the document: `1` of `…6.1505.1…`, `19007` of `…6.1506.19007…`.
    kind: Kind,
    document_type: String,
    valid_from: Option<Date>,
    root: Field,
    /// The JSON Schema without its annotations, as text: compiled when first asked for.
    schema: Box<str>,
    validator: OnceLock<Option<Validator>>,
    list_validator: OnceLock<Option<Validator<JsonList>>>,
}

/// What the structure's OID says it is.
enum Kind {
    Group(String),
    ClientDocument(String),
}

impl Structure {
    /// Reads a structure: a JSON Schema (draft 7) with `sosmeta` annotations, as THL publishes them.
    ///
    /// # Errors
    /// A [`StructureFault`] that says what is missing and where.
    pub fn parse(text: &str) -> Result<Self, StructureFault> {
        if text.len() > FILE_BYTES_MAX {
            return Err(StructureFault::new("", FaultReason::TooLarge(text.len())));
        }
        let mut schema: Value = serde_json::from_str(text)
            .map_err(|e| StructureFault::new("", FaultReason::NotJson { line: e.line(), column: e.column() }))?;
        let expected = |at: &str, what| StructureFault::new(at, FaultReason::Expected(what));
        let oid: Oid = schema
            .pointer("/sosmeta/oid")
            .and_then(Value::as_str)
            .and_then(|o| o.parse().ok())
            .ok_or_else(|| expected("/sosmeta/oid", "the OID of the structure"))?;
        let kind = kind_of(&oid).ok_or_else(|| {
            expected("/sosmeta/oid", "an OID below 1.2.246.537.6.1505 or 1.2.246.537.6.1506 with a version")
        })?;
        let document_type = schema.pointer("/sosmeta/documentType").and_then(Value::as_str).unwrap_or_default();
        let document_type = document_type.to_owned();
        let valid_from = valid_from(&schema, &oid);
        let root = root_field(&schema)?;
        field::strip_annotations(&mut schema);
        let schema = schema.to_string().into();
        Ok(Self {
            oid,
            kind,
            document_type,
            valid_from,
            root,
            schema,
            validator: OnceLock::new(),
            list_validator: OnceLock::new(),
        })
    }

    /// Its OID with its version, as `contentSpecificationId` carries it.
    pub fn oid(&self) -> &Oid {
        &self.oid
    }

    /// The type that it is a version of: its OID without the three numbers of the version.
    pub fn type_oid(&self) -> Oid {
        type_of(&self.oid)
    }

    /// Its version: the last three numbers of its OID, year, month, day. Ordered as numbers: 2024.10.1 is newer than 2024.9.30.
    pub fn version(&self) -> [u32; 3] {
        let mut tail = self.oid.as_str().rsplit('.').map(|arc| arc.parse().unwrap_or(0));
        let mut next = || tail.next().unwrap_or(0);
        let (day, month, year) = (next(), next(), next());
        [year, month, day]
    }

    /// The day from which it may be used: `documentDefinitionVersion`, by the OID where that says nothing. `None` where
    /// neither is a day of the calendar; such a structure is found by its OID only.
    pub fn valid_from(&self) -> Option<Date> {
        self.valid_from
    }

    /// The general type in words as the structure has it (`documentType`); may be empty.
    pub fn document_type(&self) -> &str {
        &self.document_type
    }

    /// The JSON Schema without its annotations.
    pub(crate) fn schema(&self) -> Option<Value> {
        serde_json::from_str(&self.schema).ok()
    }

    /// The one key of the content's root object.
    pub fn root_key(&self) -> &str {
        self.root.key()
    }

    /// The root with its fields.
    pub fn root(&self) -> &Field {
        &self.root
    }

    /// The document's name; in the other language when it has none in this one.
    pub fn name(&self, language: Language) -> &str {
        self.root.name(language)
    }

    /// The document group; `None` for groups that are not handled here (consents and denials, 1505.8 and 1505.9).
    pub fn group(&self) -> Option<DocumentGroup> {
        match &self.kind {
            Kind::Group(code) => DocumentGroup::by_code(code).filter(|g| *g != DocumentGroup::ClientDocument),
            Kind::ClientDocument(_) => Some(DocumentGroup::ClientDocument),
        }
    }

    /// The general document type (1 to 19) by `documentType`, and only where that says nothing known by the thousands of the
    /// specific type. `None` on relationship and case documents.
    pub fn general_type(&self, language: Language) -> Option<Code> {
        let Kind::ClientDocument(specific) = &self.kind else { return None };
        let thousands = specific.parse::<u32>().ok().map(|n| (n / 1000).to_string());
        let named = GENERAL_TYPES.iter().find(|(_, fi, _)| *fi == self.document_type.trim());
        let by_block = || GENERAL_TYPES.iter().find(|(code, ..)| Some(*code) == thousands.as_deref());
        let (code, fi, sv) = named.or_else(by_block)?;
        let display = if language == Language::Sv { sv } else { fi };
        document_type_code(code, display)
    }

    /// The specific document type, for example 19007. `None` on relationship and case documents.
    pub fn specific_type(&self, language: Language) -> Option<Code> {
        match &self.kind {
            Kind::Group(_) => None,
            Kind::ClientDocument(code) => document_type_code(code, self.name(language)),
        }
    }

    /// Whether the document has a field for a signature, so that a professional signs it.
    pub fn needs_professional_signature(&self) -> bool {
        fn signs(field: &Field) -> bool {
            field.representation() == Representation::Signature
                || field.system().is_some_and(|s| s.as_str() == SIGNATURE_KINDS)
                || field.fields().iter().any(signs)
        }
        signs(&self.root)
    }

    /// The judge of the content's form; `None` when the schema itself is not valid.
    pub fn validator(&self) -> Option<&Validator> {
        self.validator.get_or_init(|| self.compile()).as_ref()
    }

    /// Whether the content of a document that was read has the form of this structure, judged as it was read; `None` when the
    /// schema itself is not valid. What is wrong with it, [`Self::validator`] says.
    pub fn takes(&self, content: &Json) -> Option<bool> {
        Some(self.list_validator.get_or_init(|| self.compile()).as_ref()?.is_valid(content.root()))
    }

    fn compile<F: json::Json>(&self) -> Option<Validator<F>> {
        let options = jsonschema::options_for::<F>().with_draft(Draft::Draft7);
        options.with_pattern_options(PatternOptions::regex()).offline().build(&self.schema()?).ok()
    }

    /// The names of the fields on the way to a place in the content, as users know them: `Asiakas › Henkilötunnus`.
    ///
    /// `pointer` is a JSON Pointer into the content; places in lists and parts of codes add nothing. `None` above the fields
    /// and where the structure has no such field.
    pub fn field_names(&self, pointer: &str) -> Option<Text> {
        let mut tokens = pointer.split('/').skip(1);
        tokens.next().filter(|t| *t == self.root_key())?;
        let (mut at, mut fi, mut sv) = (&self.root, Vec::new(), Vec::new());
        for token in tokens.filter(|t| !t.bytes().all(|b| b.is_ascii_digit())) {
            match at.fields().iter().find(|f| f.key() == token) {
                Some(field) => at = field,
                None if at.fields().is_empty() => break,
                None => return None,
            }
            fi.push(at.name(Language::Fi));
            sv.push(at.name(Language::Sv));
        }
        let (fi, sv) = (fi.join(" › "), sv.join(" › "));
        // The fields have no English names; their users know the Finnish ones.
        (!fi.is_empty()).then(|| Text::made(fi.clone(), sv, fi))
    }

    /// Calls `each` for every value of `content` that a field of the structure stands for, with its JSON Pointer in the
    /// content. A list counts item by item; values of the wrong kind are passed on as they are.
    pub fn visit<'a>(&'a self, content: &'a Map<String, Value>, each: &mut dyn FnMut(&'a Field, &str, &'a Value)) {
        if let Some(value) = content.get(self.root_key()) {
            visit(&self.root, &format!("/{}", self.root_key()), value, each);
        }
    }
}

fn visit<'a>(field: &'a Field, pointer: &str, value: &'a Value, each: &mut dyn FnMut(&'a Field, &str, &'a Value)) {
    if let (true, Value::Array(items)) = (field.is_repeatable(), value) {
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_array()) {
            visit(field, &format!("{pointer}/{index}"), item, each);
        }
        return;
    }
    each(field, pointer, value);
    let Value::Object(members) = value else { return };
    for child in field.fields() {
        if let Some(value) = members.get(child.key()) {
            visit(child, &format!("{pointer}/{}", child.key()), value, each);
        }
    }
}

fn root_field(schema: &Value) -> Result<Field, StructureFault> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let one = properties.filter(|p| p.len() == 1).and_then(|p| p.iter().next());
    let (key, node) =
        one.ok_or_else(|| StructureFault::new("/properties", FaultReason::Expected("exactly one root property")))?;
    let required = field::requires(schema, key);
    let mut reader = Reader::new();
    let root = reader.field(key, node, required, &field::pointer("/properties", key))?;
    if root.representation() == Representation::Group && !root.is_repeatable() {
        return Ok(root);
    }
    Err(StructureFault::new(field::pointer("/properties", key), FaultReason::Expected("an object with fields")))
}

fn valid_from(schema: &Value, oid: &Oid) -> Option<Date> {
    let said = schema.pointer("/sosmeta/documentDefinitionVersion").and_then(Value::as_str);
    let day = said.and_then(|text| text.trim().get(..10)?.parse::<Date>().ok());
    day.or_else(|| {
        let mut tail = oid.as_str().rsplit('.');
        let (day, month, year) = (tail.next()?, tail.next()?, tail.next()?);
        Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
    })
}

/// The OID three arcs up.
fn type_of(oid: &Oid) -> Oid {
    let up = oid.as_str().rsplitn(4, '.').nth(3).and_then(|root| root.parse().ok());
    up.unwrap_or_else(|| oid.clone())
}

fn kind_of(oid: &Oid) -> Option<Kind> {
    let rest = oid.as_str().strip_prefix("1.2.246.537.6.")?;
    let mut arcs = rest.split('.');
    let (list, code) = (arcs.next()?, arcs.next()?);
    if arcs.count() < 3 {
        return None;
    }
    match list {
        "1505" => Some(Kind::Group(code.into())),
        "1506" => Some(Kind::ClientDocument(code.into())),
        _ => None,
    }
}

fn document_type_code(code: &str, display: &str) -> Option<Code> {
    let system = DOCUMENT_TYPES.parse().ok()?;
    Some(Code { code: code.into(), system, system_name: None, display: Some(display.into()) })
}

#[cfg(test)]
pub(crate) mod tests;
