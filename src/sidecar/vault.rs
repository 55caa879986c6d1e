//! Encryption at rest and keyed digests, from one 32-byte key.
//!
//! Seals single values with AES-256-GCM, bound to their place in the database, with keys derived from a data key; that one is
//! kept sealed with the store key, so that a new store key seals it alone. The data key itself is never changed. The store is
//! its only caller.

use std::fs::{self, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::{hkdf, hmac, rand};
use zeroize::{Zeroize, Zeroizing};

mod wrapped;

const KEY_BYTES: usize = 32;
const KEY_ID_BYTES: usize = 4;
const NONCE_BYTES: usize = 12;
const KEY_FILE_BYTES_MAX: u64 = 256;
const KEY_COMMAND_TIME_MAX: Duration = Duration::from_secs(30);

/// The key that everything in a store is protected with. Wiped from memory when dropped.
pub struct StoreKey(Zeroizing<[u8; KEY_BYTES]>);

/// Why a key file gives no key. All for the operator to mend.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// Cannot be read or written.
    #[error("key file {path}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others on the machine may read it.
    #[error("key file {path} has mode {mode:o}, expected 600 or 400: others must not be able to read it")]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Permission bits found.
        mode: u32,
    },
    /// Not a key.
    #[error("key file {path} does not hold a key, expected 64 hexadecimal digits")]
    NotAKey {
        /// Which file.
        path: PathBuf,
    },
    /// The configuration names no key.
    #[error("no store key: expected store.key_file or store.key_command")]
    NotNamed,
    /// The command that gives the key cannot be run.
    #[error("key command {program}")]
    Command {
        /// The program.
        program: String,
        /// Why.
        source: io::Error,
    },
    /// It ran and gave no key. What it printed is not told.
    #[error("key command {program} {how}, expected 64 hexadecimal digits on its standard output and exit status 0")]
    CommandGaveNone {
        /// The program.
        program: String,
        /// What it did instead.
        how: String,
    },
    /// The system has no randomness to give.
    #[error("the operating system gave no random bytes")]
    NoRandomness,
}

impl StoreKey {
    /// The key of these bytes.
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Reads a key of 64 hexadecimal digits from a file that only its owner can read.
    ///
    /// # Errors
    /// [`KeyFileError`]: missing, exposed, or not a key.
    pub fn read_file(path: &Path) -> Result<Self, KeyFileError> {
        let io = |source| KeyFileError::Io { path: path.to_owned(), source };
        let meta = fs::metadata(path).map_err(io)?;
        let mode = meta.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(KeyFileError::Exposed { path: path.to_owned(), mode });
        }
        let not_a_key = || KeyFileError::NotAKey { path: path.to_owned() };
        if meta.len() > KEY_FILE_BYTES_MAX {
            return Err(not_a_key());
        }
        let text = Zeroizing::new(fs::read_to_string(path).map_err(io)?);
        parse_hex(text.trim()).map(Self::from_bytes).ok_or_else(not_a_key)
    }

    /// Runs a program, without a shell, that prints a key of 64 hexadecimal digits. What it says on standard error goes where ours
    /// goes.
    ///
    /// # Errors
    /// [`KeyFileError`]: it cannot be run, takes longer than 30 s, fails, or prints no key.
    pub fn read_command(command: &[String]) -> Result<Self, KeyFileError> {
        let Some((program, arguments)) = command.split_first() else { return Err(KeyFileError::NotNamed) };
        let fault = |source| KeyFileError::Command { program: program.clone(), source };
        let none = |how: &str| KeyFileError::CommandGaveNone { program: program.clone(), how: how.to_owned() };
        let mut child =
            Command::new(program).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(fault)?;
        let (told, output) = mpsc::channel();
        let stdout = child.stdout.take();
        std::thread::spawn(move || {
            let mut text = Zeroizing::new(String::with_capacity(512));
            let read = stdout.map(|out| out.take(KEY_FILE_BYTES_MAX).read_to_string(&mut text));
            // Nobody listens any more once it took too long.
            drop(told.send(read.is_some_and(|read| read.is_ok()).then_some(text)));
        });
        let Ok(text) = output.recv_timeout(KEY_COMMAND_TIME_MAX) else {
            child.kill().map_err(fault)?;
            child.wait().map_err(fault)?;
            return Err(none("did not end in 30 s"));
        };
        let status = child.wait().map_err(fault)?;
        if !status.success() {
            return Err(none(&format!("ended with {status}")));
        }
        text.and_then(|text| parse_hex(text.trim())).map(Self::from_bytes).ok_or_else(|| none("printed no key"))
    }

    /// Makes a new key and writes it to a new file with mode 600. Never overwrites: losing a key loses the store.
    ///
    /// # Errors
    /// [`KeyFileError`], also when the file exists.
    pub fn generate_file(path: &Path) -> Result<Self, KeyFileError> {
        let mut bytes = [0u8; KEY_BYTES];
        rand::fill(&mut bytes).map_err(|_| KeyFileError::NoRandomness)?;
        let mut text = Zeroizing::new(to_hex(&bytes));
        text.push('\n');
        let io = |source| KeyFileError::Io { path: path.to_owned(), source };
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(io)?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(io)?;
        Ok(Self::from_bytes(bytes))
    }
}

