//! Where the values of a JSON text stand that JSON Pointers (RFC 6901) name.
//!
//! Walks the text once and notes only what was asked for, so its cost does not grow with the number of values. Judges nothing: of
//! a text that is not JSON it tells as much as it understands.

use std::collections::BTreeMap;

/// Objects and lists inside each other, at most; what is deeper is not looked into.
const DEPTH_MAX: usize = 128;

/// The byte offsets of the values, or where a member is meant, of its key. A pointer to what is not there gives the nearest value
/// around it.
pub fn offsets<'p>(text: &str, pointers: impl IntoIterator<Item = &'p str>) -> BTreeMap<&'p str, usize> {
    let asked: Vec<&str> = pointers.into_iter().collect();
    let mut wanted: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for pointer in &asked {
        wanted.extend(around(pointer).map(|p| (p, None)));
    }
    let mut walk =
        Walk { text, at: text.len() - text.trim_start_matches('\u{feff}').len(), path: String::new(), wanted };
    walk.blanks();
    walk.note(walk.at);
    walk.value(0);
    let found = |pointer: &'p str| around(pointer).find_map(|p| walk.wanted.get(p).copied().flatten());
    asked.into_iter().map(|pointer| (pointer, found(pointer).unwrap_or(0))).collect()
}

/// The pointer and those to what is around its value, innermost first.
fn around(pointer: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(pointer), |p| p.rfind('/').and_then(|at| p.get(..at)))
}

struct Walk<'t, 'p> {
    text: &'t str,
    at: usize,
    path: String,
    wanted: BTreeMap<&'p str, Option<usize>>,
}

impl Walk<'_, '_> {
    /// Notes the place if the path is asked for and was not met before.
    fn note(&mut self, at: usize) {
        if let Some(place) = self.wanted.get_mut(self.path.as_str()) {
            place.get_or_insert(at);
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Passes over one value; `None` where the text is not JSON any more.
    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        match self.peek()? {
            b'{' => self.members(b'}', depth, Self::member),
            b'[' => self.members(b']', depth, Self::item),
            b'"' => self.string().map(drop),
            _ => {
                let rest = self.text.as_bytes().get(self.at..)?;
                let end = rest.iter().position(|b| matches!(b, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r'));
                self.at += end.unwrap_or(rest.len()).max(1);
                Some(())
            }
        }
    }

    fn members(&mut self, close: u8, depth: usize, one: fn(&mut Self, usize, usize) -> Option<()>) -> Option<()> {
        self.at += 1;
        let path = self.path.len();
        for index in 0usize.. {
            self.blanks();
            match self.peek()? {
                b if b == close => break,
                b',' if index > 0 => {
                    self.at += 1;
                    self.blanks();
                }
                _ if index > 0 => return None,
                _ => {}
            }
            one(self, index, depth)?;
            self.path.truncate(path);
        }
        self.at += 1;
        Some(())
    }

    fn member(&mut self, _: usize, depth: usize) -> Option<()> {
        let at = self.at;
        let key: String = serde_json::from_str(self.string()?).ok()?;
        self.path.push('/');
        self.path.push_str(&key.replace('~', "~0").replace('/', "~1"));
        self.note(at);
        self.blanks();
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        self.blanks();
        self.value(depth + 1)
    }

    fn item(&mut self, index: usize, depth: usize) -> Option<()> {
        self.path.push_str(&format!("/{index}"));
        self.note(self.at);
        self.value(depth + 1)
    }

    /// The string that begins here, with its quotes.
    fn string(&mut self) -> Option<&str> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek()? {
                b'\\' => self.at += 2,
                b'"' => break,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at)
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::string_slice, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_member_is_found_at_its_key_and_an_item_at_its_value() {
        let text = "\u{feff} {\"a\" : [1, {\"b/~\\u00e4\":\n \"}\\\"\"}], \"c\":{}, \"a\": 2}";
        for (pointer, there) in [
            ("", "{\"a\""),
            ("/a", "\"a\" : ["),
            ("/a/0", "1,"),
            ("/a/1/b~1~0ä", "\"b/~"),
            ("/a/1/x/y", "{\"b/"),
            ("/c", "\"c\""),
            ("/d", "{\"a\""),
        ] {
            let found = offsets(text, [pointer])[pointer];
            assert!(text[found..].starts_with(there), "{pointer}: {found}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[\\[\\]{}\":,a\\\\ä1 ]{0,60}") {
            for at in offsets(&text, ["/a", "/0/a", ""]).into_values() {
                prop_assert!(at <= text.len());
            }
        }
    }
}
