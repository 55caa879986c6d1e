//! A text that a pattern takes, made from the pattern: the shortest way through it, letters and digits first.
//!
//! Whoever uses it judges the text afterwards: look-around and word boundaries are not seen here.

use regex_syntax::hir::{Class, Hir, HirKind};

/// The longest text made; more repetitions are cut.
const LENGTH_MAX: usize = 4_096;

/// A text of this pattern; empty when the pattern cannot be read.
pub(super) fn of(pattern: &str) -> String {
    let mut text = String::new();
    if let Ok(hir) = regex_syntax::Parser::new().parse(pattern) {
        write(&hir, &mut text);
    }
    text
}

fn write(hir: &Hir, out: &mut String) {
    if out.len() >= LENGTH_MAX {
        return;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => out.push_str(&String::from_utf8_lossy(&literal.0)),
        HirKind::Class(class) => out.extend(character(class)),
        HirKind::Repetition(repetition) => (0..repetition.min).for_each(|_| write(&repetition.sub, out)),
        HirKind::Capture(capture) => write(&capture.sub, out),
        HirKind::Concat(parts) => parts.iter().for_each(|part| write(part, out)),
        HirKind::Alternation(parts) => parts.iter().take(1).for_each(|part| write(part, out)),
    }
}

/// A character of the class: a digit, a letter, or its first.
fn character(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else {
        return class.literal().and_then(|bytes| bytes.first().map(|b| char::from(*b)));
    };
    let has = |c: &char| class.ranges().iter().any(|r| r.start() <= *c && *c <= r.end());
    let plain = ('1'..='9').chain(['0']).chain('a'..='z').chain('A'..='Z').find(has);
    plain.or_else(|| class.ranges().first().map(|r| r.start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_made_from_its_pattern() {
        for (pattern, text) in [
            (r"^urn:oid:1\.2(\.\d+)*$", "urn:oid:1.2"),
            (r"^[0-9]{5}$", "11111"),
            (r"^(FI|SV)-[a-z]+$", "FI-a"),
            (r"^[ÄÖ]?[åä]$", "ä"),
            ("(", ""),
        ] {
            assert_eq!(of(pattern), text, "{pattern}");
        }
    }
}
