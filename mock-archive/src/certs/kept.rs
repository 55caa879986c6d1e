//! A PKI that survives a restart: the two authorities as files, keys readable by the owner alone.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Mutex;

use jiff::Timestamp;
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::x509::X509;

use super::{Authority, DevPki, PkiError, Validity};

/// A certificate and its key are a few kilobytes.
const FILE_MAX_BYTES: u64 = 64 * 1024;

/// The kept PKI cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeptPkiError {
    /// A file cannot be read or written.
    #[error("the authorities' files cannot be read or written")]
    Io(#[from] std::io::Error),
    /// A file is not what it should be, or OpenSSL fails.
    #[error(transparent)]
    Pki(#[from] PkiError),
}

impl From<ErrorStack> for KeptPkiError {
    fn from(error: ErrorStack) -> Self {
        Self::Pki(error.into())
    }
}

impl DevPki {
    /// The PKI that is kept in a directory; a new one is made and kept there when there is none.
    ///
    /// # Errors
    /// [`KeptPkiError`] when the directory or a file in it cannot be used.
    pub fn kept_in(directory: &Path, now: Timestamp) -> Result<Self, KeptPkiError> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        if directory.join("tls.pem").exists() {
            let (tls, signing) = (Authority::read(directory, "tls")?, Authority::read(directory, "signing")?);
            return Ok(Self { tls, signing, validity: Validity::around(now), revoked: Mutex::default() });
        }
        let pki = Self::new(now)?;
        pki.signing.write(directory, "signing")?;
        pki.tls.write(directory, "tls")?;
        Ok(pki)
    }
}

impl Authority {
    fn read(directory: &Path, name: &str) -> Result<Self, KeptPkiError> {
        let read = |file: String| {
            let mut content = Vec::new();
            std::fs::File::open(directory.join(file))?.take(FILE_MAX_BYTES).read_to_end(&mut content)?;
            Ok::<_, std::io::Error>(content)
        };
        let certificate = X509::from_pem(&read(format!("{name}.pem"))?)?;
        let key = PKey::private_key_from_pem(&read(format!("{name}-key.pem"))?)?;
        Ok(Self { certificate, key })
    }

    fn write(&self, directory: &Path, name: &str) -> Result<(), KeptPkiError> {
        let write = |file: String, content: &[u8], mode| {
            let mut file =
                OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(directory.join(file))?;
            file.write_all(content)
        };
        write(format!("{name}-key.pem"), &self.key.private_key_to_pem_pkcs8()?, 0o600)?;
        write(format!("{name}.pem"), &self.certificate.to_pem()?, 0o644)?;
        Ok(())
    }
}
