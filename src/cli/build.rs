//! `asiasilta build`: what a record would become, without archive, keys or store.

use std::error::Error;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::finding::{Finding, Severity};
use asiasilta::domain::oid::Oid;
use asiasilta::domain::record::CaseReference;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::{BYTES_MAX, Checker};
use asiasilta::sidecar::assembly::{load_structures, software};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

/// The id that a document has which is never sent.
const SHOWN_ID: &str = "1.2.246.10.99999999.95.0.0";

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
    /// Folder of document structures; the program's own reduced ones when left out.
    #[arg(long)]
    structures: Option<PathBuf>,
    /// Language of the findings.
    #[arg(long, value_enum, default_value = "en")]
    language: Language,
    /// Allows real persons' identity codes.
    #[arg(long)]
    production: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Language {
    Fi,
    Sv,
    En,
}

impl Build {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let bytes = read(&self.file)?;
        let environment = if self.production { Environment::Production } else { Environment::Test };
        let structures = load_structures(self.structures.as_deref())?;
        let checker = Checker::new(structures.into(), environment);
        let now = Timestamp::now();
        let checked = match checker.record(&bytes, now) {
            Ok(checked) => checked,
            Err(findings) => {
                self.print(&findings);
                return Ok(ExitCode::FAILURE);
            }
        };
        self.print(checked.warnings());
        self.print(checked.unchecked());
        if checked.record().case == CaseReference::Find && self.case.is_none() {
            eprintln!("note: the case is still to be found; the document has none yet (see --case)");
        }
        let id = match &self.id {
            Some(id) => id.clone(),
            None => SHOWN_ID.parse()?,
        };
        let replaced = checked.record().replaces.as_ref();
        let ids = DocumentIds {
            set: replaced.map_or_else(|| id.clone(), |r| r.set.clone()),
            version: replaced.map_or(1, |r| r.version.saturating_add(1)),
            document: id,
        };
        let making = Making {
            ids: &ids,
            created: Instant::in_finland(now),
            found_case: self.case.as_ref(),
            software: &software(),
        };
        print!("{}", document_of(&checked, &making).unsigned_xml());
        Ok(ExitCode::SUCCESS)
    }

    fn print(&self, findings: &[Finding]) {
        for finding in findings {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::NotChecked => "not checked",
            };
            let message = match self.language {
                Language::Fi => &finding.message.fi,
                Language::Sv => &finding.message.sv,
                Language::En => &finding.message.en,
            };
            eprintln!("{severity}[{}]: {message}\n  rule: {}", finding.code, rule(finding));
        }
    }
}

fn rule(finding: &Finding) -> String {
    let rule = &finding.rule;
    if rule.clause.is_empty() { rule.source.clone() } else { format!("{}, {}", rule.source, rule.clause) }
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte over the limit is enough for the checker to say that there is too much.
    let limit = u64::try_from(BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    if file == Path::new("-") {
        std::io::stdin().take(limit).read_to_end(&mut bytes)?;
    } else {
        std::fs::File::open(file)?.take(limit).read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}
