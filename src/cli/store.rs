//! `asiasilta store`: looking the store through, backing it up, putting a backup back, a new key, what retention will do, the use log.

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use asiasilta::jiff::civil::Date;
use asiasilta::jiff::tz::TimeZone;
use asiasilta::jiff::{SignedDuration, Timestamp};
use asiasilta::sidecar::config::Config;
use asiasilta::sidecar::store::StoreError;
use asiasilta::sidecar::store::sqlite::{self, CheckReport, OldKey};
use asiasilta::sidecar::vault::StoreKey;
use clap::{Args, Subcommand};

/// Arguments of `store`.
#[derive(Args)]
pub(super) struct Store {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Looks every page, row, sealed value, body and use-log link through. May run beside the sidecar. Exit status 1: faults.
    Check(Configured),
    /// Makes and checks a backup in a new folder. May run beside the sidecar. The key is not in it.
    Backup {
        #[command(flatten)]
        configured: Configured,
        /// A folder that is not there yet.
        #[arg(long)]
        to: PathBuf,
    },
    /// Puts a checked backup where no database is. What was not settled is asked for before anything of it is sent.
    Restore {
        #[command(flatten)]
        configured: Configured,
        /// The backup's folder.
        #[arg(long)]
        from: PathBuf,
    },
    /// Gives the store a new key. The sidecar must be stopped. Backups made before open with the key from before.
    Rekey {
        #[command(flatten)]
        configured: Configured,
        /// A file with the new key: 64 hexadecimal digits, readable by its owner only.
        #[arg(long)]
        new_key: PathBuf,
    },
    /// Says what is kept of settled submissions and what retention will purge when.
    Retention(Configured),
    /// Prints the use log, one JSON object a line, proving its chain. Personal data: who did what to whose documents.
    UseLog {
        #[command(flatten)]
        configured: Configured,
        /// From this moment on: 2026-11-01 (midnight UTC) or 2026-11-01T00:00:00+02:00.
        #[arg(long, value_parser = moment)]
        from: Option<Timestamp>,
        /// Until before this moment.
        #[arg(long, value_parser = moment)]
        until: Option<Timestamp>,
    },
}

#[derive(Args)]
struct Configured {
    /// The sidecar's configuration file.
    #[arg(long)]
    config: PathBuf,
}

impl Store {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let now = Timestamp::now();
        match &self.command {
            Command::Check(configured) => {
                let store = configured.read()?.store;
                Ok(told(&sqlite::check(&store.path, &store.key()?)?))
            }
            Command::Backup { configured, to } => {
                let store = configured.read()?.store;
                let (note, report) = sqlite::backup(&store.path, &store.key()?, to, now)?;
                let status = told(&report);
                if report.faults.is_empty() {
                    println!("backup of {} in {}, {} files", note.made_at, to.display(), note.files);
                }
                Ok(status)
            }
            Command::Restore { configured, from } => {
                let store = configured.read()?.store;
                let note = sqlite::restore(from, &store.path, &store.key()?, now)?;
                println!("restored as of {}: {} submissions", note.made_at, note.submissions);
                println!("before anything unsettled is sent, the archive is asked for it");
                Ok(ExitCode::SUCCESS)
            }
            Command::Rekey { configured, new_key } => {
                let store = configured.read()?.store;
                let old_key = sqlite::rekey(&store.path, &store.key()?, &StoreKey::read_file(new_key)?, now)?;
                println!(
                    "the store has a new key: name it in store.key_file or store.key_command before the next start"
                );
                println!("keep the key from before as long as backups that were made with it");
                if old_key == OldKey::MayOpenUntilCheckpoint {
                    println!("what the key from before opens may stay in the files until the sidecar has run again");
                }
                Ok(ExitCode::SUCCESS)
            }
            Command::Retention(configured) => retention(&configured.read()?, now),
            Command::UseLog { configured, from, until } => {
                let period = (from.unwrap_or(Timestamp::MIN), until.unwrap_or(Timestamp::MAX));
                use_log(&configured.read()?, period)
            }
        }
    }
}

impl Configured {
    fn read(&self) -> Result<Config, Box<dyn Error>> {
        Ok(Config::read(&self.config)?)
    }
}

fn told(report: &CheckReport) -> ExitCode {
    println!("{} submissions, {} not settled", report.submissions, report.open);
    println!("{} bodies opened, {} use-log rows proved", report.bodies, report.use_log_rows);
    if report.orphans > 0 {
        println!("{} files that no row names; a later run removes them", report.orphans);
    }
    for fault in &report.faults {
        println!("fault: {fault}");
    }
    if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

/// A day, which begins at midnight UTC, or a moment.
fn moment(text: &str) -> Result<Timestamp, String> {
    let day = |text: &str| text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|day| day.timestamp());
    let expected = || "expected a day, 2026-11-01, or a moment with its offset, 2026-11-01T00:00:00+02:00".to_owned();
    text.parse().ok().or_else(|| day(text)).ok_or_else(expected)
}

fn use_log(config: &Config, period: (Timestamp, Timestamp)) -> Result<ExitCode, Box<dyn Error>> {
    let (store, mut out) = (&config.store, std::io::stdout().lock());
    let proved = sqlite::read_use_log(&store.path, &store.key()?, period, |entry| {
        let written = serde_json::to_writer(&mut out, &entry).map_err(Into::into).and_then(|()| writeln!(out));
        written.map_err(|source| StoreError::Io { path: "standard output".into(), source })
    })?;
    eprintln!("{proved} use-log rows proved");
    Ok(ExitCode::SUCCESS)
}

fn retention(config: &Config, now: Timestamp) -> Result<ExitCode, Box<dyn Error>> {
    let (store, kept_for) = (&config.store, config.store.kept_for());
    println!("bodies of settled submissions are kept for {} days", store.bodies_kept_days);
    println!("of what was handed over, for {} days from its receipt on", store.handed_over_kept_days);
    match store.use_log_kept_days {
        Some(days) => println!("the use log is kept for {days} days"),
        None => println!("the use log is kept for ever"),
    }
    for (days, when) in [(0, "at the next hourly run"), (7, "within 7 days"), (30, "within 30 days")] {
        let then = now.saturating_add(SignedDuration::from_hours(24 * days))?;
        let kept = sqlite::kept_bodies(&store.path, &store.key()?, kept_for.due(then))?;
        if days == 0 {
            let oldest = kept.oldest_finished.map_or_else(String::new, |at| format!(", the oldest settled at {at}"));
            println!("kept now: {} submissions, {} bytes{oldest}", kept.submissions, kept.bytes);
        }
        println!("purged {when}: {} submissions, {} bytes", kept.due, kept.due_bytes);
    }
    Ok(ExitCode::SUCCESS)
}
