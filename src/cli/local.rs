//! A local record on the command line: judged, and made a document that is never sent.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use asiasilta::domain::document::Document;
use asiasilta::domain::document::build::{Making, document_with};
use asiasilta::domain::document::display::{IdentityCodes, Logo, Look};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::finding::Finding;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::text::Text;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::{CheckedRecord, Checker};
use asiasilta::sidecar::assembly::{load_structures, software};
use clap::Args;
use jiff::Timestamp;

use super::report::{Outcome, place_in_json};

/// The id that a document has which is never sent.
const SHOWN_ID: &str = "1.2.246.10.99999999.95.0.0";

/// What such an input is called.
pub(super) const KIND: Text = Text::fixed("asiakastietue", "klientpost", "local record");

/// How the readable form looks.
#[derive(Args)]
pub(super) struct Looking {
    /// The organiser's logo in the readable form: PNG, or SVG without scripts and references.
    #[arg(long, value_name = "FILE")]
    logo: Option<PathBuf>,
    /// Shows identity codes whole in the readable form, instead of without their last five characters.
    #[arg(long)]
    whole_identity_codes: bool,
}

impl Looking {
    pub(super) fn look(&self) -> Result<Look, Box<dyn Error>> {
        let logo = |path: &PathBuf| -> Result<Logo, Box<dyn Error>> {
            let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            Logo::try_new(&bytes).map_err(|fault| format!("{}: {fault}", path.display()).into())
        };
        let identity_codes = if self.whole_identity_codes { IdentityCodes::Whole } else { IdentityCodes::Masked };
        Ok(Look { identity_codes, logo: self.logo.as_ref().map(logo).transpose()? })
    }
}

/// A judge by the structures of these folders, or the program's own reduced ones.
pub(super) fn checker(structures: &[PathBuf], production: bool) -> Result<Checker, Box<dyn Error>> {
    let environment = if production { Environment::Production } else { Environment::Test };
    Ok(Checker::new(load_structures(structures)?.into(), environment))
}

/// A record judged: what it is when it passed, and everything that was found, each with its line and column.
pub(super) struct Judged {
    pub(super) record: Option<CheckedRecord>,
    pub(super) findings: Vec<Finding>,
    pub(super) outcome: Outcome,
}

/// Judges a record.
pub(super) fn judge(checker: &Checker, bytes: &[u8], now: Timestamp) -> Judged {
    const UNREADABLE: [&str; 5] =
        ["json.too_large", "json.too_deep", "json.too_many_values", "json.not_utf8", "json.syntax"];
    let (record, mut findings) = match checker.record(bytes, now) {
        Ok(checked) => {
            let findings = checked.warnings().iter().chain(checked.unchecked()).cloned().collect();
            (Some(checked), findings)
        }
        Err(findings) => (None, findings),
    };
    place_in_json(&mut findings, bytes);
    let unreadable = findings.iter().any(|f| UNREADABLE.contains(&f.code.as_str()));
    let outcome = if unreadable { Outcome::Unreadable } else { Outcome::of(&findings) };
    Judged { record, findings, outcome }
}

/// The document of a checked record, under this id or a made-up one.
pub(super) fn document(
    checked: &CheckedRecord,
    id: Option<&Oid>,
    case: Option<&Oid>,
    look: &Look,
    now: Timestamp,
) -> Result<Document, Box<dyn Error>> {
    let id = match id {
        Some(id) => id.clone(),
        None => SHOWN_ID.parse()?,
    };
    let replaced = checked.record().replaces.as_ref();
    let ids = DocumentIds {
        set: replaced.map_or_else(|| id.clone(), |r| r.set.clone()),
        version: replaced.map_or(1, |r| r.version.saturating_add(1)),
        document: id,
    };
    let software = software();
    let making = Making { ids: &ids, created: Instant::in_finland(now), found_case: case, software: &software };
    Ok(document_with(checked, &making, look))
}
