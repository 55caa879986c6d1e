//! Document structures (JSON Schemas in the dialect of THL's Sosmeta) from a directory that the user points to.
//!
//! A structure is compiled when it is first asked for. Findings carry the place, never the value.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

use crate::finding::{Finding, Rule};
use crate::oid::Oid;

/// The national collection has about two hundred.
const STRUCTURES_MAX: usize = 2_000;
/// More findings of one document help nobody.
const FINDINGS_MAX: usize = 20;

/// A directory of structures that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StructuresError {
    /// The directory or one of its files cannot be read.
    #[error("cannot read structures from {path}")]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file is not a structure: no JSON, or no `sosmeta.oid`.
    #[error("{path} is not a structure: expected a JSON Schema with sosmeta.oid")]
    NotAStructure {
        /// The file.
        path: PathBuf,
    },
    /// More than the limit of 2000 files.
    #[error("more than {STRUCTURES_MAX} structures in {path}")]
    TooMany {
        /// The directory.
        path: PathBuf,
    },
}

/// Where a structure is. The national ones are large, so a file that is named by its OID is read when it is asked for.
enum Source {
    File(PathBuf),
    Read(Value),
}

/// The known structures.
#[derive(Default)]
pub(crate) struct Structures {
    schemas: HashMap<Oid, Source>,
    compiled: Mutex<HashMap<Oid, Option<Arc<Validator>>>>,
}

impl Structures {
    /// Reads every `*.json` of a directory.
    pub(crate) fn read(directory: &Path) -> Result<Self, StructuresError> {
        let unreadable = |path: &Path, source| StructuresError::Unreadable { path: path.to_owned(), source };
        let mut schemas = HashMap::new();
        for entry in std::fs::read_dir(directory).map_err(|error| unreadable(directory, error))? {
            let path = entry.map_err(|error| unreadable(directory, error))?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            if schemas.len() == STRUCTURES_MAX {
                return Err(StructuresError::TooMany { path: directory.to_owned() });
            }
            if let Some(oid) = path.file_stem().and_then(|stem| Oid::parse(stem.to_str()?).ok()) {
                schemas.insert(oid, Source::File(path));
                continue;
            }
            let bytes = std::fs::read(&path).map_err(|error| unreadable(&path, error))?;
            let (oid, schema) = structure(&bytes).ok_or(StructuresError::NotAStructure { path })?;
            schemas.insert(oid, Source::Read(schema));
        }
        Ok(Self { schemas, compiled: Mutex::default() })
    }

    /// Checks content against the structure of that name.
    pub(crate) fn check(&self, name: &Oid, content: &Value) -> Vec<Finding> {
        let Some(validator) = self.validator(name) else {
            return vec![Finding::new(Rule::ContentStructureUnknown, "localSocialHeader/contentSpecificationId")];
        };
        validator
            .iter_errors(content)
            .take(FINDINGS_MAX)
            .map(|error| {
                let at = format!("nonXMLBody/json: {} ({})", error.instance_path(), error.kind().keyword());
                Finding::new(Rule::ContentStructure, at)
            })
            .collect()
    }

    /// A structure that cannot be compiled is as good as unknown.
    fn validator(&self, name: &Oid) -> Option<Arc<Validator>> {
        let source = self.schemas.get(name)?;
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        compiled.entry(name.clone()).or_insert_with(|| compile(name, source)).clone()
    }
}

fn compile(name: &Oid, source: &Source) -> Option<Arc<Validator>> {
    let validator = match source {
        Source::Read(schema) => jsonschema::validator_for(schema).ok(),
        Source::File(path) => std::fs::read(path)
            .ok()
            .and_then(|bytes| structure(&bytes))
            .filter(|(oid, _)| oid == name)
            .and_then(|(_, schema)| jsonschema::validator_for(&schema).ok()),
    };
    if validator.is_none() {
        tracing::warn!(structure = %name, "a structure cannot be read or compiled, its documents go unchecked");
    }
    validator.map(Arc::new)
}

fn structure(bytes: &[u8]) -> Option<(Oid, Value)> {
    let schema: Value = serde_json::from_slice(bytes).ok()?;
    let oid = Oid::parse(schema.pointer("/sosmeta/oid")?.as_str()?).ok()?;
    Some((oid, schema))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a failed set-up is a failed test")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn content_is_held_against_the_structure_of_its_name_without_showing_values() {
        let directory = tempfile::tempdir().unwrap();
        let schema = json!({"sosmeta": {"oid": "1.2.3"}, "type": "object", "properties": {"a": {"type": "string", "maxLength": 3}}});
        std::fs::write(directory.path().join("x.json"), schema.to_string()).unwrap();
        std::fs::write(directory.path().join("notes.txt"), "not a structure").unwrap();
        let named = schema.to_string().replace("1.2.3", "1.2.5");
        std::fs::write(directory.path().join("1.2.5.json"), named).unwrap();
        std::fs::write(directory.path().join("1.2.4.json"), "{}").unwrap();
        let structures = Structures::read(directory.path()).unwrap();
        for name in ["1.2.3", "1.2.5"] {
            let name = Oid::parse(name).unwrap();
            assert_eq!(structures.check(&name, &json!({"a": "b"})), []);
            let found = structures.check(&name, &json!({"a": "secret"}));
            assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::ContentStructure]);
            assert!(!format!("{found:?}").contains("secret"));
        }
        let unknown = structures.check(&Oid::parse("1.2.4").unwrap(), &json!({}));
        assert_eq!(unknown.iter().map(|finding| finding.rule).collect::<Vec<_>>(), [Rule::ContentStructureUnknown]);
    }

    #[test]
    fn a_file_that_is_no_structure_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("x.json"), "{}").unwrap();
        assert!(matches!(Structures::read(directory.path()), Err(StructuresError::NotAStructure { .. })));
    }
}
