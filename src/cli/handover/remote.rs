//! `asiasilta handover list | export | receipt | return`: what a running sidecar has handed over another way.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use asiasilta::sidecar::operator::{ByReason, OperatorClient};
use asiasilta::sidecar::store::SubmissionId;
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::outbox::{Format, print_one, text, token};

const PAGE: u32 = 500;

/// Which sidecar, and by whose token.
#[derive(Args)]
pub(crate) struct Remote {
    /// Where the sidecar listens.
    #[arg(long, default_value = "http://127.0.0.1:8640")]
    sidecar: String,
    /// A file with a bearer token that has the operation `operate`.
    #[arg(long, default_value = "operator.token")]
    token_file: PathBuf,
    /// As a table, or the API's JSON.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// What is asked of it.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists what was handed over: since when, its receipt, the document.
    List {
        #[command(flatten)]
        remote: Remote,
        /// Only what waits for its receipt.
        #[arg(long)]
        waiting: bool,
    },
    /// Writes the encrypted package of a submission into a folder, to be delivered by the agreed channel.
    Export {
        #[command(flatten)]
        remote: Remote,
        /// The submission.
        id: SubmissionId,
        /// The folder; the file is named by the submission's id, and an existing one is not overwritten.
        folder: PathBuf,
    },
    /// Enters the organiser's confirmation.
    Receipt {
        #[command(flatten)]
        remote: Remote,
        /// The submission.
        id: SubmissionId,
        /// Who enters it: a role or a name, no identity code.
        #[arg(long)]
        by: String,
        /// The organiser's reference.
        #[arg(long)]
        reference: String,
    },
    /// Takes what was handed over back, to be archived: possible once nothing keeps the parties from the archive.
    Return {
        #[command(flatten)]
        remote: Remote,
        /// Submissions; without any, all that can be taken back.
        ids: Vec<SubmissionId>,
        /// Who decides: a role or a name, no identity code.
        #[arg(long)]
        by: String,
        /// Why, in words, no client's data.
        #[arg(long)]
        reason: String,
    },
}

impl Command {
    pub(super) fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        let runtime = crate::cli::runtime()?;
        match self {
            Self::List { remote, waiting } => {
                let items = runtime.block_on(all(&remote.client()?))?;
                items.iter().filter(|item| !waiting || awaits(item)).for_each(|item| remote.tell(item));
            }
            Self::Export { remote, id, folder } => {
                let client = remote.client()?;
                let shown = runtime.block_on(client.show(id.as_str()))?;
                export(id, folder, &runtime.block_on(client.package(id.as_str()))?)?;
                if let Some(by) = shown.get("invalidated_by").and_then(Value::as_str) {
                    eprintln!("{id} is to count no longer (invalidation {by}): tell the organiser so with it");
                }
            }
            Self::Receipt { remote, id, by, reference } => {
                let moved = runtime.block_on(remote.client()?.enter_receipt(id.as_str(), by, reference))?;
                print_one(&moved, remote.format)?;
            }
            Self::Return { remote, ids, by, reason } => {
                return runtime.block_on(take_back(remote, ids, &ByReason { by, reason }));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Remote {
    fn client(&self) -> Result<OperatorClient, Box<dyn Error>> {
        Ok(OperatorClient::try_new(&self.sidecar, &token(&self.token_file)?)?)
    }

    fn tell(&self, item: &Value) {
        if self.format == Format::Json {
            println!("{item}");
            return;
        }
        let receipt = if awaits(item) { "waits for its receipt" } else { text(item, "/receipt/reference") };
        let gone = if item.get("invalidated_by").is_some() { "  to be invalidated" } else { "" };
        let since = text(item, "/handed_over_at").split('.').next().unwrap_or_default();
        println!("{:36}  {since:20}  {:50}  {receipt}{gone}", text(item, "/id"), text(item, "/document_id"));
    }
}

fn awaits(item: &Value) -> bool {
    item.get("receipt").is_none()
}

async fn all(client: &OperatorClient) -> Result<Vec<Value>, Box<dyn Error>> {
    let (mut items, mut after) = (Vec::new(), 0);
    loop {
        let page = client.handovers(after, PAGE).await?;
        items.extend(page.get("items").and_then(Value::as_array).into_iter().flatten().cloned());
        if page.get("more") != Some(&Value::Bool(true)) {
            return Ok(items);
        }
        after = page.get("next_after").and_then(Value::as_u64).unwrap_or(u64::MAX);
    }
}

fn export(id: &SubmissionId, folder: &Path, package: &[u8]) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{id}.tar.age"));
    super::write_new(&path, package)?;
    println!("{}", path.display());
    Ok(())
}

/// Each on its own: what cannot be taken back is told and stops no other. Exit status 1 when there was such a one.
async fn take_back(remote: &Remote, ids: &[SubmissionId], words: &ByReason<'_>) -> Result<ExitCode, Box<dyn Error>> {
    let client = remote.client()?;
    let wanted: Vec<String> = match ids {
        [] => all(&client).await?.iter().map(|item| text(item, "/id").to_owned()).collect(),
        ids => ids.iter().map(ToString::to_string).collect(),
    };
    let mut refused = false;
    for id in wanted {
        match client.take_back(&id, words).await {
            Ok(moved) => print_one(&moved, remote.format)?,
            Err(error) => {
                eprintln!("{id}: {error}");
                refused = true;
            }
        }
    }
    Ok(if refused { ExitCode::from(1) } else { ExitCode::SUCCESS })
}
