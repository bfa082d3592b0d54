//! The command line as clap reads it: each flag with its help, default and environment variable in one place.
//! What it means, and what variables and the settings file say instead, is decided elsewhere.

pub mod chat;
pub mod completions;
pub mod config;
pub mod demo;
pub mod emit;
pub mod global;
pub mod kick;
pub mod later;
pub mod membership;
pub mod mistakes;
pub mod moment;
pub mod on;
pub mod publish;
pub mod queue;
pub mod remote;
pub mod request;
pub mod rooms;
pub mod scalars;
pub mod scope;
pub mod script;
pub mod serve;
pub mod share;
pub mod stream;
pub mod sub;
#[cfg(test)]
mod tests;
pub mod values;
pub mod watching;
pub mod who;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::chat::ChatArgs;
use self::completions::CompletionsArgs;
use self::config::ConfigArgs;
use self::demo::DemoArgs;
use self::emit::EmitArgs;
use self::global::Typed;
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
use self::who::WhoArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0        done (a closed stdout, as in `| head`, is done)
  1        failed
  2        usage
  3        cannot reach the hub, or lost it for good
  4        refused: token, namespace, handler, no roomcat hub, kicked, or the name was taken over
  5        --timeout came first
  6        --require was not met
  129, 130, 143 ended by SIGHUP, SIGINT or SIGTERM";

/// netcat for rooms: pipe stdin and stdout to rooms, over Socket.IO
///
/// `roomcat serve` is a hub. `roomcat pub` sends what stands on stdin to a room, `roomcat sub` writes what is said in a
/// room to stdout. What is published while a named listener is away waits for it.
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
    pub typed: Typed,
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Reads `words`, the program's name first. A message may be a negative number, as with echo; that `-0` is the flag
    /// is settled here, as clap would take it for a number too.
    pub fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut flags = true;
        let words: Vec<OsString> = words
            .into_iter()
            .map(|word| {
                flags = flags && word != "--";
                if flags && word == "-0" {
                    "--null".into()
                } else {
                    word
                }
            })
            .collect();
        // What is wrong with the words is said before they are parsed.
        let colour = match chosen_colour(&words) {
            Some("never") => clap::ColorChoice::Never,
            Some("always") => clap::ColorChoice::Always,
            _ => clap::ColorChoice::Auto,
        };
        let mut command = command().color(colour);
        let matches = command.try_get_matches_from_mut(words);
        let matches = matches.map_err(|error| mistakes::told(error, &command))?;
        for (name, meaningless, instead) in WITHOUT_A_HUB {
            let Some(inner) = matches.subcommand_matches(name) else {
                continue;
            };
            let typed = |id: &&&str| inner.value_source(id) == Some(ValueSource::CommandLine);
            if let Some(id) = meaningless.iter().find(typed) {
                let flag = id.replace('_', "-");
                let why = format!("--{flag} is for the commands that go to a hub; {instead}");
                return Err(command.error(ErrorKind::ArgumentConflict, why));
            }
        }
        let cli = Self::from_arg_matches(&matches)?;
        if cli.typed.url.is_some() && cli.typed.hub.is_some() {
            let why = "--url and --hub each name a hub: give one of them";
            return Err(command.error(ErrorKind::ArgumentConflict, why));
        }
        Ok(cli)
    }
}

/// Commands that go to no hub, with the flags that are read before or after every command and mean nothing to these.
const WITHOUT_A_HUB: [(&str, &[&str], &str); 3] = [
    (
        "serve",
        &["url", "hub", "namespace", "as"],
        "a hub takes --listen ADDRESS and --config FILE",
    ),
    (
        "demo",
        &["url", "hub", "namespace", "as", "token_file"],
        "the demo has a hub of its own",
    ),
    (
        "completions",
        &["url", "hub", "namespace", "as", "token_file"],
        "this one prints a script",
    ),
];

/// The command line as its help shows it: of what is read everywhere, each command has what it takes.
pub fn command() -> clap::Command {
    let command = Cli::command();
    let all: Vec<Arg> = command.get_arguments().cloned().collect();
    let hidden = |ids: &[&str]| -> Vec<Arg> {
        let meant = all
            .iter()
            .filter(|arg| ids.contains(&arg.get_id().as_str()));
        meant.map(|arg| arg.clone().hide(true)).collect()
    };
    command.mut_subcommands(|sub| {
        let known = WITHOUT_A_HUB
            .iter()
            .find(|(name, ..)| *name == sub.get_name());
        match known {
            Some((_, meaningless, _)) => sub.args(hidden(meaningless)),
            None => sub,
        }
    })
}

/// What `--color` says, as far as words tell.
fn chosen_colour(words: &[OsString]) -> Option<&str> {
    let mut words = words.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        match word.strip_prefix("--color") {
            Some("") => return words.next(),
            Some(when) => return when.strip_prefix('='),
            None if word == "--" => return None,
            None => {}
        }
    }
    None
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
    /// As it is typed, for `roomcat help`.
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

    /// What of the settings is meant for it.
    pub fn scope(&self) -> Scope {
        match self {
            Self::Serve(_) | Self::Demo(_) | Self::Completions(_) => Scope::Hub,
            _ => Scope::Client,
        }
    }
}
