//! The quick way through a text of which only the document element's own tag matters: elements and text as display forms have
//! them, every tag closed, every attribute given once.
//!
//! Takes no more than the tree's reader takes; what is past its few forms (prefixes, declarations inside, comments, CDATA,
//! instructions, character references, names beyond ASCII, any fault) is for that reader to judge and name.

use super::read::Limits;

/// The document element's tag, or nothing where the tree's reader has to look. The text has no character that XML does not have.
pub(super) fn root_tag(text: &str, limits: Limits) -> Option<&str> {
    if text.len() > limits.bytes_max.min(limits.attribute_bytes_max).min(limits.text_bytes_max) {
        return None;
    }
    let mut scan = Scan { text, bytes: text.as_bytes(), at: 0, limits, open: Vec::with_capacity(16), elements: 0 };
    scan.blank();
    let from = scan.at;
    scan.start()?;
    let tag = text.get(from..scan.at)?;
    while !scan.open.is_empty() {
        scan.text()?;
        if scan.bytes.get(scan.at + 1) == Some(&b'/') { scan.end()? } else { scan.start()? }
    }
    scan.blank();
    (scan.at == text.len()).then_some(tag)
}

struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
    open: Vec<&'a str>,
    elements: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn takes(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn blank(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        self.at > from
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = self.bytes.get(self.at..)?;
        let goes_on = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
        let length = rest.iter().position(|b| !goes_on(b))?;
        let name = self.text.get(self.at..self.at + length)?;
        self.at += length;
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_').then_some(name)
    }

    /// A start tag or empty tag; only the document element may declare its namespace.
    fn start(&mut self) -> Option<()> {
        self.elements += 1;
        if self.elements > self.limits.elements_max || self.open.len() >= self.limits.depth_max {
            return None;
        }
        self.takes(b'<')?;
        let name = self.name()?;
        let (mut names, mut count) = ([""; 8], 0_usize);
        loop {
            let parted = self.blank();
            match self.peek()? {
                b'>' => {
                    self.at += 1;
                    self.open.push(name);
                    return Some(());
                }
                b'/' => {
                    self.at += 1;
                    return self.takes(b'>');
                }
                _ if !parted || count >= self.limits.attributes_max => return None,
                _ => {}
            }
            let attribute = self.name()?;
            if names.iter().take(count).any(|n| *n == attribute) || (self.elements > 1 && attribute == "xmlns") {
                return None;
            }
            *names.get_mut(count)? = attribute;
            count += 1;
            self.blank();
            self.takes(b'=')?;
            self.blank();
            self.value()?;
        }
    }

    fn value(&mut self) -> Option<()> {
        let quote = self.peek().filter(|b| matches!(b, b'"' | b'\''))?;
        self.at += 1;
        loop {
            self.at += first(self.bytes.get(self.at..)?, |b| b == quote || b == b'<' || b == b'&')?;
            match self.peek()? {
                b'&' => self.reference()?,
                b'<' => return None,
                _ => return self.takes(quote),
            }
        }
    }

    /// Text up to the next tag.
    fn text(&mut self) -> Option<()> {
        loop {
            self.at += first(self.bytes.get(self.at..)?, |b| b == b'<' || b == b'&' || b == b']')?;
            match self.peek()? {
                b'&' => self.reference()?,
                b'<' => return Some(()),
                _ if self.bytes.get(self.at..)?.starts_with(b"]]>") => return None,
                _ => self.at += 1,
            }
        }
    }

    fn reference(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let known: [&[u8]; 5] = [b"&amp;", b"&lt;", b"&gt;", b"&quot;", b"&apos;"];
        self.at += known.iter().find(|known| rest.starts_with(known))?.len();
        Some(())
    }

    fn end(&mut self) -> Option<()> {
        self.at += 2;
        let name = self.name()?;
        self.blank();
        self.takes(b'>')?;
        (self.open.pop()? == name).then_some(())
    }
}

/// Where the first such byte stands.
fn first(bytes: &[u8], sought: impl Fn(u8) -> bool) -> Option<usize> {
    // In pieces, each looked at to its end: the compiler makes that fast.
    let (pieces, _) = bytes.as_chunks::<16>();
    let without = pieces.iter().take_while(|piece| !piece.iter().fold(false, |found, b| found | sought(*b))).count();
    let from = without * 16;
    bytes.get(from..)?.iter().position(|b| sought(*b)).map(|at| from + at)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::read::{Limits, parse, parse_root};
    use super::root_tag;

    /// Pieces of XML in any order, and whole small documents.
    fn texts() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "<a>",
            "</a>",
            "<a",
            ">",
            "/>",
            "<b x='1'>",
            "</b >",
            "<b/>",
            " x=\"&lt;\"",
            " x='1'",
            " y = '2'",
            " xmlns='u'",
            "]]>",
            "]]",
            "&amp;",
            "&x;",
            "&#1;",
            "&#65;",
            "ä",
            "text ",
            "<!--c-->",
            "<![CDATA[x]]>",
            "<?p?>",
            "<?xml version='1.0'?>",
            "<!DOCTYPE a>",
            "<p:a>",
            "</p:a>",
            " xml:lang='fi'",
            "\u{feff}",
            "\n",
            "<",
            "&",
            "'",
            "\"",
            "<1>",
            "<ä/>",
        ]);
        let pieces = prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat());
        let wrapped = pieces.clone().prop_map(|inside| format!("<div id='a'>{inside}</div>\n"));
        let leaf =
            prop::sample::select(vec!["text", "&amp;", "<br/>", "<i class='x' id=\"y\">ä]] ]</i >", "\n", "<b\n></b>"]);
        let whole = prop::collection::vec(leaf, 0..12).prop_map(|all| format!(" <p lang='fi'>{}</p>", all.concat()));
        prop_oneof![pieces, wrapped, whole]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_the_quick_way_takes_the_trees_reader_takes_with_the_same_root(text in texts()) {
            if root_tag(&text, Limits::DOCUMENT).is_some() {
                let mut tree = parse(text.as_bytes(), Limits::DOCUMENT).map_err(|e| TestCaseError::fail(e.to_string()))?.root;
                tree.children.clear();
                prop_assert!(parse_root(&text, Limits::DOCUMENT).is_ok_and(|root| root == tree));
            }
        }

        #[test]
        fn plain_forms_go_the_quick_way(inside in "[a-zåäö \n]{0,40}", value in "[a-z&&[^&]]{0,40}") {
            let text = format!("<div lang='fi' id=\"{value}\"><table><tr><td>{inside}&lt;</td></tr></table><br/></div>");
            prop_assert!(root_tag(&text, Limits::DOCUMENT).is_some());
        }
    }

    #[test]
    fn limits_hold_on_the_quick_way_too() {
        let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(root_tag(&deep(64), Limits::DOCUMENT).is_some() && root_tag(&deep(65), Limits::DOCUMENT).is_none());
        let few = Limits { elements_max: 3, attribute_bytes_max: 20, ..Limits::DOCUMENT };
        assert!(root_tag("<a><b/><b/></a>", few).is_some() && root_tag("<a><b/><b/><b/></a>", few).is_none());
        assert!(root_tag("<a>more than twenty bytes</a>", few).is_none());
    }
}
