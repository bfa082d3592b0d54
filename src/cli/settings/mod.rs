//! What is in force: a flag wins over its variable, a variable over the settings file, the file over the default, setting by
//! setting. The only place that reads `ROOMCAT_…` variables.
//!
//! A hub's name stands for all that the file says of that hub. Who names another URL, in a place as strong as the hub's
//! name or a stronger one, means another hub, and then nothing of that is used: a token is for the hub beside which it
//! stands, whatever it comes with.

pub mod config_file;
pub mod error;
pub mod global;
pub mod hub_file;
pub mod server;
pub mod source;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use self::config_file::{ConfigFile, Hub};
use self::error::{KnownHubs, SettingsError};
pub use self::global::Global;
use self::server::Server;
use self::source::{Source, Sourced, Variables};
use crate::address::{ClientName, Namespace};
use crate::cli::args::global::Typed;
use crate::cli::args::scope::Scope;
use crate::cli::screen::term::ColorChoice;
use crate::client::HubUrl;

const URL: &str = "ROOMCAT_URL";
const HUB: &str = "ROOMCAT_HUB";
const NAMESPACE: &str = "ROOMCAT_NAMESPACE";
const NAME: &str = "ROOMCAT_AS";
const TOKEN_FILE: &str = "ROOMCAT_TOKEN_FILE";
const HUB_FILE: &str = "ROOMCAT_CONFIG";
/// For who starts a `roomcat` that is to know nothing of its own surroundings.
pub const VARIABLES: [&str; 6] = [URL, HUB, NAMESPACE, NAME, TOKEN_FILE, HUB_FILE];

/// Those that say where a hub is and what it is shown: together they are passed on, or not at all.
pub const OF_A_HUB: [&str; 3] = [URL, HUB, TOKEN_FILE];

const USUAL_URL: &str = "ws://127.0.0.1:7666";

#[derive(Debug)]
pub struct Settings {
    /// Where the settings file is, there or not.
    pub place: Option<PathBuf>,
    pub is_there: bool,
    pub hub: Option<Sourced<String>>,
    pub url: Sourced<HubUrl>,
    pub namespace: Option<Sourced<Namespace>>,
    pub name: Option<Sourced<ClientName>>,
    pub token_file: Option<Sourced<PathBuf>>,
    pub server: Server,
    pub quiet: Sourced<bool>,
    pub verbose: Sourced<bool>,
    pub color: Sourced<ColorChoice>,
}

/// The hub.toml that a variable names for `serve`.
pub fn hub_file() -> Option<PathBuf> {
    Variables(&of_process).get(HUB_FILE).map(PathBuf::from)
}

/// The hubs that the settings file names; none where it cannot be read, or has mistakes.
pub fn hubs() -> Vec<String> {
    let variables = Variables(&of_process);
    let home = variables.get("HOME").map(PathBuf::from);
    let path = config_file::place(&variables);
    let file = path.and_then(|path| ConfigFile::read(&path, home.as_deref()).ok()?);
    let hubs = file.map(|file| file.hubs.into_keys().collect());
    hubs.unwrap_or_default()
}

impl Settings {
    /// Of this process.
    pub fn in_force(typed: &Typed, scope: Scope) -> Result<Self, SettingsError> {
        let variables = Variables(&of_process);
        match scope {
            Scope::Hub => Self::of_hub(typed, &variables),
            Scope::Client => {
                let place = config_file::place(&variables);
                let home = variables.get("HOME").map(PathBuf::from);
                let file = match &place {
                    Some(path) => ConfigFile::read(path, home.as_deref())?,
                    None => None,
                };
                Self::of_client(typed, place, file, &variables)
            }
        }
    }

    fn of_hub(typed: &Typed, variables: &Variables<'_>) -> Result<Self, SettingsError> {
        let token = |name: &str| variables.get(name).filter(|_| name == TOKEN_FILE);
        Self::of_client(typed, None, None, &Variables(&token))
    }

    fn of_client(
        typed: &Typed,
        place: Option<PathBuf>,
        file: Option<ConfigFile>,
        variables: &Variables<'_>,
    ) -> Result<Self, SettingsError> {
        let is_there = file.is_some();
        let file = file.unwrap_or_default();
        let url = chosen(&typed.url, "--url", || variables.parsed(URL, HubUrl::parse))?;
        let any = |text: &str| Ok::<_, SettingsError>(text.to_owned());
        let hub = chosen(&typed.hub, "--hub", || variables.parsed(HUB, any))?;
        let hub = hub.or_else(|| file.default.clone());
        let hub = hub.filter(|hub| is_meant(hub, url.as_ref(), &file));
        let named = match &hub {
            Some(hub) => Some(named(&hub.value, &file, place.as_deref(), is_there)?),
            None => None,
        };
        // A hub that is meant is where its table says, and nowhere else.
        let url = named.map(|hub| hub.url.clone()).or(url);
        let url = url.unwrap_or_else(usual_url);
        let namespace = chosen(&typed.namespace, "--namespace", || {
            variables.parsed(NAMESPACE, Namespace::parse)
        })?;
        let namespace = namespace.or_else(|| named?.namespace.clone());
        let name = chosen(&typed.name, "--as", || {
            variables.parsed(NAME, ClientName::parse)
        })?;
        let token_file = chosen(&typed.token_file, "--token-file", || {
            let path = variables.get(TOKEN_FILE).map(PathBuf::from);
            Ok(path.map(|path| Sourced::new(path, Source::Environment(TOKEN_FILE))))
        })?;
        Ok(Self {
            namespace: with_path(namespace, &url),
            name: name.or_else(|| named?.name.clone()),
            token_file: token_file.or_else(|| named?.token_file.clone()),
            server: named.map(|hub| hub.server.clone()).unwrap_or_default(),
            quiet: said(typed, typed.quiet, "--quiet", file.quiet),
            verbose: said(typed, typed.verbose, "--verbose", file.verbose),
            color: colour(typed.color, variables, file.color),
            place,
            is_there,
            hub,
            url,
        })
    }

