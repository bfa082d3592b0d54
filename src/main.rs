//! The program: the command line is read, a command runs, and its outcome is the exit code. Or a shell asks what
//! may stand where the cursor is.

use std::process::ExitCode;

use roomcat::cli;
use roomcat::cli::args::Cli;
use roomcat::cli::commands::completions::Question;

fn main() -> ExitCode {
    if let Some(question) = Question::of(std::env::args_os()) {
        return match question.answer() {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever types sees the line that is typed, and nothing else.
            Err(_) => ExitCode::FAILURE,
        };
    }
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(message) => return cli::print_clap_message(&message),
    };
    match cli::run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(cli.command.name()),
    }
}
