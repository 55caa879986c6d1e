//! `asiasilta build | validate | show` as people and scripts run them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::document::header::Header;
use asiasilta::domain::environment::Environment;
use asiasilta::domain::profile::WireProfile;
use asiasilta::domain::signature::{SignatureKind, sign};
use asiasilta::domain::wire::frame::{store_frame, store_message};
use asiasilta::domain::wire::{MessageContext, MessageId, UseSituation};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{
    CertificatePlan, PRODUCER, TestIdentity, at, certify, client_document_header, document, oid, reference, worker,
};

const RECORD: &str = "examples/records/02-everyday-life-morning.json";
const BROKEN: &str = "examples/records/90-broken-field.json";

struct Said {
    exit: i32,
    out: String,
    err: String,
}

fn run(arguments: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_asiasilta"))
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it.
    drop(child.stdin.take().unwrap().write_all(input));
    let done = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { exit: done.status.code().unwrap(), out: text(done.stdout), err: text(done.stderr) }
}

/// What is found in one input: kind, outcome, codes.
fn found(arguments: &[&str], input: &[u8]) -> (i32, Vec<(String, String, Vec<String>)>) {
    let said = run(&[&["validate", "--format", "json"], arguments].concat(), input);
    let report: Value = serde_json::from_str(&said.out).unwrap();
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let inputs = report["inputs"].as_array().unwrap().iter();
    let each = inputs.map(|i| {
        let codes = i["findings"].as_array().unwrap().iter().map(|f| text(&f["code"])).collect();
        (text(&i["kind"]), text(&i["outcome"]), codes)
    });
    (said.exit, each.collect())
}

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        let path: PathBuf = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Judged by the machine's own clock, so all that the document tells is long past.
static SIGNER: LazyLock<TestIdentity> = LazyLock::new(|| {
    let plan = CertificatePlan { not_before: "20250101000000Z", ..CertificatePlan::default() };
    certify(&plan, None)
});

fn header() -> Header {
    Header {
        drawn_up: "2025-03-05T14:30:00+02:00".parse().unwrap(),
        created: "2025-03-05T14:31:00+02:00".parse().unwrap(),
        ..client_document_header()
    }
}

fn signed_xml() -> Vec<u8> {
    let (document, at) = (document(header()), at("2025-03-05T12:32:00Z"));
    let signed = sign(&document, SignatureKind::System, at, &SIGNER.signing(), &OpensslCrypto).unwrap();
    signed.into_parts().1
}

fn with_context<T>(header: &Header, then: impl FnOnce(&MessageContext<'_>) -> T) -> T {
    let (worker, id) = (worker(), MessageId { root: oid(PRODUCER), extension: "17".into() });
    then(&MessageContext {
        message_id: &id,
        sender: &id.root,
        created: header.created,
        environment: Environment::Test,
        worker: &worker,
        unit: &header.unit,
        situation: UseSituation::RegisterAccess,
    })
}

#[test]
fn a_record_is_built_validated_and_shown_through_pipes() {
    let built = run(&["build", "-"], &fs::read(RECORD).unwrap());
    assert_eq!(built.exit, 0, "{}", built.err);
    let (exit, inputs) = found(&["-"], built.out.as_bytes());
    assert_eq!(exit, 0);
    let codes = ["content.not_checked", "signature.missing"].map(str::to_owned).to_vec();
    assert_eq!(inputs, [("archive document".to_owned(), "valid".to_owned(), codes)]);
    let (exit, inputs) = found(&["--structures", "schemas/structures", "-"], built.out.as_bytes());
    assert!(exit == 0 && !inputs[0].2.contains(&"content.not_checked".to_owned()));

    let shown = run(&["show", "-"], built.out.as_bytes());
    assert_eq!((shown.exit, shown.out.contains("Merkintä asiakkaan arjesta")), (0, true), "{}", shown.out);
    assert_eq!(run(&["show", RECORD], b"").out, shown.out);
    let html = run(&["show", "--html", "-"], built.out.as_bytes());
    assert!(html.out.contains("class=\"soc-document\""), "{}", html.out);
    let content = run(&["show", "--format", "json", "-"], built.out.as_bytes());
    let record: Value = serde_json::from_slice(&fs::read(RECORD).unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&content.out).unwrap(), record["content"]);
}

