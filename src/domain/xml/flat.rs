//! A document as one list of its elements and texts, each a place in the text that was read: what is looked up in a document is
//! looked up here, at a fraction of what a tree of it costs.
//!
//! Comments and processing instructions are in the tree alone, which [`Flat::tree`] makes when it is asked for: to verify over,
//! and to write.

use std::borrow::Cow;
use std::sync::OnceLock;

use super::name::Names;
use super::{Attribute, Element, Name, Node, Offset, Tree, XML_NAMESPACE};

/// Where something stands, in bytes: in the text that was read or, counted on from its end, in what is not written there as it is.
#[derive(Clone, Copy, Default)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// An element or a text.
#[derive(Clone, Copy)]
pub(super) struct Row {
    pub(super) is_element: bool,
    /// By its place in the list of namespaces.
    pub(super) namespace: u16,
    /// How many attributes and declarations it has.
    pub(super) attributes: u16,
    /// Where they begin.
    pub(super) attributes_from: u32,
    pub(super) prefix: Span,
    /// The local name, or the text.
    pub(super) name: Span,
    /// The row after everything that is in it.
    pub(super) end: u32,
    pub(super) at: u32,
}

/// An attribute, or a declaration: then `name` is the prefix that is declared.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub(super) is_declaration: bool,
    pub(super) namespace: u16,
    pub(super) prefix: Span,
    pub(super) name: Span,
    pub(super) value: Span,
}

/// A document. Has at least its document element.
#[derive(Clone)]
pub struct Flat<'t> {
    text: Cow<'t, str>,
    /// What is not written in the text as it is: texts and values with references resolved.
    resolved: String,
    namespaces: Vec<Span>,
    rows: Vec<Row>,
    given: Vec<Given>,
    tree: OnceLock<Tree>,
}

/// The namespace that is none, and that of `xml`, which every document has.
pub(super) const NO_NAMESPACE: u16 = 0;
pub(super) const XML: u16 = 1;

impl<'t> Flat<'t> {
    /// A document without its element yet.
    pub(super) fn new(text: &'t str) -> Self {
        // About as many as documents have for their length.
        let (rows, given) = (Vec::with_capacity(16 + text.len() / 96), Vec::with_capacity(16 + text.len() / 128));
        let (namespaces, tree) = (Vec::with_capacity(8), OnceLock::new());
        let mut flat = Self { text: Cow::Borrowed(text), resolved: String::new(), namespaces, rows, given, tree };
        flat.namespaces.push(Span::default());
        let xml = flat.resolve(|resolved| resolved.push_str(XML_NAMESPACE));
        flat.namespaces.push(xml);
        flat
    }

