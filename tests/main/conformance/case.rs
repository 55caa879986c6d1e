//! A case as it stands in its `case.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Value;

/// One case.
pub(super) struct Case {
    /// The folder's name: what it shows.
    pub(super) name: String,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// What its `case.toml` says.
    pub(super) script: Script,
}

/// `case.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Script {
    /// What it shows, in a sentence.
    pub(super) shows: String,
    /// Who plays it.
    #[serde(default)]
    pub(super) through: Through,
    /// The archive.
    #[serde(default)]
    pub(super) archive: ArchiveSetting,
    /// What differs from the built-in wire profile.
    #[serde(default)]
    pub(super) profile: toml::Table,
    /// What the organiser has stored before: `relationship`, `case`, `decision` of `examples/organiser`.
    #[serde(default = "usual_stage")]
    pub(super) stage: Vec<String>,
    /// What differs in these records, by JSON pointer.
    #[serde(default)]
    pub(super) stage_set: BTreeMap<String, BTreeMap<String, Value>>,
    /// What happens, in order.
    pub(super) step: Vec<Step>,
}

/// What stands between a case and the archive.
#[derive(Default, Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Through {
    /// The library's client.
    #[default]
    Client,
    /// The sidecar, asked over HTTP.
    Sidecar,
}

fn usual_stage() -> Vec<String> {
    vec!["relationship".into(), "case".into()]
}

/// How the archive is set up.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ArchiveSetting {
    /// Fetched documents stand in the answer itself.
    #[serde(default)]
    pub(super) inline: bool,
    /// Standing of organisations after the stage is set: OID to `not-joined`, `1`, `1+access` or `2`.
    #[serde(default)]
    pub(super) standing: BTreeMap<String, String>,
    /// A table of roles, a file of the case's folder.
    pub(super) roles: Option<String>,
}

/// One use of the archive.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// By this name later steps mean its document.
    pub(super) name: Option<String>,
    /// Who: `producer` (default), `organiser`, `other` (a producer that nobody has named).
    #[serde(default = "producer")]
    pub(super) by: String,
    /// What.
    #[serde(rename = "do")]
    pub(super) what: Use,
    /// The idempotency key, where it is another step's.
    pub(super) key: Option<String>,
    /// The record that is archived; a file of the case's folder or below `examples`.
    pub(super) record: Option<String>,
    /// What differs in it, by JSON pointer.
    #[serde(default)]
    pub(super) set: BTreeMap<String, Value>,
    /// The step whose document it replaces.
    pub(super) replaces: Option<String>,
    /// The version number, where it is not the next one.
    pub(super) version: Option<u32>,
    /// The step whose document is meant.
    pub(super) of: Option<String>,
    /// Why it is invalidated.
    pub(super) reason: Option<String>,
    /// How much of it.
    pub(super) extent: Option<asiasilta::domain::document::invalidation::Extent>,
    /// Texts of the message that are replaced before it leaves, each time they occur.
    #[serde(default)]
    pub(super) change: Vec<(String, String)>,
    /// Media type of the message before it leaves, in place of its own.
    pub(super) content_type: Option<String>,
    /// What the line or the archive's front does to it.
    pub(super) fault: Option<String>,
    /// What a search is narrowed by.
    #[serde(default)]
    pub(super) search: Narrowed,
    /// The role of the acting worker.
    pub(super) role: Option<String>,
    /// What it comes to.
    pub(super) expect: String,
    /// The archive's code, or the doubt's.
    pub(super) code: Option<String>,
    /// Who must act.
    pub(super) actor: Option<String>,
    /// How many are found.
    pub(super) count: Option<usize>,
    /// Status of the one that is found.
    pub(super) status: Option<String>,
}

fn producer() -> String {
    "producer".into()
}

/// The uses.
#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum Use {
    /// Archive a record.
    Archive,
    /// Send a message once more, byte for byte.
    SendAgain,
    /// Invalidate a document.
    Invalidate,
    /// Ask whether a document is there.
    Question,
    /// Read the relationship document.
    Relationship,
    /// Look up the case documents.
    Cases,
    /// Search for documents.
    Search,
    /// Fetch a document.
    Document,
    /// Fetch the summary.
    Summary,
}

/// What a search is narrowed by.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Narrowed {
    pub(super) group: Option<String>,
    #[serde(default)]
    pub(super) types: Vec<String>,
    pub(super) service_task: Option<String>,
    pub(super) service_process: Option<String>,
    pub(super) case: Option<String>,
    pub(super) from: Option<String>,
    pub(super) until: Option<String>,
    pub(super) stored_after: Option<String>,
    pub(super) page_size: Option<u32>,
}

impl Case {
    pub(super) fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(folder.join("case.toml")).unwrap();
        let script: Script = toml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(!script.shows.is_empty() && !script.step.is_empty(), "{name}");
        Self { name, folder: folder.to_owned(), script }
    }

    /// Whether something in it is refused, left open or not found.
    pub(super) fn is_negative(&self) -> bool {
        self.script.step.iter().any(|step| !matches!(step.expect.as_str(), "archived" | "found"))
    }
}
