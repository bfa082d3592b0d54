//! The flags of `completions`.

use clap::{Args, ValueEnum};

/// Print a script that makes a shell complete commands, flags and live names
///
/// While you type, the shell asks the hub that -u or ROOMCAT_URL names for rooms, namespaces and member names. If no hub
/// answers, only commands, flags and files are completed.
#[derive(Debug, Args)]
#[command(
    after_long_help = "Examples:\n  roomcat completions bash > ~/.local/share/bash-completion/completions/roomcat\n  roomcat completions zsh > ~/.zfunc/_roomcat\n  roomcat completions fish > ~/.config/fish/completions/roomcat.fish"
)]
pub struct CompletionsArgs {
    /// The shell to print a script for
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}
