//! What a submission's way over the wire costs, as a factor of what could not be left out anyway, measured in the same run.
//!
//! - Encoding: a signed document of 30 KB → the message as it leaves. Decoding: that message as it arrives → frame, metadata and
//!   the document's bytes. Both with the document as a part and inline.
//! - Control: Base64 of the document, there and back, and quick-xml reading every event of the same bytes.
//!
//! Aim: at most 4 times the control. `cargo bench --no-default-features --bench wire`. The factors are printed after criterion's
//! own lines.

#![expect(clippy::expect_used, reason = "a bench of its own examples: a panic is how it fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentIds, Header, Software};
use asiasilta::domain::document::read::ReadFrame;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::organisation::Unit;
use asiasilta::domain::person::Worker;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::structure::Registry;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::wire::frame::store_message;
use asiasilta::domain::wire::soap::{self, Content};
use asiasilta::domain::wire::{Envelope, MessageContext, MessageId, UseSituation, multipart};
use asiasilta::domain::xml::Limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput};
use jiff::Timestamp;
use serde_json::Value;

const ENTRY: &str = include_str!("../examples/records/02-everyday-life-morning.json");
const TEXT: &str = "/content/merkinta_asiakkaan_arjesta/asiakaskertomusmerkinta/tapahtuma/kuvaus";
const DOCUMENT_BYTES: usize = 30_000;
const AIM: f64 = 4.0;
const SAMPLES: usize = 41;
const SAMPLE: Duration = Duration::from_millis(20);

/// One submission's parts.
struct Bench {
    profile: WireProfile,
    header: Header,
    document: Vec<u8>,
    id: MessageId,
    worker: Worker,
    unit: Unit,
    created: Instant,
}

impl Bench {
    fn new(place: &str) -> Self {
        let over = format!("[transport]\ndocument_place = {{ value = \"{place}\" }}");
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().expect("a moment");
        let (header, document, worker, unit) = document(now);
        Self {
            profile: WireProfile::default_with(&over).expect("a profile"),
            id: MessageId { root: "1.2.246.10.99999992.10.0".parse().expect("an OID"), extension: "17".into() },
            header,
            document,
            worker,
            unit,
            created: Instant::in_finland(now),
        }
    }

    fn encode(&self) -> Envelope {
        let context = MessageContext {
            message_id: &self.id,
            sender: &self.id.root,
            created: self.created,
            environment: Environment::Test,
            worker: &self.worker,
            unit: &self.unit,
            situation: UseSituation::RegisterAccess,
        };
        store_message(&self.profile, &context, &self.header, &self.document).expect("a message")
    }
}

/// A message as it arrives, taken apart: metadata and the document's bytes.
fn decode(envelope: &Envelope) -> (ReadFrame, Vec<u8>) {
    let parts = match multipart::is_multipart(&envelope.content_type) {
        true => multipart::read(&envelope.content_type, &envelope.body).expect("parts"),
        false => Vec::new(),
    };
    let frame = parts.first().map_or(envelope.body.as_slice(), |part| part.body);
    let content = soap::unwrap(frame, Limits::DOCUMENT).expect("an envelope");
    let Content::Message(message) = content else { panic!("a fault") };
    let metadata = ReadFrame::of(&message).expect("a frame");
    let document = match parts.get(1) {
        Some(part) => part.body.to_vec(),
        None => {
            let text = message.at(["controlActProcess", "subject", "clinicalDocument", "text"]).expect("a text");
            STANDARD.decode(text.all_text()).expect("Base64")
        }
    };
    (metadata, document)
}

