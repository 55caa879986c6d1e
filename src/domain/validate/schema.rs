//! The JSON Schema of the local record: generated from the types, checked in as `schemas/local-record.schema.json`.
//!
//! The formats in it (`oid`, `personal-identity-code`, …) are judged by the types' own parsers, so the schema and the types
//! cannot differ, and a failed format is told as the type's own flaw.

use jsonschema::{Draft, Validator};
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::findings::Findings;
use super::translate::{Translator, findings_of};
use crate::domain::finding::Flaw;
use crate::domain::oid::Oid;
use crate::domain::person::{PersonalIdentityCode, RegistrationNumber, TemporaryIdValue};
use crate::domain::record::{CaseReference, LocalRecord};
use crate::domain::time::{Day, Instant, PartialDate};

/// Formats of texts that a type of ours parses.
const FORMATS: [&str; 8] = [
    "oid",
    "personal-identity-code",
    "temporary-id",
    "registration-number",
    "instant",
    "day",
    "partial-date",
    "case-reference",
];

/// The JSON Schema (2020-12) of the record that a producer's system hands in.
pub fn local_record_schema() -> Value {
    let made = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<LocalRecord>().to_value();
    let Value::Object(mut members) = made else { return made };
    let dialect = members.shift_remove("$schema").unwrap_or_default();
    members.shift_remove("title");
    // What it is comes first for whoever opens the file.
    let head = [("$schema".to_owned(), dialect), ("title".to_owned(), Value::from("asiasilta local record"))];
    head.into_iter().chain(members).collect()
}

/// Why a text is not of this format; `None` when it is, or when the format is not one of ours.
pub(super) fn flaw(format: &str, text: &str) -> Option<Flaw> {
    fn of<T: std::str::FromStr<Err = Flaw>>(text: &str) -> Option<Flaw> {
        text.parse::<T>().err()
    }
    match format {
        "oid" => of::<Oid>(text),
        "personal-identity-code" => of::<PersonalIdentityCode>(text),
        "temporary-id" => of::<TemporaryIdValue>(text),
        "registration-number" => of::<RegistrationNumber>(text),
        "instant" => of::<Instant>(text),
        "day" => of::<Day>(text),
        "partial-date" => of::<PartialDate>(text),
        "case-reference" => of::<CaseReference>(text),
        _ => None,
    }
}

/// The compiled schema.
pub(super) struct RecordSchema {
    schema: Value,
    validator: Option<Validator>,
}

impl RecordSchema {
    pub(super) fn new() -> Self {
        let schema = local_record_schema();
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        let with_format = |options: jsonschema::ValidationOptions<'static>, format: &'static str| {
            options.with_format(format, move |text| flaw(format, text).is_none())
        };
        let validator = FORMATS.into_iter().fold(options, with_format).offline().build(&schema).ok();
        Self { schema, validator }
    }

    /// The schema itself.
    pub(super) fn schema(&self) -> &Value {
        &self.schema
    }

    /// Adds what is wrong with the record's own form. The content is an object here, no more.
    pub(super) fn check(&self, value: &Value, findings: &mut Findings) {
        let Some(validator) = &self.validator else {
            // The schema is ours and a test compiles it; without it nothing may pass.
            findings.push(super::disagreement());
            return;
        };
        let translator = Translator::for_record(&self.schema);
        findings_of(validator, value, &translator, findings);
    }

    /// Adds what is wrong with the form of these parts of a record; that the others are not there is as it should be.
    pub(super) fn check_parts(&self, value: &Value, parts: &[&str], findings: &mut Findings) {
        let own = |(key, part): (&String, &Value)| parts.contains(&key.as_str()).then(|| (key.clone(), part.clone()));
        let object = value.as_object().into_iter().flatten().filter_map(own).collect();
        let mut all = Findings::default();
        self.check(&Value::Object(object), &mut all);
        let within = |at: &str| at.split('/').nth(1).is_none_or(|first| parts.contains(&first));
        for finding in all.split().err().into_iter().flatten().filter(|f| within(&f.place.input)) {
            findings.push(finding);
        }
    }
}
