//! Every text of a JSON value, with the way to it. The way becomes a JSON Pointer only where it is asked for: most texts have
//! nothing to say of them.

use serde_json::Value;

use super::findings::below;

/// A text of a value.
#[derive(Clone, Copy)]
pub(super) enum Said<'v> {
    /// A member's name.
    Key(&'v str),
    /// A string.
    Text(&'v str),
}

impl<'v> Said<'v> {
    pub(super) fn as_str(self) -> &'v str {
        match self {
            Self::Key(text) | Self::Text(text) => text,
        }
    }
}

/// The way to a value, from the innermost step outwards.
#[derive(Clone, Copy)]
pub(super) struct Way<'w> {
    before: Option<&'w Self>,
    step: Step<'w>,
}

#[derive(Clone, Copy)]
enum Step<'w> {
    Start,
    Key(&'w str),
    Index(usize),
}

impl Way<'_> {
    /// The JSON Pointer, without keys that may be somebody's data.
    pub(super) fn pointer(&self) -> String {
        let before = self.before.map(Way::pointer).unwrap_or_default();
        match self.step {
            Step::Start => before,
            Step::Key(key) => below(&before, key),
            Step::Index(index) => format!("{before}/{index}"),
        }
    }
}

/// Shows every key and string, in the order in which they stand. A key's way is that of its member.
pub(super) fn each_text<'v>(value: &'v Value, seen: &mut impl FnMut(&Way<'_>, Said<'v>)) {
    look(&Way { before: None, step: Step::Start }, value, seen);
}

fn look<'v>(way: &Way<'_>, value: &'v Value, seen: &mut impl FnMut(&Way<'_>, Said<'v>)) {
    match value {
        Value::String(text) => seen(way, Said::Text(text)),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(&Way { before: Some(way), step: Step::Index(index) }, item, seen);
            }
        }
        Value::Object(members) => {
            for (key, member) in members {
                let way = Way { before: Some(way), step: Step::Key(key) };
                seen(&way, Said::Key(key));
                look(&way, member, seen);
            }
        }
        _ => {}
    }
}
