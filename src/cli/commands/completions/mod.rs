//! What shells complete: the scripts that they load, and the answers to what those ask while somebody types.
//!
//! An answer is a line that says of what kind it is (`names`, or `files` and `folders`, which shells know better). Then come
//! the names, a line each, for zsh and fish with what it means behind a tab; or what stands before the path in that word. Never a word on stderr, and never later than
//! `limits::COMPLETION_TIMEOUT`.

mod context;
mod line;
mod live;
mod place;

use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, PoisonError};

use clap::{Command, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate, complete};

use self::context::Context;
use self::line::Line;
use self::place::Place;
use crate::cli::args;
use crate::cli::args::completions::{CompletionsArgs, Shell};
use crate::cli::failure::Failure;
use crate::cli::io::stdout;

/// `roomcat completions`: the script.
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

/// What the scripts ask: `roomcat complete SHELL -- WORD…`. It is no command of the command line, whose flags and variables
/// may be wrong while somebody types.
pub struct Question {
    shell: Shell,
    /// Of bash the line up to the cursor, and the characters that break words there; else the words up to the cursor,
    /// without quotes, the last of them begun.
    words: Vec<OsString>,
}

impl Question {
    /// None when the program was called for something else.
    pub fn of(words: impl IntoIterator<Item = OsString>) -> Option<Self> {
        let mut words = words.into_iter().skip(1);
        let asks = words.next()? == "complete";
        let shell = words.next()?;
        let shell = Shell::from_str(shell.to_str()?, false).ok()?;
        let question = asks && words.next()? == "--";
        question.then(|| Self {
            shell,
            words: words.collect(),
        })
    }

    pub fn answer(&self) -> Result<(), Failure> {
        let found = match self.shell {
            Shell::Bash => {
                let mut words = self.words.iter().map(|word| word.to_string_lossy());
                let (text, breaks) = (words.next(), words.next());
                let line = Line::read(&text.unwrap_or_default(), &breaks.unwrap_or_default());
                let words = line.words.iter().map(OsString::from).collect();
                if line.is_redirected {
                    Candidates::Files(String::new()).quoted_for(&line)
                } else {
                    candidates(words).quoted_for(&line)
                }
            }
            Shell::Zsh | Shell::Fish => candidates(self.words.clone()).explained(),
        };
        stdout::print(&found).map_err(Failure::Output)
    }
}

/// What may stand for the last word.
enum Candidates {
    Names(Vec<CompletionCandidate>),
    /// With what stands before their path in the word: `--file=`, `@`.
    Files(String),
    Folders(String),
}

impl Candidates {
    fn quoted_for(&self, line: &Line) -> String {
        self.lines(|candidate| line.rest_of(&candidate.get_value().to_string_lossy()))
    }

    fn explained(&self) -> String {
        self.lines(|candidate| {
            let value = candidate.get_value().to_string_lossy();
            let help = candidate.get_help().map(ToString::to_string);
            let help = help.as_deref().and_then(|help| help.lines().next());
            Some(match help {
                Some(help) => format!("{value}\t{help}"),
                None => value.into_owned(),
            })
        })
    }

    fn lines(&self, form: impl Fn(&CompletionCandidate) -> Option<String>) -> String {
        let mut text = match self {
            Self::Files(before) => return format!("files\n{before}\n"),
            Self::Folders(before) => return format!("folders\n{before}\n"),
            Self::Names(_) => "names\n".to_owned(),
        };
        let Self::Names(candidates) = self else {
            return text;
        };
        for line in candidates.iter().filter_map(form) {
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
    let context = Arc::new(Context::new(before.to_vec()));
    let asked = Arc::new(Mutex::new(None));
    let mut command = completing(args::command(), &context, &asked);
    let last = words.len() - 1;
    // A flag is offered to who has begun one: an empty word is for what must stand there.
    let flags = current.to_string_lossy().starts_with('-');
    let mut found = complete(&mut command, words.clone(), last, None).unwrap_or_default();
    found.retain(|it| flags || !it.get_value().to_string_lossy().starts_with('-'));
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some((place, path)) = asked.filter(|_| found.is_empty()) else {
        return Candidates::Names(found);
    };
    let word = current.to_string_lossy();
    let before = word.strip_suffix(&*path).unwrap_or_default().to_owned();
    match place {
        Place::File => Candidates::Files(before),
        Place::FileBehindAt if path.starts_with('@') => Candidates::Files(before + "@"),
        Place::Folder => Candidates::Folders(before),
        _ => Candidates::Names(found),
    }
}

/// The command line with completers at all its values, those of commands in commands included.
fn completing(
    command: Command,
    context: &Arc<Context>,
    asked: &Arc<Mutex<Option<(Place, String)>>>,
) -> Command {
    let command = command.mut_args(|arg| {
        let Some(place) = Place::of(&arg) else {
            return arg;
        };
        let (context, asked) = (Arc::clone(context), Arc::clone(asked));
        arg.add(ArgValueCompleter::new(move |current: &OsStr| {
            let text = current.to_string_lossy().into_owned();
            *asked.lock().unwrap_or_else(PoisonError::into_inner) = Some((place, text));
            match current.to_str() {
                Some(current) => context.names(place, current),
                None => Vec::new(),
            }
        }))
    });
    command.mut_subcommands(|sub| completing(sub, context, asked))
}
