//! `multipart/related` (RFC 2046, RFC 2387): a SOAP envelope and the documents that it names, byte for byte.
//!
//! The writer's boundary follows from the document id and occurs in no part. The reader is strict and bounded: what is cut off
//! is told apart from what is malformed. Knows nothing of SOAP or documents.

use memchr::memmem::find;

/// Parts that are read at most.
pub const PARTS_MAX: usize = 64;
/// Bytes that a part's headers may have.
const HEADER_BYTES_MAX: usize = 4096;
/// RFC 2046, 5.1.1.
const BOUNDARY_LENGTH_MAX: usize = 70;
/// Boundaries that are tried before giving up.
const BOUNDARY_TRIES: u32 = 1000;

/// One part to write.
pub struct Part<'a> {
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `Content-ID` without angle brackets.
    pub content_id: &'a str,
    /// `Content-Transfer-Encoding: binary` is written when set.
    pub binary: bool,
    /// The bytes.
    pub body: &'a [u8],
}

/// A part as read: its id and its bytes, borrowed from the body.
#[derive(Clone, PartialEq, Eq)]
pub struct ReadPart<'a> {
    /// `Content-ID` without angle brackets; empty when there is none.
    pub content_id: String,
    /// The bytes.
    pub body: &'a [u8],
}

/// Why a body is not `multipart/related` that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MultipartError {
    /// The content type names no usable boundary, or another kind of multipart.
    #[error("a content type other than multipart/related with a boundary")]
    ContentType,
    /// The body ends before its closing boundary.
    #[error("a body without its closing boundary")]
    Truncated,
    /// Bytes before the first boundary or after the last, or a boundary line that goes on.
    #[error("bytes outside the parts")]
    Outside,
    /// More than [`PARTS_MAX`] parts.
    #[error("more than 64 parts")]
    TooMany,
    /// Headers of a part that cannot be read, or are too long.
    #[error("part headers that cannot be read")]
    Headers,
    /// A transfer encoding that changes bytes.
    #[error("a transfer encoding other than binary, 8bit or 7bit")]
    Encoding,
    /// Two parts of one `Content-ID`, or no part where the message should be.
    #[error("parts whose ids are not distinct")]
    Ids,
}

