//! The command line of asiasilta: `demo`, `serve`, `build`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
