//! A JSON Schema error as a finding: which field, what was found, what was expected, by which rule, in three languages.
//!
//! Serves the record's own schema and the structures' schemas alike. Repeats no value: [`super::findings::seen`] decides what may
//! be shown.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{ValidationError, Validator};
use serde_json::Value;

use super::findings::{FINDINGS_MAX, Findings, below, nothing, one_of, seen};
use super::schema;
use crate::domain::finding::{Finding, Flaw, Rule};
use crate::domain::structure::{Field, Representation, Structure};
use crate::domain::text::Text;
use crate::domain::time::{Instant, PartialDate};

/// Knows whose schema the errors are of.
pub(super) struct Translator<'a> {
    subject: Subject<'a>,
    source: String,
}

enum Subject<'a> {
    Record(&'a Value),
    Content(&'a Structure),
}

/// Adds a finding for every error, until there are enough.
pub(super) fn findings_of(validator: &Validator, value: &Value, translator: &Translator<'_>, findings: &mut Findings) {
    for error in validator.iter_errors(value) {
        if findings.is_full() {
            // Still said, so that the cut is counted.
            findings.push(translator.unspecific(&error));
            return;
        }
        translator.translate(&error, findings);
    }
}

impl<'a> Translator<'a> {
    pub(super) fn for_record(schema: &'a Value) -> Self {
        Self { subject: Subject::Record(schema), source: "asiasilta, schemas/local-record.schema.json".into() }
    }

    pub(super) fn for_content(structure: &'a Structure) -> Self {
        Self { subject: Subject::Content(structure), source: format!("THL Sosmeta {}", structure.oid()) }
    }

    fn translate(&self, error: &ValidationError<'_>, findings: &mut Findings) {
        match error.kind() {
            Kind::AdditionalProperties { unexpected } => {
                for key in unexpected.iter().take(FINDINGS_MAX) {
                    findings.push(self.unknown(error, key));
                }
            }
            Kind::AnyOf { context } => {
                // `anyOf` stands for "this or null": what is wrong is what is wrong with this.
                let is_null = |e: &ValidationError<'_>| matches!(e.kind(), Kind::Type { kind } if names_null(kind));
                let branch = context.iter().find(|errors| !errors.iter().any(is_null));
                match branch {
                    Some(errors) => errors.iter().for_each(|e| self.translate(e, findings)),
                    None => findings.push(self.unspecific(error)),
                }
            }
            _ => findings.push(self.one(error)),
        }
    }

    fn one(&self, error: &ValidationError<'_>) -> Finding {
        let found = seen(error.instance());
        match error.kind() {
            Kind::Required { property } => self.missing(error, property.as_str().unwrap_or_default()),
            Kind::Type { kind } => self.wrong_type(error, kind),
            Kind::Format { format } => match error.instance().as_str().and_then(|text| schema::flaw(format, text)) {
                Some(flaw) => self.flaw(error, flaw),
                None => self.unspecific(error),
            },
            Kind::Pattern { pattern } => self.pattern(error, pattern),
            Kind::Enum { options } => {
                let words = options.as_array().into_iter().flatten().map(word).collect::<Vec<_>>();
                self.at(error, "value.not_listed", found, one_of(&words))
            }
            Kind::Constant { expected_value } => {
                self.at(error, "value.not_listed", found, one_of(&[word(expected_value)]))
            }
            Kind::OneOfNotValid { context } => {
                let words = constants(context);
                self.at(error, "value.not_listed", found, one_of(&words))
            }
            Kind::MinLength { limit: 1 } => self.at(error, "value.empty", found, text_given()),
            Kind::MinLength { limit } => self.at(error, "value.too_short", found, characters("≥", *limit)),
            Kind::MaxLength { limit } => self.at(error, "value.too_long", found, characters("≤", *limit)),
            Kind::MinItems { limit } => self.at(error, "list.too_short", found, items("≥", *limit)),
            Kind::MaxItems { limit } => self.at(error, "list.too_long", found, items("≤", *limit)),
            Kind::Minimum { limit } => self.at(error, "number.out_of_range", found, number("≥", limit)),
            Kind::Maximum { limit } => self.at(error, "number.out_of_range", found, number("≤", limit)),
            Kind::ExclusiveMinimum { limit } => self.at(error, "number.out_of_range", found, number(">", limit)),
            Kind::ExclusiveMaximum { limit } => self.at(error, "number.out_of_range", found, number("<", limit)),
            _ => self.unspecific(error),
        }
    }

    /// A finding for a keyword that neither our schema nor the dialect uses today.
    fn unspecific(&self, error: &ValidationError<'_>) -> Finding {
        let keyword = error.kind().keyword().to_owned();
        let expected = Text::made(
            format!("arvo, joka täyttää skeeman säännön {keyword}"),
            format!("ett värde som uppfyller schemats regel {keyword}"),
            format!("a value that meets the schema's rule {keyword}"),
        );
        self.at(error, "value.schema", seen(error.instance()), expected)
    }

    fn unknown(&self, error: &ValidationError<'_>, key: &str) -> Finding {
        let pointer = below(&self.pointer(error), key);
        let found = Text::fixed("tuntematon kenttä", "ett okänt fält", "an unknown field");
        let expected = one_of(&self.known_names(error));
        self.placed(error, "field.unknown", pointer, found, expected)
    }

    fn missing(&self, error: &ValidationError<'_>, property: &str) -> Finding {
        let pointer = format!("{}/{property}", self.pointer(error));
        let expected = Text::fixed("pakollinen kenttä", "ett obligatoriskt fält", "a required field");
        self.placed(error, "field.missing", pointer, nothing(), expected)
    }

    fn wrong_type(&self, error: &ValidationError<'_>, kind: &TypeKind) -> Finding {
        let pointer = self.pointer(error);
        if pointer == "/professional_link" && error.instance().is_boolean() {
            return self.bare_boolean(error);
        }
        let names: Vec<&'static str> = match kind {
            TypeKind::Single(one) => vec![one.as_str()],
            TypeKind::Multiple(set) => set.iter().map(|t| t.as_str()).filter(|t| *t != "null").collect(),
        };
        let in_language =
            |at: fn(&Text) -> &str| names.iter().map(|n| at(&type_name(n)).to_owned()).collect::<Vec<_>>().join(" / ");
        let expected = Text::made(in_language(|t| &t.fi), in_language(|t| &t.sv), in_language(|t| &t.en));
        self.at(error, "value.wrong_type", seen(error.instance()), expected)
    }

    fn bare_boolean(&self, error: &ValidationError<'_>) -> Finding {
        let expected = Text::fixed(
            "asiayhteys, jonka voi todentaa: kind, reference, period ja asserted_by",
            "ett sakligt samband som kan verifieras: kind, reference, period och asserted_by",
            "a professional link that can be verified: kind, reference, period and asserted_by",
        );
        let hint = Text::fixed(
            "kerro, mistä yhteys syntyy (esimerkiksi vuoro tai käynti), sen tunniste järjestelmässäsi, sen aika ja kuka sen \
             vahvistaa; pelkkä kyllä tai ei ei riitä",
            "ange vad sambandet bygger på (till exempel ett skift eller besök), dess id i ert system, dess tid och vem som \
             intygar det; enbart ja eller nej räcker inte",
            "say what the link comes from (a shift or a visit, for example), its id in your system, its period and who asserts \
             it; yes or no is not enough",
        );
        self.at(error, "link.bare_boolean", seen(error.instance()), expected).with_hint(hint)
    }

    fn pattern(&self, error: &ValidationError<'_>, pattern: &str) -> Finding {
        let text = error.instance().as_str().unwrap_or_default();
        let field = self.field(error);
        if let Some(flaw) = field.and_then(|f| date_flaw(f.representation(), text)) {
            return self.flaw(error, flaw);
        }
        if let Some(system) = field.filter(|f| f.representation() == Representation::Code).and_then(Field::system) {
            let expected = Text::same(format!("urn:oid:{system}"));
            return self.at(error, "value.code_system", seen(error.instance()), expected);
        }
        let expected = Text::made(
            format!("teksti muotoa {pattern}"),
            format!("en text av formen {pattern}"),
            format!("a text of the form {pattern}"),
        );
        self.at(error, "value.pattern", seen(error.instance()), expected)
    }

    fn flaw(&self, error: &ValidationError<'_>, flaw: Flaw) -> Finding {
        self.named(error, flaw.at(self.pointer(error)))
    }

    fn at(&self, error: &ValidationError<'_>, code: &str, found: Text, expected: Text) -> Finding {
        self.placed(error, code, self.pointer(error), found, expected)
    }

    fn placed(&self, error: &ValidationError<'_>, code: &str, pointer: String, found: Text, expected: Text) -> Finding {
        let rule = Rule::new(self.source.clone(), error.schema_path().as_str());
        self.named(error, Finding::error(code, pointer, found, expected, rule))
    }

    /// The finding with the field's name as its users know it, where the structure has one.
    fn named(&self, error: &ValidationError<'_>, finding: Finding) -> Finding {
        let Subject::Content(structure) = self.subject else { return finding };
        let inside = finding.place.input.strip_prefix("/content").unwrap_or_default().to_owned();
        // An unknown field has no name of its own; its parent's says where it is.
        let names = structure.field_names(&inside).or_else(|| structure.field_names(error.instance_path().as_str()));
        names.map_or(finding.clone(), |names| finding.named(&names))
    }

    fn pointer(&self, error: &ValidationError<'_>) -> String {
        let base = if matches!(self.subject, Subject::Content(_)) { "/content" } else { "" };
        format!("{base}{}", error.instance_path().as_str())
    }

    fn field(&self, error: &ValidationError<'_>) -> Option<&'a Field> {
        match self.subject {
            Subject::Content(structure) => field_at(structure, error.instance_path().as_str()),
            Subject::Record(_) => None,
        }
    }

    /// The fields that an object may have, as its schema names them.
    fn known_names(&self, error: &ValidationError<'_>) -> Vec<String> {
        match self.subject {
            Subject::Record(schema) => {
                let path = error.schema_path().as_str();
                let node = path.rsplit_once('/').and_then(|(parent, _)| schema.pointer(parent));
                let properties = node.and_then(|n| n.get("properties")).and_then(Value::as_object);
                properties.into_iter().flat_map(|p| p.keys().cloned()).collect()
            }
            Subject::Content(structure) if error.instance_path().as_str().is_empty() => {
                vec![structure.root_key().to_owned()]
            }
            Subject::Content(structure) => match field_at(structure, error.instance_path().as_str()) {
                Some(field) if !field.fields().is_empty() => {
                    field.fields().iter().map(|f| f.key().to_owned()).collect()
                }
                Some(field) => leaf_names(field.representation()),
                None => Vec::new(),
            },
        }
    }
}

/// Why a text is not the day or moment that a field of this kind holds.
pub(super) fn date_flaw(representation: Representation, text: &str) -> Option<Flaw> {
    let day = text.parse::<PartialDate>().err();
    match representation {
        Representation::PartialDate => day,
        Representation::Moment if text.contains('T') => text.parse::<Instant>().err(),
        Representation::Moment => day,
        _ => None,
    }
}

/// The field at a JSON Pointer in the content; for a part of a code or identifier, that field.
fn field_at<'a>(structure: &'a Structure, pointer: &str) -> Option<&'a Field> {
    let mut tokens = pointer.split('/').skip(1).filter(|t| !t.bytes().all(|b| b.is_ascii_digit()));
    tokens.next().filter(|t| *t == structure.root_key())?;
    let mut field = structure.root();
    for token in tokens {
        match field.field(token) {
            Some(child) => field = child,
            None => return field.fields().is_empty().then_some(field),
        }
    }
    Some(field)
}

