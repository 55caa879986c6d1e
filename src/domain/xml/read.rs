//! Bytes to tree, with every limit named.

use std::borrow::Cow;
use std::collections::HashSet;

use quick_xml::escape::{EscapeError, resolve_xml_entity, unescape};
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;
use simdutf8::compat::from_utf8;

use super::flat::Flat;
use super::name::Names;
use super::write::is_xml_character;
use super::{Attribute, Element, Name, Node, Offset, Tree, XML_NAMESPACE};

/// What a document may have at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes_max: usize,
    /// Elements inside each other.
    pub depth_max: usize,
    /// Elements in all.
    pub elements_max: usize,
    /// Comments and processing instructions in all.
    pub asides_max: usize,
    /// Attributes and declarations on one element.
    pub attributes_max: usize,
    /// Bytes of one attribute's value.
    pub attribute_bytes_max: usize,
    /// Bytes of text between two tags.
    pub text_bytes_max: usize,
    /// Namespace declarations in force at one place.
    pub declarations_max: usize,
    /// Different namespaces in all.
    pub namespaces_max: usize,
    /// Bytes of a namespace's name.
    pub namespace_bytes_max: usize,
}

impl Limits {
    /// A whole archive document or message: 20 MiB, 64 deep, 100,000 elements, 10,000 comments and instructions, 32 attributes an element, values of 4 MiB (a
    /// display form has its images in attributes), text of 16 MiB, 128 namespace declarations in force, 256
    /// namespaces of 1 KiB.
    pub const DOCUMENT: Self = Self {
        bytes_max: 20 << 20,
        depth_max: 64,
        elements_max: 100_000,
        asides_max: 10_000,
        attributes_max: 32,
        attribute_bytes_max: 4 << 20,
        text_bytes_max: 16 << 20,
        declarations_max: 128,
        namespaces_max: 256,
        namespace_bytes_max: 1024,
    };
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
    /// A character that XML 1.0 does not have (section 2.2), as it is or as a reference.
    #[error("a character that XML does not allow")]
    Character,
    /// A limit of [`Limits`] is passed.
    #[error("more than {limit} {what}")]
    TooMuch {
        /// The limit's noun: `bytes`, `levels`, `elements`, `attributes`, `bytes of an attribute`, `bytes of text`,
        /// `namespace declarations`.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// A prefix that is bound to no namespace.
    #[error("a namespace prefix without declaration")]
    UnboundPrefix,
}

impl XmlError {
    fn malformed(what: &'static str) -> Self {
        Self::Malformed { at: 0, what }
    }
}

/// An error and the place of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Misread {
    /// What is wrong.
    pub error: XmlError,
    /// Byte offset from the start.
    pub at: usize,
}

/// Reads one document.
///
/// # Errors
/// [`XmlError`]: what is wrong, never what the text said.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Tree, XmlError> {
    parse_placed(bytes, limits).map_err(|misread| misread.error)
}

/// Reads one document as a list.
///
/// # Errors
/// [`Misread`], the same as [`parse_placed`].
pub fn parse_flat(bytes: &[u8], limits: Limits) -> Result<Flat<'_>, Misread> {
    let text = utf8(bytes, limits)?;
    match super::quick::flat(text, limits) {
        Some(flat) => Ok(flat),
        None => strict(text, limits).map(Flat::of),
    }
}

/// Reads one document and keeps its document element without what is in it: for a look at a text of which only that matters. Tags
/// are matched and counted, DOCTYPE and entities refused; names and attributes inside are not looked at.
///
/// # Errors
/// [`XmlError`], the same as [`parse`] but for long text, which is not kept.
pub fn parse_root(text: &str, limits: Limits) -> Result<Flat<'static>, XmlError> {
    if forbidden_character(text).is_none()
        && let Some(tag) = super::quick::root_tag(text, limits)
    {
        // The tag alone, closed, is a document.
        let open = tag.strip_suffix("/>").or_else(|| tag.strip_suffix('>')).unwrap_or(tag);
        return parse_flat(format!("{open}/>").as_bytes(), limits)
            .map(Flat::into_owned)
            .map_err(|misread| misread.error);
    }
    build(text, limits, Keep::Root).map(Flat::of).map_err(|misread| misread.error)
}

