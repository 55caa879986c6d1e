//! Lines of an input as they may be shown: keys, tags, codes and object identifiers stay, what may tell of a person becomes dots.
//!
//! Every character that goes is replaced by one `•`, so that columns stay. What is not understood is masked, not shown.

const DOT: char = '•';

/// What an input is written in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Language {
    Json,
    Xml,
    /// Not understood: only punctuation is shown.
    Unknown,
}

/// A line of an input, masked. Lines are masked one by one: a value that goes over line ends is hidden whole, because outside of
/// quotes and tags nothing is shown.
pub(in crate::cli) fn line(line: &str, language: Language) -> String {
    match language {
        Language::Json => json(line),
        Language::Xml => xml(line),
        Language::Unknown => line.chars().map(|c| if c.is_alphanumeric() { DOT } else { c }).collect(),
    }
}

fn dots(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars().map(|c| if c.is_whitespace() { c } else { DOT })
}

fn json(line: &str) -> String {
    let mut out = String::new();
    let (mut rest, mut key) = (line, "");
    while let Some(c) = rest.chars().next() {
        if c == '"' {
            let (inside, after) = string(rest);
            let is_key = after.trim_start().starts_with(':');
            out.push('"');
            match (is_key && is_field_name(inside)) || (!is_key && may_be_shown(key, inside)) {
                true => out.push_str(inside),
                false => out.extend(inside.chars().map(|_| DOT)),
            }
            if rest.len() > inside.len() + 1 {
                out.push('"');
            }
            key = if is_key { inside } else { "" };
            rest = after;
            continue;
        }
        out.push(if c.is_whitespace() || "{}[]:,".contains(c) { c } else { DOT });
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// What is in the string that begins here, and what comes after it.
fn string(text: &str) -> (&str, &str) {
    let inside = text.get(1..).unwrap_or_default();
    let mut escaped = false;
    for (at, c) in inside.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return (inside.get(..at).unwrap_or_default(), inside.get(at + 1..).unwrap_or_default()),
            _ => {}
        }
    }
    (inside, "")
}

fn xml(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(open) = rest.find('<') {
        let (text, tag) = rest.split_at(open);
        between(text, &mut out);
        let end = tag.find('>').map_or(tag.len(), |at| at + 1);
        let (tag, after) = tag.split_at(end);
        if tag.starts_with("<!") || tag.starts_with("<?") {
            out.extend(tag.chars().map(|c| if c.is_alphanumeric() { DOT } else { c }));
        } else {
            self::tag(tag, &mut out);
        }
        rest = after;
    }
    between(rest, &mut out);
    out
}

/// Text between tags: object identifiers stay.
fn between(text: &str, out: &mut String) {
    if is_identifier(text.trim()) { out.push_str(text) } else { out.extend(dots(text)) }
}

fn tag(tag: &str, out: &mut String) {
    let mut rest = tag;
    while let Some(quote) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(quote);
        out.push_str(&names(before));
        let mark = quoted.chars().next().unwrap_or('"');
        let inside = quoted.get(1..).unwrap_or_default();
        let end = inside.find(mark).unwrap_or(inside.len());
        let (value, after) = inside.split_at(end);
        let name = before.trim_end().trim_end_matches('=').rsplit([' ', '\t', ':', '<']).next().unwrap_or_default();
        let declares = before.contains("xmlns");
        out.push(mark);
        match declares || may_be_shown(name, value) {
            true => out.push_str(value),
            false => out.extend(value.chars().map(|_| DOT)),
        }
        rest = after;
        if let Some(after) = after.strip_prefix(mark) {
            out.push(mark);
            rest = after;
        }
    }
    out.push_str(&names(rest));
}

/// Names of elements and attributes; anything that is longer than a name or has digits like a date is not one.
fn names(text: &str) -> String {
    let plain = text.split(['<', '>', '/', '=', ' ', '\t', ':']).all(|n| n.len() <= 60 && digits(n) < 6);
    if plain { text.to_owned() } else { dots(text).collect() }
}

/// Values that say nothing of a person: object identifiers anywhere, and what these fields are for when it is short.
fn may_be_shown(field: &str, value: &str) -> bool {
    const FIELDS: [&str; 21] = [
        "code",
        "codeSystem",
        "system",
        "root",
        "structure",
        "language",
        "kind",
        "case",
        "typeCode",
        "classCode",
        "moodCode",
        "determinerCode",
        "nullFlavor",
        "mediaType",
        "representation",
        "qualifier",
        "Algorithm",
        "URI",
        "ID",
        "ITSVersion",
        "class",
    ];
    is_identifier(value) || (FIELDS.contains(&field) && is_code(value))
}

/// Short, without white space, and no run of digits as in a birth date unless it is a web address of a standard.
fn is_code(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/#:+".contains(c);
    let standard = value.starts_with("http://www.w3.org/");
    value.len() <= 80 && value.chars().all(plain) && (standard || digits(value) < 6)
}

/// An object identifier of the Finnish arc, bare, as a URN, or with what signatures refer by.
fn is_identifier(value: &str) -> bool {
    let bare = ["urn:oid:", "OID", "#OID"].iter().find_map(|prefix| value.strip_prefix(prefix)).unwrap_or(value);
    bare.starts_with("1.2.246.") && bare.bytes().all(|b| b.is_ascii_digit() || b == b'.') && bare.len() <= 128
}

fn is_field_name(key: &str) -> bool {
    (1..=80).contains(&key.len())
        && key.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && digits(key) < 6
}

fn digits(text: &str) -> usize {
    text.bytes().filter(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_codes_stay_and_persons_go() {
        for (given, shown) in [
            (r#"  "family": "Testinen","#, r#"  "family": "••••••••","#),
            (
                r#"{"value":"010190-900P","system":"urn:oid:1.2.246.21"}"#,
                r#"{"value":"•••••••••••","system":"urn:oid:1.2.246.21"}"#,
            ),
            (r#""code": "20", "n": 12, "x": true"#, r#""code": "20", "n": ••, "x": ••••"#),
            (r#""010190-900P": "a\"b""#, r#""•••••••••••": "••••""#),
            (r#""code": "010190900P""#, r#""code": "••••••••••""#),
            (r#" is well", "x": "y"#, r#" •• ••••"••"•"••"•"#),
        ] {
            assert_eq!(line(given, Language::Json), shown);
        }
    }

    #[test]
    fn tags_stay_and_values_go() {
        for (given, shown) in [
            ("<id root=\"1.2.246.21\" extension='010190-900P'/>", "<id root=\"1.2.246.21\" extension='•••••••••••'/>"),
            ("<family>Testinen</family>", "<family>••••••••</family>"),
            ("Tessa Testinen", "••••• ••••••••"),
            ("<!-- Tessa -->", "<!-- ••••• -->"),
            ("<code code=\"19007\" displayName=\"Merkintä\">", "<code code=\"19007\" displayName=\"••••••••\">"),
            ("<a>1.2.246.537.6</a><b>1.1.1941</b>", "<a>1.2.246.537.6</a><b>••••••••</b>"),
            ("<birthTime value=\"19900101\"", "<birthTime value=\"••••••••\""),
        ] {
            assert_eq!(line(given, Language::Xml), shown);
        }
        assert_eq!(line("<a b='Tessa", Language::Unknown), "<• •='•••••");
    }
}
