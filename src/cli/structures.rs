//! `asiasilta structures`: what structures there are, what is in them, and whether each goes all the way.

mod check;
mod print;

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use asiasilta::domain::code;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::structure::{Extent, Registry, Structure, differences};
use asiasilta::domain::time::{Day, day_in_finland};
use asiasilta::sidecar::structure_files;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;

/// The command's arguments.
#[derive(Args)]
pub(super) struct Structures {
    #[command(subcommand)]
    command: Command,
    /// Folder of document structures, once or more; the program's own reduced ones when left out.
    #[arg(long, global = true, value_name = "DIR")]
    structures: Vec<PathBuf>,
    /// The day by which a type without version means its newest valid version; today when left out.
    #[arg(long, global = true, value_name = "YYYY-MM-DD")]
    on: Option<Day>,
}

#[derive(Subcommand)]
enum Command {
    /// Lists every structure: OID, first day of validity, names. The type and the root key are in `show`.
    List,
    /// Shows the fields of a structure.
    Show {
        /// Its OID, or a type without version: 1506.19007 or 19007.
        structure: String,
    },
    /// Prints a local record in this structure, ready to be filled in: what is required, or every field.
    Template {
        /// Its OID, or a type without version: 1506.19007 or 19007.
        structure: String,
        /// Every field of the structure instead of those required.
        #[arg(long)]
        full: bool,
        /// The content alone, without the record around it.
        #[arg(long)]
        content: bool,
        /// Language of the record.
        #[arg(long, value_enum, default_value = "fi")]
        language: Language,
    },
    /// Shows what differs from one structure to another: `+` added, `-` removed, `~` changed.
    Diff {
        /// The first: an OID, or a type without version.
        before: String,
        /// The second.
        after: String,
    },
    /// Sends an example of every structure all the way: record, document, display form, signature, and back.
    Check,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Fi,
    Sv,
}

impl Structures {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let (registry, faults) = match self.structures.as_slice() {
            [] => (Registry::reduced(), Vec::new()),
            folders => structure_files::load(folders)?,
        };
        for fault in &faults {
            eprintln!("asiasilta: {fault}");
        }
        if registry.is_empty() && faults.is_empty() && !matches!(self.command, Command::Check) {
            let folders: Vec<_> = self.structures.iter().map(|path| path.display().to_string()).collect();
            return Err(format!("no document structure (*.json) in {}", folders.join(", ")).into());
        }
        let text = match &self.command {
            Command::List => print::list(&registry),
            Command::Show { structure } => print::tree(&*self.find(&registry, structure)?),
            Command::Template { structure, full, content, language } => {
                let extent = if *full { Extent::Full } else { Extent::Minimal };
                let template = self.find(&registry, structure)?.template(extent, (*language).into())?;
                let json = if *content {
                    serde_json::to_string_pretty(template.content())?
                } else {
                    serde_json::to_string_pretty(template.record())?
                };
                format!("{json}\n")
            }
            Command::Diff { before, after } => {
                let (before, after) = (self.find(&registry, before)?, self.find(&registry, after)?);
                print::differences(&before, &after, &differences(&before, &after))
            }
            Command::Check => return check::run(registry, faults.len()),
        };
        print(&text)?;
        // A list of structures with broken ones among them is not as it should be.
        let well = !matches!(self.command, Command::List) || faults.is_empty();
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// The structure of this OID; of a type, the newest version valid on the day.
    fn find(&self, registry: &Registry, wanted: &str) -> Result<Arc<Structure>, Box<dyn Error>> {
        let oid = oid_of(wanted)?;
        if let Some(structure) = registry.find(&oid) {
            return Ok(structure);
        }
        let day = self.on.map_or_else(|| day_in_finland(Timestamp::now()), Day::date);
        let found = registry.valid_on(&oid, day);
        found.ok_or_else(|| format!("no structure {oid}, and none of that type is valid on {day}").into())
    }
}

/// An OID, or one shortened to what the code set of types has: `1506.19007`, `19007`.
fn oid_of(wanted: &str) -> Result<Oid, Box<dyn Error>> {
    let full = match wanted.split('.').next() {
        Some("1505" | "1506") => format!("1.2.246.537.6.{wanted}"),
        Some(first) if first == wanted => format!("1.2.246.537.6.1506.{wanted}"),
        _ => wanted.to_owned(),
    };
    let expected = "expected the OID of a structure, or a type such as 1506.19007 or 19007 (see structures list)";
    full.parse().map_err(|_: asiasilta::domain::finding::Flaw| format!("{wanted:?}: {expected}").into())
}

/// To standard output; a reader that has gone away (`| head`) is no fault.
fn print(text: &str) -> io::Result<()> {
    match io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

impl From<Language> for code::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Fi => Self::Fi,
            Language::Sv => Self::Sv,
        }
    }
}
