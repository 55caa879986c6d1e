//! The archive document: CDA R2 with the Finnish social-care header, a readable form and the content.
//!
//! Assembles what others have made and checked (header, display form, content); decides nothing about them and signs nothing.
//! The sidecar's worker and the command line call it, through [`super::signature`] when the document is to leave.

pub mod build;
pub mod cda;
pub mod display;
pub mod header;
pub mod invalidation;
pub mod read;

use header::Header;

use crate::domain::finding::redacted_debug;
use crate::domain::xml::Tree;

/// One version of one document, before any signature.
#[derive(Clone, PartialEq, Eq)]
pub struct Document {
    header: Header,
    display: String,
    content_json: String,
}

redacted_debug!(Document);

impl Document {
    /// Puts a document together: its header, its display form (XHTML) and its content (the exact JSON text to embed).
    pub fn assemble(header: Header, display: String, content_json: String) -> Self {
        Self { header, display, content_json }
    }

    /// What it says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The display form, XHTML.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// The content, JSON.
    pub fn content_json(&self) -> &str {
        &self.content_json
    }

    /// The value of `nonXMLBody/@ID`, which signatures refer to: `OID` and the document's id.
    pub fn body_id(&self) -> String {
        cda::body_id(self.header.ids.document.as_str())
    }

    /// The document without any signature: for reading and validation. The same document always gives the same text.
    pub fn unsigned_xml(&self) -> String {
        Tree { prolog: Vec::new(), root: cda::clinical_document(self, Vec::new()) }.to_xml()
    }
}
