//! What is known about the archive and decided about records, as pure functions and checked values.
//!
//! Knows nothing of tokio, files, clocks, randomness, the network, SQL or HTTP: time, bytes and samples are arguments.

pub mod access;
pub mod case;
pub mod code;
pub mod code_set;
pub mod content;
pub mod decision;
pub mod document;
pub mod environment;
pub mod find_case;
pub mod finding;
pub mod handover;
pub mod json;
pub mod oid;
pub mod organisation;
pub mod person;
pub mod profile;
pub mod record;
pub mod relationship;
pub mod round_trip;
pub mod signature;
pub mod source;
pub mod structure;
pub mod submission;
pub mod text;
pub mod time;
pub mod validate;
pub mod wire;
pub mod xml;
