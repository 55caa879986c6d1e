//! Records of a social-care producer into the organiser's register of the Client Data Archive, and back.

pub mod domain;
#[cfg(feature = "sidecar")]
pub mod sidecar;
