//! `asiasilta access explain`: the verdict on a record or a question, offline from relationship documents in files, or by a
//! sidecar that runs.

mod sidecar;

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use asiasilta::domain::access::{
    AccessProfile, CaseStanding, Evidence, Explanation, Parties, Question, Validity, explain, newest,
};
use asiasilta::domain::document::header::DocumentIds;
use asiasilta::domain::document::read;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::person::PersonId;
use asiasilta::domain::record::LocalRecord;
use asiasilta::domain::relationship::Relationship;
use asiasilta::domain::text::Text;
use asiasilta::sidecar::config::Config;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::input;
use super::report::{Format, Spoken};

/// The subcommands.
#[derive(Subcommand)]
pub(super) enum Access {
    /// Says whether it is permitted, every reason against it with its source, what would make it pass and from which day. Exit
    /// status 0 permitted, 1 denied, 2 unreadable.
    Explain(Explain),
}

/// The command's arguments.
#[derive(Args)]
pub(super) struct Explain {
    /// A local record, or a question as `POST /v1/access/check` takes it (JSON); `-` reads standard input.
    question: PathBuf,
    /// Relationship documents of the clients: archive documents (XML) or local records (JSON). Of several versions the newest
    /// counts. Without any, the verdict is that of a client without one.
    #[arg(long)]
    relationship: Vec<PathBuf>,
    /// Versions of relationship documents that have been invalidated.
    #[arg(long)]
    invalidated: Vec<PathBuf>,
    /// A sidecar's configuration: how organisers and producers stand, and its access profile. Its keys are not opened.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The producer; needed with `--config` when it serves several and no token names the unit.
    #[arg(long, requires = "config")]
    organisation: Option<Oid>,
    /// How the case that is named stands.
    #[arg(long, value_enum, default_value = "not-asked")]
    case: CaseAnswer,
    /// The moment of the decision, RFC 3339; now when left out.
    #[arg(long)]
    at: Option<Timestamp>,
    /// Asks the sidecar at this address (`http://127.0.0.1:8640`) instead: it reads the archive.
    #[arg(long, requires = "token_file", conflicts_with_all = ["relationship", "invalidated", "config", "at", "case"])]
    sidecar: Option<String>,
    /// File with the bearer token for the sidecar.
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// How it is told.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// In which language.
    #[arg(long, value_enum, default_value = "en")]
    language: Spoken,
}

/// What is known of the case.
#[derive(Clone, Copy, ValueEnum)]
enum CaseAnswer {
    /// Nobody has looked.
    NotAsked,
    /// The organiser's register has it.
    Known,
    /// It does not.
    Unknown,
}

impl Access {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let Self::Explain(explain) = self;
        explain.run()
    }
}

impl Explain {
    fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let file = input::read(&self.question)?;
        let told = match (&self.sidecar, &self.token_file) {
            (Some(address), Some(token)) => sidecar::ask(address, token, file.bytes)?,
            _ => serde_json::to_value(self.offline(&file.bytes)?)?,
        };
        match self.format {
            Format::Json => println!("{told}"),
            Format::Text => print!("{}", text(&told, self.language)),
        }
        Ok(ExitCode::from(u8::from(told.get("permitted") != Some(&Value::Bool(true)))))
    }

    fn offline(&self, bytes: &[u8]) -> Result<Explanation, Box<dyn Error>> {
        let question = question(bytes)?;
        let now = self.at.unwrap_or_else(Timestamp::now);
        let persons = question.persons();
        let first = persons.first().ok_or("the question names no client")?;
        let (profile, parties) = self.decider(&question)?;
        let mut versions = Vec::new();
        for (paths, validity) in [(&self.relationship, Validity::Valid), (&self.invalidated, Validity::Invalidated)] {
            for path in paths {
                let version = Version::read(&input::read(path)?.bytes, now)
                    .ok_or_else(|| format!("{}: not a readable relationship document", path.display()))?;
                versions.push((version, validity));
            }
        }
        let of_client = |person: &PersonId| {
            let own = versions.iter().filter(|(version, _)| version.clients.contains(person));
            newest(own.map(|(version, validity)| (version.evidence.clone(), *validity)))
        };
        let evidence: Vec<Option<Evidence>> = persons.iter().map(of_client).collect();
        let clients: Vec<_> = persons.iter().zip(evidence.iter().map(Option::as_ref)).collect();
        let case = match self.case {
            CaseAnswer::NotAsked => CaseStanding::NotAsked,
            CaseAnswer::Known => CaseStanding::Known,
            CaseAnswer::Unknown => CaseStanding::Unknown,
        };
        Ok(explain(&question.request(first, case), &clients, &parties, &profile, now))
    }

    fn decider(&self, question: &Question) -> Result<(AccessProfile, Parties), Box<dyn Error>> {
        let Some(path) = &self.config else { return Ok((AccessProfile::default_profile()?, Parties::default())) };
        let config = Config::read(path)?;
        let profile = match &config.access.profile {
            None => AccessProfile::default_profile()?,
            Some(path) => AccessProfile::default_with(&String::from_utf8(input::read(path)?.bytes)?)?,
        };
        let of_unit = || config.tokens.iter().find(|token| token.units.contains(&question.unit.oid));
        let only = || if let [served] = config.organisations.as_slice() { Some(&served.oid) } else { None };
        let producer = self.organisation.as_ref().or_else(|| of_unit().map(|token| &token.organisation)).or_else(only);
        let producer = producer.ok_or("which producer? say it with --organisation")?;
        Ok((profile, config.party_book().parties(&question.organiser.oid, producer)))
    }
}

