//! Why a configuration is no good, with the key that is to be changed.

use std::fmt::Display;
use std::io;
use std::path::PathBuf;

/// Why a configuration is no good. All for the operator.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration {path}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("configuration {path}: {text}")]
    Parse {
        /// Which.
        path: PathBuf,
        /// Where and why.
        text: String,
    },
    /// A value that cannot be.
    #[error("configuration key {key}: {text}")]
    Value {
        /// The key, dotted.
        key: String,
        /// What is wrong and what is expected.
        text: String,
    },
    /// The wire profile is not complete enough for real clients.
    #[error("environment = \"production\" needs these values of the wire profile set, they are placeholders: {}", keys.join(", "))]
    Placeholders {
        /// Their names.
        keys: Vec<String>,
    },
}

pub(super) fn between<T: PartialOrd + Display + Copy>(key: &str, value: T, min: T, max: T) -> Result<(), ConfigError> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(wrong(key, format!("is {value}, expected {min} to {max}")))
}

pub(super) fn wrong(key: impl Into<String>, text: impl Into<String>) -> ConfigError {
    ConfigError::Value { key: key.into(), text: text.into() }
}
