//! Why a command did not do what it was asked: the text, what to do about it, and the exit code, all derived from the
//! type and never from a text.

pub mod exec;
mod exit_code;
mod hint;
pub mod stream;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use colored::Colorize;
use indicatif::HumanCount;

use self::exec::ExecError;
use self::exit_code::{argument_code, client_code};
use self::hint::{
    CHECK_CONFIG, JOIN_ONE, LOOK_AT_HUB, ONE_HOLDER, RAISE_LIMIT, SEND_AGAIN, TRY_COMMAND,
    WAIT_LONGER, client_hint, server_hint, settings_hint,
};
use self::stream::{IncompleteStream, StreamError};
use crate::address::ClientName;
use crate::cli::io::arguments::ArgumentError;
use crate::cli::io::signals::Signal;
use crate::cli::io::stdin::InputError;
use crate::cli::screen::duration::duration_text;
use crate::cli::screen::term;
use crate::cli::settings::error::SettingsError;
use crate::cli::settings::hub_file::HubFileError;
use crate::client::{ClientError, ErrorResponse};
use crate::server::ServerError;
use crate::wire::error_code::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Client(#[from] ClientError),
    /// [`ErrorCode::NoRooms`], to a client name.
    #[error("{name} has joined no room")]
    NoRooms { name: ClientName },
    /// [`ErrorCode::NameTaken`]: another holds the name now.
    #[error("{name} is subscribed elsewhere now: {refusal}")]
    NameTaken {
        name: ClientName,
        refusal: ErrorResponse,
    },
    #[error(transparent)]
    Input(#[from] InputError),
    /// Publishing ended before everything was confirmed.
    #[error("{cause}; {lines} {} not confirmed", were(*lines))]
    Unconfirmed { cause: Box<Failure>, lines: u64 },
    #[error("the hub did not confirm that the last messages were read; {name} may get them again")]
    Unacknowledged { name: String },
    #[error("timed out after {}", duration_text(*.0))]
    Timeout(Duration),
    #[error("--require {wanted}: a message reached {reached}")]
    Require { wanted: u64, reached: u64 },
    #[error(
        "--require {wanted}: the connection was lost with a receipt, so whom the message reached is not known"
    )]
    RequireUnknown { wanted: u64 },
    #[error("ended by {}", .0.name())]
    Signal(Signal),
    /// The same, of a command that publishes lines.
    #[error("{}", confirmed_of(*confirmed, *unconfirmed, *rest))]
    Interrupted {
        signal: Signal,
        confirmed: u64,
        /// Given to the connection, which may have sent them.
        unconfirmed: u64,
        rest: Rest,
    },
    #[error("cannot read the token from {path}: {reason}")]
    TokenFile { path: PathBuf, reason: String },
    #[error("cannot take --auth from {path}: {reason}")]
    AuthFile { path: PathBuf, reason: String },
    /// An argument of `emit`.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// `--exec` cannot run its command at all.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// `request` came to its end before so many answers did.
    #[error("timed out after {}: {received} of {wanted} {}", duration_text(*.after), answers(*.wanted))]
    Unanswered {
        wanted: u64,
        received: u64,
        after: Duration,
    },
    /// `request` heard nothing of its hub either.
    #[error("no answer from the hub within {}", duration_text(*.0))]
    HubSilent(Duration),
    /// `--stream`: it ended before all of it went out.
    #[error("{0}; the stream is cut off")]
    Unsent(Box<Failure>),
    /// `--stream`: not all of it went out.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// `--stream`: not all of it came.
    #[error(transparent)]
    IncompleteStream(#[from] IncompleteStream),
    #[error(transparent)]
    HubFile(#[from] HubFileError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("cannot write to stdout: {0}")]
    Output(io::Error),
    /// What other commands can fail with; `hint` says what to do.
    #[error("{what}")]
    Other { what: String, hint: Option<String> },
}

/// What is left of the input of a command that was interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    None,
    /// Something was read that was not sent.
    Unsent,
}

impl Failure {
    pub fn other(what: impl Into<String>) -> Self {
        Self::Other {
            what: what.into(),
            hint: None,
        }
    }

    /// Names what was not confirmed, if anything was not.
    pub fn unconfirmed(cause: Self, lines: u64) -> Self {
        match lines {
            0 => cause,
            lines => Self::Unconfirmed {
                cause: Box::new(cause),
                lines,
            },
        }
    }

