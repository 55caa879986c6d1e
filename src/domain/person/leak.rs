//! Real persons' identity codes in texts that must not have any: the guard of the test environment.
//!
//! People type codes in many ways and systems wrap them in encodings, so a text is looked at in several readings. A wrong
//! alarm costs a test record; a miss costs a person's secret.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::{birth_date, check_character};

/// The shortest run that is tried as Base64: a code of 11 bytes takes 15 characters.
const BASE64_RUN_MIN: usize = 15;

/// Whether a text has anywhere in it an identity code that may be a real person's: valid, and not of the 900 series.
///
/// Lower-case letters, typographic dashes, full-width forms, invisible characters and spaces count as what they look like;
/// character references, percent encoding and Base64 are looked into once.
pub fn mentions_real_person(text: &str) -> bool {
    let plain = |reading: &str| {
        if !may_have_code(reading.as_bytes()) {
            return false;
        }
        let bytes = folded(reading);
        let close: Vec<u8> = bytes.iter().copied().filter(|b| *b != b' ').collect();
        has_code(&bytes) || has_code(&close)
    };
    let decoded = || [character_references(text), percent_decoded(text)].into_iter().flatten();
    plain(text) || decoded().any(|reading| plain(&reading)) || base64_runs(text).any(|reading| plain(&reading))
}

/// Whether bytes could hold a code in any way that [`folded`] reads: six digits and a century sign, or nine digits where a sign may
/// be of another alphabet. Almost no text does, and this look at its bytes is all that it then costs. Bytes that are not ASCII may
/// be seen as nothing, so they part no digits.
fn may_have_code(bytes: &[u8]) -> bool {
    let (mut digits, mut foreign, mut many) = (0_usize, false, false);
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => {
                digits += 1;
                many |= digits >= 9;
            }
            // A full-width form: any letter, digit or sign.
            0xef if matches!(bytes.get(at + 1), Some(0xbc | 0xbd)) => return true,
            0x80.. => foreign = true,
            _ if byte.is_ascii_whitespace() => {}
            b'+' | b'-' | b'a'..=b'f' | b'A'..=b'F' | b'u'..=b'y' | b'U'..=b'Y' if digits >= 6 => return true,
            _ => digits = 0,
        }
    }
    foreign && many
}

/// What a reader sees: one ASCII byte a character, a space for whatever no code has, nothing for what nobody sees.
fn folded(text: &str) -> Vec<u8> {
    let fold = |c: char| match c {
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}' => None,
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => Some(b'-'),
        '\u{ff01}'..='\u{ff5e}' => u8::try_from(u32::from(c) - 0xfee0).ok().map(|b| b.to_ascii_uppercase()),
        c => Some(u8::try_from(c.to_ascii_uppercase()).ok().filter(u8::is_ascii).unwrap_or(b' ')),
    };
    let bytes = text.chars().filter_map(fold);
    bytes.map(|b| if b.is_ascii_whitespace() { b' ' } else { b }).collect()
}

fn has_code(bytes: &[u8]) -> bool {
    bytes.windows(11).any(|window| {
        let may_be_real = window.get(7) != Some(&b'9') && birth_date(window).is_some();
        may_be_real && check_character(window) == window.last().copied()
    })
}

fn character_references(text: &str) -> Option<Cow<'_, str>> {
    let decoded = text.contains('&').then(|| quick_xml::escape::unescape(text).ok()).flatten();
    decoded.filter(|decoded| decoded != text)
}

fn percent_decoded(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'%').and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Every run of Base64 letters that decodes, in either alphabet, as text that may have a code.
fn base64_runs(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut decoded = Vec::new();
    let runs = text.as_bytes().split(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'-' | b'_')));
    runs.filter(|run| run.len() >= BASE64_RUN_MIN).filter_map(move |run| {
        // A run that is a little too long for its alphabet still begins with whole groups.
        let whole = run.get(..run.len() - usize::from(run.len() % 4 == 1)).unwrap_or(run);
        if !ends_as_base64(whole) {
            return None;
        }
        decoded.clear();
        let standard = STANDARD_NO_PAD.decode_vec(whole, &mut decoded);
        standard
            .or_else(|_| {
                decoded.clear();
                URL_SAFE_NO_PAD.decode_vec(whole, &mut decoded)
            })
            .ok()?;
        may_have_code(&decoded).then(|| String::from_utf8_lossy(&decoded).into_owned())
    })
}

/// Whether the last letter leaves no bit over (RFC 4648, section 3.5). Most words do, and are no Base64 for that alone.
fn ends_as_base64(run: &[u8]) -> bool {
    match (run.len() % 4, run.last()) {
        (2, Some(last)) => b"AQgw".contains(last),
        (3, Some(last)) => b"AEIMQUYcgkosw048".contains(last),
        _ => true,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// A code with its right check character.
    fn code(day: &str, sign: char, number: &str) -> String {
        let bare = format!("{day}{sign}{number}");
        format!("{bare}{}", char::from(check_character(format!("{bare}0").as_bytes()).unwrap()))
    }

    /// The ways in which a code that a real person may have stands in texts.
    fn disguises(code: &str) -> Vec<String> {
        let (day, rest) = code.split_at(6);
        let full_width = |c: char| if c == '-' { '－' } else { char::from_u32(u32::from(c) + 0xfee0).unwrap() };
        vec![
            format!("soitti ({code})."),
            code.to_lowercase(),
            code.replace('-', "–"),
            code.replace('-', "\u{fe63}"),
            code.chars().map(full_width).collect(),
            format!("{day}\u{ad}{rest}"),
            format!("{day}\u{200b}{rest}"),
            format!("{day} {rest}"),
            format!("{day} - {}", &rest[1..]),
            format!("{day}\n{rest}"),
            format!("1{code}"),
            format!("{code}n"),
            code.replace('-', "&#45;"),
            code.replace('-', "%2D"),
            format!("liite: {}", STANDARD_NO_PAD.encode(format!("hetu {code}"))),
        ]
    }

    #[test]
    fn a_real_persons_code_is_found_however_it_is_written() {
        for text in disguises(&code("010190", '-', "123")) {
            assert!(mentions_real_person(&text), "{text:?}");
        }
        for sign in "+YXWVUABCDEF".chars() {
            assert!(mentions_real_person(&code("010190", sign, "123")), "{sign}");
        }
    }

    #[test]
    fn a_test_persons_code_and_other_numbers_are_none() {
        for text in disguises(&code("010190", '-', "912")) {
            assert!(!mentions_real_person(&text), "{text:?}");
        }
        for text in ["", "1.2.246.10.010190", "0401234567", "1.10.2026 klo 8.15-9.00", "010190-123", "%%%", "&&&"] {
            assert!(!mentions_real_person(text), "{text}");
        }
    }
}