    /// The same, for as long as one wants.
    pub fn into_owned(self) -> Flat<'static> {
        let Self { text, resolved, namespaces, rows, given, tree } = self;
        Flat { text: Cow::Owned(text.into_owned()), resolved, namespaces, rows, given, tree }
    }

    /// The document element.
    pub fn root(&self) -> FlatElement<'_> {
        FlatElement { flat: self, at: 0 }
    }

    /// The document as a tree.
    pub fn tree(&self) -> &Tree {
        self.tree.get_or_init(|| self.to_tree())
    }

    /// The document as a tree and no longer as a list.
    pub fn into_tree(mut self) -> Tree {
        self.tree.take().unwrap_or_else(|| self.to_tree())
    }

    pub(super) fn str(&self, span: Span) -> &str {
        let (from, to) = (index(span.from), index(span.to));
        match from.checked_sub(self.text.len()) {
            None => self.text.get(from..to),
            Some(from) => self.resolved.get(from..to.saturating_sub(self.text.len())),
        }
        .unwrap_or_default()
    }

    /// Whether this stands there. Most names differ in length, which is seen before they are looked at.
    pub(super) fn says(&self, span: Span, text: &str) -> bool {
        index(span.to.saturating_sub(span.from)) == text.len() && self.str(span) == text
    }

    /// A place for what is not written in the text as it is.
    pub(super) fn resolve(&mut self, write: impl FnOnce(&mut String)) -> Span {
        let from = self.text.len() + self.resolved.len();
        write(&mut self.resolved);
        span(from, self.text.len() + self.resolved.len())
    }

    /// The namespace's place in the list, which has at most so many besides the two that every document has; nothing where there
    /// are more.
    pub(super) fn namespace(&mut self, uri: Span, most: usize) -> Option<u16> {
        let at = match self.known_namespace(self.str(uri)) {
            Some(known) => known,
            None if self.namespaces.len() >= most.saturating_add(2) => return None,
            None => {
                self.namespaces.push(uri);
                self.namespaces.len() - 1
            }
        };
        u16::try_from(at).ok()
    }

    fn known_namespace(&self, uri: &str) -> Option<usize> {
        self.namespaces.iter().position(|known| self.says(*known, uri))
    }

    pub(super) fn rows(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push_row(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Everything that was pushed since is in this row.
    pub(super) fn close_row(&mut self, row: usize) {
        let end = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        if let Some(row) = self.rows.get_mut(row) {
            row.end = end;
        }
    }

    pub(super) fn push_text(&mut self, text: Span) {
        if text.from < text.to {
            let end = u32::try_from(self.rows.len()).unwrap_or(u32::MAX).saturating_add(1);
            self.rows.push(Row { name: text, end, ..NO_ROW });
        }
    }

    pub(super) fn given(&self) -> usize {
        self.given.len()
    }

    pub(super) fn given_from(&self, from: usize) -> &[Given] {
        self.given.get(from..).unwrap_or_default()
    }

    pub(super) fn given_from_mut(&mut self, from: usize) -> &mut [Given] {
        self.given.get_mut(from..).unwrap_or_default()
    }

    pub(super) fn push_given(&mut self, given: Given) {
        self.given.push(given);
    }

    fn to_tree(&self) -> Tree {
        let mut names = Names::new();
        let namespaces = self.namespaces.iter().map(|uri| names.text(self.str(*uri))).collect();
        let mut making = Making { flat: self, names, namespaces };
        let root = self.rows.first().map(|row| making.element(0, row)).unwrap_or_default();
        Tree { prolog: Vec::new(), root }
    }
}

impl Flat<'static> {
    /// The list of a tree; texts are copied out of it.
    pub(super) fn of(tree: Tree) -> Self {
        let mut flat = Self::new("");
        flat.add(&tree.root);
        flat.tree = OnceLock::from(tree);
        flat
    }

    fn add(&mut self, element: &Element) {
        let attributes_from = u32::try_from(self.given.len()).unwrap_or(u32::MAX);
        for attribute in &element.attributes {
            let (namespace, name) = (self.named(&attribute.namespace), self.copy(&attribute.name));
            let (prefix, value) = (self.copy(&attribute.prefix), self.copy(&attribute.value));
            self.given.push(Given { is_declaration: false, namespace, prefix, name, value });
        }
        let (namespace, prefix) = (self.named(&element.namespace), self.copy(&element.prefix));
        let (name, place) = (self.copy(&element.name), self.rows.len());
        let attributes = u16::try_from(element.attributes.len()).unwrap_or(u16::MAX);
        self.rows.push(Row { is_element: true, namespace, attributes, attributes_from, prefix, name, ..NO_ROW });
        for node in &element.children {
            match node {
                Node::Element(child) => self.add(child),
                Node::Text(text) => {
                    let text = self.copy(text);
                    self.push_text(text);
                }
                Node::Comment(_) | Node::Instruction(_) => {}
            }
        }
        self.close_row(place);
    }

    fn copy(&mut self, text: &str) -> Span {
        self.resolve(|resolved| resolved.push_str(text))
    }

    /// A tree has no more namespaces than the limits let a document have, so that their places are never used up.
    fn named(&mut self, uri: &str) -> u16 {
        let at = self.known_namespace(uri).unwrap_or_else(|| {
            let uri = self.copy(uri);
            self.namespaces.push(uri);
            self.namespaces.len() - 1
        });
        u16::try_from(at).unwrap_or(u16::MAX)
    }
}

