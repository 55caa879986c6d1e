//! An outside voice for the SOAP: a client that zeep (Python) builds from `schemas/wsdl/archive.wsdl` archives, finds, fetches
//! and invalidates over mutual TLS. Skips aloud where Python or zeep is missing; `ASIASILTA_PYTHON` names the interpreter.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mock_archive::certs::OrgIdentity;
use mock_archive::{Clock, MockArchive};

use super::{Bench, NOW, ORGANISER, examples};
use crate::support::{at, oracle};

fn python() -> Option<String> {
    let python = std::env::var("ASIASILTA_PYTHON").unwrap_or_else(|_| "python3".into());
    oracle(&python, "--version")?;
    let has_zeep = Command::new(&python).args(["-c", "import zeep"]).output().unwrap().status.success();
    if !has_zeep {
        // Made missing, so that it is told and required as any other judge.
        oracle("zeep (PyPI zeep==4.3.3)", "")?;
    }
    has_zeep.then_some(python)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_built_from_our_wsdl_archives_finds_fetches_and_invalidates() {
    let Some(python) = python() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut bench = Bench::new();
    let path = examples("organiser").into_iter().find(|path| path.ends_with("main-relationship.json")).unwrap();
    let made = bench.make(&path, ORGANISER, None);
    for port in ["Soap11", "Soap12"] {
        let builder = MockArchive::builder().pki(Arc::clone(&bench.pki)).clock(Clock::standing_at(at(NOW)));
        let archive = builder.structures(root.join("schemas/structures")).answers_inline().start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            fs::write(folder.path().join(name), text).unwrap();
            folder.path().join(name)
        };
        let organisation = OrgIdentity { oid: mock_archive::Oid::parse(ORGANISER).unwrap(), name: "test".into() };
        let transport = bench.pki.transport(&organisation).unwrap();
        let mut command = Command::new(&python);
        command.arg(root.join("tests/oracles/zeep_client.py")).arg(root.join("schemas/wsdl/archive.wsdl"));
        command
            .arg(archive.url().replace("127.0.0.1", "localhost"))
            .arg(file("ca.pem", &bench.pki.tls_ca_pem().unwrap()));
        command.arg(file("certificate.pem", &transport.certificate_pem)).arg(file("key.pem", &transport.key_pem));
        command.arg(file("document.xml", &made.document)).arg(port);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let (said, wrong) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(said.trim(), "ok", "{port}: {wrong}\n{}", archive.ledger());
        archive.verify().unwrap_or_else(|error| assert!(error.to_string().contains("without a question"), "{error}"));
    }
}