impl StoreKey {
    /// A key for one purpose (HKDF-SHA-256, RFC 5869).
    fn derive(&self, purpose: &[u8]) -> Result<[u8; KEY_BYTES], NotOpened> {
        let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, b"asiasilta store 1").extract(&self.0[..]);
        let mut out = [0u8; KEY_BYTES];
        let info = [purpose];
        let okm = prk.expand(&info, hkdf::HKDF_SHA256).map_err(|_| NotOpened)?;
        okm.fill(&mut out).map_err(|_| NotOpened)?;
        Ok(out)
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Exactly 32 bytes from 64 hexadecimal digits.
pub(crate) fn parse_hex(text: &str) -> Option<[u8; KEY_BYTES]> {
    if text.len() != 2 * KEY_BYTES || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0u8; KEY_BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Where a sealed value stands; sealed anywhere else, it does not open.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Table.
    pub table: &'static str,
    /// Row.
    pub row: &'a str,
    /// Column.
    pub column: &'static str,
}

/// A sealed value that does not open: damaged, moved, or sealed with another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sealed value does not open: it was damaged, moved, or sealed with another key")]
pub struct NotOpened;

/// Keys derived from a data key, one a purpose.
pub struct Vault {
    seal: RandomizedNonceKey,
    digest: hmac::Key,
    chain: hmac::Key,
    id: [u8; KEY_ID_BYTES],
    check: [u8; KEY_BYTES],
}

impl Vault {
    /// Derives the keys.
    ///
    /// # Errors
    /// [`NotOpened`] when the crypto library refuses a key, which it has no reason to.
    pub fn new(key: &StoreKey) -> Result<Self, NotOpened> {
        let (mut seal, mut digest, mut chain) = (key.derive(b"seal")?, key.derive(b"digest")?, key.derive(b"use log")?);
        let check = key.derive(b"check")?;
        let mut id = [0u8; KEY_ID_BYTES];
        id.iter_mut().zip(check).for_each(|(to, from)| *to = from);
        let vault = Self {
            seal: RandomizedNonceKey::new(&AES_256_GCM, &seal).map_err(|_| NotOpened)?,
            digest: hmac::Key::new(hmac::HMAC_SHA256, &digest),
            chain: hmac::Key::new(hmac::HMAC_SHA256, &chain),
            id,
            check,
        };
        [&mut seal, &mut digest, &mut chain].into_iter().for_each(Zeroize::zeroize);
        Ok(vault)
    }

    /// A value that tells whether a store was made with this key, and tells nothing of the key.
    pub fn check_value(&self) -> &[u8] {
        &self.check
    }

    /// Seals a value to its place: key id, nonce, ciphertext, tag. Nonces are random, which bounds a key to 2^32 values.
    ///
    /// # Errors
    /// [`NotOpened`] when the crypto library fails.
    pub fn seal(&self, place: Place<'_>, plain: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let mut body = plain.to_vec();
        let aad = Aad::from(self.aad(place));
        let nonce = self.seal.seal_in_place_append_tag(aad, &mut body).map_err(|_| NotOpened)?;
        let mut sealed = Vec::with_capacity(KEY_ID_BYTES + NONCE_BYTES + body.len());
        sealed.extend_from_slice(&self.id);
        sealed.extend_from_slice(nonce.as_ref());
        sealed.append(&mut body);
        Ok(sealed)
    }

    /// Opens a value sealed to this place.
    ///
    /// # Errors
    /// [`NotOpened`].
    pub fn open(&self, place: Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, NotOpened> {
        let rest = sealed.strip_prefix(&self.id).ok_or(NotOpened)?;
        let (nonce, body) = rest.split_at_checked(NONCE_BYTES).ok_or(NotOpened)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| NotOpened)?;
        let mut body = body.to_vec();
        let aad = Aad::from(self.aad(place));
        let length = self.seal.open_in_place(nonce, aad, &mut body).map_err(|_| NotOpened)?.len();
        body.truncate(length);
        Ok(body)
    }

