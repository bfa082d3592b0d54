//! The program: runs a command, or answers a shell that completes a command line.

use std::ffi::OsString;
use std::process::ExitCode;

use roomcat::cli;
use roomcat::cli::commands::completions::CompletionRequest;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    match CompletionRequest::parse(&words) {
        Some(request) => match request.respond() {
            Ok(()) => ExitCode::SUCCESS,
            // A message would disturb the line that the user is typing.
            Err(_) => ExitCode::FAILURE,
        },
        None => cli::main(words),
    }
}
