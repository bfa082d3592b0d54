//! The command line as clap reads it: each flag with its help, default and environment variable in one place.
//! What it means, and what variables and the settings file say instead, is decided elsewhere.

pub mod config;
pub mod demo;
pub mod global;
pub mod later;
pub mod mistakes;
pub mod moment;
pub mod plain;
pub mod queue;
pub mod remote;
pub mod request;
pub mod rooms;
pub mod script;
pub mod serve;
pub mod share;
pub mod shells;
pub mod stream;
#[cfg(test)]
mod tests;
pub mod values;
pub mod watching;
pub mod who;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use self::config::ConfigArgs;
use self::demo::DemoArgs;
pub use self::global::Global;
use self::global::Typed;
use self::later::Later;
use self::plain::{EmitArgs, OnArgs};
use self::queue::QueueArgs;
use self::remote::Remote;
use self::request::RequestArgs;
use self::rooms::RoomsArgs;
use self::script::Script;
use self::serve::ServeArgs;
use self::share::Share;
use self::shells::CompletionsArgs;
use self::who::{KickArgs, WhoArgs};
use crate::address::{Address, EventName};
use crate::cli::io::stdout::Format;
use crate::cli::settings::Scope;
use crate::client::StartPosition;

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

/// Publish to a room: stdin, a message a line
///
/// With words behind ROOM they are one message, and stdin is not read. Ends when the hub has confirmed everything;
/// what is not confirmed when the connection is lost is sent again, and never stored twice.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  make 2>&1 | roomcat pub ci\n  roomcat pub lobby hello there\n  roomcat pub ci -f build.log test.log\n  roomcat pub --whole --require 1 files < photo.jpg\n  roomcat pub --delay 10m lobby \"tea is ready\"\n  roomcat pub --at 08:00 lobby \"good morning\"\n  tar c docs | roomcat pub --stream box"
)]
pub struct PubArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace; none with --envelope
    #[arg(value_name = "ROOM", value_parser = Address::parse, required_unless_present = "envelope")]
    pub room: Option<Address>,

    /// One message, instead of stdin
    #[arg(value_name = "MESSAGE", allow_negative_numbers = true, conflicts_with_all = ["file", "null", "whole", "envelope"])]
    pub message: Vec<OsString>,

    /// A further room; who is in several gets the message once
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub to: Vec<Address>,

    /// Not to those who are in this room; repeatable
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub except: Vec<Address>,

    /// Messages end with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with_all = ["whole", "envelope"])]
    pub null: bool,

    /// All of the input is one message, whatever is in it
    #[arg(long, conflicts_with = "envelope")]
    pub whole: bool,

    /// Each message is a JSON value, and JavaScript clients get it as one
    #[arg(long, conflicts_with = "envelope")]
    pub json: bool,

    /// Each line is an object as `sub --json` writes it; its rooms are used unless ROOM is given
    #[arg(long)]
    pub envelope: bool,

    /// Read these files instead of stdin, one after the other
    #[arg(short, long, value_name = "FILE", num_args = 1..)]
    pub file: Vec<PathBuf>,

    /// The event's name [default: message]
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// Not to oneself: Socket.IO's broadcast flag
    #[arg(long)]
    pub others: bool,

    /// Only to who is listening right now; nothing is stored
    #[arg(long)]
    pub volatile: bool,

    #[command(flatten)]
    pub later: Later,

    /// Where answers are to go: the room that `sub --reply` sends them to
    #[arg(long, value_name = "ROOM", value_parser = Address::parse)]
    pub reply_to: Option<Address>,

    /// Fail with exit code 6 unless each message reached at least N listeners, here or away
    #[arg(long, value_name = "N")]
    pub require: Option<u64>,

    /// Once connected, how long to go on without the hub, 24h at most [default: 30s for files and words, no limit for a pipe]
    #[arg(long, value_name = "DURATION", value_parser = values::retry_for)]
    pub retry_for: Option<Duration>,

    #[command(flatten)]
    pub stream: stream::Sent,

    #[command(flatten)]
    pub remote: Remote,
}

