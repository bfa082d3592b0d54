//! hub.toml: what `serve` is told by a file. It is read and checked whole; every mistake is told with its line.
//!
//! Knows what may stand in the file, not what comes of it: flags and defaults are resolved elsewhere.

mod namespaces;
mod secrets;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cli::args::values::{self, Database, KeepFor};
use crate::cli::settings::toml_file::diagnostics::Mistakes;
use crate::cli::settings::toml_file::value::{Table, Value};
use crate::cli::settings::toml_file::{self, ContentError};
use crate::limits;
use crate::server::accept::listener::ListenAddress;
use crate::server::{NamespaceRules, Namespaces, Token};

#[derive(Debug, thiserror::Error)]
pub enum HubFileError {
    #[error("cannot read {path}: {reason}")]
    Unreadable { path: PathBuf, reason: ContentError },
    #[error("{0}")]
    Mistaken(Mistakes),
}

/// The file, checked. What it does not say is None or empty.
#[derive(Debug, Default)]
pub struct HubFile {
    pub listen: Vec<ListenAddress>,
    pub db: Option<Database>,
    pub token: Option<Token>,
    pub open: bool,
    pub host: Vec<String>,
    pub max_message: Option<usize>,
    pub max_payload: Option<usize>,
    pub keep: Option<KeepFor>,
    pub keep_pending: Option<KeepFor>,
    pub ping_interval: Option<Duration>,
    pub ping_timeout: Option<Duration>,
    pub connect_timeout: Option<Duration>,
    pub recovery: Option<Duration>,
    pub cors: Vec<String>,
    pub static_dir: Option<PathBuf>,
    pub echo: Option<String>,
    pub namespaces: Namespaces,
    /// Files with tokens, and the file itself if it was read from one: not to be shown to anyone.
    pub secrets: Vec<PathBuf>,
}

const KEYS: [&str; 17] = [
    "listen",
    "db",
    "token-file",
    "open",
    "host",
    "max-message",
    "max-payload",
    "keep",
    "keep-pending",
    "ping-interval",
    "ping-timeout",
    "connect-timeout",
    "recovery",
    "cors",
    "static",
    "echo",
    "namespaces",
];

impl HubFile {
    pub fn read(path: &Path) -> Result<Self, HubFileError> {
        let text = toml_file::content(path, limits::HUB_FILE_BYTES);
        let text = text.map_err(|reason| HubFileError::Unreadable {
            path: path.to_owned(),
            reason,
        })?;
        let mut file = Self::parse(path, &text).map_err(HubFileError::Mistaken)?;
        file.secrets.push(path.to_owned());
        Ok(file)
    }

    /// `path` is where the text is from: it is named, and relative paths in the file begin beside it.
    pub fn parse(path: &Path, text: &str) -> Result<Self, Mistakes> {
        let folder = path.parent().unwrap_or(Path::new(""));
        toml_file::parse(path, text, |whole, mistakes| {
            let mut file = Self::of(&Table::whole_file(whole), folder, mistakes);
            file.secrets = secrets::named_in(whole, folder);
            file
        })
    }

    fn of(table: &Table<'_>, folder: &Path, mistakes: &mut Mistakes) -> Self {
        table.knows(&KEYS, mistakes);
        let beside = |path: &str| Ok::<_, String>(folder.join(path));
        let mut file = Self::default();
        for (key, value) in table.entries() {
            let m = &mut *mistakes;
            match key {
                "listen" => file.listen = listen(&value, folder, m),
                "db" => file.db = value.parsed(|text| database(text, folder), m),
                "token-file" => file.token = value.parsed(|text| token(&folder.join(text)), m),
                "open" => file.open = value.flag(m).unwrap_or_default(),
                "host" => file.host = texts(&value, host, m),
                "max-message" => file.max_message = value.quantity(values::message_size, m),
                "max-payload" => file.max_payload = value.quantity(values::payload_size, m),
                "keep" => file.keep = value.quantity(values::keep, m),
                "keep-pending" => file.keep_pending = value.quantity(values::keep, m),
                "ping-interval" => file.ping_interval = value.quantity(values::some_duration, m),
                "ping-timeout" => file.ping_timeout = value.quantity(values::some_duration, m),
                "connect-timeout" => {
                    file.connect_timeout = value.quantity(values::some_duration, m);
                }
                "recovery" => file.recovery = value.quantity(values::some_duration, m),
                "cors" => file.cors = texts(&value, origin, m),
                "static" => {
                    let folder = value.parsed(beside, m);
                    file.static_dir = folder.and_then(|path| is_folder(path, &value, m));
                }
                "echo" => file.echo = value.parsed(echo, m),
                // Unknown, or read below.
                _ => {}
            }
        }
        if let Some(value) = table.get("namespaces") {
            file.namespaces = namespaces::read(&value, folder, file.token.as_ref(), mistakes);
        }
        file
    }
}

