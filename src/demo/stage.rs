//! The stage: a folder with development certificates and structures, a mock archive, an organiser that has stored its documents.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{Timestamp, ToSpan};
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity};
use mock_archive::{MockArchive, MockArchiveBuilder};

use super::organiser::mock_oid;
use super::{DemoError, Organiser};
use crate::archive::client::{ArchiveClient, Sender, Sources};
use crate::archive::tls::TlsIdentity;
use crate::archive::transport::{HttpsTransport, TransportLimits};
use crate::domain::environment::Environment;
use crate::domain::oid::Oid;
use crate::domain::profile::WireProfile;
use crate::domain::structure::REDUCED;
use crate::domain::time::day_in_finland;

/// The organiser of the examples.
pub(super) const ORGANISER: &str = "1.2.246.10.99999991.10.0";
/// What its OIDs and those of its documents have in common.
const ORGANISER_NUMBER: &str = "99999991";
/// The producer of the examples.
pub const PRODUCER: &str = "1.2.246.10.99999992.10.0";
/// What stands in the example for the day on which a right starts: the demo puts tomorrow there.
const SOME_DAY: &str = "2999-12-31";

const RELATIONSHIPS: [&str; 3] = [
    include_str!("../../examples/organiser/main-relationship.json"),
    include_str!("../../examples/organiser/unit-not-named-relationship.json"),
    include_str!("../../examples/organiser/right-starts-tomorrow-relationship.json"),
];
const CASES: [&str; 3] = [
    include_str!("../../examples/organiser/main-case.json"),
    include_str!("../../examples/organiser/unit-not-named-case.json"),
    include_str!("../../examples/organiser/right-starts-tomorrow-case.json"),
];
const DECISIONS: [&str; 3] = [
    include_str!("../../examples/organiser/main-decision.json"),
    include_str!("../../examples/organiser/unit-not-named-decision.json"),
    include_str!("../../examples/organiser/right-starts-tomorrow-decision.json"),
];

/// Everything around the producer's sidecar.
pub struct Stage {
    /// The archive.
    pub mock: MockArchive,
    /// The organiser, whose documents are in its register.
    pub organiser: Organiser,
    directory: PathBuf,
}

impl Stage {
    /// Sets the stage in an empty folder: certificates, structures, the archive, and the organiser's relationship documents,
    /// cases and decisions in it.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn set(directory: &Path) -> Result<Self, DemoError> {
        Self::set_on(directory, |mock| mock).await
    }

    /// [`Stage::set`], with an archive made otherwise.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn set_on(
        directory: &Path,
        made: impl FnOnce(MockArchiveBuilder) -> MockArchiveBuilder,
    ) -> Result<Self, DemoError> {
        let mut stage = Self::bare_on(directory, made).await?;
        let tomorrow = day_in_finland(Timestamp::now()).saturating_add(1.day()).to_string();
        for record in RELATIONSHIPS.iter().chain(&CASES).chain(&DECISIONS) {
            stage.organiser.store(record.replace(SOME_DAY, &tomorrow).as_bytes()).await?;
        }
        Ok(stage)
    }

    /// The stage before the organiser has stored anything.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn bare(directory: &Path) -> Result<Self, DemoError> {
        Self::bare_on(directory, |mock| mock).await
    }

    async fn bare_on(
        directory: &Path,
        made: impl FnOnce(MockArchiveBuilder) -> MockArchiveBuilder,
    ) -> Result<Self, DemoError> {
        let now = Timestamp::now();
        let pki = Arc::new(DevPki::new(now)?);
        let structures = directory.join("structures");
        std::fs::create_dir_all(&structures)?;
        for (oid, text) in REDUCED {
            std::fs::write(structures.join(format!("{oid}.json")), text)?;
        }
        let identity = OrgIdentity { oid: mock_oid(PRODUCER)?, name: "Esimerkkihoiva Oy".into() };
        std::fs::write(directory.join("tls-ca.pem"), pki.tls_ca_pem()?)?;
        std::fs::write(directory.join("signing-ca.pem"), pki.signing_ca_pem()?)?;
        write_identity(directory, "transport", &pki.transport(&identity)?)?;
        write_identity(directory, "signing", &pki.system_signer(&identity)?)?;
        let mock = made(MockArchive::builder()).pki(Arc::clone(&pki)).structures(&structures).start().await?;
        let organiser = Organiser::try_new(&pki, &mock.url(), ORGANISER, now)?;
        Ok(Self { mock, organiser, directory: directory.to_owned() })
    }

    /// A further organiser, `1.2.246.10.<number>.10.0`: its register gets what the first one's has of the examples' main client, a
    /// relationship document, a case and a decision, each OID in its own tree.
    ///
    /// # Errors
    /// [`DemoError`].
    pub async fn further_organiser(&self, number: &str) -> Result<Organiser, DemoError> {
        let own = |text: &str| text.replace(ORGANISER_NUMBER, number);
        let mut organiser = self.organiser.beside(&self.mock.url(), &own(ORGANISER), Timestamp::now())?;
        for record in [RELATIONSHIPS[0], CASES[0], DECISIONS[0]] {
            organiser.store(own(record).as_bytes()).await?;
        }
        Ok(organiser)
    }

    /// The folder: `tls-ca.pem`, `signing-ca.pem`, the producer's `transport.pem` and `.key`, `signing.pem` and `.key`, and
    /// `structures/`.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

fn write_identity(directory: &Path, name: &str, identity: &PemIdentity) -> Result<(), DemoError> {
    std::fs::write(directory.join(format!("{name}.pem")), &identity.certificate_pem)?;
    write_secret(&directory.join(format!("{name}.key")), identity.key_pem.as_bytes())?;
    Ok(())
}

/// A file that only its owner can read.
pub(super) fn write_secret(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// An archive client of one organisation over mutual TLS.
pub(super) fn https_client(
    pki: &DevPki,
    address: &str,
    identity: &PemIdentity,
    organisation: &Oid,
) -> Result<ArchiveClient<HttpsTransport>, DemoError> {
    let authority = pki.tls_ca_pem()?;
    let tls =
        TlsIdentity::from_pem(authority.as_bytes(), identity.certificate_pem.as_bytes(), identity.key_pem.as_bytes())?;
    let transport = HttpsTransport::try_new(address, tls, TransportLimits::default())?;
    let profile = WireProfile::default_profile().map_err(|_| DemoError::Defect("the default profile"))?;
    let sender = Sender {
        organisation: organisation.clone(),
        numbers_root: organisation.clone(),
        environment: Environment::Test,
    };
    Ok(ArchiveClient::new(transport, Arc::new(profile), sender, Sources::system()))
}
