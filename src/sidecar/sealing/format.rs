//! The age file format, version 1 (C2SP, `age.md`): a header that gives the file key to each X25519 recipient, and the payload
//! in chunks, each sealed on its own.
//!
//! Stanzas of other kinds of recipients are passed over. Nothing is given out before the header's code and every chunk hold.

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use super::{Identity, KEY_BYTES, Recipient, SealFault};

const VERSION: &str = "age-encryption.org/v1";
const STANZA: &str = "-> ";
const KIND: &str = "X25519";
const WRAP: &[u8] = b"age-encryption.org/v1/X25519";
const HEADER_END: &str = "---";
const FILE_KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 16;
const CHUNK_BYTES: usize = 64 << 10;
const TAG_BYTES: usize = 16;
/// A stanza's body is written in lines of this length; a shorter one ends it.
const COLUMNS: usize = 64;
/// Of a header, more than twenty recipients of any kind take.
const HEADER_BYTES_MAX: usize = 64 << 10;

type FileKey = Zeroizing<[u8; FILE_KEY_BYTES]>;

/// Encrypts to each recipient; `None` without randomness, or when a recipient is no point of the curve.
pub(super) fn seal(recipients: &[Recipient], plain: &[u8]) -> Option<Vec<u8>> {
    let mut file_key = FileKey::default();
    rand::fill(&mut *file_key).ok()?;
    let mut header = format!("{VERSION}\n");
    for recipient in recipients {
        header.push_str(&stanza(recipient, &file_key)?);
    }
    header.push_str(HEADER_END);
    let code = hmac::sign(&header_key(&file_key)?, header.as_bytes());
    header.push_str(&format!(" {}\n", STANDARD_NO_PAD.encode(code)));
    let mut nonce = [0; NONCE_BYTES];
    rand::fill(&mut nonce).ok()?;
    let key = derived(&nonce, &*file_key, b"payload")?;
    let mut out = header.into_bytes();
    out.extend_from_slice(&nonce);
    let chunks = plain.len().div_ceil(CHUNK_BYTES).max(1);
    for at in 0..chunks {
        let from = at * CHUNK_BYTES;
        let mut chunk = plain.get(from..plain.len().min(from + CHUNK_BYTES))?.to_vec();
        key.seal_in_place_append_tag(chunk_nonce(at, at + 1 == chunks)?, Aad::empty(), &mut chunk).ok()?;
        out.extend_from_slice(&chunk);
    }
    Some(out)
}

fn stanza(recipient: &Recipient, file_key: &FileKey) -> Option<String> {
    let ephemeral = PrivateKey::generate(&X25519).ok()?;
    let share: [u8; KEY_BYTES] = ephemeral.compute_public_key().ok()?.as_ref().try_into().ok()?;
    let key = wrapping_key(&ephemeral, &recipient.0, &share, &recipient.0)?;
    let mut body = file_key.to_vec();
    key.seal_in_place_append_tag(Nonce::assume_unique_for_key([0; NONCE_LEN]), Aad::empty(), &mut body).ok()?;
    Some(format!("{STANZA}{KIND} {}\n{}\n", STANDARD_NO_PAD.encode(share), STANDARD_NO_PAD.encode(body)))
}

/// The key that wraps the file key, from one side's secret and the other side's public key. A shared secret of zeros is refused
/// by the library.
fn wrapping_key(
    mine: &PrivateKey,
    theirs: &[u8; KEY_BYTES],
    share: &[u8; KEY_BYTES],
    recipient: &[u8; KEY_BYTES],
) -> Option<LessSafeKey> {
    let salt = [share.as_slice(), recipient.as_slice()].concat();
    let peer = UnparsedPublicKey::new(&X25519, theirs.as_slice());
    agree(mine, peer, (), |shared| derived(&salt, shared, WRAP).ok_or(())).ok()
}

fn derived(salt: &[u8], secret: &[u8], info: &[u8]) -> Option<LessSafeKey> {
    let info = [info];
    let extracted = Salt::new(HKDF_SHA256, salt).extract(secret);
    let key = extracted.expand(&info, &CHACHA20_POLY1305).ok()?;
    Some(LessSafeKey::new(UnboundKey::from(key)))
}

fn header_key(file_key: &FileKey) -> Option<hmac::Key> {
    let extracted = Salt::new(HKDF_SHA256, &[]).extract(&**file_key);
    extracted.expand(&[b"header"], hmac::HMAC_SHA256).ok().map(hmac::Key::from)
}

/// Eleven bytes of counter and one that says whether it is the last chunk.
fn chunk_nonce(at: usize, is_last: bool) -> Option<Nonce> {
    let mut nonce = [0; NONCE_LEN];
    let counter = u64::try_from(at).ok()?.to_be_bytes();
    nonce.get_mut(3..11)?.copy_from_slice(&counter);
    *nonce.last_mut()? = u8::from(is_last);
    Some(Nonce::assume_unique_for_key(nonce))
}

