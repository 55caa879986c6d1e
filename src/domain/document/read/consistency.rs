//! Whether the parts of a document that was read say the same: header, body, content, display form, signatures, and beside it
//! frame, structure and signers. Signatures cover the body alone, so a header that was changed afterwards shows only here.
//!
//! One rule is one function, silent while a part that it needs is not there. What real documents get wrong is a warning; what
//! makes a document another one (id, client, relationship) is an error. `docs/consistency-rules.md` lists [`RULES`].

mod body;
mod content;
mod frame;
mod header;
mod signer;

use super::ReadFrame;
use super::header::ReadHeader;
use crate::domain::finding::{Finding, Rule, Severity};
use crate::domain::json::{Json, JsonNode};
use crate::domain::signature::Verdict;
use crate::domain::structure::Structure;
use crate::domain::text::Text;
use crate::domain::xml::FlatElement;

const STANDARD: &str = "Sosiaalihuollon asiakirjastandardi 3.3";
const OTHER: Text = Text::fixed("jokin muu", "något annat", "something else");

/// A rule between parts of a document.
pub struct ConsistencyRule {
    /// Stable name, the `code` of its finding.
    pub id: &'static str,
    /// Whether breaking it stops the document.
    pub severity: Severity,
    /// The rule in one sentence.
    pub says: &'static str,
    /// The publication that it comes from.
    pub source: &'static str,
    /// The place in it.
    pub clause: &'static str,
    check: fn(&Said<'_>, &mut Vec<Disagreement>),
}

/// Every rule, in the order in which findings are given.
pub const RULES: [&ConsistencyRule; 34] = [
    &body::BODY_ID,
    &body::DISPLAY_ID,
    &body::LANGUAGE,
    &body::SIGNATURE_URI,
    &header::SET_ID,
    &header::ORGANISER,
    &header::TYPE,
    &header::STRUCTURE_TYPE,
    &header::STRUCTURE_GROUP,
    &header::CREATED,
    &header::SIGNED,
    &header::AUTHOR_UNIT,
    &content::ONE_ROOT,
    &content::ROOT_KEY,
    &content::RELATIONSHIP,
    &content::CASE,
    &content::TWO_IDS,
    &content::BARE_SYSTEM,
    &content::CLIENT,
    &content::BIRTH_DATE,
    &content::CLIENT_MISSING,
    &signer::NAMED,
    &signer::SIGNED,
    &frame::ID,
    &frame::SET_ID,
    &frame::VERSION,
    &frame::DRAWN_UP,
    &frame::REGISTER,
    &frame::CUSTODIAN,
    &frame::CLIENT,
    &frame::CLIENT_ROOT,
    &frame::CASE,
    &frame::LANGUAGE,
    &frame::UNIT,
];

/// What is known beside a document.
#[derive(Clone, Copy, Default)]
pub struct Beside<'a> {
    /// The frame that it came in.
    pub frame: Option<&'a ReadFrame>,
    /// The structure that its content names.
    pub structure: Option<&'a Structure>,
    /// What its signatures are worth.
    pub verdict: Option<&'a Verdict>,
}

/// What the parts say.
struct Said<'a> {
    root: FlatElement<'a>,
    header: &'a ReadHeader,
    display: Option<FlatElement<'a>>,
    content: Option<JsonNode<'a>>,
    beside: Beside<'a>,
}

/// Where two parts say different things.
struct Disagreement {
    pointer: String,
    path: String,
    found: Text,
    expected: Text,
}

impl Disagreement {
    /// At a path below the document element.
    fn at(path: &str, found: Text, expected: Text) -> Self {
        Self { pointer: String::new(), path: format!("/ClinicalDocument/{path}"), found, expected }
    }

    /// At a JSON Pointer of the content.
    fn in_content(pointer: impl Into<String>, found: Text, expected: Text) -> Self {
        Self { pointer: pointer.into(), ..Self::at(super::CONTENT_PATH, found, expected) }
    }
}

/// Findings of the rules that need nothing beside the document.
pub(super) fn within(
    root: FlatElement<'_>,
    header: &ReadHeader,
    display: Option<FlatElement<'_>>,
    content: Option<JsonNode<'_>>,
) -> Vec<Finding> {
    findings(&Said { root, header, display, content, beside: Beside::default() })
}

/// Findings of the rules that need what is beside the document.
pub(super) fn with(document: &super::ReadDocument, beside: Beside<'_>) -> Vec<Finding> {
    let content = document.json.as_ref().map(Json::root);
    let said = Said { root: document.flat.root(), header: &document.header, display: None, content, beside };
    let mut all = findings(&said);
    all.retain(|finding| !document.findings.iter().any(|f| f.code == finding.code));
    all
}

fn findings(said: &Said<'_>) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut met = Vec::new();
    for rule in RULES {
        (rule.check)(said, &mut met);
        all.extend(met.drain(..).map(|one| finding(rule, one)));
    }
    all
}

fn finding(rule: &ConsistencyRule, one: Disagreement) -> Finding {
    let by = Rule::new(rule.source, rule.clause);
    let finding = Finding::error(rule.id, one.pointer, one.found, one.expected, by);
    let finding = finding.named(&Text::same(one.path.clone())).in_document(one.path);
    if rule.severity == Severity::Warning { finding.warning() } else { finding }
}

/// The one key that a structure's content has, and what is under it.
fn sole_root(content: JsonNode<'_>) -> Option<(&str, JsonNode<'_>)> {
    let (key, value) = content.members().next().filter(|_| content.count() == 1)?;
    Some((key, value.as_object()?))
}

/// The rules as the table of `docs/consistency-rules.md`.
pub fn table() -> String {
    let mut out = String::from("| id | severity | rule | source |\n|---|---|---|---|\n");
    for rule in RULES {
        let severity = if rule.severity == Severity::Error { "error" } else { "warning" };
        out += &format!("| `{}` | {severity} | {} | {}, {} |\n", rule.id, rule.says, rule.source, rule.clause);
    }
    out
}
