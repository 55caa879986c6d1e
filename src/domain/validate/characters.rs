//! Characters that a document cannot carry, or that make it read otherwise than it is written, are in no text of a record.

use serde_json::Value;

use super::findings::{Findings, below};
use crate::domain::finding::{Finding, Rule};
use crate::domain::text::Text;
use crate::domain::xml::is_xml_character;

/// Adds a finding for every text that has such a character: outside XML 1.0's `Char` (the readable form could not say what the
/// content says), or one that turns the direction of reading.
pub(super) fn refuse_unreadable(value: &Value, findings: &mut Findings) {
    look("", value, findings);
}

fn look(pointer: &str, value: &Value, findings: &mut Findings) {
    match value {
        Value::String(text) if !text.chars().all(is_plain) => findings.push(finding(pointer)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, item)| look(&format!("{pointer}/{i}"), item, findings));
        }
        Value::Object(members) => {
            members.iter().for_each(|(key, member)| look(&below(pointer, key), member, findings));
        }
        _ => {}
    }
}

fn is_plain(c: char) -> bool {
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