/// The content type and body of these parts, the first of which is the root; `None` when no boundary is free.
///
/// `seed` (the document's OID) decides the boundary: the same parts give the same bytes. `type` is the root part's media type;
/// `start_info` is what SOAP 1.2 says of the root part's action (RFC 2387, 3.3).
pub fn write(seed: &str, start_info: Option<&str>, parts: &[Part<'_>]) -> Option<(String, Vec<u8>)> {
    let boundary = free_boundary(seed, parts)?;
    let start = parts.first().map(|p| p.content_id).unwrap_or_default();
    let root_type = parts.first().map(|p| p.content_type).unwrap_or_default();
    let root_type = root_type.split(';').next().unwrap_or_default().trim();
    let info = start_info.map(|info| format!(" start-info=\"{info}\";")).unwrap_or_default();
    let content_type =
        format!("multipart/related; type=\"{root_type}\"; start=\"<{start}>\";{info} boundary=\"{boundary}\"");
    let mut body = Vec::with_capacity(parts.iter().map(|p| p.body.len() + 256).sum());
    for part in parts {
        let encoding = if part.binary { "Content-Transfer-Encoding: binary\r\n" } else { "" };
        let (kind, id) = (part.content_type, part.content_id);
        let head = format!("--{boundary}\r\nContent-Type: {kind}\r\n{encoding}Content-ID: <{id}>\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(part.body);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Some((content_type, body))
}

fn free_boundary(seed: &str, parts: &[Part<'_>]) -> Option<String> {
    // FNV-1a: only to shorten the seed to what RFC 2046 allows; nothing rests on its strength.
    let hash = seed.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    (0..BOUNDARY_TRIES)
        .map(|attempt| format!("asiasilta-{hash:016x}-{attempt}"))
        .find(|boundary| parts.iter().all(|p| find(p.body, boundary.as_bytes()).is_none()))
}

/// Whether a content type is of the multipart family.
pub fn is_multipart(content_type: &str) -> bool {
    content_type.trim_start().get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"))
}

/// Reads the parts, the root first.
///
/// # Errors
/// [`MultipartError`].
pub fn read<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<ReadPart<'a>>, MultipartError> {
    let parameters = parameters(content_type).ok_or(MultipartError::ContentType)?;
    let value = |name: &str| parameters.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    let boundary = value("boundary").filter(|b| is_boundary(b)).ok_or(MultipartError::ContentType)?;
    let mut parts = split(body, boundary)?;
    for (i, part) in parts.iter().enumerate() {
        let twice = parts.iter().skip(i + 1).any(|p| p.content_id == part.content_id);
        if twice && !part.content_id.is_empty() {
            return Err(MultipartError::Ids);
        }
    }
    if let Some(start) = value("start") {
        let start = strip_brackets(start);
        let at = parts.iter().position(|p| p.content_id == start).ok_or(MultipartError::Ids)?;
        parts.swap(0, at);
    }
    if parts.is_empty() { Err(MultipartError::Ids) } else { Ok(parts) }
}

fn split<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<ReadPart<'a>>, MultipartError> {
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let start = body.strip_prefix(b"\r\n").unwrap_or(body);
    if start.len() < opening.len() && opening.as_bytes().starts_with(start) {
        return Err(MultipartError::Truncated);
    }
    let mut rest = start.strip_prefix(opening.as_bytes()).ok_or(MultipartError::Outside)?;
    let mut parts = Vec::new();
    loop {
        if let Some(epilogue) = rest.strip_prefix(b"--") {
            return if epilogue.trim_ascii().is_empty() { Ok(parts) } else { Err(MultipartError::Outside) };
        }
        if rest.len() < 2 {
            return Err(MultipartError::Truncated);
        }
        let part = rest.strip_prefix(b"\r\n").ok_or(MultipartError::Outside)?;
        if parts.len() >= PARTS_MAX {
            return Err(MultipartError::TooMany);
        }
        let end = find(part, delimiter.as_bytes()).ok_or(MultipartError::Truncated)?;
        let (whole, after) = part.split_at_checked(end).ok_or(MultipartError::Truncated)?;
        parts.push(read_part(whole)?);
        rest = after.get(delimiter.len()..).ok_or(MultipartError::Truncated)?;
    }
}

fn read_part(whole: &[u8]) -> Result<ReadPart<'_>, MultipartError> {
    let head_end = find(whole.get(..HEADER_BYTES_MAX.min(whole.len())).unwrap_or(whole), b"\r\n\r\n");
    let (head, body) = match (head_end, whole.strip_prefix(b"\r\n")) {
        (_, Some(body)) => (&[][..], body),
        (Some(at), None) => (whole.get(..at).unwrap_or_default(), whole.get(at + 4..).unwrap_or_default()),
        (None, None) => return Err(MultipartError::Headers),
    };
    let head = std::str::from_utf8(head).map_err(|_| MultipartError::Headers)?;
    let mut content_id = String::new();
    for line in head.split("\r\n").filter(|l| !l.is_empty()) {
        let (name, value) = line.split_once(':').ok_or(MultipartError::Headers)?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-id") {
            content_id = strip_brackets(value).to_owned();
        } else if name.eq_ignore_ascii_case("content-transfer-encoding")
            && !["binary", "8bit", "7bit"].iter().any(|e| value.eq_ignore_ascii_case(e))
        {
            return Err(MultipartError::Encoding);
        }
    }
    Ok(ReadPart { content_id, body })
}

fn strip_brackets(value: &str) -> &str {
    value.strip_prefix('<').and_then(|v| v.strip_suffix('>')).unwrap_or(value)
}

fn is_boundary(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b);
    (1..=BOUNDARY_LENGTH_MAX).contains(&text.len()) && text.bytes().all(allowed) && !text.ends_with(' ')
}

