//! Packages that are handed over: what they hold, what they do not tell, and that others' tools open them.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use asiasilta::archive::keys::OpensslCrypto;
use asiasilta::domain::code::Language;
use asiasilta::domain::document::build::{Making, document_of};
use asiasilta::domain::document::header::{DocumentIds, Software};
use asiasilta::domain::environment::Environment;
use asiasilta::domain::handover::{Manifest, OpenFault, PackFault, Packing, open, pack};
use asiasilta::domain::organisation::Organisation;
use asiasilta::domain::signature::{Reason, SignatureKind, sign};
use asiasilta::domain::time::Instant;
use asiasilta::domain::validate::Checker;
use asiasilta::sidecar::sealing::{Identity, Recipients};
use serde_json::{Value, json};

use crate::display::{folder, record_of, registry};
use crate::support::{SYSTEM, at, oid, oracle};

const NOW: &str = "2026-11-20T12:00:00Z";
const SECRET: [&str; 3] = ["Piilokuja 1", "98713", "Salattula"];

/// A plan of a client with a safety ban, as it stands in the archive, and its record.
fn banned(number: u64) -> (Vec<u8>, Value) {
    let registry = registry(&folder("structures"));
    let structure = registry.find(&oid("1.2.246.537.6.1506.15901.2026.1.1")).unwrap();
    let mut record = record_of(&structure, Language::Fi);
    record["clients"][0]["safety_ban"] = json!(true);
    let client = &mut record["content"]["koesuunnitelma"]["asiakas"][0];
    client["turvakielto"] = json!(true);
    client["kotikunta"] = json!(SECRET[2]);
    client["yhteystiedot"]["osoite"] = json!([{ "lahiosoite": SECRET[0], "postinumero": SECRET[1] }]);
    let checked = Checker::new(registry, Environment::Test).record(record.to_string().as_bytes(), at(NOW)).unwrap();
    let id = oid("1.2.246.10.99999992.95.2026.8").child(number);
    let document = document_of(
        &checked,
        &Making {
            ids: &DocumentIds { document: id.clone(), set: id, version: 1 },
            created: Instant::in_finland(at(NOW)),
            found_case: Some(&oid("1.2.246.10.99999991.95.2026.7.1")),
            software: &Software { moderator: "asiasilta".into(), product: "asiasilta".into(), version: "0".into() },
        },
    );
    let signed = sign(&document, SignatureKind::System, at(NOW), &SYSTEM.signing(), &OpensslCrypto).unwrap();
    (signed.into_parts().1, record)
}

fn organiser(record: &Value) -> Organisation {
    serde_json::from_value(record["organiser"].clone()).unwrap()
}

fn packed(documents: &[Vec<u8>], organiser: &Organisation) -> Result<Vec<u8>, PackFault> {
    let why = ["access.not_joined".to_owned()];
    let id = "3f1c0f4e-0000-4000-8000-000000000000";
    pack(&Packing { id, created: at(NOW), organiser, why: &why, documents }, &OpensslCrypto)
}

/// A key file as `age-keygen` writes it, and its recipient.
fn key() -> (String, String) {
    let identity = Identity::random().unwrap();
    (format!("# test\n{}\n", *identity.reveal()), identity.recipient())
}

