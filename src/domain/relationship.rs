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
    /// `sosiaalihuollon_asiakkuus.asiakkuuden_paattymispvm`: when the whole relationship ended.
    pub end: Option<PartialDate>,
    /// Producers' and implementers' rows, in document order.
    pub grants: Vec<Grant>,
    /// Rows that name a producer and cannot be read or relied on: no unit, no day, or below a producer's row of which that is so.
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
    /// The producer's days, when the row is a subcontractor's (`palveluntoteuttaja`): it stands only below its producer's.
    pub below: Option<ProducerDays>,
    /// `asiakkuuden_alkamispvm`.
    pub start: PartialDate,
    /// `asiakkuuden_paattymispvm`; absent while the relationship goes on.
    pub end: Option<PartialDate>,
}

/// The days of a producer's row that a subcontractor's stands below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProducerDays {
    /// `asiakkuuden_alkamispvm`.
    pub start: PartialDate,
    /// `asiakkuuden_paattymispvm`.
    pub end: Option<PartialDate>,
}

impl Relationship {
    /// Reads the content of a relationship document: the whole JSON with its root key `asiakkuusasiakirja`.
    pub fn from_content(content: &Map<String, Value>) -> Self {
        let mut found = Self::default();
        let Some(root) = content.get("asiakkuusasiakirja") else { return found };
        found.id = root.pointer("/asiakkuuden_yksilointitunnus/value").and_then(oid);
        found.safety_ban = root.pointer("/asiakas/turvakielto").and_then(Value::as_bool);
        let whole = root.get("sosiaalihuollon_asiakkuus").map_or(Ok(None), |of| day(of, "asiakkuuden_paattymispvm"));
        for (index, task) in rows(root, "sosiaalihuollon_palvelutehtava") {
            let code = task.pointer("/palvelutehtava/code").and_then(Value::as_str).unwrap_or_default();
            for (producer_index, producer) in rows(task, "palveluntuottaja") {
                let row = format!("/sosiaalihuollon_palvelutehtava/{index}/palveluntuottaja/{producer_index}");
                let days = unit_and_days(producer).map(|(_, start, end)| ProducerDays { start, end });
                for (sub_index, implementer) in rows(producer, "palveluntoteuttaja") {
                    match days {
                        Some(below) => {
                            found.take(implementer, format!("{row}/palveluntoteuttaja/{sub_index}"), code, Some(below));
                        }
                        None => found.unreadable_rows += 1,
                    }
                }
                found.take(producer, row, code, None);
            }
        }
        match whole {
            Ok(end) => found.end = end,
            // An end that cannot be read may have passed: nothing is granted.
            Err(Unreadable) => {
                found.unreadable_rows += found.grants.len();
                found.grants.clear();
            }
        }
        found
    }

    fn take(&mut self, row: &Value, place: String, service_task: &str, below: Option<ProducerDays>) {
        match unit_and_days(row) {
            Some((unit, start, end)) => {
                let service_task = service_task.to_owned();
                self.grants.push(Grant { row: place, unit, service_task, below, start, end });
            }
            None => self.unreadable_rows += 1,
        }
    }
}

/// Something that is there but is no date, which is not the same as nothing there.
struct Unreadable;

fn day(of: &Value, field: &str) -> Result<Option<PartialDate>, Unreadable> {
    let Some(value) = of.get(field) else { return Ok(None) };
    value.as_str().and_then(|text| text.parse().ok()).map(Some).ok_or(Unreadable)
}

/// `None` when the row lacks a readable unit or start, or has an end that cannot be read: such a row is not trusted.
fn unit_and_days(row: &Value) -> Option<(Oid, PartialDate, Option<PartialDate>)> {
    let unit = row.pointer("/palveluyksikon_nimi/code").and_then(oid)?;
    let start = day(row, "asiakkuuden_alkamispvm").ok()??;
    Some((unit, start, day(row, "asiakkuuden_paattymispvm").ok()?))
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
        assert_eq!(read.grants[0].below.unwrap().start.to_string(), "2026-02");
        assert!(read.grants[1].below.is_none() && read.end.is_none());
        assert_eq!(read.grants[1].row, "/sosiaalihuollon_palvelutehtava/0/palveluntuottaja/0");
        assert_eq!(Relationship::from_content(&Map::new()), Relationship::default());
    }
    #[test]
    fn a_subcontractor_below_a_producer_that_cannot_be_read_grants_nothing() {
        let sub = json!({"palveluyksikon_nimi": {"code": "1.2.246.10.99999993.10.1"}, "asiakkuuden_alkamispvm": "2026-03-01"});
        let content = json!({"asiakkuusasiakirja": {"sosiaalihuollon_palvelutehtava": [{
            "palvelutehtava": {"code": "24"},
            "palveluntuottaja": [{"asiakkuuden_alkamispvm": "2026-02-01", "palveluntoteuttaja": [sub]}],
            "palveluntoteuttaja": [sub]
        }]}});
        let read = Relationship::from_content(content.as_object().unwrap());
        assert_eq!((read.grants.len(), read.unreadable_rows), (0, 2));
    }

    #[test]
    fn the_end_of_the_whole_relationship_is_read_and_one_that_cannot_be_read_grants_nothing() {
        let content = |end: Value| {
            json!({"asiakkuusasiakirja": {
                "sosiaalihuollon_asiakkuus": {"asiakkuuden_paattymispvm": end},
                "sosiaalihuollon_palvelutehtava": [{"palvelutehtava": {"code": "24"}, "palveluntuottaja": [
                    {"palveluyksikon_nimi": {"code": "1.2.3"}, "asiakkuuden_alkamispvm": "2026-02-01"}]}]
            }})
        };
        let read = |end| Relationship::from_content(content(end).as_object().unwrap());
        assert_eq!(read(json!("2026-05-31")).end, Some("2026-05-31".parse().unwrap()));
        let broken = read(json!("31.5.2026"));
        assert_eq!((broken.end, broken.grants.len(), broken.unreadable_rows), (None, 0, 1));
    }
}
