//! Bytes to a JSON value, within limits: size, depth, and no key twice in one object.
//!
//! Two members of one name are refused because readers differ on which one counts, and a signed document must say one thing.

mod quick;

use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use simdutf8::compat::from_utf8;

use quick::NotTaken;

use super::findings::below;
use crate::domain::finding::{Finding, Rule};
use crate::domain::json::Json;
use crate::domain::text::Text;

/// The longest record taken, in bytes.
pub const BYTES_MAX: usize = 10 << 20;
/// The most values (members, items and what they hold) in one record: each costs far more memory than its text.
pub const VALUES_MAX: usize = 200_000;
/// The deepest nesting of objects and lists.
pub const DEPTH_MAX: usize = 64;

const RFC: &str = "RFC 8259, JSON";

/// Reads a JSON value.
///
/// # Errors
/// One finding, with line and column where the text is not JSON.
pub(in crate::domain) fn read(bytes: &[u8]) -> Result<Value, Box<Finding>> {
    if bytes.len() > BYTES_MAX {
        return Err(Box::new(too_large(bytes.len())));
    }
    read_text(from_utf8(bytes).map_err(|e| Box::new(not_utf8(e.valid_up_to())))?).map(Json::into_value)
}

/// Reads a JSON value of a text.
///
/// # Errors
/// As [`read`].
pub(in crate::domain) fn read_text(text: &str) -> Result<Json, Box<Finding>> {
    if text.len() > BYTES_MAX {
        return Err(Box::new(too_large(text.len())));
    }
    match quick::read(text) {
        Ok(value) => Ok(value),
        Err(NotTaken::ParsersName) => Err(Box::new(reserved_key())),
        Err(NotTaken::Other) => strict(text).map(Json::from),
    }
}

/// The reader that knows every fault by its name and place.
fn strict(text: &str) -> Result<Value, Box<Finding>> {
    let state = State::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { state: &state, depth: 0 }.deserialize(&mut reader).and_then(|v| reader.end().map(|()| v));
    value.map_err(|error| {
        let pointer = state.way.take().iter().rev().fold(String::new(), |at, step| step.append_to(&at));
        Box::new(match state.fault.get() {
            Some(Fault::Depth) => too_deep(pointer),
            Some(Fault::Values) => too_many(),
            Some(Fault::Repeated) => repeated(pointer),
            None => placed(not_json(), text, &error),
        })
    })
}

#[derive(Default)]
struct State {
    values: Cell<usize>,
    fault: Cell<Option<Fault>>,
    /// The way to the fault, innermost step first; noted on the way back, so that a text without fault pays nothing for it.
    way: RefCell<Vec<Step>>,
}

enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    fn append_to(&self, at: &str) -> String {
        match self {
            Self::Key(key) => below(at, key),
            Self::Index(index) => format!("{at}/{index}"),
        }
    }
}

#[derive(Clone, Copy)]
enum Fault {
    Depth,
    Values,
    Repeated,
}

/// Reads one value, knowing how deep it is.
#[derive(Clone, Copy)]
struct Strict<'s> {
    state: &'s State,
    depth: usize,
}

impl Strict<'_> {
    fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    fn fault<E: serde::de::Error>(self, fault: Fault) -> E {
        self.state.fault.set(Some(fault));
        E::custom("refused")
    }

    fn came_by(self, step: Step) {
        self.state.way.borrow_mut().push(step);
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let values = self.state.values.get() + 1;
        self.state.values.set(values);
        if self.depth > DEPTH_MAX {
            return Err(self.fault(Fault::Depth));
        }
        if values > VALUES_MAX {
            return Err(self.fault(Fault::Values));
        }
        deserializer.deserialize_any(self)
    }
}

/// The name under which the parser hands out a number as it is written.
const NUMBER: &str = "$serde_json::private::Number";
/// What the parser's own names begin with: numbers', and those of texts that it has not read.
const PARSERS_OWN: &str = "$serde_json::private::";

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let item = access.next_element_seed(self.deeper());
            match item.inspect_err(|_| self.came_by(Step::Index(items.len())))? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if members.is_empty() && key == NUMBER {
                return number(&access.next_value::<String>()?);
            }
            match members.entry(key) {
                Entry::Vacant(place) => {
                    let value = access.next_value_seed(self.deeper());
                    let value = value.inspect_err(|_| self.came_by(Step::Key(place.key().clone())))?;
                    place.insert(value);
                }
                Entry::Occupied(place) => {
                    self.came_by(Step::Key(place.key().clone()));
                    return Err(self.fault(Fault::Repeated));
                }
            }
        }
        Ok(Value::Object(members))
    }
}

