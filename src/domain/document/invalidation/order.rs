//! What a caller says when a document is to be invalidated: why, how much of it, and in whose name.
//!
//! One JSON object. Its parts that a record has too are judged by [`Checker::like_record`](crate::domain::validate::Checker);
//! here only what is its own. Knows nothing of the document beyond its id.

use serde::Deserialize;

use super::{Extent, REASON_CHARACTERS_MAX};
use crate::domain::finding::{Finding, Rule, redacted_debug, shape};
use crate::domain::oid::Oid;
use crate::domain::organisation::{Organisation, Unit};
use crate::domain::person::{Client, Worker};
use crate::domain::record::ProfessionalLink;
use crate::domain::text::Text;

/// Its parts that a record has too, by the record's own names.
pub const PARTS_OF_RECORD: [&str; 5] = ["acting_worker", "unit", "organiser", "clients", "professional_link"];

/// An order to invalidate.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvalidationOrder {
    /// Why, in words: 1 to [`REASON_CHARACTERS_MAX`] characters.
    pub reason: String,
    /// How much of the document.
    #[serde(default)]
    pub extent: Extent,
    /// In whose name.
    pub acting_worker: Worker,
    /// The unit that the worker acts in.
    pub unit: Unit,
    /// Owner of the register.
    pub organiser: Organisation,
    /// The document's clients as the document names them: on a wrong client's document the wrong one.
    pub clients: Vec<Client>,
    /// What ties the worker to the matter.
    pub professional_link: ProfessionalLink,
}

redacted_debug!(InvalidationOrder);

impl InvalidationOrder {
    /// What is wrong with what is its own; empty when nothing is.
    pub fn findings(&self) -> Vec<Finding> {
        let characters = self.reason.trim().chars().count();
        let reason = (!(1..=REASON_CHARACTERS_MAX).contains(&characters)).then(|| reason_of_wrong_length(&self.reason));
        let nameless = self.clients.iter().enumerate().filter(|(_, client)| client.id().is_none());
        reason.into_iter().chain(nameless.map(|(at, _)| client_without_id(at))).collect()
    }

    /// The order of what [`kept`] has made.
    ///
    /// # Errors
    /// When it is no such order.
    pub fn of_kept(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kept {
            said: InvalidationOrder,
        }
        serde_json::from_slice::<Kept>(bytes).map(|kept| kept.said)
    }
}

/// What is kept of an order: the document that it was given for, and the order as it came.
pub fn kept(target: &Oid, said: &[u8]) -> Vec<u8> {
    let mut kept = format!("{{\"document\":\"{target}\",\"said\":").into_bytes();
    kept.extend_from_slice(said);
    kept.push(b'}');
    kept
}

fn reason_of_wrong_length(reason: &str) -> Finding {
    let expected = Text::made(
        format!("mitätöinnin syy, 1–{REASON_CHARACTERS_MAX} merkkiä"),
        format!("en orsak till makuleringen, 1–{REASON_CHARACTERS_MAX} tecken"),
        format!("the reason of the invalidation, 1 to {REASON_CHARACTERS_MAX} characters"),
    );
    Finding::error("invalidation.reason", "/reason", shape(reason.trim()), expected, rule())
}

fn client_without_id(at: usize) -> Finding {
    let found = Text::fixed("asiakas ilman tunnusta", "en klient utan kod", "a client without an id");
    let expected = Text::fixed(
        "identity_code tai temporary_id",
        "identity_code eller temporary_id",
        "identity_code or temporary_id",
    );
    Finding::error("invalidation.client", format!("/clients/{at}"), found, expected, rule())
}

fn rule() -> Rule {
    Rule::new("asiasilta, docs/wire.md", "5.1")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said() -> Value {
        json!({
            "reason": "Väärä asiakas",
            "acting_worker": { "name": { "family": "T", "given": ["T"] }, "identity_code": "010190-900P",
                "registration_number": "1" },
            "unit": { "oid": "1.2.246.10.99999992.10.1", "name": "U" },
            "organiser": { "oid": "1.2.246.10.99999991.10.0", "name": "O" },
            "clients": [{ "identity_code": "010190-900P", "name": { "family": "A", "given": ["A"] },
                "birth_date": "1990-01-01", "gender": "female", "safety_ban": false }],
            "professional_link": { "kind": "shift", "reference": "r", "period": { "start": "2026-01-01" },
                "asserted_by": "s" },
        })
    }

    #[test]
    fn what_is_kept_of_an_order_is_the_order_and_differs_by_its_document() {
        let bytes = said().to_string().into_bytes();
        let one = kept(&"1.2.3".parse().unwrap(), &bytes);
        let order = InvalidationOrder::of_kept(&one).unwrap();
        assert_eq!((order.reason.as_str(), order.extent), ("Väärä asiakas", Extent::ThisVersion));
        assert_eq!(order.findings(), []);
        assert_ne!(one, kept(&"1.2.4".parse().unwrap(), &bytes));
        assert!(InvalidationOrder::of_kept(b"{}").is_err());
    }

    #[test]
    fn a_reason_has_1_to_500_characters_and_a_client_an_id() {
        let findings = |said: Value| -> Vec<String> {
            let order: InvalidationOrder = serde_json::from_value(said).unwrap();
            order.findings().into_iter().map(|f| format!("{} {}", f.place.input, f.message.sv)).collect()
        };
        for reason in ["  ".to_owned(), "x".repeat(501)] {
            let mut wrong = said();
            wrong["reason"] = json!(reason);
            let found = findings(wrong);
            assert!(
                matches!(&*found, [one] if one.starts_with("/reason ") && one.contains("makuleringen")),
                "{found:?}"
            );
        }
        let mut nameless = said();
        nameless["clients"][0]["identity_code"] = Value::Null;
        assert!(matches!(&*findings(nameless), [one] if one.starts_with("/clients/0 ")));
    }
}
