//! From the configuration to the parts of a running sidecar: files read, keys loaded, clients made.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::app::Parts;
use super::config::{AccessConfig, ArchiveFiles, Config, DisplayConfig, OrganiserConfig};
use super::line::Line;
use super::pipeline::{DocumentPipeline, Looks};
use super::ports::{Clock, SystemChance, SystemClock};
use super::sealing::{Recipients, SealFault};
use super::structure_files;
use super::telemetry::WatchedCertificate;
use crate::archive::client::{ArchiveClient, Sender, Sources};
use crate::archive::keys::{KeyError, SigningIdentity, certificates_from_pem};
use crate::archive::tls::{TlsFault, TlsIdentity};
use crate::archive::transport::{HttpsTransport, TransportFault, TransportLimits};
use crate::domain::access::{AccessProfile, AccessProfileFault};
use crate::domain::document::display::{Logo, LogoFault};
use crate::domain::document::header::Software;
use crate::domain::environment::Environment;
use crate::domain::handover::PRODUCT;
use crate::domain::oid::Oid;
use crate::domain::profile::{ProfileFault, WireProfile};
use crate::domain::signature::Trust;
use crate::domain::structure::Registry;
use crate::domain::validate::Checker;

type Clients = BTreeMap<Oid, Arc<ArchiveClient<Arc<HttpsTransport>>>>;