const NO_ROW: Row = Row {
    is_element: false,
    namespace: NO_NAMESPACE,
    attributes: 0,
    attributes_from: 0,
    prefix: Span { from: 0, to: 0 },
    name: Span { from: 0, to: 0 },
    end: 0,
    at: 0,
};

pub(super) fn span(from: usize, to: usize) -> Span {
    let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    Span { from: place(from), to: place(to) }
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

/// A tree in the making.
struct Making<'f> {
    flat: &'f Flat<'f>,
    names: Names,
    /// By their places in the list.
    namespaces: Vec<Name>,
}

impl Making<'_> {
    // As deep as the limits let a document be.
    fn element(&mut self, at: usize, row: &Row) -> Element {
        let flat = self.flat;
        let mut element = Element {
            namespace: self.namespace(row.namespace),
            prefix: self.name(row.prefix),
            name: self.name(row.name),
            at: Offset::new(index(row.at)),
            ..Element::default()
        };
        let given = flat.given_from(index(row.attributes_from)).get(..usize::from(row.attributes)).unwrap_or_default();
        let declared = given.iter().filter(|g| g.is_declaration).count();
        element.declarations.reserve_exact(declared);
        element.attributes.reserve_exact(given.len() - declared);
        for one in given {
            let name = self.name(one.name);
            if one.is_declaration {
                element.declarations.push((name, self.namespace(one.namespace)));
                continue;
            }
            let (namespace, prefix) = (self.namespace(one.namespace), self.name(one.prefix));
            let at = Offset::new(index(if prefix.is_empty() { one.name.from } else { one.prefix.from }));
            element.attributes.push(Attribute { namespace, prefix, name, value: flat.str(one.value).into(), at });
        }
        element.children.reserve_exact(flat.children(at).count());
        for (at, child) in flat.children(at) {
            element.children.push(match child.is_element {
                true => Node::Element(self.element(at, child)),
                false => Node::Text(flat.str(child.name).into()),
            });
        }
        element
    }

    fn name(&mut self, name: Span) -> Name {
        if name.from == name.to {
            return Name::default();
        }
        let name = self.flat.str(name);
        self.names.checked(name).unwrap_or_else(|_| name.into())
    }

    fn namespace(&mut self, at: u16) -> Name {
        self.namespaces.get(usize::from(at)).cloned().unwrap_or_default()
    }
}

impl Flat<'_> {
    /// The rows right below a row, with their places.
    fn children(&self, at: usize) -> impl Iterator<Item = (usize, &Row)> {
        let end = self.rows.get(at).map_or(0, |row| index(row.end));
        let mut next = at + 1;
        std::iter::from_fn(move || {
            let row = self.rows.get(next).filter(|_| next < end)?;
            let at = next;
            // Rows end behind themselves: this comes to its end.
            next = index(row.end).max(next + 1);
            Some((at, row))
        })
    }
}

/// An element of a [`Flat`] document, looked up like one of a tree.
#[derive(Clone, Copy)]
pub struct FlatElement<'f> {
    flat: &'f Flat<'f>,
    at: usize,
}

