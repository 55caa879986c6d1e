//! Places in a text as people count them: lines, and columns in characters, both from 1.
//!
//! Used to point findings into what was read. Knows nothing of what the text is, but for [`json`], which finds JSON Pointers.

pub mod json;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// The lines of a text. A line ends with LF; a CR before it belongs to the end.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// Finds the lines of a text; a byte order mark at its start is passed over.
    pub fn new(text: &'a str) -> Self {
        let first = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(first).chain(ends).collect() }
    }

    /// The lines of as much as is UTF-8 of these bytes.
    pub fn of_bytes(bytes: &'a [u8]) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => {
                bytes.get(..error.valid_up_to()).and_then(|b| std::str::from_utf8(b).ok()).unwrap_or_default()
            }
        };
        Self::new(text)
    }

    /// The place of a byte; the end of the text for one past it, the character that it is part of for one inside.
    pub fn position(&self, offset: usize) -> Position {
        let offset = (0..=offset.min(self.text.len())).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0);
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let before = self.text.get(start..offset).unwrap_or_default().chars().count();
        Position { line: count(line), column: count(before).saturating_add(1) }
    }

    /// A line, counted from 1, without its end; empty where there is none.
    pub fn line(&self, number: u32) -> &'a str {
        let at = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(start) = at.checked_sub(1).and_then(|at| self.starts.get(at)) else { return "" };
        let end = self.starts.get(at).copied().unwrap_or(self.text.len());
        self.text.get(*start..end).unwrap_or_default().trim_end_matches(['\n', '\r'])
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_characters_from_one() {
        let lines = Lines::new("\u{feff}äb\r\n\u{1f600}c\n");
        let at = |offset| {
            let Position { line, column } = lines.position(offset);
            (line, column)
        };
        assert_eq!((at(3), at(5), at(6)), ((1, 1), (1, 2), (1, 3)));
        assert_eq!((at(8), at(9), at(12), at(99)), ((2, 1), (2, 1), (2, 2), (3, 1)));
        assert_eq!([lines.line(1), lines.line(2), lines.line(3), lines.line(0)], ["äb", "\u{1f600}c", "", ""]);
    }
}
