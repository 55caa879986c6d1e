//! Power loss and failing disks, under a process that runs on the store: every change and sync of its files is written down by a
//! shim (LD_PRELOAD), and the disk is built again as of any moment, with what had not been synced lost, kept, or kept in part.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::*;
use crate::sidecar::store::StoreLimits;
use crate::sidecar::store::sqlite::bodies::ROW_BYTES_MAX;
use crate::sidecar::store::sqlite::check::check;
use crate::sidecar::store::sqlite::schema::Durability;

const SHIM: &str = include_str!("disk_shim.c");
const THE_RUN: &str = "sidecar::store::sqlite::tests::power_loss::the_run_that_is_cut";
const ACCEPTED: usize = 24;
/// Moments that are tried besides those right after a promise.
const MOMENTS: usize = 24;

/// The record of the `n`th submission of the run; every fifth is large enough for a file.
fn body(n: usize) -> String {
    let length = if n.is_multiple_of(5) { 2 * ROW_BYTES_MAX } else { 3_000 };
    format!("{n}:").repeat(length / 3)
}

/// What the cut process does: accepts, carries on, settles and purges, and writes down each promise once it is made.
#[test]
#[ignore = "it is the process that the tests of this file start and cut"]
fn the_run_that_is_cut() {
    let folder = PathBuf::from(std::env::var("POWER_LOSS_DIR").unwrap());
    let durability = if std::env::var("POWER_LOSS_NORMAL").is_ok() { Durability::Normal } else { Durability::Full };
    let opened = SqliteStore::open_as(&folder.join("s.db"), &key(), StoreLimits::default(), durability, at(0));
    let mut promises = fs::File::options().create(true).append(true).open(folder.join("promises")).unwrap();
    let mut say = |line: String| std::io::Write::write_all(&mut promises, format!("{line}\n").as_bytes()).unwrap();
    let store = match opened {
        Ok(store) => Arc::new(store),
        Err(error) => return say(format!("not opened: {}", whole(&error))),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        for round in 0..ACCEPTED / 4 {
            let mut tasks = tokio::task::JoinSet::new();
            for n in round * 4..round * 4 + 4 {
                let store = Arc::clone(&store);
                tasks.spawn(async move { (n, store.accept(new(&n.to_string(), &body(n)), at(1)).await) });
            }
            while let Some(ended) = tasks.join_next().await {
                match ended.unwrap() {
                    (n, Ok(Accepted::New(s))) => say(format!("{n} {}", s.document.document)),
                    (_, Ok(other)) => panic!("{other:?}"),
                    (_, Err(error)) => say(format!("refused: {}", whole(&error))),
                }
            }
            carry_one_on(&store).await;
        }
    });
}

fn whole(error: &StoreError) -> String {
    let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    format!("{error}{cause}")
}

/// Failures are the disk's, and what they leave is looked at afterwards.
async fn carry_one_on(store: &SqliteStore) {
    let Ok(claimed) = store.claim(&actor(), 1, at(2)).await else { return };
    for one in claimed {
        let id = one.submission.id;
        if store.launch(&id, &envelope(), Step::plain(Event::Launch, actor()), at(2)).await.is_ok() {
            drop(store.step(&id, Step::plain(Event::Receive, actor()), at(2)).await);
        }
    }
    drop(store.purge(&actor(), due(at(1)), 10, at(3)).await);
}

/// Runs it over the shim; answers the folder's log of changes.
fn run(folder: &Path, shim: &Path, settings: &[(&str, &str)]) -> Vec<Change> {
    let log = shim.with_file_name("changes");
    drop(fs::remove_file(&log));
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", THE_RUN, "--ignored", "--test-threads=1", "--quiet"])
        .env("LD_PRELOAD", shim)
        .env("DISK_SHIM_LOG", &log)
        .env("DISK_SHIM_DIR", folder)
        .env("POWER_LOSS_DIR", folder)
        .envs(settings.iter().copied())
        .output()
        .unwrap();
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    changes(&fs::read(&log).unwrap_or_default())
}

fn shim(folder: &Path) -> PathBuf {
    let (source, shim) = (folder.join("disk_shim.c"), folder.join("disk_shim.so"));
    fs::write(&source, SHIM).unwrap();
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shim).arg(&source).arg("-ldl").status();
    assert!(compiled.unwrap().success());
    shim
}

