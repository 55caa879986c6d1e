//! Characters that a document cannot carry, or that make it read otherwise than it is written, are in no text of a record.

use serde_json::Value;

use super::findings::Findings;
use super::texts::{Said, each_text};
use crate::domain::finding::{Finding, Rule};
use crate::domain::text::Text;
use crate::domain::xml::is_xml_character;

/// Adds a finding for every text that has such a character: outside XML 1.0's `Char` (the readable form could not say what the
/// content says), or one that turns the direction of reading.
pub(super) fn refuse_unreadable(value: &Value, findings: &mut Findings) {
    each_text(value, &mut |way, text| match text {
        Said::Text(text) if !is_plain(text) => findings.push(finding(&way.pointer())),
        _ => {}
    });
}

/// Looks at bytes first: what is refused is a control character or begins with one of two bytes.
fn is_plain(text: &str) -> bool {
    let suspect = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || matches!(b, 0xe2 | 0xef);
    // Looked at to its end: the compiler makes that fast.
    let found = text.as_bytes().iter().fold(false, |found, b| found | suspect(b));
    !found || text.chars().all(is_plain_character)
}

fn is_plain_character(c: char) -> bool {
    is_xml_character(c) && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn finding(pointer: &str) -> Finding {
    Finding::error(
        "value.characters",
        pointer,
        Text::fixed(
            "merkki, jota asiakirja ei voi sisältää: ohjausmerkki tai lukusuunnan vaihto",
            "ett tecken som handlingen inte kan innehålla: styrtecken eller byte av läsriktning",
            "a character that a document cannot have: a control character or a change of reading direction",
        ),
        Text::fixed(
            "tekstiä ilman ohjausmerkkejä (rivinvaihto ja sarkain käyvät)",
            "text utan styrtecken (radbyte och tabb duger)",
            "text without control characters (line breaks and tabs will do)",
        ),
        Rule::new("W3C XML 1.0", "2.2"),
    )
}
