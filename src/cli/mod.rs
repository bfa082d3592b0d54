//! The command line: what is typed becomes one of the commands, and what became of it an exit code.
//!
//! Who may import whom here; nobody but the dispatch in this file imports a command:
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
pub mod failure;
pub mod io;
mod nearest;
pub mod remote;
pub mod runtime;
pub mod screen;
pub mod settings;
pub mod toml_file;

use std::io::{ErrorKind, Write as _, stdout};
use std::process::ExitCode;

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

/// Runs a command to its end.
pub fn run(cli: &Cli) -> Result<(), Failure> {
    // What is wrong with the settings is said in the colours that were asked for.
    term::init_colour(cli.typed.color.unwrap_or_default());
    let settings = Settings::resolve(&cli.typed, cli.command.scope())?;
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

/// What clap has to say instead of a command: help, the version, or what is wrong with the words.
pub fn told(told: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
    match told.print().and_then(|()| stdout().flush()) {
        Err(error) if !told.use_stderr() && error.kind() != ErrorKind::BrokenPipe => {
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
