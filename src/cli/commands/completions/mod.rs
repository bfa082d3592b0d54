//! Shell completion: the scripts that shells load, and the responses to their requests.
//!
//! The first line of a response is its kind: `names`, `files` or `folders`. After `names` comes one name per line, for zsh
//! and fish followed by a tab and its meaning. After `files` and `folders`, which the shell lists itself, comes the part of
//! the word before the path. A response takes at most `limits::COMPLETION_TIMEOUT` and prints nothing on stderr.
//!
//! `clap_complete::CompleteEnv` cannot replace this: in bash it gets words cut at `:` with their quotes, and inserts names
//! unquoted.

mod bash_line;
mod context;
mod hub_names;
mod value_kind;

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Command, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use self::bash_line::BashLine;
use self::context::CompletionContext;
use self::value_kind::ValueKind;
use crate::cli::args;
use crate::cli::args::completions::{CompletionsArgs, Shell};
use crate::cli::failure::Failure;
use crate::cli::io::stdout;

/// `roomcat completions`: prints the script.
pub fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    stdout::print(script(args.shell)).map_err(Failure::Output)
}

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../../../completions/roomcat.bash"),
        Shell::Zsh => include_str!("../../../../completions/_roomcat"),
        Shell::Fish => include_str!("../../../../completions/roomcat.fish"),
    }
}

/// A request of the scripts: `roomcat complete SHELL -- WORD…`. It is not a command for clap, because flags and variables
/// may be invalid while the user is typing.
pub struct CompletionRequest {
    shell: Shell,
    /// For bash: the line up to the cursor, and the characters of COMP_WORDBREAKS. For other shells: the words up to the
    /// cursor, without quotes; the last one may be incomplete.
    words: Vec<OsString>,
}

impl CompletionRequest {
    /// None if `words`, the program's name first, are not a completion request.
    pub fn parse(words: &[OsString]) -> Option<Self> {
        let [_, complete, shell, dashes, words @ ..] = words else {
            return None;
        };
        let shell = Shell::from_str(shell.to_str()?, false).ok()?;
        (complete == "complete" && dashes == "--").then(|| Self {
            shell,
            words: words.to_vec(),
        })
    }

    pub fn respond(&self) -> Result<(), Failure> {
        let response = match self.shell {
            Shell::Bash => {
                let mut words = self.words.iter().map(|word| word.to_string_lossy());
                let (text, breaks) = (words.next(), words.next());
                let line = BashLine::parse(&text.unwrap_or_default(), &breaks.unwrap_or_default());
                let words = line.words.iter().map(OsString::from).collect();
                if line.is_redirected {
                    Candidates::Files(String::new()).for_bash(&line)
                } else {
                    candidates(words).for_bash(&line)
                }
            }
            Shell::Zsh | Shell::Fish => candidates(self.words.clone()).with_help(),
        };
        stdout::print(&response).map_err(Failure::Output)
    }
}

/// The candidates for the last word.
enum Candidates {
    Names(Vec<CompletionCandidate>),
    /// With the part of the word before the path: `--file=` or `@`.
    Files(String),
    Folders(String),
}

impl Candidates {
    fn for_bash(&self, line: &BashLine) -> String {
        self.response(|candidate| line.replacement(&candidate.get_value().to_string_lossy()))
    }

    fn with_help(&self) -> String {
        self.response(|candidate| {
            let value = candidate.get_value().to_string_lossy();
            let help = candidate.get_help().map(ToString::to_string);
            let help = help.as_deref().and_then(|help| help.lines().next());
            Some(match help {
                Some(help) => format!("{value}\t{help}"),
                None => value.into_owned(),
            })
        })
    }

    fn response(&self, format: impl Fn(&CompletionCandidate) -> Option<String>) -> String {
        let mut text = match self {
            Self::Files(before) => return format!("files\n{before}\n"),
            Self::Folders(before) => return format!("folders\n{before}\n"),
            Self::Names(_) => "names\n".to_owned(),
        };
        let Self::Names(candidates) = self else {
            return text;
        };
        for line in candidates.iter().filter_map(format) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

fn candidates(words: Vec<OsString>) -> Candidates {
    let Some((current, before)) = words.split_last() else {
        return Candidates::Names(Vec::new());
    };
    let context = Arc::new(CompletionContext::new(before.to_vec()));
    let requested = Arc::new(Mutex::new(None));
    let mut command = with_completers(args::command(), &context, &requested);
    let last = words.len() - 1;
    // Flags are offered only after a dash, so that an empty word lists values.
    let is_flag = current.to_string_lossy().starts_with('-');
    let mut found = complete(&mut command, words.clone(), last, None).unwrap_or_default();
    found.retain(|it| is_flag || !it.get_value().to_string_lossy().starts_with('-'));
    let requested = requested
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some((kind, path)) = requested.filter(|_| found.is_empty()) else {
        return Candidates::Names(found);
    };
    let word = current.to_string_lossy();
    let before = word.strip_suffix(&*path).unwrap_or_default().to_owned();
    match kind {
        ValueKind::File => Candidates::Files(before),
        ValueKind::AtFile if path.starts_with('@') => Candidates::Files(before + "@"),
        ValueKind::Folder => Candidates::Folders(before),
        _ => Candidates::Names(found),
    }
}

/// Adds completers to all values of `command` and its subcommands. They store the kind and text of the value in `requested`.
fn with_completers(
    command: Command,
    context: &Arc<CompletionContext>,
    requested: &Arc<Mutex<Option<(ValueKind, String)>>>,
) -> Command {
    let command = command.mut_args(|arg| {
        let Some(kind) = ValueKind::of(&arg) else {
            return arg;
        };
        let (context, requested) = (Arc::clone(context), Arc::clone(requested));
        arg.add(ArgValueCompleter::new(move |current: &OsStr| {
            let text = current.to_string_lossy().into_owned();
            *requested.lock().unwrap_or_else(PoisonError::into_inner) = Some((kind, text));
            match current.to_str() {
                Some(current) => context.names(kind, current),
                None => Vec::new(),
            }
        }))
    });
    command.mut_subcommands(|sub| with_completers(sub, context, requested))
}
