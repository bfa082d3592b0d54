//! config.toml: named hubs, and how the user likes the output. Read and checked whole; each value keeps its line.
//!
//! Knows what may stand in the file; which of it counts is decided beside it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::error::SettingsError;
use super::server::Server;
use super::source::{Source, Sourced, Variables};
use crate::address::{ClientName, Namespace};
use crate::cli::args::values::{self, AuthText};
use crate::cli::screen::term::ColorChoice;
use crate::cli::settings::toml_file::diagnostics::Mistakes;
use crate::cli::settings::toml_file::value::{Table, Value};
use crate::cli::settings::toml_file::{self, ContentError};
use crate::client::HubUrl;
use crate::client::dial_options::{EnginePath, HttpHeader, OptionError, QueryParameter};
use crate::limits;

#[derive(Debug, Default)]
pub struct ConfigFile {
    pub default: Option<Sourced<String>>,
    pub hubs: BTreeMap<String, Hub>,
    pub color: Option<Sourced<ColorChoice>>,
    pub quiet: Option<Sourced<bool>>,
    pub verbose: Option<Sourced<bool>>,
}

/// A named hub.
#[derive(Debug)]
pub struct Hub {
    pub url: Sourced<HubUrl>,
    pub namespace: Option<Sourced<Namespace>>,
    pub name: Option<Sourced<ClientName>>,
    pub token_file: Option<Sourced<PathBuf>>,
    pub server: Server,
}

const FILE: &[&str] = &["default", "hubs", "defaults"];
const HUB: &[&str] = &[
    "url",
    "namespace",
    "as",
    "token-file",
    "path",
    "query",
    "header",
    "auth",
];
const DEFAULTS: &[&str] = &["color", "quiet", "verbose"];
/// The keys of every kind of table here.
#[cfg(test)]
pub(super) const KEYS: [&[&str]; 3] = [FILE, HUB, DEFAULTS];

/// Where it is: in `$XDG_CONFIG_HOME` or, without that variable, below `~/.config` (XDG Base Directory Specification). None
/// without a home.
pub fn place(variables: &Variables<'_>) -> Option<PathBuf> {
    // The specification: a relative path there is to be ignored.
    let absolute = |name: &str| {
        let path = variables.get(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let folder = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("roomcat/config.toml"))
}

/// What paths in the file begin with.
#[derive(Debug, Clone, Copy)]
pub struct Paths<'a> {
    /// The file's own folder, for what is relative.
    pub beside: &'a Path,
    /// For what begins with `~/`.
    pub home: Option<&'a Path>,
}

impl Paths<'_> {
    fn full(self, text: &str) -> Result<PathBuf, &'static str> {
        match text.strip_prefix("~/") {
            Some(rest) => match self.home {
                Some(home) => Ok(home.join(rest)),
                None => Err("~ means nothing without HOME; write the whole path"),
            },
            None if text.is_empty() => Err("a path cannot be empty"),
            None => Ok(self.beside.join(text)),
        }
    }
}

impl ConfigFile {
    /// None: there is no such file.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Option<Self>, SettingsError> {
        match toml_file::content(path, limits::CONFIG_FILE_BYTES) {
            Ok(text) => Ok(Some(Self::parse(path, &text, home)?)),
            Err(ContentError::Io(error)) if is_absence(&error) => Ok(None),
            Err(reason) => Err(SettingsError::Unreadable {
                path: path.to_owned(),
                reason,
            }),
        }
    }

    pub fn parse(path: &Path, text: &str, home: Option<&Path>) -> Result<Self, SettingsError> {
        let beside = path.parent().unwrap_or(Path::new(""));
        let paths = Paths { beside, home };
        let parsed = toml_file::parse(path, text, |whole, mistakes| {
            Self::of(&Table::whole_file(whole), paths, mistakes)
        });
        parsed.map_err(SettingsError::Mistaken)
    }

    fn of(table: &Table<'_>, paths: Paths<'_>, mistakes: &mut Mistakes) -> Self {
        table.knows(FILE, mistakes);
        let mut file = Self::default();
        let hubs = table.get("hubs").and_then(|value| value.table(mistakes));
        let named = |name: &str| hubs.as_ref().is_some_and(|hubs| hubs.get(name).is_some());
        if let Some(value) = table.get("default") {
            let hub = |name: &str| match named(name) {
                true => Ok(name.to_owned()),
                false => Err(format!(
                    "there is no [hubs.{}]",
                    toml_file::value::shown(name)
                )),
            };
            file.default = sourced(&value, value.parsed(hub, mistakes), mistakes);
        }
        for (name, value) in hubs.iter().flat_map(Table::entries) {
            if let Some(hub) = Hub::of(&value, paths, mistakes) {
                file.hubs.insert(name.to_owned(), hub);
            }
        }
        let defaults = table.get("defaults");
        if let Some(defaults) = defaults.and_then(|value| value.table(mistakes)) {
            file.put_defaults(&defaults, mistakes);
        }
        file
    }

    fn put_defaults(&mut self, defaults: &Table<'_>, mistakes: &mut Mistakes) {
        defaults.knows(DEFAULTS, mistakes);
        if let Some(value) = defaults.get("color") {
            self.color = sourced(&value, value.parsed(colour, mistakes), mistakes);
        }
        if let Some(value) = defaults.get("quiet") {
            self.quiet = sourced(&value, value.flag(mistakes), mistakes);
        }
        if let Some(value) = defaults.get("verbose") {
            self.verbose = sourced(&value, value.flag(mistakes), mistakes);
            let both =
                [&self.quiet, &self.verbose].map(|it| it.as_ref().is_some_and(|it| it.value));
            if both == [true, true] {
                value.wrong("quiet and verbose exclude each other", mistakes);
            }
        }
    }
}

