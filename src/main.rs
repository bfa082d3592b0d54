//! The program: the command line is read, a command runs, and its outcome is the exit code.

use std::process::ExitCode;

use roomcat::cli::{self, args::Cli};

fn main() -> ExitCode {
    let cli = Cli::read(std::env::args_os()).unwrap_or_else(|error| error.exit());
    match cli::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
