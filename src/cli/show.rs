//! `asiasilta show`: a document or record as people read it, its content, or its display form.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use asiasilta::domain::document::display::plain_text;
use asiasilta::domain::document::read::{ReadError, read_placed};
use asiasilta::domain::json::Json;
use asiasilta::domain::text::Text;
use asiasilta::domain::xml::Misread;
use clap::Args;
use jiff::Timestamp;
use serde_json::Value;

use super::input::{self, File, Kind, Part, Unreadable};
use super::local;
use super::report::{Format, Manner, Outcome, Report, Spoken, mask};
use super::unreadable;

/// The command's arguments.
#[derive(Args)]
pub(super) struct Show {
    /// A local record (JSON), an archive document (XML) or a message with one; `-` reads standard input.
    file: PathBuf,
    /// `text` prints the readable form, `json` the content.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Prints the display form (XHTML) instead.
    #[arg(long, conflicts_with = "format")]
    html: bool,
    /// Folder of document structures, once or more, for records; the program's own reduced ones when left out.
    #[arg(long, value_name = "DIR")]
    structures: Vec<PathBuf>,
    /// Language of findings, when a record has any, and of why an input cannot be read.
    #[arg(long, value_enum, default_value = "en")]
    language: Spoken,
    #[command(flatten)]
    looking: local::Looking,
    /// Allows real persons' identity codes in records.
    #[arg(long)]
    production: bool,
}

/// What there is to show.
struct Shown {
    display: Option<String>,
    content: Option<Value>,
}

const FRAME_ALONE: Text = Text::fixed(
    "siirtokehys ilman asiakirjaansa",
    "en överföringsram utan sin handling",
    "a frame without its document",
);
const NO_CONTENT: Text = Text::fixed(
    "asiakirja, josta ei saada sisältöä",
    "en handling vars innehåll inte går att få fram",
    "a document without content that can be decoded",
);
const NO_DISPLAY: Text = Text::fixed(
    "asiakirja, josta ei saada näyttömuotoa",
    "en handling vars visningsform inte går att få fram",
    "a document without a display form that can be decoded",
);

impl Show {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let file = input::read(&self.file)?;
        let shown = match input::recognise(&file.bytes) {
            Ok(Kind::Record) => match self.record(&file)? {
                Ok(shown) => shown,
                Err(exit) => return Ok(exit),
            },
            Ok(Kind::Document(part) | Kind::Frame { document: Some(part), .. }) => match document(part) {
                Ok(shown) => shown,
                Err(unreadable) => return Ok(self.refuse(&unreadable, &file)),
            },
            Ok(Kind::Frame { document: None, .. }) => {
                return Ok(self.refuse(&Unreadable::Lacks(FRAME_ALONE), &file));
            }
            Err(unreadable) => return Ok(self.refuse(&unreadable, &file)),
        };
        let text = match (self.html, self.format, shown.display, shown.content) {
            (true, _, Some(display), _) => display + "\n",
            (false, Format::Text, Some(display), _) => plain_text(&display)?,
            (false, Format::Json, _, Some(content)) => serde_json::to_string_pretty(&content)? + "\n",
            (false, Format::Json, _, None) => return Ok(self.refuse(&Unreadable::Lacks(NO_CONTENT), &file)),
            (_, _, None, _) => return Ok(self.refuse(&Unreadable::Lacks(NO_DISPLAY), &file)),
        };
        print!("{text}");
        Ok(ExitCode::SUCCESS)
    }

    /// Says why an input cannot be read, to standard error.
    fn refuse(&self, unreadable: &Unreadable, file: &File) -> ExitCode {
        let findings = [unreadable.finding(&file.bytes, "show")];
        let (kind, outcome) = (unreadable::KIND, Outcome::Unreadable);
        let (name, bytes) = (&file.name, &file.bytes);
        let report =
            Report { file: name, kind, outcome, findings: &findings, bytes, language: mask::Language::Unknown };
        eprint!("{}", report.to_text(Manner { spoken: self.language, show_values: false }));
        ExitCode::from(outcome.exit())
    }

    /// A record as the document that it would become; its findings when it would become none.
    fn record(&self, file: &File) -> Result<Result<Shown, ExitCode>, Box<dyn Error>> {
        let now = Timestamp::now();
        let checker = local::checker(&self.structures, self.production)?;
        let judged = local::judge(&checker, &file.bytes, now);
        let Some(checked) = judged.record else {
            let report = Report {
                file: &file.name,
                kind: local::KIND,
                outcome: judged.outcome,
                findings: &judged.findings,
                bytes: &file.bytes,
                language: mask::Language::Json,
            };
            eprint!("{}", report.to_text(Manner { spoken: self.language, show_values: false }));
            return Ok(Err(ExitCode::from(judged.outcome.exit())));
        };
        let document = local::document(&checked, None, None, &self.looking.look()?, now)?;
        let content = serde_json::from_str(document.content_json())?;
        Ok(Ok(Shown { display: Some(document.display().to_owned()), content: Some(content) }))
    }
}

fn document(part: Part<'_>) -> Result<Shown, Unreadable> {
    let document = read_placed(part.bytes).map_err(|(error, at)| match error {
        ReadError::Xml(error) => Unreadable::Xml(Misread { error, at: at.saturating_add(part.from) }),
        ReadError::NotClinicalDocument => Unreadable::Other(input::NOT_CLINICAL),
    })?;
    Ok(Shown { display: document.display, content: document.json.map(Json::into_value) })
}
