//! The flags of every command, as typed.

use std::path::PathBuf;

use clap::Args;

use crate::address::{ClientName, Namespace};
use crate::cli::screen::term::ColorChoice;
use crate::client::HubUrl;

/// The hub, the client name and the amount of output; allowed before and after the command. None: not typed. The settings
/// read the variables that the help names, so clap's errors and conflicts concern only flags that were typed.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// The hub's URL: ws://, wss://, http://, https:// or unix:/path. The path of a URL is the namespace. Not with -H [env: ROOMCAT_URL] [default: ws://127.0.0.1:7666]
    #[arg(short, long, global = true, value_name = "URL", value_parser = HubUrl::parse, help_heading = "Hub")]
    pub url: Option<HubUrl>,

    /// A hub that the settings file names, with its settings; see `roomcat help config` [env: ROOMCAT_HUB]
    #[arg(
        short = 'H',
        long,
        global = true,
        value_name = "NAME",
        help_heading = "Hub"
    )]
    pub hub: Option<String>,

    /// The namespace of rooms given without one [env: ROOMCAT_NAMESPACE]
    #[arg(long, global = true, value_name = "NS", value_parser = Namespace::parse, help_heading = "Hub")]
    pub namespace: Option<Namespace>,

    /// Your client name; messages wait for it while you are away [env: ROOMCAT_AS]
    #[arg(id = "as", long, global = true, value_name = "NAME", value_parser = ClientName::parse, help_heading = "Hub")]
    pub name: Option<ClientName>,

    /// A file whose first line is the token (for `serve`, the token that clients must give) [env: ROOMCAT_TOKEN_FILE]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Hub")]
    pub token_file: Option<PathBuf>,

    /// Print only errors on stderr
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Output"
    )]
    pub quiet: bool,

    /// Print more on stderr
    #[arg(short, long, global = true, help_heading = "Output")]
    pub verbose: bool,

    /// When to use colours [default: auto]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        help_heading = "Output"
    )]
    pub color: Option<ColorChoice>,
}
