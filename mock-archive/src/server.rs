//! The archive as a server: our own mutual-TLS front, a wiremock server behind it, the archive's functions inside.
//!
//! The front (`server/front.rs`) owns connections, certificates and faults of the line; what a test has mounted on the wiremock
//! server answers first; `server/message.rs` hands the rest to [`Archive`].

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use openssl::x509::X509;
use wiremock::MockServer;

use crate::archive::{Archive, CheckDepth, Settings};
use crate::certs::{DevPki, PkiError};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::joining::Standing;
use crate::ledger::{Ledger, LedgerBreach};
use crate::oid::Oid;
use crate::roles::{Roles, RolesError};
use crate::signature::Trust;
use crate::storage::StorageError;
use crate::structures::{Structures, StructuresError};

mod connection;
mod control;
mod front;
mod line;
mod message;
mod responder;
#[cfg(test)]
mod tests;
mod tls;

/// The one endpoint (docs/wire.md §1).
pub(crate) const ENDPOINT: &str = "/medical-records";
/// Calls that nobody expected, kept for the report; more are only counted.
const UNEXPECTED_MAX: usize = 100;

/// The archive cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A certificate could not be made or read.
    #[error("the archive's certificates cannot be used")]
    Pki(#[from] PkiError),
    /// A pinned certificate is not PEM.
    #[error("a pinned certificate cannot be read")]
    Certificate(#[from] openssl::error::ErrorStack),
    /// The structures cannot be read.
    #[error("the structures cannot be used")]
    Structures(#[from] StructuresError),
    /// The data directory cannot be used.
    #[error("the data directory cannot be used")]
    Storage(#[from] StorageError),
    /// The table of roles cannot be used.
    #[error("the table of roles cannot be used")]
    Roles(#[from] RolesError),
    /// The TLS configuration is refused.
    #[error("the TLS configuration is refused: {0}")]
    Tls(String),
    /// The port cannot be had.
    #[error("cannot listen")]
    Listen(#[from] std::io::Error),
}

/// Something happened that the test did not expect.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Calls that matched nothing: method and path.
    #[error("{count} unexpected calls: {}", .calls.join(", "))]
    Unexpected {
        /// How many there were.
        count: usize,
        /// The first hundred of them.
        calls: Vec<String>,
    },
    /// The ledger shows a breach.
    #[error("the ledger shows a breach: {0}")]
    Ledger(LedgerBreach),
}

/// Limits of the front. Every one has a default.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) body_max_bytes: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) connections_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_max_bytes: 20 * 1024 * 1024,
            handshake_timeout: Duration::from_secs(5),
            header_timeout: Duration::from_secs(30),
            body_timeout: Duration::from_secs(60),
            connections_max: 256,
        }
    }
}

/// Settings of a mock archive; see the README's table.
#[derive(Default)]
pub struct MockArchiveBuilder {
    port: u16,
    control: Option<u16>,
    clock: Clock,
    pki: Option<Arc<DevPki>>,
    structures: Option<PathBuf>,
    pinned: Vec<String>,
    any_signer: bool,
    depth: CheckDepth,
    data_directory: Option<PathBuf>,
    settings: Settings,
    roles: Option<PathBuf>,
    limits: Limits,
}

impl MockArchiveBuilder {
    /// Listens on this port of 127.0.0.1; 0, the default, takes a free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Takes control calls (plain HTTP, JSON) on this port of 127.0.0.1; 0 takes a free one. By default there are none.
    #[must_use]
    pub fn control(mut self, port: u16) -> Self {
        self.control = Some(port);
        self
    }

    /// Uses this clock instead of the system's.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Uses this PKI instead of a new one.
    #[must_use]
    pub fn pki(mut self, pki: Arc<DevPki>) -> Self {
        self.pki = Some(pki);
        self
    }

    /// Validates contents against the structures (JSON Schemas with `sosmeta.oid`) in this directory.
    #[must_use]
    pub fn structures(mut self, directory: impl Into<PathBuf>) -> Self {
        self.structures = Some(directory.into());
        self
    }

    /// Trusts this certificate (PEM) to sign, whoever issued it.
    #[must_use]
    pub fn pin_signer(mut self, certificate_pem: impl Into<String>) -> Self {
        self.pinned.push(certificate_pem.into());
        self
    }

    /// Takes signatures of any certificate at any time: for tests only. The signatures must still hold.
    #[must_use]
    pub fn trust_any_signer(mut self) -> Self {
        self.any_signer = true;
        self
    }

    /// Leaves out what costs most: signatures, schemas and content structures. For load.
    #[must_use]
    pub fn deep_checks_off(mut self) -> Self {
        self.depth = CheckDepth::Shallow;
        self
    }

    /// Keeps bodies and metadata in this directory, and takes up what an earlier run left there; by default they are in memory.
    #[must_use]
    pub fn data_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.data_directory = Some(directory.into());
        self
    }

    /// Says whether an organisation has joined, and in which phase; those not named have joined and are in phase 2.
    #[must_use]
    pub fn standing(mut self, organisation: Oid, standing: Standing) -> Self {
        self.settings.standings.set(organisation, standing);
        self
    }

    /// Reads the table of role × service task × service process from this TOML file; without it everything is permitted.
    #[must_use]
    pub fn roles(mut self, file: impl Into<PathBuf>) -> Self {
        self.roles = Some(file.into());
        self
    }

    /// Answers a fetch with the document as Base64 in the message instead of a part of its own.
    #[must_use]
    pub fn answers_inline(mut self) -> Self {
        self.settings.answers_inline = true;
        self
    }

    /// Holds messages and documents against the rules alone, not against the XSDs.
    #[must_use]
    pub fn without_schemas(mut self) -> Self {
        self.settings.without_schemas = true;
        self
    }

    /// The largest request body taken, in bytes; 20 MiB by default.
    #[must_use]
    pub fn body_max_bytes(mut self, bytes: usize) -> Self {
        self.limits.body_max_bytes = bytes;
        self
    }

    /// The archive without a server: plain functions, for tests that need no network.
    ///
    /// # Errors
    /// [`StartError`] when certificates or structures cannot be used.
    pub fn archive(&self) -> Result<Archive, StartError> {
        let mut authorities = Vec::new();
        if let Some(pki) = &self.pki {
            authorities.push(X509::from_pem(pki.signing_ca_pem()?.as_bytes())?);
        }
        let mut trust = Trust::new(authorities);
        for pem in &self.pinned {
            let certificate = X509::from_pem(pem.as_bytes())?;
            trust.pin(&certificate)?;
        }
        if self.any_signer {
            trust.trust_anyone();
        }
        let structures = self.structures.as_deref().map(Structures::read).transpose()?.unwrap_or_default();
        let mut settings = self.settings.clone();
        if let Some(path) = &self.roles {
            settings.roles = Roles::read(path)?;
        }
        let archive = Archive::try_new(self.clock.clone(), structures, trust, settings)?.checking(self.depth);
        match &self.data_directory {
            Some(directory) => Ok(archive.kept_in(directory)?),
            None => Ok(archive),
        }
    }

    /// Starts the archive.
    ///
    /// # Errors
    /// [`StartError`] names what cannot be used.
    pub async fn start(mut self) -> Result<MockArchive, StartError> {
        let pki = match self.pki.take() {
            Some(pki) => pki,
            None => Arc::new(DevPki::new(self.clock.now())?),
        };
        self.pki = Some(Arc::clone(&pki));
        let archive = Arc::new(self.archive()?);
        let (faults, unexpected) = (Faults::new(self.clock.clone()), Unexpected::default());
        let (secret, in_use) = (responder::Secret::new()?, Arc::new(AtomicBool::new(false)));
        let inner = MockServer::builder().disable_request_recording().start().await;
        responder::mount(&inner, &secret).await;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let connections = connection::Inner {
            tls: tls::Tls::try_new(Arc::clone(&pki), self.clock.clone())?,
            archive: Arc::clone(&archive),
            faults: faults.clone(),
            unexpected: unexpected.clone(),
            mounted: connection::Mounted::new(*inner.address(), secret, Arc::clone(&in_use)),
            limits: self.limits,
        };
        let front = front::Front::start(address, connections)?;
        let url = url(front.address());
        let control = match self.control {
            None => None,
            Some(port) => {
                let (archive, clock, faults) = (Arc::clone(&archive), self.clock.clone(), faults.clone());
                Some(control::Control::start(port, control::Steered { url, archive, clock, faults }).await?)
            }
        };
        Ok(MockArchive { front, control, inner, in_use, archive, clock: self.clock, faults, pki, unexpected })
    }
}

