//! The quick way through a text that is what it should be: JSON within the limits, no key twice in one object.
//!
//! Takes no more than the strict reader beside it and makes the same value. Tells no fault: what it does not take, the strict reader
//! judges and names.

use std::collections::HashSet;

use memchr::memchr2;
use serde_json::Number;

use super::{DEPTH_MAX, VALUES_MAX};
use crate::domain::json::{Draft, Json};

/// Objects of more members than this are looked through at their end.
const FEW: usize = 32;

/// Why a text was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotTaken {
    /// A member is called as the parser calls numbers and unread texts among its own: who reads it again would take its object for one.
    ParsersName,
    /// The strict reader has to look.
    Other,
}

/// The value.
pub(super) fn read(text: &str) -> Result<Json, NotTaken> {
    // In pieces, each looked at to its end: the compiler makes that fast.
    let has_controls =
        text.as_bytes().chunks(4096).any(|piece| piece.iter().fold(false, |found, b| found | (*b < 0x20)));
    let mut reader = Reader { text, at: 0, values: 0, has_controls, draft: Draft::new(text), parsers_name: false };
    let taken = reader.value(0).map(|()| reader.blank()).is_some() && reader.at == text.len();
    match taken {
        true => Ok(reader.draft.finish()),
        false if reader.parsers_name => Err(NotTaken::ParsersName),
        false => Err(NotTaken::Other),
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
    /// Whether it has control characters anywhere, white space among them: compact JSON has none.
    has_controls: bool,
    draft: Draft<'a>,
    parsers_name: bool,
}

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Steps over this byte, if it is the next one.
    fn takes(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.values += 1;
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return None;
        }
        self.blank();
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word("true").map(|()| self.draft.boolean(true)),
            b'f' => self.word("false").map(|()| self.draft.boolean(false)),
            b'n' => self.word("null").map(|()| self.draft.null()),
            _ => None,
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        let found = self.text.as_bytes().get(self.at..)?.starts_with(word.as_bytes());
        self.at += word.len();
        found.then_some(())
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        let row = self.draft.object();
        self.blank();
        if self.takes(b'}') {
            return Some(());
        }
        let (mut count, mut seen) = (0, 0);
        loop {
            self.blank();
            if self.peek() != Some(b'"') {
                return None;
            }
            self.string()?;
            self.is_new(row, count, &mut seen)?;
            count += 1;
            self.blank();
            if !self.takes(b':') {
                return None;
            }
            self.value(depth + 1)?;
            self.blank();
            if self.takes(b'}') {
                break;
            }
            if !self.takes(b',') {
                return None;
            }
        }
        self.draft.close(row, count);
        let mut names = HashSet::new();
        (count <= FEW || self.draft.names(row).take(count).all(|name| names.insert(name))).then_some(())
    }

    /// Whether the name that was read last stands for the first time in its object, which has so many members before it.
    fn is_new(&mut self, row: usize, before: usize, seen: &mut u64) -> Option<()> {
        let name = self.draft.last();
        if name.starts_with(super::PARSERS_OWN) {
            self.parsers_name = true;
            return None;
        }
        // Most names differ by what is looked at here, and need no comparison with the others.
        let byte = |at: usize| name.as_bytes().get(at).copied().map_or(0, usize::from);
        let middle = byte(name.len() / 2) * 7 + byte(name.len() / 3) * 5;
        let mark = 1 << ((name.len() * 11 + byte(0) * 3 + middle + byte(name.len().saturating_sub(1))) % 64);
        let differs = *seen & mark == 0;
        *seen |= mark;
        (differs || before >= FEW || !self.draft.names(row).take(before).any(|known| known == name)).then_some(())
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        self.at += 1;
        let row = self.draft.list();
        self.blank();
        if self.takes(b']') {
            return Some(());
        }
        let mut count = 0;
        loop {
            self.value(depth + 1)?;
            count += 1;
            self.blank();
            if self.takes(b']') {
                break;
            }
            if !self.takes(b',') {
                return None;
            }
        }
        self.draft.close(row, count);
        Some(())
    }

    /// Digits and signs are looked at by the parser of numbers, which keeps them as they are written.
    fn number(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let goes_on = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E');
        let text = rest.get(..rest.bytes().position(|b| !goes_on(b)).unwrap_or(rest.len()))?;
        let number: Number = text.parse().ok()?;
        self.draft.number(self.at, self.at + text.len());
        self.at += text.len();
        number.as_f64().is_some_and(f64::is_finite).then_some(())
    }

    fn string(&mut self) -> Option<()> {
        self.at += 1;
        let rest = self.text.as_bytes().get(self.at..)?;
        let end = if self.has_controls { special(rest)? } else { memchr2(b'"', b'\\', rest)? };
        if rest.get(end) == Some(&b'"') {
            self.draft.text(self.at, self.at + end);
            self.at += end + 1;
            return Some(());
        }
        let mut escaped = Escaped { text: self.text, at: self.at };
        self.draft.resolved_text(|out| escaped.write(out))?;
        self.at = escaped.at;
        Some(())
    }
}

