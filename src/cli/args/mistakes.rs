//! What clap finds wrong in the words that were typed, as it is told: nothing that was typed is obeyed by the terminal, and
//! a command that is nearly one is named.

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::nearest::nearest;
use crate::cli::screen::term;

/// The same error, fit to be printed.
pub fn told(mut error: clap::Error, command: &Command) -> clap::Error {
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    ) {
        return error;
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        suggest(&mut error, command);
    }
    let shown: Vec<(ContextKind, ContextValue)> = error
        .context()
        .filter_map(|(kind, value)| Some((kind, visible(value)?)))
        .collect();
    for (kind, value) in shown {
        error.insert(kind, value);
    }
    error
}

/// Clap compares by how many letters stand in the same place, and misses two that changed theirs.
fn suggest(error: &mut clap::Error, command: &Command) {
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return;
    }
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    let known = command.get_subcommands().filter(|it| !it.is_hide_set());
    let known: Vec<&str> = known.map(Command::get_name).collect();
    if let Some(near) = nearest(typed, &known) {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
}

/// What was typed is text; what is styled is clap's own.
fn visible(value: &ContextValue) -> Option<ContextValue> {
    let shown = |text: &String| term::visible(text).into_owned();
    match value {
        ContextValue::String(text) => Some(ContextValue::String(shown(text))),
        ContextValue::Strings(texts) => {
            Some(ContextValue::Strings(texts.iter().map(shown).collect()))
        }
        _ => None,
    }
}
