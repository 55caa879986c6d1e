//! A JSON value as one list over its text: read in one pass, looked up and judged by a schema without being copied.
//!
//! Numbers and texts stay as they are written. Whoever needs a `serde_json` value gets one, made when it is first asked for.
//! Reading, with its limits, is [`super::validate`]'s.

pub mod schema;

use std::borrow::Cow;
use std::sync::OnceLock;

use serde_json::{Map, Number, Value};

use super::finding::redacted_debug;

/// A JSON value and all that is in it.
#[derive(Clone)]
pub struct Json {
    text: String,
    /// What is not written in the text as it is: texts with escapes resolved.
    resolved: String,
    rows: Vec<Row>,
    value: OnceLock<Value>,
}

// Content is somebody's data.
redacted_debug!(Json);
redacted_debug!(JsonNode<'_>);

/// A value, or a member's name before its value.
#[derive(Clone, Copy)]
struct Row {
    kind: Kind,
    /// Where a text or number stands: in the text or, counted on from its end, in what is resolved.
    from: u32,
    to: u32,
    /// The row after everything that is in it.
    end: u32,
    /// How many members or items it has.
    count: u32,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Null,
    True,
    False,
    Number,
    Text,
    List,
    Object,
}

impl Json {
    /// The value itself.
    pub fn root(&self) -> JsonNode<'_> {
        JsonNode { json: self, at: 0 }
    }

    /// As a value of `serde_json`, made when first asked for.
    pub fn value(&self) -> &Value {
        self.value.get_or_init(|| self.root().to_value())
    }

    /// As a value of `serde_json`.
    pub fn into_value(mut self) -> Value {
        self.value.take().unwrap_or_else(|| self.root().to_value())
    }

    fn str(&self, row: &Row) -> &str {
        let (from, to) = (index(row.from), index(row.to));
        match from.checked_sub(self.text.len()) {
            None => self.text.get(from..to),
            Some(from) => self.resolved.get(from..to.saturating_sub(self.text.len())),
        }
        .unwrap_or_default()
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Self {
        let mut draft = Draft::new("");
        draft.add(&value);
        let mut json = draft.finish();
        json.value = OnceLock::from(value);
        json
    }
}

fn index(at: u32) -> usize {
    usize::try_from(at).unwrap_or(usize::MAX)
}

fn place(at: usize) -> u32 {
    // Texts are shorter: the reader's limit is far below.
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A value in the making. Rows are pushed in the order of the text.
pub(in crate::domain) struct Draft<'a> {
    text: &'a str,
    resolved: String,
    rows: Vec<Row>,
}

impl<'a> Draft<'a> {
    pub(in crate::domain) fn new(text: &'a str) -> Self {
        // About as many as contents have for their length.
        Self { text, resolved: String::new(), rows: Vec::with_capacity(8 + text.len() / 16) }
    }

    pub(in crate::domain) fn finish(self) -> Json {
        Json { text: self.text.to_owned(), resolved: self.resolved, rows: self.rows, value: OnceLock::new() }
    }

    fn push(&mut self, kind: Kind, from: usize, to: usize) {
        let end = place(self.rows.len() + 1);
        self.rows.push(Row { kind, from: place(from), to: place(to), end, count: 0 });
    }

    pub(in crate::domain) fn null(&mut self) {
        self.push(Kind::Null, 0, 0);
    }

    pub(in crate::domain) fn boolean(&mut self, value: bool) {
        self.push(if value { Kind::True } else { Kind::False }, 0, 0);
    }

    /// A number that stands here in the text.
    pub(in crate::domain) fn number(&mut self, from: usize, to: usize) {
        self.push(Kind::Number, from, to);
    }

    /// A text, or a member's name, that stands here in the text.
    pub(in crate::domain) fn text(&mut self, from: usize, to: usize) {
        self.push(Kind::Text, from, to);
    }

    /// A text, or a member's name, that is written otherwise; nothing where the writer finds none.
    pub(in crate::domain) fn resolved_text(&mut self, write: impl FnOnce(&mut String) -> Option<()>) -> Option<()> {
        let from = self.text.len() + self.resolved.len();
        write(&mut self.resolved)?;
        self.push(Kind::Text, from, self.text.len() + self.resolved.len());
        Some(())
    }

    /// Opens an object; its members are pushed name, value, name, value. Gives its row, to close it by.
    pub(in crate::domain) fn object(&mut self) -> usize {
        self.push(Kind::Object, 0, 0);
        self.rows.len() - 1
    }

    /// Opens a list; its items are pushed one after the other. Gives its row, to close it by.
    pub(in crate::domain) fn list(&mut self) -> usize {
        self.push(Kind::List, 0, 0);
        self.rows.len() - 1
    }

    pub(in crate::domain) fn close(&mut self, row: usize, count: usize) {
        let end = place(self.rows.len());
        if let Some(row) = self.rows.get_mut(row) {
            (row.end, row.count) = (end, place(count));
        }
    }

    /// The text that was pushed last.
    pub(in crate::domain) fn last(&self) -> &str {
        self.rows.last().map_or("", |row| self.str(row))
    }

    fn str(&self, row: &Row) -> &str {
        let (from, to) = (index(row.from), index(row.to));
        match from.checked_sub(self.text.len()) {
            None => self.text.get(from..to),
            Some(from) => self.resolved.get(from..to.saturating_sub(self.text.len())),
        }
        .unwrap_or_default()
    }

    /// The names of the members of an open or closed object so far.
    pub(in crate::domain) fn names(&self, row: usize) -> impl Iterator<Item = &str> {
        let mut next = row + 1;
        std::iter::from_fn(move || {
            let name = self.rows.get(next)?;
            next = self.rows.get(next + 1).map_or(usize::MAX, |value| index(value.end));
            Some(self.str(name))
        })
    }

    fn add(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Bool(value) => self.boolean(*value),
            Value::Number(number) => {
                self.add_text(&number.to_string());
                if let Some(row) = self.rows.last_mut() {
                    row.kind = Kind::Number;
                }
            }
            Value::String(text) => self.add_text(text),
            Value::Array(items) => {
                let row = self.list();
                items.iter().for_each(|item| self.add(item));
                self.close(row, items.len());
            }
            Value::Object(members) => {
                let row = self.object();
                for (name, member) in members {
                    self.add_text(name);
                    self.add(member);
                }
                self.close(row, members.len());
            }
        }
    }

    fn add_text(&mut self, text: &str) {
        let from = self.text.len() + self.resolved.len();
        self.resolved.push_str(text);
        self.text(from, from + text.len());
    }
}