#[test]
fn exit_status_tells_valid_findings_and_unreadable_apart() {
    let files = Files::new();
    let document = files.put("document.xml", signed_xml());
    let unreadable = files.put("x.json", "{\"a\": ");
    assert_eq!(found(&[RECORD, &document], b"").0, 0);
    assert_eq!(found(&[RECORD, BROKEN], b"").0, 1);
    assert_eq!(found(&[BROKEN, &unreadable, RECORD], b"").0, 2);
    assert_eq!(run(&["validate", "/nowhere"], b"").exit, 2);
    assert_eq!((run(&["build", BROKEN], b"").exit, run(&["build", &unreadable], b"").exit), (1, 2));
    assert_eq!((run(&["show", BROKEN], b"").exit, run(&["show", &unreadable], b"").exit), (1, 2));
    for (input, code) in [
        ("", "input.unknown"),
        ("hello", "input.unknown"),
        ("<a/>", "input.unknown"),
        ("<!DOCTYPE a><a/>", "xml.doctype"),
        ("<a>&x;</a>", "xml.entity"),
        ("<a>", "xml.malformed"),
        ("<a>&#0;</a>", "xml.character"),
        ("<p:a/>", "xml.unbound_prefix"),
        ("[", "json.syntax"),
    ] {
        let (exit, inputs) = found(&["-"], input.as_bytes());
        assert_eq!((exit, inputs[0].2.as_slice()), (2, &[code.to_owned()][..]), "{input}");
    }
    let deep = "<a>".repeat(65) + &"</a>".repeat(65);
    assert_eq!(found(&["-"], deep.as_bytes()).1[0].2, ["xml.too_much"]);
    let (exit, inputs) = found(&["-"], "[".repeat(100).as_bytes());
    assert_eq!((exit, inputs[0].2.as_slice()), (2, &["json.too_deep".to_owned()][..]));
    let refused = run(&["validate", "--language", "fi", "-"], b"<!DOCTYPE a><a/>").out;
    assert!(refused.contains("DOCTYPE, jota ei oteta vastaan"), "{refused}");
    let not_shown = run(&["show", "--language", "sv", "-"], b"<!DOCTYPE a><a/>");
    assert_eq!((not_shown.exit, not_shown.out.as_str()), (2, ""));
    assert!(not_shown.err.contains("en DOCTYPE, som inte tas emot"), "{}", not_shown.err);
}

#[test]
fn text_points_into_the_input_and_shows_no_persons_values() {
    let said = run(&["validate", BROKEN], b"");
    let there = format!("--> {BROKEN}:111:7\n");
    assert!(said.out.contains(&there) && said.out.contains("111 | \"paivamaara\": \"••••••••••\",\n"), "{}", said.out);
    let caret = said.out.lines().skip_while(|l| !l.starts_with("111 |")).nth(1);
    assert_eq!(caret, Some("    | ^"));
    let shown = run(&["validate", "--show-values", BROKEN], b"");
    let line = fs::read_to_string(BROKEN).unwrap().lines().nth(110).unwrap().trim().to_owned();
    assert!(shown.out.contains(&format!("111 | {line}\n")));

    let one_line =
        String::from_utf8(signed_xml()).unwrap().replacen("extension=\"010190-900P\"", "extension=\"010190-900A\"", 1);
    let said = run(&["validate", "-"], one_line.as_bytes());
    assert_eq!(said.exit, 1);
    let all = said.out + &said.err;
    assert!(all.contains("error[value.check_character]") && all.contains("<stdin>:2:"), "{all}");
    for secret in ["010190", "Testinen", "Tessa", "19900101"] {
        assert!(!all.contains(secret), "{secret}: {all}");
    }
}

#[test]
fn findings_are_told_in_the_language_that_was_asked_for() {
    for (language, word) in [("fi", "virhe["), ("sv", "fel["), ("en", "error[")] {
        let said = run(&["validate", "--language", language, BROKEN], b"");
        assert!(said.out.starts_with(word) || said.out.contains(&format!("\n{word}")), "{}", said.out);
        assert!(run(&["build", "--language", language, BROKEN], b"").err.contains(word));
    }
}

#[test]
fn what_cannot_be_shown_is_refused_in_the_language_that_was_asked_for() {
    let header = header();
    let profile = WireProfile::default_profile().unwrap();
    let frame = with_context(&header, |context| store_frame(&profile, context, &header, b"").unwrap().to_xml());
    let bodiless =
        String::from_utf8(signed_xml()).unwrap().replacen("representation=\"B64\">P", "representation=\"B64\">*", 1);
    let inputs = [
        ("", "nothing: the input is empty"),
        ("plain words", "neither JSON, XML nor multipart/related"),
        ("<a/>", "XML that is neither an archive document nor a message of the archive"),
        ("--b\r\n\r\nhalf", "multipart with a body without its closing boundary"),
        (&frame, "a frame without its document"),
        (&bodiless, "a document without a display form that can be decoded"),
    ];
    for (input, english) in inputs {
        let said = ["fi", "sv", "en"].map(|language| run(&["show", "--language", language, "-"], input.as_bytes()));
        assert!(said.iter().all(|s| s.exit == 2 && s.out.is_empty()), "{english}: {}", said[2].err);
        assert!(said[2].err.contains(english), "{}", said[2].err);
        assert!(said[..2].iter().all(|s| !s.err.contains(english)), "{}{}", said[0].err, said[1].err);
    }
}

