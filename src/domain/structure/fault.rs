//! Why a structure file cannot be used: which file, where in it, what is wrong.

use super::{FIELD_DEPTH_MAX, FIELDS_MAX, FILE_BYTES_MAX};
use crate::domain::oid::Oid;

/// Why a structure file cannot be used. The operator mends it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("structure {file}: {reason}{}", if .at.is_empty() { String::new() } else { format!(" (at {})", .at) })]
pub struct StructureFault {
    /// The file's name; empty when the structure came as text alone.
    pub file: String,
    /// JSON Pointer into the file.
    pub at: String,
    /// What is wrong.
    pub reason: FaultReason,
}

/// What is wrong with a structure file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultReason {
    /// Longer than [`FILE_BYTES_MAX`].
    #[error("{0} bytes are more than {FILE_BYTES_MAX}")]
    TooLarge(usize),
    /// More than [`FIELDS_MAX`] fields.
    #[error("more than {FIELDS_MAX} fields")]
    TooManyFields,
    /// Nested deeper than [`FIELD_DEPTH_MAX`].
    #[error("fields nested deeper than {FIELD_DEPTH_MAX}")]
    TooDeep,
    /// The file itself cannot be read; why.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// Not JSON.
    #[error("not JSON at line {line}, column {column}")]
    NotJson {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// A member that should be there and of this kind.
    #[error("expected {0}")]
    Expected(&'static str),
    /// A keyword that this dialect does not have, and that could reach out of the file.
    #[error("the keyword {0} is not of this dialect")]
    Keyword(&'static str),
    /// Another file has the same OID.
    #[error("the OID {0} was already there")]
    Repeated(Oid),
}

impl StructureFault {
    /// A file that cannot be read.
    pub fn unreadable(file: impl Into<String>, why: impl Into<String>) -> Self {
        Self { file: file.into(), at: String::new(), reason: FaultReason::Unreadable(why.into()) }
    }

    pub(super) fn new(at: impl Into<String>, reason: FaultReason) -> Self {
        Self { file: String::new(), at: at.into(), reason }
    }
}