/// Reads one document; an error says where.
///
/// # Errors
/// [`Misread`].
pub fn parse_placed(bytes: &[u8], limits: Limits) -> Result<Tree, Misread> {
    let text = utf8(bytes, limits)?;
    match super::quick::flat(text, limits) {
        Some(flat) => Ok(flat.into_tree()),
        None => strict(text, limits),
    }
}

fn utf8(bytes: &[u8], limits: Limits) -> Result<&str, Misread> {
    if bytes.len() > limits.bytes_max {
        return Err(Misread { error: XmlError::TooMuch { what: "bytes", limit: limits.bytes_max }, at: 0 });
    }
    from_utf8(bytes).map_err(|e| Misread { error: XmlError::NotUtf8, at: e.valid_up_to() })
}

/// The reader that knows every fault by its name and place.
pub(super) fn strict(text: &str, limits: Limits) -> Result<Tree, Misread> {
    build(text, limits, Keep::All)
}

/// What of a document is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keep {
    All,
    Root,
}

fn build(text: &str, limits: Limits, keep: Keep) -> Result<Tree, Misread> {
    if text.len() > limits.bytes_max {
        return Err(Misread { error: XmlError::TooMuch { what: "bytes", limit: limits.bytes_max }, at: 0 });
    }
    if let Some(at) = forbidden_character(text) {
        return Err(Misread { error: XmlError::Character, at });
    }
    let mut builder = Builder::new(text, limits, keep);
    match builder.run() {
        Ok(()) => {}
        Err(XmlError::Malformed { what, .. }) => {
            let error = XmlError::Malformed { at: u64::try_from(builder.at).unwrap_or(u64::MAX), what };
            return Err(Misread { error, at: builder.at });
        }
        Err(error) => return Err(Misread { error, at: builder.at }),
    }
    match builder.root {
        Some(root) if builder.open.is_empty() && builder.passed == 0 => Ok(Tree { prolog: builder.prolog, root }),
        _ => {
            let at = text.len();
            let what = "an element without its end";
            Err(Misread { error: XmlError::Malformed { at: u64::try_from(at).unwrap_or(u64::MAX), what }, at })
        }
    }
}

/// The first character that XML does not have. Looks at bytes first: almost every text has none.
fn forbidden_character(text: &str) -> Option<usize> {
    let suspect = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\n' | b'\r')) || *b == 0xef;
    // In pieces, each looked at to its end: the compiler makes that fast.
    let found = |piece: &[u8]| piece.iter().fold(false, |found, b| found | suspect(b));
    let piece = text.as_bytes().chunks(4096).position(found)?;
    let mut from = piece * 4096;
    while !text.is_char_boundary(from) {
        from -= 1;
    }
    text.get(from..)?.char_indices().find(|(_, c)| !is_xml_character(*c)).map(|(at, _)| from + at)
}

struct Builder<'a> {
    text: &'a str,
    limits: Limits,
    keep: Keep,
    names: Names,
    scopes: Vec<(Name, Name)>,
    namespaces: HashSet<String>,
    open: Vec<(Element, usize)>,
    /// Elements that are open below the kept ones, when only the root is kept.
    passed: usize,
    prolog: Vec<Node>,
    root: Option<Element>,
    elements: usize,
    asides: usize,
    /// Where what is being read stands.
    at: usize,
    /// Whether the text has a CR anywhere: most have none, and their line ends need no look.
    has_cr: bool,
}

impl<'a> Builder<'a> {
    fn new(text: &'a str, limits: Limits, keep: Keep) -> Self {
        let scopes = vec![("xml".into(), XML_NAMESPACE.into()), (Name::default(), Name::default())];
        let names = Names::new();
        let has_cr =
            text.as_bytes().chunks(4096).any(|piece| piece.iter().fold(false, |found, b| found | (*b == b'\r')));
        let (open, prolog) = (Vec::new(), Vec::new());
        Self {
            text,
            limits,
            keep,
            names,
            scopes,
            namespaces: HashSet::new(),
            open,
            passed: 0,
            prolog,
            root: None,
            elements: 0,
            asides: 0,
            at: 0,
            has_cr,
        }
    }

