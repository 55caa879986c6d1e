//! Documents and frames with one place changed before both judges: the library as a reader, the mock as the archive. Seeded,
//! so that a run can be repeated. Where one takes what the other refuses, a row of [`DISAGREEMENTS`] says why that is right.

use std::collections::BTreeMap;
use std::path::PathBuf;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::read::consistency::Beside;
use asiasilta::domain::document::read::{ReadFrame, read};
use asiasilta::domain::signature::{ExpectedSigner, Trust, TrustPolicy, verify};
use asiasilta::domain::structure::Registry;
use asiasilta::domain::xml::{Limits, parse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{Bench, Made, NOW, ORGANISER, PRODUCER, examples};
use crate::support::{at, oid};

const MUTANTS: usize = 240;
const SEED: u64 = 0x5eed_2026;

/// Where a mutation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Header,
    SocialHeader,
    Content,
    Display,
    Signature,
    Frame,
}

const PLACES: [Place; 6] =
    [Place::Header, Place::SocialHeader, Place::Content, Place::Display, Place::Signature, Place::Frame];

/// A known disagreement: the place, what it turns on, and why it is right.
struct Disagreement {
    place: Place,
    turns_on: TurnsOn,
    #[expect(dead_code, reason = "for the reader of the table")]
    why: &'static str,
}

/// What a disagreement turns on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum TurnsOn {
    /// The mock alone refuses, by this rule.
    MocksRule(&'static str),
    /// The library alone refuses, for this finding.
    LibrarysFinding(String),
}

fn known(place: Place, turns_on: &TurnsOn) -> bool {
    disagreements().iter().any(|known| known.place == place && known.turns_on == *turns_on)
}

fn disagreements() -> Vec<Disagreement> {
    let mocks = |place, rule, why| Disagreement { place, turns_on: TurnsOn::MocksRule(rule), why };
    let librarys =
        |place, finding: &str, why| Disagreement { place, turns_on: TurnsOn::LibrarysFinding(finding.to_owned()), why };
    let lenient =
        "a reader takes what it needs and passes over what it does not use; an archive takes only what is whole";
    vec![
        mocks(Place::Frame, "message.schema", lenient),
        mocks(Place::Frame, "message.form", lenient),
        mocks(
            Place::Frame,
            "message.service-request",
            "the library compares metadata; what was asked for is the archive's",
        ),
        mocks(Place::Header, "document.schema", lenient),
        mocks(
            Place::Header,
            "document.codes",
            "the library shows a document of another confidentiality; ours does not store it",
        ),
        mocks(Place::SocialHeader, "document.schema", lenient),
        mocks(
            Place::SocialHeader,
            "document.codes",
            "the library shows a document of another state; ours does not store it",
        ),
        librarys(
            Place::Header,
            "document.value",
            "the archive takes documents in languages that the library cannot show",
        ),
        librarys(
            Place::SocialHeader,
            "value.instant",
            "the mock holds creationTime against its pattern, not against the calendar",
        ),
        librarys(
            Place::SocialHeader,
            "document.structure_type",
            "a specific type that is not the structure's own is a warning in the mock (document.specific-type)",
        ),
    ]
}

