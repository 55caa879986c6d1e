//! The quick way through a text that has only what most documents and display forms have: elements, attributes, text and the
//! five references.
//!
//! Takes no more than the tree's reader takes, and reads the same in it; what is past its few forms (comments, CDATA,
//! instructions, character references, names beyond ASCII, any fault) is for that reader to judge and name.

use memchr::{memchr2, memchr3};

use super::XML_NAMESPACE;
use super::flat::{Flat, Given, NO_NAMESPACE, Row, Span, XML, span};
use super::read::Limits;

/// The document, or nothing where the tree's reader has to look.
pub(super) fn flat(text: &str, limits: Limits) -> Option<Flat<'_>> {
    // What XML does not have, and CR, which is read as LF: the reader tells them apart.
    let suspect = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\n')) | (*b == 0xef);
    // In pieces, each looked at to its end: the compiler makes that fast.
    let suspicious = |piece: &[u8]| piece.iter().fold(false, |found, b| found | suspect(b));
    if !fits(text, limits) || text.as_bytes().chunks(4096).any(suspicious) {
        return None;
    }
    let scan = Scan::new(text, limits);
    let scopes = vec![("xml", XML), ("", NO_NAMESPACE)];
    let mut reader = Reader { scan, flat: Flat::new(text), scopes, open: Vec::with_capacity(16) };
    reader.document()?;
    Some(reader.flat)
}

/// The document element's tag of a text that has no prefixes and no declarations inside, or nothing where the tree's reader has
/// to look. The text has no character that XML does not have.
pub(super) fn root_tag(text: &str, limits: Limits) -> Option<&str> {
    if !fits(text, limits) {
        return None;
    }
    let mut scan = Scan::new(text, limits);
    let mut open = Vec::with_capacity(16);
    scan.blank();
    let from = scan.at;
    open.extend(scan.plain_start(0)?);
    let tag = text.get(from..scan.at)?;
    while let Some(last) = open.last() {
        scan.text()?;
        if scan.bytes.get(scan.at + 1) == Some(&b'/') {
            scan.end(last)?;
            open.pop();
        } else {
            open.extend(scan.plain_start(open.len())?);
        }
    }
    scan.blank();
    (scan.at == text.len()).then_some(tag)
}

/// Whether no value and no text of it can be too long.
fn fits(text: &str, limits: Limits) -> bool {
    text.len() <= limits.bytes_max.min(limits.attribute_bytes_max).min(limits.text_bytes_max)
}

/// What tags, values and texts are made of, and how many elements there were.
struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    limits: Limits,
    elements: usize,
    /// The attributes of the tag that is read.
    given: Vec<&'a str>,
}

/// The bytes of names that the quick way takes; a name begins with none of the last three.
const NAMES: [bool; 256] = {
    let mut names = [false; 256];
    let mut at = 0;
    while at < 128 {
        #[expect(clippy::cast_possible_truncation, clippy::indexing_slicing, reason = "below 128, when compiled")]
        {
            let byte = at as u8;
            names[at] = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        }
        at += 1;
    }
    names
};

/// A value or a text: where it stands, and whether it has references.
struct Piece {
    from: usize,
    to: usize,
    has_references: bool,
}

