//! The program: the command line is read, a command runs, and its outcome is the exit code.

use std::process::ExitCode;

use clap::Parser;
use roomcat::cli::{self, args::Cli};

fn main() -> ExitCode {
    match cli::run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