impl Hub {
    fn of(value: &Value<'_>, paths: Paths<'_>, mistakes: &mut Mistakes) -> Option<Self> {
        let table = value.table(mistakes)?;
        table.knows(HUB, mistakes);
        let m = mistakes;
        let url = table.get("url");
        if url.is_none() {
            value.lacks("a hub has a url", m);
        }
        let url = url.and_then(|it| sourced(&it, it.parsed(|text| hub_url(text, paths), m), m));
        let get = |key| table.get(key);
        let namespace = get("namespace");
        let namespace = namespace.and_then(|it| sourced(&it, it.parsed(Namespace::parse, m), m));
        let name = get("as").and_then(|it| sourced(&it, it.parsed(ClientName::parse, m), m));
        let token_file =
            get("token-file").and_then(|it| sourced(&it, it.parsed(|text| paths.full(text), m), m));
        let path = get("path").and_then(|it| sourced(&it, it.parsed(EnginePath::parse, m), m));
        let auth = get("auth").and_then(|it| sourced(&it, auth(&it, paths, m), m));
        let server = Server {
            path,
            query: each(get("query"), QueryParameter::parse, m),
            headers: each(get("header"), HttpHeader::parse, m),
            auth,
        };
        Some(Self {
            url: url?,
            namespace,
            name,
            token_file,
            server,
        })
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

fn sourced<T>(value: &Value<'_>, parsed: Option<T>, mistakes: &Mistakes) -> Option<Sourced<T>> {
    Some(Sourced::new(parsed?, Source::File(mistakes.line(value.at))))
}

/// A string or an array of them.
fn each<T>(
    value: Option<Value<'_>>,
    parse: impl Fn(&str) -> Result<T, OptionError>,
    mistakes: &mut Mistakes,
) -> Vec<Sourced<T>> {
    let values = value.map(|value| value.one_or_more()).unwrap_or_default();
    let parsed = values
        .iter()
        .map(|value| sourced(value, value.parsed(&parse, mistakes), mistakes));
    parsed.flatten().collect()
}

/// As a text as `--auth` has it, or as a table.
fn auth(value: &Value<'_>, paths: Paths<'_>, mistakes: &mut Mistakes) -> Option<AuthText> {
    if !value.is_text() {
        value.table(mistakes)?;
        let json = value.json(mistakes)?;
        return Some(AuthText::Json(json.get().to_owned()));
    }
    let auth = value.parsed(values::auth, mistakes)?;
    let AuthText::File(path) = auth else {
        return Some(auth);
    };
    let full = path
        .to_str()
        .map_or(Ok(path.clone()), |text| paths.full(text));
    match full {
        Ok(path) => Some(AuthText::File(path)),
        Err(why) => {
            value.wrong(why, mistakes);
            None
        }
    }
}

/// A Unix socket's path is one like the others here.
fn hub_url(text: &str, paths: Paths<'_>) -> Result<HubUrl, String> {
    let url = |text: &str| HubUrl::parse(text).map_err(|error| error.to_string());
    match text.strip_prefix("unix:") {
        Some(path) if !path.is_empty() && !path.starts_with('/') => {
            let full = paths.full(path)?;
            let full = full.to_str().ok_or("this path is not text in UTF-8")?;
            url(&format!("unix:{full}"))
        }
        _ => url(text),
    }
}

fn colour(text: &str) -> Result<ColorChoice, &'static str> {
    match text {
        "auto" => Ok(ColorChoice::Auto),
        "always" => Ok(ColorChoice::Always),
        "never" => Ok(ColorChoice::Never),
        _ => Err("there are auto, always and never"),
    }
}
