//! `multipart/related` (RFC 2387) into parts, bytes untouched. Knows nothing of SOAP.

/// A message has its envelope and the documents; the archive's interactions carry one.
const PARTS_MAX: usize = 8;
const PART_HEADERS_MAX_BYTES: usize = 8 * 1024;
const BOUNDARY_MAX_CHARS: usize = 70;

/// One part: its `Content-ID` without angle brackets, and its bytes.
pub(crate) struct Part<'a> {
    pub(crate) content_id: Option<String>,
    pub(crate) body: &'a [u8],
}

/// A parameter of a header value such as `multipart/related; boundary="…"`; quotes taken off.
pub(crate) fn parameter(header: &str, name: &str) -> Option<String> {
    let mut rest = header.split_once(';')?.1;
    loop {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, next) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, next) = quoted.split_once('"')?;
                (value, next.trim_start().strip_prefix(';').unwrap_or_default())
            }
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value.trim().to_owned());
        }
        rest = next;
    }
}

/// Splits a body at its boundary. `None` when it is not a complete multipart body within the limits.
pub(crate) fn parts<'a>(boundary: &str, body: &'a [u8]) -> Option<Vec<Part<'a>>> {
    if boundary.is_empty() || boundary.len() > BOUNDARY_MAX_CHARS {
        return None;
    }
    let opening = format!("--{boundary}");
    let delimiter = format!("\r\n--{boundary}");
    let mut rest = body.strip_prefix(b"\r\n").unwrap_or(body).strip_prefix(opening.as_bytes())?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        if parts.len() == PARTS_MAX {
            return None;
        }
        let end_of_line = find(rest, b"\r\n")?;
        if !rest.get(..end_of_line)?.iter().all(|byte| matches!(byte, b' ' | b'\t')) {
            return None;
        }
        let part_end = find(rest, delimiter.as_bytes())?;
        parts.push(part(rest.get(end_of_line..part_end)?)?);
        rest = rest.get(part_end + delimiter.len()..)?;
    }
}

/// Reads one part; `bytes` begins with the line end of the boundary line.
fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let headers_end = find(bytes, b"\r\n\r\n")?;
    if headers_end > PART_HEADERS_MAX_BYTES {
        return None;
    }
    let headers = std::str::from_utf8(bytes.get(..headers_end)?).ok()?;
    let value = |wanted: &str| {
        headers
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    let encoding = value("content-transfer-encoding").unwrap_or("binary");
    if !["binary", "8bit", "7bit"].iter().any(|plain| encoding.eq_ignore_ascii_case(plain)) {
        return None;
    }
    let content_id = value("content-id").map(bare_id);
    Some(Part { content_id, body: bytes.get(headers_end + 4..)? })
}

/// A content id without its angle brackets.
pub(crate) fn bare_id(id: &str) -> String {
    id.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    memchr::memmem::find(haystack, needle)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a missing part is a failed test")]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_quoted_or_bare() {
        let header = r#"multipart/related; type="text/xml; x=1"; start="<frame>"; boundary=abc"#;
        assert_eq!(parameter(header, "boundary").unwrap(), "abc");
        assert_eq!(parameter(header, "Start").unwrap(), "<frame>");
        assert_eq!(parameter(header, "type").unwrap(), "text/xml; x=1");
        assert_eq!(parameter(header, "x"), None);
        assert_eq!(parameter("text/xml", "boundary"), None);
        assert_eq!(parameter("a; b", "boundary"), None);
    }

    #[test]
    fn a_parts_bytes_are_untouched() {
        let body = b"--b\r\nContent-ID: <frame>\r\n\r\n<a/>\r\n--b\r\nContent-Transfer-Encoding: binary\r\ncontent-id: <OID1.2>\r\n\r\n\n <d>\r\n</d>\n\r\n--b--\r\n";
        let parts = parts("b", body).unwrap();
        assert_eq!(parts.len(), 2);
        assert_eq!((parts[0].content_id.as_deref(), parts[0].body), (Some("frame"), b"<a/>".as_slice()));
        assert_eq!((parts[1].content_id.as_deref(), parts[1].body), (Some("OID1.2"), b"\n <d>\r\n</d>\n".as_slice()));
    }

    #[test]
    fn what_is_not_complete_is_not_taken() {
        let part = "--b\r\nX: y\r\n\r\n1\r\n";
        for bad in [
            "",
            "--b",
            "--b\r\n\r\n",
            part,
            "--c\r\n\r\n1\r\n--c--",
            "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n1\r\n--b--",
        ] {
            assert!(parts("b", bad.as_bytes()).is_none(), "{bad}");
        }
        assert!(parts("b", format!("{part}--b--").as_bytes()).is_some());
        assert!(parts("b", format!("{}--b--", part.repeat(PARTS_MAX + 1)).as_bytes()).is_none());
        assert!(parts("", b"--\r\n\r\n1\r\n----").is_none());
    }
}
