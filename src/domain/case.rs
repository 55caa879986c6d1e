//! The case document (asia-asiakirja, ärendehandling, 1505.2) as far as a producer works by it: which case, of what kind, open
//! or closed, in which service task.
//!
//! Reads content of any version of the structure by its field names. Whether its signature holds is judged elsewhere.

use serde_json::{Map, Value};

use super::code::Code;
use super::content::{code_at, date_at, oid_at, text_at};
use super::document::header::CasePeriod;
use super::finding::redacted_debug;
use super::oid::Oid;
use super::time::PartialDate;

/// What a case document says. Absent and unreadable alike are `None`, but for the closing day: a case with one that cannot be
/// read is not open.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CaseDocument {
    /// The case's OID (asiatunnus).
    pub case: Option<Oid>,
    /// Its kind (1.2.246.537.6.1265).
    pub name: Option<Code>,
    /// Its kind in words, where the code says "other".
    pub other_name: Option<String>,
    /// Its state (1.2.246.537.6.1501); the code's values are not public, so nothing is decided by it.
    pub state: Option<Code>,
    /// Opening day.
    pub opened: Option<PartialDate>,
    /// Whether it is closed.
    pub closing: Closing,
    /// Whether it is a joint case of several clients.
    pub joint: Option<bool>,
    /// Service task (1.2.246.537.6.1221).
    pub service_task: Option<Code>,
    /// The organiser's unit that the case belongs to (1.2.246.537.6.202).
    pub organiser_unit: Option<Code>,
}

redacted_debug!(CaseDocument);

/// Whether a case is closed, by its document.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Closing {
    /// No details of the case, or a closing day that cannot be read.
    #[default]
    NotKnown,
    /// No closing day.
    Open,
    /// Closed on this day.
    Closed(PartialDate),
}

impl CaseDocument {
    /// Reads the content of a case document: the whole JSON with its one root key.
    pub fn from_content(content: &Map<String, Value>) -> Self {
        let Some(root) = content.values().next() else { return Self::default() };
        let Some(details) = root.get("asian_tiedot") else { return Self::default() };
        let code = |pointer| code_at(details, pointer).ok().flatten();
        Self {
            case: oid_at(details, "/asiatunnus/value"),
            name: code("/nimi"),
            other_name: text_at(details, "/lisatieto_luokkaan_muu"),
            state: code("/tila"),
            opened: CasePeriod::of_case(root).map(|period| period.opened),
            closing: match date_at(details, "/paattymispaiva") {
                Ok(None) => Closing::Open,
                Ok(Some(day)) => Closing::Closed(day),
                Err(_) => Closing::NotKnown,
            },
            joint: details.get("yhteinen_asia").and_then(Value::as_bool),
            service_task: code("/palvelutehtava"),
            organiser_unit: code_at(root, "/palvelunjarjestajan_toimintayksikko").ok().flatten(),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const CASE: &str = include_str!("../../examples/organiser/main-case.json");

    fn read(change: impl FnOnce(&mut Value)) -> CaseDocument {
        let mut record: Value = serde_json::from_str(CASE).unwrap();
        change(record.pointer_mut("/content/asia_asiakirja/asian_tiedot").unwrap());
        CaseDocument::from_content(record.get("content").unwrap().as_object().unwrap())
    }

    #[test]
    fn a_case_document_tells_case_kind_days_and_task() {
        let case = read(|_| {});
        assert_eq!(case.case.unwrap().as_str(), "1.2.246.10.99999991.14.2026.1");
        assert_eq!(
            (case.name.unwrap().code, case.other_name.as_deref()),
            ("99".into(), Some("Kotihoidon järjestäminen"))
        );
        assert_eq!((case.opened.unwrap().to_string(), case.closing), ("2026-01-12".into(), Closing::Open));
        assert_eq!((case.joint, case.service_task.unwrap().code), (Some(false), "TEST-IAKKAAT".into()));
        assert_eq!(case.organiser_unit.unwrap().code, "1.2.246.10.99999991.10.0");
    }

    #[test]
    fn a_closing_day_that_cannot_be_read_leaves_no_case_open() {
        let with = |day: Value| read(|details| details["paattymispaiva"] = day).closing;
        assert_eq!(with("2026-09".into()), Closing::Closed("2026-09".parse().unwrap()));
        for bad in [Value::Null, 3.into(), "soon".into(), "2026-02-30".into()] {
            assert_eq!(with(bad), Closing::NotKnown);
        }
        assert_eq!(CaseDocument::from_content(&Map::new()).closing, Closing::NotKnown);
    }
}
