//! [`Json`] as a schema's validator sees it: it judges the list itself, without a copy of it.

use std::borrow::Cow;
use std::ptr;

use jsonschema::json::{self, Array, Node, NodeIdentity, Object};
use jsonschema::types::JsonType;
use serde_json::{Number, Value};

use super::{Items, Json, JsonNode, Kind, Members};

/// The representation, for validators over [`Json`].
pub struct JsonList;

impl json::Json for JsonList {
    type Node<'a> = JsonNode<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = Option<Json>;

    // A lookup goes through the members too.
    const KEYS_PER_LOOKUP: usize = 32;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(buffer: &mut Option<Json>, string: &str, f: impl FnOnce(JsonNode<'_>) -> T) -> T {
        f(buffer.insert(Value::from(string).into()).root())
    }
}

impl<'j> Node<'j, JsonList> for JsonNode<'j> {
    type Object = JsonObject<'j>;
    type Array = JsonArray<'j>;
    type Number = Number;

    fn as_object(&self) -> Option<JsonObject<'j>> {
        (self.kind() == Kind::Object).then_some(JsonObject(*self))
    }

    fn as_array(&self) -> Option<JsonArray<'j>> {
        (self.kind() == Kind::List).then_some(JsonArray(*self))
    }

    fn as_string(&self) -> Option<Cow<'j, str>> {
        self.text()
    }

    fn as_number(&self) -> Option<Number> {
        (*self).as_number()
    }

    fn as_boolean(&self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        self.kind() == Kind::Null
    }

    fn is_number(&self) -> bool {
        self.kind() == Kind::Number
    }

    fn json_type(&self) -> JsonType {
        match self.kind() {
            Kind::Null => JsonType::Null,
            Kind::True | Kind::False => JsonType::Boolean,
            Kind::Number => JsonType::Number,
            Kind::Text => JsonType::String,
            Kind::List => JsonType::Array,
            Kind::Object => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self.as_str(), expected) {
            (Some(text), Value::String(expected)) => text == expected,
            (Some(_), _) | (None, Value::String(_)) => false,
            (None, _) => json::cmp::equal(&(*self).to_value(), expected),
        }
    }

    fn to_value(&self) -> Cow<'j, Value> {
        Cow::Owned((*self).to_value())
    }

    fn identity(&self) -> Option<NodeIdentity> {
        u32::try_from(self.at).ok().map(|row| NodeIdentity::tagged(ptr::from_ref(self.json).addr(), row))
    }
}

/// An object as the validator sees it.
pub struct JsonObject<'j>(JsonNode<'j>);

impl<'j> Object<'j, JsonList> for JsonObject<'j> {
    type Node = JsonNode<'j>;
    type MemberName = &'j str;
    type MembersIter = Members<'j>;

    fn len(&self) -> usize {
        self.0.count()
    }

    fn get(&self, key: &Box<str>) -> Option<JsonNode<'j>> {
        self.0.get(key)
    }

    fn members(&self) -> Members<'j> {
        self.0.members()
    }
}

/// A list as the validator sees it.
pub struct JsonArray<'j>(JsonNode<'j>);

impl<'j> Array<'j, JsonList> for JsonArray<'j> {
    type Node = JsonNode<'j>;
    type ElementsIter = Items<'j>;

    fn len(&self) -> usize {
        self.0.count()
    }

    fn elements(&self) -> Items<'j> {
        let row = self.0.row();
        Items { json: self.0.json, next: self.0.at + 1, left: row.map_or(0, |row| row.count) }
    }
}
