//! `asiasilta build`: what a record would become, without archive, keys or store.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use asiasilta::domain::oid::Oid;
use asiasilta::domain::record::CaseReference;
use clap::Args;
use jiff::Timestamp;

use super::report::{Format, Manner, Report, Spoken, mask};
use super::{input, local};

/// The command's arguments.
#[derive(Args)]
pub(super) struct Build {
    /// The local record (JSON); `-` reads standard input.
    file: PathBuf,
    /// The case to put where the record says `find`.
    #[arg(long)]
    case: Option<Oid>,
    /// OID of the document; a made-up one when left out.
    #[arg(long)]
    id: Option<Oid>,
    /// Folder of document structures, once or more; the program's own reduced ones when left out.
    #[arg(long, value_name = "DIR")]
    structures: Vec<PathBuf>,
    /// How findings are told, on standard error.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Language of the findings.
    #[arg(long, value_enum, default_value = "en")]
    language: Spoken,
    /// Quotes lines of the input as they are, persons' values included.
    #[arg(long)]
    show_values: bool,
    #[command(flatten)]
    looking: local::Looking,
    /// Allows real persons' identity codes.
    #[arg(long)]
    production: bool,
}

impl Build {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let file = input::read(&self.file)?;
        let look = self.looking.look()?;
        let checker = local::checker(&self.structures, self.production)?;
        let now = Timestamp::now();
        let judged = local::judge(&checker, &file.bytes, now);
        let report = Report {
            file: &file.name,
            kind: local::KIND,
            outcome: judged.outcome,
            findings: &judged.findings,
            bytes: &file.bytes,
            language: mask::Language::Json,
        };
        if !judged.findings.is_empty() {
            match self.format {
                Format::Json => eprintln!("{}", report.to_json()),
                Format::Text => {
                    eprint!("{}", report.to_text(Manner { spoken: self.language, show_values: self.show_values }));
                }
            }
        }
        let Some(checked) = judged.record else { return Ok(ExitCode::from(judged.outcome.exit())) };
        if checked.record().case == CaseReference::Find && self.case.is_none() {
            eprintln!("note: the case is still to be found; the document has none yet (see --case)");
        }
        let document = local::document(&checked, self.id.as_ref(), self.case.as_ref(), &look, now)?;
        print!("{}", document.unsigned_xml());
        Ok(ExitCode::SUCCESS)
    }
}
