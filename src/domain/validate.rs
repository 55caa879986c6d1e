//! The judge of what a producer hands in: bytes become a [`CheckedRecord`], or all that is wrong with them at once.
//!
//! The order: JSON within limits, then four looks at the same value (the record's schema, test persons, the content under its
//! structure, the rules between fields), each as far as the value lets it. A [`CheckedRecord`] comes from nowhere else, so
//! whoever holds one need not look again. Does not decide on access, resolve the case or touch the archive. Called by the
//! sidecar's API, the command line and library users alike.

mod characters;
mod content;
mod document_place;
mod findings;
pub(in crate::domain) mod json;
mod persons;
mod predecessor;
mod rules;
mod schema;
mod texts;
mod translate;
mod unchecked;
mod vocabulary;

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

pub use findings::FINDINGS_MAX;
pub use json::{BYTES_MAX, DEPTH_MAX, VALUES_MAX};
pub use predecessor::predecessor_findings;
pub use rules::CLOCK_TOLERANCE;
pub use schema::local_record_schema;

use super::code_set::CodeSets;
use super::document::header::DocumentGroup;
use super::environment::Environment;
use super::finding::{Finding, Rule, redacted_debug};
use super::oid::Oid;
use super::record::LocalRecord;
use super::structure::{Registry, Structure};
use super::text::Text;
use findings::Findings;
use vocabulary::Vocabulary;

/// Judges records by the structures it knows.
pub struct Checker {
    structures: Arc<Registry>,
    environment: Environment,
    schema: schema::RecordSchema,
    code_sets: Cow<'static, CodeSets>,
    assumed_group: Option<DocumentGroup>,
}

/// A record that passed every check.
#[derive(Clone)]
pub struct CheckedRecord {
    record: LocalRecord,
    structure: Arc<Structure>,
    group: DocumentGroup,
    content_json: String,
    warnings: Vec<Finding>,
    unchecked: Vec<Finding>,
}

redacted_debug!(CheckedRecord);

impl CheckedRecord {
    /// The record itself.
    pub fn record(&self) -> &LocalRecord {
        &self.record
    }

    /// The structure that its content follows.
    pub fn structure(&self) -> &Structure {
        &self.structure
    }

    /// The document group of that structure.
    pub fn group(&self) -> DocumentGroup {
        self.group
    }

    /// The content as the document embeds it: compact JSON, members in the caller's order.
    pub fn content_json(&self) -> &str {
        &self.content_json
    }

    /// The record, without the proof that it was checked.
    pub fn into_record(self) -> LocalRecord {
        self.record
    }

    /// What the caller should know, though it stops nothing.
    pub fn warnings(&self) -> &[Finding] {
        &self.warnings
    }

    /// What nobody here can judge: conditions that the structure gives in words only, and codes of sets that are known in part.
    /// Each with severity [`crate::domain::finding::Severity::NotChecked`], one for a field or a code system, at most
    /// [`FINDINGS_MAX`].
    pub fn unchecked(&self) -> &[Finding] {
        &self.unchecked
    }
}

impl Checker {
    /// A judge by these structures for this environment.
    pub fn new(structures: Arc<Registry>, environment: Environment) -> Self {
        let code_sets = Cow::Borrowed(CodeSets::built_in());
        Self { structures, environment, schema: schema::RecordSchema::new(), code_sets, assumed_group: None }
    }

    /// The same judge by these code sets instead of the built-in ones.
    #[must_use]
    pub fn with_code_sets(mut self, code_sets: CodeSets) -> Self {
        self.code_sets = Cow::Owned(code_sets);
        self
    }

    /// The same judge, taking structures of groups that are not handled (consents 1505.8, denials 1505.9) for this group
    /// instead of refusing them. For trying structures out: such documents belong to another service than the archive, and
    /// what their headers look like is not published.
    #[must_use]
    pub fn assuming_group(mut self, group: DocumentGroup) -> Self {
        self.assumed_group = Some(group);
        self
    }

    /// The structures it judges by.
    pub fn structures(&self) -> &Registry {
        &self.structures
    }

    /// Judges one record: UTF-8 JSON of at most [`BYTES_MAX`] bytes. `now` is what "in the future" is measured from.
    ///
    /// # Errors
    /// All findings, warnings among them, at most [`FINDINGS_MAX`]; the last one says so where there were more.
    pub fn record(&self, bytes: &[u8], now: Timestamp) -> Result<CheckedRecord, Vec<Finding>> {
        let value = match json::read(bytes) {
            Ok(value) => value,
            Err(finding) => return Err(self.discreet(vec![*finding], None)),
        };
        let mut findings = Findings::default();
        self.schema.check(&value, &mut findings);
        characters::refuse_unreadable(&value, &mut findings);
        if self.environment == Environment::Test {
            persons::refuse_real(&value, &mut findings);
        }
        let structure = self.structure(&value, &mut findings);
        let parts = rules::Parts::read(&value);
        if let (Some(structure), Some(content)) = (&structure, value.get("content").filter(|c| c.is_object())) {
            content::check(structure, content, &parts, &self.code_sets, &mut findings);
        }
        rules::check(&parts, structure.as_deref(), now, &mut findings);
        let group = structure.as_ref().and_then(|s| self.group(s));
        rules::conditional::check(&value, &parts, group, &mut findings);
        match (structure, group, findings.split()) {
            (Some(structure), Some(group), Ok(warnings)) => {
                let unchecked = unchecked::of(&structure, &value, &self.code_sets);
                checked(value, structure, group, warnings, unchecked)
            }
            (structure, _, Err(findings)) => Err(self.discreet(findings, structure.as_deref())),
            (_, _, Ok(_)) => Err(vec![disagreement()]),
        }
    }

