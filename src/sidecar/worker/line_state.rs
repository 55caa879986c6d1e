//! Whether the archive can be reached: said once when it changes, counted each time, and while it cannot, tried with one
//! submission at a time.
//!
//! In memory only: a new run finds out anew. Told by `journey` after each exchange, asked by the worker before it claims.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Worker;
use crate::domain::submission::Cause;
use crate::sidecar::ports::{Archive, Clock};
use crate::sidecar::store::Store;

/// Causes by which every exchange would fail alike: no connection, or TLS not agreed.
const NO_LINE: [&str; 4] =
    ["archive.unreachable", "archive.peer_not_trusted", "archive.certificate_refused", "archive.handshake_refused"];

/// What the last exchanges came to.
#[derive(Default)]
pub struct LineState(Mutex<Option<Trouble>>);

struct Trouble {
    code: String,
    /// Failures in a row, and when to try again, while there is no line.
    shut: Option<(u32, Timestamp)>,
}

/// How much may be taken up now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// One at a time, to see whether the line is back.
    Probe,
    /// Nothing before this moment.
    Shut(Timestamp),
}

impl LineState {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Trouble>> {
        // Each write is one assignment: nothing is left half done by a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Store, A: Archive, C: Clock> Worker<S, A, C> {
    pub(super) fn gate(&self) -> Gate {
        match self.line.lock().as_ref().and_then(|trouble| trouble.shut) {
            None => Gate::Open,
            Some((_, until)) if until > self.clock.now() => Gate::Shut(until),
            Some(_) => Gate::Probe,
        }
    }

    /// The archive has answered.
    pub(super) fn line_works(&self) {
        self.metrics.archive_answered(self.clock.now());
        if let Some(trouble) = self.line.lock().take() {
            tracing::info!(code = trouble.code, "the archive answers again");
        }
    }

    /// An exchange came to nothing.
    pub(super) fn line_fails(&self, why: &Cause, asked: Option<Duration>) {
        self.metrics.count_archive_fault(&why.code);
        let now = self.clock.now();
        let mut line = self.line.lock();
        let before = line.take();
        if before.as_ref().is_none_or(|trouble| trouble.code != why.code) {
            tracing::warn!(code = why.code, why = why.message.en.as_ref(), "the archive cannot be used now");
        }
        let shut = before.and_then(|trouble| trouble.shut);
        let shut = NO_LINE.contains(&why.code.as_str()).then(|| match shut {
            // Others were under way when it was shut; one failure counts once.
            Some((failures, until)) if until > now => (failures, until),
            shut => {
                let failures = shut.map_or(0, |(failures, _)| failures.saturating_add(1));
                (failures, self.retry_at(failures, asked, self.settings.retry_delay_min))
            }
        });
        *line = Some(Trouble { code: why.code.clone(), shut });
    }
}
