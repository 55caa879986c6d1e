//! The main job on one machine: development certificates, the mock archive, an organiser and what a producer's sidecar needs.
//!
//! `asiasilta demo` plays it, and the end-to-end tests stand on the same [`Stage`]. Not part of production builds.

mod organiser;
mod producer;
mod stage;

pub use organiser::{Organiser, ReadBack};
pub use producer::{Answer, ProducerSystem, RECORDS, SidecarFiles, example_path};
pub use stage::{PRODUCER, Stage};

use crate::archive::client::ClientError;
use crate::archive::keys::KeyError;
use crate::archive::tls::TlsFault;
use crate::archive::transport::TransportFault;
use crate::domain::finding::Finding;
use crate::domain::signature::SignError;

/// Why the stage could not be set, or what went wrong on it.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// Files in the stage's folder.
    #[error("cannot write the demo's files")]
    Files(#[from] std::io::Error),
    /// The development certificates.
    #[error("cannot make development certificates")]
    Certificates(#[from] mock_archive::certs::PkiError),
    /// The mock archive.
    #[error("the mock archive does not start")]
    Mock(#[from] mock_archive::StartError),
    /// A signing identity.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A transport identity.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// The transport.
    #[error(transparent)]
    Transport(#[from] TransportFault),
    /// An example record that does not pass the checks.
    #[error("an example record has findings: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Record(Vec<Finding>),
    /// A document that could not be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The archive client.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The archive did not take one of the organiser's documents.
    #[error("the archive did not take the organiser's document: {0}")]
    NotStored(String),
    /// The sidecar does not answer.
    #[error("the sidecar does not answer")]
    Sidecar,
    /// Something that the demo itself has made is not as it should be: a defect.
    #[error("{0}")]
    Defect(&'static str),
}