/// A number, kept as it is written. One that nobody can count with is refused.
fn number<E: serde::de::Error>(text: &str) -> Result<Value, E> {
    let number = text.parse::<Number>().map_err(E::custom)?;
    if number.as_f64().is_some_and(f64::is_finite) {
        Ok(Value::Number(number))
    } else {
        Err(E::custom("not a finite number"))
    }
}

fn too_large(bytes: usize) -> Finding {
    Finding::error(
        "json.too_large",
        "",
        Text::made(format!("{bytes} tavua"), format!("{bytes} byte"), format!("{bytes} bytes")),
        Text::made(
            format!("enintään {BYTES_MAX} tavua"),
            format!("högst {BYTES_MAX} byte"),
            format!("at most {BYTES_MAX} bytes"),
        ),
        Rule::new("asiasilta", "BYTES_MAX"),
    )
}

fn not_utf8(at: usize) -> Finding {
    Finding::error(
        "json.not_utf8",
        "",
        Text::made(
            format!("merkistöön kuulumaton tavu kohdassa {at}"),
            format!("en byte utanför teckenkodningen vid position {at}"),
            format!("a byte outside the encoding at offset {at}"),
        ),
        Text::fixed("UTF-8-merkistö", "teckenkodningen UTF-8", "UTF-8"),
        Rule::new(RFC, "8.1"),
    )
}

fn too_many() -> Finding {
    Finding::error(
        "json.too_many_values",
        "",
        Text::fixed("liian monta kenttää ja kohtaa", "för många fält och poster", "too many fields and items"),
        Text::made(format!("enintään {VALUES_MAX}"), format!("högst {VALUES_MAX}"), format!("at most {VALUES_MAX}")),
        Rule::new("asiasilta", "VALUES_MAX"),
    )
}

fn too_deep(pointer: String) -> Finding {
    Finding::error(
        "json.too_deep",
        pointer,
        Text::fixed("liian syvä sisäkkäisyys", "för djup nästling", "too deep a nesting"),
        Text::made(
            format!("enintään {DEPTH_MAX} tasoa"),
            format!("högst {DEPTH_MAX} nivåer"),
            format!("at most {DEPTH_MAX} levels"),
        ),
        Rule::new("asiasilta", "DEPTH_MAX"),
    )
}

fn repeated(pointer: String) -> Finding {
    Finding::error(
        "json.repeated_key",
        pointer,
        Text::fixed("sama kenttä kahdesti", "samma fält två gånger", "the same field twice"),
        Text::fixed("kukin kenttä kerran", "varje fält en gång", "each field once"),
        Rule::new(RFC, "4"),
    )
}

/// Whoever reads the value again would take the object for a number.
fn reserved_key() -> Finding {
    let found = Text::fixed(
        "kenttä, jonka nimen alku on ",
        "ett fält vars namn börjar med ",
        "a field whose name begins with ",
    );
    Finding::error(
        "json.reserved_key",
        "",
        Text::made(
            format!("{}{PARSERS_OWN}", found.fi),
            format!("{}{PARSERS_OWN}", found.sv),
            format!("{}{PARSERS_OWN}", found.en),
        ),
        Text::fixed(
            "kenttä, jolla on rakenteen nimi",
            "ett fält med ett namn ur strukturen",
            "a field with a name of the structure's",
        ),
        Rule::new("asiasilta", "docs/findings.md"),
    )
}

fn not_json() -> Finding {
    Finding::error(
        "json.syntax",
        "",
        Text::fixed("tekstiä, joka ei ole JSONia", "text som inte är JSON", "text that is not JSON"),
        Text::fixed("yksi JSON-olio", "ett JSON-objekt", "one JSON object"),
        Rule::new(RFC, ""),
    )
}

/// Adds line and column; the parser counts bytes, people count characters.
fn placed(mut finding: Finding, text: &str, error: &serde_json::Error) -> Finding {
    let line = text.split('\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let bytes = (0..=error.column().min(line.len())).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
    let column = line.get(..bytes).map_or(0, |before| before.chars().count());
    finding.place.line = u32::try_from(error.line()).ok();
    finding.place.column = u32::try_from(column.max(1)).ok();
    finding
}
