//! The mock archive as a program: makes a development PKI, listens, and reports its ledger at the end.
//!
//! For trying a client by hand or from another language. Everything it does is in the library; with `--data-directory` what it
//! holds survives a restart.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;

use clap::Parser;
use mock_archive::certs::{DevPki, KeptPkiError, OrgIdentity, PemIdentity, PkiError};
use mock_archive::{
    Clock, MockArchive, MockArchiveBuilder, NotAStanding, Oid, Script, ScriptError, Standing, StartError, TooManyFaults,
};

/// A stand-in for the Client Data Archive on 127.0.0.1, with certificates to try it with.
///
/// Prints its address (and that of the control listener), runs until Ctrl-C, prints the ledger, and ends with a failure when there
/// were unexpected calls or a document arrived again without a question.
#[derive(Parser)]
struct Arguments {
    /// Port on 127.0.0.1 for messages, HTTPS with client certificates; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Port on 127.0.0.1 for control calls, plain HTTP and JSON: clock, faults, ledger, reset; 0 takes a free one. Without it there
    /// are none.
    #[arg(long)]
    control_port: Option<u16>,
    /// Where certificates and keys are written; made if it is not there.
    #[arg(long, value_name = "DIR")]
    directory: PathBuf,
    /// Keeps authorities, documents and metadata here, so that they survive a restart; without it they are in memory.
    #[arg(long, value_name = "DIR")]
    data_directory: Option<PathBuf>,
    /// Directory of document structures (JSON Schemas with sosmeta.oid).
    #[arg(long, value_name = "DIR")]
    structures: Option<PathBuf>,
    /// Whether an organisation has joined, and its phase: not-joined, 1, 1+access or 2.
    #[arg(long = "standing", value_name = "OID=STANDING", value_parser = standing)]
    standings: Vec<(Oid, Standing)>,
    /// Table of role × service task × service process (TOML).
    #[arg(long)]
    roles: Option<PathBuf>,
    /// Answer a fetch with the document inline instead of in a part of its own.
    #[arg(long)]
    inline: bool,
    /// An organisation that gets a transport and a system-signing identity.
    #[arg(long = "organisation", value_name = "OID=NAME")]
    organisations: Vec<Organisation>,
    /// A script of faults, TOML.
    #[arg(long, value_name = "FILE")]
    faults: Option<PathBuf>,
    /// The archive's clock stands at this instant until a control call moves it; without it, it is the system's.
    #[arg(long, value_name = "INSTANT")]
    clock: Option<jiff::Timestamp>,
    /// Leaves out what costs most: signatures, schemas and content structures. For load.
    #[arg(long)]
    deep_checks_off: bool,
    /// Holds messages and documents against the rules alone, not against the XSDs.
    #[arg(long)]
    without_schemas: bool,
    /// Tests only: takes signatures of any certificate. They must still hold.
    #[arg(long)]
    trust_any_signer: bool,
    /// The largest request body, in bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 20 * 1024 * 1024)]
    body_max_bytes: usize,
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

fn standing(text: &str) -> Result<(Oid, Standing), String> {
    let (oid, standing) = text.split_once('=').ok_or("expected OID=STANDING")?;
    let oid = Oid::parse(oid).map_err(|error| error.to_string())?;
    Ok((oid, standing.parse().map_err(|error: NotAStanding| error.to_string())?))
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot write {path}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("cannot make certificates")]
    Pki(#[from] PkiError),
    #[error("cannot start")]
    Start(#[from] StartError),
    #[error("cannot use the kept authorities")]
    KeptPki(#[from] KeptPkiError),
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} cannot be used")]
    Script { path: PathBuf, source: ScriptError },
    #[error("the script has too many steps")]
    Faults(#[from] TooManyFaults),
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
    let clock = arguments.clock.map_or_else(Clock::system, Clock::standing_at);
    let script = arguments.faults.as_deref().map(script).transpose()?;
    let pki = Arc::new(match &arguments.data_directory {
        Some(directory) => DevPki::kept_in(&directory.join("pki"), clock.now())?,
        None => DevPki::new(clock.now())?,
    });
    write_pki(&pki, &arguments)?;
    let archive = builder(&arguments, clock, pki).start().await?;
    if let Some(script) = script {
        archive.faults().play(script)?;
    }
    print(&format!("{}\ncertificates in {}", archive.url(), arguments.directory.display()))?;
    if let Some(control) = archive.control_url() {
        print(&format!("control at {control}"))?;
    }
    tokio::signal::ctrl_c().await.map_err(Failure::Signal)?;
    archive.shutdown().await;
    print(&archive.ledger().to_string())?;
    Ok(archive.verify()?)
}

fn builder(arguments: &Arguments, clock: Clock, pki: Arc<DevPki>) -> MockArchiveBuilder {
    let mut builder = MockArchive::builder().port(arguments.port).clock(clock).pki(pki);
    builder = builder.body_max_bytes(arguments.body_max_bytes);
    if let Some(port) = arguments.control_port {
        builder = builder.control(port);
    }
    if let Some(directory) = &arguments.data_directory {
        builder = builder.data_directory(directory);
    }
    if let Some(structures) = &arguments.structures {
        builder = builder.structures(structures);
    }
    if arguments.deep_checks_off {
        builder = builder.deep_checks_off();
    }
    if arguments.without_schemas {
        builder = builder.without_schemas();
    }
    if arguments.trust_any_signer {
        builder = builder.trust_any_signer();
    }
    if let Some(roles) = &arguments.roles {
        builder = builder.roles(roles);
    }
    if arguments.inline {
        builder = builder.answers_inline();
    }
    for (organisation, standing) in &arguments.standings {
        builder = builder.standing(organisation.clone(), *standing);
    }
    builder
}

fn script(path: &Path) -> Result<Script, Failure> {
    let text = std::fs::read_to_string(path).map_err(|source| Failure::Read { path: path.to_owned(), source })?;
    Script::from_toml(&text).map_err(|source| Failure::Script { path: path.to_owned(), source })
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
    fn the_readme_has_every_switch_of_the_program_and_no_other() {
        use clap::CommandFactory;
        let readme = include_str!("../README.md");
        let section = readme.split("### Switches of the program").nth(1).unwrap().split("\n#").next().unwrap();
        let rows = section.lines().filter_map(|line| line.strip_prefix("| `--")?.split(['`', ' ']).next());
        let mut told: Vec<_> = rows.map(str::to_owned).collect();
        let command = Arguments::command();
        let mut known: Vec<_> = command.get_arguments().filter_map(clap::Arg::get_long).map(str::to_owned).collect();
        told.sort();
        known.sort();
        assert_eq!(told, known);
    }

    #[test]
    fn authorities_are_kept_for_the_next_run() {
        let directory = tempfile::tempdir().unwrap();
        let kept = || DevPki::kept_in(&directory.path().join("pki"), jiff::Timestamp::now()).unwrap();
        let (first, second) = (kept(), kept());
        assert_eq!(first.tls_ca_pem().unwrap(), second.tls_ca_pem().unwrap());
        let key = std::fs::metadata(directory.path().join("pki/tls-key.pem")).unwrap();
        assert_eq!(key.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_organisation_has_an_oid_and_a_name() {
        for bad in ["", "1.2.3", "x=y", "1.2.3= "] {
            assert!(Organisation::from_str(bad).is_err(), "{bad}");
        }
    }
}
