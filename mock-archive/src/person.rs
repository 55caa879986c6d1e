//! Personal identity codes: reading one, finding them in text, telling test persons from real ones.
//!
//! Nothing here has a derived `Debug`: a code reaches no log, report or error text. What is serialised goes into the registers alone. Used by the intake and the rules.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The identifier of personal identity codes.
pub(crate) const IDENTITY_CODE_ROOT: &str = "1.2.246.21";

const CHECK_CHARACTERS: &[u8; 31] = b"0123456789ABCDEFHJKLMNPRSTUVWXY";
const CODE_CHARS: usize = 11;
/// A code begins with the day of birth in so many digits.
const DAY_DIGITS: usize = 6;

/// A person's identifier: an identity code (root 1.2.246.21) or a temporary one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct PersonId {
    pub(crate) root: Cow<'static, str>,
    pub(crate) extension: String,
}

impl PersonId {
    /// Reads root and extension; a `urn:oid:` prefix on the root is taken off.
    pub(crate) fn new(root: &str, extension: &str) -> Self {
        let root = root.trim();
        let root = root.strip_prefix("urn:oid:").unwrap_or(root);
        Self {
            // Nearly every identifier has this root, so it is not kept once more for each.
            root: if root == IDENTITY_CODE_ROOT { IDENTITY_CODE_ROOT.into() } else { root.to_owned().into() },
            extension: extension.trim().to_ascii_uppercase(),
        }
    }

    pub(crate) fn is_identity_code(&self) -> bool {
        self.root == IDENTITY_CODE_ROOT
    }
}

impl fmt::Debug for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PersonId(..)")
    }
}

/// What eleven characters are, read as a personal identity code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeKind {
    /// Individual number 900 to 999: a test person.
    Test,
    /// Individual number 002 to 899: may be somebody's.
    Real,
    /// Not an identity code: form, day, or check character do not fit.
    NotACode,
}

/// Tells what `text` is. Every separator in use is known (`+`, `-`, `Y` to `U`, `A` to `F`).
pub(crate) fn kind(text: &str) -> CodeKind {
    let bytes = text.as_bytes();
    let &[d1, d2, m1, m2, y1, y2, separator, n1, n2, n3, check] = bytes else {
        return CodeKind::NotACode;
    };
    let digits = [d1, d2, m1, m2, y1, y2, n1, n2, n3];
    if !digits.iter().all(u8::is_ascii_digit) || !is_separator(separator) {
        return CodeKind::NotACode;
    }
    let number = digits.iter().fold(0_usize, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    let (day, month, individual) = (number / 10_000_000, number / 100_000 % 100, number % 1000);
    let check_fits = CHECK_CHARACTERS.get(number % 31) == Some(&check.to_ascii_uppercase());
    if !(1..=31).contains(&day) || !(1..=12).contains(&month) || individual < 2 || !check_fits {
        return CodeKind::NotACode;
    }
    if individual >= 900 { CodeKind::Test } else { CodeKind::Real }
}

fn is_separator(byte: u8) -> bool {
    matches!(byte.to_ascii_uppercase(), b'+' | b'-' | b'U'..=b'Y' | b'A'..=b'F')
}

/// Does `text` hold an identity code that is not a test person's? Codes may stand anywhere between other signs.
///
/// This runs over every byte of a message, so it leaps: a sign that is no digit rules out every code that would have it among its first six.
pub(crate) fn holds_real_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let alone = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let mut start = 0;
    while let Some(window) = bytes.get(start..start + CODE_CHARS) {
        let not_a_digit = window.iter().take(DAY_DIGITS).rposition(|byte| !byte.is_ascii_digit());
        if let Some(at) = not_a_digit {
            start += at + 1;
            continue;
        }
        let is_real = std::str::from_utf8(window).is_ok_and(|word| kind(word) == CodeKind::Real);
        if is_real && alone(start.checked_sub(1)) && alone(Some(start + CODE_CHARS)) {
            return true;
        }
        start += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A code with its check character; the individual number decides whether it is a test person's.
    fn code(start: &str, individual: &str) -> String {
        let digits: usize = format!("{}{individual}", &start.get(..6).unwrap_or_default()).parse().unwrap_or_default();
        let check = CHECK_CHARACTERS.get(digits % 31).copied().unwrap_or_default();
        format!("{start}{individual}{}", char::from(check))
    }

    #[test]
    fn test_persons_are_told_from_real_ones() {
        assert_eq!(kind("010190-900P"), CodeKind::Test);
        assert_eq!(kind("010181-900C"), CodeKind::Test);
        for start in ["010190-", "010190Y", "010101A", "010101F", "010199+"] {
            assert_eq!(kind(&code(start, "123")), CodeKind::Real, "{start}");
        }
        for bad in ["010190-900Q", "320190-900P", "010190/900P", "010190-900", "", "åäö190-900P"] {
            assert_eq!(kind(bad), CodeKind::NotACode, "{bad}");
        }
    }

    #[test]
    fn a_real_code_is_found_between_other_signs() {
        let real = code("010190-", "123");
        assert!(holds_real_code(&real));
        assert!(holds_real_code(&format!("hetu:{}, ä", real.to_lowercase())));
        assert!(!holds_real_code(&format!("x{real}")));
        assert!(!holds_real_code(&format!("{real}1")));
        for before in 0..13 {
            assert!(holds_real_code(&format!("{}/{real}", "7".repeat(before))), "{before} digits before");
            assert!(holds_real_code(&format!("{}{real}", "7-ä".repeat(before) + " ")), "{before} groups before");
        }
        assert!(!holds_real_code("010190-900P"));
        assert!(!holds_real_code(concat!("tel. 010190", "-1234 åäö")));
    }

    #[test]
    fn an_identifier_shows_nothing_of_the_person() {
        let id = PersonId::new("urn:oid:1.2.246.21", "010190-900P");
        assert!(id.is_identity_code());
        assert_eq!(format!("{id:?}"), "PersonId(..)");
    }
}
