//! The command that prints what shells load.

use clap::{Args, ValueEnum};

/// Print the script by which a shell completes commands, flags and live names
///
/// Rooms, namespaces and member names are asked of the hub that -u or ROOMCAT_URL names, while you type; where none answers,
/// there are none.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat completions bash > ~/.local/share/bash-completion/completions/roomcat\n  roomcat completions zsh > ~/.zfunc/_roomcat\n  roomcat completions fish > ~/.config/fish/completions/roomcat.fish"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}
