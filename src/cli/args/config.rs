//! `config`.

use clap::Args;

use super::remote::Remote;

/// Show what is in force, and where each value comes from
///
/// A flag wins over a variable, a variable over the settings file, the file over the default. The file is
/// roomcat/config.toml in $XDG_CONFIG_HOME or ~/.config; it names hubs, and -H NAME picks one of them: its URL then wins
/// over ROOMCAT_URL. With another URL nothing that the file says of a hub is used. Tokens, and the
/// values of headers, parameters and auth are not shown. A file of two lines is enough: `[hubs.school]`, and
/// `url = "wss://hub.school.example"`.
#[derive(Debug, Args)]
#[command(after_long_help = "Examples:\n  roomcat config\n  roomcat config -H school --json")]
pub struct ConfigArgs {
    /// One JSON object a setting
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    pub remote: Remote,
}
