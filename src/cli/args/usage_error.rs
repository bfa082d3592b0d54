//! Clap's errors in our form: one line says what is wrong, a hint says what to do.

use std::error::Error as _;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::nearest::nearest;

/// Why no command runs.
#[derive(Debug)]
pub enum ParseError {
    /// Help or the version. Clap prints it.
    Help(clap::Error),
    Usage(UsageError),
}

/// A mistake in the words of the command line. Both texts may contain what was typed, control characters included.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError {
    pub what: String,
    pub hint: String,
}

impl UsageError {
    /// `command` is the one that was typed, as `roomcat help` takes it: `queue peek`; empty if there is none.
    pub(super) fn new(what: String, command: &str) -> Self {
        let hint = format!("see \"{}\"", format!("roomcat help {command}").trim_end());
        Self { what, hint }
    }
}

impl ParseError {
    /// `root` is the whole command line. `path` names the command that was typed; it is called only for a mistake, because it
    /// parses the words once more.
    pub(super) fn from_clap(
        error: clap::Error,
        root: &Command,
        path: impl FnOnce() -> Vec<String>,
    ) -> Self {
        if matches!(
            error.kind(),
            ErrorKind::DisplayHelp
                | ErrorKind::DisplayVersion
                | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        ) {
            return Self::Help(error);
        }
        let path = path();
        let mut usage = UsageError::new(what(&error), &path.join(" "));
        if let Some(hint) = specific_hint(&error, command_at(root, &path)) {
            usage.hint = hint;
        }
        Self::Usage(usage)
    }
}

fn command_at<'c>(root: &'c Command, path: &[String]) -> &'c Command {
    path.iter().fold(root, |command, name| {
        command.find_subcommand(name).unwrap_or(command)
    })
}

fn what(error: &clap::Error) -> String {
    let name = name_of(error, ContextKind::InvalidArg);
    let value = text_of(error, ContextKind::InvalidValue);
    match error.kind() {
        ErrorKind::UnknownArgument if name.starts_with('-') => format!("unknown flag {name}"),
        ErrorKind::UnknownArgument => format!("unexpected argument \"{name}\""),
        ErrorKind::InvalidSubcommand => {
            let typed = text_of(error, ContextKind::InvalidSubcommand);
            format!("unknown command \"{typed}\"")
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{name} needs a value"),
        ErrorKind::InvalidValue => {
            let known = texts_of(error, ContextKind::ValidValue).join(", ");
            format!("invalid value \"{value}\" for {name}: one of {known}")
        }
        ErrorKind::ValueValidation => {
            let why = error.source().map(ToString::to_string).unwrap_or_default();
            format!("invalid value \"{value}\" for {name}: {why}")
        }
        ErrorKind::TooManyValues => format!("one value too many for {name}: \"{value}\""),
        ErrorKind::ArgumentConflict => {
            let prior = name_of(error, ContextKind::PriorArg);
            let command = text_of(error, ContextKind::InvalidSubcommand);
            if prior == name {
                format!("{name} was given twice")
            } else {
                format!("{name}{command} cannot be used with {prior}")
            }
        }
        ErrorKind::MissingRequiredArgument => format!("missing {name}"),
        ErrorKind::MissingSubcommand => "missing command".to_owned(),
        ErrorKind::InvalidUtf8 => "an argument is not UTF-8".to_owned(),
        other => other.as_str().unwrap_or("invalid arguments").to_owned(),
    }
}

/// None if the help of the command is the best hint.
fn specific_hint(error: &clap::Error, command: &Command) -> Option<String> {
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            // Clap's own suggestion misses two letters that changed places.
            let typed = text_of(error, ContextKind::InvalidSubcommand);
            let known = command.get_subcommands().filter(|it| !it.is_hide_set());
            let known: Vec<&str> = known.map(Command::get_name).collect();
            Some(format!("did you mean \"{}\"?", nearest(&typed, &known)?))
        }
        ErrorKind::UnknownArgument => {
            let typed = text_of(error, ContextKind::InvalidArg);
            let similar = text_of(error, ContextKind::SuggestedArg);
            let takes_text = command
                .get_positionals()
                .any(clap::Arg::is_allow_negative_numbers_set);
            let meant = (!similar.is_empty()).then(|| format!("did you mean {similar}?"));
            let text = (takes_text && typed.starts_with('-'))
                .then(|| format!("to send it as text, put -- before it: -- {typed}"));
            let hints: Vec<String> = meant.into_iter().chain(text).collect();
            (!hints.is_empty()).then(|| hints.join(" "))
        }
        _ => None,
    }
}

fn texts_of(error: &clap::Error, kind: ContextKind) -> Vec<String> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text.clone()],
        Some(ContextValue::Strings(texts)) => texts.clone(),
        _ => Vec::new(),
    }
}

fn text_of(error: &clap::Error, kind: ContextKind) -> String {
    texts_of(error, kind).join(", ")
}

/// The names of arguments, without clap's notation for their values: `--count` for `--count <N>`, `ROOM` for `[ROOM]...`.
fn name_of(error: &clap::Error, kind: ContextKind) -> String {
    let names = texts_of(error, kind);
    let names = names.iter().map(|text| match text.split_once(" <") {
        Some((flag, _)) if flag.starts_with('-') => flag,
        _ => {
            let name = text.strip_suffix("...").unwrap_or(text);
            let inner = name.strip_prefix(['[', '<']);
            inner
                .and_then(|name| name.strip_suffix([']', '>']))
                .unwrap_or(name)
        }
    });
    names.collect::<Vec<&str>>().join(" and ")
}
