//! Records of a social-care producer into the organiser's register of the Client Data Archive, and back.
//!
//! `domain` decides and encodes, `archive` speaks to the archive, `sidecar` keeps and sends. The README tells what is known
//! of the real archive and what is not.

#[cfg(feature = "client")]
pub mod archive;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
#[cfg(feature = "sidecar")]
pub mod sidecar;

/// The time library whose types this crate's functions take.
pub use jiff;

/// The README's code, run as a test.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
pub struct Readme;
