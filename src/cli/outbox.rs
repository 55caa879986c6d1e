//! `asiasilta outbox`: what a running sidecar has under way, and what a person decides about it.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use asiasilta::domain::oid::Oid;
use asiasilta::sidecar::operator::{ByReason, Decision, OperatorClient};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::Value;

const PAGE: u32 = 500;
const TOKEN_BYTES_MAX: u64 = 4096;

#[derive(Args)]
pub(super) struct Outbox {
    /// Where the sidecar listens.
    #[arg(long, global = true, default_value = "http://127.0.0.1:8640")]
    sidecar: String,
    /// A file with a bearer token that has the operation `operate`.
    #[arg(long, global = true, default_value = "operator.token")]
    token_file: PathBuf,
    /// As a table, or the API's JSON.
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Lists what is open.
    List {
        /// Only what is in this state: `parked`, `held`, `rejected`.
        #[arg(long)]
        state: Option<String>,
    },
    /// Shows one submission, its way, why it waits and what to do.
    Show {
        /// Its id.
        id: String,
    },
    /// Lets a held or parked submission go on.
    Release {
        #[command(flatten)]
        act: Act,
        /// In the place of the document that it replaces, which never arrived: as the next version of the last one that did, or
        /// as an original.
        #[arg(long)]
        in_place_of_predecessor: bool,
    },
    /// Hands over another way what the archive is no option for: see `asiasilta handover`.
    Handover {
        #[command(flatten)]
        act: Act,
        /// The organiser's case, for a record whose case was to be found.
        #[arg(long)]
        case: Option<Oid>,
    },
    /// Gives a submission up for good.
    Abandon {
        #[command(flatten)]
        act: Act,
    },
}

#[derive(Args)]
struct Act {
    /// The submission's id.
    id: String,
    /// Who decides: a role or a name, no identity code. It goes into the use log.
    #[arg(long)]
    by: String,
    /// Why, in words, no client's data.
    #[arg(long)]
    reason: String,
}

impl Outbox {
    pub(super) fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let client = OperatorClient::try_new(&self.sidecar, &token(&self.token_file)?)?;
        super::runtime()?.block_on(async {
            match self.command {
                Command::List { state } => list(&client, state.as_deref(), self.format).await,
                Command::Show { id } => print_one(&client.show(&id).await?, self.format),
                Command::Release { act, in_place_of_predecessor } => {
                    let decision = match in_place_of_predecessor {
                        true => Decision::ReleaseInPlaceOfPredecessor,
                        false => Decision::Release,
                    };
                    print_one(&client.decide(&act.id, decision, &act.by, &act.reason).await?, self.format)
                }
                Command::Handover { act, case } => {
                    let words = ByReason { by: &act.by, reason: &act.reason };
                    print_one(&client.hand_over(&act.id, &words, case.as_ref()).await?, self.format)
                }
                Command::Abandon { act } => {
                    let moved = client.decide(&act.id, Decision::Abandon, &act.by, &act.reason).await?;
                    print_one(&moved, self.format)
                }
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

pub(super) fn token(path: &Path) -> Result<String, Box<dyn Error>> {
    use std::io::Read;
    let named = |error: std::io::Error| format!("--token-file {}: {error}", path.display());
    let mut text = String::new();
    std::fs::File::open(path).map_err(named)?.take(TOKEN_BYTES_MAX).read_to_string(&mut text).map_err(named)?;
    Ok(text.trim().to_owned())
}

async fn list(client: &OperatorClient, state: Option<&str>, format: Format) -> Result<(), Box<dyn Error>> {
    let (mut after, mut first) = (0, true);
    loop {
        let page = client.list(state, after, PAGE).await?;
        for item in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            match format {
                Format::Json => println!("{item}"),
                Format::Text => {
                    if std::mem::take(&mut first) {
                        println!("{}", row(["id", "state", "updated", "tries", "document", "why"]));
                    }
                    println!("{}", line(item));
                }
            }
        }
        if page.get("more") != Some(&Value::Bool(true)) {
            return Ok(());
        }
        after = page.get("next_after").and_then(Value::as_u64).unwrap_or(u64::MAX);
    }
}

pub(super) fn text<'a>(item: &'a Value, at: &str) -> &'a str {
    item.pointer(at).and_then(Value::as_str).unwrap_or("")
}

fn line(item: &Value) -> String {
    let updated = text(item, "/updated_at").split('.').next().unwrap_or_default();
    let tries = item.get("attempts").map(Value::to_string).unwrap_or_default();
    let document = match text(item, "/target/document_id") {
        "" => text(item, "/document_id").to_owned(),
        target => format!("invalidates {target}"),
    };
    let cells = [text(item, "/id"), text(item, "/state"), updated, &tries, &document, text(item, "/why/code")];
    row(cells)
}

fn row([id, state, updated, tries, document, why]: [&str; 6]) -> String {
    format!("{id:36}  {state:18}  {updated:20}  {tries:>5}  {document:50}  {why}").trim_end().to_owned()
}

pub(super) fn print_one(item: &Value, format: Format) -> Result<(), Box<dyn Error>> {
    if format == Format::Json {
        println!("{}", serde_json::to_string_pretty(item)?);
        return Ok(());
    }
    for (name, at) in [
        ("id", "/id"),
        ("state", "/state"),
        ("document", "/document_id"),
        ("invalidates", "/target/document_id"),
        ("extent", "/target/extent"),
        ("chain", "/set_id"),
        ("unit", "/unit"),
        ("accepted", "/accepted_at"),
        ("next try", "/next_attempt_at"),
        ("waits for", "/waits_for"),
        ("why", "/why/message/en"),
        ("code", "/why/code"),
        ("handed", "/handed_over_at"),
        ("receipt", "/receipt/reference"),
        ("gone by", "/invalidated_by"),
        ("next", "/next_action/en"),
    ] {
        let found = text(item, at);
        if !found.is_empty() {
            println!("{name:10} {found}");
        }
    }
    for entry in item.get("timeline").and_then(Value::as_array).into_iter().flatten() {
        println!("{:10} {} → {}", text(entry, "/at"), text(entry, "/event"), text(entry, "/state"));
    }
    Ok(())
}