impl<'f> FlatElement<'f> {
    fn row(self) -> &'f Row {
        self.flat.rows.get(self.at).unwrap_or(&NO_ROW)
    }

    /// Local name.
    pub fn name(self) -> &'f str {
        self.flat.str(self.row().name)
    }

    /// Namespace URI; empty for none.
    pub fn namespace(self) -> &'f str {
        let uri = self.flat.namespaces.get(usize::from(self.row().namespace));
        uri.map_or("", |uri| self.flat.str(*uri))
    }

    /// Whether it has this expanded name.
    pub fn is(self, namespace: &str, name: &str) -> bool {
        self.flat.says(self.row().name, name) && self.namespace() == namespace
    }

    fn given(self) -> impl Iterator<Item = &'f Given> {
        let row = self.row();
        let given = self.flat.given_from(index(row.attributes_from)).get(..usize::from(row.attributes));
        given.unwrap_or_default().iter().filter(|g| !g.is_declaration)
    }

    /// The value of an attribute of no namespace.
    pub fn attribute(self, name: &str) -> Option<&'f str> {
        let is_it = |g: &&Given| g.namespace == NO_NAMESPACE && self.flat.says(g.name, name);
        self.given().find(is_it).map(|g| self.flat.str(g.value))
    }

    /// The value of the first attribute of this local name, whatever its namespace.
    pub fn attribute_of_any_namespace(self, name: &str) -> Option<&'f str> {
        self.given().find(|g| self.flat.says(g.name, name)).map(|g| self.flat.str(g.value))
    }

    /// The child elements in order.
    pub fn elements(self) -> impl Iterator<Item = Self> {
        let children = self.flat.children(self.at).filter(|(_, row)| row.is_element);
        children.map(move |(at, _)| Self { flat: self.flat, at })
    }

    /// The child elements of this local name in this element's own namespace.
    pub fn all(self, name: &str) -> impl Iterator<Item = Self> {
        let own = self.row().namespace;
        let is_it = move |row: &Row| row.is_element && row.namespace == own && self.flat.says(row.name, name);
        self.flat.children(self.at).filter(move |(_, row)| is_it(row)).map(move |(at, _)| Self { flat: self.flat, at })
    }

    /// The first child element of this local name in this element's own namespace.
    pub fn first(self, name: &str) -> Option<Self> {
        self.all(name).next()
    }

    /// The first child element of this expanded name.
    pub fn first_in(self, namespace: &str, name: &str) -> Option<Self> {
        self.elements().find(|e| e.is(namespace, name))
    }

    /// Follows first children by local name, all in this element's own namespace: `at(["custodian", "assignedCustodian"])`.
    pub fn at<const N: usize>(self, path: [&str; N]) -> Option<Self> {
        path.iter().try_fold(self, |element, name| element.first(name))
    }

    /// All text below this element, comments left out.
    pub fn all_text(self) -> Cow<'f, str> {
        let below = self.flat.rows.get(self.at + 1..index(self.row().end)).unwrap_or_default();
        let mut texts = below.iter().filter(|row| !row.is_element).map(|row| self.flat.str(row.name));
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        match texts.next() {
            None => Cow::Borrowed(first),
            Some(second) => Cow::Owned([first, second].into_iter().chain(texts).collect()),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::super::{Limits, Misread, XmlError, parse_flat};

    #[test]
    fn namespaces_are_limited_in_number_and_length_and_kept_once() {
        let few = Limits { namespaces_max: 2, namespace_bytes_max: 8, ..Limits::DOCUMENT };
        let many = |n: usize| (0..n).map(|i| format!("<b xmlns='u{i}'/><c xmlns='u{i}'/>")).collect::<String>();
        let refused = |text: String| match parse_flat(text.as_bytes(), few) {
            Err(Misread { error: XmlError::TooMuch { what, .. }, .. }) => what,
            other => panic!("{other:?}"),
        };
        // An instruction sends a text to the strict reader.
        for lead in ["", "<?x?>"] {
            assert!(parse_flat(format!("{lead}<a>{}</a>", many(2)).as_bytes(), few).is_ok());
            assert_eq!(refused(format!("{lead}<a>{}</a>", many(3))), "namespaces");
            assert_eq!(refused(format!("{lead}<a xmlns='urn:nine1'/>")), "bytes of a namespace");
            let text = format!("{lead}<r xmlns='{}'>{}</r>", "u".repeat(1024), "<b/>".repeat(1000));
            let flat = parse_flat(text.as_bytes(), Limits::DOCUMENT).unwrap();
            assert!(flat.resolved.len() < 8 * 1024, "{}", flat.resolved.len());
            assert_eq!(flat.tree().root.elements().filter(|b| b.namespace.len() == 1024).count(), 1000);
        }
        // What was met as a namespace is not a name for that.
        assert!(parse_flat(b"<?x?><a xmlns='1b'><1b/></a>", Limits::DOCUMENT).is_err());
    }
}
