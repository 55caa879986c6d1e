//! Encryption of what leaves by another way than the archive: age (age-encryption.org/v1), to X25519 recipients.
//!
//! Keys and what is encrypted. The format is in `format`, the text form of keys in `bech32`; the primitives are those of the one
//! cryptographic library here, so that nothing else comes into the tree for it. Knows nothing of what is encrypted, nor of
//! pass phrases, plugins and other kinds of recipients. Keys come as text: files are the caller's.

mod bech32;
mod format;

use aws_lc_rs::agreement::{PrivateKey, X25519};
use zeroize::Zeroizing;

/// Recipients of one file, at most.
const RECIPIENTS_MAX: usize = 20;
const RECIPIENT_PREFIX: &str = "age";
const IDENTITY_PREFIX: &str = "age-secret-key-";
const KEY_BYTES: usize = 32;

/// Why something was not encrypted or decrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// A line that is no recipient (`age1…`). The line itself is not repeated: it may be a secret.
    #[error("line {0} is no age recipient, expected age1… (X25519)")]
    Recipient(usize),
    /// None, or more than are allowed.
    #[error("found {0} recipients, expected 1 to {RECIPIENTS_MAX}")]
    Recipients(usize),
    /// No identity (`AGE-SECRET-KEY-1…`) in the text.
    #[error("found no age identity, expected a line AGE-SECRET-KEY-1…")]
    Identity,
    /// The library did not encrypt: no randomness, or a key that is none.
    #[error("not encrypted: the cryptographic library refused")]
    NotEncrypted,
    /// Not an age file.
    #[error("not an age file, or its header is damaged")]
    NotAge,
    /// It is for others.
    #[error("the file is not for this identity")]
    NotForIdentity,
    /// The encrypted text is cut off or changed.
    #[error("the file is cut off or changed")]
    Changed,
    /// More than the caller takes.
    #[error("the file holds more than {0} bytes")]
    TooLong(usize),
}

/// A public key. Not secret.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Recipient([u8; KEY_BYTES]);

/// Who can open what is sealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Recipients(Vec<Recipient>);

impl std::fmt::Debug for Recipients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recipients({})", self.0.len())
    }
}

impl Recipients {
    /// One recipient a line; empty lines and lines that begin with `#` do not count.
    ///
    /// # Errors
    /// [`SealFault::Recipient`], [`SealFault::Recipients`].
    pub fn parse(text: &str) -> Result<Self, SealFault> {
        let mut found = Vec::new();
        for (at, line) in text.lines().enumerate().map(|(at, line)| (at, line.trim())) {
            if !line.is_empty() && !line.starts_with('#') {
                let key = bech32::decode(RECIPIENT_PREFIX, line).ok_or(SealFault::Recipient(at.saturating_add(1)))?;
                found.push(Recipient(key));
            }
        }
        match found.len() {
            1..=RECIPIENTS_MAX => Ok(Self(found)),
            other => Err(SealFault::Recipients(other)),
        }
    }

    /// Encrypts to every recipient; differs each time.
    ///
    /// # Errors
    /// [`SealFault::NotEncrypted`].
    pub fn seal(&self, bytes: &[u8]) -> Result<Vec<u8>, SealFault> {
        format::seal(&self.0, bytes).ok_or(SealFault::NotEncrypted)
    }
}

/// Opens what was sealed to it.
pub struct Identity {
    secret: Zeroizing<[u8; KEY_BYTES]>,
    public: Recipient,
}

