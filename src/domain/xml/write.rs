//! Tree to bytes. The same tree always gives the same bytes; what was read is written so that it reads the same again.

use std::fmt::Write;

use super::{Element, Node, Tree};

impl Tree {
    /// The document with an XML declaration, UTF-8, line ends LF.
    pub fn to_xml(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        for node in &self.prolog {
            write_node(node, &mut Scope::new(), &mut out);
            out.push('\n');
        }
        write_element(&self.root, &mut Scope::new(), &mut out);
        out.push('\n');
        out
    }
}

impl Element {
    /// This element alone, without XML declaration.
    pub fn to_xml(&self) -> String {
        let mut out = String::new();
        write_element(self, &mut Scope::new(), &mut out);
        out
    }
}

/// Bindings in scope, innermost last.
type Scope<'a> = Vec<(&'a str, &'a str)>;

fn write_element<'a>(element: &'a Element, scope: &mut Scope<'a>, out: &mut String) {
    let outer = scope.len();
    scope.extend(element.declarations.iter().map(|(prefix, uri)| (prefix.as_str(), uri.as_str())));
    let own = std::iter::once((&element.prefix, &element.namespace));
    let attributes = element.attributes.iter().filter(|a| !a.prefix.is_empty() && a.prefix != "xml");
    for (prefix, uri) in own.chain(attributes.map(|a| (&a.prefix, &a.namespace))) {
        let bound = scope.iter().rev().find(|(p, _)| p == &prefix.as_str()).map_or("", |(_, u)| *u);
        if uri != bound {
            scope.push((prefix, uri));
        }
    }
    out.push('<');
    qualified(&element.prefix, &element.name, out);
    for (prefix, uri) in scope.iter().skip(outer) {
        out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        out.push_str(prefix);
        attribute_value(uri, out);
    }
    for attribute in &element.attributes {
        out.push(' ');
        qualified(&attribute.prefix, &attribute.name, out);
        attribute_value(&attribute.value, out);
    }
    if element.children.is_empty() {
        out.push_str("/>");
    } else {
        out.push('>');
        for node in &element.children {
            write_node(node, scope, out);
        }
        out.push_str("</");
        qualified(&element.prefix, &element.name, out);
        out.push('>');
    }
    scope.truncate(outer);
}

fn write_node<'a>(node: &'a Node, scope: &mut Scope<'a>, out: &mut String) {
    match node {
        Node::Element(element) => write_element(element, scope, out),
        Node::Text(text) => escape(text, out, |c| match c {
            '&' => Some("&amp;"),
            '<' => Some("&lt;"),
            '>' => Some("&gt;"),
            '\r' => Some("&#xD;"),
            _ => None,
        }),
        Node::Comment(text) => drop(write!(out, "<!--{text}-->")),
        Node::Instruction(text) => drop(write!(out, "<?{text}?>")),
    }
}

fn qualified(prefix: &str, name: &str, out: &mut String) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(name);
}

fn attribute_value(value: &str, out: &mut String) {
    out.push_str("=\"");
    escape(value, out, |c| match c {
        '&' => Some("&amp;"),
        '<' => Some("&lt;"),
        '"' => Some("&quot;"),
        '\t' => Some("&#x9;"),
        '\n' => Some("&#xA;"),
        '\r' => Some("&#xD;"),
        _ => None,
    });
    out.push('"');
}

/// Characters that XML 1.0 does not allow at all cannot be escaped; they become U+FFFD.
fn escape(text: &str, out: &mut String, named: impl Fn(char) -> Option<&'static str>) {
    // A document as Base64 is one long text without anything to escape: bytes are looked at faster than characters.
    let (plain, mut rest) = text.split_at(plain_start(text));
    out.push_str(plain);
    // Most text needs no escape and is copied in whole pieces.
    while let Some((at, c)) = rest.char_indices().find(|(_, c)| named(*c).is_some() || !is_xml_character(*c)) {
        let (plain, from) = rest.split_at(at);
        out.push_str(plain);
        out.push_str(named(c).unwrap_or("\u{fffd}"));
        rest = from.get(c.len_utf8()..).unwrap_or_default();
    }
    out.push_str(rest);
}

/// So many bytes from the start that need no look at their characters. In pieces, each looked at to its end: the compiler makes
/// that fast. Of what is not ASCII only U+FFFE and U+FFFF are no characters of XML, and they begin with 0xEF.
fn plain_start(text: &str) -> usize {
    const PIECE: usize = 64;
    let suspect = |b: &u8| *b < 0x20 || matches!(b, b'&' | b'<' | b'>' | b'"' | 0xef);
    let looked_at = |piece: &[u8]| piece.iter().fold(false, |found, b| found | suspect(b));
    let plain = text.as_bytes().chunks(PIECE).take_while(|piece| !looked_at(piece)).count() * PIECE;
    let plain = plain.min(text.len());
    (0..=plain).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default()
}

/// XML 1.0 §2.2, `Char`.
pub(crate) fn is_xml_character(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::super::{Limits, parse};
    use super::*;

    #[test]
    fn what_is_read_is_written_so_that_it_reads_the_same() {
        for text in [
            "<a xmlns=\"d\" x=\"&quot;&amp;&#xA;\">t&lt;&#xD;<b xmlns=\"\"><c/></b><!--k--><?pi x?></a>",
            "<p:a xmlns:p=\"u\" p:x=\"1\" xml:lang=\"fi\"><q:b xmlns:q=\"u\" q:y=\"2\"/></p:a>",
        ] {
            let tree = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
            assert_eq!(tree.root.to_xml(), text);
            assert!(parse(tree.to_xml().as_bytes(), Limits::DOCUMENT).unwrap() == tree);
        }
    }

    #[test]
    fn a_built_element_declares_its_namespace_where_it_changes() {
        let built = Element::new("u", "a")
            .child(Element::new("u", "b").with("x", "<\u{1}"))
            .child(Element::new("v", "c").text("]]>"));
        assert_eq!(built.to_xml(), "<a xmlns=\"u\"><b x=\"&lt;\u{fffd}\"/><c xmlns=\"v\">]]&gt;</c></a>");
    }
}
