//! `asiasilta handover`: packages for an organiser that the archive does not reach.

mod remote;

use std::error::Error;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::handover::{BYTES_MAX, Packing, open, pack};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::organisation::Organisation;
use asiasilta::sidecar::sealing::{Identity, Recipients};
use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::input;

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Handover {
    /// Packs signed archive documents with their readable forms, a manifest and checksums, encrypted to the organiser.
    Pack(Pack),
    /// Decrypts a package, holds every file against the manifest and writes them into a new folder.
    Open(Open),
    #[command(flatten)]
    Remote(remote::Command),
    /// Makes the organiser's key file, as `age-keygen` does, and says the recipient that belongs to it.
    Key {
        /// The key file; an existing file is not overwritten.
        #[arg(long)]
        out: PathBuf,
    },
}

/// Arguments of `pack`.
#[derive(Args)]
pub(super) struct Pack {
    /// Signed archive documents (XML).
    #[arg(required = true)]
    documents: Vec<PathBuf>,
    /// The organiser's OID: every document must belong in its register.
    #[arg(long)]
    organiser: Oid,
    /// The organiser's name.
    #[arg(long)]
    organiser_name: String,
    /// What stands in the way of the archive: `access.not_joined`, `access.phase_mismatch`.
    #[arg(long = "why")]
    why: Vec<String>,
    /// The organiser's recipients, one `age1…` a line.
    #[arg(long)]
    recipients: PathBuf,
    /// The package; an existing file is not overwritten.
    #[arg(long)]
    out: PathBuf,
}

/// Arguments of `open`.
#[derive(Args)]
pub(super) struct Open {
    /// The package.
    package: PathBuf,
    /// The organiser's identity, as `age-keygen` writes it.
    #[arg(long)]
    identity: PathBuf,
    /// The folder to make.
    #[arg(long)]
    folder: PathBuf,
}

impl Handover {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        match self {
            Self::Pack(pack) => pack.run(),
            Self::Open(open) => open.run(),
            Self::Remote(command) => command.run(),
            Self::Key { out } => make_key(out),
        }
    }
}

impl Pack {
    fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let read = |path: &PathBuf| input::read(path).map(|file| file.bytes);
        let documents = self.documents.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let recipients = Recipients::parse(&fs::read_to_string(&self.recipients)?)?;
        let organiser = Organisation { oid: self.organiser.clone(), name: self.organiser_name.clone() };
        let id = uuid::Uuid::new_v4().to_string();
        let packing = Packing {
            id: &id,
            created: Timestamp::now(),
            organiser: &organiser,
            why: &self.why,
            documents: &documents,
        };
        write_new(&self.out, &recipients.seal(&pack(&packing, &OpensslCrypto)?)?)?;
        println!("{id}: {} documents in {}", documents.len(), self.out.display());
        Ok(ExitCode::SUCCESS)
    }
}

impl Open {
    fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let identity = Identity::parse(&fs::read_to_string(&self.identity)?)?;
        let sealed = fs::read(&self.package)?;
        let opened = open(&identity.open(&sealed, BYTES_MAX)?, &OpensslCrypto)?;
        let folder = |path: &Path| DirBuilder::new().mode(0o700).recursive(false).create(path);
        folder(&self.folder)?;
        for below in ["documents", "readable"] {
            folder(&self.folder.join(below))?;
        }
        for (name, bytes) in &opened.files {
            write_new(&self.folder.join(name), bytes)?;
        }
        println!(
            "{}: {} documents in {}",
            opened.manifest.package,
            opened.manifest.documents.len(),
            self.folder.display()
        );
        Ok(ExitCode::SUCCESS)
    }
}

fn make_key(out: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let identity = Identity::random()?;
    let recipient = identity.recipient();
    write_new(out, format!("# public key: {recipient}\n{}\n", *identity.reveal()).as_bytes())?;
    println!("{recipient}");
    Ok(ExitCode::SUCCESS)
}

/// A file that only its owner reads, on disk when this returns.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Box<dyn Error>> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = file.map_err(|error| format!("{}: {error}", path.display()))?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(())
}
