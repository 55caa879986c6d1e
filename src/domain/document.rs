//! The archive document: CDA R2 with the Finnish social-care header, a readable form and the content.

pub mod display;
pub mod header;
