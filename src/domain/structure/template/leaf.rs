//! One value that is not a group: what would stand there, as far as the schema lets it.

use serde_json::{Map, Number, Value};

use super::people::{self, Facts};
use super::{Extent, Maker, Place, identity_code_urn, sample};
use crate::domain::code::Language;
use crate::domain::code_set::CodeSets;
use crate::domain::person::REGISTRATION_NUMBER_ROOT;
use crate::domain::structure::{Field, Representation};

/// The day of examples.
pub(super) const DAY: &str = "2026-09-14";
/// The moment of examples.
pub(super) const MOMENT: &str = "2026-09-14T09:12:00+03:00";
/// What stands for a code of a list that is not known here.
const SOME_CODE: &str = "TEST";
/// SOTE organisation register: its codes are OIDs.
const ORGANISATIONS: &str = "1.2.246.537.6.202";
/// No unit, in UCUM.
const NO_UNIT: &str = "1";
/// The longest text made to meet a `minLength`.
const LENGTH_MAX: u64 = 10_000;

impl Maker {
    pub(super) fn leaf(&mut self, field: &Field, node: &Value, place: Place) -> Value {
        match field.representation() {
            Representation::Code => self.code(field, node),
            Representation::Identifier => self.identifier(field, node, place),
            Representation::Quantity => {
                let amount = number(node.pointer("/properties/value").unwrap_or(&Value::Null));
                let code = self.text(node.pointer("/properties/code"), NO_UNIT);
                self.object(node, [("value", amount), ("code", code)])
            }
            Representation::Switch => listed(node).unwrap_or(Value::Bool(false)),
            Representation::Number => number(node),
            Representation::PartialDate => {
                let day = if is_birth(field) { facts(place).birth_date } else { DAY };
                self.text(Some(node), day)
            }
            Representation::Moment => self.text(Some(node), MOMENT),
            Representation::Phrase => self.text(Some(node), field.phrase().unwrap_or_default()),
            Representation::Group | Representation::Text | Representation::Signature => {
                let words = self.words(field, place);
                self.text(Some(node), &words)
            }
        }
    }

    fn words(&self, field: &Field, place: Place) -> String {
        let person = facts(place);
        match field.key() {
            "sukunimi" => person.family.to_owned(),
            "etunimet" => person.given.join(" "),
            "etunimi" | "kutsumanimi" => person.given.first().copied().unwrap_or_default().to_owned(),
            _ => {
                let fill = if self.language == Language::Sv { "Fyll i" } else { "Täydennä" };
                format!("{fill}: {}", field.name(self.language))
            }
        }
    }

    /// A text that the schema takes: one it lists, else the wished one, else one made from its pattern.
    fn text(&mut self, node: Option<&Value>, wished: &str) -> Value {
        let node = node.unwrap_or(&Value::Null);
        if let Some(listed) = listed(node) {
            return listed;
        }
        let limit = |name: &str| node.get(name).and_then(Value::as_u64);
        if let Some(pattern) = node.get("pattern").and_then(Value::as_str) {
            let suits = [wished, DAY, MOMENT, SOME_CODE].into_iter().find(|text| self.meets(pattern, text));
            return suits.map_or_else(|| sample::of(pattern), str::to_owned).into();
        }
        let mut text = wished.to_owned();
        let missing = limit("minLength").unwrap_or(0).min(LENGTH_MAX);
        let missing = missing.saturating_sub(u64::try_from(text.chars().count()).unwrap_or(u64::MAX));
        text.extend(std::iter::repeat_n('x', usize::try_from(missing).unwrap_or(0)));
        let most = limit("maxLength").and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        text.chars().take(most).collect::<String>().into()
    }

    fn code(&mut self, field: &Field, node: &Value) -> Value {
        let property = |name: &str| node.get("properties").and_then(|p| p.get(name));
        let urn = field.system().map(|s| format!("urn:oid:{s}"));
        let urn = urn.unwrap_or_else(|| format!("{}/{}", self.root, field.key()));
        let (code, display) = self.wished_code(field);
        let system = self.text(property("system"), &urn);
        let code = self.text(property("code"), &code);
        let display = self.text(property("display"), &display);
        self.object(node, [("system", system), ("code", code), ("display", display)])
    }

