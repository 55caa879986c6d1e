//! What each fuzz target does with its bytes. Shared by the targets and by the plain tests of their seeds.
//!
//! A reply's bytes are its status, a line feed, its content type, a line feed, its body.

use std::sync::LazyLock;

use asiasilta::domain::document::read::{ReadFrame, read};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::structure::Registry;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::wire::answer::{QueryAnswer, acceptance, fetch_answer, find_answer, summary_answer};
use asiasilta::domain::wire::soap::{self, Content};
use asiasilta::domain::wire::{Envelope, MessageId, Reply, multipart};
use asiasilta::domain::xml::{FlatElement, Limits, Node, Tree, parse, parse_flat};
use asiasilta::jiff::Timestamp;

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

/// XML in both forms. The list says what the tree says; and what is read the quick way the slow reader reads as the same tree.
pub(crate) fn xml(data: &[u8]) {
    let Ok(flat) = parse_flat(data, Limits::DOCUMENT) else { return };
    same(flat.root(), &flat.tree().root);
    // A comment after the document element is not kept, but no text that has one is read the quick way.
    let slow = parse(&[data, b"<!---->"].concat(), Limits::DOCUMENT);
    if data.len() + 7 <= Limits::DOCUMENT.bytes_max {
        assert!(slow.as_ref() == Ok(flat.tree()), "the slow reader reads the same");
    }
    let tree = flat.into_tree();
    let again = parse(tree.to_xml().as_bytes(), Limits::DOCUMENT).map(|tree| Tree::to_xml(&tree));
    assert!(again.as_ref() == Ok(&tree.to_xml()), "what is written is read and written the same");
}

fn same(flat: FlatElement<'_>, element: &asiasilta::domain::xml::Element) {
    assert!(flat.is(element.namespace.as_str(), element.name.as_str()), "the same name");
    for attribute in element.attributes.iter().filter(|one| one.namespace.as_str().is_empty()) {
        assert!(flat.attribute(attribute.name.as_str()) == Some(&attribute.value), "the same attributes");
    }
    assert!(flat.all_text() == element.all_text(), "the same text");
    let children: Vec<_> = flat.elements().collect();
    assert!(children.len() == element.elements().count(), "as many children");
    let elements = element.children.iter().filter_map(|node| match node {
        Node::Element(element) => Some(element),
        _ => None,
    });
    children.into_iter().zip(elements).for_each(|(flat, element)| same(flat, element));
}

/// A local record, as the sidecar and `asiasilta validate` take it.
pub(crate) fn record(data: &[u8]) {
    match CHECKER.record(data, *NOW) {
        Ok(checked) => drop(std::hint::black_box(checked)),
        Err(findings) => assert!(!findings.is_empty(), "a refusal has a finding"),
    }
}

static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new(Registry::reduced().into(), Environment::Test));
static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-11-22T09:00:00Z".parse().expect("a moment"));

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