    fn run(&mut self) -> Result<(), XmlError> {
        let text = self.text.strip_prefix('\u{feff}').unwrap_or(self.text);
        let mark = self.text.len() - text.len();
        let mut reader = Reader::from_str(text);
        reader.config_mut().check_comments = true;
        loop {
            self.at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).saturating_add(mark);
            let event = match reader.read_event() {
                Ok(event) => event,
                Err(_) => {
                    self.at = usize::try_from(reader.error_position()).unwrap_or(usize::MAX).saturating_add(mark);
                    return Err(XmlError::malformed("a tag, comment or end tag that does not fit"));
                }
            };
            match event {
                Event::Start(start) => self.start(&start)?,
                Event::Empty(start) => {
                    self.start(&start)?;
                    self.end();
                }
                Event::End(_) => self.end(),
                Event::Text(t) if t.contains("]]>") => return Err(XmlError::malformed("]]> in text")),
                Event::Text(t) if !self.has_cr => self.text(&t)?,
                Event::Text(t) => self.text(&normalise_lines(&t))?,
                Event::CData(_) if self.open.is_empty() => {
                    return Err(XmlError::malformed("a CDATA section outside the document element"));
                }
                Event::CData(t) => self.text(&normalise_lines(&t))?,
                Event::GeneralRef(reference) => self.text(resolve(&reference)?.as_str())?,
                Event::Comment(t) => self.aside(Node::Comment(normalise_lines(&t).into()))?,
                Event::PI(t) => self.aside(Node::Instruction(normalise_lines(&t).into()))?,
                Event::Decl(declaration) if self.at == mark => check_declaration(&declaration)?,
                Event::Decl(_) => return Err(XmlError::malformed("an XML declaration inside the document")),
                Event::DocType(_) => return Err(XmlError::Doctype),
                Event::Eof => return Ok(()),
            }
        }
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        self.elements += 1;
        if self.elements > self.limits.elements_max {
            return Err(XmlError::TooMuch { what: "elements", limit: self.limits.elements_max });
        }
        if self.open.len() + self.passed >= self.limits.depth_max {
            return Err(XmlError::TooMuch { what: "levels", limit: self.limits.depth_max });
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err(XmlError::malformed("a second document element"));
        }
        if self.keep == Keep::Root && !self.open.is_empty() {
            // Counted and closed like any other, but not looked into.
            self.passed += 1;
            return Ok(());
        }
        let scope = self.scopes.len();
        let at = Offset::new(self.at);
        let (declarations, mut attributes) = self.attributes(start)?;
        if self.scopes.len() > self.limits.declarations_max {
            return Err(XmlError::TooMuch { what: "namespace declarations", limit: self.limits.declarations_max });
        }
        let (prefix, name) = self.split_name(start.name().as_ref())?;
        let namespace = self.lookup(&prefix)?;
        for place in 0..attributes.len() {
            let (before, rest) = attributes.split_at_mut(place);
            let Some(attribute) = rest.first_mut() else { break };
            if !attribute.prefix.is_empty() {
                attribute.namespace = self.lookup(&attribute.prefix)?;
            }
            if before.iter().any(|a| a.name == attribute.name && a.namespace == attribute.namespace) {
                return Err(XmlError::malformed("an attribute given twice"));
            }
        }
        self.open
            .push((Element { namespace, prefix, name, declarations, attributes, children: Vec::new(), at }, scope));
        Ok(())
    }

    /// Declarations, which are in force from here, and attributes, whose prefixes may be declared after them.
    #[expect(clippy::type_complexity, reason = "the two lists of an element, taken apart at once by the one caller")]
    fn attributes(&mut self, start: &BytesStart<'_>) -> Result<(Vec<(Name, Name)>, Vec<Attribute>), XmlError> {
        let (mut declarations, mut attributes) = (Vec::new(), Vec::new());
        // Doubles are found by expanded name, which finds more than the parser would.
        for (count, attribute) in start.attributes().with_checks(false).enumerate() {
            if count >= self.limits.attributes_max {
                return Err(XmlError::TooMuch { what: "attributes", limit: self.limits.attributes_max });
            }
            let attribute = attribute.map_err(|_| XmlError::malformed("an attribute"))?;
            if attribute.value.len() > self.limits.attribute_bytes_max {
                let limit = self.limits.attribute_bytes_max;
                return Err(XmlError::TooMuch { what: "bytes of an attribute", limit });
            }
            let key = attribute.key.as_ref();
            // XML 1.0 §3.1: white space before each attribute, and only XML's own is white space.
            let before = self.offset_of(key).bytes().and_then(|at| self.text.as_bytes().get(at.checked_sub(1)?));
            if !before.is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
                return Err(XmlError::malformed("an attribute without white space before it"));
            }
            let value = attribute_value(&attribute.value)?;
            let declared = key.strip_prefix("xmlns").map(|rest| (rest, rest.strip_prefix(':')));
            match declared {
                Some(("", _)) => declarations.push(self.declaration("", &value)?),
                Some((_, Some(prefix))) => declarations.push(self.declaration(prefix, &value)?),
                _ => {
                    let at = self.offset_of(key);
                    let (prefix, name) = self.split_name(key)?;
                    attributes.push(Attribute { namespace: Name::default(), prefix, name, value: value.into(), at });
                }
            }
            let twice = declarations.split_last().is_some_and(|((last, _), rest)| rest.iter().any(|(p, _)| p == last));
            if declared.is_some() && twice {
                return Err(XmlError::malformed("a namespace declared twice"));
            }
        }
        self.scopes.extend(declarations.iter().cloned());
        Ok((declarations, attributes))
    }

    /// Namespaces in XML 1.0, sections 3 and 6.1: `xml` and `xmlns` are not for others, and a prefix cannot be unbound.
    fn declaration(&mut self, prefix: &str, uri: &str) -> Result<(Name, Name), XmlError> {
        if uri.len() > self.limits.namespace_bytes_max {
            return Err(XmlError::TooMuch { what: "bytes of a namespace", limit: self.limits.namespace_bytes_max });
        }
        if !uri.is_empty() && uri != XML_NAMESPACE && !self.namespaces.contains(uri) {
            if self.namespaces.len() >= self.limits.namespaces_max {
                return Err(XmlError::TooMuch { what: "namespaces", limit: self.limits.namespaces_max });
            }
            self.namespaces.insert(uri.into());
        }
        let reserved = prefix == "xmlns" || (prefix == "xml") != (uri == XML_NAMESPACE);
        if reserved || (!prefix.is_empty() && uri.is_empty()) {
            return Err(XmlError::malformed("a namespace declaration that is not allowed"));
        }
        let prefix = if prefix.is_empty() { Name::default() } else { self.names.checked(prefix)? };
        Ok((prefix, self.names.text(uri)))
    }

    fn lookup(&self, prefix: &Name) -> Result<Name, XmlError> {
        self.scopes.iter().rev().find(|(p, _)| p == prefix).map(|(_, uri)| uri.clone()).ok_or(XmlError::UnboundPrefix)
    }

    fn split_name(&mut self, qualified: &str) -> Result<(Name, Name), XmlError> {
        match qualified.split_once(':') {
            Some((prefix, name)) => Ok((self.names.checked(prefix)?, self.names.checked(name)?)),
            None => Ok((Name::default(), self.names.checked(qualified)?)),
        }
    }

    /// Where a part of the text stands in it. The parser hands out the text itself, so its address tells.
    fn offset_of(&self, part: &str) -> Offset {
        let offset = part.as_ptr().addr().checked_sub(self.text.as_ptr().addr());
        Offset::new(offset.filter(|at| *at <= self.text.len()).unwrap_or(self.at))
    }

    fn end(&mut self) {
        // The reader has checked that ends match starts, so there is one to close.
        if self.passed > 0 {
            self.passed -= 1;
            return;
        }
        if let Some((element, scope)) = self.open.pop() {
            self.scopes.truncate(scope);
            match self.open.last_mut() {
                Some((parent, _)) => push(&mut parent.children, Node::Element(element)),
                None => self.root = Some(element),
            }
        }
    }

    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        let limit = self.limits.text_bytes_max;
        let too_long = Err(XmlError::TooMuch { what: "bytes of text", limit });
        match self.open.last_mut() {
            Some((parent, _)) => match parent.children.last_mut() {
                _ if self.keep == Keep::Root => {}
                Some(Node::Text(before)) if before.len() + text.len() > limit => return too_long,
                Some(Node::Text(before)) => before.push_str(text),
                _ if text.is_empty() => {}
                _ if text.len() > limit => return too_long,
                _ => push(&mut parent.children, Node::Text(text.into())),
            },
            None if text.trim_matches([' ', '\t', '\n', '\r']).is_empty() => {}
            None => return Err(XmlError::malformed("text outside the document element")),
        }
        Ok(())
    }

    /// What stands after the document element is left behind: nothing there is part of what is read.
    fn aside(&mut self, node: Node) -> Result<(), XmlError> {
        self.asides += 1;
        if self.asides > self.limits.asides_max {
            return Err(XmlError::TooMuch { what: "comments and instructions", limit: self.limits.asides_max });
        }
        match self.open.last_mut() {
            Some((parent, _)) if self.keep == Keep::All => parent.children.push(node),
            Some(_) => {}
            None if self.root.is_none() => self.prolog.push(node),
            None => {}
        }
        Ok(())
    }
}

