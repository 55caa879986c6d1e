//! The mock archive as a program: makes a development PKI, listens, and reports its ledger at the end.
//!
//! For trying a client by hand. Everything it does is in the library; nothing here is kept between two runs.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use clap::Parser;
use mock_archive::certs::{DevPki, OrgIdentity, PemIdentity, PkiError};
use mock_archive::{MockArchive, Oid, StartError};

/// A stand-in for the Client Data Archive on 127.0.0.1, with certificates to try it with.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Where certificates and keys are written; made if it is not there.
    #[arg(long)]
    directory: PathBuf,
    /// Directory of document structures (JSON Schemas with sosmeta.oid).
    #[arg(long)]
    structures: Option<PathBuf>,
    /// An organisation that gets a transport and a system-signing identity.
    #[arg(long = "organisation", value_name = "OID=NAME")]
    organisations: Vec<Organisation>,
}

/// `OID=NAME`.
#[derive(Clone)]
struct Organisation(OrgIdentity);

impl FromStr for Organisation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (oid, name) = text.split_once('=').ok_or("expected OID=NAME")?;
        let oid = Oid::parse(oid).map_err(|error| error.to_string())?;
        if name.trim().is_empty() {
            return Err("expected a name after =".into());
        }
        Ok(Self(OrgIdentity { oid, name: name.trim().to_owned() }))
    }
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot make certificates")]
    Pki(#[from] PkiError),
    #[error("cannot start")]
    Start(#[from] StartError),
    #[error("cannot wait for Ctrl-C")]
    Signal(#[source] std::io::Error),
    #[error("the run was not clean")]
    Verify(#[from] mock_archive::VerifyError),
    #[error("cannot print")]
    Print(#[source] std::io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tracing::error!(error = %with_causes(&failure), "mock archive ends");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let pki = Arc::new(DevPki::new(jiff::Timestamp::now())?);
    write_pki(&pki, &arguments)?;
    let mut builder = MockArchive::builder().port(arguments.port).pki(pki);
    if let Some(structures) = arguments.structures {
        builder = builder.structures(structures);
    }
    let archive = builder.start().await?;
    print(&format!("{}\ncertificates in {}", archive.url(), arguments.directory.display()))?;
    tokio::signal::ctrl_c().await.map_err(Failure::Signal)?;
    archive.shutdown().await;
    print(&archive.ledger().to_string())?;
    Ok(archive.verify()?)
}

fn write_pki(pki: &DevPki, arguments: &Arguments) -> Result<(), Failure> {
    let directory = &arguments.directory;
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|source| Failure::Write { path: directory.clone(), source })?;
    write(directory, "tls-ca.pem", &pki.tls_ca_pem()?, 0o644)?;
    write(directory, "signing-ca.pem", &pki.signing_ca_pem()?, 0o644)?;
    for Organisation(organisation) in &arguments.organisations {
        write_identity(directory, "transport", organisation, &pki.transport(organisation)?)?;
        write_identity(directory, "signing", organisation, &pki.system_signer(organisation)?)?;
    }
    Ok(())
}

fn write_identity(
    directory: &Path,
    use_: &str,
    organisation: &OrgIdentity,
    identity: &PemIdentity,
) -> Result<(), Failure> {
    let name = format!("{}-{use_}", organisation.oid);
    write(directory, &format!("{name}.pem"), &identity.certificate_pem, 0o644)?;
    write(directory, &format!("{name}-key.pem"), &identity.key_pem, 0o600)
}

/// Writes a new file; one that is there is removed first, so that its old mode does not stay.
fn write(directory: &Path, name: &str, content: &str, mode: u32) -> Result<(), Failure> {
    let path = directory.join(name);
    let written = match std::fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&path)
            .and_then(|mut file| file.write_all(content.as_bytes())),
    };
    written.map_err(|source| Failure::Write { path, source })
}

fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Failure::Print)
}

fn with_causes(failure: &Failure) -> String {
    let mut text = failure.to_string();
    let mut cause = std::error::Error::source(failure);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn keys_are_readable_by_their_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("pki");
        let arguments = [
            "mock-archive",
            "--directory",
            target.to_str().unwrap(),
            "--organisation",
            "1.2.246.10.99999992.10.0=Esimerkki Oy",
        ];
        let arguments = Arguments::parse_from(arguments);
        let pki = DevPki::new(jiff::Timestamp::now()).unwrap();
        write_pki(&pki, &arguments).unwrap();
        write_pki(&pki, &arguments).unwrap();
        let mode = |name: &str| std::fs::metadata(target.join(name)).unwrap().permissions().mode() & 0o777;
        for name in ["transport-key", "signing-key"] {
            assert_eq!(mode(&format!("1.2.246.10.99999992.10.0-{name}.pem")), 0o600);
        }
        assert_eq!(std::fs::read_dir(&target).unwrap().count(), 6);
    }

    #[test]
    fn an_organisation_has_an_oid_and_a_name() {
        for bad in ["", "1.2.3", "x=y", "1.2.3= "] {
            assert!(Organisation::from_str(bad).is_err(), "{bad}");
        }
    }
}
