//! `asiasilta serve`.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use asiasilta::sidecar::app;
use asiasilta::sidecar::assembly::assemble;
use asiasilta::sidecar::config::Config;
use asiasilta::sidecar::telemetry::start_logging;

/// Starts the sidecar, says on standard output where it listens, and serves until it is told to stop.
pub(super) fn run(config: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let config = Config::read(config)?;
    start_logging(config.log.format, &config.log.filter)?;
    let parts = assemble(&config)?;
    super::runtime()?.block_on(async {
        let running = app::start(&config, parts).await?;
        let mut out = std::io::stdout();
        writeln!(out, "listening on http://{}", running.address())?;
        out.flush()?;
        running.run_until_signal().await?;
        Ok(ExitCode::SUCCESS)
    })
}