    /// A keyed digest of a caller's value, so that a copied database cannot be searched for known values.
    pub fn digest(&self, purpose: &str, scope: &str, value: &[u8]) -> Vec<u8> {
        mac(&self.digest, &[purpose.as_bytes(), scope.as_bytes(), value])
    }

    /// The next link of the use log's chain.
    pub fn link(&self, parts: &[&[u8]]) -> Vec<u8> {
        mac(&self.chain, parts)
    }

    fn aad(&self, place: Place<'_>) -> Vec<u8> {
        format!("{}|{}|{}|{}", place.table, place.row, place.column, to_hex(&self.id)).into_bytes()
    }
}

/// HMAC-SHA-256 over parts, each with its length before it, so that no two lists of parts run together.
fn mac(key: &hmac::Key, parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    const PLACE: Place<'static> = Place { table: "submissions", row: "a", column: "payload" };

    #[test]
    fn a_value_opens_in_its_own_place_with_its_own_key_only() {
        let vault = Vault::new(&StoreKey::from_bytes([7; 32])).unwrap();
        let sealed = vault.seal(PLACE, b"secret").unwrap();
        assert_eq!(vault.open(PLACE, &sealed).unwrap(), b"secret");
        for place in [Place { row: "b", ..PLACE }, Place { column: "state", ..PLACE }, Place { table: "t", ..PLACE }] {
            assert_eq!(vault.open(place, &sealed), Err(NotOpened));
        }
        let other = Vault::new(&StoreKey::from_bytes([8; 32])).unwrap();
        assert_eq!(other.open(PLACE, &sealed), Err(NotOpened));
        for cut in 0..sealed.len() {
            assert_eq!(vault.open(PLACE, &sealed[..cut]), Err(NotOpened));
            let mut bent = sealed.clone();
            bent[cut] ^= 1;
            assert_eq!(vault.open(PLACE, &bent), Err(NotOpened));
        }
    }

    #[test]
    fn equal_values_are_sealed_differently_and_digested_alike_within_a_scope() {
        let vault = Vault::new(&StoreKey::from_bytes([7; 32])).unwrap();
        assert_ne!(vault.seal(PLACE, b"x").unwrap(), vault.seal(PLACE, b"x").unwrap());
        assert_eq!(vault.digest("key", "a", b"x"), vault.digest("key", "a", b"x"));
        assert_ne!(vault.digest("key", "a", b"x"), vault.digest("key", "b", b"x"));
        assert_ne!(vault.digest("key", "ab", b"x"), vault.digest("key", "a", b"bx"));
    }

    #[test]
    fn a_command_gives_the_key_or_is_named_without_what_it_printed() {
        let run = |script: &str| StoreKey::read_command(&["sh".into(), "-c".into(), script.into()]);
        let digits = "ab".repeat(32);
        assert_eq!(run(&format!("echo {digits}")).unwrap().0[..], [0xab; 32]);
        for (script, how) in [
            (format!("echo {digits}; exit 3"), "exit status: 3"),
            ("echo secret".to_owned(), "printed no key"),
            (format!("yes {digits}"), "expected 64 hexadecimal digits"),
        ] {
            let error = run(&script).err().unwrap().to_string();
            assert!(error.contains(how) && !error.contains("secret") && !error.contains(&digits), "{error}");
        }
        let missing = StoreKey::read_command(&["/no/such/program".into()]);
        assert!(matches!(missing, Err(KeyFileError::Command { .. })));
        assert!(matches!(StoreKey::read_command(&[]), Err(KeyFileError::NotNamed)));
    }

    #[test]
    fn a_key_file_is_private_whole_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store.key");
        assert!(matches!(StoreKey::read_file(&path), Err(KeyFileError::Io { .. })));
        let made = StoreKey::generate_file(&path).unwrap();
        assert_eq!(StoreKey::read_file(&path).unwrap().0, made.0);
        assert!(matches!(StoreKey::generate_file(&path), Err(KeyFileError::Io { .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(StoreKey::read_file(&path), Err(KeyFileError::Exposed { mode: 0o640, .. })));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "g".repeat(64)).unwrap();
        assert!(matches!(StoreKey::read_file(&path), Err(KeyFileError::NotAKey { .. })));
    }
}