/// Subscribe to rooms: their messages on stdout, a line each
///
/// With --as NAME, NAME becomes a member of the rooms and first gets what waited for it; without ROOM it gets every
/// room that it joined. What was written to stdout is acknowledged and does not come again: with --as, take the first few
/// with -n, because what `head` has not read of a pipe is written all the same. A lost connection is resumed where it
/// was.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat sub lobby\n  roomcat sub deploys -n1 --timeout 60s --as web1 && ./restart\n  roomcat sub ci --since 5m --json | jq '.data // .args'\n  roomcat sub lobby --format '{time:%H:%M} {from}: {data}'\n  roomcat sub lobby --presence\n  roomcat sub jobs --as worker -j 4 -x './convert \"$ROOMCAT_SEQ\"'\n  roomcat sub jobs --as worker --share\n  roomcat sub --stream box --as laptop | tar x"
)]
pub struct SubArgs {
    /// The rooms: lobby, /admin#ops, or /admin for what is said to that whole namespace; none with --as NAME for all that NAME joined
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    /// End after N messages
    #[arg(short = 'n', long = "count", value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,

    /// End after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    /// End when everything that waited has been written
    #[arg(long)]
    pub drain: bool,

    /// Begin with this message (41.7), or so long ago (5m), or at a time (2025-01-31T12:00 by the local clock, with Z by UTC)
    #[arg(long, value_name = "WHEN", value_parser = values::since, conflicts_with = "last")]
    pub since: Option<StartPosition>,

    /// Begin with the last N messages
    #[arg(long, value_name = "N")]
    pub last: Option<u64>,

    /// Only this event; others count as read
    #[arg(short, long, value_name = "EVENT", value_parser = EventName::parse)]
    pub event: Option<EventName>,

    /// End each message with NUL instead of a newline
    #[arg(short = '0', long, conflicts_with_all = ["raw", "json"])]
    pub null: bool,

    /// Add nothing to the messages
    #[arg(long, conflicts_with = "json")]
    pub raw: bool,

    /// One JSON object a message, with all that is known of it
    #[arg(long)]
    pub json: bool,

    /// What is printed of each message, as in --format '{time:%H:%M} {from}: {data}'
    ///
    /// Fields: {time} {room} {rooms} {from} {data} {event} {seq} {namespace} {reply} {json}; empty where the message has none.
    /// {time:%H:%M:%S} is the local time by a strftime pattern. \n \t \r \0 \e \\ and \x41 are what they are in C, and a
    /// brace is written twice. A newline is added, as ever; -0 adds a NUL, --raw nothing.
    #[arg(long, value_name = "TEXT", conflicts_with = "json", value_parser = Format::parse)]
    pub format: Option<Format>,

    /// Say who comes to the rooms and who goes: on stderr, with --json as objects between the messages
    #[arg(long)]
    pub presence: bool,

    /// End with exit code 3 when the connection is lost
    #[arg(long)]
    pub no_reconnect: bool,

    #[command(flatten)]
    pub share: Share,

    #[command(flatten)]
    pub stream: stream::Received,

    #[command(flatten)]
    pub script: Script,

    #[command(flatten)]
    pub remote: Remote,
}

/// Make a client name a member of rooms, from now
///
/// Their messages wait for it until it reads them with `roomcat sub --as NAME`.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  roomcat join ci deploys --as laptop")]
pub struct JoinArgs {
    /// The rooms: lobby, /admin#ops, or /admin for what is said to that whole namespace
    #[arg(value_name = "ROOM", required = true, value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    #[command(flatten)]
    pub remote: Remote,
}

/// End a client name's membership of rooms
///
/// What waited for it there is given up.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  roomcat leave ci --as laptop")]
pub struct LeaveArgs {
    /// The rooms: lobby, /admin#ops, or /admin for what is said to that whole namespace
    #[arg(value_name = "ROOM", required = true, value_parser = Address::parse)]
    pub rooms: Vec<Address>,

    #[command(flatten)]
    pub remote: Remote,
}

/// Talk in a room: stdin to the room, the room to stdout
///
/// One's own lines do not come back. At a terminal the end of input (Ctrl-D) ends it; in a pipe it goes on receiving
/// until stdout is closed, unless --eof is given. With --as NAME, NAME becomes a member of the room, as with `sub`: what is
/// said while it is away waits for it, until `roomcat leave`.
///
/// At a terminal names have colours, what is being typed survives what comes in, and there are commands: /join ROOM,
/// /leave [ROOM], /to ROOM text, /who and /help; //text says /text.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat chat lobby --as alice\n  tail -f log | roomcat chat lobby --as web1"
)]
pub struct ChatArgs {
    /// The room: lobby, /admin#ops, or /admin for everyone in that namespace
    #[arg(value_name = "ROOM", value_parser = Address::parse)]
    pub room: Address,

    /// End at the end of input, once everything is confirmed
    #[arg(long)]
    pub eof: bool,

    /// End after this time, with exit code 5
    #[arg(long, value_name = "DURATION", value_parser = values::duration)]
    pub timeout: Option<Duration>,

    #[command(flatten)]
    pub remote: Remote,
}
