//! Why a command failed. The text, the hint and the exit code derive from the type, never from a text.

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
use crate::cli::screen::quantity::quantity;
use crate::cli::screen::term;
use crate::cli::settings::error::SettingsError;
use crate::cli::settings::hub_file::HubFileError;
use crate::client::error::io_error_text;
use crate::client::{ClientError, ErrorResponse};
use crate::server::ServerError;
use crate::wire::error_code::ErrorCode;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command line cannot be parsed.
    #[error("{what}")]
    CommandLine { what: String, hint: String },
    /// The command line can be parsed, but makes no sense to the command.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Client(#[from] ClientError),
    /// [`ErrorCode::NoRooms`] for a client name.
    #[error("{name} has joined no room")]
    NoRooms { name: ClientName },
    /// [`ErrorCode::NameTaken`]: another client holds the name now.
    #[error("another client took over {name}: {refusal}")]
    NameTaken {
        name: ClientName,
        refusal: ErrorResponse,
    },
    #[error(transparent)]
    Input(#[from] InputError),
    /// Publishing ended before everything was confirmed.
    #[error("{cause}; {} not confirmed", quantity(*lines, "line"))]
    Unconfirmed { cause: Box<Failure>, lines: u64 },
    #[error(
        "the hub did not confirm the last acknowledgements; {name} may get those messages again"
    )]
    Unacknowledged { name: String },
    #[error("timed out after {}", duration_text(*.0))]
    Timeout(Duration),
    #[error("--require {wanted}: a message reached {}", quantity(*reached, "listener"))]
    Require { wanted: u64, reached: u64 },
    #[error(
        "--require {wanted}: the receipt was lost with the connection, so it is unknown how many listeners the message reached"
    )]
    RequireUnknown { wanted: u64 },
    #[error("ended by {}", .0.name())]
    Signal(Signal),
    /// A signal, for a command that publishes lines.
    #[error("{}", confirmed_text(*confirmed, *unconfirmed, *rest))]
    Interrupted {
        signal: Signal,
        confirmed: u64,
        /// Lines handed to the connection, which may have sent them.
        unconfirmed: u64,
        rest: RemainingInput,
    },
    #[error("cannot read the token from {path}: {reason}")]
    TokenFile { path: PathBuf, reason: String },
    #[error("cannot read --auth from {path}: {reason}")]
    AuthFile { path: PathBuf, reason: String },
    /// An argument of `emit`.
    #[error(transparent)]
    Argument(#[from] ArgumentError),
    /// `--exec` cannot run its command at all.
    #[error(transparent)]
    Exec(#[from] ExecError),
    /// `request` got fewer answers than wanted.
    #[error("timed out after {}: {received} of {}", duration_text(*.after), quantity(*.wanted, "answer"))]
    Unanswered {
        wanted: u64,
        received: u64,
        after: Duration,
    },
    /// `request` did not hear from its hub.
    #[error("no answer from the hub within {}", duration_text(*.0))]
    HubSilent(Duration),
    /// `--stream`: the cause ended the stream before all of it was sent.
    #[error("{0}; the stream is cut off")]
    Unsent(Box<Failure>),
    /// `--stream`: the stream cannot be sent in full.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// `--stream`: not all of the stream was received.
    #[error(transparent)]
    IncompleteStream(#[from] IncompleteStream),
    #[error(transparent)]
    HubFile(#[from] HubFileError),
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("cannot write to stdout: {}", io_error_text(.0))]
    Output(io::Error),
    /// Any other failure.
    #[error("{what}")]
    Other { what: String, hint: Option<String> },
}

/// Whether an interrupted command had more input to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemainingInput {
    None,
    /// Some input was read and not sent.
    Unsent,
}

impl Failure {
    pub fn other(what: impl Into<String>) -> Self {
        Self::Other {
            what: what.into(),
            hint: None,
        }
    }

    /// Adds the number of unconfirmed lines to `cause`, unless it is 0.
    pub fn unconfirmed(cause: Self, lines: u64) -> Self {
        match lines {
            0 => cause,
            lines => Self::Unconfirmed {
                cause: Box::new(cause),
                lines,
            },
        }
    }

    /// Adds the client name to a refusal that concerns it.
    pub fn with_name(self, name: Option<&ClientName>) -> Self {
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
            Self::CommandLine { .. } | Self::Usage(_) | Self::HubFile(_) | Self::Settings(_) => 2,
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
            Self::CommandLine { hint, .. } => Some(hint),
            Self::Client(error) => client_hint(error),
            Self::Input(InputError::TooLong { .. }) => Some(RAISE_LIMIT),
            Self::NoRooms { .. } => Some(JOIN_ONE),
            Self::NameTaken { .. } => Some(ONE_HOLDER),
            Self::Unconfirmed { cause, .. } => cause.hint(),
            Self::Argument(ArgumentError::NotText { .. }) => {
                Some("write it to a file and send the file: @FILE")
            }
            Self::Argument(ArgumentError::File { .. }) => Some(
                "to send text that begins with @, use --text or quote it as JSON: '\"@alice\"'",
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

    /// Lines to print before the failure.
    fn details(&self) -> Vec<String> {
        match self {
            Self::HubFile(HubFileError::Invalid(mistakes))
            | Self::Settings(SettingsError::Invalid(mistakes)) => mistakes.lines().to_vec(),
            _ => Vec::new(),
        }
    }

    /// Prints the failure of `command` on stderr and returns the exit code. After a signal, ends the process.
    pub fn report(&self, command: &str) -> ExitCode {
        match self {
            // The user pressed Ctrl-C and knows.
            Self::Signal(_) => {}
            Self::Interrupted {
                unconfirmed: 0,
                rest: RemainingInput::None,
                ..
            } => term::note(self),
            // Lost input matters with --quiet, too.
            Self::Interrupted { .. } => term::note_always(self),
            _ => self.print(command),
        }
        if let Some(signal) = self.signal() {
            signal.end_process();
        }
        ExitCode::from(self.exit_code())
    }

    fn print(&self, command: &str) {
        let text = self.to_string();
        let line = format!("roomcat: {}", term::visible(&text));
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
            eprintln_quietly(&format!("{}{}", line.red(), hint.dimmed()))
        } else {
            eprintln_quietly(&format!("{line}{hint}"))
        }
    }
}

/// Numbers are formatted as in the progress line.
fn confirmed_text(confirmed: u64, unconfirmed: u64, rest: RemainingInput) -> String {
    let lines = if confirmed == 1 { "line" } else { "lines" };
    let mut text = format!("{} {lines} confirmed", HumanCount(confirmed));
    if unconfirmed > 0 {
        text += &format!("; {} not confirmed", HumanCount(unconfirmed));
    }
    match rest {
        RemainingInput::None => text,
        RemainingInput::Unsent => text + "; the rest was not sent",
    }
}

/// Writes once, and does not panic when stderr is closed.
fn eprintln_quietly(text: &str) {
    use std::io::Write as _;
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}