/// Why the parts cannot be made. All for the operator.
#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    /// A file cannot be read.
    #[error("configuration key {key}: cannot read {path}")]
    File {
        /// The key that names it.
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A private key that others on the machine may read.
    #[error(
        "configuration key {key}: {path} has mode {mode:o}, expected 600 or 400: others must not be able to read it"
    )]
    Exposed {
        /// The key that names it.
        key: &'static str,
        /// Which.
        path: PathBuf,
        /// Permission bits found.
        mode: u32,
    },
    /// The signing certificate or key, or the authorities of other signatures.
    #[error("configuration key {key}")]
    Key {
        /// The key that names the file.
        key: &'static str,
        /// Why.
        source: KeyError,
    },
    /// The transport certificate, its key or the roots.
    #[error("configuration keys archive.trust_anchors, archive.transport_certificate, archive.transport_key")]
    Tls(#[source] TlsFault),
    /// The archive's address.
    #[error("configuration key archive.url")]
    Transport(#[source] TransportFault),
    /// The wire profile.
    #[error("configuration key archive.profile")]
    Profile(#[source] ProfileFault),
    /// The access profile.
    #[error("configuration key access.profile")]
    Access(#[source] AccessProfileFault),
    /// Folders of structures without one that can be read.
    #[error("configuration key archive.structures: no document structure in {}", folders(.0))]
    NoStructures(Vec<PathBuf>),
    /// A file of recipients that is none.
    #[error("configuration key organisers.hand_over.recipients of {organiser}")]
    Recipients {
        /// Whose.
        organiser: Oid,
        /// Why not.
        source: SealFault,
    },
    /// A picture that is no logo.
    #[error("configuration key display.logos.\"{organiser}\"")]
    Logo {
        /// Whose.
        organiser: Oid,
        /// Why not.
        source: LogoFault,
    },
}

/// Reads everything that the configuration names and puts the sidecar's parts together, by the machine's clock.
///
/// # Errors
/// [`AssemblyError`], naming the configuration key.
pub fn assemble(config: &Config) -> Result<Parts<Line<Arc<HttpsTransport>>, SystemClock>, AssemblyError> {
    assemble_by(config, SystemClock)
}

/// The same by another clock. Messages and signatures are stamped by the machine's all the same.
///
/// # Errors
/// [`AssemblyError`], naming the configuration key.
pub fn assemble_by<C: Clock + Clone>(
    config: &Config,
    clock: C,
) -> Result<Parts<Line<Arc<HttpsTransport>, C>, C>, AssemblyError> {
    let files = &config.archive;
    let profile = Arc::new(wire_profile(files)?);
    if config.environment == Environment::Production {
        tell_inferred(&profile);
    }
    let tls = tls_identity(files)?;
    let certificate = |name: &str, not_after| WatchedCertificate { name: name.into(), not_after };
    let transport_end = tls.not_after();
    let transport = HttpsTransport::try_new(&files.url, tls, TransportLimits::default());
    let clients = clients(config, &profile, Arc::new(transport.map_err(AssemblyError::Transport)?));
    let access = access_profile(&config.access)?;
    let signer = signing_identity(files)?;
    let certificates = vec![certificate("transport", transport_end), certificate("signing", signer.facts().not_after)];
    let anchors = read("archive.signature_trust_anchors", &files.signature_trust_anchors)?;
    let authorities = certificates_from_pem(&anchors);
    let authorities =
        authorities.map_err(|source| AssemblyError::Key { key: "archive.signature_trust_anchors", source })?;
    let checker = Arc::new(Checker::new(Arc::new(load_structures(&files.structures)?), config.environment));
    let pipeline = Arc::new(DocumentPipeline {
        checker: Arc::clone(&checker),
        clients: clients.clone(),
        signer,
        software: software(),
        looks: looks(&config.display)?,
        channels: channels(&config.organisers)?,
    });
    Ok(Parts {
        archive: Line::new(clients, Trust::Authorities(authorities), clock.clone()),
        clock,
        chance: Arc::new(SystemChance),
        checker,
        pipeline,
        certificates,
        placeholders: placeholders(&profile, &access),
        access,
    })
}

/// How documents of this program name the system that wrote them.
pub fn software() -> Software {
    Software { moderator: PRODUCT.into(), product: PRODUCT.into(), version: env!("CARGO_PKG_VERSION").into() }
}

fn folders(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// A logo from its file.
///
/// # Errors
/// [`AssemblyError::File`], [`AssemblyError::Logo`].
fn logo(organiser: &Oid, path: &Path) -> Result<Logo, AssemblyError> {
    let bytes = read("display.logos", path)?;
    Logo::try_new(&bytes).map_err(|source| AssemblyError::Logo { organiser: organiser.clone(), source })
}

/// The organisers' keys for what is handed over.
fn channels(organisers: &[OrganiserConfig]) -> Result<BTreeMap<Oid, Recipients>, AssemblyError> {
    let mut channels = BTreeMap::new();
    for organiser in organisers {
        let Some(way) = &organiser.hand_over else { continue };
        let text = String::from_utf8_lossy(&read("organisers.hand_over.recipients", &way.recipients)?).into_owned();
        let recipients = Recipients::parse(&text);
        let recipients =
            recipients.map_err(|source| AssemblyError::Recipients { organiser: organiser.oid.clone(), source })?;
        channels.insert(organiser.oid.clone(), recipients);
    }
    Ok(channels)
}

fn looks(config: &DisplayConfig) -> Result<Looks, AssemblyError> {
    let logo = |(organiser, path): (&Oid, &PathBuf)| Ok((organiser.clone(), logo(organiser, path)?));
    let logos = config.logos.iter().map(logo).collect::<Result<_, _>>()?;
    Ok(Looks { identity_codes: config.identity_codes, logos })
}

/// The structures in these folders; our own reduced ones without a folder. Files with faults are named in the log and left out.
///
/// # Errors
/// [`AssemblyError::File`], [`AssemblyError::NoStructures`].
pub fn load_structures(folders: &[PathBuf]) -> Result<Registry, AssemblyError> {
    if folders.is_empty() {
        return Ok(Registry::reduced());
    }
    let (registry, faults) = structure_files::load(folders).map_err(|error| AssemblyError::File {
        key: "archive.structures",
        path: error.folder,
        source: error.source,
    })?;
    for fault in faults {
        tracing::warn!(%fault, "a document structure cannot be used");
    }
    if registry.is_empty() { Err(AssemblyError::NoStructures(folders.to_vec())) } else { Ok(registry) }
}

fn wire_profile(files: &ArchiveFiles) -> Result<WireProfile, AssemblyError> {
    match &files.profile {
        None => WireProfile::default_profile().map_err(AssemblyError::Profile),
        Some(path) => {
            let text = fs::read_to_string(path);
            let file = |source| AssemblyError::File { key: "archive.profile", path: path.clone(), source };
            WireProfile::default_with(&text.map_err(file)?).map_err(AssemblyError::Profile)
        }
    }
}

/// Production runs on values that were not seen anywhere: whoever runs it must know which.
fn tell_inferred(profile: &WireProfile) {
    let settings: Vec<&str> = profile.only_inferred().iter().map(|s| s.key).collect();
    tracing::warn!(settings = settings.join(", "), "these values of the wire profile are only inferred");
}

fn access_profile(config: &AccessConfig) -> Result<AccessProfile, AssemblyError> {
    let Some(path) = &config.profile else { return AccessProfile::default_profile().map_err(AssemblyError::Access) };
    let file = |source| AssemblyError::File { key: "access.profile", path: path.clone(), source };
    AccessProfile::default_with(&fs::read_to_string(path).map_err(file)?).map_err(AssemblyError::Access)
}

fn placeholders(wire: &WireProfile, access: &AccessProfile) -> Vec<String> {
    let of_wire = wire.unset_placeholders().into_iter().map(|setting| setting.key.to_string());
    of_wire.chain(access.unset_placeholders()).collect()
}

fn tls_identity(files: &ArchiveFiles) -> Result<TlsIdentity, AssemblyError> {
    let anchors = read("archive.trust_anchors", &files.trust_anchors)?;
    let certificate = read("archive.transport_certificate", &files.transport_certificate)?;
    let key = read_private("archive.transport_key", &files.transport_key)?;
    TlsIdentity::from_pem(&anchors, &certificate, &key).map_err(AssemblyError::Tls)
}

fn signing_identity(files: &ArchiveFiles) -> Result<SigningIdentity, AssemblyError> {
    let certificate = read("archive.signing_certificate", &files.signing_certificate)?;
    let key = read_private("archive.signing_key", &files.signing_key)?;
    let identity = SigningIdentity::from_pem(&certificate, &key);
    identity.map_err(|source| AssemblyError::Key { key: "archive.signing_certificate, archive.signing_key", source })
}

fn clients(config: &Config, profile: &Arc<WireProfile>, transport: Arc<HttpsTransport>) -> Clients {
    let client = |organisation: &Oid| {
        let sender = Sender {
            organisation: organisation.clone(),
            numbers_root: organisation.clone(),
            environment: config.environment,
        };
        Arc::new(ArchiveClient::new(Arc::clone(&transport), Arc::clone(profile), sender, Sources::system()))
    };
    config.organisations.iter().map(|served| (served.oid.clone(), client(&served.oid))).collect()
}

/// A private key: only from a file that its owner alone can read.
fn read_private(key: &'static str, path: &Path) -> Result<Vec<u8>, AssemblyError> {
    let file = |source| AssemblyError::File { key, path: path.to_owned(), source };
    let mode = fs::metadata(path).map_err(file)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(AssemblyError::Exposed { key, path: path.to_owned(), mode });
    }
    read(key, path)
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, AssemblyError> {
    fs::read(path).map_err(|source| AssemblyError::File { key, path: path.to_owned(), source })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_private_key_that_others_can_read_is_refused_by_key_and_mode() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signing.key");
        fs::write(&path, "x").unwrap();
        for (mode, taken) in [(0o600, true), (0o400, true), (0o640, false), (0o604, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            match read_private("archive.signing_key", &path) {
                Ok(_) => assert!(taken, "{mode:o}"),
                Err(error) => {
                    let text = error.to_string();
                    assert!(
                        !taken && text.contains("archive.signing_key") && text.contains(&format!("{mode:o}")),
                        "{text}"
                    );
                }
            }
        }
    }
}
