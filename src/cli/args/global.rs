//! The flags of every command, as they are typed.

use std::path::PathBuf;

use clap::Args;

use crate::address::{ClientName, Namespace};
use crate::cli::screen::term::ColorChoice;
use crate::client::HubUrl;

/// Which hub, as whom, and how much is said about it; before or after the command. None: it was not typed. The variables
/// in the help are read where the settings are put together, so that clap's own messages know what was typed only.
#[derive(Debug, Clone, Default, Args)]
pub struct Typed {
    /// The hub: ws://, wss://, http://, https:// or unix:/path; a path is the namespace. Not with -H [env: ROOMCAT_URL] [default: ws://127.0.0.1:7666]
    #[arg(short, long, global = true, value_name = "URL", value_parser = HubUrl::parse, help_heading = "Hub")]
    pub url: Option<HubUrl>,

    /// A hub of the settings file, with all that stands there; see `roomcat help config` [env: ROOMCAT_HUB]
    #[arg(
        short = 'H',
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Hub"
    )]
    pub hub: Option<String>,

    /// The namespace of rooms that name none [env: ROOMCAT_NAMESPACE]
    #[arg(long, global = true, value_name = "NS", value_parser = Namespace::parse, help_heading = "Hub")]
    pub namespace: Option<Namespace>,

    /// The client name: messages wait for it while it is away [env: ROOMCAT_AS]
    #[arg(id = "as", long, global = true, value_name = "NAME", value_parser = ClientName::parse, help_heading = "Hub")]
    pub name: Option<ClientName>,

    /// A file whose first line is the token (for serve: the token that it asks for) [env: ROOMCAT_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Hub")]
    pub token_file: Option<PathBuf>,

    /// Say nothing on stderr but errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Output"
    )]
    pub quiet: bool,

    /// Say more on stderr
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// When to colour [default: auto]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        help_heading = "Output"
    )]
    pub color: Option<ColorChoice>,
}
