//! What the producer hands in: one made-up client's day, each record of a kind that comes to another end.

use asiasilta::demo::RECORDS;
use serde_json::{Value, json};

use super::operator::CASE;

/// An organiser that joins the archive in the middle of a round.
pub(super) const ELSEWHERE: &str = "1.2.246.10.99999993.10.0";
/// Sentences of a long record.
const LONG: usize = 1_000;
const DECISION: &str = include_str!("../../../examples/organiser/main-decision.json");

/// A client that nothing is known of.
const ANOTHER: &str = "010190-901R";

/// A document of nobody.
fn unheard_of(number: usize) -> Value {
    json!(format!("1.2.246.10.99999992.95.2020.1.1.1.{}", number + 1))
}

/// Where a record ends when nothing but kills happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Archived.
    Plain,
    /// Held: the organiser has not named the unit.
    Held,
    /// Abandoned: held, then given up by an operator.
    GivenUp,
    /// Rejected: it replaces a document that nobody has.
    Refused,
    /// Parked: it is of another client than the document that it replaces.
    Parked,
    /// Waits for a professional's signature.
    ToSign,
    /// Three versions of one document, each handed in as soon as the one before is promised; all archived.
    Chain,
    /// For an organiser that has not joined: handed over. Once it has, archived; the same of the next three.
    OtherWay,
    /// Three versions of one such document.
    OtherWayChain,
    /// Names no case, so that a person hands it over.
    ByHand,
    /// Its package is given out and the receipt entered.
    Confirmed,
}

impl Kind {
    /// What anything may be handed in with.
    pub(super) const ALL: [Self; 10] = [
        Self::Plain,
        Self::Chain,
        Self::Held,
        Self::GivenUp,
        Self::Refused,
        Self::Parked,
        Self::ToSign,
        Self::OtherWay,
        Self::OtherWayChain,
        Self::ByHand,
    ];

    /// Whether the archive is no option for it, until the organiser has joined.
    pub(super) fn goes_another_way(self) -> bool {
        matches!(self, Self::OtherWay | Self::OtherWayChain | Self::ByHand | Self::Confirmed)
    }

    /// How many submissions it comes to.
    pub(super) fn count(self) -> usize {
        match self {
            Self::Chain | Self::OtherWayChain => 3,
            Self::Parked => 2,
            _ => 1,
        }
    }
}

fn example(text: &str, number: usize) -> Value {
    let mut record: Value = serde_json::from_str(text).unwrap();
    record["professional_link"]["reference"] = json!(format!("KILL-{number}"));
    record
}

/// The everyday-life example as the `number`th record: the same client, another shift.
pub(super) fn plain(number: usize) -> Value {
    let mut record = example(RECORDS[1].1, number);
    if number.is_multiple_of(2) {
        record["case"] = json!("1.2.246.10.99999991.14.2026.1");
    }
    record
}

/// The next version after one that was promised.
pub(super) fn next_version(number: usize, before: &Value) -> Value {
    replacing(plain(number), &before["document_id"], &before["set_id"], before["version"].as_u64().unwrap())
}

/// For the organiser that has not joined. Every other one is so long that its package becomes a file beside the database.
pub(super) fn elsewhere(number: usize) -> Value {
    let mut record = plain(number);
    if number.is_multiple_of(2) {
        let entry = &mut record["content"]["merkinta_asiakkaan_arjesta"]["asiakaskertomusmerkinta"]["tapahtuma"];
        entry["kuvaus"] = json!("Aamukäynti sujui hyvin. ".repeat(LONG));
    }
    record["case"] = json!(CASE);
    record["organiser"]["oid"] = json!(ELSEWHERE);
    record
}

/// The next version after one that was promised, for the same organiser.
pub(super) fn next_version_elsewhere(number: usize, before: &Value) -> Value {
    replacing(elsewhere(number), &before["document_id"], &before["set_id"], before["version"].as_u64().unwrap())
}

pub(super) fn elsewhere_of_no_case(number: usize) -> Value {
    let mut record = elsewhere(number);
    record["case"] = json!("find");
    record
}

/// The next version, of another client.
pub(super) fn strange_version(number: usize, before: &Value) -> Value {
    let mut record = next_version(number, before);
    record["clients"][0]["identity_code"] = json!(ANOTHER);
    record["clients"][0]["birth_date"] = json!("1990-01-01");
    record["content"]["merkinta_asiakkaan_arjesta"]["asiakas"][0]["henkilotunnus"]["value"] = json!(ANOTHER);
    record
}

pub(super) fn refused(number: usize) -> Value {
    replacing(plain(number), &unheard_of(number), &unheard_of(number), 1)
}

pub(super) fn held(number: usize) -> Value {
    example(RECORDS[6].1, number)
}

/// A decision, which only a professional signs.
pub(super) fn to_sign(number: usize) -> Value {
    let (mut record, decision) = (plain(number), serde_json::from_str::<Value>(DECISION).unwrap());
    for field in ["structure", "content", "service_process"] {
        record[field] = decision[field].clone();
    }
    record.as_object_mut().unwrap().remove("event_day");
    record
}

fn replacing(mut record: Value, document: &Value, set: &Value, version: u64) -> Value {
    record["replaces"] = json!({ "document": document, "set": set, "version": version, "reason": "Korjaus" });
    record
}