impl Identity {
    /// A new one.
    ///
    /// # Errors
    /// [`SealFault::NotEncrypted`] when the system has no randomness to give.
    pub fn random() -> Result<Self, SealFault> {
        let mut secret = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut *secret).map_err(|_| SealFault::NotEncrypted)?;
        Self::of(secret).ok_or(SealFault::NotEncrypted)
    }

    /// The first identity of a key file as `age-keygen` writes it.
    ///
    /// # Errors
    /// [`SealFault::Identity`].
    pub fn parse(text: &str) -> Result<Self, SealFault> {
        let keys = text.lines().filter_map(|line| bech32::decode(IDENTITY_PREFIX, line.trim()));
        keys.map(Zeroizing::new).find_map(Self::of).ok_or(SealFault::Identity)
    }

    fn of(secret: Zeroizing<[u8; KEY_BYTES]>) -> Option<Self> {
        let key = PrivateKey::from_private_key(&X25519, &*secret).ok()?;
        let public = key.compute_public_key().ok()?.as_ref().try_into().ok()?;
        Some(Self { secret, public: Recipient(public) })
    }

    /// Its recipient, as it is given to whoever is to encrypt for it.
    pub fn recipient(&self) -> String {
        bech32::encode(RECIPIENT_PREFIX, &self.public.0)
    }

    /// Itself as text. A secret.
    pub fn reveal(&self) -> Zeroizing<String> {
        Zeroizing::new(bech32::encode(IDENTITY_PREFIX, &*self.secret).to_ascii_uppercase())
    }

    /// Decrypts; never gives out more than `bytes_max`.
    ///
    /// # Errors
    /// [`SealFault`]: nothing is given out then.
    pub fn open(&self, sealed: &[u8], bytes_max: usize) -> Result<Vec<u8>, SealFault> {
        format::open(self, sealed, bytes_max)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn pair() -> (Identity, String) {
        let identity = Identity::random().unwrap();
        let recipient = identity.recipient();
        (Identity::parse(&format!("# created\n{}\n", *identity.reveal())).unwrap(), recipient)
    }

    #[test]
    fn each_recipient_opens_it_and_nobody_else_does() {
        let ((one, to_one), (other, to_other), (stranger, _)) = (pair(), pair(), pair());
        let sealed = Recipients::parse(&format!("# two\n{to_one}\n\n{to_other}\n")).unwrap().seal(b"text").unwrap();
        assert!(sealed.starts_with(b"age-encryption.org/v1\n"));
        for identity in [&one, &other] {
            assert_eq!(identity.open(&sealed, 4).unwrap(), b"text");
        }
        assert_eq!(stranger.open(&sealed, 100), Err(SealFault::NotForIdentity));
        assert_eq!(one.open(&sealed, 3), Err(SealFault::TooLong(3)));
    }

    #[test]
    fn every_length_around_a_chunk_comes_back() {
        let (identity, recipient) = pair();
        let to = Recipients::parse(&recipient).unwrap();
        for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let text = vec![7; length];
            assert_eq!(identity.open(&to.seal(&text).unwrap(), length).unwrap(), text, "{length}");
        }
    }

    #[test]
    fn what_was_changed_or_cut_off_is_not_given_out() {
        let (identity, recipient) = pair();
        let sealed = Recipients::parse(&recipient).unwrap().seal(&[1; 70_000]).unwrap();
        for end in (0..sealed.len()).step_by(97).chain([sealed.len() - 1, sealed.len() - 4_480]) {
            assert!(identity.open(&sealed[..end], 80_000).is_err(), "{end}");
        }
        for at in (0..300).chain([sealed.len() - 1]) {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(identity.open(&changed, 80_000).is_err(), "{at}");
        }
        assert!(identity.open(&[&sealed[..], b"x"].concat(), 80_000).is_err());
    }

    #[test]
    fn keys_that_are_none_are_refused_without_being_repeated() {
        let (identity, recipient) = pair();
        let error = Recipients::parse(&format!("{recipient}\n{}", *identity.reveal())).unwrap_err().to_string();
        assert!(error.contains("line 2") && !error.contains("SECRET"), "{error}");
        assert_eq!(Recipients::parse("# none\n").unwrap_err(), SealFault::Recipients(0));
        assert_eq!(Recipients::parse(&format!("{recipient}\n").repeat(21)).unwrap_err(), SealFault::Recipients(21));
        assert_eq!(Identity::parse(&recipient).err(), Some(SealFault::Identity));
        let mut mistyped = recipient.into_bytes();
        mistyped[20] = if mistyped[20] == b'q' { b'p' } else { b'q' };
        assert!(Recipients::parse(std::str::from_utf8(&mistyped).unwrap()).is_err());
    }

    #[test]
    fn a_file_that_the_age_program_wrote_is_opened() {
        let identity = Identity::parse(include_str!("sealing/by_age.key")).unwrap();
        let sealed = STANDARD.decode(include_str!("sealing/by_age.txt").replace('\n', "")).unwrap();
        // To three recipients, of which one is an SSH key's.
        assert_eq!(identity.open(&sealed, 100).unwrap(), b"written by age 1.1.1\n");
    }
}
