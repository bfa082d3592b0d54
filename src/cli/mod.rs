//! The command line: parses the words, runs the command, and reports failures with their exit code.
//!
//! What each folder may import. Only the dispatch in this file imports commands:
//!
//! | folder | may import |
//! |---|---|
//! | nearest, screen | nobody |
//! | toml_file | nearest |
//! | io | screen |
//! | args | nearest, screen, io, toml_file |
//! | settings | screen, io, toml_file, args |
//! | failure | screen, io, toml_file, settings |
//! | runtime | io, failure |
//! | remote | screen, io, args, settings, failure, runtime |
//! | commands | screen, io, args, settings, failure, runtime, remote |

pub mod args;
pub mod commands;
pub(crate) mod failure;
pub(crate) mod io;
mod nearest;
pub(crate) mod remote;
pub(crate) mod runtime;
pub(crate) mod screen;
pub mod settings;
pub(crate) mod toml_file;

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _, stdout};
use std::process::ExitCode;

use args::usage_error::ParseError;
use args::{Cli, Command};
use commands::membership::MembershipChange;
use commands::{
    chat, completions, config, demo, emit, kick, membership, on, publish, queue, request, rooms,
    serve, sub, who,
};
use failure::Failure;
use runtime::{run_client, run_server};
use screen::term::{self, Verbosity};
use settings::{Global, Settings};

/// Parses `words`, the program's name first, and runs their command.
pub fn main(words: Vec<OsString>) -> ExitCode {
    // Usage errors have the colours that --color asks for, too.
    term::init_colour(args::color_choice(&words));
    match Cli::read(words) {
        Ok(cli) => match run(&cli) {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => failure.report(cli.command.name()),
        },
        Err(ParseError::Help(help)) => print_help(&help),
        Err(ParseError::Usage(error)) => Failure::CommandLine {
            what: error.what,
            hint: error.hint,
        }
        .report(""),
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let settings = Settings::resolve(&cli.global, cli.command.scope())?;
    let global = &settings.global();
    term::init_colour(global.color);
    term::init_verbosity(verbosity(global));
    match &cli.command {
        Command::Serve(args) => run_server(serve::run(args, global)),
        Command::Demo(args) => demo::run(args),
        Command::Pub(args) => run_client(publish::run(args, global)),
        Command::Sub(args) => run_client(sub::run(args, global)),
        Command::Request(args) => run_client(request::run(args, global)),
        Command::Join(args) => run_client(membership::run(
            MembershipChange::Join,
            &args.rooms,
            &args.remote,
            global,
        )),
        Command::Leave(args) => run_client(membership::run(
            MembershipChange::Leave,
            &args.rooms,
            &args.remote,
            global,
        )),
        Command::Rooms(args) => run_client(rooms::run(args, global)),
        Command::Queue(args) => run_client(queue::run(args, global)),
        Command::Who(args) => run_client(who::run(args, global)),
        Command::Kick(args) => run_client(kick::run(args, global)),
        Command::Chat(args) => run_client(chat::run(args, global)),
        Command::Emit(args) => run_client(emit::run(args, global)),
        Command::On(args) => run_client(on::run(args, global)),
        Command::Config(args) => config::run(args, &settings),
        Command::Completions(args) => completions::run(args),
    }
}

/// Help or the version; on stderr, with exit code 2, if the command is missing.
fn print_help(help: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(help.exit_code()).unwrap_or(2));
    match help.print().and_then(|()| stdout().flush()) {
        Err(error) if !help.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
            Failure::Output(error).report("help")
        }
        _ => code,
    }
}

fn verbosity(global: &Global) -> Verbosity {
    match (global.quiet, global.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    }
}