    /// A code and its name: one that the structure lists, one that is known, or a word that says it is neither.
    fn wished_code(&self, field: &Field) -> (String, String) {
        let name = field.name(self.language).to_owned();
        if let Some(first) = field.codes().first() {
            let display = if first.name.is_empty() { name } else { first.name.to_string() };
            return (first.code.to_string(), display);
        }
        let Some(system) = field.system() else { return (SOME_CODE.into(), name) };
        if system.as_str() == ORGANISATIONS {
            let organiser = field.key().contains("jarjestaj");
            let (oid, name) = if organiser { people::ORGANISER } else { people::UNIT };
            return (oid.into(), name.into());
        }
        let known = CodeSets::built_in().find(system).and_then(|set| set.values().first());
        known.map_or((SOME_CODE.into(), name), |value| (value.code.clone(), value.name(self.language).to_owned()))
    }

    fn identifier(&mut self, field: &Field, node: &Value, place: Place) -> Value {
        let property = |name: &str| node.get("properties").and_then(|p| p.get(name));
        let system = field.system().map(|s| format!("urn:oid:{s}"));
        let is = |root: &str| field.system().is_some_and(|s| s.as_str() == root);
        let value = match field.key() {
            _ if people::is_identity_code(field) => facts(place).identity_code,
            _ if is(REGISTRATION_NUMBER_ROOT) => people::REGISTRATION_NUMBER.to_owned(),
            "asiatunnus" => people::TEMPLATE_CASE.to_owned(),
            "asiakkuuden_yksilointitunnus" => people::TEMPLATE_RELATIONSHIP.to_owned(),
            _ => people::OTHER_ID.to_owned(),
        };
        let value = self.text(property("value"), &value);
        match system.or_else(|| people::is_identity_code(field).then(identity_code_urn)) {
            Some(urn) => {
                let system = self.text(property("system"), &urn);
                self.object(node, [("system", system), ("value", value)])
            }
            None if requires(node, "system") || self.extent == Extent::Full => {
                let system = self.text(property("system"), "urn:ietf:rfc:3986");
                self.object(node, [("system", system), ("value", value)])
            }
            None => self.object(node, [("value", value)]),
        }
    }

    /// An object of these members, as far as the schema knows them, and of others that it requires.
    fn object<const N: usize>(&mut self, node: &Value, members: [(&str, Value); N]) -> Value {
        let Some(properties) = node.get("properties").and_then(Value::as_object) else {
            return members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Map<_, _>>().into();
        };
        let known = members.into_iter().filter(|(key, _)| properties.contains_key(*key));
        let mut object: Map<_, _> = known.map(|(k, v)| (k.to_owned(), v)).collect();
        for (key, child) in properties {
            let text = child.get("type").and_then(Value::as_str) == Some("string");
            if !object.contains_key(key) && text && (requires(node, key) || self.extent == Extent::Full) {
                object.insert(key.clone(), self.text(Some(child), SOME_CODE));
            }
        }
        object.into()
    }
}

fn requires(node: &Value, key: &str) -> bool {
    super::super::field::requires(node, key)
}

/// The first value that the schema lists.
fn listed(node: &Value) -> Option<Value> {
    let first = node.get("enum").and_then(Value::as_array).and_then(|all| all.first());
    node.get("const").or(first).cloned()
}

fn number(node: &Value) -> Value {
    let limit = |name: &str| node.get(name).and_then(Value::as_f64);
    let least = limit("minimum").or(limit("exclusiveMinimum").map(|n| n + 1.0)).unwrap_or(1.0);
    let most = limit("maximum").or(limit("exclusiveMaximum").map(|n| n - 1.0)).unwrap_or(f64::INFINITY);
    let wished = 1.0_f64.max(least).min(most);
    listed(node).unwrap_or_else(|| if wished == 1.0 { 1.into() } else { real(wished) })
}

fn real(number: f64) -> Value {
    // Whole numbers without a fraction, as integers demand.
    let whole = format!("{number:.0}").parse::<i64>().ok().filter(|_| number.fract() == 0.0);
    whole.map_or_else(|| Number::from_f64(number).map_or(Value::Null, Value::Number), Value::from)
}

fn is_birth(field: &Field) -> bool {
    field.key() == "syntymaaika"
}

fn facts(place: Place) -> Facts {
    match place {
        Place::Client(index) => people::client(index),
        Place::Inside(person) => person.facts(),
        Place::Root => people::Person::Other.facts(),
    }
}
