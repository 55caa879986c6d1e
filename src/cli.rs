//! Commands and their exit status: 0 well, 1 findings or not as it should be, 2 unreadable or not carried out.

mod access;
mod build;
#[cfg(feature = "demo")]
mod demo;
mod handover;
mod input;
mod local;
mod outbox;
mod profile;
mod report;
mod serve;
mod show;
mod store;
mod structures;
mod unreadable;
mod validate;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Social-care records into the organiser's register of the Client Data Archive.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Shows the main job on this machine: mock archive, organiser, producer, sidecar. Needs nothing else.
    #[cfg(feature = "demo")]
    Demo {
        /// Leaves everything running and prints addresses and curl lines.
        #[arg(long)]
        keep: bool,
    },
    /// Runs the sidecar until SIGTERM or SIGINT, then finishes what is under way.
    Serve {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// What a running sidecar has under way: lists it, shows one, lets parked ones go on, gives one up.
    Outbox(outbox::Outbox),
    /// Prints the unsigned archive document of a local record; findings go to standard error.
    Build(build::Build),
    /// The register access right: whether a record could be stored, and if not, why and from when.
    #[command(subcommand)]
    Access(access::Access),
    /// Packages for an organiser that the archive does not reach: makes one, opens one.
    #[command(subcommand)]
    Handover(handover::Handover),
    /// Document structures: lists them, shows one, makes examples, compares versions, tries them all out.
    Structures(structures::Structures),
    /// The sidecar's store: check, backup, restore, retention.
    Store(store::Store),
    /// Says what is wrong with records, documents, frames and messages.
    Validate(validate::Validate),
    /// Prints a document or record as people read it.
    Show(show::Show),
    /// The wire profile: every name, code and limit that is taken from the archive, and how sure it is.
    Profile(profile::Profile),
}

/// Runs the command that the process was started with.
pub(crate) fn run() -> ExitCode {
    let done = match Arguments::parse().command {
        #[cfg(feature = "demo")]
        Command::Demo { keep } => demo::run(keep),
        Command::Serve { config } => serve::run(&config),
        Command::Access(access) => access.run(),
        Command::Outbox(outbox) => outbox.run(),
        Command::Build(build) => build.run(),
        Command::Handover(handover) => handover.run(),
        Command::Structures(structures) => structures.run(),
        Command::Store(store) => store.run(),
        Command::Validate(validate) => validate.run(),
        Command::Show(show) => show.run(),
        Command::Profile(profile) => profile.run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("asiasilta: {}", chain(&*error));
        ExitCode::from(2)
    })
}

/// An error with its causes, in one line.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// A runtime for the commands that serve.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}