impl<'a> Scan<'a> {
    fn new(text: &'a str, limits: Limits) -> Self {
        Self { text, bytes: text.as_bytes(), at: 0, limits, elements: 0, given: Vec::new() }
    }

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
        let length = rest.iter().position(|b| !NAMES.get(usize::from(*b)).is_some_and(|is_name| *is_name))?;
        let begins = rest.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
        let name = self.text.get(self.at..self.at + length).filter(|_| begins)?;
        self.at += length;
        Some(name)
    }

    /// One element more, this deep.
    fn count(&mut self, depth: usize) -> Option<()> {
        self.elements += 1;
        (self.elements <= self.limits.elements_max && depth < self.limits.depth_max).then_some(())
    }

    /// A start tag or empty tag without prefixes, of which only the first one may declare its namespace. What it opens.
    fn plain_start(&mut self, depth: usize) -> Option<Option<&'a str>> {
        self.count(depth)?;
        self.takes(b'<')?;
        let name = self.name()?;
        self.given.clear();
        loop {
            let parted = self.blank();
            match self.peek()? {
                b'>' => {
                    self.at += 1;
                    return Some(Some(name));
                }
                b'/' => {
                    self.at += 1;
                    return self.takes(b'>').map(|()| None);
                }
                _ if !parted || self.given.len() >= self.limits.attributes_max => return None,
                _ => {}
            }
            let attribute = self.name()?;
            if self.given.contains(&attribute) || (self.elements > 1 && attribute == "xmlns") {
                return None;
            }
            self.given.push(attribute);
            self.equals()?;
            self.value()?;
        }
    }

    fn equals(&mut self) -> Option<()> {
        self.blank();
        self.takes(b'=')?;
        self.blank();
        Some(())
    }

    /// A value with its quotes.
    fn value(&mut self) -> Option<Piece> {
        let quote = self.peek().filter(|b| matches!(b, b'"' | b'\''))?;
        self.at += 1;
        let (from, mut has_references) = (self.at, false);
        loop {
            self.at += memchr2(quote, b'&', self.bytes.get(self.at..)?)?;
            if self.peek()? == quote {
                break;
            }
            self.reference()?;
            has_references = true;
        }
        let to = self.at;
        self.at += 1;
        let has_tag = self.bytes.get(from..to)?.iter().fold(false, |found, b| found | (*b == b'<'));
        (!has_tag).then_some(Piece { from, to, has_references })
    }

    /// Text up to the next tag.
    fn text(&mut self) -> Option<Piece> {
        let (from, mut has_references) = (self.at, false);
        loop {
            // Between most tags of a document stands nothing.
            if self.peek()? != b'<' {
                self.at += memchr3(b'<', b'&', b']', self.bytes.get(self.at..)?)?;
            }
            match self.peek()? {
                b'&' => {
                    self.reference()?;
                    has_references = true;
                }
                b'<' => return Some(Piece { from, to: self.at, has_references }),
                _ if self.bytes.get(self.at..)?.starts_with(b"]]>") => return None,
                _ => self.at += 1,
            }
        }
    }

    fn reference(&mut self) -> Option<char> {
        let rest = self.bytes.get(self.at..)?;
        let (name, character) = REFERENCES.iter().find(|(name, _)| rest.starts_with(name.as_bytes()))?;
        self.at += name.len();
        Some(*character)
    }

    /// The end tag of what is open under this name.
    fn end(&mut self, name: &str) -> Option<()> {
        let from = self.at + 2;
        if !self.bytes.get(from..)?.starts_with(name.as_bytes()) {
            return None;
        }
        self.at = from + name.len();
        self.blank();
        self.takes(b'>')
    }
}

/// XML 1.0, section 4.6.
const REFERENCES: [(&str, char); 5] = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&apos;", '\'')];

/// Reads a document into its list.
struct Reader<'a> {
    scan: Scan<'a>,
    flat: Flat<'a>,
    /// Prefixes with their namespaces, innermost last.
    scopes: Vec<(&'a str, u16)>,
    open: Vec<Open<'a>>,
}

/// An open element: its row, its name with its prefix, and how many prefixes are declared around it.
struct Open<'a> {
    row: usize,
    name: &'a str,
    scopes: usize,
}

/// The declaration that nearly every document has.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>";

impl<'a> Reader<'a> {
    fn document(&mut self) -> Option<()> {
        if self.scan.text.starts_with(DECLARATION) {
            self.scan.at = DECLARATION.len();
        }
        self.scan.blank();
        self.start()?;
        while let Some(open) = self.open.last() {
            let (row, name, scopes) = (open.row, open.name, open.scopes);
            let text = self.scan.text()?;
            let text = self.resolved(&text)?;
            self.flat.push_text(text);
            if self.scan.bytes.get(self.scan.at + 1) == Some(&b'/') {
                self.scan.end(name)?;
                self.flat.close_row(row);
                self.scopes.truncate(scopes);
                self.open.pop();
            } else {
                self.start()?;
            }
        }
        self.scan.blank();
        (self.scan.at == self.scan.text.len()).then_some(())
    }

