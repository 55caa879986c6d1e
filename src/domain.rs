//! What is known about the archive and decided about records, as pure functions and checked values.
//!
//! Knows nothing of tokio, files, clocks, randomness, the network, SQL or HTTP: time, bytes and samples are arguments.

pub mod access;
pub mod code;
pub mod document;
pub mod finding;
pub mod oid;
pub mod organisation;
pub mod person;
pub mod record;
pub mod relationship;
pub mod submission;
pub mod text;
pub mod time;
pub mod xml;
