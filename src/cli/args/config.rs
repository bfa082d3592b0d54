//! The flags of `config`.

use clap::Args;

use super::remote::Remote;

/// Show the settings in force, and where each value comes from
///
/// A flag wins over a variable, a variable over the settings file, and the file over the default. The file is
/// roomcat/config.toml in $XDG_CONFIG_HOME or ~/.config. It names hubs, and -H NAME picks one of them; the URL of that hub
/// then wins over ROOMCAT_URL. A hub's table is used only together with its own URL. Tokens are not shown, and neither are
/// the values of headers, parameters and auth. Two lines are enough for a file: `[hubs.school]` and
/// `url = "wss://hub.school.example"`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  roomcat config\n  roomcat config -H school --json")]
pub struct ConfigArgs {
    /// Print one JSON object per setting
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub remote: Remote,
}
