//! Which settings are in force. For each setting by itself, a flag wins over its variable, the variable over the settings
//! file, the file over the default. The only place that reads `ROOMCAT_…` variables.
//!
//! This precedence is ours because of one rule that no library has: a hub's token stays with its URL. The name of a hub
//! selects everything in its table. A different URL from a source at least as strong as the name means a different hub,
//! and then nothing in that table is used.

pub mod config_file;
pub mod error;
pub mod global;
pub mod hub_file;
pub mod server;
pub mod source;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::convert::Infallible;
use std::ffi::OsString;
use std::path::PathBuf;

use self::config_file::{ConfigFile, Hub};
use self::error::{KnownHubs, SettingsError};
pub use self::global::Global;
use self::server::ConnectSettings;
use self::source::{Environment, Key, Source, Sourced, from_text};
use crate::address::{ClientName, Namespace};
use crate::cli::args::global::GlobalArgs;
use crate::cli::args::scope::Scope;
use crate::cli::screen::term::ColorChoice;
use crate::client::HubUrl;

const URL: Key = Key::new("--url", "ROOMCAT_URL");
const HUB: Key = Key::new("--hub", "ROOMCAT_HUB");
const NAMESPACE: Key = Key::new("--namespace", "ROOMCAT_NAMESPACE");
const NAME: Key = Key::new("--as", "ROOMCAT_AS");
const TOKEN_FILE: Key = Key::new("--token-file", "ROOMCAT_TOKEN_FILE");
const HUB_FILE: Key = Key::new("--config", "ROOMCAT_CONFIG");

/// Every variable that is read as a setting.
pub const VARIABLES: [&str; 6] = [
    URL.variable,
    HUB.variable,
    NAMESPACE.variable,
    NAME.variable,
    TOKEN_FILE.variable,
    HUB_FILE.variable,
];

/// The variables that say which hub and which token. A child process gets all of them anew, or none.
pub const HUB_VARIABLES: [&str; 3] = [URL.variable, HUB.variable, TOKEN_FILE.variable];

const DEFAULT_URL: &str = "ws://127.0.0.1:7666";

#[derive(Debug)]
pub struct Settings {
    /// Where the settings file belongs. None without a home.
    pub file_path: Option<PathBuf>,
    pub file_exists: bool,
    pub hub: Option<Sourced<String>>,
    pub url: Sourced<HubUrl>,
    pub namespace: Option<Sourced<Namespace>>,
    pub name: Option<Sourced<ClientName>>,
    pub token_file: Option<Sourced<PathBuf>>,
    pub server: ConnectSettings,
    pub quiet: Sourced<bool>,
    pub verbose: Sourced<bool>,
    pub color: Sourced<ColorChoice>,
}

/// The settings file, read or not.
struct FoundFile {
    path: Option<PathBuf>,
    file: Option<ConfigFile>,
}

impl FoundFile {
    fn read(environment: &Environment<'_>) -> Result<Self, SettingsError> {
        let path = config_file::path(environment);
        let home = environment.get("HOME").map(PathBuf::from);
        let file = match &path {
            Some(path) => ConfigFile::read(path, home.as_deref())?,
            None => None,
        };
        Ok(Self { path, file })
    }

    fn unknown_hub(self, name: &str) -> SettingsError {
        let known = match (self.path, self.file) {
            (None, _) => KnownHubs::NoPath,
            (Some(path), None) => KnownHubs::NoFile(path),
            (Some(path), Some(file)) => KnownHubs::Names(path, file.hubs.into_keys().collect()),
        };
        let name = name.to_owned();
        SettingsError::UnknownHub { name, known }
    }
}

/// The hub.toml that a variable names for `serve`.
pub fn hub_file_from_environment() -> Option<PathBuf> {
    let environment = Environment(&process_variable);
    environment.get(HUB_FILE.variable).map(PathBuf::from)
}

/// The names of the hubs in the settings file. Empty if it cannot be read or has mistakes.
pub fn hub_names() -> Vec<String> {
    let found = FoundFile::read(&Environment(&process_variable));
    let file = found.ok().and_then(|found| found.file);
    file.map_or_else(Vec::new, |file| file.hubs.into_keys().collect())
}

impl Settings {
    /// The settings of this process.
    pub fn resolve(typed: &GlobalArgs, scope: Scope) -> Result<Self, SettingsError> {
        let environment = Environment(&process_variable);
        match scope {
            Scope::Hub => Self::for_hub(typed, &environment),
            Scope::Client => Self::for_client(typed, FoundFile::read(&environment)?, &environment),
        }
    }

    fn for_hub(typed: &GlobalArgs, environment: &Environment<'_>) -> Result<Self, SettingsError> {
        let token_only = |name: &str| {
            let value = environment.get(name);
            value.filter(|_| name == TOKEN_FILE.variable)
        };
        let found = FoundFile {
            path: None,
            file: None,
        };
        Self::for_client(typed, found, &Environment(&token_only))
    }

