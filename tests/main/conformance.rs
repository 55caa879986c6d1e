//! The conformance cases of `tests/conformance/cases`: data only, each played by the library's client, or through the sidecar,
//! against the mock archive over mutual TLS. How a case is written stands in the README there. The folder `access` holds cases of another kind.
#![cfg(feature = "demo")]

mod case;
mod outbox;
mod play;
mod world;

use std::path::{Path, PathBuf};

use case::Case;

/// Cases at the least, and negative ones among them.
const CASES_MIN: usize = 80;
const PLAYED_AT_ONCE: usize = 4;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/cases")
}

fn cases() -> Vec<Case> {
    let folders = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = folders.filter(|path| path.join("case.toml").exists()).collect();
    folders.sort();
    folders.iter().map(|folder| Case::read(folder)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_case_comes_out_as_it_says() {
    let mut waiting = cases().into_iter();
    let mut playing = tokio::task::JoinSet::new();
    let mut failed = Vec::new();
    loop {
        while playing.len() < PLAYED_AT_ONCE {
            let Some(case) = waiting.next() else { break };
            playing.spawn(async move { (case.name.clone(), play::play(&case).await) });
        }
        let Some(played) = playing.join_next().await else { break };
        match played {
            Ok((_, Ok(()))) => {}
            Ok((name, Err(why))) => failed.push(format!("{name}: {why}")),
            Err(panic) => failed.push(panic.to_string()),
        }
    }
    failed.sort();
    assert!(failed.is_empty(), "{} cases came out otherwise:\n{}", failed.len(), failed.join("\n"));
}

#[test]
fn there_are_enough_cases_and_half_of_them_show_what_is_refused() {
    let cases = cases();
    let negative = cases.iter().filter(|case| case.is_negative()).count();
    println!("{} cases, {negative} of them negative", cases.len());
    assert!(cases.len() >= CASES_MIN, "{}", cases.len());
    assert!(negative * 2 >= CASES_MIN, "{negative} of {}", cases.len());
    let other = std::fs::read_dir(folder()).unwrap().map(|e| e.unwrap().path());
    let stray: Vec<PathBuf> =
        other.filter(|p| p.is_dir() && !p.ends_with("access") && !p.join("case.toml").exists()).collect();
    assert!(stray.is_empty(), "folders without case.toml: {stray:?}");
}