/// A string with escapes, from behind its quotation mark.
struct Escaped<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Escaped<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn write(&mut self, out: &mut String) -> Option<()> {
        loop {
            let rest: &'a str = self.text.get(self.at..)?;
            let end = special(rest.as_bytes())?;
            out.push_str(rest.get(..end)?);
            self.at += end + 1;
            match rest.as_bytes().get(end)? {
                b'"' => return Some(()),
                b'\\' => out.push(self.escape()?),
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.at += 1;
        Some(match letter {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return None,
        })
    }

    /// RFC 8259, section 7: four hexadecimal digits, or two times four for a character beyond them.
    fn unicode(&mut self) -> Option<char> {
        let first = self.hex()?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first);
        }
        if !(self.takes(b'\\') && self.takes(b'u')) {
            return None;
        }
        let second = self.hex()?.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + second)
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        self.at += 4;
        digits.bytes().try_fold(0, |n, digit| Some(n * 16 + char::from(digit).to_digit(16)?))
    }
}

/// Where the first quotation mark, backslash or control character stands.
fn special(bytes: &[u8]) -> Option<usize> {
    let is_special = |b: u8| b == b'"' || b == b'\\' || b < 0x20;
    // In pieces, each looked at to its end: the compiler makes that fast.
    let (pieces, _) = bytes.as_chunks::<16>();
    let plain = pieces.iter().take_while(|piece| !piece.iter().fold(false, |found, b| found | is_special(*b))).count();
    let from = plain * 16;
    bytes.get(from..)?.iter().position(|b| is_special(*b)).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::strict;
    use crate::domain::json::Json;

    /// Texts near JSON: whole values, and pieces of them in any order.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("{".to_owned()),
            Just("}".to_owned()),
            Just("[".to_owned()),
            Just("]".to_owned()),
            Just(",".to_owned()),
            Just(":".to_owned()),
            Just("\"".to_owned()),
            Just(" \n".to_owned()),
            r#""[a-cä\\\n\x00-\x1f]{0,20}""#,
            r#""a""#,
            r#""(\\[\"\\\\/bfnrtx]|\\u[0-9a-fD]{4}|\\ud83d\\ude00|ä|[ -!]){0,5}""#,
            "-?[0-9]{0,3}(\\.[0-9]{0,3})?([eE][+-]?[0-9]{0,4})?",
            Just("true".to_owned()),
            Just("null".to_owned()),
            Just("falsey".to_owned()),
            Just("1e999".to_owned()),
            Just(r#""$serde_json::private::Number""#.to_owned()),
        ];
        let leaf = prop_oneof![
            r#""[a-zåäö ]{0,40}""#,
            "-?(0|[1-9][0-9]{0,2})(\\.[0-9]{1,3})?",
            r#""(\\[\"\\\\/bfnrt]|\\u[0-9a-f]{4}|ä|[ -!]){0,5}""#,
            Just("true".to_owned()),
            Just("null".to_owned()),
        ];
        let value = leaf.prop_recursive(5, 60, 6, |inner| {
            let list = prop::collection::vec(inner.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(", ")));
            let member = ("[a-f]{1,2}", inner).prop_map(|(key, value)| format!("\"{key}\" : {value}"));
            let object = prop::collection::vec(member, 0..5).prop_map(|all| format!("{{{}}}", all.join(",\n")));
            prop_oneof![list, object]
        });
        prop_oneof![value, prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn what_the_quick_way_takes_the_strict_reader_takes_and_the_other_way_round(text in texts()) {
            let quick = super::read(&text);
            prop_assume!(!matches!(quick, Err(super::NotTaken::ParsersName)));
            let (strict, quick) = (strict(&text).ok(), quick.ok());
            prop_assert_eq!(quick.as_ref().map(|v| v.value().to_string()), strict.as_ref().map(|v| v.to_string()));
            // A list made of the value says the same as the list of the text.
            let made = strict.map(Json::from);
            prop_assert_eq!(made.map(|v| v.root().to_value().to_string()), quick.map(|v| v.into_value().to_string()));
        }
    }

    #[test]
    fn limits_hold_on_the_quick_way_too() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        for depth in 60..70 {
            assert_eq!(super::read(&deep(depth)).is_ok(), strict(&deep(depth)).is_ok(), "{depth}");
        }
        let many = |n: usize| format!("[{}1]", "1,".repeat(n));
        for count in super::VALUES_MAX - 3..super::VALUES_MAX + 2 {
            assert_eq!(super::read(&many(count)).is_ok(), strict(&many(count)).is_ok(), "{count}");
        }
        for count in [2, super::FEW - 1, super::FEW, super::FEW + 1, 300] {
            let members =
                |last: usize| (0..count).map(|n| format!("\"k{}\":{n}", n.min(last))).collect::<Vec<_>>().join(",");
            assert!(super::read(&format!("{{{}}}", members(count))).is_ok(), "{count}");
            assert!(super::read(&format!("{{{}}}", members(count - 2))).is_err(), "{count}");
        }
        assert!(super::read(r#"{"a":1,"a":1}"#).is_err() && super::read(r#"{"a":{"b":1},"b":1}"#).is_ok());
    }
}
