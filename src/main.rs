//! The command line of asiasilta: `demo`, `serve`, `build`, `validate`, `show`.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
