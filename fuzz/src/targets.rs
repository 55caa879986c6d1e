//! What each fuzz target does with its bytes. Shared by the targets and by the plain tests of their seeds.
//!
//! A reply's bytes are its status, a line feed, its content type, a line feed, its body.

use std::sync::LazyLock;

use asiasilta::domain::document::read::{ReadFrame, read};
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::wire::answer::{QueryAnswer, acceptance, fetch_answer, find_answer, summary_answer};
use asiasilta::domain::wire::soap::{self, Content};
use asiasilta::domain::wire::{Envelope, MessageId, Reply, multipart};
use asiasilta::domain::xml::{Limits, parse};

/// What the seeds' answers answer.
pub(crate) fn sent() -> MessageId {
    MessageId { root: "1.2.246.10.99999992.10.0".parse().expect("an OID"), extension: "17".into() }
}

/// A message with a frame, as `asiasilta validate` takes it; and an envelope that was kept.
pub(crate) fn frame(data: &[u8]) {
    if let Ok(Content::Message(message)) = soap::unwrap(data, Limits::DOCUMENT) {
        drop(ReadFrame::of(&message));
    }
    if let Ok(envelope) = Envelope::from_bytes(data) {
        assert!(envelope.to_bytes().is_ok_and(|bytes| bytes == data), "a kept envelope is written as it was read");
    }
    drop(Envelope::from_parts("urn:x".into(), "text/xml".into(), data.to_vec()));
}

/// Envelopes of both versions. What is read is written and read the same.
pub(crate) fn soap(data: &[u8]) {
    if let Ok(opened) = soap::open(data, Limits::DOCUMENT) {
        if let Content::Fault { code } = opened.content {
            assert!(code.chars().count() <= 64, "a fault code is bounded");
        }
        let tree = parse(data, Limits::DOCUMENT).expect("what opens parses");
        let written = tree.to_xml();
        assert!(soap::open(written.as_bytes(), Limits::DOCUMENT).is_ok(), "what opens opens again");
    }
}

/// The content type, a line feed, the body. What is read as parts is written and read the same.
pub(crate) fn multipart(data: &[u8]) {
    let (content_type, body) = line(data);
    let Ok(parts) = multipart::read(&content_type, body) else { return };
    let again = parts.iter().map(|part| multipart::Part {
        content_type: "text/xml",
        content_id: &part.content_id,
        binary: true,
        body: part.body,
    });
    let again: Vec<_> = again.collect();
    let Some((kind, written)) = multipart::write("1.2.3", None, &again) else { return };
    // An id with line ends or angle brackets of its own is no id that the writer takes; ours have none.
    if let Ok(read) = multipart::read(&kind, &written) {
        assert!(read.len() == parts.len(), "as many parts as before");
    }
}

/// The answer to a store message.
pub(crate) fn answer(data: &[u8]) {
    let outcome = acceptance(&PROFILE, &sent(), &reply(data));
    assert!(!outcome.name().is_empty() && !outcome.actor().code().is_empty());
}

/// The answer to a search.
pub(crate) fn find_answer_(data: &[u8]) {
    if let Ok(QueryAnswer::Found(page)) = find_answer(&PROFILE, &sent(), &reply(data)) {
        assert!(!page.entries.is_empty(), "found is something");
    }
}

/// The answer to a fetch, of a document and of a summary.
pub(crate) fn fetch_answer_(data: &[u8]) {
    let reply = reply(data);
    if let Ok(QueryAnswer::Found(found)) = fetch_answer(&PROFILE, &sent(), &reply) {
        assert!(!found.is_empty(), "found is something");
    }
    drop(summary_answer(&PROFILE, &sent(), &reply));
}

/// A document.
pub(crate) fn document_read(data: &[u8]) {
    if let Ok(document) = read(data) {
        std::hint::black_box(document.signatures().count());
    }
}

static PROFILE: LazyLock<WireProfile> = LazyLock::new(|| WireProfile::default_profile().expect("the built-in profile"));

fn reply(data: &[u8]) -> Reply {
    let (status, rest) = line(data);
    let (content_type, body) = line(rest);
    Reply {
        status: status.parse().unwrap_or(200),
        content_type: Some(content_type),
        retry_after_s: None,
        body: body.to_vec(),
    }
}

/// The first line and what follows it.
fn line(data: &[u8]) -> (String, &[u8]) {
    let at = data.iter().position(|b| *b == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(at);
    (String::from_utf8_lossy(line).into_owned(), rest.get(1..).unwrap_or_default())
}
