//! The persons, organisations and ids of examples: none of them exists.
//!
//! Knows the keys that the dialect itself uses for persons everywhere (`sukunimi`, `etunimet`, `syntymaaika`), no structure's own.

use crate::domain::person::IDENTITY_CODE_ROOT;
use crate::domain::structure::{Field, Representation};

/// The case that examples belong to.
pub const TEMPLATE_CASE: &str = "1.2.246.10.99999991.95.2026.7.1";
/// The client relationship of examples.
pub const TEMPLATE_RELATIONSHIP: &str = "1.2.246.10.99999991.95.2026.8.1";
/// Any other id in examples.
pub(super) const OTHER_ID: &str = "1.2.246.10.99999991.95.2026.9.1";
/// The organiser.
pub(super) const ORGANISER: (&str, &str) = ("1.2.246.10.99999991.10.0", "Esimerkin hyvinvointialue");
/// The producer's unit.
pub(super) const UNIT: (&str, &str) = ("1.2.246.10.99999992.10.1", "Esimerkkihoiva Oy, kotihoito");
/// A registration number of nobody.
pub(super) const REGISTRATION_NUMBER: &str = "90000000017";

/// The client or clients, in every structure that has them.
const CLIENT_KEY: &str = "asiakas";
const AUTHOR_KEY: &str = "laatija";

/// A person of examples; clients are numbered beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Person {
    /// Who wrote the document.
    Author,
    /// Anybody else.
    Other,
}

/// What is told of a person.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) family: &'static str,
    pub(super) given: [&'static str; 2],
    pub(super) birth_date: &'static str,
    pub(super) identity_code: String,
}

impl Person {
    pub(super) fn of_group(field: &Field) -> Self {
        if field.key() == AUTHOR_KEY { Self::Author } else { Self::Other }
    }

    pub(super) fn facts(self) -> Facts {
        match self {
            Self::Author => Facts {
                family: "Testihoitaja",
                given: ["Laura", "Maria"],
                birth_date: "1989-06-23",
                identity_code: identity_code("230689", '-', 931),
            },
            Self::Other => Facts {
                family: "Testinen",
                given: ["Onni", "Olavi"],
                birth_date: "1980-02-02",
                identity_code: identity_code("020280", '-', 911),
            },
        }
    }
}

/// The client with this number, from 0. Beyond a hundred they repeat.
pub(super) fn client(index: usize) -> Facts {
    let number = 912 + u32::try_from(index % 44).unwrap_or(0) * 2;
    Facts {
        family: "Koemäki",
        given: ["Aino", "Kyllikki"],
        birth_date: "1941-03-14",
        identity_code: identity_code("140341", '-', number),
    }
}

/// A code of the 900 series with the check character that fits.
fn identity_code(birth: &str, sign: char, number: u32) -> String {
    const CHECK: &str = "0123456789ABCDEFHJKLMNPRSTUVWXY";
    let value: u32 = format!("{birth}{number:03}").parse().unwrap_or(0);
    let check = CHECK.chars().nth(usize::try_from(value % 31).unwrap_or(0)).unwrap_or('0');
    format!("{birth}{sign}{number:03}{check}")
}

/// Whether a field of the root stands for the clients.
pub(super) fn is_client(field: &Field) -> bool {
    field.key() == CLIENT_KEY && field.representation() == Representation::Group
}

/// Whether a group of persons is told with identity codes.
pub(super) fn has_identity_code(group: &Field) -> bool {
    group.fields().iter().any(is_identity_code)
}

pub(super) fn is_identity_code(field: &Field) -> bool {
    field.representation() == Representation::Identifier
        && field.system().is_some_and(|s| s.as_str() == IDENTITY_CODE_ROOT)
}
