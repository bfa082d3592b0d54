//! The commands that serve shells: the scripts that they load, and what those ask while somebody types.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

/// Print the script by which a shell completes commands, flags, and names from the hub
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

/// Answer a shell's question: what may stand where the cursor is
#[derive(Debug, Args)]
pub struct CompleteArgs {
    /// Who asks
    #[arg(value_enum)]
    pub shell: Shell,

    /// For bash the line up to the cursor, and the characters that break words there; else the words up to the cursor,
    /// without quotes, the last of them begun
    #[arg(last = true, allow_hyphen_values = true)]
    pub words: Vec<OsString>,
}
