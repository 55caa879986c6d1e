//! Values of the national dialect in a content that was read: the code triple, days, texts, and the codes of one system
//! anywhere.
//!
//! For typed views of documents. Judges nothing against a structure: [`super::validate`] does.

use serde_json::{Map, Value};

use super::code::Code;
use super::oid::Oid;
use super::time::PartialDate;

/// Groups inside groups that are looked into.
const DEPTH_MAX: usize = 64;

/// The code (`Koodi`) at a JSON Pointer; `Ok(None)` when there is nothing.
///
/// # Errors
/// The pointer, when something is there that is no code.
pub(crate) fn code_at(of: &Value, pointer: &str) -> Result<Option<Code>, String> {
    let Some(value) = of.pointer(pointer) else { return Ok(None) };
    code(value).map(Some).ok_or_else(|| pointer.to_owned())
}

/// The day (`Pvm`) at a JSON Pointer; `Ok(None)` when there is nothing.
///
/// # Errors
/// The pointer, when something is there that is no day.
pub(crate) fn date_at(of: &Value, pointer: &str) -> Result<Option<PartialDate>, String> {
    let Some(value) = of.pointer(pointer) else { return Ok(None) };
    value.as_str().and_then(|text| text.parse().ok()).map(Some).ok_or_else(|| pointer.to_owned())
}

/// The text at a JSON Pointer, without white space around it; `None` when there is none or it is empty.
pub(crate) fn text_at(of: &Value, pointer: &str) -> Option<String> {
    let text = of.pointer(pointer)?.as_str()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The OID at a JSON Pointer, with or without `urn:oid:`.
pub(crate) fn oid_at(of: &Value, pointer: &str) -> Option<Oid> {
    let text = of.pointer(pointer)?.as_str()?;
    text.strip_prefix("urn:oid:").unwrap_or(text).parse().ok()
}

/// The codes of this system, of any version of it, wherever they stand; each once, in the content's order.
pub fn codes_of(content: &Map<String, Value>, system: &Oid) -> Vec<String> {
    let mut found = Vec::new();
    content.values().for_each(|value| collect(value, system, DEPTH_MAX, &mut found));
    found
}

fn collect(value: &Value, system: &Oid, depth: usize, found: &mut Vec<String>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, system, depth, found)),
        Value::Object(members) => match code(value) {
            Some(code) if code.system.is_within(system) => {
                if !found.contains(&code.code) {
                    found.push(code.code);
                }
            }
            _ => members.values().for_each(|member| collect(member, system, depth, found)),
        },
        _ => {}
    }
}

fn code(value: &Value) -> Option<Code> {
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    let system = text("system")?;
    Some(Code {
        code: text("code").filter(|code| !code.is_empty())?.to_owned(),
        system: system.strip_prefix("urn:oid:").unwrap_or(system).parse().ok()?,
        system_name: None,
        display: text("display").map(str::to_owned),
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_of_a_system_are_found_wherever_they_stand_and_once() {
        let code = |system: &str, code: &str| json!({"system": system, "code": code, "display": "x"});
        let content = json!({"a": [{"b": code("urn:oid:1.2.246.537.6.1222", "46")}],
            "c": code("urn:oid:1.2.246.537.6.1222.201901", "2"), "d": code("urn:oid:1.2.246.537.6.1222", "46"),
            "e": code("urn:oid:1.2.246.537.6.1221", "9"), "f": {"system": 3, "code": "7"}});
        assert_eq!(codes_of(content.as_object().unwrap(), &"1.2.246.537.6.1222".parse().unwrap()), ["46", "2"]);
        let deep = (0..200).fold(code("urn:oid:1.2.246.537.6.1222", "46"), |inner, _| json!([inner]));
        assert!(codes_of(json!({"a": deep}).as_object().unwrap(), &"1.2.246.537.6.1222".parse().unwrap()).is_empty());
    }
}
