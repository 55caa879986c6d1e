//! The program asiasilta. Its commands are in `cli`, a file each; what they do is in the library.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