#[test]
fn a_package_holds_the_documents_as_signed_and_tells_no_person_outside_them() {
    let ((one, record), (other, _)) = (banned(1), banned(2));
    let organiser = organiser(&record);
    let tar = packed(&[one.clone(), other], &organiser).unwrap();
    assert_eq!(tar, packed(&[one.clone(), banned(2).0], &organiser).unwrap(), "equal input gives equal bytes");
    let opened = open(&tar, &OpensslCrypto).unwrap();
    let entry = &opened.manifest.documents[0];
    assert_eq!(entry.document.as_str(), "1.2.246.10.99999992.95.2026.8.1");
    assert_eq!(opened.files[&entry.signed.file], one);
    assert_eq!(entry.case.as_ref().unwrap().as_str(), "1.2.246.10.99999991.95.2026.7.1");
    assert_eq!(entry.drawn_up.as_deref(), record["drawn_up"].as_str());
    let client = &record["clients"][0];
    let persons = [client["identity_code"].as_str().unwrap(), client["name"]["family"].as_str().unwrap()];
    let text = |name: &str| String::from_utf8(opened.files[name].clone()).unwrap();
    let outside = [text("manifest.json"), text("SHA256SUMS"), opened.files.keys().cloned().collect()].concat();
    for personal in persons.iter().chain(&SECRET) {
        assert!(!outside.contains(personal), "{personal}");
    }
    let readable = text(&entry.readable.as_ref().unwrap().file);
    assert!(readable.contains(persons[1]) && !SECRET.iter().any(|secret| readable.contains(secret)));
}

#[test]
fn of_another_systems_document_about_someone_with_a_ban_no_readable_form_is_packed() {
    let (document, record) = banned(1);
    let text = String::from_utf8(document).unwrap();
    let others = text.replace("product=\"asiasilta\"", "product=\"another\"");
    assert_ne!(others, text);
    let opened = open(&packed(&[others.into_bytes()], &organiser(&record)).unwrap(), &OpensslCrypto).unwrap();
    assert!(opened.manifest.documents[0].readable.is_none());
    assert!(opened.files.keys().all(|name| !name.starts_with("readable/")));
}

#[test]
fn a_package_that_is_not_whole_is_not_opened() {
    let (document, record) = banned(1);
    let tar = packed(&[document], &organiser(&record)).unwrap();
    let position = |wanted: &[u8]| tar.windows(wanted.len()).position(|window| window == wanted).unwrap();
    let mut changed = tar.clone();
    changed[position(b"<ClinicalDocument") + 1] = b'c';
    assert!(
        matches!(open(&changed, &OpensslCrypto).err(), Some(OpenFault::Differs(name)) if name.starts_with("documents/"))
    );
    let mut other_format = tar.clone();
    let at = position(b"asiasilta-handover/1");
    other_format[at + 19] = b'2';
    assert_eq!(open(&other_format, &OpensslCrypto).err(), Some(OpenFault::Manifest));
    assert!(matches!(open(&tar[..700], &OpensslCrypto).err(), Some(OpenFault::Tar(_))));
    assert!(matches!(open(b"", &OpensslCrypto).err(), Some(OpenFault::Tar(_))));
}

/// The tar with something in its files written over by something as long.
fn overwritten(tar: &[u8], was: &str, is: &str) -> Vec<u8> {
    assert_eq!(was.len(), is.len());
    let found = tar.windows(was.len()).position(|window| window == was.as_bytes()).unwrap();
    let mut other = tar.to_vec();
    other[found..found + is.len()].copy_from_slice(is.as_bytes());
    other
}

#[test]
fn a_package_is_held_to_the_formats_names_checksums_and_ids() {
    let (document, record) = banned(1);
    let tar = packed(&[document], &organiser(&record)).unwrap();
    let whole = open(&tar, &OpensslCrypto).unwrap();
    let entry = &whole.manifest.documents[0];
    let fault = |tar: &[u8]| open(tar, &OpensslCrypto).err();
    // In the manifest, which comes first: a file by another name, an id that moves a terminal's cursor.
    let signed = format!("\"file\": \"{}", entry.signed.file);
    for other in [signed.replace("documents", "readables"), signed.replace(".8.1.xml", ".8.2.xml")] {
        assert_eq!(fault(&overwritten(&tar, &signed, &other)), Some(OpenFault::Name(entry.document.clone())));
    }
    let id = whole.manifest.package.as_str();
    let moving = format!("\\u001b{}", &id[6..]);
    assert_eq!(fault(&overwritten(&tar, id, &moving)), Some(OpenFault::Manifest));
    // The sum of a readable form, in the checksums and not in the manifest.
    let readable = entry.readable.as_ref().unwrap();
    let line = format!("{}  {}", readable.sha256, readable.file);
    let other = format!("{}  {}", readable.sha256.replace(|c: char| c.is_ascii_digit(), "a"), readable.file);
    assert_eq!(fault(&overwritten(&tar, &line, &other)), Some(OpenFault::Checksums));
    let sums = String::from_utf8(whole.files["SHA256SUMS"].clone()).unwrap();
    let turned: String = sums.split_inclusive('\n').rev().collect();
    assert_eq!(fault(&overwritten(&tar, &sums, &turned)), None, "the order of the lines says nothing");
    // Ids that none may have are not packed either.
    let too_long = "x".repeat(65);
    for id in ["", "a b", "ä", &too_long] {
        let packing = Packing { id, created: at(NOW), organiser: &organiser(&record), why: &[], documents: &[] };
        assert_eq!(pack(&packing, &OpensslCrypto), Err(PackFault::Id), "{id}");
    }
}

