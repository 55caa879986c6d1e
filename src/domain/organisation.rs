//! Organisations and units as the SOTE organisation register knows them.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::finding::{Flaw, redacted_debug, shape, text_value};
use super::oid::Oid;
use super::text::Text;

/// An organisation: organiser, register owner or producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Organisation {
    /// Its OID in the SOTE organisation register (1.2.246.537.6.202).
    pub oid: Oid,
    /// Its name.
    #[schemars(length(min = 1, max = 300))]
    pub name: String,
}

/// A service unit (palveluyksikkö, serviceenhet): what a register access right is given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Unit {
    /// Its OID in the SOTE organisation register (1.2.246.537.6.202). Its shape tells nothing of its owner.
    pub oid: Oid,
    /// Its name.
    #[schemars(length(min = 1, max = 300))]
    pub name: String,
}

/// A Finnish business id (Y-tunnus): seven digits, a hyphen, a check digit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct BusinessId(String);

impl BusinessId {
    /// The id with its hyphen.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The organisation's OID node: `1.2.246.10.` and the id without hyphen and leading zeros (JHS 159, annex 1).
    pub fn node(&self) -> String {
        let digits: String = self.0.chars().filter(char::is_ascii_digit).collect();
        format!("1.2.246.10.{}", digits.trim_start_matches('0'))
    }
}

redacted_debug!(BusinessId);
text_value!(BusinessId, "business-id", "Finnish business id (Y-tunnus), for example 0204819-8");

impl FromStr for BusinessId {
    type Err = Flaw;

    fn from_str(text: &str) -> Result<Self, Flaw> {
        let flaw = || Flaw {
            code: "value.business_id",
            found: shape(text),
            expected: Text::fixed(
                "Y-tunnus: seitsemän numeroa, väliviiva ja oikea tarkistusnumero",
                "ett FO-nummer: sju siffror, bindestreck och rätt kontrollsiffra",
                "a business id: seven digits, a hyphen and the right check digit",
            ),
            source: "YTJ, Y-tunnus",
        };
        let (digits, check) = text.split_once('-').ok_or_else(flaw)?;
        let all_digits = digits.len() == 7 && check.len() == 1 && text.bytes().all(|b| b == b'-' || b.is_ascii_digit());
        if !all_digits {
            return Err(flaw());
        }
        let sum: u32 = digits.bytes().zip([7, 9, 10, 5, 8, 4, 2]).map(|(d, weight)| u32::from(d - b'0') * weight).sum();
        let expected = match sum % 11 {
            0 => Some(0),
            1 => None,
            rest => Some(11 - rest),
        };
        if expected.map(|e| e.to_string()).as_deref() == Some(check) { Ok(Self(text.into())) } else { Err(flaw()) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_business_id_is_taken_with_its_check_digit_only() {
        assert_eq!("0204819-8".parse::<BusinessId>().unwrap().node(), "1.2.246.10.2048198");
        for bad in ["0204819-7", "204819-8", "02048198", "0204819-", "020481a-8", "ääääääää-1"] {
            assert_eq!(bad.parse::<BusinessId>().unwrap_err().code, "value.business_id", "{bad}");
        }
    }
}
