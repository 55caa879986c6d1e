//! Bytes in, typed arrival out: the SOAP envelope or the multipart message around it, the frame, the document.
//!
//! Decides nothing: it reads what is there and says what is missing. Every reader has a limit. Called by `archive.rs`.

pub(crate) mod content;
pub(crate) mod document;
pub(crate) mod frame;
pub(crate) mod multipart;
pub(crate) mod query;
pub(crate) mod soap;