/// A record that says what it is, or a bare question. The parser's own words may repeat a person's data: places alone are told.
fn question(bytes: &[u8]) -> Result<Question, Box<dyn Error>> {
    let at = |error: serde_json::Error| {
        format!("neither a local record nor a question: line {}, column {}", error.line(), error.column())
    };
    let value: Map<String, Value> = serde_json::from_slice(bytes).map_err(at)?;
    if value.contains_key("structure") {
        return Ok(Question::of_record(&serde_json::from_slice::<LocalRecord>(bytes).map_err(at)?));
    }
    Ok(serde_json::from_slice(bytes).map_err(at)?)
}

/// A version of a relationship document, and whose it is.
struct Version {
    clients: Vec<PersonId>,
    evidence: Evidence,
}

impl Version {
    fn read(bytes: &[u8], now: Timestamp) -> Option<Self> {
        if bytes.trim_ascii_start().first() == Some(&b'{') {
            Self::of_record(bytes, now)
        } else {
            Self::of_document(bytes, now)
        }
    }

    fn of_record(bytes: &[u8], now: Timestamp) -> Option<Self> {
        let record: LocalRecord = serde_json::from_slice(bytes).ok()?;
        let (set, version) = match &record.replaces {
            Some(replaces) => (replaces.set.clone(), replaces.version.saturating_add(1)),
            None => (record.structure.clone(), 1),
        };
        Some(Self {
            clients: record.clients.iter().filter_map(|client| client.id()).collect(),
            evidence: Evidence {
                // Not sent yet: the document has no id of its own.
                document: DocumentIds { document: record.structure.clone(), set, version },
                organiser: record.organiser.oid.clone(),
                relationship: Relationship::from_content(&record.content),
                fetched_at: now,
            },
        })
    }

    fn of_document(bytes: &[u8], now: Timestamp) -> Option<Self> {
        let document = read::read(bytes).ok()?;
        let header = &document.header;
        let ids =
            DocumentIds { document: header.document.clone()?, set: header.set.clone()?, version: header.version? };
        Some(Self {
            clients: header.clients.iter().flat_map(|client| client.ids.clone()).collect(),
            evidence: Evidence {
                document: ids,
                organiser: header.custodian.as_ref()?.oid.clone(),
                relationship: Relationship::from_content(document.content()?.as_object()?),
                fetched_at: now,
            },
        })
    }
}

/// The explanation for people, from the JSON that the library and the sidecar give alike.
fn text(told: &Value, language: Spoken) -> String {
    let say = |text: &Text| language.of(text).to_owned();
    let spoken =
        |value: &Value| serde_json::from_value::<Text>(value.clone()).map(|text| say(&text)).unwrap_or_default();
    let plain = |value: &Value, field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |field: &str| told.get(field).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut out = String::new();
    let mut line = |text: String| writeln!(out, "{text}").unwrap_or_default();
    let own = told.get("ground").and_then(Value::as_str) == Some("own_register");
    match told.get("permitted") {
        Some(Value::Bool(true)) if own => line(say(&OWN)),
        Some(Value::Bool(true)) => line(say(&PERMITTED)),
        _ => line(say(&DENIED)),
    }
    if let Some(end) = told.get("ends_on").and_then(Value::as_str) {
        line(format!("  {}: {end}", say(&LAST_DAY)));
    }
    for remark in told.pointer("/permit/remarks").and_then(Value::as_array).into_iter().flatten() {
        line(format!("  {}: {}", say(&REMARK), remark.as_str().unwrap_or_default()));
    }
    for reason in list("reasons") {
        let client = reason.get("client").and_then(Value::as_u64).map(|n| format!("{} {n}: ", say(&CLIENT)));
        let message = reason.get("message").map(spoken).unwrap_or_default();
        line(format!("- {}: {}{message}", plain(&reason, "code"), client.unwrap_or_default()));
        line(format!("    {}: {}", say(&TO_PASS), reason.get("remedy").map(spoken).unwrap_or_default()));
        let source = reason.get("source").cloned().unwrap_or_default();
        let (words, certainty) = (plain(&source, "words"), plain(&source, "certainty"));
        line(format!("    {}: {}, {} ({certainty})", say(&SOURCE), plain(&source, "source"), plain(&source, "clause")));
        if !words.is_empty() {
            line(format!("      \"{words}\""));
        }
    }
    if let Some(day) = told.get("passes_on").and_then(Value::as_str) {
        line(format!("{} {day}", say(&FROM_DAY)));
    }
    for assumed in list("assumed") {
        let message = assumed.get("message").map(spoken).unwrap_or_default();
        line(format!("  {} ({}): {message}", say(&ASSUMED), plain(&assumed, "certainty")));
    }
    out
}

const PERMITTED: Text = Text::fixed("sallittu", "tillåtet", "permitted");
const OWN: Text = Text::fixed("sallittu: oma rekisteri", "tillåtet: eget register", "permitted: own register");
const DENIED: Text = Text::fixed("ei sallittu", "inte tillåtet", "denied");
const LAST_DAY: Text = Text::fixed("oikeuden viimeinen päivä", "rättens sista dag", "last day of the right");
const REMARK: Text = Text::fixed("huomautus", "anmärkning", "remark");
const CLIENT: Text = Text::fixed("asiakas", "klient", "client");
const TO_PASS: Text = Text::fixed("jotta menisi läpi", "för att gå igenom", "to pass");
const SOURCE: Text = Text::fixed("lähde", "källa", "source");
const FROM_DAY: Text =
    Text::fixed("menee läpi itsestään alkaen", "går igenom av sig själv från", "passes by itself from");
const ASSUMED: Text = Text::fixed("oletettu", "antaget", "assumed");
