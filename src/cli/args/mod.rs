//! The command line as clap parses it: each flag with its help, default and environment variable in one place.
//! The settings combine the flags with variables and the settings file.

pub mod chat;
pub mod completions;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod emit;
pub mod exec;
pub mod global;
pub mod kick;
pub mod membership;
pub mod moment;
pub mod on;
pub mod publish;
pub mod queue;
pub mod remote;
pub mod request;
pub mod rooms;
pub mod scalars;
pub mod scope;
pub mod serve;
pub mod share;
pub mod stream;
pub mod sub;
#[cfg(test)]
mod tests;
pub mod usage_error;
pub mod values;
pub mod watch;
pub mod who;

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use self::chat::ChatArgs;
use self::completions::CompletionsArgs;
use self::config::ConfigArgs;
use self::demo::DemoArgs;
use self::emit::EmitArgs;
use self::global::GlobalArgs;
use self::kick::KickArgs;
use self::membership::{JoinArgs, LeaveArgs};
use self::on::OnArgs;
use self::publish::PubArgs;
use self::queue::QueueArgs;
use self::request::RequestArgs;
use self::rooms::RoomsArgs;
use self::scope::Scope;
use self::serve::ServeArgs;
use self::sub::SubArgs;
use self::usage_error::{ParseError, UsageError};
use self::who::WhoArgs;
use crate::cli::screen::term::ColorChoice;

const EXIT_CODES: &str = "\
Exit codes:
  0        success (also when stdout is closed, as in `| head`)
  1        failure
  2        usage error
  3        the hub cannot be reached, or was lost for good
  4        refused: token, namespace, handler, not a roomcat hub, kicked, or the name was taken over
  5        --timeout expired
  6        --require was not met
  129, 130, 143 ended by SIGHUP, SIGINT or SIGTERM";

/// netcat for rooms: pipe stdin and stdout to rooms, over Socket.IO
///
/// `roomcat serve` runs a hub. `roomcat pub` sends stdin to a room, and `roomcat sub` writes the messages of a room to
/// stdout. Messages published while a named listener is away wait for it.
#[derive(Debug, Parser)]
#[command(
    name = "roomcat",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES,
    after_long_help = format!("{EXIT_CODES}\n\nExample:\n  roomcat serve &\n  roomcat sub lobby &\n  echo hi | roomcat pub lobby")
)]
pub struct Cli {
    #[command(flatten)]
    pub global: GlobalArgs,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses `words`, the program's name first. A message may be a negative number, as with echo. Clap would take the
    /// flag `-0` for a number too, so it becomes `--null` first.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, ParseError> {
        let mut before_dashes = true;
        let words = words.into_iter().map(|word| {
            before_dashes = before_dashes && word != "--";
            if before_dashes && word == "-0" {
                "--null".into()
            } else {
                word
            }
        });
        let words: Vec<OsString> = words.collect();
        let mut command = command().color(match color_choice(&words) {
            ColorChoice::Never => clap::ColorChoice::Never,
            ColorChoice::Always => clap::ColorChoice::Always,
            ColorChoice::Auto => clap::ColorChoice::Auto,
        });
        let matches = command.try_get_matches_from_mut(&words);
        let explain = |error| ParseError::from_clap(error, &command, || command_path(&words));
        let matches = matches.map_err(explain)?;
        for (name, rejected, why) in LOCAL_COMMANDS {
            let Some(inner) = matches.subcommand_matches(name) else {
                continue;
            };
            let is_typed = |id: &&&str| inner.value_source(id) == Some(ValueSource::CommandLine);
            if let Some(id) = rejected.iter().find(is_typed) {
                let flag = id.replace('_', "-");
                let what = format!("{name} does not take --{flag}: {why}");
                return Err(ParseError::Usage(UsageError::new(what, name)));
            }
        }
        let cli = Self::from_arg_matches(&matches).map_err(explain)?;
        if cli.global.url.is_some() && cli.global.hub.is_some() {
            let what = "--url cannot be used with --hub: each names a hub".to_owned();
            return Err(ParseError::Usage(UsageError::new(what, cli.command.name())));
        }
        Ok(cli)
    }
}

