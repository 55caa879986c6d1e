//! XML as one tree: read with limits, looked up by expanded name, written back.
//!
//! The tree that a signature is verified over is the tree that is read: there is no second parser. DOCTYPE and entity
//! declarations are refused, so is anything past [`Limits`]. Everything else is kept, known or not: every element, attribute,
//! comment and processing instruction, each with its place in the text. What was read and is written reads the same again, and
//! what was written so is written the same again. A document of which only some is looked at is read as a list ([`Flat`]), which
//! makes its tree when that is asked for. Knows nothing of what the elements mean.

mod flat;
mod name;
mod place;
mod quick;
mod read;
mod write;

pub use flat::{Flat, FlatElement};
pub use name::Name;
pub use place::Offset;
pub use read::{Limits, Misread, XmlError, parse, parse_flat, parse_placed, parse_root};
pub(crate) use write::is_xml_character;

use super::finding::redacted_debug;

/// The XML namespace, bound to `xml` without a declaration.
pub const XML_NAMESPACE: &str = "http://www.w3.org/XML/1998/namespace";

/// A document: its element and what stands before it (comments and processing instructions; never a DOCTYPE).
#[derive(Clone, PartialEq, Eq)]
pub struct Tree {
    /// Comments and instructions before the document element.
    pub prolog: Vec<Node>,
    /// The document element.
    pub root: Element,
}

/// What an element contains.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Text with entities resolved and line ends as `\n`; CDATA is text too.
    Text(String),
    /// A comment, between its marks.
    Comment(String),
    /// A processing instruction, between its marks.
    Instruction(String),
}

/// An element with its names resolved; prefixes are kept because canonical XML writes them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Element {
    /// Namespace URI; empty for none.
    pub namespace: Name,
    /// Prefix as written; empty for none.
    pub prefix: Name,
    /// Local name.
    pub name: Name,
    /// Namespace declarations on this element, in document order: prefix (empty for the default) and URI.
    pub declarations: Vec<(Name, Name)>,
    /// Attributes in document order, declarations left out.
    pub attributes: Vec<Attribute>,
    /// Content in order.
    pub children: Vec<Node>,
    /// Where its `<` stood in the text that was read.
    pub at: Offset,
}

/// An attribute.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Namespace URI; empty for none.
    pub namespace: Name,
    /// Prefix as written; empty for none.
    pub prefix: Name,
    /// Local name.
    pub name: Name,
    /// Normalised value.
    pub value: String,
    /// Where its name stood in the text that was read.
    pub at: Offset,
}

// A tree may hold anybody's data.
redacted_debug!(Tree);
redacted_debug!(Flat<'_>);
redacted_debug!(FlatElement<'_>);
redacted_debug!(Node);
redacted_debug!(Element);
redacted_debug!(Attribute);

impl Element {
    /// An element without prefix; its namespace is written as the default one where that differs from its parent's.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self {
            namespace: namespace.into(),
            prefix: Name::default(),
            name: name.into(),
            declarations: Vec::new(),
            attributes: Vec::new(),
            children: Vec::new(),
            at: Offset::default(),
        }
    }

    /// The same element with an attribute of no namespace added.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute {
            namespace: Name::default(),
            prefix: Name::default(),
            name: name.into(),
            value: value.into(),
            at: Offset::default(),
        });
        self
    }

    /// The same element with a child element added.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// The same element with child elements added.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// The same element with text added.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    /// Whether it has this expanded name.
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace == namespace
    }

    /// The value of an attribute of no namespace.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.name == name && a.namespace.is_empty()).map(|a| a.value.as_str())
    }

    /// The child elements in order.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            _ => None,
        })
    }

    /// The child elements of this local name in this element's own namespace.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |e| e.is(&self.namespace, name))
    }

    /// The first child element of this local name in this element's own namespace.
    pub fn first(&self, name: &str) -> Option<&Self> {
        self.elements().find(|e| e.is(&self.namespace, name))
    }

    /// The first child element of this expanded name.
    pub fn first_in(&self, namespace: &str, name: &str) -> Option<&Self> {
        self.elements().find(|e| e.is(namespace, name))
    }

    /// Follows first children by local name, all in this element's own namespace: `at(["custodian", "assignedCustodian"])`.
    pub fn at<const N: usize>(&self, path: [&str; N]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.first(name))
    }

    /// All text below this element, comments left out.
    pub fn all_text(&self) -> String {
        let mut text = String::new();
        self.collect_text(&mut text);
        text
    }

    fn collect_text(&self, into: &mut String) {
        for node in &self.children {
            match node {
                Node::Text(text) => into.push_str(text),
                Node::Element(element) => element.collect_text(into),
                Node::Comment(_) | Node::Instruction(_) => {}
            }
        }
    }

    /// This element and all below it, in document order.
    pub fn descendants(&self) -> Descendants<'_> {
        Descendants { stack: vec![self] }
    }

    /// Drops text nodes that are white space only, here and below.
    pub fn drop_blank_text(&mut self) {
        self.children.retain(|node| !matches!(node, Node::Text(t) if t.trim().is_empty()));
        for node in &mut self.children {
            if let Node::Element(element) = node {
                element.drop_blank_text();
            }
        }
    }
}

/// See [`Element::descendants`].
pub struct Descendants<'a> {
    stack: Vec<&'a Element>,
}

impl<'a> Iterator for Descendants<'a> {
    type Item = &'a Element;

    fn next(&mut self) -> Option<&'a Element> {
        let element = self.stack.pop()?;
        let from = self.stack.len();
        self.stack.extend(element.elements());
        self.stack.get_mut(from..)?.reverse();
        Some(element)
    }
}
