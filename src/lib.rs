//! Records of a social-care producer into the organiser's register of the Client Data Archive, and back.

#[cfg(feature = "client")]
pub mod archive;
#[cfg(feature = "demo")]
pub mod demo;
pub mod domain;
#[cfg(feature = "sidecar")]
pub mod sidecar;