    /// A prefix (empty for none) and a local name.
    fn qualified(&mut self) -> Option<(&'a str, &'a str)> {
        let first = self.scan.name()?;
        match self.scan.takes(b':') {
            Some(()) => Some((first, self.scan.name()?)),
            None => Some(("", first)),
        }
    }

    fn start(&mut self) -> Option<()> {
        self.scan.count(self.open.len())?;
        let (at, from, scopes) = (self.scan.at, self.flat.given(), self.scopes.len());
        self.scan.takes(b'<')?;
        let (prefix, name) = self.qualified()?;
        let qualified = self.scan.text.get(at + 1..self.scan.at)?;
        let is_empty = self.attributes(from)?;
        if self.scopes.len() > self.scan.limits.declarations_max {
            return None;
        }
        self.name_attributes(from)?;
        let (row, given) = (self.flat.rows(), self.flat.given() - from);
        self.flat.push_row(Row {
            is_element: true,
            namespace: self.lookup(prefix)?,
            attributes: u16::try_from(given).ok()?,
            attributes_from: u32::try_from(from).ok()?,
            prefix: self.place(prefix),
            name: self.place(name),
            end: u32::try_from(row + 1).ok()?,
            at: u32::try_from(at).ok()?,
        });
        match is_empty {
            true => self.scopes.truncate(scopes),
            false => self.open.push(Open { row, name: qualified, scopes }),
        }
        Some(())
    }

    /// Everything up to the tag's end; says whether the tag is an empty one.
    fn attributes(&mut self, from: usize) -> Option<bool> {
        loop {
            let parted = self.scan.blank();
            match self.scan.peek()? {
                b'>' => {
                    self.scan.at += 1;
                    return Some(false);
                }
                b'/' => {
                    self.scan.at += 1;
                    return self.scan.takes(b'>').map(|()| true);
                }
                _ if !parted || self.flat.given() - from >= self.scan.limits.attributes_max => return None,
                _ => {}
            }
            let (prefix, name) = self.qualified()?;
            self.scan.equals()?;
            let value = self.scan.value()?;
            // White space in a value is read as spaces, for which the reader has its rules.
            let raw = self.scan.bytes.get(value.from..value.to)?;
            if raw.iter().fold(false, |found, b| found | matches!(b, b'\t' | b'\n')) {
                return None;
            }
            let value = self.resolved(&value)?;
            match (prefix, name) {
                ("", "xmlns") => self.declare("", value, from)?,
                ("xmlns", prefix) => self.declare(prefix, value, from)?,
                _ => {
                    let (prefix, name) = (self.place(prefix), self.place(name));
                    let namespace = NO_NAMESPACE;
                    self.flat.push_given(Given { is_declaration: false, namespace, prefix, name, value });
                }
            }
        }
    }

    fn declare(&mut self, prefix: &'a str, uri: Span, from: usize) -> Option<()> {
        let text = self.flat.str(uri);
        let is_odd = prefix == "xmlns" || prefix == "xml" || text == XML_NAMESPACE;
        let name = self.place(prefix);
        let mut before = self.flat.given_from(from).iter().filter(|g| g.is_declaration);
        if is_odd || (!prefix.is_empty() && text.is_empty()) || before.any(|g| self.flat.says(g.name, prefix)) {
            return None;
        }
        let limits = self.scan.limits;
        if text.len() > limits.namespace_bytes_max {
            return None;
        }
        let namespace = self.flat.namespace(uri, limits.namespaces_max)?;
        self.flat.push_given(Given { is_declaration: true, namespace, prefix: Span::default(), name, value: uri });
        self.scopes.push((prefix, namespace));
        Some(())
    }

