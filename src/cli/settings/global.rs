//! The settings in force that every command reads.

use std::ffi::OsString;
use std::path::PathBuf;

use super::server::ConnectSettings;
use crate::address::{ClientName, Namespace};
use crate::cli::screen::term::ColorChoice;
use crate::client::HubUrl;

#[derive(Debug, Clone)]
pub struct Global {
    pub url: HubUrl,
    /// None: the namespace in the URL, else `/`.
    pub namespace: Option<Namespace>,
    pub name: Option<ClientName>,
    pub token_file: Option<PathBuf>,
    pub quiet: bool,
    pub verbose: bool,
    pub color: ColorChoice,
    /// From the settings file; flags come on top.
    pub server: ConnectSettings,
    /// Environment variables with which a child `roomcat` connects to the same hub.
    pub child_variables: Vec<(&'static str, OsString)>,
}
