//! Persons: identity codes, names, clients, workers.
//!
//! Nothing here has a `Debug` or `Display` that says more than its type; what leaves does so through `reveal`.

mod leak;

use std::str::FromStr;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::finding::{Flaw, redacted_debug, shape, text_value};
use super::oid::Oid;
use super::text::Text;

pub use leak::mentions_real_person;

const CHECK_CHARACTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";

/// Root OID of the personal identity code: `1.2.246.21`.
pub const IDENTITY_CODE_ROOT: &str = "1.2.246.21";
/// Root OID of the professional's registration number (Terhikki, Suosikki): `1.2.246.537.26`.
pub const REGISTRATION_NUMBER_ROOT: &str = "1.2.246.537.26";

/// A Finnish personal identity code (henkilötunnus, personbeteckning): `DDMMYY`, century sign, three digits, check character.
///
/// All century signs of the decree are taken: `+` for the 1800s, `-YXWVU` for the 1900s, `A` to `F` for the 2000s.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PersonalIdentityCode(Box<str>);

impl PersonalIdentityCode {
    /// The code itself, for documents and queries.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Whether the individual number is 900 to 999: never given to a real person.
    pub fn is_artificial(&self) -> bool {
        self.0.as_bytes().get(7) == Some(&b'9')
    }

    /// The day of birth that the code says.
    pub fn birth_date(&self) -> Option<Date> {
        birth_date(self.0.as_bytes())
    }
}

redacted_debug!(PersonalIdentityCode);
text_value!(PersonalIdentityCode, "personal-identity-code", "Finnish personal identity code, for example 010190-900P");

impl FromStr for PersonalIdentityCode {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let bytes = text.as_bytes();
        if bytes.len() != 11 || birth_date(bytes).is_none() {
            return Err(identity_code_flaw("value.identity_code", shape(text)));
        }
        if check_character(bytes) != bytes.last().copied() {
            let found = Text::fixed(
                "tunnus, jonka tarkistusmerkki on väärä",
                "en kod med fel kontrolltecken",
                "a code with a wrong check character",
            );
            return Err(identity_code_flaw("value.check_character", found));
        }
        Ok(Self(text.into()))
    }
}

fn identity_code_flaw(code: &'static str, found: Text) -> Flaw {
    Flaw {
        code,
        found,
        expected: Text::fixed(
            "henkilötunnus: syntymäaika, välimerkki, yksilönumero 002–999 ja oikea tarkistusmerkki",
            "en personbeteckning: födelsetid, skiljetecken, individnummer 002–999 och rätt kontrolltecken",
            "a personal identity code: birth date, century sign, individual number 002–999 and the right check character",
        ),
        source: "DVV, henkilötunnus",
    }
}

/// The birth date in the first ten bytes of a code; `None` when they are not those of a code.
fn birth_date(bytes: &[u8]) -> Option<Date> {
    let two = |at: usize| -> Option<i16> {
        let digits = bytes.get(at..at + 2)?;
        digits.iter().all(u8::is_ascii_digit).then(|| digits.iter().fold(0, |n, d| n * 10 + i16::from(d - b'0')))
    };
    let century: i16 = match bytes.get(6)? {
        b'+' => 1800,
        b'-' | b'Y' | b'X' | b'W' | b'V' | b'U' => 1900,
        b'A'..=b'F' => 2000,
        _ => return None,
    };
    let individual = bytes.get(7..10)?;
    if !individual.iter().all(u8::is_ascii_digit) || matches!(individual, b"000" | b"001") {
        return None;
    }
    Date::new(century + two(4)?, i8::try_from(two(2)?).ok()?, i8::try_from(two(0)?).ok()?).ok()
}

fn check_character(bytes: &[u8]) -> Option<u8> {
    let digits = bytes.get(0..6)?.iter().chain(bytes.get(7..10)?);
    let number = digits.fold(0usize, |n, d| n * 10 + usize::from(d - b'0'));
    CHECK_CHARACTERS.get(number % 31).copied()
}

/// A temporary id (tilapäinen yksilöintitunnus) given by an organisation to a client without an identity code.
///
/// Its check character is not enforced: real documents carry some that do not match.
#[derive(Clone, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TemporaryId {
    /// Root of the issuing organisation and year: `1.2.246.10.<organisation>.22.<year>`.
    pub root: Oid,
    /// The id as shown to people.
    pub value: TemporaryIdValue,
}

redacted_debug!(TemporaryId);

/// The part of a temporary id that people see: 11 letters, digits and century signs.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TemporaryIdValue(Box<str>);

impl TemporaryIdValue {
    /// The value itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

redacted_debug!(TemporaryIdValue);
text_value!(TemporaryIdValue, "temporary-id", "Temporary id of a client, 11 characters");

impl FromStr for TemporaryIdValue {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let fits = text.len() == 11
            && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b"+-".contains(&b));
        if fits {
            return Ok(Self(text.into()));
        }
        Err(Flaw {
            code: "value.temporary_id",
            found: shape(text),
            expected: Text::fixed(
                "tilapäinen yksilöintitunnus: 11 merkkiä henkilötunnuksen muodossa",
                "en temporär identifikationskod: 11 tecken i personbeteckningens form",
                "a temporary id: 11 characters in the form of an identity code",
            ),
            source: "HL7 Finland, Finnish base profiles, Patient",
        })
    }
}

/// What a client is known by.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum PersonId {
    /// A personal identity code.
    IdentityCode(PersonalIdentityCode),
    /// A temporary id.
    Temporary(TemporaryId),
}

impl PersonId {
    /// Root OID, for CDA's and V3's `id/@root`.
    pub fn root(&self) -> &str {
        match self {
            Self::IdentityCode(_) => IDENTITY_CODE_ROOT,
            Self::Temporary(id) => id.root.as_str(),
        }
    }