/// Most elements have one child or none: room for four at once would be most of what a tree takes.
fn push(children: &mut Vec<Node>, node: Node) {
    if children.is_empty() {
        children.reserve_exact(1);
    }
    children.push(node);
}

/// XML 1.0, and UTF-8 where an encoding is said: what else a document may claim to be, it is not read as.
fn check_declaration(declaration: &BytesDecl<'_>) -> Result<(), XmlError> {
    let version = declaration.version().ok().is_some_and(|v| v.as_ref() == "1.0");
    let encoding = match declaration.encoding() {
        None => true,
        Some(encoding) => encoding.is_ok_and(|e| e.eq_ignore_ascii_case("utf-8")),
    };
    match (version, encoding) {
        (true, true) => Ok(()),
        (true, false) => Err(XmlError::NotUtf8),
        (false, _) => Err(XmlError::malformed("an XML declaration other than 1.0 in UTF-8")),
    }
}

/// XML 1.0 §2.11: CRLF and lone CR are read as LF.
fn normalise_lines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n")) } else { Cow::Borrowed(text) }
}

/// XML 1.0 §3.3.3: literal white space becomes a space, character references stay what they name.
fn attribute_value(raw: &str) -> Result<Cow<'_, str>, XmlError> {
    // Looked at to its end: the compiler makes that fast.
    let special = raw.bytes().fold(false, |found, b| found | matches!(b, b'<' | b'&' | b'\n' | b'\r' | b'\t'));
    if !special {
        return Ok(Cow::Borrowed(raw));
    }
    if raw.contains('<') {
        return Err(XmlError::malformed("a < in an attribute"));
    }
    let spaced = normalise_lines(raw).replace(['\n', '\t'], " ");
    let value = unescape(&spaced).map_err(|error| match error {
        EscapeError::InvalidCharRef(_) => XmlError::Character,
        _ => XmlError::Entity,
    })?;
    if value.chars().all(is_xml_character) { Ok(Cow::Owned(value.into_owned())) } else { Err(XmlError::Character) }
}

fn resolve(reference: &BytesRef<'_>) -> Result<String, XmlError> {
    match reference.resolve_char_ref() {
        Ok(Some(character)) if is_xml_character(character) => Ok(character.to_string()),
        Ok(Some(_)) | Err(_) => Err(XmlError::Character),
        Ok(None) => resolve_xml_entity(reference).map(str::to_owned).ok_or(XmlError::Entity),
    }
}

#[cfg(test)]
mod tests;
