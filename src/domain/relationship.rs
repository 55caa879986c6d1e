//! The client relationship document (asiakkuusasiakirja, 1505.1) as far as it grants: which unit, which task, from when to when.
//!
//! Reads content of any version of the structure by its field names; a row that cannot be read grants nothing and is counted.

use serde_json::{Map, Value};

use super::oid::Oid;
use super::time::PartialDate;

/// The rows of `sosiaalihuollon_palvelutehtava[]` that name producers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Relationship {
    /// `asiakkuuden_yksilointitunnus.value`.
    pub id: Option<Oid>,
    /// Whether the client has a safety ban (`asiakas.turvakielto`); absent where the document does not say.
    pub safety_ban: Option<bool>,
    /// Producers' and implementers' rows, in document order.
    pub grants: Vec<Grant>,
    /// Rows that name a producer but lack a readable unit or start.
    pub unreadable_rows: usize,
}

/// One row: a unit of a producer, or of its subcontractor, and the days of the client relationship there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Where the row stands in the content (JSON Pointer below the root key).
    pub row: String,
    /// `palveluyksikon_nimi.code`.
    pub unit: Oid,
    /// Service task of the row (`palvelutehtava.code`).
    pub service_task: String,
    /// Whether the row is a subcontractor's (`palveluntoteuttaja`), below its producer's.
    pub subcontractor: bool,
    /// `asiakkuuden_alkamispvm`.
    pub start: PartialDate,
    /// `asiakkuuden_paattymispvm`; absent while the relationship goes on.
    pub end: Option<PartialDate>,
}

impl Relationship {
    /// Reads the content of a relationship document: the whole JSON with its root key `asiakkuusasiakirja`.
    pub fn from_content(content: &Map<String, Value>) -> Self {
        let mut found = Self::default();
        let Some(root) = content.get("asiakkuusasiakirja") else { return found };
        found.id = root.pointer("/asiakkuuden_yksilointitunnus/value").and_then(oid);
        found.safety_ban = root.pointer("/asiakas/turvakielto").and_then(Value::as_bool);
        for (index, task) in rows(root, "sosiaalihuollon_palvelutehtava") {
            let code = task.pointer("/palvelutehtava/code").and_then(Value::as_str).unwrap_or_default();
            for (producer_index, producer) in rows(task, "palveluntuottaja") {
                let row = format!("/sosiaalihuollon_palvelutehtava/{index}/palveluntuottaja/{producer_index}");
                for (sub_index, implementer) in rows(producer, "palveluntoteuttaja") {
                    found.take(implementer, format!("{row}/palveluntoteuttaja/{sub_index}"), code, true);
                }
                found.take(producer, row, code, false);
            }
        }
        found
    }

    fn take(&mut self, row: &Value, place: String, service_task: &str, subcontractor: bool) {
        let unit = row.pointer("/palveluyksikon_nimi/code").and_then(oid);
        // Something that is there but is no date is not the same as nothing there: such a row is not trusted.
        let day =
            |field: &str| row.get(field).map(|v| v.as_str().and_then(|t| t.parse::<PartialDate>().ok()).ok_or(()));
        match (unit, day("asiakkuuden_alkamispvm"), day("asiakkuuden_paattymispvm").transpose()) {
            (Some(unit), Some(Ok(start)), Ok(end)) => self.grants.push(Grant {
                row: place,
                unit,
                service_task: service_task.to_owned(),
                subcontractor,
                start,
                end,
            }),
            _ => self.unreadable_rows += 1,
        }
    }
}

fn rows<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = (usize, &'a Value)> {
    of.get(field).and_then(Value::as_array).into_iter().flatten().enumerate()
}

fn oid(value: &Value) -> Option<Oid> {
    let text = value.as_str()?;
    text.strip_prefix("urn:oid:").unwrap_or(text).parse().ok()
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn producers_and_their_subcontractors_are_read_and_broken_rows_grant_nothing() {
        let content = json!({"asiakkuusasiakirja": {"sosiaalihuollon_palvelutehtava": [{
            "palvelutehtava": {"code": "24"},
            "palveluntuottaja": [
                {"palveluyksikon_nimi": {"code": "1.2.246.10.99999992.10.1"}, "asiakkuuden_alkamispvm": "2026-02",
                 "palveluntoteuttaja": [{"palveluyksikon_nimi": {"code": "urn:oid:1.2.246.10.99999993.10.1"},
                    "asiakkuuden_alkamispvm": "2026-03-01", "asiakkuuden_paattymispvm": "2026-04-01"}]},
                {"palveluyksikon_nimi": {"code": "x"}, "asiakkuuden_alkamispvm": "2026-02-01"},
                {"palveluyksikon_nimi": {"code": "1.2.3"}, "asiakkuuden_alkamispvm": "2026-02-30"},
                {"palveluyksikon_nimi": {"code": "1.2.3"}, "asiakkuuden_alkamispvm": "2026-02-01", "asiakkuuden_paattymispvm": 3}
            ]
        }]}});
        let read = Relationship::from_content(content.as_object().unwrap());
        assert_eq!((read.grants.len(), read.unreadable_rows), (2, 3));
        assert!(read.grants[0].subcontractor && !read.grants[1].subcontractor);
        assert_eq!(read.grants[1].row, "/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0");
        assert_eq!(Relationship::from_content(&Map::new()), Relationship::default());
    }
}