    /// Gives the attributes from here on their namespaces; none may stand twice.
    fn name_attributes(&mut self, from: usize) -> Option<()> {
        for place in 0..self.flat.given() - from {
            let one = *self.flat.given_from(from).get(place)?;
            if one.is_declaration {
                continue;
            }
            let (prefix, name) = (self.flat.str(one.prefix), self.flat.str(one.name));
            let namespace = if prefix.is_empty() { NO_NAMESPACE } else { self.lookup(prefix)? };
            let mut before = self.flat.given_from(from).iter().take(place).filter(|g| !g.is_declaration);
            if before.any(|g| g.namespace == namespace && self.flat.says(g.name, name)) {
                return None;
            }
            self.flat.given_from_mut(from).get_mut(place)?.namespace = namespace;
        }
        Some(())
    }

    fn lookup(&self, prefix: &str) -> Option<u16> {
        // Prefixes are short: a comparison of their bytes is over before one of memory would begin.
        let is_it = |known: &str| known.len() == prefix.len() && known.bytes().eq(prefix.bytes());
        self.scopes.iter().rev().find(|(known, _)| is_it(known)).map(|(_, namespace)| *namespace)
    }

    /// Where a name stands: it was taken from right behind what was read last, or is nothing.
    fn place(&self, name: &'a str) -> Span {
        if name.is_empty() {
            return Span::default();
        }
        let from = name.as_ptr().addr().saturating_sub(self.scan.text.as_ptr().addr());
        span(from, from + name.len())
    }

    /// Where what a piece says stands: the piece itself, where it has no references.
    fn resolved(&mut self, piece: &Piece) -> Option<Span> {
        if !piece.has_references {
            return Some(span(piece.from, piece.to));
        }
        let raw = self.scan.text.get(piece.from..piece.to)?;
        Some(self.flat.resolve(|out| write_resolved(raw, out)))
    }
}