/// Decrypts for an identity.
pub(super) fn open(identity: &Identity, sealed: &[u8], bytes_max: usize) -> Result<Vec<u8>, SealFault> {
    let header = Header::read(sealed).ok_or(SealFault::NotAge)?;
    let mine = PrivateKey::from_private_key(&X25519, &*identity.secret).map_err(|_| SealFault::Identity)?;
    let file_key = header.stanzas.iter().find_map(|stanza| stanza.open(&mine, &identity.public));
    let file_key = file_key.ok_or(SealFault::NotForIdentity)?;
    let key = header_key(&file_key).ok_or(SealFault::Changed)?;
    hmac::verify(&key, header.signed, &header.code).map_err(|_| SealFault::Changed)?;
    let (nonce, chunks) = header.payload.split_at_checked(NONCE_BYTES).ok_or(SealFault::Changed)?;
    // Before anything is decrypted: a chunk holds at most so much, and each has its tag.
    let tags = chunks.len().div_ceil(CHUNK_BYTES + TAG_BYTES).saturating_mul(TAG_BYTES);
    if chunks.len().saturating_sub(tags) > bytes_max {
        return Err(SealFault::TooLong(bytes_max));
    }
    derived(nonce, &*file_key, b"payload").and_then(|key| payload(&key, chunks)).ok_or(SealFault::Changed)
}

fn payload(key: &LessSafeKey, chunks: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(chunks.len());
    let count = chunks.len().div_ceil(CHUNK_BYTES + TAG_BYTES);
    for (at, chunk) in chunks.chunks(CHUNK_BYTES + TAG_BYTES).enumerate() {
        let mut chunk = chunk.to_vec();
        let nonce = chunk_nonce(at, at.saturating_add(1) == count)?;
        let opened = key.open_in_place(nonce, Aad::empty(), &mut chunk).ok()?;
        // Only a file without any text has an empty chunk.
        if opened.is_empty() && count > 1 {
            return None;
        }
        plain.extend_from_slice(opened);
    }
    (count > 0).then_some(plain)
}

/// A header and what follows it.
struct Header<'a> {
    stanzas: Vec<Stanza>,
    /// What the code is over.
    signed: &'a [u8],
    code: Vec<u8>,
    payload: &'a [u8],
}

/// What an X25519 recipient is given.
struct Stanza {
    share: [u8; KEY_BYTES],
    body: Vec<u8>,
}

impl<'a> Header<'a> {
    fn read(sealed: &'a [u8]) -> Option<Self> {
        let (mut at, mut stanzas) = (0, Vec::new());
        if line(sealed, &mut at)? != VERSION {
            return None;
        }
        loop {
            let begins = at;
            let first = line(sealed, &mut at)?;
            if let Some(code) = first.strip_prefix(HEADER_END) {
                let signed = sealed.get(..begins.checked_add(HEADER_END.len())?)?;
                let code = STANDARD_NO_PAD.decode(code.strip_prefix(' ')?).ok()?;
                return Some(Self { stanzas, signed, code, payload: sealed.get(at..)? });
            }
            let arguments: Vec<&str> = first.strip_prefix(STANZA)?.split(' ').collect();
            let body = body(sealed, &mut at)?;
            if let [KIND, rest @ ..] = arguments.as_slice() {
                stanzas.push(Stanza::read(rest, body)?);
            }
        }
    }
}

impl Stanza {
    fn read(arguments: &[&str], body: Vec<u8>) -> Option<Self> {
        let [share] = arguments else { return None };
        let share = STANDARD_NO_PAD.decode(share).ok()?.try_into().ok()?;
        (body.len() == FILE_KEY_BYTES + TAG_BYTES).then_some(Self { share, body })
    }

    fn open(&self, mine: &PrivateKey, recipient: &Recipient) -> Option<FileKey> {
        let key = wrapping_key(mine, &self.share, &self.share, &recipient.0)?;
        let mut body = Zeroizing::new(self.body.clone());
        let nonce = Nonce::assume_unique_for_key([0; NONCE_LEN]);
        let opened = key.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
        let opened: [u8; FILE_KEY_BYTES] = (&*opened).try_into().ok()?;
        Some(Zeroizing::new(opened))
    }
}

/// The next line, without its end.
fn line<'a>(sealed: &'a [u8], at: &mut usize) -> Option<&'a str> {
    let rest = sealed.get(*at..HEADER_BYTES_MAX.min(sealed.len()))?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    *at = at.checked_add(length)?.checked_add(1)?;
    std::str::from_utf8(rest.get(..length)?).ok()
}

/// A stanza's body: whole lines, then a shorter one, which may be empty.
fn body(sealed: &[u8], at: &mut usize) -> Option<Vec<u8>> {
    let mut text = String::new();
    loop {
        let part = line(sealed, at)?;
        if part.len() > COLUMNS {
            return None;
        }
        text.push_str(part);
        if part.len() < COLUMNS {
            return STANDARD_NO_PAD.decode(text).ok();
        }
    }
}