#[test]
fn a_document_whose_signature_does_not_hold_is_not_packed() {
    let (document, record) = banned(1);
    let text = String::from_utf8(document).unwrap();
    let from = text.find("SignatureValue>").unwrap() + "SignatureValue>".len();
    let letter = if text[from..].starts_with('A') { "B" } else { "A" };
    let other = format!("{}{letter}{}", &text[..from], &text[from + 1..]);
    let organiser = organiser(&record);
    assert_eq!(packed(&[other.into_bytes()], &organiser), Err(PackFault::Signature(1, Reason::ValueWrong)));
    let (why, documents) = (["version.predecessor_handed_over".to_owned()], [text.into_bytes()]);
    let packed_at = |moment: &str| {
        let packing = Packing { id: "x", created: at(moment), organiser: &organiser, why: &why, documents: &documents };
        pack(&packing, &OpensslCrypto)
    };
    assert_eq!(packed_at("2026-11-20T11:00:00Z"), Err(PackFault::Signature(1, Reason::SignedInFuture)));
    assert!(packed_at(NOW).is_ok());
}

#[test]
fn what_would_not_be_archived_is_not_packed() {
    let (document, record) = banned(1);
    let organiser = organiser(&record);
    let of_other = Organisation { oid: oid("1.2.246.10.99999995.10.0"), name: "x".into() };
    assert_eq!(packed(&[], &organiser), Err(PackFault::Nothing));
    let why = ["access.not_joined".to_owned(), "Matti has moved".to_owned()];
    let packing = Packing { id: "x", created: at(NOW), organiser: &organiser, why: &why, documents: &[] };
    assert_eq!(pack(&packing, &OpensslCrypto), Err(PackFault::Why(2)), "a reason in words may tell of a person");
    assert_eq!(packed(&[b"<x/>".to_vec()], &organiser), Err(PackFault::Unreadable(1)));
    assert_eq!(packed(std::slice::from_ref(&document), &of_other), Err(PackFault::OtherOrganiser(1)));
    let twice = packed(&[document.clone(), document.clone()], &organiser);
    assert_eq!(twice, Err(PackFault::Twice(oid("1.2.246.10.99999992.95.2026.8.1"))));
    let text = String::from_utf8(document).unwrap();
    const NAME: &str = "signatureCollection";
    let from = text[..text.find(NAME).unwrap()].rfind('<').unwrap();
    let to = text.rfind(NAME).unwrap() + NAME.len() + 1;
    let unsigned = format!("{}{}", &text[..from], &text[to..]);
    assert_eq!(packed(&[unsigned.into_bytes()], &organiser), Err(PackFault::NotSigned(1)));
}

