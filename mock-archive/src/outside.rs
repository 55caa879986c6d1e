//! What tests need from outside this repository: reference data, and a voice past the harness's capture. Counts the checks that ran.

#![expect(clippy::unwrap_used, reason = "test support: a failed set-up is a failed test")]

use std::io::Write;
use std::path::PathBuf;

/// The folder of reference data, which is not part of this repository; `None`, said aloud, when there is none. A check that runs is
/// counted in the file that `ASIASILTA_REFERENCE_LOG` names.
pub(crate) fn reference(check: &str) -> Option<PathBuf> {
    let Some(folder) = std::env::var_os("ASIASILTA_REFERENCE") else {
        say(&format!("skipped: {check}: ASIASILTA_REFERENCE is not set"));
        return None;
    };
    say(&format!("reference check: {check}"));
    if let Some(log) = std::env::var_os("ASIASILTA_REFERENCE_LOG") {
        let mut log = std::fs::OpenOptions::new().append(true).create(true).open(log).unwrap();
        log.write_all(format!("{check}\n").as_bytes()).unwrap();
    }
    Some(folder.into())
}

/// Past the test harness's capture: a skipped test must not look like one that ran.
pub(crate) fn say(line: &str) {
    std::io::stderr().write_all(format!("{line}\n").as_bytes()).unwrap();
}
