//! The words before the cursor: they name the hub to ask for names, the token and the namespace.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser};
use clap_complete::engine::CompletionCandidate;

use super::hub_names::{self, HubNameKind, NamesRequest};
use super::value_kind::ValueKind;
use crate::address::Namespace;
use crate::cli::args::Cli;
use crate::cli::args::global::GlobalArgs;
use crate::cli::args::remote::Remote;
use crate::cli::args::scope::Scope;
use crate::cli::remote::target;
use crate::cli::settings::{self, Global, Settings};
use crate::limits;

/// The words before the cursor, the program's name first.
pub struct CompletionContext {
    words: Vec<OsString>,
    /// Every response comes before this.
    deadline: Instant,
}

impl CompletionContext {
    pub fn new(words: Vec<OsString>) -> Self {
        Self {
            words,
            deadline: Instant::now() + limits::COMPLETION_TIMEOUT,
        }
    }

    /// The values of a kind that begin with `current`.
    pub fn names(&self, kind: ValueKind, current: &str) -> Vec<CompletionCandidate> {
        let names = match kind {
            ValueKind::Room => self.addresses(current),
            ValueKind::Namespace => self.request(HubNameKind::Namespaces, current, None),
            ValueKind::Member => self.request(HubNameKind::Members, current, None),
            ValueKind::Socket => self.request(HubNameKind::Sockets, current, None),
            ValueKind::Hub => hubs(current),
            ValueKind::File | ValueKind::AtFile | ValueKind::Folder => Vec::new(),
        };
        names.into_iter().map(CompletionCandidate::new).collect()
    }

    /// Rooms as typed: bare, or with their namespace if `current` begins one.
    fn addresses(&self, current: &str) -> Vec<String> {
        if !current.starts_with('/') {
            let rooms = self.request(HubNameKind::Rooms, current, None).into_iter();
            // A bare room that begins with a slash would mean a namespace, and the room "" is not a word.
            let bare = rooms.filter(|room| !room.is_empty() && !room.starts_with('/'));
            return bare.collect();
        }
        if let Some((namespace, room)) = current.split_once('#') {
            let rooms = self
                .request(HubNameKind::Rooms, room, Some(namespace))
                .into_iter();
            let inside = rooms.filter(|room| !room.is_empty());
            return inside.map(|room| format!("{namespace}#{room}")).collect();
        }
        let mut namespaces = self.request(HubNameKind::Namespaces, current, None);
        // With one namespace only, its rooms may follow: the shell must not end the word there.
        if let [only] = &namespaces[..] {
            namespaces.push(format!("{only}#"));
        }
        namespaces
    }

    fn request(&self, kind: HubNameKind, prefix: &str, namespace: Option<&str>) -> Vec<String> {
        let Some((global, remote)) = self.flags() else {
            return Vec::new();
        };
        let request = NamesRequest {
            kind,
            prefix: prefix.to_owned(),
        };
        let namespace = namespace.map(str::to_owned);
        hub_names::names(request, self.deadline, move || {
            let (mut target, _) = target::resolve_target(&global, &remote, []).ok()?;
            // Without a name, the connection takes no name over.
            target.name = None;
            if let Some(namespace) = namespace {
                target.namespace = Namespace::parse(&namespace).ok()?;
            }
            Some(target)
        })
    }

    /// The flags typed so far, then the environment and the settings file.
    fn flags(&self) -> Option<(Global, Remote)> {
        let command = Cli::command().ignore_errors(true);
        let matches = command.try_get_matches_from(&self.words).ok()?;
        let mut typed = GlobalArgs::from_arg_matches(&matches).ok()?;
        typed.token_file = typed.token_file.map(expand_tilde);
        let global = Settings::resolve(&typed, Scope::Client).ok()?.global();
        let mut remote = remote(&matches)?;
        remote.trace = false;
        Some((global, remote))
    }
}

/// The hubs of the settings file that begin with `current`.
fn hubs(current: &str) -> Vec<String> {
    let mut names = settings::hub_names();
    // Control characters cannot be typed.
    names.retain(|name| name.starts_with(current) && !name.contains(char::is_control));
    names
}

/// Expands `~/`, which the shell has not expanded yet.
fn expand_tilde(path: PathBuf) -> PathBuf {
    match (path.strip_prefix("~"), std::env::var_os("HOME")) {
        (Ok(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => path,
    }
}

/// The flags of the innermost command; the defaults if it has none of them.
fn remote(matches: &ArgMatches) -> Option<Remote> {
    #[derive(Parser)]
    struct RemoteOnly {
        #[command(flatten)]
        remote: Remote,
    }
    match matches.subcommand() {
        Some((_, inner)) => remote(inner),
        None if matches.try_contains_id("header").is_ok() => Remote::from_arg_matches(matches).ok(),
        None => RemoteOnly::try_parse_from(["roomcat"])
            .ok()
            .map(|it| it.remote),
    }
}
