//! The integration tests of the package, in one binary.
//!
//! Outside judges (xmlsec1, the JDK, xmllint) and reference data are used where they are; see `support` for how a test says
//! that it could not run, and how that is made a failure.
#![cfg(feature = "client")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "tests: a panic is how they fail"
)]

#[path = "main/attacks.rs"]
mod attacks;
#[path = "main/document.rs"]
mod document;
#[path = "main/end_to_end.rs"]
mod end_to_end;
#[path = "main/keys.rs"]
mod keys;
#[path = "main/oracles.rs"]
mod oracles;
#[path = "main/reading.rs"]
mod reading;
#[path = "main/reference.rs"]
mod reference;
#[path = "main/support.rs"]
mod support;
#[path = "main/two_judges.rs"]
mod two_judges;
