//! What the words before the cursor say: which hub is asked for names, as whom, and in which namespace.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use clap_complete::engine::CompletionCandidate;

use super::live::{self, Kind, Question};
use super::place::Place;
use crate::address::Namespace;
use crate::cli::args::Cli;
use crate::cli::args::global::Typed;
use crate::cli::args::remote::Remote;
use crate::cli::args::scope::Scope;
use crate::cli::remote::target;
use crate::cli::settings::{self, Global, Settings};
use crate::limits;

/// The words before the cursor, the program's name first.
pub struct Context {
    words: Vec<OsString>,
    /// Whatever is asked, by then it is answered.
    until: Instant,
}

impl Context {
    pub fn new(words: Vec<OsString>) -> Self {
        Self {
            words,
            until: Instant::now() + limits::COMPLETION_TIMEOUT,
        }
    }

    /// The names that may stand at a place, of which `current` is the beginning.
    pub fn names(&self, place: Place, current: &str) -> Vec<CompletionCandidate> {
        let names = match place {
            Place::Room => self.addresses(current),
            Place::Namespace => self.ask(Kind::Namespaces, current, None),
            Place::Member => self.ask(Kind::Members, current, None),
            Place::Person => self.ask(Kind::People, current, None),
            Place::Hub => hubs(current),
            Place::File | Place::FileBehindAt | Place::Folder => Vec::new(),
        };
        names.into_iter().map(CompletionCandidate::new).collect()
    }

    /// Rooms as they are typed: bare, or with their namespace where one is begun.
    fn addresses(&self, current: &str) -> Vec<String> {
        if !current.starts_with('/') {
            let rooms = self.ask(Kind::Rooms, current, None).into_iter();
            // A bare room that begins with a slash would be a namespace, and none at all is no word.
            let bare = rooms.filter(|room| !room.is_empty() && !room.starts_with('/'));
            return bare.collect();
        }
        if let Some((namespace, room)) = current.split_once('#') {
            let rooms = self.ask(Kind::Rooms, room, Some(namespace)).into_iter();
            let inside = rooms.filter(|room| !room.is_empty());
            return inside.map(|room| format!("{namespace}#{room}")).collect();
        }
        let mut namespaces = self.ask(Kind::Namespaces, current, None);
        // The only one is not at its end: its rooms may follow.
        if let [only] = &namespaces[..] {
            namespaces.push(format!("{only}#"));
        }
        namespaces
    }

    fn ask(&self, kind: Kind, prefix: &str, namespace: Option<&str>) -> Vec<String> {
        let Some((global, remote)) = self.flags() else {
            return Vec::new();
        };
        let question = Question {
            kind,
            prefix: prefix.to_owned(),
        };
        let namespace = namespace.map(str::to_owned);
        live::names(question, self.until, move || {
            let (mut target, _) = target::resolve_target(&global, &remote, []).ok()?;
            // Who only looks has no name: the hub's log is for those who come.
            target.name = None;
            if let Some(namespace) = namespace {
                target.namespace = Namespace::parse(&namespace).ok()?;
            }
            Some(target)
        })
    }

    /// The flags as far as they were typed, with the environment and the settings file behind them.
    fn flags(&self) -> Option<(Global, Remote)> {
        let command = Cli::command().ignore_errors(true);
        let matches = command.try_get_matches_from(&self.words).ok()?;
        let mut typed = Typed::from_arg_matches(&matches).ok()?;
        typed.token_file = typed.token_file.map(at_home);
        let global = Settings::resolve(&typed, Scope::Client).ok()?.global();
        let mut remote = remote(&matches)?;
        remote.trace = false;
        Some((global, remote))
    }
}

/// The hubs of the settings file, of which `current` is the beginning.
fn hubs(current: &str) -> Vec<String> {
    let mut names = settings::hub_names();
    // What is shown could not be typed.
    names.retain(|name| name.starts_with(current) && !name.contains(char::is_control));
    names
}

/// A path as the shell will make it of what is typed: until then it begins with its tilde.
fn at_home(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path,
    }
}

/// Of the innermost command; the usual ones where it knows none of them.
fn remote(matches: &ArgMatches) -> Option<Remote> {
    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        remote: Remote,
    }
    match matches.subcommand() {
        Some((_, inner)) => remote(inner),
        None if matches.try_contains_id("header").is_ok() => Remote::from_arg_matches(matches).ok(),
        None => Alone::try_parse_from(["roomcat"]).ok().map(|it| it.remote),
    }
}
