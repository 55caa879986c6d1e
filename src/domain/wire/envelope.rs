//! What is sent: body, content type and action, kept byte for byte so that a second sending is the first one again.

use std::borrow::Cow;

use super::soap::{self, Content};
use super::{MessageId, answer, multipart};
use crate::domain::finding::redacted_debug;
use crate::domain::oid::Oid;
use crate::domain::xml::Limits;

/// First bytes of a kept envelope: the name and version of its form.
const MAGIC: &[u8] = b"asiasilta-envelope/1\n";
/// Bytes that a kept envelope may have: a document at its limit, twice, is not reached by any of ours.
const BYTES_MAX: usize = 48 * 1024 * 1024;

/// A message ready to be sent. Holds personal data: keep it encrypted.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// `SOAPAction`, without quotes; SOAP 1.2 has it in the content type instead.
    pub soap_action: Option<String>,
    /// `Content-Type`.
    pub content_type: String,
    /// The message's id, which the answer must name.
    pub message_id: MessageId,
    /// The body.
    pub body: Vec<u8>,
}

redacted_debug!(Envelope);

/// Why bytes are not a kept envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeFault {
    /// Other first bytes.
    #[error("not an envelope of version 1")]
    NotAnEnvelope,
    /// A field ends too early, goes on too long or is not what it should be.
    #[error("an envelope whose {0} cannot be read")]
    Field(&'static str),
}

impl Envelope {
    /// An envelope of ours whose parts were kept apart, an empty action for none; the message id is read from the body.
    ///
    /// # Errors
    /// [`EnvelopeFault::Field`] when the body is not a message of ours.
    pub fn from_parts(soap_action: String, content_type: String, body: Vec<u8>) -> Result<Self, EnvelopeFault> {
        let message_id = message_id(&content_type, &body).ok_or(EnvelopeFault::Field("message id"))?;
        Ok(Self { soap_action: some_action(soap_action), content_type, message_id, body })
    }

    /// The envelope as bytes: the form's name, then each field with its length (4 bytes, big-endian) before it.
    ///
    /// # Errors
    /// [`EnvelopeFault::Field`] when it is larger than [`Envelope::from_bytes`] takes.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EnvelopeFault> {
        let fields: [&[u8]; 5] = [
            self.soap_action.as_deref().unwrap_or_default().as_bytes(),
            self.content_type.as_bytes(),
            self.message_id.root.as_str().as_bytes(),
            self.message_id.extension.as_bytes(),
            &self.body,
        ];
        let mut bytes = MAGIC.to_vec();
        for field in fields {
            let length = u32::try_from(field.len()).map_err(|_| EnvelopeFault::Field("length"))?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(field);
        }
        if bytes.len() > BYTES_MAX { Err(EnvelopeFault::Field("length")) } else { Ok(bytes) }
    }

    /// Reads what [`Envelope::to_bytes`] wrote.
    ///
    /// # Errors
    /// [`EnvelopeFault`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EnvelopeFault> {
        if bytes.len() > BYTES_MAX {
            return Err(EnvelopeFault::Field("length"));
        }
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(EnvelopeFault::NotAnEnvelope)?;
        let soap_action = text(take(&mut rest, "action")?, "action")?;
        let content_type = text(take(&mut rest, "content type")?, "content type")?;
        let root = text(take(&mut rest, "message id")?, "message id")?;
        let root: Oid = root.parse().map_err(|_| EnvelopeFault::Field("message id"))?;
        let extension = text(take(&mut rest, "message id")?, "message id")?;
        let body = take(&mut rest, "body")?.to_vec();
        if !rest.is_empty() {
            return Err(EnvelopeFault::Field("end"));
        }
        let soap_action = some_action(soap_action);
        Ok(Self { soap_action, content_type, message_id: MessageId { root, extension }, body })
    }
}

/// The document in the body of a store message of ours, byte for byte; `None` when the body is not one.
pub fn document_in<'a>(content_type: &str, body: &'a [u8]) -> Option<Cow<'a, [u8]>> {
    if multipart::is_multipart(content_type) {
        let parts = multipart::read(content_type, body).ok()?;
        return parts.get(1).map(|part| Cow::Borrowed(part.body));
    }
    let Content::Message(message) = soap::unwrap(body, Limits::DOCUMENT).ok()? else { return None };
    let text = message.at(["controlActProcess", "subject", "clinicalDocument", "text"])?;
    answer::inline(text).ok().map(Cow::Owned)
}

/// An action that was kept; empty stands for none.
fn some_action(kept: String) -> Option<String> {
    (!kept.is_empty()).then_some(kept)
}

/// The message id in the body of a message of ours.
fn message_id(content_type: &str, body: &[u8]) -> Option<MessageId> {
    let parts =
        if multipart::is_multipart(content_type) { multipart::read(content_type, body).ok()? } else { Vec::new() };
    let frame = parts.first().map_or(body, |part| part.body);
    let Content::Message(message) = soap::unwrap(frame, Limits::DOCUMENT).ok()? else { return None };
    let id = message.first("id")?;
    Some(MessageId { root: id.attribute("root")?.parse().ok()?, extension: id.attribute("extension")?.to_owned() })
}

fn take<'a>(rest: &mut &'a [u8], what: &'static str) -> Result<&'a [u8], EnvelopeFault> {
    let fault = EnvelopeFault::Field(what);
    let (length, after) = rest.split_first_chunk::<4>().ok_or(fault)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| fault)?;
    let (field, after) = after.split_at_checked(length).ok_or(fault)?;
    *rest = after;
    Ok(field)
}

fn text(bytes: &[u8], what: &'static str) -> Result<String, EnvelopeFault> {
    String::from_utf8(bytes.to_vec()).map_err(|_| EnvelopeFault::Field(what))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn envelope() -> Envelope {
        Envelope {
            soap_action: Some("urn:hl7-org:v3:X".into()),
            content_type: "text/xml".into(),
            message_id: MessageId { root: "1.2.3".parse().unwrap(), extension: "17".into() },
            body: b"<\0\xff>".to_vec(),
        }
    }

    #[test]
    fn a_kept_envelope_is_the_same_envelope() {
        let bytes = envelope().to_bytes().unwrap();
        assert!(Envelope::from_bytes(&bytes).unwrap() == envelope());
    }

    #[test]
    fn every_shortened_or_lengthened_envelope_is_refused() {
        let bytes = envelope().to_bytes().unwrap();
        for length in 0..bytes.len() {
            assert!(Envelope::from_bytes(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Envelope::from_bytes(&[bytes, vec![0]].concat()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(at in 0usize..80, value: u8, tail: Vec<u8>) {
            let mut bytes = envelope().to_bytes().unwrap();
            let at = at.min(bytes.len() - 1);
            bytes[at] = value;
            drop(Envelope::from_bytes(&bytes));
            drop(Envelope::from_bytes(&[MAGIC, &tail].concat()));
        }
    }
}
