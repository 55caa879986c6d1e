//! Bytes to tree, with every limit named.

use std::borrow::Cow;

use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

use super::{Attribute, Element, Node, Tree, XML_NAMESPACE};

/// What a document may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes_max: usize,
    /// Elements inside each other.
    pub depth_max: usize,
    /// Elements in all.
    pub elements_max: usize,
    /// Attributes and declarations on one element.
    pub attributes_max: usize,
}

impl Limits {
    /// A whole archive document or message: 20 MiB, 64 deep, 100,000 elements, 32 attributes an element.
    pub const DOCUMENT: Self =
        Self { bytes_max: 20 * 1024 * 1024, depth_max: 64, elements_max: 100_000, attributes_max: 32 };
}

/// Why bytes are not XML that we read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// Not well-formed, by the parser's word; `at` is the byte offset.
    #[error("not well-formed XML at byte {at}: {what}")]
    Malformed {
        /// Byte offset from the start.
        at: u64,
        /// What the parser missed; holds no content.
        what: &'static str,
    },
    /// Not UTF-8.
    #[error("not UTF-8 text")]
    NotUtf8,
    /// A document type declaration: never part of an archive document, and the door to entity attacks.
    #[error("a DOCTYPE, which is refused")]
    Doctype,
    /// An entity that XML itself does not define.
    #[error("an entity reference other than XML's own five, which is refused")]
    Entity,
    /// A limit of [`Limits`] is passed.
    #[error("more than {limit} {what}")]
    TooMuch {
        /// The limit's noun: `bytes`, `levels`, `elements`, `attributes`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A prefix that is bound to no namespace.
    #[error("a namespace prefix without declaration")]
    UnboundPrefix,
}

/// Reads one document.
///
/// # Errors
/// [`XmlError`]: what is wrong, never what the text said.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Tree, XmlError> {
    if bytes.len() > limits.bytes_max {
        return Err(XmlError::TooMuch { what: "bytes", limit: limits.bytes_max });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Builder::new(limits).run(text)
}

struct Builder {
    limits: Limits,
    scopes: Vec<(String, String)>,
    open: Vec<(Element, usize)>,
    prolog: Vec<Node>,
    root: Option<Element>,
    elements: usize,
}

impl Builder {
    fn new(limits: Limits) -> Self {
        let scopes = vec![("xml".into(), XML_NAMESPACE.into()), (String::new(), String::new())];
        Self { limits, scopes, open: Vec::new(), prolog: Vec::new(), root: None, elements: 0 }
    }

    fn run(mut self, text: &str) -> Result<Tree, XmlError> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        loop {
            let event = reader.read_event();
            let at = reader.error_position();
            let bad = |what| XmlError::Malformed { at, what };
            match event.map_err(|_| bad("a tag, comment or end tag that does not fit"))? {
                Event::Start(start) => self.start(&start)?,
                Event::Empty(start) => {
                    self.start(&start)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(t) => self.text(&normalise_lines(&t))?,
                Event::CData(t) => self.text(&normalise_lines(&t))?,
                Event::GeneralRef(reference) => self.text(&resolve(&reference)?)?,
                Event::Comment(t) => self.aside(Node::Comment(normalise_lines(&t).into())),
                Event::PI(t) => self.aside(Node::Instruction(t.to_string())),
                Event::Decl(_) => {}
                Event::DocType(_) => return Err(XmlError::Doctype),
                Event::Eof => break,
            }
        }
        let at = reader.buffer_position();
        match self.root {
            Some(root) if self.open.is_empty() => Ok(Tree { prolog: self.prolog, root }),
            _ => Err(XmlError::Malformed { at, what: "an element without its end" }),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return Err(XmlError::TooMuch { what: "elements", limit: self.limits.elements_max });
        }
        if self.open.len() >= self.limits.depth_max {
            return Err(XmlError::TooMuch { what: "levels", limit: self.limits.depth_max });
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(XmlError::Malformed { at: 0, what: "a second document element" });
        }
        let scope = self.scopes.len();
        let (declarations, plain) = self.split_attributes(start)?;
        self.scopes.extend(declarations.iter().cloned());
        let (prefix, name) = split_name(start.name().as_ref());
        let namespace = self.lookup(&prefix)?;
        let mut attributes: Vec<Attribute> = Vec::with_capacity(plain.len());
        for (qualified, value) in plain {
            let (prefix, name) = split_name(&qualified);
            let namespace = if prefix.is_empty() { String::new() } else { self.lookup(&prefix)? };
            if attributes.iter().any(|a| a.name == name && a.namespace == namespace) {
                return Err(XmlError::Malformed { at: 0, what: "an attribute given twice" });
            }
            attributes.push(Attribute { namespace, prefix, name, value });
        }
        self.open.push((Element { namespace, prefix, name, declarations, attributes, children: Vec::new() }, scope));
        Ok(())
    }

