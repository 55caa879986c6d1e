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

#[cfg(feature = "sqlite")]
mod access_cli;
mod access_over_archive;
mod access_vectors;
mod access_year;
mod attacks;
mod building;
mod canary;
mod client;
mod conformance;
mod display;
mod document;
mod end_to_end;
mod failure_matrix;
mod faults;
mod finding;
mod fuzz_seeds;
#[cfg(feature = "sqlite")]
mod handed_over;
#[cfg(feature = "sqlite")]
mod handover;
mod invalidating;
mod keys;
mod kill;
mod oracles;
mod profile_cli;
mod reading;
mod reading_cli;
mod reading_consistency;
mod reading_identity;
mod reading_structures;
mod reference;
#[cfg(feature = "demo")]
mod sidecar_process;
#[cfg(feature = "sqlite")]
mod store_cli;
#[cfg(feature = "sqlite")]
mod structures;
mod support;
mod two_judges;