/// One value of a [`Json`].
#[derive(Clone, Copy)]
pub struct JsonNode<'j> {
    json: &'j Json,
    at: usize,
}

impl<'j> JsonNode<'j> {
    fn row(self) -> Option<&'j Row> {
        self.json.rows.get(self.at)
    }

    fn kind(self) -> Kind {
        self.row().map_or(Kind::Null, |row| row.kind)
    }

    /// The text, where it is one.
    pub fn as_str(self) -> Option<&'j str> {
        self.row().filter(|row| row.kind == Kind::Text).map(|row| self.json.str(row))
    }

    /// Itself, where it is an object.
    pub fn as_object(self) -> Option<Self> {
        (self.kind() == Kind::Object).then_some(self)
    }

    /// How many members or items it has.
    pub fn count(self) -> usize {
        self.row().map_or(0, |row| index(row.count))
    }

    /// The member of this name, where it is an object that has it.
    pub fn get(self, name: &str) -> Option<Self> {
        let row = self.row().filter(|row| row.kind == Kind::Object)?;
        let (mut next, end) = (self.at + 1, index(row.end));
        while next < end {
            let (known, value) = (self.json.rows.get(next)?, self.json.rows.get(next + 1)?);
            // Most names differ in length, which is seen before they are looked at.
            if index(known.to.saturating_sub(known.from)) == name.len() && self.json.str(known) == name {
                return Some(Self { json: self.json, at: next + 1 });
            }
            next = index(value.end);
        }
        None
    }

    /// The members in order; none of what is no object.
    pub fn members(self) -> Members<'j> {
        let row = self.row().filter(|row| row.kind == Kind::Object);
        Members { json: self.json, next: self.at + 1, left: row.map_or(0, |row| row.count) }
    }

    /// The items in order, where it is a list.
    pub fn items(self) -> Option<Items<'j>> {
        let row = self.row().filter(|row| row.kind == Kind::List)?;
        Some(Items { json: self.json, next: self.at + 1, left: row.count })
    }

    /// The number, where it is one.
    fn as_number(self) -> Option<Number> {
        let row = self.row().filter(|row| row.kind == Kind::Number)?;
        // What was read as one parses as one.
        Some(self.json.str(row).parse().unwrap_or_else(|_| Number::from(0)))
    }

    /// As a value of `serde_json`.
    pub fn to_value(self) -> Value {
        match self.kind() {
            Kind::Null => Value::Null,
            Kind::True => Value::Bool(true),
            Kind::False => Value::Bool(false),
            Kind::Number => self.as_number().map_or(Value::Null, Value::Number),
            Kind::Text => Value::String(self.as_str().unwrap_or_default().to_owned()),
            Kind::List => {
                let mut items = Vec::with_capacity(self.count());
                items.extend(self.items().into_iter().flatten().map(Self::to_value));
                Value::Array(items)
            }
            Kind::Object => {
                let mut object = Map::with_capacity(self.count());
                object.extend(self.members().map(|(name, value)| (name.to_owned(), value.to_value())));
                Value::Object(object)
            }
        }
    }

    fn text(self) -> Option<Cow<'j, str>> {
        self.as_str().map(Cow::Borrowed)
    }
}

/// See [`JsonNode::members`].
pub struct Members<'j> {
    json: &'j Json,
    next: usize,
    left: u32,
}

impl<'j> Iterator for Members<'j> {
    type Item = (&'j str, JsonNode<'j>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let (name, value) = (self.json.rows.get(self.next)?, self.json.rows.get(self.next + 1)?);
        let node = JsonNode { json: self.json, at: self.next + 1 };
        self.next = index(value.end);
        Some((self.json.str(name), node))
    }
}

/// See [`JsonNode::items`].
pub struct Items<'j> {
    json: &'j Json,
    next: usize,
    left: u32,
}

impl<'j> Iterator for Items<'j> {
    type Item = JsonNode<'j>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let node = JsonNode { json: self.json, at: self.next };
        self.next = index(node.row()?.end);
        Some(node)
    }
}
