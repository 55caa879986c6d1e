//! Exclusive XML Canonicalization 1.0 without comments (`http://www.w3.org/2001/10/xml-exc-c14n#`) of one element.
//!
//! No inclusive-prefix list: a signature that asks for one is refused before it comes here. Names in the tree are resolved
//! already, so the element's ancestors are not needed: exclusive form renders a namespace where it is visibly used.

use crate::domain::xml::{Attribute, Element, Node};

/// The element's canonical form. Its depth is bounded by the reader's limit.
pub fn canonical(element: &Element) -> String {
    let mut out = String::new();
    write_element(element, &mut Vec::new(), &mut out);
    out
}

/// Declarations rendered so far around the place being written, innermost last.
type Rendered<'a> = Vec<(&'a str, &'a str)>;

fn write_element<'a>(element: &'a Element, rendered: &mut Rendered<'a>, out: &mut String) {
    let outer = rendered.len();
    let declared = visibly_used(element, rendered);
    out.push('<');
    qualified(&element.prefix, &element.name, out);
    for (prefix, uri) in &declared {
        out.push_str(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
        out.push_str(prefix);
        attribute_value(uri, out);
    }
    rendered.extend(declared);
    for attribute in in_order(&element.attributes) {
        out.push(' ');
        qualified(&attribute.prefix, &attribute.name, out);
        attribute_value(&attribute.value, out);
    }
    out.push('>');
    for node in &element.children {
        match node {
            Node::Element(child) => write_element(child, rendered, out),
            Node::Text(text) => escape_text(text, out),
            Node::Instruction(text) => instruction(text, out),
            Node::Comment(_) => {}
        }
    }
    out.push_str("</");
    qualified(&element.prefix, &element.name, out);
    out.push('>');
    rendered.truncate(outer);
}

/// The declarations to render here, in the order of their prefixes: those used by this element's own name and its attributes'
/// names that the nearest output ancestor does not render with the same value already.
fn visibly_used<'a>(element: &'a Element, rendered: &Rendered<'a>) -> Vec<(&'a str, &'a str)> {
    let own = std::iter::once((element.prefix.as_str(), element.namespace.as_str()));
    let attributes = element.attributes.iter().filter(|a| !a.prefix.is_empty());
    let mut declared: Vec<(&str, &str)> = Vec::new();
    for (prefix, uri) in own.chain(attributes.map(|a| (a.prefix.as_str(), a.namespace.as_str()))) {
        // `xml` is never declared; an unset default namespace counts as rendered at the top.
        let in_force = rendered.iter().rev().find(|(p, _)| *p == prefix).map(|(_, uri)| *uri);
        let same = in_force.map_or(prefix.is_empty() && uri.is_empty(), |u| u == uri);
        if prefix != "xml" && !same && !declared.contains(&(prefix, uri)) {
            declared.push((prefix, uri));
        }
    }
    declared.sort_unstable();
    declared
}

/// Attributes by namespace URI, then local name; those of no namespace come first.
fn in_order(attributes: &[Attribute]) -> Vec<&Attribute> {
    let mut sorted: Vec<&Attribute> = attributes.iter().collect();
    sorted.sort_unstable_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
    sorted
}

fn qualified(prefix: &str, name: &str, out: &mut String) {
    if !prefix.is_empty() {
        out.push_str(prefix);
        out.push(':');
    }
    out.push_str(name);
}

/// Canonical XML 1.0 §2.3: one space between target and data.
fn instruction(text: &str, out: &mut String) {
    let (target, data) = text.split_once([' ', '\t', '\n', '\r']).unwrap_or((text, ""));
    out.push_str("<?");
    out.push_str(target);
    let data = data.trim_start_matches([' ', '\t', '\n', '\r']);
    if !data.is_empty() {
        out.push(' ');
        out.push_str(data);
    }
    out.push_str("?>");
}

fn attribute_value(value: &str, out: &mut String) {
    out.push_str("=\"");
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '"' => out.push_str("&quot;"),
            '\t' => out.push_str("&#x9;"),
            '\n' => out.push_str("&#xA;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn escape_text(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#xD;"),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::xml::{Limits, parse};

    fn canonical_of(text: &str) -> String {
        canonical(&parse(text.as_bytes(), Limits::DOCUMENT).unwrap().root)
    }

    #[test]
    fn namespaces_are_rendered_where_they_are_visibly_used() {
        assert_eq!(
            canonical_of("<a xmlns='d' xmlns:p='u' xmlns:q='v'><p:b q:x='1'/><c xmlns=''><p:d/></c></a>"),
            "<a xmlns=\"d\"><p:b xmlns:p=\"u\" xmlns:q=\"v\" q:x=\"1\"></p:b><c xmlns=\"\"><p:d xmlns:p=\"u\"></p:d></c></a>"
        );
    }

    #[test]
    fn a_part_is_the_same_whatever_stands_around_it() {
        let part = "<p:b xmlns:p='u' y='2' x='1'><!--no-->t<c xmlns='d'/></p:b>";
        let whole = parse(format!("<a xmlns='d' xmlns:p='u' xml:lang='fi'>{part}</a>").as_bytes(), Limits::DOCUMENT);
        let inside = whole.unwrap();
        assert_eq!(canonical(inside.root.elements().next().unwrap()), canonical_of(part));
    }

    #[test]
    fn text_and_attributes_are_escaped_as_the_recommendation_says() {
        assert_eq!(
            canonical_of("<a b='&#9;&#10;&#13;&quot;&gt;&lt;&amp;'>&#13;&gt;&lt;&quot;<?t   d ?><?u?></a>"),
            "<a b=\"&#x9;&#xA;&#xD;&quot;>&lt;&amp;\">&#xD;&gt;&lt;\"<?t d ?><?u?></a>"
        );
    }

    #[test]
    fn attributes_stand_by_namespace_and_name() {
        assert_eq!(
            canonical_of("<a xmlns:x='z' xmlns:y='b' x:m='1' y:n='2' y:l='3' b='4' xml:id='5' a='6'/>"),
            "<a xmlns:x=\"z\" xmlns:y=\"b\" a=\"6\" b=\"4\" y:l=\"3\" y:n=\"2\" xml:id=\"5\" x:m=\"1\"></a>"
        );
    }
}
