//! Fields from schema nodes and their annotations.

use serde_json::{Map, Value};

use super::{Condition, Field, ListedCode, Representation};
use crate::domain::oid::Oid;
use crate::domain::structure::{FIELD_DEPTH_MAX, FIELDS_MAX, FaultReason, StructureFault};

/// Reads fields and counts them.
pub(in super::super) struct Reader {
    fields: usize,
    depth: usize,
}

impl Reader {
    pub(in super::super) fn new() -> Self {
        Self { fields: 0, depth: 0 }
    }

    /// The field that stands at `at` in the file.
    pub(in super::super) fn field(
        &mut self,
        key: &str,
        node: &Value,
        required: bool,
        at: &str,
    ) -> Result<Field, StructureFault> {
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
            condition: flag("conditionalRequired").then(|| condition(meta)),
            phrase: (representation == Representation::Phrase).then(|| phrase(one)).flatten(),
            codes: if representation == Representation::Code { codes(one, meta) } else { Vec::new() },
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
pub(in super::super) fn requires(node: &Value, key: &str) -> bool {
    let names = node.get("required").and_then(Value::as_array);
    names.is_some_and(|names| names.iter().any(|n| n.as_str() == Some(key)))
}

/// The JSON Pointer one member below.
pub(in super::super) fn pointer(at: &str, key: &str) -> String {
    format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))
}

/// Takes the annotations out, so that a loaded structure keeps only what its validator needs.
pub(in super::super) fn strip_annotations(schema: &mut Value) {
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

fn condition(meta: &Value) -> Box<Condition> {
    let note = |lang| text(meta, "implementationNote", lang).unwrap_or_default().trim().into();
    Box::new(Condition { fi: note("fi"), sv: note("sv") })
}

fn phrase(node: &Value) -> Option<Box<str>> {
    Some(node.get("enum")?.as_array()?.first()?.as_str()?.into())
}

/// The codes of the schema's `enum`, named by what `valueSet` or `classification` says of them.
fn codes(node: &Value, meta: &Value) -> Vec<ListedCode> {
    let listed = node.pointer("/properties/code/enum").and_then(Value::as_array);
    let said =
        ["valueSet", "classification"].into_iter().find_map(|key| text(meta, key, "fi").filter(|t| t.contains('=')));
    let names = named_codes(said.unwrap_or_default());
    let name = |code: &str| names.iter().find(|(c, _)| c == code).map_or("", |(_, name)| name).into();
    let codes = listed.into_iter().flatten().filter_map(Value::as_str);
    codes.map(|code| ListedCode { code: code.into(), name: name(code) }).collect()
}

/// `1 = yksi, 2 = kaksi` or a line each; a name may have commas of its own. Words before a colon are a heading.
fn named_codes(text: &str) -> Vec<(String, String)> {
    let mut named: Vec<(String, String)> = Vec::new();
    for piece in text.split([',', '\n']).map(str::trim).filter(|piece| !piece.is_empty()) {
        match (piece.split_once('='), named.last_mut()) {
            (Some((code, name)), _) => {
                let code = code.rsplit(':').next().unwrap_or(code);
                named.push((code.trim().to_owned(), name.trim().to_owned()));
            }
            (None, Some((_, name))) => *name = format!("{name}, {piece}"),
            (None, None) => {}
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_named_by_the_lists_that_people_wrote() {
        let named = |text| named_codes(text).into_iter().map(|(c, n)| format!("{c}:{n}")).collect::<Vec<_>>();
        assert_eq!(named("31 = Huoltaja, \n32 = Edunvalvoja"), ["31:Huoltaja", "32:Edunvalvoja"]);
        assert_eq!(named("Sisäinen luokitus:\n1 = A, B ja C,\n2= D"), ["1:A, B ja C", "2:D"]);
        assert_eq!(named("Sisäinen luokitus: 1 = A, 2 = B"), ["1:A", "2:B"]);
        assert_eq!(named("no list at all, here"), Vec::<String>::new());
    }
}