/// The same numbers for the same seed (a linear congruential generator; nothing here is secret).
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn of(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

/// One changed place: the element's name, and the text with the change.
fn changed(text: &str, within: (&str, &str), chance: &mut Chance) -> (String, String) {
    let start = text.find(within.0).unwrap();
    let end = start + text[start..].find(within.1).unwrap();
    let quotes: Vec<usize> = text[start..end].match_indices("=\"").map(|(at, _)| start + at + 2).collect();
    let quotes: Vec<usize> =
        quotes.into_iter().filter(|at| !text[..*at].ends_with("xmlns=\"") && !is_namespace(text, *at)).collect();
    let at = quotes[chance.below(quotes.len())];
    let length = text[at..].find('"').unwrap();
    let value = &text[at..at + length];
    let element_start = text[..at].rfind('<').unwrap() + 1;
    let element = text[element_start..].split([' ', '>', '/']).next().unwrap().rsplit(':').next().unwrap();
    (element.to_owned(), format!("{}{}{}", &text[..at], bent(value, chance), &text[at + length..]))
}

/// The text of the first element of that name, changed.
fn text_changed(text: &str, element: &str, chance: &mut Chance) -> (String, String) {
    let name_at = text.find(&format!("{element} ")).or_else(|| text.find(&format!("{element}>"))).unwrap();
    let start = name_at + text[name_at..].find('>').unwrap() + 1;
    let end = start + text[start..].find('<').unwrap();
    (element.to_owned(), format!("{}{}{}", &text[..start], bent(&text[start..end], chance), &text[end..]))
}

fn is_namespace(text: &str, at: usize) -> bool {
    text[..at].rsplit([' ', '\n']).next().is_some_and(|name| name.starts_with("xmlns"))
}

/// A value with one sign exchanged for another of its kind, or emptied.
fn bent(value: &str, chance: &mut Chance) -> String {
    let mut signs: Vec<char> = value.chars().collect();
    if signs.is_empty() || chance.below(8) == 0 {
        return if value.is_empty() { "x".into() } else { String::new() };
    }
    let at = chance.below(signs.len());
    signs[at] = match signs[at] {
        '0'..='8' => char::from(signs[at] as u8 + 1),
        '9' => '1',
        'a'..='y' | 'A'..='Y' => char::from(signs[at] as u8 + 1),
        '.' => '-',
        _ => 'q',
    };
    signs.into_iter().collect()
}

/// The decoded text between two marks, changed and encoded again; the signature stays what it was.
fn recoded(text: &str, from: &str, to: &str, change: impl FnOnce(&str) -> (String, String)) -> (String, String) {
    let start = text.find(from).unwrap() + from.len();
    let end = start + text[start..].find(to).unwrap();
    let decoded = String::from_utf8(STANDARD.decode(text[start..end].trim()).unwrap()).unwrap();
    let (element, changed) = change(&decoded);
    (element, format!("{}{}{}", &text[..start], STANDARD.encode(changed), &text[end..]))
}

fn json_changed(text: &str, chance: &mut Chance) -> (String, String) {
    let values: Vec<usize> = text.match_indices(":\"").map(|(at, _)| at + 2).collect();
    let at = values[chance.below(values.len())];
    let length = text[at..].find('"').unwrap();
    ("json".to_owned(), format!("{}{}{}", &text[..at], bent(&text[at..at + length], chance), &text[at + length..]))
}

pub(super) fn mutate(made: &Made, place: Place, chance: &mut Chance) -> (String, Made) {
    let document = &made.document;
    let mut mutant = made.clone();
    let element;
    match place {
        Place::Frame => (element, mutant.frame) = changed(&made.frame, ("<id ", "</controlActProcess>"), chance),
        Place::Header => {
            (element, mutant.document) = changed(document, ("<realmCode", "<hl7fi:localSocialHeader"), chance)
        }
        Place::SocialHeader => {
            let header = ("<hl7fi:localSocialHeader", "signatureDescription");
            (element, mutant.document) = changed(document, header, chance);
        }
        Place::Signature => {
            (element, mutant.document) = if chance.below(2) == 0 {
                text_changed(document, ["DigestValue", "SignatureValue", "signatureTimestamp"][chance.below(3)], chance)
            } else {
                changed(document, ("signatureDescription", "X509Certificate>"), chance)
            };
        }
        Place::Display => {
            let change = |text: &str| changed(text, ("<div", "</div>"), chance);
            (element, mutant.document) = recoded(document, "representation=\"B64\">", "</text>", change);
        }
        Place::Content => {
            let start = document.find("<hl7fi:json").unwrap();
            let mark = document[start..].split_inclusive('>').next().unwrap().to_owned();
            let change = |text: &str| json_changed(text, chance);
            (element, mutant.document) = recoded(document, &mark, "</hl7fi:json>", change);
        }
    }
    (element, mutant)
}

/// What the library, reading this document beside this frame, calls wrong; empty when it takes it.
fn librarys_errors(made: &Made, registry: &Registry, certificate_der: &[u8]) -> Vec<String> {
    let unread = |what: &str| vec![format!("unreadable {what}")];
    let Ok(message) = parse(made.frame.as_bytes(), Limits::DOCUMENT) else { return unread("frame") };
    let Some(frame) = ReadFrame::of(&message.root) else { return unread("frame") };
    let Ok(document) = read(made.document.as_bytes()) else { return unread("document") };
    let trust = Trust::Pinned(vec![certificate_der.to_vec()]);
    let policy = TrustPolicy { trust, system_signer: ExpectedSigner::Organisation(made.sender.clone()), now: at(NOW) };
    let verdict = verify(document.tree(), &OpensslCrypto, &policy);
    let structure = document.header.structure.as_ref().and_then(|oid| registry.find(oid));
    let beside = Beside { frame: Some(&frame), structure: structure.as_deref(), verdict: Some(&verdict) };
    let compared = document.compare(beside);
    let all = document.findings.iter().chain(&compared);
    let mut errors: Vec<String> =
        all.filter(|finding| finding.is_error()).map(|finding| finding.code.to_string()).collect();
    errors.extend(verdict.all_reasons().map(|reason| format!("signature {reason:?}")));
    errors
}

/// A bench with the relationship and case documents of the producer's records, and the records to be changed.
pub(super) fn prepared() -> (Bench, Vec<(PathBuf, &'static str)>) {
    let mut bench = Bench::new();
    let mut records = Vec::new();
    for part in ["relationship", "case", "decision"] {
        for path in examples("organiser").into_iter().filter(|path| path.to_string_lossy().contains(part)) {
            if part != "decision" {
                assert_eq!(bench.store(&path, ORGANISER, None).code.as_str(), "AA");
            }
            records.push((path, ORGANISER));
        }
    }
    let own = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().starts_with('0');
    records.extend(examples("records").into_iter().filter(own).map(|path| (path, PRODUCER)));
    (bench, records)
}

#[test]
fn changed_documents_and_frames_are_refused_by_both_or_the_table_says_why() {
    let (mut bench, records) = prepared();
    let registry = Registry::reduced();
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let mut chance = Chance::of(SEED);
    let (mut both, mut unlisted) = (0, BTreeMap::<String, usize>::new());
    for index in 0..MUTANTS {
        let (path, sender) = records[index % records.len()].clone();
        let found_case = (sender == PRODUCER).then_some(&case);
        let made = bench.make(&path, sender, found_case);
        let certificate = certificate_der(&made.document);
        let place = PLACES[index / records.len() % PLACES.len()];
        let (element, mutant) = mutate(&made, place, &mut chance);
        let library = librarys_errors(&mutant, &registry, &certificate);
        let acceptance = bench.give(&mutant);
        let mock: Vec<_> = acceptance.findings.iter().map(|finding| finding.rule.id()).collect();
        let turns_on = match (library.first(), mock.first()) {
            (Some(_), Some(_)) => {
                both += 1;
                continue;
            }
            (None, None) => continue,
            (Some(finding), None) => TurnsOn::LibrarysFinding(finding.clone()),
            (None, Some(rule)) => TurnsOn::MocksRule(rule),
        };
        if !known(place, &turns_on) {
            *unlisted.entry(format!("{place:?} {element} {turns_on:?} {library:?} {mock:?}")).or_default() += 1;
        }
    }
    assert!(unlisted.is_empty(), "{unlisted:#?}");
    assert!(both >= MUTANTS / 2, "{both} refused by both");
}

/// The identity code's root in the client's id, after a replacement: in the frame, or in the document's header, which no signature
/// covers.
fn with_client_root(made: &Made, place: Place, root: &str) -> Made {
    let (from, to) = ("root=\"1.2.246.21\"", format!("root=\"{root}\""));
    let in_client = |text: &str| {
        let (before, client) = text.split_once("<recordTarget").unwrap();
        assert!(client.contains(from));
        format!("{before}<recordTarget{}", client.replacen(from, &to, 1))
    };
    let mut mutant = made.clone();
    match place {
        Place::Frame => mutant.frame = in_client(&made.frame),
        _ => mutant.document = in_client(&made.document),
    }
    mutant
}

#[test]
fn a_clients_id_under_another_root_in_frame_or_header_is_refused_by_both() {
    let (mut bench, records) = prepared();
    let registry = Registry::reduced();
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let (path, sender) = records.last().unwrap().clone();
    for place in [Place::Frame, Place::Header] {
        for root in ["1.2.246.22", "1.2.246.21.1", "1.2.246.10.99999991.10.0"] {
            let made = bench.make(&path, sender, Some(&case));
            let certificate = certificate_der(&made.document);
            let mutant = with_client_root(&made, place, root);
            let library = librarys_errors(&mutant, &registry, &certificate);
            assert!(library.iter().any(|error| error == "frame.client_root"), "{place:?} {root}: {library:?}");
            let acceptance = bench.give(&mutant);
            let mock: Vec<_> = acceptance.findings.iter().map(|finding| finding.rule.id()).collect();
            assert!(mock.contains(&"pair.clients"), "{place:?} {root}: {mock:?}");
            assert_eq!(
                (librarys_errors(&made, &registry, &certificate), bench.give(&made).code.as_str()),
                (vec![], "AA")
            );
        }
    }
}

fn certificate_der(document: &str) -> Vec<u8> {
    let text = document.split("X509Certificate>").nth(1).unwrap().split('<').next().unwrap();
    STANDARD.decode(text.split_whitespace().collect::<String>()).unwrap()
}

#[test]
fn what_is_not_changed_is_taken_by_both() {
    let (mut bench, records) = prepared();
    let registry = Registry::reduced();
    let case = oid("1.2.246.10.99999991.14.2026.1");
    let mut structures: Vec<String> = Vec::new();
    for (path, sender) in records {
        if sender == ORGANISER && !path.to_string_lossy().contains("decision") {
            continue;
        }
        let made = bench.make(&path, sender, (sender == PRODUCER).then_some(&case));
        let errors = librarys_errors(&made, &registry, &certificate_der(&made.document));
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        let acceptance = bench.give(&made);
        assert_eq!(acceptance.code.as_str(), "AA", "{}: {:?}", path.display(), acceptance.findings);
        structures.extend(
            made.document.split("contentSpecificationId>").nth(1).map(|text| text.split('<').next().unwrap().into()),
        );
    }
    structures.sort_unstable();
    structures.dedup();
    assert!(structures.len() >= 4, "{structures:?}");
}