/// Writes a text, whose references are of the five, with the characters that they stand for.
fn write_resolved(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some((plain, reference)) = rest.find('&').map(|at| rest.split_at(at)) {
        out.push_str(plain);
        let known = REFERENCES.iter().find_map(|(name, c)| Some((reference.strip_prefix(name)?, *c)));
        let Some((after, character)) = known else {
            rest = reference;
            break;
        };
        out.push(character);
        rest = after;
    }
    out.push_str(rest);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::super::read::{Limits, parse_root, strict};
    use super::super::{Element, Tree};
    use super::{flat, root_tag};

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
            "<p:a p:b='1' q:b='2'>",
            " xmlns:p='u'",
            " xmlns:q=\"u\"",
            " xmlns=''",
            " xmlns:p=''",
            " xmlns:xml='u'",
            " xmlns:x='http://www.w3.org/XML/1998/namespace'",
            " q:y=' z\t'",
            "\r",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>",
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
        let named = prop::sample::select(vec![
            "text",
            "&amp;&quot;",
            "<b/>",
            "<p:b p:y='&lt;' x=\"ä'\">t</p:b >",
            "<b xmlns='v' y='1' xmlns:q=\"u\"><c/>\n</b>",
            "<q:b xmlns:q='w' q:x='1' xml:lang='sv' p:x='2'/>",
            "<p:b p:x='1' x='2' x='3'/>",
            "<q:b/>",
            "<!--c-->",
        ]);
        let head =
            prop::sample::select(vec!["", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", "<?xml version='1.0'?>"]);
        let named = (head, prop::collection::vec(named, 0..10))
            .prop_map(|(head, all)| format!("{head}<p:a xmlns:p='u' xmlns='d' ID=\"a\">{}</p:a>\n", all.concat()));
        prop_oneof![pieces, wrapped, whole, named]
    }

    /// Where everything stands, which trees do not differ by.
    fn places(element: &Element, into: &mut Vec<Option<usize>>) {
        into.push(element.at.bytes());
        into.extend(element.attributes.iter().map(|a| a.at.bytes()));
        element.elements().for_each(|child| places(child, into));
    }

    fn all_places(tree: &Tree) -> Vec<Option<usize>> {
        let mut all = Vec::new();
        places(&tree.root, &mut all);
        all
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn what_the_quick_way_takes_the_trees_reader_takes_with_the_same_root(text in texts()) {
            if root_tag(&text, Limits::DOCUMENT).is_some() {
                let mut tree = strict(&text, Limits::DOCUMENT).map_err(|e| TestCaseError::fail(e.to_string()))?.root;
                tree.children.clear();
                prop_assert!(parse_root(&text, Limits::DOCUMENT).is_ok_and(|root| root.tree().root == tree));
            }
        }

        #[test]
        fn what_the_quick_way_reads_is_the_tree_that_the_trees_reader_reads(text in texts()) {
            if let Some(flat) = flat(&text, Limits::DOCUMENT) {
                let tree = strict(&text, Limits::DOCUMENT).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert!(*flat.tree() == tree);
                prop_assert_eq!(all_places(flat.tree()), all_places(&tree));
            }
        }

        #[test]
        fn plain_forms_go_the_quick_way(inside in "[a-zåäö \n]{0,40}", value in "[a-z&&[^&]]{0,40}") {
            let text = format!("<div lang='fi' id=\"{value}\"><table><tr><td>{inside}&lt;</td></tr></table><br/></div>");
            prop_assert!(root_tag(&text, Limits::DOCUMENT).is_some() && flat(&text, Limits::DOCUMENT).is_some());
        }
    }

    #[test]
    fn limits_hold_on_the_quick_way_too() {
        let deep = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(root_tag(&deep(64), Limits::DOCUMENT).is_some() && root_tag(&deep(65), Limits::DOCUMENT).is_none());
        let few = Limits { elements_max: 3, attribute_bytes_max: 20, ..Limits::DOCUMENT };
        assert!(root_tag("<a><b/><b/></a>", few).is_some() && root_tag("<a><b/><b/><b/></a>", few).is_none());
        assert!(root_tag("<a>more than twenty bytes</a>", few).is_none());
        assert!(flat(&deep(64), Limits::DOCUMENT).is_some() && flat(&deep(65), Limits::DOCUMENT).is_none());
        assert!(flat("<a><b/><b/></a>", few).is_some() && flat("<a><b/><b/><b/></a>", few).is_none());
        assert!(flat("<a>more than twenty bytes</a>", few).is_none());
        let few = Limits { attributes_max: 2, declarations_max: 4, ..Limits::DOCUMENT };
        let declared = "<a xmlns:a='u' xmlns:b='v'>";
        assert!(flat(&format!("{declared}</a>"), few).is_some());
        assert!(flat(&format!("{declared}<b xmlns='w'/></a>"), few).is_none());
        assert!(flat("<a x='' y='' z=''/>", few).is_none());
    }

    #[test]
    fn a_list_made_of_a_tree_says_what_the_list_that_was_read_says() {
        let text = "<p:a xmlns:p='u' ID='1'>a&lt;<p:b p:x='y' x='z'>b</p:b><c/>d</p:a>";
        let read = flat(text, Limits::DOCUMENT).unwrap();
        let made = super::Flat::of(read.tree().clone());
        for flat in [&read, &made] {
            let (root, b) = (flat.root(), flat.root().first("b").unwrap());
            assert_eq!((root.name(), root.namespace(), root.attribute("ID")), ("a", "u", Some("1")));
            assert_eq!((root.all_text().as_ref(), b.all_text().as_ref()), ("a<bd", "b"));
            assert_eq!((b.attribute("x"), b.attribute_of_any_namespace("x")), (Some("z"), Some("y")));
            assert!(root.first("c").is_none() && root.first_in("", "c").is_some() && root.elements().count() == 2);
        }
    }
}
