//! What a document costs, as a factor of what could not be left out anyway, measured in the same run.
//!
//! - Building: a record's bytes → validated document, without signature, against parsing the same JSON, Base64 of the same bytes
//!   and SHA-256 of them. Aim: at most 8 times that.
//! - Reading: a signed document's bytes → typed, checked for consistency and content, without its signature, against quick-xml
//!   reading every event of it. Aim: at most 6 times that.
//!
//! `cargo bench --no-default-features --bench document`. The factors are printed after criterion's own lines.

#![expect(clippy::expect_used, reason = "a bench of its own examples: a panic is how it fails")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::document::read::read;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::oid::Oid;
use asiasilta::domain::structure::Registry;
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::domain::xml::{Limits, parse_flat, parse_root};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use criterion::{Criterion, Throughput};
use jiff::Timestamp;
use serde_json::Value;

const ENTRY: &str = include_str!("../examples/records/02-everyday-life-morning.json");
const DECISION: &str = include_str!("../examples/organiser/main-decision.json");
const ENTRY_BYTES: usize = 3_000;
const DECISION_BYTES: usize = 20_000;
const SIGNED_BYTES: usize = 30_000;
const BUILD_AIM: f64 = 8.0;
const READ_AIM: f64 = 6.0;
/// About as much as a real signature with its certificate.
const CERTIFICATE_CHARACTERS: usize = 2_700;
const SAMPLES: usize = 600;
const SAMPLE: Duration = Duration::from_millis(1);

struct Bench {
    checker: Checker,
    ids: DocumentIds,
    case: Oid,
    software: Software,
    now: Timestamp,
}

impl Bench {
    fn new(environment: Environment) -> Self {
        let id: Oid = "1.2.246.10.99999992.95.2026.1.1".parse().expect("an OID");
        Self {
            checker: Checker::new(Arc::new(Registry::reduced()), environment),
            ids: DocumentIds { document: id.clone(), set: id, version: 1 },
            case: "1.2.246.10.99999991.14.2026.1".parse().expect("an OID"),
            software: Software { moderator: "a".into(), product: "b".into(), version: "1".into() },
            now: "2026-11-20T12:00:00Z".parse().expect("a moment"),
        }
    }

    fn document(&self, record: &[u8]) -> String {
        let checked = self.checker.record(record, self.now).unwrap_or_else(|findings| panic!("{findings:?}"));
        let making = Making {
            ids: &self.ids,
            created: Instant::in_finland(self.now),
            found_case: Some(&self.case),
            software: &self.software,
        };
        document_of(&checked, &making).unsigned_xml()
    }

    /// Reads a document, and judges its content by its structure.
    fn read(&self, document: &[u8]) -> usize {
        let read = read(document).expect("a document");
        let oid = read.header.structure.as_ref().expect("a structure");
        let structure = self.checker.structures().find(oid).expect("a known structure");
        let valid = structure.takes(read.json.as_ref().expect("content")).expect("a usable structure");
        read.findings.len() + usize::from(!valid)
    }
}

fn control(record: &[u8]) -> (Value, String, aws_lc_rs::digest::Digest) {
    let parsed = serde_json::from_slice(record).expect("JSON");
    (parsed, STANDARD.encode(record), aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, record))
}