    /// Judges a smaller JSON object that has parts of a record under the record's own names, a search for instance: these
    /// parts by the record's schema, and all of it for test persons. Errors only; empty when there are none.
    pub fn like_record(&self, bytes: &[u8], parts: &[&str]) -> Vec<Finding> {
        let value = match json::read(bytes) {
            Ok(value) => value,
            Err(finding) => return self.discreet(vec![*finding], None),
        };
        let mut findings = Findings::default();
        self.schema.check_parts(&value, parts, &mut findings);
        if self.environment == Environment::Test {
            persons::refuse_real(&value, &mut findings);
        }
        match findings.split() {
            Ok(_) => Vec::new(),
            Err(findings) => self.discreet(findings, None),
        }
    }

    /// Judges the content of a document that was read, by this structure. Places are JSON Pointers into the content.
    pub fn content(&self, structure: &Structure, content: &Value) -> Vec<Finding> {
        let mut findings = Findings::default();
        let parts = rules::Parts::read(&Value::Null);
        content::check(structure, content, &parts, &self.code_sets, &mut findings);
        let mut all = findings.split().unwrap_or_else(|all| all);
        all.extend(unchecked::of(structure, &serde_json::json!({ "content": content }), &self.code_sets));
        for finding in &mut all {
            if let Some(inside) = finding.place.input.strip_prefix("/content") {
                finding.place.input = inside.to_owned();
            }
        }
        self.discreet(all, Some(structure))
    }

    /// The findings without keys that are nobody's field names: what a caller wrote there may be a person's data.
    fn discreet(&self, mut findings: Vec<Finding>, structure: Option<&Structure>) -> Vec<Finding> {
        let vocabulary = match structure {
            Some(structure) => Vocabulary::of(self.schema.schema(), [structure]),
            None => Vocabulary::of(self.schema.schema(), self.structures.iter().map(AsRef::as_ref)),
        };
        findings.iter_mut().for_each(|finding| vocabulary.mask(finding));
        findings
    }

    fn group(&self, structure: &Structure) -> Option<DocumentGroup> {
        structure.group().or(self.assumed_group)
    }

    fn structure(&self, value: &Value, findings: &mut Findings) -> Option<Arc<Structure>> {
        let oid: Oid = value.get("structure")?.as_str()?.parse().ok()?;
        let structure = self.structures.find(&oid);
        match &structure {
            None => findings.push(unknown_structure(&oid)),
            Some(known) if self.group(known).is_none() => {
                findings.push(other_service(&oid));
                return None;
            }
            Some(_) => {}
        }
        structure
    }
}

fn unknown_structure(oid: &Oid) -> Finding {
    Finding::error(
        "structure.unknown",
        "/structure",
        findings::seen_oid(oid),
        Text::fixed(
            "asiakirjarakenne, joka on ladattu",
            "en handlingsstruktur som har laddats",
            "a document structure that is loaded",
        ),
        Rule::new("THL Sosmeta", ""),
    )
}

/// Consents and denials: what their headers look like is not published, and the archive of client documents does not take them.
fn other_service(oid: &Oid) -> Finding {
    Finding::error(
        "structure.other_service",
        "/structure",
        findings::seen_oid(oid),
        Text::fixed(
            "asiakas- tai asia-asiakirjan tai asiakkuusasiakirjan rakenne (ryhmät 1, 2 ja 5)",
            "en struktur för klienthandlingar, ärendehandlingar eller klientrelationshandlingar (grupperna 1, 2 och 5)",
            "a structure of client, case or relationship documents (groups 1, 2 and 5)",
        ),
        Rule::new("THL koodistopalvelu", "1.2.246.537.6.1505"),
    )
    .with_hint(Text::fixed(
        "luovutusluvat ja kiellot (ryhmät 8 ja 9) kirjataan Kannan tahdonilmaisupalveluun, ei asiakastiedon arkistoon; niiden \
         metatietoja ei ole julkaistu",
        "utlämningstillstånd och förbud (grupperna 8 och 9) registreras i Kantas viljeyttringstjänst, inte i klientdataarkivet; \
         deras metadata är inte publicerade",
        "consents and denials (groups 8 and 9) are recorded in Kanta's service for declarations of will, not in the client data \
         archive; their metadata are not published",
    ))
}

fn checked(
    value: Value,
    structure: Arc<Structure>,
    group: DocumentGroup,
    warnings: Vec<Finding>,
    unchecked: Vec<Finding>,
) -> Result<CheckedRecord, Vec<Finding>> {
    let content_json = value.get("content").map(Value::to_string).unwrap_or_default();
    match serde_json::from_value(value) {
        Ok(record) => Ok(CheckedRecord { record, structure, group, content_json, warnings, unchecked }),
        Err(_) => Err(vec![disagreement()]),
    }
}

/// The schema takes what the types refuse: a fault of ours, which must not let a record through.
fn disagreement() -> Finding {
    Finding::error(
        "internal.schema_disagrees",
        "",
        Text::fixed("tietue, jonka skeema hyväksyi", "en post som schemat godkände", "a record that the schema took"),
        Text::fixed(
            "sama tulos jäsennyksestä; ilmoita ohjelmiston toimittajalle",
            "samma resultat av tolkningen; meddela programvarans leverantör",
            "the same from the parser; report this to the software's vendor",
        ),
        Rule::new("asiasilta", "schemas/local-record.schema.json"),
    )
}

#[cfg(test)]
mod tests;
