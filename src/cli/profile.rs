//! `asiasilta profile`: what is expected of the archive on the wire, value by value, and how sure each is.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use asiasilta::domain::profile::{Certainty, SettingInfo, WireProfile};
use clap::{Args, Subcommand, ValueEnum};

/// The command's arguments.
#[derive(Args)]
pub(super) struct Profile {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Prints every value of the wire profile with its certainty and source, and what keeps it from production.
    Show {
        /// An operator's file, on top of the built-in profile (`archive.profile` of the configuration).
        #[arg(long, value_name = "FILE")]
        profile: Option<PathBuf>,
        /// The form of the output.
        #[arg(long, value_enum, default_value = "text")]
        format: Format,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    Text,
    Json,
}

impl Profile {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let Command::Show { profile, format } = &self.command;
        let read = match profile {
            None => WireProfile::default_profile()?,
            Some(path) => {
                let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
                WireProfile::default_with(&text).map_err(|error| format!("{}: {error}", path.display()))?
            }
        };
        let mut out = io::stdout().lock();
        match format {
            Format::Text => text(&mut out, &read)?,
            Format::Json => json(&mut out, &read)?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn text(out: &mut impl Write, profile: &WireProfile) -> io::Result<()> {
    let settings = profile.settings();
    let width = |of: fn(&SettingInfo<'_>) -> usize| settings.iter().map(of).max().unwrap_or_default();
    let (keys, values) = (width(|s| s.key.chars().count()), width(|s| s.value.chars().count()).min(60));
    for s in &settings {
        writeln!(out, "{:<keys$}  {:<11}  {:<values$}  {}", s.key, s.certainty.code(), s.value, s.source)?;
    }
    let count = |wanted| settings.iter().filter(|s| s.certainty == wanted).count();
    writeln!(
        out,
        "\n{} values: {} verified, {} inferred, {} set by the operator, {} placeholders",
        settings.len(),
        count(Certainty::Verified),
        count(Certainty::Inferred),
        count(Certainty::Operator),
        count(Certainty::Placeholder)
    )?;
    let verdict = match count(Certainty::Placeholder) {
        0 => "production starts with this profile, and logs what is only inferred",
        _ => "production refuses this profile until the operator has set every placeholder",
    };
    writeln!(out, "{verdict}")
}

fn json(out: &mut impl Write, profile: &WireProfile) -> io::Result<()> {
    let keys = |settings: Vec<SettingInfo<'_>>| settings.into_iter().map(|s| s.key).collect::<Vec<_>>();
    let all = serde_json::json!({
        "settings": profile.settings(),
        "placeholders": keys(profile.unset_placeholders()),
        "inferred": keys(profile.only_inferred()),
    });
    writeln!(out, "{all:#}")
}
