//! The sidecar's configuration, as it changes from one of its lives to the next.

use super::PARALLEL_MAX;
use super::records::ELSEWHERE;

/// The file with the organiser's key, beside the configuration.
pub(super) const RECIPIENTS: &str = "organiser.txt";

/// How the organiser stands whose documents go another way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Organiser {
    NotJoined,
    Joined,
}

/// How long what is settled is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settled {
    ForLong,
    /// Retention takes it at once.
    Purged,
}

/// What does not change: the log tells all, and little goes on at the same time.
pub(super) fn common(demo: &str) -> String {
    let text = demo
        .replace("filter = \"warn\"", "filter = \"debug\"")
        .replace("[worker]", &format!("[worker]\nparallel_max = {PARALLEL_MAX}"));
    assert!(text.contains("reconcile_after_s = 1") && text.contains("parallel_max"));
    text
}

/// With what changes.
pub(super) fn text(common: &str, organiser: Organiser, settled: Settled) -> String {
    let party = match organiser {
        Organiser::NotJoined => "joined = false",
        Organiser::Joined => "joined = true, phase = 2",
    };
    let store = match settled {
        Settled::ForLong => "[store]",
        Settled::Purged => "[store]\nbodies_kept_days = 0\nhanded_over_kept_days = 0",
    };
    let organiser = format!(
        "[[organisers]]\noid = \"{ELSEWHERE}\"\nparty = {{ {party} }}\n\
         hand_over = {{ recipients = \"{RECIPIENTS}\", automatic = true }}\n"
    );
    format!("{}\n{organiser}", common.replace("[store]", store))
}