#[test]
fn without_trust_signatures_are_checked_for_integrity_alone_and_that_is_said() {
    let files = Files::new();
    let document = files.put("document.xml", signed_xml());
    let (exit, inputs) = found(&[&document], b"");
    assert_eq!((exit, inputs[0].2.contains(&"signature.trust_not_checked".to_owned())), (0, true));
    let pem = files.put("trust.pem", SIGNER.certificate_pem());
    let (exit, inputs) = found(&["--trust", &pem, &document], b"");
    assert_eq!((exit, inputs[0].2.iter().any(|c| c.starts_with("signature."))), (0, false), "{inputs:?}");
    let stranger = certify(&CertificatePlan::default(), None);
    let pem = files.put("other.pem", stranger.certificate_pem());
    assert_eq!(found(&["--trust", &pem, &document], b"").1[0].2.last().unwrap(), "signature.certificate_untrusted");
    let changed =
        String::from_utf8(signed_xml()).unwrap().replacen("representation=\"B64\">P", "representation=\"B64\">Q", 1);
    let (exit, inputs) = found(&["-"], changed.as_bytes());
    assert!(exit == 1 && inputs[0].2.contains(&"signature.body_changed".to_owned()), "{inputs:?}");
}

#[test]
fn a_frame_is_compared_with_its_document_beside_it_and_inside_its_message() {
    let files = Files::new();
    let header = header();
    let profile = WireProfile::default_profile().unwrap();
    let xml = signed_xml();
    let frame = with_context(&header, |context| store_frame(&profile, context, &header, b"").unwrap().to_xml());
    let document = files.put("document.xml", &xml);
    let good = files.put("frame.xml", &frame);
    let bad = files.put("bad.xml", frame.replacen("<versionNumber value=\"1\"", "<versionNumber value=\"2\"", 1));
    assert_eq!(found(&[&good], b"").1[0].2, ["frame.not_checked"]);
    let (exit, inputs) = found(&["--document", &document, &good], b"");
    assert_eq!((exit, inputs.len(), inputs[0].2.len()), (0, 2, 0), "{inputs:?}");
    let (exit, inputs) = found(&["--document", &document, &bad], b"");
    assert_eq!((exit, inputs[0].2.as_slice()), (1, &["frame.version".to_owned()][..]));
    let said = run(&["validate", "--document", &document, &bad], b"");
    assert!(said.out.contains(&format!("--> {bad}:1:")), "{}", said.out);

    let envelope = with_context(&header, |context| store_message(&profile, context, &header, &xml).unwrap());
    let body = files.put("message.bin", &envelope.body);
    assert_eq!(found(&[&body], b"").0, 0);
    let head = format!("POST / HTTP/1.1\r\nContent-Type: {}\r\n\r\n", envelope.content_type);
    let whole = [head.as_bytes(), &envelope.body].concat();
    let (exit, inputs) = found(&["-"], &whole);
    assert_eq!((exit, inputs[0].0.as_str()), (0, "transfer frame"));
    let text = String::from_utf8(whole).unwrap();
    let other = text.replacen("<setId root=\"1.2", "<setId root=\"1.3", 1);
    assert_eq!(found(&["-"], other.as_bytes()).1[0].2[0], "frame.set_id");
    assert!(run(&["show", &body], b"").out.contains("Päivä meni hyvin."));
}

#[test]
fn the_real_document_has_its_known_findings_under_its_real_structure_too() {
    let name = "the_real_document_has_its_known_findings_under_its_real_structure_too";
    let Some(document) = reference(name, "real/relationship-document.xml") else { return };
    let structures: &Path = document.parent().unwrap().parent().unwrap();
    let structures = structures.join("sosmeta");
    let frame = document.with_file_name("relationship-frame.xml");
    let arguments = ["--structures", structures.to_str().unwrap(), "--document", document.to_str().unwrap()];
    let (exit, inputs) = found(&[&arguments[..], &[frame.to_str().unwrap()]].concat(), b"");
    // As published it was indented anew, which breaks the signed body.
    assert_eq!(exit, 1);
    let judged = |codes: &[String]| codes.iter().filter(|c| !c.ends_with("not_checked")).cloned().collect::<Vec<_>>();
    assert!(judged(&inputs[0].2).is_empty(), "{inputs:?}");
    assert_eq!(
        judged(&inputs[1].2),
        [
            "document.two_client_ids",
            "document.bare_system",
            "document.birth_date",
            "signature.body_changed",
            "signature.value_wrong"
        ]
    );
}