fn all_events(document: &[u8]) -> usize {
    let mut reader = quick_xml::Reader::from_reader(document);
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

/// The example as compact JSON, its first free text and its lists of people grown until it has this many bytes.
fn grown(example: &str, bytes: usize) -> Vec<u8> {
    let mut record: Value = serde_json::from_str(example).expect("JSON");
    let sentence = "Asiakas osallistui keskusteluun, ja hänen näkemyksensä kirjattiin hänen omin sanoin. ";
    let text = record.to_string();
    for at in ["/content/iakkaiden_palvelupaatos/paatos/lisatietojen_antaja"] {
        if let Some(Value::Array(people)) = record.pointer_mut(at) {
            let one = people.first().cloned().expect("one of them");
            people.resize(12, one);
        }
    }
    let texts = [
        "/content/iakkaiden_palvelupaatos/paatos/ratkaisu_ja_perustelut",
        "/content/merkinta_asiakkaan_arjesta/asiakaskertomusmerkinta/tapahtuma/kuvaus",
    ];
    let grown = record.to_string().len();
    for at in texts {
        if let Some(Value::String(text)) = record.pointer_mut(at) {
            text.push_str(&sentence.repeat(bytes.saturating_sub(grown) / sentence.len()));
        }
    }
    let made = record.to_string().into_bytes();
    println!("{} bytes grown to {}", text.len(), made.len());
    made
}

/// The document with something of a signature's size and shape where signatures stand, and a body that brings it to the size.
fn signed(bench: &Bench) -> Vec<u8> {
    let signature = format!(
        "<signatureCollection xmlns=\"urn:hl7finland\"><signature ID=\"s\"><signatureDescription code=\"3\"/>\
         <signatureTimestamp ID=\"t\">2026-11-20T12:00:00Z</signatureTimestamp>\
         <Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><SignedInfo>{}</SignedInfo>\
         <SignatureValue>{}</SignatureValue><KeyInfo><X509Data><X509Certificate>{}</X509Certificate></X509Data></KeyInfo>\
         </Signature></signature></signatureCollection></hl7fi:localSocialHeader>",
        "<Reference URI=\"#OID1.2.246.10.99999992.95.2026.1.1\"><Transforms><Transform Algorithm=\"a\"/></Transforms><DigestMethod Algorithm=\"b\"/>\
         <DigestValue>Ur0OJcTeMEU72HFZBXsAx8DQJc5YRcPa6G8/Xynw3iw=</DigestValue></Reference>"
            .repeat(2),
        "A".repeat(684),
        "B".repeat(CERTIFICATE_CHARACTERS),
    );
    let mut bytes = ENTRY_BYTES;
    loop {
        let document = bench.document(&grown(DECISION, bytes)).replace("</hl7fi:localSocialHeader>", &signature);
        if document.len() >= SIGNED_BYTES {
            // Findings take time of their own: a document as it should be has none.
            assert_eq!(read(document.as_bytes()).expect("a document").findings.len(), 0);
            println!("signed document of {} bytes", document.len());
            return document.into_bytes();
        }
        bytes += 1_000;
    }
}

/// The least time of one call in many short samples, taken turn by turn with the other so that both meet the same machine.
/// What else runs on it only ever adds time.
fn factor(mut ours: impl FnMut(), mut control: impl FnMut()) -> (f64, Duration, Duration) {
    fn once(work: &mut impl FnMut()) -> f64 {
        let (start, mut calls) = (Clock::now(), 0_u32);
        while start.elapsed() < SAMPLE {
            work();
            calls += 1;
        }
        start.elapsed().as_secs_f64() / f64::from(calls)
    }
    let (mut least, mut least_control) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..SAMPLES {
        least = least.min(once(&mut ours));
        least_control = least_control.min(once(&mut control));
    }
    (least / least_control, Duration::from_secs_f64(least), Duration::from_secs_f64(least_control))
}

/// Where the time of reading goes: each step alone, on what the steps before it made.
fn breakdown(bench: &Bench, signed: &[u8]) {
    let document = read(signed).expect("a document");
    let (display, content) = (document.display.expect("a form"), document.json.expect("content"));
    let json = content.value().to_string();
    let (form_packed, json_packed) = (STANDARD.encode(&display), STANDARD.encode(&json));
    let list = || parse_flat(signed, Limits::DOCUMENT).expect("XML");
    let structure = document.header.structure.and_then(|oid| bench.checker.structures().find(&oid)).expect("known");
    let steps: [(&str, &dyn Fn()); 9] = [
        ("all events (control)", &|| {
            black_box(all_events(signed));
        }),
        ("list of elements", &|| drop(black_box(list()))),
        ("tree of elements, where it is asked for", &|| drop(black_box(list().into_tree()))),
        ("Base64", &|| drop(black_box((STANDARD.decode(&form_packed), STANDARD.decode(&json_packed))))),
        ("display form, all events", &|| {
            black_box(all_events(display.as_bytes()));
        }),
        ("display form, well-formed", &|| drop(black_box(parse_root(&display, Limits::DOCUMENT)))),
        ("JSON, serde_json", &|| drop(black_box(serde_json::from_str::<Value>(&json)))),
        ("schema", &|| {
            black_box(structure.takes(&content));
        }),
        ("all of it", &|| {
            black_box(bench.read(signed));
        }),
    ];
    println!("reading {} bytes, of them display form {}, content {}:", signed.len(), display.len(), json.len());
    for (name, step) in steps {
        let (_, time, _) = factor(step, || ());
        println!("  {name}: {time:.1?}");
    }
}

fn report(name: &str, aim: f64, (factor, ours, control): (f64, Duration, Duration)) {
    let verdict = if factor <= aim { "within" } else { "past" };
    println!("factor {name}: {factor:.2} ({ours:.1?} against {control:.1?}), {verdict} the aim of {aim}");
}

fn main() {
    let bench = Bench::new(Environment::Production);
    let test = Bench::new(Environment::Test);
    let entry = grown(ENTRY, ENTRY_BYTES);
    let decision = grown(DECISION, DECISION_BYTES);
    let signed = signed(&bench);
    let mut criterion = Criterion::default().configure_from_args();
    let length = |bytes: &[u8]| Throughput::Bytes(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
    for (name, record) in [("entry", &entry), ("decision", &decision)] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(length(record));
        group.bench_function("document", |b| b.iter(|| bench.document(black_box(record))));
        group.bench_function("control", |b| b.iter(|| control(black_box(record))));
        group.finish();
    }
    let mut group = criterion.benchmark_group("signed");
    group.throughput(length(&signed));
    group.bench_function("read", |b| b.iter(|| bench.read(black_box(&signed))));
    group.bench_function("events", |b| b.iter(|| all_events(black_box(&signed))));
    group.finish();
    criterion.final_summary();
    if std::env::args().any(|argument| argument == "--test") {
        return;
    }
    for (name, record) in [("entry", &entry), ("decision", &decision)] {
        let ours = || drop(black_box(bench.document(black_box(record))));
        report(name, BUILD_AIM, factor(ours, || drop(black_box(control(black_box(record))))));
        let guarded = || drop(black_box(test.document(black_box(record))));
        let name = format!("{name}, with the test environment's search for real persons");
        report(&name, BUILD_AIM, factor(guarded, || drop(black_box(control(black_box(record))))));
    }
    let read = || {
        black_box(bench.read(black_box(&signed)));
    };
    let events = || {
        black_box(all_events(black_box(&signed)));
    };
    report("read", READ_AIM, factor(read, events));
    breakdown(&bench, &signed);
}