fn leaf_names(representation: Representation) -> Vec<String> {
    let names: &[&str] = match representation {
        Representation::Code => &["system", "code", "display"],
        Representation::Identifier => &["system", "value"],
        Representation::Quantity => &["value", "code"],
        _ => &[],
    };
    names.iter().map(|n| (*n).to_owned()).collect()
}

fn names_null(kind: &TypeKind) -> bool {
    matches!(kind, TypeKind::Single(one) if one.as_str() == "null")
}

/// The words that the branches of a `oneOf` list one by one.
fn constants(branches: &[Vec<ValidationError<'static>>]) -> Vec<String> {
    let words = branches.iter().flatten().filter_map(|error| match error.kind() {
        Kind::Constant { expected_value } => Some(vec![word(expected_value)]),
        Kind::Enum { options } => options.as_array().map(|o| o.iter().map(word).collect()),
        _ => None,
    });
    words.flatten().collect()
}

fn word(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn type_name(name: &str) -> Text {
    match name {
        "object" => Text::fixed("olio (object)", "ett objekt (object)", "an object"),
        "array" => Text::fixed("luettelo (array)", "en lista (array)", "a list (array)"),
        "string" => Text::fixed("teksti (string)", "en text (string)", "a text (string)"),
        "boolean" => {
            Text::fixed("totuusarvo (true tai false)", "ett sanningsvärde (true eller false)", "true or false")
        }
        "number" => Text::fixed("luku", "ett tal", "a number"),
        "integer" => Text::fixed("kokonaisluku", "ett heltal", "a whole number"),
        _ => Text::same(name),
    }
}

fn text_given() -> Text {
    Text::fixed(
        "tekstiä; jätä valinnainen kenttä kokonaan pois",
        "text; lämna bort ett valfritt fält helt",
        "a text; leave an optional field out altogether",
    )
}

fn characters(sign: &str, limit: u64) -> Text {
    Text::made(
        format!("{sign} {limit} merkkiä"),
        format!("{sign} {limit} tecken"),
        format!("{sign} {limit} characters"),
    )
}

fn items(sign: &str, limit: u64) -> Text {
    Text::made(format!("{sign} {limit} kohtaa"), format!("{sign} {limit} poster"), format!("{sign} {limit} items"))
}

fn number(sign: &str, limit: &Value) -> Text {
    Text::same(format!("{sign} {limit}"))
}
