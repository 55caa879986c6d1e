//! What a file is: a local record, an archive document, a transfer frame, or a message with its documents.
//!
//! Goes by the first bytes and the document element, never by the file's name. Judges nothing.

use std::io::Read;
use std::path::Path;

use asiasilta::domain::document::cda::HL7;
use asiasilta::domain::text::Text;
use asiasilta::domain::wire::multipart::MultipartError;
use asiasilta::domain::wire::{multipart, soap};
use asiasilta::domain::xml::{Element, Limits, Misread, parse_placed};

/// Bytes of one file, at most: what the archive's messages may have, and a little more.
const BYTES_MAX: u64 = 24 << 20;

/// A file's bytes and its name as the caller gave it.
pub(super) struct File {
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
}

/// What a file is.
pub(super) enum Kind<'a> {
    /// A local record.
    Record,
    /// An archive document.
    Document(Part<'a>),
    /// A frame or a message, with the document that came with it.
    Frame { message: Element, part: Part<'a>, document: Option<Part<'a>> },
}

/// Bytes of a file, and where in it they begin.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) from: usize,
}

/// Why a file is nothing that is read.
pub(super) enum Unreadable {
    /// Not XML that is read; the place is in the whole file.
    Xml(Misread),
    /// Something else, in plain words.
    Other(Text),
    /// Something that is known, without what was asked for.
    Lacks(Text),
}

/// An XML document of another kind where the archive's document was expected.
pub(super) const NOT_CLINICAL: Text = Text::fixed(
    "juurielementti, joka ei ole nimiavaruuden urn:hl7-org:v3 ClinicalDocument",
    "ett rotelement som inte är ClinicalDocument i urn:hl7-org:v3",
    "a document element other than ClinicalDocument of urn:hl7-org:v3",
);

const EMPTY: Text = Text::fixed("tyhjä syöte", "en tom indata", "nothing: the input is empty");
const OTHER_XML: Text = Text::fixed(
    "XML, joka ei ole arkiston asiakirja eikä sanoma",
    "XML som varken är en arkivhandling eller ett meddelande till arkivet",
    "XML that is neither an archive document nor a message of the archive",
);
const NEITHER: Text = Text::fixed(
    "ei JSONia, XML:ää eikä multipart/related-sanomaa",
    "varken JSON, XML eller multipart/related",
    "neither JSON, XML nor multipart/related",
);
const NEITHER_NOR_UTF8: Text = Text::fixed(
    "ei JSONia, XML:ää eikä multipart/related-sanomaa, eikä UTF-8-tekstiä",
    "varken JSON, XML eller multipart/related, och inte text i UTF-8",
    "neither JSON, XML nor multipart/related, and not UTF-8 text",
);

/// Reads a file, or standard input for `-`.
pub(super) fn read(path: &Path) -> std::io::Result<File> {
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().take(BYTES_MAX).read_to_end(&mut bytes)?;
        return Ok(File { name: "<stdin>".into(), bytes });
    }
    let named = |e: std::io::Error| std::io::Error::new(e.kind(), format!("{}: {e}", path.display()));
    let file = std::fs::File::open(path).map_err(named)?;
    file.take(BYTES_MAX).read_to_end(&mut bytes).map_err(named)?;
    Ok(File { name: path.display().to_string(), bytes })
}

/// Finds out what it is.
pub(super) fn recognise(bytes: &[u8]) -> Result<Kind<'_>, Unreadable> {
    let start = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes).trim_ascii_start();
    match start.first() {
        Some(b'{' | b'[') => Ok(Kind::Record),
        Some(b'<') => xml(Part { bytes, from: 0 }),
        Some(_) => message(bytes),
        None => Err(Unreadable::Other(EMPTY)),
    }
}

