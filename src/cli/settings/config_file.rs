//! config.toml: named hubs, and defaults for the output. Read and checked whole; each value keeps its line.
//!
//! Knows what belongs in the file. Which value is in force is decided elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::{Map, Value};
use toml::Spanned;

use super::error::SettingsError;
use super::server::ConnectSettings;
use super::source::{Environment, Source, Sourced};
use crate::address::{ClientName, Namespace};
use crate::cli::args::values::{self, AuthText};
use crate::cli::screen::term::ColorChoice;
use crate::cli::toml_file::content::{self, ContentError};
use crate::cli::toml_file::diagnostics::{Diagnostics, as_written};
use crate::cli::toml_file::text::one_or_more;
use crate::cli::toml_file::{self, keys};
use crate::client::HubUrl;
use crate::client::dial_options::{EnginePath, HttpHeader, QueryParameter};
use crate::client::url::Endpoint;
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
    pub server: ConnectSettings,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct FileTable {
    default: Option<Spanned<String>>,
    hubs: BTreeMap<String, HubTable>,
    defaults: DefaultsTable,
}

/// `[hubs.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HubTable {
    url: Spanned<HubUrl>,
    namespace: Option<Spanned<Namespace>>,
    #[serde(rename = "as")]
    name: Option<Spanned<ClientName>>,
    token_file: Option<Spanned<String>>,
    path: Option<Spanned<EnginePath>>,
    #[serde(default, deserialize_with = "one_or_more")]
    query: Vec<Spanned<QueryParameter>>,
    #[serde(default, deserialize_with = "one_or_more")]
    header: Vec<Spanned<HttpHeader>>,
    auth: Option<Spanned<AuthText>>,
}

/// `[defaults]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct DefaultsTable {
    color: Option<Spanned<ColorChoice>>,
    quiet: Option<Spanned<bool>>,
    verbose: Option<Spanned<bool>>,
}

/// Every key that the file may have, table by table.
pub fn all_keys() -> [&'static [&'static str]; 3] {
    [
        keys::<FileTable>(),
        keys::<HubTable>(),
        keys::<DefaultsTable>(),
    ]
}

/// Where the file belongs: in `$XDG_CONFIG_HOME` or, without that variable, below `~/.config` (XDG Base Directory
/// Specification). None without a home.
pub fn path(environment: &Environment<'_>) -> Option<PathBuf> {
    // The specification: a relative path there is to be ignored.
    let absolute = |name: &str| {
        let path = environment.get(name).map(PathBuf::from);
        path.filter(|path| path.is_absolute())
    };
    let folder = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(folder.join("roomcat/config.toml"))
}

/// Where paths in the file begin.
#[derive(Debug, Clone, Copy)]
struct Paths<'a> {
    /// The file's own folder, for relative paths.
    beside: &'a Path,
    /// For paths that begin with `~/`.
    home: Option<&'a Path>,
}

impl Paths<'_> {
    fn complete(self, path: &str) -> Result<PathBuf, &'static str> {
        match path.strip_prefix("~/") {
            Some(rest) => match self.home {
                Some(home) => Ok(home.join(rest)),
                None => Err("~ means nothing without HOME; write the whole path"),
            },
            None if path.is_empty() => Err("a path cannot be empty"),
            None => Ok(self.beside.join(path)),
        }
    }
}

