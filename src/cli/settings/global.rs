//! What is in force of the flags of every command.

use std::ffi::OsString;
use std::path::PathBuf;

use super::server::Server;
use crate::address::{ClientName, Namespace};
use crate::cli::screen::term::ColorChoice;
use crate::client::HubUrl;

/// The flags of every command, resolved.
#[derive(Debug, Clone)]
pub struct Global {
    pub url: HubUrl,
    /// None: what the URL says.
    pub namespace: Option<Namespace>,
    pub name: Option<ClientName>,
    pub token_file: Option<PathBuf>,
    pub quiet: bool,
    pub verbose: bool,
    pub color: ColorChoice,
    /// What the settings file says of how the hub is reached.
    pub server: Server,
    /// Variables for a `roomcat` that is to speak to the same hub.
    pub passed_on: Vec<(&'static str, OsString)>,
}