    #[expect(clippy::type_complexity, reason = "two lists of name and value, taken apart at once by the one caller")]
    fn split_attributes(
        &self,
        start: &BytesStart<'_>,
    ) -> Result<(Vec<(String, String)>, Vec<(String, String)>), XmlError> {
        let (mut declarations, mut plain) = (Vec::new(), Vec::new());
        for (count, attribute) in start.attributes().enumerate() {
            if count >= self.limits.attributes_max {
                return Err(XmlError::TooMuch { what: "attributes", limit: self.limits.attributes_max });
            }
            let attribute = attribute.map_err(|_| XmlError::Malformed { at: 0, what: "an attribute" })?;
            let name = attribute.key.as_ref();
            let value = attribute_value(&attribute.value)?;
            match name.strip_prefix("xmlns") {
                Some("") => declarations.push((String::new(), value)),
                Some(rest) if rest.starts_with(':') => declarations.push((rest[1..].to_owned(), value)),
                _ => plain.push((name.to_owned(), value)),
            }
        }
        Ok((declarations, plain))
    }

    fn lookup(&self, prefix: &str) -> Result<String, XmlError> {
        self.scopes.iter().rev().find(|(p, _)| p == prefix).map(|(_, uri)| uri.clone()).ok_or(XmlError::UnboundPrefix)
    }

    fn end(&mut self) {
        // The reader has checked that ends match starts, so there is one to close.
        if let Some((element, scope)) = self.open.pop() {
            self.scopes.truncate(scope);
            match self.open.last_mut() {
                Some((parent, _)) => parent.children.push(Node::Element(element)),
                None => self.root = Some(element),
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        match self.open.last_mut() {
            Some((parent, _)) => match parent.children.last_mut() {
                Some(Node::Text(before)) => before.push_str(text),
                _ if text.is_empty() => {}
                _ => parent.children.push(Node::Text(text.into())),
            },
            None if text.trim().is_empty() => {}
            None => return Err(XmlError::Malformed { at: 0, what: "text outside the document element" }),
        }
        Ok(())
    }

    fn aside(&mut self, node: Node) {
        match self.open.last_mut() {
            Some((parent, _)) => parent.children.push(node),
            None if self.root.is_none() => self.prolog.push(node),
            None => {}
        }
    }
}

fn split_name(qualified: &str) -> (String, String) {
    match qualified.split_once(':') {
        Some((prefix, name)) => (prefix.into(), name.into()),
        None => (String::new(), qualified.into()),
    }
}

/// XML 1.0 §2.11: CRLF and lone CR are read as LF.
fn normalise_lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}

/// XML 1.0 §3.3.3: literal white space becomes a space, character references stay what they name.
fn attribute_value(raw: &str) -> Result<String, XmlError> {
    if raw.contains('<') {
        return Err(XmlError::Malformed { at: 0, what: "a < in an attribute" });
    }
    let spaced = normalise_lines(raw).replace(['\n', '\t'], " ");
    unescape(&spaced).map(Cow::into_owned).map_err(|_| XmlError::Entity)
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    if let Some(character) = reference.resolve_char_ref().map_err(|_| XmlError::Entity)? {
        return Ok(character.to_string());
    }
    resolve_xml_entity(reference).map(str::to_owned).ok_or(XmlError::Entity)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Tree, XmlError> {
        parse(text.as_bytes(), Limits::DOCUMENT)
    }

    #[test]
    fn names_are_resolved_and_text_is_joined() {
        let tree = read("<?xml version='1.0'?><!--a--><p:a xmlns:p='u' xmlns='d' p:x='1' y='a&#10;b\tc'>t&amp;<![CDATA[<]]>\r\n<b/></p:a>").unwrap();
        assert!(tree.root.is("u", "a"));
        assert_eq!(tree.root.attribute("y"), Some("a\nb c"));
        assert!(tree.root.first_in("d", "b").is_some());
        assert_eq!(tree.root.all_text(), "t&<\n");
    }

    #[test]
    fn doctype_entities_and_excess_are_refused_by_name() {
        assert_eq!(read("<!DOCTYPE a><a/>").err(), Some(XmlError::Doctype));
        assert_eq!(read("<a>&x;</a>").err(), Some(XmlError::Entity));
        assert_eq!(read("<a b='&x;'/>").err(), Some(XmlError::Entity));
        assert_eq!(read("<p:a/>").err(), Some(XmlError::UnboundPrefix));
        let deep = "<a>".repeat(65) + &"</a>".repeat(65);
        assert_eq!(read(&deep).err(), Some(XmlError::TooMuch { what: "levels", limit: 64 }));
        let wide = format!("<a {}/>", (0..33).map(|i| format!("a{i}='' ")).collect::<String>());
        assert_eq!(read(&wide).err(), Some(XmlError::TooMuch { what: "attributes", limit: 32 }));
        let small = Limits { bytes_max: 3, ..Limits::DOCUMENT };
        assert_eq!(parse(b"<a/>", small).err(), Some(XmlError::TooMuch { what: "bytes", limit: 3 }));
    }

    #[test]
    fn what_is_not_well_formed_is_refused() {
        for bad in [
            "",
            "a",
            "<a>",
            "<a></b>",
            "<a/><b/>",
            "<a/>x",
            "<a b='1' b='2'/>",
            "<a b=1/>",
            "<a b='<'/>",
            "<a><!-- -- --></a>",
            "</a>",
            "<a",
        ] {
            assert!(matches!(read(bad).err(), Some(XmlError::Malformed { .. })), "{bad}");
        }
        assert_eq!(parse(b"<a>\xff</a>", Limits::DOCUMENT).err(), Some(XmlError::NotUtf8));
    }
}
