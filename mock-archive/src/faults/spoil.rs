//! Spoils an answer, and makes the answers that are none of the archive's. Bytes in, bytes out.

use crate::archive::Reply;
use crate::faults::Fault;

/// The number on the gateway's page.
const SUPPORT_ID: &str = "1234567890123456789";

/// Spoils an answer as the fault says; another fault leaves it as it is.
pub(crate) fn spoil(fault: Fault, mut reply: Reply) -> Reply {
    let end = envelope_end(&reply.body);
    match fault {
        Fault::EmptyAnswer => reply.body.clear(),
        Fault::TruncatedAnswer => reply.body.truncate(end),
        // The slash goes: an end tag becomes a start tag that never ends.
        Fault::MalformedAnswer => {
            drop(reply.body.drain(end.saturating_add(1)..end.saturating_add(2).min(reply.body.len())))
        }
        // One byte of ISO 8859-1 in what says that it is UTF-8.
        Fault::WrongCharset => insert(&mut reply.body, end, b"<!--\xe4-->"),
        Fault::OversizedAnswer(bytes) => {
            let comment = [b"<!--".to_vec(), vec![b' '; bytes], b"-->".to_vec()].concat();
            insert(&mut reply.body, end, &comment);
        }
        Fault::WrongMessageId => another_target(&mut reply.body),
        _ => {}
    }
    reply
}

/// Where the envelope's end tag begins; the end when there is none.
fn envelope_end(body: &[u8]) -> usize {
    let name = last(body, b"Envelope>", body.len());
    name.and_then(|name| last(body, b"</", name)).unwrap_or(body.len().saturating_sub(1))
}

fn last(body: &[u8], wanted: &[u8], before: usize) -> Option<usize> {
    body.get(..before)?.windows(wanted.len()).rposition(|window| window == wanted)
}

fn insert(body: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    let at = at.min(body.len());
    body.splice(at..at, bytes.iter().copied());
}

/// A nine before the number of the message that is acknowledged, in the message and in WS-Addressing.
fn another_target(body: &mut Vec<u8>) {
    for (place, number) in [(b"<targetMessage>".as_slice(), b"extension=\"".as_slice()), (b"RelatesTo", b"urn:oid:")] {
        let Some(start) = body.windows(place.len()).position(|window| window == place) else { continue };
        let rest = body.get(start..).unwrap_or_default();
        if let Some(found) = rest.windows(number.len()).position(|window| window == number) {
            insert(body, start + found + number.len(), if number.ends_with(b"\"") { b"9" } else { b"2.9." });
        }
    }
}

/// A gateway's page as seen before the real validator: any status, a support id, no XML.
pub(crate) fn block_page() -> Reply {
    let page = format!(
        "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. \
         Your support ID is: {SUPPORT_ID}</body></html>"
    );
    Reply { status: 200, content_type: "text/html; charset=utf-8".to_owned(), body: page.into_bytes() }
}

/// A SOAP fault of the version that the request came in.
pub(crate) fn soap_fault(request_content_type: &str) -> Reply {
    let (media_type, namespace, fault) = if request_content_type.contains("application/soap+xml") {
        let fault = "<s:Code><s:Value>s:Receiver</s:Value></s:Code><s:Reason><s:Text xml:lang=\"en\">internal error</s:Text></s:Reason>";
        ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope", fault)
    } else {
        let fault = "<faultcode>s:Server</faultcode><faultstring>internal error</faultstring>";
        ("text/xml", "http://schemas.xmlsoap.org/soap/envelope/", fault)
    };
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<s:Envelope xmlns:s=\"{namespace}\"><s:Body><s:Fault>{fault}</s:Fault></s:Body></s:Envelope>"
    );
    Reply { status: 500, content_type: format!("{media_type}; charset=utf-8"), body: text.into_bytes() }
}