    fn for_client(
        typed: &GlobalArgs,
        mut found: FoundFile,
        environment: &Environment<'_>,
    ) -> Result<Self, SettingsError> {
        let file_exists = found.file.is_some();
        let mut file = found.file.take().unwrap_or_default();
        let url = environment.or_variable(typed.url.as_ref(), URL, from_text(HubUrl::parse))?;
        let any_name = from_text(|name| Ok::<_, Infallible>(name.to_owned()));
        let hub = environment.or_variable(typed.hub.as_ref(), HUB, any_name)?;
        let hub = hub.or_else(|| file.default.clone());
        let hub = hub.filter(|hub| hub_applies(hub, url.as_ref(), &file));
        let mut table = None;
        if let Some(hub) = &hub {
            table = file.hubs.remove(&hub.value);
            if table.is_none() {
                found.file = file_exists.then_some(file);
                return Err(found.unknown_hub(&hub.value));
            }
        }
        let name =
            environment.or_variable(typed.name.as_ref(), NAME, from_text(ClientName::parse))?;
        let parse_namespace = from_text(Namespace::parse);
        let namespace =
            environment.or_variable(typed.namespace.as_ref(), NAMESPACE, parse_namespace)?;
        let token_file =
            environment.or_variable(typed.token_file.as_ref(), TOKEN_FILE, |path| {
                Ok::<_, Infallible>(path.into())
            })?;
        let mut settings = Self {
            file_path: found.path,
            file_exists,
            hub,
            url: url.unwrap_or_else(default_url),
            namespace,
            name,
            token_file,
            server: ConnectSettings::default(),
            quiet: output_flag(typed, typed.quiet, "--quiet", file.quiet),
            verbose: output_flag(typed, typed.verbose, "--verbose", file.verbose),
            color: color(typed.color, environment, file.color),
        };
        if let Some(table) = table {
            settings.add_hub(table);
        }
        settings.namespace = with_url_path(settings.namespace, &settings.url);
        Ok(settings)
    }

    /// The table of a hub replaces the URL and fills in what flags and variables leave open.
    fn add_hub(&mut self, table: Hub) {
        self.url = table.url;
        self.namespace = self.namespace.take().or(table.namespace);
        self.name = self.name.take().or(table.name);
        self.token_file = self.token_file.take().or(table.token_file);
        self.server = table.server;
    }

    pub fn global(&self) -> Global {
        Global {
            url: self.url.value.clone(),
            namespace: self.namespace.as_ref().map(|it| it.value.clone()),
            name: self.name.as_ref().map(|it| it.value.clone()),
            token_file: self.token_file.as_ref().map(|it| it.value.clone()),
            quiet: self.quiet.value,
            verbose: self.verbose.value,
            color: self.color.value,
            server: self.server.clone(),
            child_variables: self.child_variables(),
        }
    }

    /// The name of a hub brings its token, so the token file of a hub's table is left out: a child that names another hub
    /// must not get it. A token file from a flag or a variable is passed on.
    fn child_variables(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![(URL.variable, self.url.value.to_string().into())];
        if let Some(hub) = &self.hub {
            variables.push((HUB.variable, hub.value.clone().into()));
        }
        if let Some(file) = &self.token_file
            && !matches!(file.source, Source::File(_))
        {
            let path = std::path::absolute(&file.value).unwrap_or_else(|_| file.value.clone());
            variables.push((TOKEN_FILE.variable, path.into()));
        }
        variables
    }
}

/// Whether the name of a hub applies beside a URL: if its source is stronger, or if both mean the same URL.
fn hub_applies(hub: &Sourced<String>, url: Option<&Sourced<HubUrl>>, file: &ConfigFile) -> bool {
    let Some(url) = url else {
        return true;
    };
    let has_url = |hub: &Hub| hub.url.value.to_string() == url.value.to_string();
    match hub.source.rank().cmp(&url.source.rank()) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => file.hubs.get(&hub.value).is_some_and(has_url),
    }
}

fn process_variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn default_url() -> Sourced<HubUrl> {
    let url = HubUrl::parse(DEFAULT_URL);
    Sourced::default(url.expect("the default URL is valid"))
}

/// The path of a URL is a namespace too, and as strong as the URL.
fn with_url_path(
    namespace: Option<Sourced<Namespace>>,
    url: &Sourced<HubUrl>,
) -> Option<Sourced<Namespace>> {
    let path = url.value.namespace().cloned();
    let path = path.map(|path| Sourced::new(path, url.source));
    match (namespace, path) {
        (Some(namespace), Some(path)) if path.source.rank() > namespace.source.rank() => Some(path),
        (namespace, path) => namespace.or(path),
    }
}

/// -q or -v on the command line also overrides the other one in the file.
fn output_flag(
    typed: &GlobalArgs,
    is_set: bool,
    flag: &'static str,
    from_file: Option<Sourced<bool>>,
) -> Sourced<bool> {
    if is_set {
        Sourced::new(true, Source::Flag(flag))
    } else if typed.quiet || typed.verbose {
        Sourced::default(false)
    } else {
        from_file.unwrap_or(Sourced::default(false))
    }
}

/// NO_COLOR and FORCE_COLOR are variables like any other: they win over the file.
fn color(
    typed: Option<ColorChoice>,
    environment: &Environment<'_>,
    from_file: Option<Sourced<ColorChoice>>,
) -> Sourced<ColorChoice> {
    let is_set = |name: &&&'static str| environment.get(name).is_some();
    match (typed, ["NO_COLOR", "FORCE_COLOR"].iter().find(is_set)) {
        (Some(when), _) => Sourced::new(when, Source::Flag("--color")),
        (None, Some(name)) => Sourced::new(ColorChoice::Auto, Source::Environment(name)),
        (None, None) => from_file.unwrap_or(Sourced::default(ColorChoice::Auto)),
    }
}
