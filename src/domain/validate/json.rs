//! Bytes to a JSON value, within limits: size, depth, and no key twice in one object.
//!
//! Two members of one name are refused because readers differ on which one counts, and a signed document must say one thing.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::findings::below;
use crate::domain::finding::{Finding, Rule};
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
    let text = std::str::from_utf8(bytes).map_err(|e| Box::new(not_utf8(e.valid_up_to())))?;
    let state = RefCell::new(State { path: Vec::new(), values: 0, fault: None });
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict { state: &state, depth: 0 }.deserialize(&mut reader).and_then(|v| reader.end().map(|()| v));
    value.map_err(|error| {
        let State { path, fault, .. } = state.into_inner();
        let pointer = path.iter().fold(String::new(), |at, step| step.append_to(&at));
        Box::new(match fault {
            Some(Fault::Depth) => too_deep(pointer),
            Some(Fault::Values) => too_many(),
            Some(Fault::Repeated) => repeated(pointer),
            None => placed(not_json(), text, &error),
        })
    })
}

struct State {
    path: Vec<Step>,
    values: usize,
    fault: Option<Fault>,
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

enum Fault {
    Depth,
    Values,
    Repeated,
}

/// Reads one value, knowing how deep it is.
struct Strict<'s> {
    state: &'s RefCell<State>,
    depth: usize,
}

impl Strict<'_> {
    fn deeper(&self) -> Self {
        Self { state: self.state, depth: self.depth + 1 }
    }

    fn fault<E: serde::de::Error>(&self, fault: Fault) -> E {
        self.state.borrow_mut().fault = Some(fault);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.state.borrow_mut().values += 1;
        if self.depth > DEPTH_MAX {
            return Err(self.fault(Fault::Depth));
        }
        if self.state.borrow().values > VALUES_MAX {
            return Err(self.fault(Fault::Values));
        }
        deserializer.deserialize_any(self)
    }
}

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
            self.state.borrow_mut().path.push(Step::Index(items.len()));
            let Some(item) = access.next_element_seed(self.deeper())? else { break };
            items.push(item);
            self.state.borrow_mut().path.pop();
        }
        self.state.borrow_mut().path.pop();
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            self.state.borrow_mut().path.push(Step::Key(key.clone()));
            if members.contains_key(&key) {
                return Err(self.fault(Fault::Repeated));
            }
            let value = access.next_value_seed(self.deeper())?;
            members.insert(key, value);
            self.state.borrow_mut().path.pop();
        }
        Ok(Value::Object(members))
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
