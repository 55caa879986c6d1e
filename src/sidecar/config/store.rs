//! `[store]`: where submissions are kept, by which key, how many and for how long.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{ConfigError, between, wrong};
use crate::sidecar::retention::KeptFor;
use crate::sidecar::store::StoreLimits;
use crate::sidecar::vault::{KeyFileError, StoreKey};

/// Files of the store.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoreFiles {
    /// The database.
    pub path: PathBuf,
    /// 64 hexadecimal digits in a file that only its owner reads; this or `key_command`.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// A program and its arguments that print the key; run without a shell.
    #[serde(default)]
    pub key_command: Option<Vec<String>>,
    /// Submissions that may wait; more get 503.
    #[serde(default = "open_rows_max")]
    pub open_rows_max: u64,
    /// Bytes of their bodies that may wait; more get 503.
    #[serde(default = "open_bytes_max")]
    pub open_bytes_max: u64,
    /// Bytes that stay free on the disk, for carrying on what was accepted; below, submissions get 503.
    #[serde(default = "free_disk_bytes_min")]
    pub free_disk_bytes_min: u64,
    /// How long records and envelopes of settled submissions are kept, in days.
    #[serde(default = "bodies_kept_days")]
    pub bodies_kept_days: u64,
    /// How long settled submissions themselves are kept, with the digests of their keys, in days; at least as long as their bodies.
    #[serde(default = "settled_kept_days")]
    pub settled_kept_days: u64,
    /// How long they are kept of what was handed over another way, from the organiser's receipt on, in days; at least
    /// `bodies_kept_days`. As long as they are, it can be taken back and archived.
    #[serde(default = "handed_over_kept_days")]
    pub handed_over_kept_days: u64,
    /// How long the use log is kept, in days, at least as long as what it tells of; for ever when left out. How long the law wants is
    /// the organisation's to know.
    #[serde(default)]
    pub use_log_kept_days: Option<u64>,
}

fn open_rows_max() -> u64 {
    StoreLimits::default().open_rows_max
}

fn open_bytes_max() -> u64 {
    StoreLimits::default().open_bytes_max
}

fn free_disk_bytes_min() -> u64 {
    StoreLimits::default().free_disk_bytes_min
}

fn bodies_kept_days() -> u64 {
    30
}

fn settled_kept_days() -> u64 {
    400
}

/// Ten years: joining an archive takes long.
fn handed_over_kept_days() -> u64 {
    3652
}

impl StoreFiles {
    /// The key, from where the configuration says.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn key(&self) -> Result<StoreKey, KeyFileError> {
        match (&self.key_file, &self.key_command) {
            (Some(path), None) => StoreKey::read_file(path),
            (None, Some(command)) => StoreKey::read_command(command),
            // Refused when the configuration was read.
            _ => Err(KeyFileError::NotNamed),
        }
    }

    /// How much the store takes.
    pub fn limits(&self) -> StoreLimits {
        StoreLimits {
            open_rows_max: self.open_rows_max,
            open_bytes_max: self.open_bytes_max,
            free_disk_bytes_min: self.free_disk_bytes_min,
        }
    }

    /// How long settled submissions and their bodies are kept.
    pub fn kept_for(&self) -> KeptFor {
        let days = |days: u64| Duration::from_secs(days.saturating_mul(86_400));
        KeptFor {
            bodies: days(self.bodies_kept_days),
            confirmed: days(self.handed_over_kept_days.max(self.bodies_kept_days)),
            settled: days(self.settled_kept_days),
            uses: self.use_log_kept_days.map(days),
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.key_file.is_some() == self.key_command.is_some() {
            return Err(wrong("store.key_file", "expected either key_file or key_command, and not both"));
        }
        between("store.open_rows_max", self.open_rows_max, 1, 10_000_000)?;
        between("store.open_bytes_max", self.open_bytes_max, 1 << 20, 1 << 50)?;
        between("store.free_disk_bytes_min", self.free_disk_bytes_min, 0, 1 << 50)?;
        between("store.bodies_kept_days", self.bodies_kept_days, 0, 36_600)?;
        between("store.settled_kept_days", self.settled_kept_days, self.bodies_kept_days, 36_600)?;
        between("store.handed_over_kept_days", self.handed_over_kept_days, 0, 36_600)?;
        if let Some(days) = self.use_log_kept_days {
            let longest = self.settled_kept_days.max(self.handed_over_kept_days).max(1);
            between("store.use_log_kept_days", days, longest, 36_600)?;
        }
        Ok(())
    }
}
