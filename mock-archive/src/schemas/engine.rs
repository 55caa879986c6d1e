//! [`Engine`] over the crate xsd-schema, the only place that knows it.

use std::sync::{Mutex, PoisonError};

use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
use xsd_schema::{SchemaError, SchemaSet, SchemaSetBuilder};

use super::{Engine, Fault, Files};

/// A compiled set may go from thread to thread but not be shared, so each check takes one out and puts it back.
pub(super) struct XsdSchema {
    files: Files,
    sets: Mutex<Vec<SchemaSet>>,
}

impl XsdSchema {
    pub(super) fn new(files: Files) -> Self {
        Self { files, sets: Mutex::default() }
    }

    fn take(&self) -> Result<SchemaSet, SchemaError> {
        let waiting = self.sets.lock().unwrap_or_else(PoisonError::into_inner).pop();
        waiting.map_or_else(|| compile(self.files), Ok)
    }
}

fn compile(files: Files) -> Result<SchemaSet, SchemaError> {
    let mut builder = SchemaSetBuilder::new();
    for (name, text) in files {
        builder = builder.add_source(text, name)?;
    }
    Ok(builder.compile()?.into_schema_set())
}

impl Engine for XsdSchema {
    fn faults(&self, text: &str) -> Vec<Fault> {
        let set = match self.take() {
            Ok(set) => set,
            Err(error) => {
                // They are compiled in and a test compiles them.
                tracing::error!(error = %error, "our own schemas do not compile");
                return vec![Fault { path: String::new(), constraint: "schema" }];
            }
        };
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let flags = ValidationFlags::default() & !ValidationFlags::BUILD_PSVI_TYPED_VALUES;
        let validator = SchemaValidator::new(&set, flags);
        let sink = CollectingValidationSink { errors: &mut errors, warnings: &mut warnings };
        let mut run = validator.start_run(sink);
        let driven = drive_quick_xml(text.as_bytes(), &mut run, &set);
        drop(run);
        let mut faults: Vec<Fault> = errors
            .iter()
            .map(|error| Fault {
                path: error.element_path().unwrap_or_default().to_owned(),
                constraint: error.constraint,
            })
            .collect();
        if driven.is_err() {
            faults.push(Fault { path: String::new(), constraint: "well-formedness" });
        }
        drop(validator);
        self.sets.lock().unwrap_or_else(PoisonError::into_inner).push(set);
        faults
    }
}