struct Change {
    op: u8,
    path: String,
    number: u64,
    data: Vec<u8>,
}

fn changes(mut log: &[u8]) -> Vec<Change> {
    fn take<'a>(log: &mut &'a [u8], count: usize) -> &'a [u8] {
        let (taken, rest) = log.split_at(count);
        *log = rest;
        taken
    }
    let mut found = Vec::new();
    while !log.is_empty() {
        let op = take(&mut log, 1)[0];
        let length = u32::from_ne_bytes(take(&mut log, 4).try_into().unwrap());
        let path = String::from_utf8(take(&mut log, length.try_into().unwrap()).to_vec()).unwrap();
        let number = u64::from_ne_bytes(take(&mut log, 8).try_into().unwrap());
        let length = u32::from_ne_bytes(take(&mut log, 4).try_into().unwrap());
        let data = take(&mut log, length.try_into().unwrap()).to_vec();
        found.push(Change { op, path, number, data });
    }
    found
}

/// What becomes of a change that had not been synced when the power went.
#[derive(Clone, Copy, Debug)]
enum Unsynced {
    Lost,
    Kept,
    /// Each by chance, as disks write in any order.
    Some(u64),
}

/// The files as they come back after the power went right after the first `cut` changes.
fn after_power_loss(all: &[Change], cut: usize, unsynced: Unsynced) -> BTreeMap<String, Vec<u8>> {
    let mut synced_until: BTreeMap<&str, usize> = BTreeMap::new();
    let mut begun = BTreeMap::new();
    for (at, change) in all[..cut].iter().enumerate() {
        match change.op {
            b'F' => drop(begun.insert(change.number, at)),
            b'G' => {
                let until = synced_until.entry(change.path.as_str()).or_default();
                *until = (*until).max(begun[&change.number]);
            }
            _ => {}
        }
    }
    let mut dice = match unsynced {
        Unsynced::Some(seed) => seed,
        _ => 1,
    };
    let mut stays = |at: usize, path: &str| {
        if at < synced_until.get(path).copied().unwrap_or(0) {
            return true;
        }
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        match unsynced {
            Unsynced::Lost => false,
            Unsynced::Kept => true,
            Unsynced::Some(_) => dice.is_multiple_of(2),
        }
    };
    let folder = |path: &str| path.rsplit_once('/').unwrap().0.to_owned();
    let (mut contents, mut names): (BTreeMap<String, Vec<u8>>, BTreeSet<String>) = Default::default();
    for (at, change) in all[..cut].iter().enumerate() {
        let Change { op, path, number, data } = change;
        let number = usize::try_from(*number).unwrap();
        match op {
            // A name is durable by a sync of its folder; the content by one of the file.
            b'C' if stays(at, &folder(path)) => drop(names.insert(path.clone())),
            b'U' if stays(at, &folder(path)) => {
                names.remove(path);
                contents.remove(path);
            }
            b'W' if stays(at, path) => {
                let content = contents.entry(path.clone()).or_default();
                content.resize(content.len().max(number + data.len()), 0);
                content[number..number + data.len()].copy_from_slice(data);
            }
            b'T' if stays(at, path) => contents.entry(path.clone()).or_default().resize(number, 0),
            _ => {}
        }
    }
    names.into_iter().map(|name| (name.clone(), contents.remove(&name).unwrap_or_default())).collect()
}

/// Which submissions had been promised by then, with the document ids that their callers were told.
fn promised(all: &[Change]) -> BTreeMap<usize, String> {
    let written = all.iter().filter(|c| c.op == b'W' && c.path.ends_with("/promises"));
    let lines = written.map(|c| String::from_utf8(c.data.clone()).unwrap());
    let pair = |line: String| line.trim().split_once(' ').map(|(n, id)| (n.parse(), id.to_owned()));
    lines.filter_map(pair).filter_map(|(n, id)| Some((n.ok()?, id))).collect()
}

/// Lays the files out in a folder, opens the store on them and answers which promises are broken, and what else is not whole.
async fn broken(files: &BTreeMap<String, Vec<u8>>, promises: &BTreeMap<usize, String>) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files.iter().filter(|(path, _)| !path.ends_with("-shm") && !path.ends_with("/promises")) {
        let below = path.split_once("/store/").unwrap().1;
        let to = folder.path().join(below);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::write(to, content).unwrap();
    }
    faults(&folder.path().join("s.db"), promises).await
}

