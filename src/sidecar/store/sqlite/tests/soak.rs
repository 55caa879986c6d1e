//! Many documents with retention running: everything of what was settled is used again, its rows of the use log too.
//!
//! Short by default. The full run, with memory looked at as well:
//! `ASIASILTA_SOAK_DOCUMENTS=200000 cargo test --release --lib --features sqlite soak -- --nocapture`

use super::*;

const DOCUMENT_BYTES: usize = 3_000;
const ENVELOPE_BYTES: usize = 12_000;
/// Under way at the same time.
const AT_ONCE: usize = 64;
/// Documents that retention keeps, by the test's clock of one a second.
const KEPT: usize = 2_000;
/// Of these, so many times as many settled submissions are not forgotten yet.
const SETTLED_KEPT: usize = 2;
/// And so many times as many entries' worth of the use log.
const USES_KEPT: usize = 4;
/// What the file may still grow by over the second half, where nothing may stay of a document: pages that are free at the moment.
const SLACK_BYTES: u64 = 2 << 20;
/// Growth of resident memory over the second half of a full run that is noise of the allocator.
const NOISE_KIB: i64 = 2_048;

struct Sample {
    documents: usize,
    file_bytes: u64,
    resident_kib: i64,
}

fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn one(store: &SqliteStore, number: usize, body: &str, envelope: StoredEnvelope) {
    let seconds = i64::try_from(number).unwrap();
    let s = accepted(store, new(&format!("soak {number}"), body), seconds).await;
    store.claim(&actor(), 1, at(seconds)).await.unwrap();
    // Another task may have claimed it, as workers do.
    loop {
        match store.launch(&s.id, &envelope, Step::plain(Event::Launch, actor()), at(seconds)).await {
            Ok(_) => break,
            Err(StoreError::Illegal(_)) => drop(store.claim(&actor(), 1, at(seconds)).await.unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
    step(store, &s, Event::Receive, seconds).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_retention_running_neither_the_file_nor_memory_grows() {
    let asked = std::env::var("ASIASILTA_SOAK_DOCUMENTS").ok().map(|count| count.parse::<usize>().unwrap());
    let documents = asked.unwrap_or(4_000);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.db");
    let store = Arc::new(open(&path, 0));
    let body: Arc<str> = "x".repeat(DOCUMENT_BYTES).into();
    let outbound = Outbound { body: vec![b'y'; ENVELOPE_BYTES], ..envelope().outbound };
    let envelope = StoredEnvelope { outbound, ..envelope() };
    let kept = if asked.is_some() { KEPT } else { KEPT / 4 };
    let (mut samples, every) = (Vec::new(), (documents / 20).max(AT_ONCE));
    let mut number = 0;
    while number < documents {
        let mut tasks = tokio::task::JoinSet::new();
        for number in number..number + AT_ONCE {
            let (store, body, envelope) = (Arc::clone(&store), Arc::clone(&body), envelope.clone());
            tasks.spawn(async move { one(&store, number, &body, envelope).await });
        }
        tasks.join_all().await;
        number += AT_ONCE;
        let before = at(i64::try_from(number.saturating_sub(kept)).unwrap());
        let now = at(i64::try_from(number).unwrap());
        while store.purge(&actor(), due(before), 50, now).await.unwrap().more {}
        let before = at(i64::try_from(number.saturating_sub(SETTLED_KEPT * kept)).unwrap());
        while store.forget(&actor(), before, 50, now).await.unwrap() == 50 {}
        let before = at(i64::try_from(number.saturating_sub(USES_KEPT * kept)).unwrap());
        while store.forget_uses(&actor(), before, 1_000, now).await.unwrap() == 1_000 {}
        if number / every != (number - AT_ONCE) / every {
            let file_bytes = std::fs::metadata(&path).unwrap().len();
            let sample = Sample { documents: number, file_bytes, resident_kib: resident_kib() };
            eprintln!(
                "soak: {} documents, file {} KiB, resident {} KiB",
                sample.documents,
                sample.file_bytes >> 10,
                sample.resident_kib
            );
            samples.push(sample);
        }
    }
    let (middle, last) = (&samples[samples.len() / 2], samples.last().unwrap());
    let (documents, grown) = (last.documents - middle.documents, last.file_bytes.saturating_sub(middle.file_bytes));
    eprintln!(
        "soak: over the last {documents} documents, each {DOCUMENT_BYTES} bytes in and {ENVELOPE_BYTES} out, the file grew by {grown} bytes"
    );
    assert!(grown < SLACK_BYTES, "the file grew by {grown} bytes over {documents} documents");
    let wal = std::fs::metadata(folder.path().join("s.db-wal")).unwrap().len();
    assert!(wal < 64 << 20, "the log beside the database has {wal} bytes");
    // Other tests share the process in a short run; a full run is alone.
    if asked.is_some() {
        let grown = last.resident_kib - middle.resident_kib;
        assert!(grown < NOISE_KIB, "resident memory grew by {grown} KiB in the second half");
    }
    drop(store);
    let report = check(&path, &key()).unwrap();
    assert_eq!((report.faults, report.open), (vec![], 0));
}