fn xml(part: Part<'_>) -> Result<Kind<'_>, Unreadable> {
    let misread = |m: Misread| Unreadable::Xml(Misread { at: m.at.saturating_add(part.from), ..m });
    let root = parse_placed(part.bytes, Limits::DOCUMENT).map_err(misread)?.root;
    if root.is(HL7, "ClinicalDocument") {
        return Ok(Kind::Document(part));
    }
    let message = if root.is(soap::NAMESPACE, "Envelope") || root.is(soap::NAMESPACE_1_2, "Envelope") {
        root.first("Body").and_then(|body| body.elements().next()).cloned()
    } else {
        Some(root)
    };
    match message {
        Some(message) if message.first("controlActProcess").is_some() => {
            Ok(Kind::Frame { message, part, document: None })
        }
        _ => Err(Unreadable::Other(OTHER_XML)),
    }
}

/// `multipart/related` as it goes over the line: with its header lines before it, or the body alone.
fn message(bytes: &[u8]) -> Result<Kind<'_>, Unreadable> {
    let neither = || Unreadable::Other(if std::str::from_utf8(bytes).is_ok() { NEITHER } else { NEITHER_NOR_UTF8 });
    let (content_type, body) = headed(bytes).or_else(|| bare(bytes)).ok_or_else(neither)?;
    let from = |part: &[u8]| part.as_ptr().addr().saturating_sub(bytes.as_ptr().addr());
    if !multipart::is_multipart(&content_type) {
        return xml(Part { bytes: body, from: from(body) });
    }
    let parts = multipart::read(&content_type, body).map_err(|e| Unreadable::Other(multipart_words(&e)))?;
    let mut parts = parts.iter().map(|p| Part { bytes: p.body, from: from(p.body) });
    let first = parts.next().ok_or_else(neither)?;
    match xml(first)? {
        Kind::Frame { message, part, .. } => Ok(Kind::Frame { message, part, document: parts.next() }),
        kind => Ok(kind),
    }
}

/// A body after HTTP or MIME header lines, with its content type.
fn headed(bytes: &[u8]) -> Option<(String, &[u8])> {
    const HEADERS_MAX: usize = 16 << 10;
    let head = bytes.get(..bytes.len().min(HEADERS_MAX))?;
    let (end, length) = [&b"\r\n\r\n"[..], b"\n\n"]
        .iter()
        .find_map(|gap| head.windows(gap.len()).position(|window| window == *gap).map(|at| (at, gap.len())))?;
    let lines = std::str::from_utf8(head.get(..end)?).ok()?.lines();
    let content_type = lines
        .filter_map(|line| line.split_once(':'))
        .find_map(|(name, value)| name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned()))?;
    // The headers of a first part also name a content type: those come after a boundary.
    (!head.starts_with(b"--")).then_some((content_type, bytes.get(end + length..)?))
}

/// A multipart body without its headers: the first line is its boundary.
fn bare(bytes: &[u8]) -> Option<(String, &[u8])> {
    let line = bytes.strip_prefix(b"--")?.split(|b| *b == b'\r').next()?;
    let boundary = std::str::from_utf8(line).ok().filter(|b| b.len() <= 70 && !b.contains('"'))?;
    Some((format!("multipart/related; boundary=\"{boundary}\""), bytes))
}

fn multipart_words(error: &MultipartError) -> Text {
    let (fi, sv) = match error {
        MultipartError::ContentType => (
            "sisältötyyppi on muu kuin multipart/related, jolla on rajamerkki",
            "en annan innehållstyp än multipart/related med en gräns",
        ),
        MultipartError::Truncated => ("runko ilman päättävää rajamerkkiä", "en kropp utan avslutande gräns"),
        MultipartError::Outside => ("tavuja osien ulkopuolella", "byte utanför delarna"),
        MultipartError::TooMany => ("yli 64 osaa", "över 64 delar"),
        MultipartError::Headers => ("osan otsakkeita, joita ei voi lukea", "delhuvuden som inte går att läsa"),
        MultipartError::Encoding => (
            "siirtokoodaus on muu kuin binary, 8bit tai 7bit",
            "en annan överföringskodning än binary, 8bit eller 7bit",
        ),
        MultipartError::Ids => ("osia ilman omaa tunnusta", "delar utan eget id"),
    };
    Text::made(format!("multipart: {fi}"), format!("multipart: {sv}"), format!("multipart with {error}"))
}
