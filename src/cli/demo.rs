//! `asiasilta demo`: plays the main job, step by step, and ends with a proof sheet.

mod play;
mod proof;

use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Instant;

use asiasilta::demo::{ProducerSystem, SidecarFiles, Stage, example_path};
use asiasilta::sidecar::app;
use asiasilta::sidecar::assembly::assemble;
use asiasilta::sidecar::config::Config;
use asiasilta::sidecar::telemetry::start_logging;

/// Plays the demo; failure when the proof sheet does not add up.
pub(super) fn run(keep: bool) -> Result<ExitCode, Box<dyn Error>> {
    super::runtime()?.block_on(async {
        let folder = tempfile::Builder::new().prefix("asiasilta-demo-").tempdir()?;
        let well = play(folder.path(), keep).await?;
        if keep {
            println!("\nstopped; the folder is removed");
        }
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    })
}

async fn play(folder: &std::path::Path, keep: bool) -> Result<bool, Box<dyn Error>> {
    let began = Instant::now();
    println!("asiasilta demo: everything runs on this machine, with made-up persons and organisations.\n");
    println!("1. The archive and the organiser");
    let stage = Stage::set(folder).await?;
    println!("   development certificates: archive server, organiser, producer (transport and signing)");
    println!("   mock archive at {}, mutual TLS required", stage.mock.url());
    println!("   the organiser has stored {} documents:", stage.mock.ledger().archived_ids().len());
    println!("   for each of three clients a relationship document, a case document and a signed service decision\n");

    println!("2. The producer's sidecar");
    let files = SidecarFiles::write(&stage, SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let config = Config::read(&files.config)?;
    start_logging(config.log.format, &config.log.filter)?;
    let running = app::start(&config, assemble(&config)?).await?;
    println!("   listens on http://{}, keeps its outbox in SQLite, encrypted\n", running.address());
    let system = ProducerSystem::try_new(running.address(), &files.token)?;

    let outcome = play::producer(&system, &stage).await?;
    let well = proof::print(&stage, &outcome)?;
    println!("\ndone in {:.1} s", began.elapsed().as_secs_f32());
    if keep {
        print_curl_lines(&stage, running.address(), &files);
        running.run_until_signal().await?;
    } else {
        running.shutdown().await?;
    }
    stage.mock.verify()?;
    stage.mock.shutdown().await;
    Ok(well)
}

fn print_curl_lines(stage: &Stage, sidecar: SocketAddr, files: &SidecarFiles) {
    let token = stage.directory().join("token");
    let auth = format!("-H \"Authorization: Bearer $(cat {})\"", token.display());
    let record = example_path("02-everyday-life-morning");
    println!("\nEverything keeps running until Ctrl-C. Configuration: {}", files.config.display());
    println!("\nsubmit a record again under another key (a new document), or the same key twice (the same answer):");
    println!(
        "  curl -s {auth} -H 'Content-Type: application/json' -H 'Idempotency-Key: mine-1' \\\n    \
         --data-binary @{record} http://{sidecar}/v1/submissions"
    );
    println!("\ncheck one without queueing it:");
    println!(
        "  curl -s {auth} -H 'Content-Type: application/json' \\\n    --data-binary @{} http://{sidecar}/v1/validations",
        example_path("90-broken-field")
    );
    println!("\nfollow what changes:\n  curl -s {auth} 'http://{sidecar}/v1/submissions?after=0'");
    println!("\nhealth and metrics:\n  curl -s http://{sidecar}/readyz\n  curl -s http://{sidecar}/metrics");
}
