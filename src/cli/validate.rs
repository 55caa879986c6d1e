//! `asiasilta validate`: what is wrong with records, documents, frames and messages, without archive, keys or store.
//!
//! Signatures are checked for integrity with the certificate that they carry; whether that certificate is to be trusted only
//! with `--trust`. What was not checked is said.

mod document;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use asiasilta::archive::keys::certificates_from_pem;
use asiasilta::domain::finding::Finding;
use asiasilta::domain::text::Text;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::xml::Element;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::input::{self, File, Kind, Part, Unreadable};
use super::local;
use super::report::{Format, Manner, Outcome, Report, Spoken, mask};
use super::unreadable;

/// The command's arguments.
#[derive(Args)]
pub(super) struct Validate {
    /// Local records (JSON), archive documents (XML), frames and messages (XML, multipart); `-` reads standard input.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The document that belongs to a frame.
    #[arg(long)]
    document: Option<PathBuf>,
    /// Folder of document structures, once or more. Without it, records are judged by the program's own reduced ones, and the content of
    /// documents is not judged.
    #[arg(long, value_name = "DIR")]
    structures: Vec<PathBuf>,
    /// Certificates (PEM) of authorities that signers' certificates must descend from.
    #[arg(long)]
    trust: Option<PathBuf>,
    /// How findings are told, on standard output.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Language of the findings.
    #[arg(long, value_enum, default_value = "en")]
    language: Spoken,
    /// Quotes lines of the input as they are, persons' values included.
    #[arg(long)]
    show_values: bool,
    /// Allows real persons' identity codes in records.
    #[arg(long)]
    production: bool,
}

/// What inputs are judged by.
struct Judge {
    checker: Checker,
    /// Whether the structures are the operator's own: the program's reduced ones say too little of other systems' content.
    whole_structures: bool,
    authorities: Option<Vec<Vec<u8>>>,
    now: Timestamp,
}

/// An input judged.
struct Judged {
    kind: Text,
    outcome: Outcome,
    findings: Vec<Finding>,
    language: mask::Language,
}

impl Validate {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let authorities = match &self.trust {
            Some(path) => Some(certificates_from_pem(&input::read(path)?.bytes)?),
            None => None,
        };
        let judge = Judge {
            checker: local::checker(&self.structures, self.production)?,
            whole_structures: !self.structures.is_empty(),
            authorities,
            now: Timestamp::now(),
        };
        let pair = self.document.as_deref().map(input::read).transpose()?;
        let mut worst = Outcome::Valid;
        let mut reports = Vec::new();
        for path in &self.files {
            let file = input::read(path)?;
            let (judged, of_pair) = judge.file(&file, pair.as_ref());
            let of_pair = pair.as_ref().zip(of_pair);
            for (file, judged) in std::iter::once((&file, judged)).chain(of_pair) {
                worst = worst.max(judged.outcome);
                let report = Report {
                    file: &file.name,
                    kind: judged.kind,
                    outcome: judged.outcome,
                    findings: &judged.findings,
                    bytes: &file.bytes,
                    language: judged.language,
                };
                match self.format {
                    Format::Json => reports.push(report.to_json()),
                    Format::Text => {
                        print!("{}", report.to_text(Manner { spoken: self.language, show_values: self.show_values }));
                    }
                }
            }
        }
        if self.format == Format::Json {
            println!("{}", json!({ "inputs": reports }));
        }
        Ok(ExitCode::from(worst.exit()))
    }
}

impl Judge {
    /// What comes of a file, and of the document that was given with it when it is a frame.
    fn file(&self, file: &File, pair: Option<&File>) -> (Judged, Option<Judged>) {
        match input::recognise(&file.bytes) {
            Ok(Kind::Record) => (self.record(&file.bytes), None),
            Ok(Kind::Document(part)) => {
                let found = self.document(&file.bytes, part, None);
                (found.map_or_else(|u| refused(&u, &file.bytes), |found| readable(DOCUMENT, found)), None)
            }
            Ok(Kind::Frame { message, part, document }) => self.pair(file, &message, part, document, pair),
            Err(unreadable) => (refused(&unreadable, &file.bytes), None),
        }
    }

    fn record(&self, bytes: &[u8]) -> Judged {
        let judged = local::judge(&self.checker, bytes, self.now);
        let unreadable = judged.outcome == Outcome::Unreadable;
        let language = if unreadable { mask::Language::Unknown } else { mask::Language::Json };
        Judged { kind: local::KIND, outcome: judged.outcome, findings: judged.findings, language }
    }

    fn pair(
        &self,
        file: &File,
        message: &Element,
        part: Part<'_>,
        inside: Option<Part<'_>>,
        pair: Option<&File>,
    ) -> (Judged, Option<Judged>) {
        match (inside, pair) {
            (Some(document), _) => match self.frame(&file.bytes, message, part, (&file.bytes, document)) {
                Ok((of_frame, rest)) => (readable(FRAME, of_frame.into_iter().chain(rest).collect()), None),
                Err(unreadable) => (refused(&unreadable, &file.bytes), None),
            },
            (None, Some(pair)) => {
                let document = Part { bytes: &pair.bytes, from: 0 };
                match self.frame(&file.bytes, message, part, (&pair.bytes, document)) {
                    Ok((of_frame, rest)) => (readable(FRAME, of_frame), Some(readable(DOCUMENT, rest))),
                    Err(unreadable) => {
                        let alone = readable(FRAME, vec![document::frame_alone()]);
                        (alone, Some(refused(&unreadable, &pair.bytes)))
                    }
                }
            }
            (None, None) => (readable(FRAME, vec![document::frame_alone()]), None),
        }
    }
}

const DOCUMENT: Text = Text::fixed("arkiston asiakirja", "arkivhandling", "archive document");
const FRAME: Text = Text::fixed("siirtokehys", "överföringsram", "transfer frame");

fn readable(kind: Text, findings: Vec<Finding>) -> Judged {
    Judged { kind, outcome: Outcome::of(&findings), findings, language: mask::Language::Xml }
}

fn refused(unreadable: &Unreadable, bytes: &[u8]) -> Judged {
    let findings = vec![unreadable.finding(bytes, "validate")];
    Judged { kind: unreadable::KIND, outcome: Outcome::Unreadable, findings, language: mask::Language::Unknown }
}
