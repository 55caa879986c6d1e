//! `[worker]`: the pace of the worker, as far as it is not the usual one.

use std::time::Duration;

use serde::Deserialize;

use super::{Config, ConfigError, between};
use crate::sidecar::worker::WorkerSettings;

/// Pace of the worker; defaults are those of [`WorkerSettings`].
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerConfig {
    /// Exchanges with the archive at the same time, 1 to 256.
    pub parallel_max: Option<usize>,
    /// Of these, one organisation's at most, from 1; all of them when left out.
    pub parallel_per_organisation_max: Option<usize>,
    /// How long after a send without an answer the archive is asked, in seconds.
    pub reconcile_after_s: Option<u64>,
    /// First delay after a passing failure, in milliseconds.
    pub retry_delay_min_ms: Option<u64>,
    /// Longest delay after a passing failure, in seconds.
    pub retry_delay_max_s: Option<u64>,
    /// How often a held submission is decided again, in seconds.
    pub recheck_every_s: Option<u64>,
    /// How long one is held for a reason without a known end, in seconds.
    pub held_age_max_s: Option<u64>,
    /// How long a relationship document serves for decisions, in seconds.
    pub evidence_age_max_s: Option<u64>,
}

impl Config {
    /// The worker's pace.
    pub fn worker_settings(&self) -> WorkerSettings {
        let (w, d) = (&self.worker, WorkerSettings::default());
        let seconds = |set: Option<u64>, default| set.map_or(default, Duration::from_secs);
        let retry_delay_min = w.retry_delay_min_ms.map_or(d.retry_delay_min, Duration::from_millis);
        WorkerSettings {
            parallel_max: w.parallel_max.unwrap_or(d.parallel_max),
            parallel_per_organisation_max: w.parallel_per_organisation_max.or(w.parallel_max).unwrap_or(d.parallel_max),
            reconcile_after: seconds(w.reconcile_after_s, d.reconcile_after),
            retry_delay_min,
            retry_delay_max: seconds(w.retry_delay_max_s, d.retry_delay_max),
            recheck_every: seconds(w.recheck_every_s, d.recheck_every),
            held_age_max: seconds(w.held_age_max_s, d.held_age_max),
            evidence_age_max: seconds(w.evidence_age_max_s, d.evidence_age_max),
        }
    }

    /// No delay of the worker may be nothing, or it would spin.
    pub(super) fn check_pace(&self) -> Result<(), ConfigError> {
        let w = &self.worker;
        for (key, set, min) in [
            ("worker.reconcile_after_s", w.reconcile_after_s, 1),
            ("worker.retry_delay_min_ms", w.retry_delay_min_ms, 10),
            ("worker.retry_delay_max_s", w.retry_delay_max_s, 1),
            ("worker.recheck_every_s", w.recheck_every_s, 1),
            ("worker.held_age_max_s", w.held_age_max_s, 0),
            ("worker.evidence_age_max_s", w.evidence_age_max_s, 0),
        ] {
            set.map_or(Ok(()), |value| between(key, value, min, 366 * 86_400))?;
        }
        Ok(())
    }
}
