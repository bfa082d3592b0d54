//! The flags of `config`.

use clap::Args;

use super::remote::Remote;

/// Show the settings in force, and where each value comes from
///
/// A flag wins over a variable, a variable over the settings file, the file over the default. The file is
/// roomcat/config.toml in $XDG_CONFIG_HOME or ~/.config. It names hubs, and -H NAME picks one of them, whose URL then wins
/// over ROOMCAT_URL. If the URL is not that of the hub's table, nothing in the table is used. Tokens are not shown, nor the
/// values of headers, parameters and auth. A file of two lines is enough: `[hubs.school]` and
/// `url = "wss://hub.school.example"`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  roomcat config\n  roomcat config -H school --json")]
pub struct ConfigArgs {
    /// Print a JSON object for each setting
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub remote: Remote,
}