/// The names of the command and its subcommand in `words`, as far as these can be parsed.
fn command_path(words: &[OsString]) -> Vec<String> {
    let mut path = Vec::new();
    let command = command().ignore_errors(true);
    let Ok(matches) = command.try_get_matches_from(words) else {
        return path;
    };
    let mut matches = &matches;
    while let Some((name, inner)) = matches.subcommand() {
        path.push(name.to_owned());
        matches = inner;
    }
    path
}

/// Commands that do not connect to a hub: the global flags they reject, and why.
const LOCAL_COMMANDS: [(&str, &[&str], &str); 3] = [
    (
        "serve",
        &["url", "hub", "namespace", "as"],
        "it runs a hub, with --listen ADDRESS and --config FILE",
    ),
    (
        "demo",
        &["url", "hub", "namespace", "as", "token_file"],
        "it runs a hub of its own",
    ),
    (
        "completions",
        &["url", "hub", "namespace", "as", "token_file"],
        "it prints a script",
    ),
];

/// The command line for help: the global flags that a command rejects are hidden.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let all: Vec<Arg> = command.get_arguments().cloned().collect();
    let hidden = |ids: &[&str]| -> Vec<Arg> {
        let rejected = all
            .iter()
            .filter(|arg| ids.contains(&arg.get_id().as_str()));
        rejected.map(|arg| arg.clone().hide(true)).collect()
    };
    command.mut_subcommands(|sub| {
        let local = LOCAL_COMMANDS
            .iter()
            .find(|(name, ..)| *name == sub.get_name());
        match local {
            Some((_, rejected, _)) => sub.args(hidden(rejected)),
            None => sub,
        }
    })
}

/// The value of `--color`. Usage errors need it before the words are parsed.
pub fn color_choice(words: &[OsString]) -> ColorChoice {
    let words = words.iter().filter_map(|word| word.to_str());
    let words = words.take_while(|word| *word != "--");
    let mut rest = words.skip_while(|word| !word.starts_with("--color"));
    let value = match rest.next().and_then(|word| word.strip_prefix("--color")) {
        Some("") => rest.next(),
        Some(value) => value.strip_prefix('='),
        None => None,
    };
    value
        .and_then(|value| ColorChoice::from_str(value, false).ok())
        .unwrap_or_default()
}

#[derive(Debug, Subcommand)]
pub enum Command {
    Serve(ServeArgs),
    Pub(PubArgs),
    Sub(SubArgs),
    Request(RequestArgs),
    Join(JoinArgs),
    Leave(LeaveArgs),
    Rooms(RoomsArgs),
    Queue(QueueArgs),
    Who(WhoArgs),
    Kick(KickArgs),
    Chat(ChatArgs),
    Emit(EmitArgs),
    On(OnArgs),
    Config(ConfigArgs),
    Demo(DemoArgs),
    Completions(CompletionsArgs),
}

impl Command {
    /// The name as typed, for `roomcat help`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Serve(_) => "serve",
            Self::Pub(_) => "pub",
            Self::Sub(_) => "sub",
            Self::Request(_) => "request",
            Self::Join(_) => "join",
            Self::Leave(_) => "leave",
            Self::Rooms(_) => "rooms",
            Self::Queue(_) => "queue",
            Self::Who(_) => "who",
            Self::Kick(_) => "kick",
            Self::Chat(_) => "chat",
            Self::Emit(_) => "emit",
            Self::On(_) => "on",
            Self::Config(_) => "config",
            Self::Demo(_) => "demo",
            Self::Completions(_) => "completions",
        }
    }

    /// The settings that the command uses.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Serve(_) | Self::Demo(_) | Self::Completions(_) => Scope::Hub,
            _ => Scope::Client,
        }
    }
}
