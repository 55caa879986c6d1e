//! The archive's business rules as plain functions over what `intake/` has read and what `registers.rs` holds.
//!
//! No I/O, no clock, no state of their own. Called by `archive.rs`; ids and texts are in `finding.rs`.

pub(crate) mod access;
pub(crate) mod document;
pub(crate) mod message;
pub(crate) mod pair;
pub(crate) mod persons;
pub(crate) mod versions;

#[cfg(test)]
mod tests;