fn url(address: SocketAddr) -> String {
    format!("https://127.0.0.1:{}{ENDPOINT}", address.port())
}

/// Calls that matched nothing.
#[derive(Clone, Default)]
pub(crate) struct Unexpected(Arc<Mutex<(usize, Vec<String>)>>);

impl Unexpected {
    pub(crate) fn note(&self, call: String) {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        calls.0 += 1;
        if calls.1.len() < UNEXPECTED_MAX {
            calls.1.push(call);
        }
    }

    fn take(&self) -> (usize, Vec<String>) {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A running archive. Dropping it stops it, and panics when there were unexpected calls that nobody looked at.
pub struct MockArchive {
    front: front::Front,
    control: Option<control::Control>,
    inner: MockServer,
    /// Somebody has asked for the inner server.
    in_use: Arc<AtomicBool>,
    archive: Arc<Archive>,
    clock: Clock,
    faults: Faults,
    pki: Arc<DevPki>,
    unexpected: Unexpected,
}

impl MockArchive {
    /// Starts with every default.
    ///
    /// # Errors
    /// As [`MockArchiveBuilder::start`].
    pub async fn start() -> Result<Self, StartError> {
        Self::builder().start().await
    }

    /// Settings, then `start`.
    #[must_use]
    pub fn builder() -> MockArchiveBuilder {
        MockArchiveBuilder::default()
    }

    /// The endpoint's address, `https://127.0.0.1:<port>/medical-records`.
    #[must_use]
    pub fn url(&self) -> String {
        url(self.front.address())
    }

    /// The address of the control listener, `http://127.0.0.1:<port>`, when there is one.
    #[must_use]
    pub fn control_url(&self) -> Option<String> {
        self.control.as_ref().map(|control| format!("http://{}", control.address))
    }

    /// The address listened on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.front.address()
    }

    /// The PKI whose certificates the archive trusts.
    #[must_use]
    pub fn pki(&self) -> &DevPki {
        &self.pki
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Ledger {
        self.archive.ledger()
    }

    /// The archive's functions, without the network.
    #[must_use]
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The script of faults.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The clock that the archive goes by; moving it moves rights, certificates, delays and rates.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Puts a client certificate on the authority's revocation list: new connections with it are refused.
    ///
    /// # Errors
    /// [`PkiError`] when it is no certificate.
    pub fn revoke(&self, certificate_pem: &str) -> Result<(), PkiError> {
        self.pki.revoke(certificate_pem)
    }

    /// The inner server: mocks mounted here with wiremock's usual priority answer before the archive does.
    #[must_use]
    pub fn inner(&self) -> &MockServer {
        self.in_use.store(true, Ordering::Relaxed);
        &self.inner
    }

    /// Refuses connections and breaks those that are open; returns when that is so.
    pub async fn down(&self) {
        self.front.down().await;
    }

    /// Takes connections again on the same port.
    ///
    /// # Errors
    /// When the port is no longer to be had.
    pub async fn up(&self) -> std::io::Result<()> {
        self.front.up().await
    }

    /// No unexpected calls so far, and no unasked second arrival. Calls that it reports are reported once.
    ///
    /// # Errors
    /// [`VerifyError`] names what happened.
    pub fn verify(&self) -> Result<(), VerifyError> {
        let (count, calls) = self.unexpected.take();
        if count > 0 {
            return Err(VerifyError::Unexpected { count, calls });
        }
        self.ledger().assert_no_unasked_second_arrival().map_err(VerifyError::Ledger)
    }

    /// Stops listening and breaks open connections.
    pub async fn shutdown(&self) {
        self.faults.clear();
        self.front.shutdown().await;
    }
}

impl Drop for MockArchive {
    fn drop(&mut self) {
        self.faults.clear();
        let (count, calls) = self.unexpected.take();
        // A panic while panicking would abort the test run and hide the first one.
        assert!(
            count == 0 || std::thread::panicking(),
            "{count} unexpected calls to the mock archive: {}",
            calls.join(", ")
        );
    }
}
