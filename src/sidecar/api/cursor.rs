//! Where a search goes on, as callers hold it: sealed, so that it tells nothing, and good for the same search by the same caller
//! for a quarter of an hour.
//!
//! Keeps nothing: what the archive gave to go on with is inside, sealed with a key of this process. After a restart a cursor is
//! gone, as one is that has grown old.

use std::fmt::Write;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::archive::client::Cursor;

/// How long a cursor is good.
pub(super) const CURSOR_AGE_MAX: SignedDuration = SignedDuration::from_mins(15);
const NONCE_BYTES: usize = 12;
const TIME_BYTES: usize = 8;
const CURSOR_TEXT_MAX: usize = 2 * Cursor::BYTES_MAX;

/// Seals and opens cursors.
pub struct Cursors(RandomizedNonceKey);

/// What a cursor is bound to: the call, the caller and everything that was asked, but for the cursor itself and the page's size.
pub(super) struct Binding(Vec<u8>);

/// It is not one of this process, of another search or caller, or it has grown old.
#[derive(Debug)]
pub(super) struct CursorGone;

impl Cursors {
    /// Cursors of this process. `None` when the system has no randomness.
    pub fn of_this_process() -> Option<Self> {
        let mut key = [0; 32];
        rand::fill(&mut key).ok()?;
        RandomizedNonceKey::new(&AES_256_GCM, &key).ok().map(Self)
    }

    /// Text for the caller. `None` only when nothing can be sealed, and then the search ends with this page, as an error.
    pub(super) fn seal(&self, cursor: &Cursor, binding: &Binding, now: Timestamp) -> Option<String> {
        let mut sealed = now.as_second().to_be_bytes().to_vec();
        sealed.extend_from_slice(cursor.as_str().as_bytes());
        let nonce = self.0.seal_in_place_append_tag(Aad::from(&binding.0), &mut sealed).ok()?;
        let text: Vec<u8> = nonce.as_ref().iter().copied().chain(sealed).collect();
        Some(URL_SAFE_NO_PAD.encode(text))
    }

    pub(super) fn open(&self, text: &str, binding: &Binding, now: Timestamp) -> Result<Cursor, CursorGone> {
        if text.len() > CURSOR_TEXT_MAX {
            return Err(CursorGone);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorGone)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(CursorGone)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CursorGone)?;
        let mut sealed = sealed.to_vec();
        let opened = self.0.open_in_place(nonce, Aad::from(&binding.0), &mut sealed).map_err(|_| CursorGone)?;
        let (sealed_at, continuation) = opened.split_first_chunk::<TIME_BYTES>().ok_or(CursorGone)?;
        let sealed_at = Timestamp::from_second(i64::from_be_bytes(*sealed_at)).map_err(|_| CursorGone)?;
        let age = now.duration_since(sealed_at);
        if age > CURSOR_AGE_MAX || age < -CURSOR_AGE_MAX {
            return Err(CursorGone);
        }
        String::from_utf8(continuation.to_vec()).map(Cursor::kept).map_err(|_| CursorGone)
    }
}

impl Binding {
    /// Of a call's name, a caller's name and a request.
    pub(super) fn new(action: &str, caller: &str, request: &Value) -> Self {
        let mut text = format!("{}:{action}{}:{caller}", action.len(), caller.len());
        write_sorted(request, true, &mut text);
        Self(digest(&SHA256, text.as_bytes()).as_ref().to_vec())
    }
}

/// The request with its members in one order, so that a caller may write them in any.
fn write_sorted(value: &Value, top: bool, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_by_key(|(name, _)| *name);
            out.push('{');
            for (name, member) in members {
                if top && ["cursor", "page_size"].contains(&name.as_str()) {
                    continue;
                }
                // A String takes all that is written to it.
                write!(out, "{}:", Value::from(name.as_str())).unwrap_or_default();
                write_sorted(member, false, out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                write_sorted(item, false, out);
                out.push(',');
            }
            out.push(']');
        }
        scalar => write!(out, "{scalar}").unwrap_or_default(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn binding(request: &Value) -> Binding {
        Binding::new("decisions.search", "system", request)
    }

    #[test]
    fn a_cursor_is_good_for_the_same_search_in_any_order_of_members_and_any_page_size() {
        let cursors = Cursors::of_this_process().unwrap();
        let asked = json!({"a": {"x": 1, "y": [1, 2]}, "b": "c"});
        let sealed = cursors.seal(&Cursor::kept("after-3".into()), &binding(&asked), at(100)).unwrap();
        let again = json!({"page_size": 7, "b": "c", "cursor": sealed, "a": {"y": [1, 2], "x": 1}});
        assert_eq!(cursors.open(&sealed, &binding(&again), at(160)).unwrap().as_str(), "after-3");
    }

    #[test]
    fn a_cursor_of_another_search_caller_process_or_time_is_gone() {
        let cursors = Cursors::of_this_process().unwrap();
        let asked = json!({"a": 1});
        let sealed = cursors.seal(&Cursor::kept("after-3".into()), &binding(&asked), at(1000)).unwrap();
        let opened = |cursors: &Cursors, text: &str, of: &Binding, now| cursors.open(text, of, at(now)).is_ok();
        assert!(opened(&cursors, &sealed, &binding(&asked), 1900));
        for (name, is_good) in [
            ("search", opened(&cursors, &sealed, &binding(&json!({"a": 2})), 1000)),
            ("call", opened(&cursors, &sealed, &Binding::new("cases.search", "system", &asked), 1000)),
            ("caller", opened(&cursors, &sealed, &Binding::new("decisions.search", "other", &asked), 1000)),
            ("process", opened(&Cursors::of_this_process().unwrap(), &sealed, &binding(&asked), 1000)),
            ("time", opened(&cursors, &sealed, &binding(&asked), 1901)),
            ("clock set back", opened(&cursors, &sealed, &binding(&asked), 99)),
            ("cut", opened(&cursors, sealed.get(1..).unwrap(), &binding(&asked), 1000)),
            ("empty", opened(&cursors, "", &binding(&asked), 1000)),
            ("long", opened(&cursors, &"A".repeat(10_000), &binding(&asked), 1000)),
        ] {
            assert!(!is_good, "{name}");
        }
    }

    #[test]
    fn a_cursor_shows_nothing_of_what_it_goes_on_with() {
        let cursors = Cursors::of_this_process().unwrap();
        let cursor = Cursor::kept("140341-912E".into());
        let [first, second] = [0, 0].map(|_| cursors.seal(&cursor, &binding(&json!({})), at(0)).unwrap());
        assert_ne!(first, second);
        for sealed in [first, second] {
            let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
            assert!(!bytes.windows(6).any(|part| part == b"140341") && !sealed.contains("140341"));
        }
    }
}
