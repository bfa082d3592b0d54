//! The command line: what is typed becomes one of the commands, and what became of it an exit code.
//!
//! Knows the client and the server; nobody knows it.

pub mod args;
pub mod arguments;
pub mod ask;
pub mod chat;
pub mod completions;
pub mod config;
pub mod demo;
pub mod emit;
pub mod exec;
pub mod failure;
pub mod hubfile;
pub mod kick;
pub mod later;
pub mod membership;
pub mod on;
pub mod outgoing;
pub mod presence;
pub mod progress;
pub mod pub_;
pub mod queue;
pub mod reaching;
pub mod reading;
pub mod request;
pub mod rooms;
pub mod serve;
pub mod settings;
pub mod signals;
pub mod stdin;
pub mod stdout;
pub mod stream;
pub mod sub;
pub mod table;
pub mod target;
pub mod term;
pub mod toml_file;
pub mod trace;
pub mod values;
pub mod watch;
pub mod who;

use std::future::Future;
use std::io::{self, Write as _};
use std::process::ExitCode;

use tokio::runtime::Runtime;

use args::{Cli, Command, Global};
use failure::Failure;
use membership::Change;
use settings::Settings;
use signals::Signals;
use term::Verbosity;

/// Runs a command to its end.
pub fn run(cli: &Cli) -> Result<(), Failure> {
    // What is wrong with the settings is said in the colours that were asked for.
    term::init_colour(cli.typed.color.unwrap_or_default());
    let settings = Settings::in_force(&cli.typed, cli.command.scope())?;
    let global = &settings.global();
    term::init_colour(global.color);
    term::init_verbosity(verbosity(global));
    match &cli.command {
        Command::Serve(args) => serving(serve::run(args, global)),
        Command::Demo(args) => demo::run(args),
        Command::Pub(args) => alone(pub_::run(args, global)),
        Command::Sub(args) => alone(sub::run(args, global)),
        Command::Request(args) => alone(request::run(args, global)),
        Command::Join(args) => alone(membership::run(
            Change::Join,
            &args.rooms,
            &args.remote,
            global,
        )),
        Command::Leave(args) => alone(membership::run(
            Change::Leave,
            &args.rooms,
            &args.remote,
            global,
        )),
        Command::Rooms(args) => alone(rooms::run(args, global)),
        Command::Queue(args) => alone(queue::run(args, global)),
        Command::Who(args) => alone(who::run(args, global)),
        Command::Kick(args) => alone(kick::run(args, global)),
        Command::Chat(args) => alone(chat::run(args, global)),
        Command::Emit(args) => alone(emit::run(args, global)),
        Command::On(args) => alone(on::run(args, global)),
        Command::Config(args) => config::run(args, &settings),
        Command::Completions(args) => completions::run(args),
    }
}

/// What clap has to say instead of a command: help, the version, or what is wrong with the words.
pub fn told(told: &clap::Error) -> ExitCode {
    let code = ExitCode::from(u8::try_from(told.exit_code()).unwrap_or(2));
    match told.print().and_then(|()| io::stdout().flush()) {
        Err(error) if !told.use_stderr() && error.kind() != io::ErrorKind::BrokenPipe => {
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

/// A client is one task; a runtime of one thread starts in a fraction of a millisecond.
fn alone(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(command);
    // A name that is still being resolved would keep the process.
    runtime.shutdown_background();
    done
}

/// A hub is one thread for all that waits for peers, beside the store's writer and readers: measured, a message that has
/// to wake one thread less arrives sooner, and bulk goes at the disk's pace either way.
fn serving(hub: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    runtime()?.block_on(hub)
}

fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))
}

fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))
}
