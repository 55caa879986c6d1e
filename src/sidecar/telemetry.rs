//! Logs and metrics. Neither ever carries a record, a person, a token or an address with one in it.
//!
//! Use of records is not logged here: that is data and stands in the store's use log.

use std::sync::atomic::{AtomicI64, AtomicU64};

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde::Deserialize;
use tracing_subscriber::EnvFilter;

use super::store::Census;
use crate::domain::submission::State;

/// How log lines are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends log lines to standard error, filtered by `filter` (for example `info,asiasilta=debug`).
///
/// # Errors
/// A sentence when the filter does not parse or logging was begun before.
pub fn start_logging(format: LogFormat, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|error| format!("log filter: {error}"))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let begun = match format {
        LogFormat::Text => lines.with_ansi(false).try_init(),
        LogFormat::Json => lines.json().flatten_event(true).try_init(),
    };
    begun.map_err(|error| error.to_string())
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabel {
    event: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CertificateLabel {
    certificate: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabel {
    code: String,
}

/// A certificate whose end is watched.
#[derive(Debug, Clone)]
pub struct WatchedCertificate {
    /// What it is for: `transport`, `signing`.
    pub name: String,
    /// When it ends.
    pub not_after: Timestamp,
}

/// Everything that is counted.
pub struct Metrics {
    registry: Registry,
    certificates: Vec<WatchedCertificate>,
    depth: Family<StateLabel, Gauge<i64, AtomicI64>>,
    oldest_open_seconds: Gauge<i64, AtomicI64>,
    sends: Family<OutcomeLabel, Counter<u64, AtomicU64>>,
    questions: Family<OutcomeLabel, Counter<u64, AtomicU64>>,
    archive_faults: Family<CodeLabel, Counter<u64, AtomicU64>>,
    alarms: Family<CodeLabel, Counter<u64, AtomicU64>>,
    archive_answered_at: Gauge<i64, AtomicI64>,
    damaged: Gauge<i64, AtomicI64>,
    open_bytes: Gauge<i64, AtomicI64>,
    kept: Gauge<i64, AtomicI64>,
    kept_bytes: Gauge<i64, AtomicI64>,
    free_disk_bytes: Gauge<i64, AtomicI64>,
    lines_in_trouble: Gauge<i64, AtomicI64>,
    lanes_stuck: Gauge<i64, AtomicI64>,
    lane_alerts: Family<EventLabel, Counter<u64, AtomicU64>>,
    accepted: Counter,
    refused: Counter,
    rights_ending: Counter,
    handed_over: Counter,
    packages_waiting: Gauge<i64, AtomicI64>,
    oldest_package_seconds: Gauge<i64, AtomicI64>,
    certificate_seconds: Family<CertificateLabel, Gauge<i64, AtomicI64>>,
}

impl Metrics {
    /// All at zero, with a gauge for each certificate.
    pub fn new(certificates: Vec<WatchedCertificate>) -> Self {
        let mut registry = Registry::with_prefix("asiasilta");
        let metrics = Self {
            depth: Family::default(),
            oldest_open_seconds: Gauge::default(),
            sends: Family::default(),
            questions: Family::default(),
            archive_faults: Family::default(),
            alarms: Family::default(),
            archive_answered_at: Gauge::default(),
            damaged: Gauge::default(),
            open_bytes: Gauge::default(),
            kept: Gauge::default(),
            kept_bytes: Gauge::default(),
            free_disk_bytes: Gauge::default(),
            lines_in_trouble: Gauge::default(),
            lanes_stuck: Gauge::default(),
            lane_alerts: Family::default(),
            accepted: Counter::default(),
            refused: Counter::default(),
            rights_ending: Counter::default(),
            handed_over: Counter::default(),
            packages_waiting: Gauge::default(),
            oldest_package_seconds: Gauge::default(),
            certificate_seconds: Family::default(),
            certificates,
            registry: Registry::default(),
        };
        registry.register("submissions", "Submissions by state", metrics.depth.clone());
        registry.register("handed_over", "Submissions handed over another way", metrics.handed_over.clone());
        registry.register(
            "packages_waiting",
            "Packages for organisers whose receipt is missing",
            metrics.packages_waiting.clone(),
        );
        registry.register(
            "oldest_package_age_seconds",
            "Age of the oldest package whose receipt is missing; 0 without one",
            metrics.oldest_package_seconds.clone(),
        );
        registry.register(
            "oldest_open_age_seconds",
            "Age of the oldest submission that is not settled; 0 without one",
            metrics.oldest_open_seconds.clone(),
        );
        registry.register("sends", "Envelopes sent, by outcome", metrics.sends.clone());
        registry.register(
            "questions",
            "Questions whether a document has arrived, by outcome",
            metrics.questions.clone(),
        );
        registry.register(
            "archive_faults",
            "Exchanges with the archive that came to nothing, by cause",
            metrics.archive_faults.clone(),
        );
        registry.register("alarms", "Findings that must not be, by code", metrics.alarms.clone());
        registry.register(
            "archive_last_success_timestamp_seconds",
            "When the archive last answered, in seconds since 1970; 0 before its first answer",
            metrics.archive_answered_at.clone(),
        );
        registry.register(
            "submissions_damaged",
            "Submissions parked because a stored value cannot be read",
            metrics.damaged.clone(),
        );
        registry.register(
            "store_open_bytes",
            "Sealed bytes of the bodies of submissions that are not settled",
            metrics.open_bytes.clone(),
        );
        registry.register(
            "store_kept_submissions",
            "Settled submissions whose bodies retention still keeps",
            metrics.kept.clone(),
        );
        registry.register(
            "store_kept_bytes",
            "Sealed bytes of the bodies that retention still keeps of settled submissions",
            metrics.kept_bytes.clone(),
        );
        registry.register(
            "store_free_disk_bytes",
            "Bytes free where the database is; -1 when that is not known",
            metrics.free_disk_bytes.clone(),
        );
        registry.register(
            "lines_in_trouble",
            "Organisations whose exchanges with the archive come to nothing now",
            metrics.lines_in_trouble.clone(),
        );
        registry.register(
            "lanes_stuck",
            "Version chains that go on only by a person's decision",
            metrics.lanes_stuck.clone(),
        );
        registry.register("lane_alerts", "Version chains that became stuck or went on", metrics.lane_alerts.clone());
        registry.register("accepted", "Submissions accepted", metrics.accepted.clone());
        registry.register("refused", "Submissions refused with findings", metrics.refused.clone());
        registry.register(
            "rights_ending",
            "Register access rights seen that are about to end, once each",
            metrics.rights_ending.clone(),
        );
        registry.register(
            "certificate_expiry_seconds",
            "Seconds until a certificate ends; negative after",
            metrics.certificate_seconds.clone(),
        );
        Self { registry, ..metrics }
    }

    /// Counts a send by how it ended.
    pub fn count_send(&self, outcome: &'static str) {
        self.sends.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a question by its answer.
    pub fn count_question(&self, outcome: &'static str) {
        self.questions.get_or_create(&OutcomeLabel { outcome }).inc();
    }

    /// Counts a register access right that is about to end.
    pub fn count_right_ending(&self) {
        self.rights_ending.inc();
    }

    /// Counts a submission that was handed over another way.
    pub fn count_handed_over(&self) {
        self.handed_over.inc();
    }

    /// Counts an exchange with the archive that came to nothing, by its cause's code.
    pub fn count_archive_fault(&self, code: &str) {
        self.archive_faults.get_or_create(&CodeLabel { code: code.to_owned() }).inc();
    }

    /// Counts something that must not be and that a person looks into now, by its code.
    pub fn count_alarm(&self, code: &str) {
        self.alarms.get_or_create(&CodeLabel { code: code.to_owned() }).inc();
    }

    /// Notes that the archive has answered.
    pub fn archive_answered(&self, now: Timestamp) {
        self.archive_answered_at.set(now.as_second());
    }

    /// How many organisations' lines are in trouble.
    pub fn lines_in_trouble(&self, count: usize) {
        self.lines_in_trouble.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// How many lanes are stuck.
    pub fn lanes_stuck(&self, count: u64) {
        self.lanes_stuck.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Counts lanes that became `stuck` or were `cleared`.
    pub fn count_lanes(&self, event: &'static str, count: usize) {
        self.lane_alerts.get_or_create(&EventLabel { event }).inc_by(count as u64);
    }

    /// Counts a new submission.
    pub fn count_accepted(&self) {
        self.accepted.inc();
    }

    /// Counts a refused one.
    pub fn count_refused(&self) {
        self.refused.inc();
    }

    /// The text exposition (OpenMetrics 1.0), with depths from a census of now.
    pub fn render(&self, census: &Census, now: Timestamp) -> String {
        for state in State::NAMES {
            let count = census.by_state.iter().find(|(name, _)| name == state).map_or(0, |(_, count)| *count);
            self.depth.get_or_create(&StateLabel { state }).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let bounded = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        self.damaged.set(bounded(census.damaged));
        self.open_bytes.set(bounded(census.open_bytes));
        self.kept.set(bounded(census.kept));
        self.kept_bytes.set(bounded(census.kept_bytes));
        self.free_disk_bytes.set(census.free_disk_bytes.map_or(-1, bounded));
        let age = |since: Option<Timestamp>| since.map_or(0, |at| now.duration_since(at).as_secs().max(0));
        self.oldest_open_seconds.set(age(census.oldest_open));
        self.packages_waiting.set(bounded(census.packages.waiting));
        self.oldest_package_seconds.set(age(census.packages.oldest));
        for certificate in &self.certificates {
            let label = CertificateLabel { certificate: certificate.name.clone() };
            let left = certificate.not_after.duration_since(now).as_secs();
            self.certificate_seconds.get_or_create(&label).set(left);
        }
        let mut text = String::new();
        // Writing to a String does not fail.
        if encode(&mut text, &self.registry).is_err() {
            tracing::error!("metrics could not be written");
        }
        text
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sidecar::store::Packages;

    #[test]
    fn every_state_has_its_depth_and_a_certificate_its_remaining_seconds() {
        let now = Timestamp::from_second(1000).unwrap();
        let certificate =
            WatchedCertificate { name: "signing".into(), not_after: Timestamp::from_second(1600).unwrap() };
        let metrics = Metrics::new(vec![certificate]);
        metrics.count_send("archived");
        metrics.count_archive_fault("archive.unreachable");
        metrics.archive_answered(now);
        let oldest_open = Timestamp::from_second(990).ok();
        let census = Census {
            by_state: vec![("held".into(), 2)],
            oldest_open,
            damaged: 3,
            open_bytes: 7,
            kept: 4,
            kept_bytes: 5,
            free_disk_bytes: None,
            packages: Packages { waiting: 6, oldest: Timestamp::from_second(900).ok() },
        };
        let text = metrics.render(&census, now);
        for line in [
            "asiasilta_submissions{state=\"held\"} 2",
            "asiasilta_submissions{state=\"unknown\"} 0",
            "asiasilta_oldest_open_age_seconds 10",
            "asiasilta_archive_faults_total{code=\"archive.unreachable\"} 1",
            "asiasilta_archive_last_success_timestamp_seconds 1000",
            "asiasilta_packages_waiting 6",
            "asiasilta_oldest_package_age_seconds 100",
            "asiasilta_submissions_damaged 3",
            "asiasilta_store_open_bytes 7",
            "asiasilta_store_kept_submissions 4",
            "asiasilta_store_kept_bytes 5",
            "asiasilta_store_free_disk_bytes -1",
            "asiasilta_sends_total{outcome=\"archived\"} 1",
            "asiasilta_certificate_expiry_seconds{certificate=\"signing\"} 600",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }
}