impl ConfigFile {
    /// None if there is no such file.
    pub fn read(path: &Path, home: Option<&Path>) -> Result<Option<Self>, SettingsError> {
        match content::read(path, limits::CONFIG_FILE_BYTES) {
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
        let parsed = toml_file::parse(path, text, |table: FileTable, diagnostics| {
            ConfigChecker { paths, diagnostics }.file(table)
        });
        parsed.map_err(SettingsError::Invalid)
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// What the file means once each value by itself is right.
struct ConfigChecker<'a, 'd> {
    paths: Paths<'a>,
    diagnostics: &'a mut Diagnostics<'d>,
}

impl ConfigChecker<'_, '_> {
    fn file(&mut self, table: FileTable) -> ConfigFile {
        let DefaultsTable {
            color,
            quiet,
            verbose,
        } = table.defaults;
        if let (Some(quiet), Some(verbose)) = (&quiet, &verbose)
            && *quiet.get_ref()
            && *verbose.get_ref()
        {
            let at = verbose.span().start;
            self.diagnostics
                .add(at, "quiet and verbose exclude each other");
        }
        if let Some(name) = &table.default
            && !table.hubs.contains_key(name.get_ref())
        {
            let message = format!("there is no [hubs.{}]", as_written(name.get_ref()));
            self.diagnostics.add(name.span().start, message);
        }
        let hubs = table.hubs.into_iter();
        ConfigFile {
            hubs: hubs
                .filter_map(|(name, hub)| Some((name, self.hub(hub)?)))
                .collect(),
            default: table.default.map(|name| self.sourced(name)),
            color: color.map(|color| self.sourced(color)),
            quiet: quiet.map(|quiet| self.sourced(quiet)),
            verbose: verbose.map(|verbose| self.sourced(verbose)),
        }
    }

    /// None if a path in it means nothing.
    fn hub(&mut self, table: HubTable) -> Option<Hub> {
        let url = self.complete(table.url, |paths, url| complete_url(url, paths));
        let token_file = table.token_file;
        let token_file =
            token_file.map(|it| self.complete(it, |paths, path| paths.complete(&path)));
        let auth = table.auth;
        let auth = auth.map(|it| self.complete(it, |paths, auth| complete_auth(auth, paths)));
        let server = ConnectSettings {
            path: table.path.map(|it| self.sourced(it)),
            query: table.query.into_iter().map(|it| self.sourced(it)).collect(),
            headers: table
                .header
                .into_iter()
                .map(|it| self.sourced(it))
                .collect(),
            auth: auth.flatten(),
        };
        Some(Hub {
            url: url?,
            namespace: table.namespace.map(|it| self.sourced(it)),
            name: table.name.map(|it| self.sourced(it)),
            token_file: token_file.flatten(),
            server,
        })
    }

    fn complete<T, U, E: fmt::Display>(
        &mut self,
        value: Spanned<T>,
        complete: impl FnOnce(Paths<'_>, T) -> Result<U, E>,
    ) -> Option<Sourced<U>> {
        let span = value.span();
        match complete(self.paths, value.into_inner()) {
            Ok(value) => Some(self.sourced(Spanned::new(span, value))),
            Err(error) => {
                self.diagnostics.add(span.start, error);
                None
            }
        }
    }

    fn sourced<T>(&self, value: Spanned<T>) -> Sourced<T> {
        let line = self.diagnostics.line(value.span().start);
        Sourced::new(value.into_inner(), Source::File(line))
    }
}

/// The path of a Unix socket is completed like other paths in the file.
fn complete_url(url: HubUrl, paths: Paths<'_>) -> Result<HubUrl, String> {
    let Endpoint::Unix(path) = url.endpoint() else {
        return Ok(url);
    };
    let not_text = "this path is not text in UTF-8";
    let path = paths.complete(path.to_str().ok_or(not_text)?)?;
    let path = path.to_str().ok_or(not_text)?;
    HubUrl::parse(&format!("unix:{path}")).map_err(|error| error.to_string())
}

fn complete_auth(auth: AuthText, paths: Paths<'_>) -> Result<AuthText, &'static str> {
    match auth {
        AuthText::File(path) => {
            let path = path.to_str().ok_or("this path is not text in UTF-8")?;
            paths.complete(path).map(AuthText::File)
        }
        AuthText::Json(_) => Ok(auth),
    }
}

/// A string as `--auth` takes it, or a table.
impl<'de> Deserialize<'de> for AuthText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrTable;
        impl<'de> Visitor<'de> for TextOrTable {
            type Value = AuthText;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a table")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<AuthText, E> {
                values::auth(text).map_err(E::custom)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<AuthText, A::Error> {
                let object = Map::deserialize(MapAccessDeserializer::new(map))?;
                Ok(AuthText::Json(Value::Object(object).to_string()))
            }
        }
        deserializer.deserialize_any(TextOrTable)
    }
}