/// The example, its text grown until the document has its size.
fn document(now: Timestamp) -> (Header, Vec<u8>, Worker, Unit) {
    let checker = Checker::new(Arc::new(Registry::reduced()), Environment::Production);
    let id: Oid = "1.2.246.10.99999992.95.2026.1.1".parse().expect("an OID");
    let case: Oid = "1.2.246.10.99999991.14.2026.1".parse().expect("an OID");
    let ids = DocumentIds { document: id.clone(), set: id, version: 1 };
    let software = Software { moderator: "a".into(), product: "b".into(), version: "1".into() };
    let mut record: Value = serde_json::from_str(ENTRY).expect("JSON");
    loop {
        let bytes = record.to_string().into_bytes();
        let checked = checker.record(&bytes, now).unwrap_or_else(|findings| panic!("{findings:?}"));
        let making =
            Making { ids: &ids, created: Instant::in_finland(now), found_case: Some(&case), software: &software };
        let document = document_of(&checked, &making);
        let xml = document.unsigned_xml().into_bytes();
        if xml.len() >= DOCUMENT_BYTES {
            let record = checked.record();
            println!("document of {} bytes", xml.len());
            return (document.header().clone(), xml, record.acting_worker.clone(), record.unit.clone());
        }
        if let Some(Value::String(text)) = record.pointer_mut(TEXT) {
            text.push_str("Asiakas osallistui keskusteluun, ja hänen näkemyksensä kirjattiin. ");
        }
    }
}

/// Base64 of the document there and back, and every event of the XML that the message has.
fn control(document: &[u8], xml: &[&[u8]]) -> usize {
    let encoded = STANDARD.encode(document);
    let decoded = STANDARD.decode(encoded.as_bytes()).expect("Base64");
    let events: usize = xml.iter().map(|xml| all_events(xml)).sum();
    decoded.len() + events
}

fn all_events(xml: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(xml);
    let mut events = 0;
    loop {
        match reader.read_event().expect("well-formed XML") {
            quick_xml::events::Event::Eof => return events,
            event => {
                black_box(&event);
                events += 1;
            }
        }
    }
}

/// The XML texts of a message: the envelope, and the document where it is a part of its own.
fn texts(envelope: &Envelope) -> Vec<&[u8]> {
    match multipart::is_multipart(&envelope.content_type) {
        true => {
            multipart::read(&envelope.content_type, &envelope.body).expect("parts").iter().map(|p| p.body).collect()
        }
        false => vec![&envelope.body],
    }
}

/// The median time of one call, measured turn by turn with the other so that both meet the same machine.
fn factor(mut ours: impl FnMut(), mut control: impl FnMut()) -> (f64, Duration, Duration) {
    fn once(work: &mut impl FnMut()) -> f64 {
        let (start, mut calls) = (Clock::now(), 0_u32);
        while start.elapsed() < SAMPLE {
            work();
            calls += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(calls)
    }
    fn median(mut times: Vec<f64>) -> f64 {
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    }
    let (ours, control): (Vec<f64>, Vec<f64>) = (0..SAMPLES).map(|_| (once(&mut ours), once(&mut control))).unzip();
    let (ours, control) = (median(ours), median(control));
    (ours / control, Duration::from_secs_f64(ours), Duration::from_secs_f64(control))
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let benches = ["multipart", "inline"].map(|place| (place, Bench::new(place)));
    for (place, bench) in &benches {
        let envelope = bench.encode();
        let texts = texts(&envelope);
        let mut group = criterion.benchmark_group(*place);
        group.throughput(Throughput::Bytes(u64::try_from(envelope.body.len()).unwrap_or(u64::MAX)));
        group.bench_function("encode", |b| b.iter(|| black_box(bench.encode())));
        group.bench_function("decode", |b| b.iter(|| black_box(decode(black_box(&envelope)))));
        group.bench_function("control", |b| b.iter(|| control(black_box(&bench.document), &texts)));
        group.finish();
    }
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for (place, bench) in &benches {
        let envelope = bench.encode();
        let texts = texts(&envelope);
        let control = || {
            black_box(control(black_box(&bench.document), &texts));
        };
        let encode = || drop(black_box(bench.encode()));
        let decode = || drop(black_box(decode(black_box(&envelope))));
        let both = || {
            encode();
            decode();
        };
        tell(place, "encode", factor(encode, control), None);
        tell(place, "decode", factor(decode, control), None);
        tell(place, "encode and decode", factor(both, control), Some(AIM));
    }
}

fn tell(place: &str, what: &str, (factor, ours, control): (f64, Duration, Duration), aim: Option<f64>) {
    let verdict = aim
        .map_or(String::new(), |aim| format!(", {} the aim of {aim}", if factor <= aim { "within" } else { "past" }));
    println!("factor {place}, {what}: {factor:.2} ({ours:.1?} against {control:.1?}){verdict}");
}