async fn faults(database: &Path, promises: &BTreeMap<usize, String>) -> Vec<String> {
    let store = match SqliteStore::open(database, &key(), at(100)) {
        Ok(store) => store,
        Err(error) => return vec![format!("does not open: {error}")],
    };
    let mut faults = Vec::new();
    for (n, document) in promises {
        match store.accept(new(&n.to_string(), &body(*n)), at(101)).await {
            Ok(Accepted::Replay(s)) if s.document.document.as_str() == document => {}
            other => faults
                .push(format!("{n} is lost: {}", other.map_or_else(|e| e.to_string(), |_| "accepted anew".into()))),
        }
    }
    drop(store);
    match check(database, &key()) {
        Ok(report) => faults.extend(report.faults),
        Err(error) => faults.push(error.to_string()),
    }
    faults
}

/// Moments worth trying: right after each promise, and others spread over the run.
fn moments(all: &[Change]) -> Vec<usize> {
    let promises = (0..all.len()).filter(|at| all[*at].path.ends_with("/promises")).map(|at| at + 1);
    let spread = (1..=MOMENTS).map(|n| n * all.len() / MOMENTS);
    promises.step_by(3).chain(spread).collect()
}

#[tokio::test]
async fn what_was_promised_survives_a_power_loss_at_any_moment() {
    let (folder, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = folder.path().join("store");
    fs::create_dir(&place).unwrap();
    let all = run(&place, &shim(tools.path()), &[]);
    assert_eq!(promised(&all).len(), ACCEPTED);
    let (mut tried, mut lost) = (0, 0);
    for cut in moments(&all) {
        for unsynced in [Unsynced::Lost, Unsynced::Kept, Unsynced::Some(cut as u64 + 1)] {
            let (files, promises) = (after_power_loss(&all, cut, unsynced), promised(&all[..cut]));
            let faults = broken(&files, &promises).await;
            assert!(faults.is_empty(), "after {cut} of {} changes, unsynced {unsynced:?}: {faults:?}", all.len());
            tried += 1;
            lost += usize::from(!promises.is_empty());
        }
    }
    assert!(tried >= 3 * MOMENTS && lost > MOMENTS);
}

/// The test above can fail: without a sync at each commit, promises are lost.
#[tokio::test]
async fn without_full_synchronisation_the_same_power_loss_loses_promises() {
    let (folder, tools) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let place = folder.path().join("store");
    fs::create_dir(&place).unwrap();
    let all = run(&place, &shim(tools.path()), &[("POWER_LOSS_NORMAL", "1")]);
    assert_eq!(promised(&all).len(), ACCEPTED);
    let mut broke = 0;
    for cut in moments(&all) {
        let promises = promised(&all[..cut]);
        broke += usize::from(!broken(&after_power_loss(&all, cut, Unsynced::Lost), &promises).await.is_empty());
    }
    assert!(broke > 0, "synchronous=NORMAL lost nothing: the shim drops nothing");
}

/// Linux numbers of the errors that a disk gives.
const FAILURES: [(&str, &str); 3] = [("28", "full"), ("30", "read-only"), ("5", "disk I/O error")];

#[tokio::test]
async fn a_disk_that_fails_in_the_middle_breaks_no_promise_and_is_named() {
    let tools = tempfile::tempdir().unwrap();
    let shim = shim(tools.path());
    for (number, name) in FAILURES {
        for bytes in [0u32, 5_000, 60_000, 150_000, 400_000, 900_000] {
            let folder = tempfile::tempdir().unwrap();
            let place = folder.path().join("store");
            fs::create_dir(&place).unwrap();
            let all = run(&place, &shim, &[("DISK_SHIM_ERRNO", number), ("DISK_SHIM_BYTES", &bytes.to_string())]);
            let said = fs::read_to_string(place.join("promises")).unwrap();
            let promises = promised(&all);
            assert!(promises.len() < ACCEPTED, "{name} after {bytes}: nothing failed");
            for line in said.lines().filter(|line| line.starts_with("refused") || line.starts_with("not opened")) {
                assert!(
                    line.to_lowercase().contains(name) || line.contains("I/O") || line.contains("os error"),
                    "{name}: {line}"
                );
            }
            if promises.is_empty() {
                continue;
            }
            let faults = faults(&place.join("s.db"), &promises).await;
            assert!(faults.is_empty(), "{name} after {bytes} bytes: {faults:?}");
        }
    }
}
