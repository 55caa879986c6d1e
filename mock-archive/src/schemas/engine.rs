//! [`Engine`] over the crate xsd-schema, the only place that knows it.
//!
//! What is compiled of a schema lends itself to no other thread, and compiling costs more than checking. So each engine has threads
//! of its own which compile once, and hands them the texts; they end with the process.

use std::num::NonZeroUsize;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use xsd_schema::validation::{CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml};
use xsd_schema::{SchemaError, SchemaSet, SchemaSetBuilder};

use super::{Engine, Fault, Files};

/// More threads than this check nothing faster on a machine that runs tests.
const THREADS_MAX: usize = 4;

/// A text, and where its faults are waited for.
struct Job {
    text: String,
    answer: SyncSender<Vec<Fault>>,
}

pub(super) struct XsdSchema {
    jobs: Mutex<Sender<Job>>,
}

impl XsdSchema {
    pub(super) fn new(files: Files) -> Self {
        let (jobs, waiting) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(THREADS_MAX);
        for _ in 0..threads {
            let waiting = Arc::clone(&waiting);
            let started = thread::Builder::new().name("xsd".into()).spawn(move || work(files, &waiting));
            if let Err(error) = started {
                tracing::error!(error = %error, "a thread that holds texts against a schema cannot start");
            }
        }
        Self { jobs: Mutex::new(jobs) }
    }
}

impl Engine for XsdSchema {
    fn faults(&self, text: &str) -> Vec<Fault> {
        let (answer, answered) = sync_channel(1);
        let job = Job { text: text.to_owned(), answer };
        let sent = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job).is_ok();
        match answered.recv() {
            Ok(faults) if sent => faults,
            // No thread is left: what could not be checked is not taken.
            _ => vec![Fault { path: String::new(), constraint: "schema" }],
        }
    }
}

fn work(files: Files, waiting: &Mutex<Receiver<Job>>) {
    let set = match compile(files) {
        Ok(set) => set,
        // They are compiled in and a test compiles them.
        Err(error) => return tracing::error!(error = %error, "our own schemas do not compile"),
    };
    let flags = ValidationFlags::default() & !ValidationFlags::BUILD_PSVI_TYPED_VALUES;
    let validator = SchemaValidator::new(&set, flags);
    loop {
        // The lock is held while waiting: one thread waits for the next text, the others for their turn.
        let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(Job { text, answer }) = job else { return };
        if answer.send(faults(&set, &validator, &text)).is_err() {
            tracing::debug!("a check that nobody waits for");
        }
    }
}

fn compile(files: Files) -> Result<SchemaSet, SchemaError> {
    let mut builder = SchemaSetBuilder::new();
    for (name, text) in files {
        builder = builder.add_source(text, name)?;
    }
    Ok(builder.compile()?.into_schema_set())
}

fn faults(set: &SchemaSet, validator: &SchemaValidator<'_>, text: &str) -> Vec<Fault> {
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let sink = CollectingValidationSink { errors: &mut errors, warnings: &mut warnings };
    let mut run = validator.start_run(sink);
    let driven = drive_quick_xml(text.as_bytes(), &mut run, set);
    drop(run);
    let fault = |error: &xsd_schema::validation::ValidationError| Fault {
        path: error.element_path().unwrap_or_default().to_owned(),
        constraint: error.constraint,
    };
    let mut faults: Vec<Fault> = errors.iter().map(fault).collect();
    if driven.is_err() {
        faults.push(Fault { path: String::new(), constraint: "well-formedness" });
    }
    faults
}