    /// The value, for `id/@extension`.
    pub fn reveal(&self) -> &str {
        match self {
            Self::IdentityCode(code) => code.reveal(),
            Self::Temporary(id) => id.value.reveal(),
        }
    }
}

redacted_debug!(PersonId);

/// A professional's registration number (rekisteröintinumero) in Terhikki or Suosikki: 11 digits at most.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RegistrationNumber(Box<str>);

impl RegistrationNumber {
    /// The number itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

redacted_debug!(RegistrationNumber);
text_value!(RegistrationNumber, "registration-number", "Registration number in Terhikki or Suosikki, up to 11 digits");

impl FromStr for RegistrationNumber {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        if (1..=11).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
            return Ok(Self(text.into()));
        }
        Err(Flaw {
            code: "value.registration_number",
            found: shape(text),
            expected: Text::fixed(
                "ammattihenkilön rekisteröintinumero: 1–11 numeroa",
                "den yrkesutbildade personens registreringsnummer: 1–11 siffror",
                "a professional's registration number: 1 to 11 digits",
            ),
            source: "HL7 Finland, Finnish base profiles, Practitioner",
        })
    }
}

/// A person's name as documents carry it.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonName {
    /// Family name.
    #[schemars(length(min = 1, max = 200), regex(pattern = r"^$|\S"))]
    pub family: String,
    /// Given names in order.
    #[schemars(length(min = 1, max = 10), inner(length(min = 1, max = 200), regex(pattern = r"^$|\S")))]
    pub given: Vec<String>,
    /// The one that the person is called by (kutsumanimi, tilltalsnamn).
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 200)))]
    pub calling: Option<String>,
}

impl PersonName {
    /// Given names and family name, parted by spaces.
    pub fn reveal_full(&self) -> String {
        format!("{} {}", self.given.join(" "), self.family)
    }
}

redacted_debug!(PersonName);

/// Gender as the population register has it (1.2.246.537.5.1: 1 male, 2 female).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Gender {
    /// Male (1).
    Male,
    /// Female (2).
    Female,
    /// Not known to the caller; written as HL7 null flavor `UNK`.
    Unknown,
}

/// A client (asiakas, klient) of social care.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Personal identity code; this or `temporary_id` is required.
    #[serde(default)]
    pub identity_code: Option<PersonalIdentityCode>,
    /// Temporary id; this or `identity_code` is required.
    #[serde(default)]
    pub temporary_id: Option<TemporaryId>,
    /// Name.
    pub name: PersonName,
    /// Day of birth.
    pub birth_date: super::time::Day,
    /// Gender.
    pub gender: Gender,
    /// Whether the client has a ban on disclosure for safety (turvakielto, spärrmarkering).
    pub safety_ban: bool,
}

impl Client {
    /// What the client is known by: the identity code where there is one. `None` when the record has neither, which
    /// [`super::validate::Checker`] refuses.
    pub fn id(&self) -> Option<PersonId> {
        let code = self.identity_code.clone().map(PersonId::IdentityCode);
        code.or_else(|| self.temporary_id.clone().map(PersonId::Temporary))
    }
}

redacted_debug!(Client);

/// A worker: who wrote the record, or who acts in sending it.
#[derive(Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    /// Name.
    pub name: PersonName,
    /// Title, for the readable form.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 200)))]
    pub title: Option<String>,
    /// Identity code: the message frame knows workers by it.
    pub identity_code: PersonalIdentityCode,
    /// Registration number: documents know authors by it.
    pub registration_number: RegistrationNumber,
    /// Role in the organisation, a code of the profile's `system.worker_role`: messages carry it, so that an archive can judge
    /// what the worker may read and write. Absent where it is not known.
    #[serde(default)]
    #[schemars(inner(length(min = 1, max = 50), regex(pattern = r"^[!-~]+$")))]
    pub role: Option<String>,
}

redacted_debug!(Worker);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A 900-series code of that day with its right check character.
    fn code(day: &str, sign: char, number: &str) -> String {
        let bare = format!("{day}{sign}{number}");
        let check = check_character(format!("{bare}0").as_bytes()).unwrap();
        format!("{bare}{}", char::from(check))
    }

    #[test]
    fn every_century_sign_is_known() {
        for (signs, year) in [("+", 1890), ("-YXWVU", 1990), ("ABCDEF", 2090)] {
            for sign in signs.chars() {
                let parsed: PersonalIdentityCode = code("010190", sign, "900").parse().unwrap();
                assert_eq!(parsed.birth_date().unwrap(), Date::constant(year, 1, 1), "{sign}");
                assert!(parsed.is_artificial());
            }
        }
        assert_eq!(code("010190", '-', "900"), "010190-900P");
    }

    #[test]
    fn a_wrong_check_character_is_told_apart_from_a_wrong_shape() {
        assert_eq!("010190-900A".parse::<PersonalIdentityCode>().unwrap_err().code, "value.check_character");
        for bad in [
            "",
            "010190-900",
            "310290-900P",
            "010190G900P",
            concat!("010190", "-001P"),
            "0101909900P",
            "o10190-900P",
            "äääää1",
        ] {
            assert_eq!(bad.parse::<PersonalIdentityCode>().unwrap_err().code, "value.identity_code", "{bad}");
        }
    }

    #[test]
    fn debug_says_only_the_type() {
        let parsed: PersonalIdentityCode = "010190-900P".parse().unwrap();
        assert_eq!(
            format!("{parsed:?} {:?}", PersonId::IdentityCode(parsed.clone())),
            "PersonalIdentityCode(…) PersonId(…)"
        );
    }
}