    pub fn global(&self) -> Global {
        let value = |it: &Option<Sourced<PathBuf>>| it.as_ref().map(|it| it.value.clone());
        Global {
            url: self.url.value.clone(),
            namespace: self.namespace.as_ref().map(|it| it.value.clone()),
            name: self.name.as_ref().map(|it| it.value.clone()),
            token_file: value(&self.token_file),
            quiet: self.quiet.value,
            verbose: self.verbose.value,
            color: self.color.value,
            server: self.server.clone(),
            passed_on: self.passed_on(),
        }
    }

    /// The variables by which another `roomcat` speaks to the same hub. A named hub's name brings its token, so that of a
    /// hub that the other names instead stays what it is; a token file that was named by itself is passed on as well.
    fn passed_on(&self) -> Vec<(&'static str, OsString)> {
        let mut variables = vec![(URL, self.url.value.to_string().into())];
        variables.extend(self.hub.iter().map(|hub| (HUB, hub.value.clone().into())));
        let typed = |it: &&Sourced<PathBuf>| !matches!(it.source, Source::File(_));
        if let Some(file) = self.token_file.as_ref().filter(typed) {
            let path = std::path::absolute(&file.value).unwrap_or_else(|_| file.value.clone());
            variables.push((TOKEN_FILE, path.into()));
        }
        variables
    }
}

/// Whether a hub's name counts beside a URL: where it was said in a stronger place, or where they say the same.
fn is_meant(hub: &Sourced<String>, url: Option<&Sourced<HubUrl>>, file: &ConfigFile) -> bool {
    let Some(url) = url else {
        return true;
    };
    let is_there = |hub: &Hub| hub.url.value.to_string() == url.value.to_string();
    match hub.source.rank().cmp(&url.source.rank()) {
        Ordering::Greater => true,
        Ordering::Less => false,
        Ordering::Equal => file.hubs.get(&hub.value).is_some_and(is_there),
    }
}

fn of_process(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn usual_url() -> Sourced<HubUrl> {
    let url = HubUrl::parse(USUAL_URL);
    Sourced::default(url.expect("the usual URL is one"))
}

/// What was typed, or else what a variable says; the variable is not even looked at where a flag is given.
fn chosen<T: Clone>(
    typed: &Option<T>,
    flag: &'static str,
    variable: impl FnOnce() -> Result<Option<Sourced<T>>, SettingsError>,
) -> Result<Option<Sourced<T>>, SettingsError> {
    match typed {
        Some(value) => Ok(Some(Sourced::new(value.clone(), Source::Flag(flag)))),
        None => variable(),
    }
}

fn named<'f>(
    name: &str,
    file: &'f ConfigFile,
    place: Option<&Path>,
    is_there: bool,
) -> Result<&'f Hub, SettingsError> {
    file.hubs.get(name).ok_or_else(|| {
        let names = || file.hubs.keys().cloned().collect();
        let known = match place.map(Path::to_owned) {
            None => KnownHubs::NoPlace,
            Some(path) if is_there => KnownHubs::Names(path, names()),
            Some(path) => KnownHubs::NoFile(path),
        };
        let name = name.to_owned();
        SettingsError::UnknownHub { name, known }
    })
}

/// A URL's path is a namespace too, and as strong as the URL.
fn with_path(
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

/// Who types one of -q and -v takes back what the file says of the other.
fn said(
    typed: &Typed,
    this: bool,
    flag: &'static str,
    filed: Option<Sourced<bool>>,
) -> Sourced<bool> {
    match (this, typed.quiet || typed.verbose) {
        (true, _) => Sourced::new(true, Source::Flag(flag)),
        (false, true) => Sourced::default(false),
        (false, false) => filed.unwrap_or(Sourced::default(false)),
    }
}

/// NO_COLOR and FORCE_COLOR are variables like others: the file does not overrule them.
fn colour(
    typed: Option<ColorChoice>,
    variables: &Variables<'_>,
    filed: Option<Sourced<ColorChoice>>,
) -> Sourced<ColorChoice> {
    let set = |name: &&&'static str| variables.get(name).is_some();
    match (typed, ["NO_COLOR", "FORCE_COLOR"].iter().find(set)) {
        (Some(when), _) => Sourced::new(when, Source::Flag("--color")),
        (None, Some(name)) => Sourced::new(ColorChoice::Auto, Source::Environment(name)),
        (None, None) => filed.unwrap_or(Sourced::default(ColorChoice::Auto)),
    }
}