/// What there is of namespaces, in a line.
pub fn declares(namespaces: &Namespaces) -> String {
    let tables = namespaces.tables();
    if tables.is_empty() {
        return "no namespace is declared, so each is made as it is asked for".to_owned();
    }
    let names = tables.iter().map(|(pattern, _)| pattern.as_str());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.truncate(NAMES_SHOWN);
    let more = if names.len() < tables.len() {
        ", …"
    } else {
        ""
    };
    let sum = |of: fn(&NamespaceRules) -> usize| tables.iter().map(|(_, rules)| of(rules)).sum();
    [
        format!(
            "{} ({}{more})",
            counted(tables.len(), "namespace"),
            names.join(", ")
        ),
        counted(sum(|rules| rules.grants.len()), "token"),
        counted(sum(|rules| rules.on.len()), "event handler"),
        counted(sum(|rules| usize::from(rules.handler.is_some())), "program"),
    ]
    .join(", ")
}

/// Names of namespaces that fit a line.
const NAMES_SHOWN: usize = 8;

fn counted(number: usize, what: &str) -> String {
    match number {
        0 => format!("no {what}s"),
        1 => format!("1 {what}"),
        more => format!("{more} {what}s"),
    }
}

/// A string or an array of them.
fn texts<T, E: std::fmt::Display>(
    value: &Value<'_>,
    parse: impl Fn(&str) -> Result<T, E>,
    mistakes: &mut Mistakes,
) -> Vec<T> {
    let values = value.one_or_more();
    let parsed = values.iter().map(|value| value.parsed(&parse, mistakes));
    parsed.flatten().collect()
}

fn listen(value: &Value<'_>, folder: &Path, mistakes: &mut Mistakes) -> Vec<ListenAddress> {
    let parse = |text: &str| {
        text.parse().map(|address| match address {
            ListenAddress::Unix(path) => ListenAddress::Unix(folder.join(path)),
            tcp @ ListenAddress::Tcp { .. } => tcp,
        })
    };
    texts::<_, crate::server::accept::listener::ListenAddressError>(value, parse, mistakes)
}

fn database(text: &str, folder: &Path) -> Result<Database, values::ValueError> {
    values::database(text).map(|database| match database {
        Database::File(path) => Database::File(folder.join(path)),
        Database::Memory => Database::Memory,
    })
}

/// The hub's own token, or why there is none.
fn token(path: &Path) -> Result<Token, String> {
    let secret = namespaces::secret_in(path)?;
    Token::new(&secret).ok_or_else(|| "the token is empty".to_owned())
}

fn host(text: &str) -> Result<String, &'static str> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | ',' | '*');
    match text {
        "" => Err("a name cannot be empty"),
        text if text.contains(odd) => Err("a name as browsers know it, as in hub.school.example"),
        text => Ok(text.to_owned()),
    }
}

/// As a browser sends it: a scheme and a host, with a port if need be.
fn origin(text: &str) -> Result<String, &'static str> {
    const WHAT: &str = "an origin is a scheme and a host, as in https://app.example or http://localhost:8000, or * for any";
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '/' | '*' | '?' | '#');
    match text.split_once("://") {
        None if text == "*" => Ok(text.to_owned()),
        Some((scheme, host))
            if !scheme.is_empty()
                && !host.is_empty()
                && !scheme.contains(odd)
                && !host.contains(odd) =>
        {
            Ok(text.to_owned())
        }
        _ => Err(WHAT),
    }
}

fn echo(text: &str) -> Result<String, &'static str> {
    let odd = |c: char| !c.is_ascii_graphic() || matches!(c, '?' | '#' | '%');
    let framed = text.len() > 2 && text.starts_with('/') && text.ends_with('/');
    match text {
        "/socket.io/" => Err("Socket.IO is at this path; name another, as in /engine.io/"),
        text if !framed || text.contains(odd) => {
            Err("a path begins and ends with a slash, as in /engine.io/")
        }
        text => Ok(text.to_owned()),
    }
}

fn is_folder(path: PathBuf, value: &Value<'_>, mistakes: &mut Mistakes) -> Option<PathBuf> {
    if path.is_dir() {
        return Some(path);
    }
    value.wrong(format!("{} is not a folder", path.display()), mistakes);
    None
}
