//! The structured content: JSON after a Sosmeta structure (THL Sosmeta 1505.1, 1505.2, 1506.*).
//!
//! Finds the few fields that the archive acts upon. Whether the whole follows its structure is for `structures.rs`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::hl7_time::PartialDate;
use crate::oid::Oid;
use crate::person::{IDENTITY_CODE_ROOT, PersonId};

/// One row of the grant: a producer's or implementer's unit and the days on which the relationship is in force there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProducerRow {
    pub(crate) unit: Oid,
    /// The code of the service task under which the row stands.
    pub(crate) service_task: Option<String>,
    pub(crate) start: PartialDate,
    pub(crate) end: Option<PartialDate>,
}

/// Reads content with exactly one root key and an object under it.
pub(crate) fn parse(bytes: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let object = value.as_object()?;
    let one_root = object.len() == 1 && object.values().all(Value::is_object);
    one_root.then_some(value)
}

/// What stands under the root key.
fn root(content: &Value) -> Option<&Value> {
    content.as_object()?.values().next()
}

/// The identity codes of the clients that the content names.
pub(crate) fn client_codes(content: &Value) -> Vec<PersonId> {
    let clients = root(content).and_then(|root| root.get("asiakas"));
    items(clients)
        .filter_map(|client| client.pointer("/henkilotunnus/value")?.as_str())
        .map(|code| PersonId::new(IDENTITY_CODE_ROOT, code))
        .collect()
}

/// The case id of a case document.
pub(crate) fn case_id(content: &Value) -> Option<Oid> {
    oid_at(content, "/asian_tiedot/asiatunnus/value")
}

/// The relationship id of a relationship document.
pub(crate) fn relationship_id(content: &Value) -> Option<Oid> {
    oid_at(content, "/asiakkuuden_yksilointitunnus/value")
}

fn oid_at(content: &Value, pointer: &str) -> Option<Oid> {
    Oid::parse(root(content)?.pointer(pointer)?.as_str()?).ok()
}

/// Does the content say that it is signed by a person?
pub(crate) fn asks_for_professional_signature(content: &Value) -> bool {
    root(content).and_then(|root| root.get("allekirjoitus")).is_some_and(Value::is_object)
}

/// The producer rows of a relationship document, implementers among them, in their order. `None` when one of them
/// has no unit or an unreadable date.
pub(crate) fn producer_rows(content: &Value) -> Option<Vec<ProducerRow>> {
    let tasks = root(content).and_then(|root| root.get("sosiaalihuollon_palvelutehtava"));
    let mut rows = Vec::new();
    for task in items(tasks) {
        let code = task.pointer("/palvelutehtava/code").and_then(Value::as_str);
        for producer in items(task.get("palveluntuottaja")) {
            rows.push(row(producer, code)?);
            for implementer in items(producer.get("palveluntoteuttaja")) {
                rows.push(row(implementer, code)?);
            }
        }
    }
    Some(rows)
}

/// The day on which the case of a case document was closed.
pub(crate) fn case_closed(content: &Value) -> Option<PartialDate> {
    PartialDate::parse(root(content)?.pointer("/asian_tiedot/paattymispaiva")?.as_str()?)
}

fn row(node: &Value, service_task: Option<&str>) -> Option<ProducerRow> {
    let unit = Oid::parse(node.pointer("/palveluyksikon_nimi/code")?.as_str()?).ok()?;
    let start = PartialDate::parse(node.get("asiakkuuden_alkamispvm")?.as_str()?)?;
    let end = match node.get("asiakkuuden_paattymispvm") {
        None => None,
        Some(end) => Some(PartialDate::parse(end.as_str()?)?),
    };
    Some(ProducerRow { unit, service_task: service_task.map(str::to_owned), start, end })
}

/// The items of an array; an object alone is an array of one.
fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    let slice = match value {
        Some(Value::Array(items)) => items.as_slice(),
        Some(single) => std::slice::from_ref(single),
        None => &[],
    };
    slice.iter()
}

/// Does `holds` say yes to any string of the content? Keys count too: they are text that somebody could fill.
pub(crate) fn any_string(value: &Value, holds: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => holds(text),
        Value::Array(items) => items.iter().any(|item| any_string(item, holds)),
        Value::Object(fields) => fields.iter().any(|(key, item)| holds(key) || any_string(item, holds)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a missing row is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    fn producer(unit: &str, start: &str) -> Value {
        json!({"palveluyksikon_nimi": {"code": unit}, "asiakkuuden_alkamispvm": start})
    }

    #[test]
    fn implementers_below_producers_are_rows_too() {
        let mut outer = producer("1.2.3", "2026");
        outer["asiakkuuden_paattymispvm"] = json!("2026-06");
        outer["palveluntoteuttaja"] = json!([producer("1.2.4", "2026-02-03")]);
        let content =
            json!({"asiakkuusasiakirja": {"sosiaalihuollon_palvelutehtava": [{"palveluntuottaja": [outer]}]}});
        let rows = producer_rows(&content).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].start.earliest.to_string(), "2026-01-01");
        assert_eq!(rows[0].end.unwrap().latest.to_string(), "2026-06-30");
        assert_eq!(rows[1].unit.as_str(), "1.2.4");
        assert_eq!(rows[1].end, None);
    }

    #[test]
    fn a_row_without_unit_or_start_makes_the_rows_unreadable() {
        for bad in [json!({}), producer("x", "2026"), producer("1.2.3", "soon")] {
            let content = json!({"a": {"sosiaalihuollon_palvelutehtava": [{"palveluntuottaja": [bad]}]}});
            assert_eq!(producer_rows(&content), None);
        }
        assert_eq!(producer_rows(&json!({"a": {}})).unwrap(), []);
    }

    #[test]
    fn content_has_one_root_object() {
        assert!(parse(br#"{"a":{}}"#).is_some());
        for bad in [&b"{}"[..], b"[]", br#"{"a":{},"b":{}}"#, br#"{"a":1}"#, b"{", &[b'['; 500]] {
            assert!(parse(bad).is_none());
        }
    }
}