    /// The same, naming the client name that it is about.
    pub fn about(self, name: Option<&ClientName>) -> Self {
        match (self, name.cloned()) {
            (Self::Client(ClientError::Refused(refusal)), Some(name))
                if refusal.code == Some(ErrorCode::NoRooms) =>
            {
                Self::NoRooms { name }
            }
            (Self::Client(ClientError::Denied { refusal, .. }), Some(name))
                if refusal.code == Some(ErrorCode::NameTaken) =>
            {
                Self::NameTaken { name, refusal }
            }
            (other, _) => other,
        }
    }

    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::HubFile(_) | Self::Settings(_) => 2,
            Self::Client(error) => client_code(error),
            Self::Unconfirmed { cause, .. } => cause.exit_code(),
            Self::NoRooms { .. } => 1,
            Self::NameTaken { .. } => 4,
            Self::Unacknowledged { .. } => 3,
            Self::Timeout(_) | Self::Unanswered { .. } | Self::HubSilent(_) => 5,
            Self::Require { .. } | Self::RequireUnknown { .. } => 6,
            Self::Signal(signal) | Self::Interrupted { signal, .. } => signal.exit_code(),
            Self::Input(_) | Self::Server(_) => 1,
            Self::Argument(error) => argument_code(error),
            Self::Unsent(cause) => cause.exit_code(),
            Self::IncompleteStream(IncompleteStream {
                why: StreamError::Timeout(_),
                ..
            }) => 5,
            Self::Stream(_) | Self::IncompleteStream(_) => 1,
            Self::TokenFile { .. } | Self::AuthFile { .. } => 1,
            Self::Output(_) | Self::Exec(_) | Self::Other { .. } => 1,
        }
    }

    /// The signal that ended the command.
    pub fn signal(&self) -> Option<Signal> {
        match self {
            Self::Signal(signal) | Self::Interrupted { signal, .. } => Some(*signal),
            Self::Unconfirmed { cause, .. } | Self::Unsent(cause) => cause.signal(),
            _ => None,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Client(error) => client_hint(error),
            Self::Input(InputError::TooLong { .. }) => Some(RAISE_LIMIT),
            Self::NoRooms { .. } => Some(JOIN_ONE),
            Self::NameTaken { .. } => Some(ONE_HOLDER),
            Self::Unconfirmed { cause, .. } => cause.hint(),
            Self::Argument(ArgumentError::NotText { .. }) => {
                Some("write it to a file and name that: @FILE")
            }
            Self::Argument(ArgumentError::File { .. }) => Some(
                "a text that begins with @ is sent with --text, or quoted as JSON: '\"@alice\"'",
            ),
            Self::Server(error) => server_hint(error),
            Self::HubFile(HubFileError::Invalid(_)) => Some(CHECK_CONFIG),
            Self::Exec(_) => Some(TRY_COMMAND),
            Self::Unsent(cause) => cause.hint(),
            Self::Stream(StreamError::LimitTooSmall { .. }) => Some(RAISE_LIMIT),
            Self::Stream(_) => Some(SEND_AGAIN),
            Self::IncompleteStream(error) => error.next_read.hint(),
            Self::Unanswered { .. } => Some(WAIT_LONGER),
            Self::HubSilent(_) => Some(LOOK_AT_HUB),
            Self::Settings(error) => settings_hint(error),
            Self::Other { hint, .. } => hint.as_deref(),
            _ => None,
        }
    }

    /// What is told before it, a line each.
    fn details(&self) -> Vec<String> {
        match self {
            Self::HubFile(HubFileError::Invalid(mistakes))
            | Self::Settings(SettingsError::Invalid(mistakes)) => mistakes.lines().to_vec(),
            _ => Vec::new(),
        }
    }

    /// Says it on stderr, as a failure of that command, and what the process ends with; after a signal it ends here.
    pub fn report(&self, command: &str) -> ExitCode {
        match self {
            // Who pressed Ctrl-C knows it.
            Self::Signal(_) => {}
            Self::Interrupted {
                unconfirmed: 0,
                rest: Rest::None,
                ..
            } => term::note(self),
            // Who wants it quiet still wants to know of this.
            Self::Interrupted { .. } => term::note_always(self),
            _ => self.say(command),
        }
        if let Some(signal) = self.signal() {
            signal.end_process();
        }
        ExitCode::from(self.exit_code())
    }

    fn say(&self, command: &str) {
        let text = self.to_string();
        let said = format!("roomcat: {}", term::visible(&text));
        let help = format!("see \"roomcat help {command}\"");
        let hint = match self {
            Self::Usage(_) => Some(&*help),
            _ => self.hint(),
        };
        let hint = hint.map(|hint| format!("\n  hint: {}", term::visible(hint)));
        let hint = hint.unwrap_or_default();
        for line in self.details() {
            eprintln_quietly(&term::visible(&line));
        }
        if term::stderr_colour() {
            eprintln_quietly(&format!("{}{}", said.red(), hint.dimmed()))
        } else {
            eprintln_quietly(&format!("{said}{hint}"))
        }
    }
}

fn answers(count: u64) -> &'static str {
    match count {
        1 => "answer",
        _ => "answers",
    }
}

fn were(lines: u64) -> &'static str {
    match lines {
        1 => "line was",
        _ => "lines were",
    }
}

/// In numbers as progress has them.
fn confirmed_of(confirmed: u64, unconfirmed: u64, rest: Rest) -> String {
    let lines = match confirmed {
        1 => "line",
        _ => "lines",
    };
    let mut said = format!("{} {lines} confirmed", HumanCount(confirmed));
    if unconfirmed > 0 {
        said += &format!("; {} not confirmed", HumanCount(unconfirmed));
    }
    match rest {
        Rest::None => said,
        Rest::Unsent => said + "; the rest was not sent",
    }
}

/// In one write, and without a panic when stderr is closed.
fn eprintln_quietly(text: &str) {
    use std::io::Write as _;
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}