#[test]
fn age_tar_and_sha256sum_open_a_package() {
    let (document, record) = banned(1);
    let tar = packed(&[document], &organiser(&record)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (identity, recipient) = key();
    let sealed = Recipients::parse(&recipient).unwrap().seal(&tar).unwrap();
    assert!(!SECRET.iter().any(|secret| sealed.windows(secret.len()).any(|window| window == secret.as_bytes())));
    assert_eq!(Identity::parse(&identity).unwrap().open(&sealed, tar.len()).unwrap(), tar);
    fs::write(path("key"), identity).unwrap();
    fs::write(path("package.tar.age"), &sealed).unwrap();
    let programs = (oracle("age", "--version"), oracle("tar", "--version"), oracle("sha256sum", "--version"));
    let (Some(mut age), Some(mut tar), Some(mut sums)) = programs else { return };
    age.args(["-d", "-i", "key", "-o", "package.tar", "package.tar.age"]);
    assert!(age.current_dir(folder.path()).status().unwrap().success());
    assert!(tar.args(["-xf", "package.tar"]).current_dir(folder.path()).status().unwrap().success());
    let checked = sums.args(["--check", "--strict", "SHA256SUMS"]).current_dir(folder.path()).output().unwrap();
    let text = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success() && text.lines().count() == 3, "{text}");
    let manifest = fs::read(path("manifest.json")).unwrap();
    assert_eq!(serde_json::from_slice::<Manifest>(&manifest).unwrap().why, ["access.not_joined"]);
}

#[test]
fn what_the_age_program_encrypts_is_opened() {
    let (Some(mut age), folder) = (oracle("age", "--version"), tempfile::tempdir().unwrap()) else { return };
    let (identity, recipient) = key();
    let plain: Vec<u8> = (0..200_000u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
    fs::write(folder.path().join("plain"), &plain).unwrap();
    let others = key().1;
    age.args(["-r", &others, "-r", &recipient, "-o", "sealed", "plain"]);
    assert!(age.current_dir(folder.path()).status().unwrap().success());
    let sealed = fs::read(folder.path().join("sealed")).unwrap();
    assert_eq!(Identity::parse(&identity).unwrap().open(&sealed, plain.len()).unwrap(), plain);
}

#[test]
fn the_command_line_packs_and_opens_and_overwrites_nothing() {
    let (document, record) = banned(1);
    let organiser = organiser(&record);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = |arguments: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_asiasilta")).arg("handover").args(arguments).output().unwrap();
        fs::write(path("to"), &done.stdout).unwrap();
        (done.status.code().unwrap(), String::from_utf8(done.stderr).unwrap())
    };
    fs::write(path("d.xml"), &document).unwrap();
    assert_eq!(run(&["key", "--out", &path("key")]), (0, String::new()));
    fs::rename(path("to"), path("recipients")).unwrap();
    assert_eq!(run(&["key", "--out", &path("key")]).0, 2, "a key is never overwritten");
    let pack = |out: &str| {
        run(&[
            "pack",
            &path("d.xml"),
            "--organiser",
            organiser.oid.as_str(),
            "--organiser-name",
            "x",
            "--recipients",
            &path("recipients"),
            "--out",
            out,
        ])
    };
    assert_eq!(pack(&path("p.age")), (0, String::new()));
    assert_eq!(pack(&path("p.age")).0, 2);
    let opened = ["open", &path("p.age"), "--identity", &path("key"), "--folder", &path("opened")];
    assert_eq!(run(&opened), (0, String::new()));
    let kept: BTreeMap<_, _> = [("documents/1.2.246.10.99999992.95.2026.8.1.xml", document)].into();
    for (name, bytes) in kept {
        assert_eq!(fs::read(folder.path().join("opened").join(name)).unwrap(), bytes);
    }
    assert_eq!(run(&opened).0, 2, "a folder that is there is left alone");
    fs::write(path("key"), key().0).unwrap();
    let (exit, error) = run(&["open", &path("p.age"), "--identity", &path("key"), "--folder", &path("other")]);
    assert!(exit == 2 && error.contains("not for this identity"), "{error}");
    assert!(!folder.path().join("other").exists());
}