/// The parameters of a `multipart/related` content type, names in lower case; `None` for anything else.
fn parameters(content_type: &str) -> Option<Vec<(String, String)>> {
    let (kind, mut rest) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/related") {
        return None;
    }
    let mut found = Vec::new();
    while !rest.trim().is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = quoted.split_once('"')?;
                (value, after.trim_start())
            }
            None => after.split_at(after.find(';').unwrap_or(after.len())),
        };
        found.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        rest = match after.strip_prefix(';') {
            Some(next) => next,
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some(found)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn two<'a>(first: &'a [u8], second: &'a [u8]) -> [Part<'a>; 2] {
        [
            Part { content_type: "text/xml", content_id: "frame", binary: false, body: first },
            Part { content_type: "application/xml", content_id: "OID1.2.3", binary: true, body: second },
        ]
    }

    #[test]
    fn parts_are_read_as_they_were_written_and_equal_input_gives_equal_bytes() {
        let (kind, body) = write("1.2.3", None, &two(b"<a/>", b"\r\n--\0\xff\r\n")).unwrap();
        assert_eq!(write("1.2.3", None, &two(b"<a/>", b"\r\n--\0\xff\r\n")).unwrap(), (kind.clone(), body.clone()));
        let parts = read(&kind, &body).unwrap();
        assert_eq!((parts[0].body, parts[1].body), (&b"<a/>"[..], &b"\r\n--\0\xff\r\n"[..]));
        assert_eq!(parts[1].content_id, "OID1.2.3");
    }

    #[test]
    fn a_boundary_that_occurs_in_a_part_is_not_taken() {
        let (kind, _) = write("1.2.3", None, &two(b"", b"")).unwrap();
        let taken = kind.split("boundary=\"").nth(1).unwrap().trim_end_matches('"');
        let hostile = format!("x\r\n--{taken}\r\n");
        let (other, body) = write("1.2.3", None, &two(b"", hostile.as_bytes())).unwrap();
        assert_ne!(kind, other);
        assert_eq!(read(&other, &body).unwrap()[1].body, hostile.as_bytes());
    }

    #[test]
    fn every_cut_is_told_as_cut() {
        let (kind, body) = write("1.2.3", None, &two(b"<a/>", b"<b/>")).unwrap();
        for length in 0..body.len() - 4 {
            assert_eq!(read(&kind, &body[..length]).err(), Some(MultipartError::Truncated), "{length}");
        }
    }

    #[test]
    fn what_is_not_strictly_multipart_related_is_refused_by_kind() {
        let kind = "multipart/related; boundary=b";
        for (kind, body, expected) in [
            ("multipart/mixed; boundary=b", "--b--", MultipartError::ContentType),
            ("multipart/related", "--b--", MultipartError::ContentType),
            ("multipart/related; boundary=\"b\u{e4}\"", "--b--", MultipartError::ContentType),
            (kind, "x\r\n--b--", MultipartError::Outside),
            (kind, "--b--", MultipartError::Ids),
            (kind, "--b\r\nno header\r\n\r\nx\r\n--b--", MultipartError::Headers),
            (kind, "--b\r\nContent-Transfer-Encoding: base64\r\n\r\nx\r\n--b--", MultipartError::Encoding),
            (kind, "--b\r\n\r\nx\r\n--b--more", MultipartError::Outside),
            (kind, "--b\r\nContent-ID: <a>\r\n\r\nx\r\n--b\r\nContent-ID: <a>\r\n\r\nx\r\n--b--", MultipartError::Ids),
            ("multipart/related; boundary=b; start=\"<z>\"", "--b\r\n\r\nx\r\n--b--", MultipartError::Ids),
        ] {
            assert_eq!(read(kind, body.as_bytes()).err(), Some(expected), "{kind} {body}");
        }
        let many = format!("{}--b--", "--b\r\n\r\nx\r\n".repeat(PARTS_MAX + 1));
        assert_eq!(read(kind, many.as_bytes()).err(), Some(MultipartError::TooMany));
    }

    proptest! {
        #[test]
        fn no_bytes_and_no_content_type_make_it_panic(kind in ".{0,80}", tail in ".{0,40}", body: Vec<u8>) {
            drop(read(&kind, &body));
            drop(read(&format!("multipart/related; boundary=b{tail}"), &body));
            drop(read("multipart/related; boundary=b", &[b"--b\r\n", &body[..], b"\r\n--b--"].concat()));
        }
    }
}
