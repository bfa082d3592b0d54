//! Why a command did not do what it was asked: the text, what to do about it, and the exit code, all derived from the
//! type and never from a text.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use colored::Colorize;
use indicatif::HumanCount;

use crate::address::ClientName;
use crate::cli::commands::exec::error::ExecError;
use crate::cli::commands::stream::error::{Cut, StreamError};
use crate::cli::io::arguments::ArgumentError;
use crate::cli::io::signals::Signal;
use crate::cli::io::stdin::InputError;
use crate::cli::screen::duration::spoken;
use crate::cli::screen::term;
use crate::cli::settings::error::SettingsError;
use crate::cli::settings::hub_file::HubFileError;
use crate::cli::settings::toml_file::ContentError;
use crate::client::{ClientError, DialError, ErrorResponse};
use crate::server::ServerError;
use crate::store::StoreError;
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
    #[error("--timeout {} came first", spoken(*.0))]
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
    #[error("--timeout {} came first: {came} of {wanted} {}", spoken(*.after), answers(*.wanted))]
    Unanswered {
        wanted: u64,
        came: u64,
        after: Duration,
    },
    /// `request` heard nothing of its hub either.
    #[error("no answer from the hub within {}", spoken(*.0))]
    HubSilent(Duration),
    /// `--stream`: it ended before all of it went out.
    #[error("{0}; the stream is cut off")]
    Unsent(Box<Failure>),
    /// `--stream`: not all of it went out.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// `--stream`: not all of it came.
    #[error(transparent)]
    Cut(#[from] Cut),
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
            Self::Cut(Cut {
                why: StreamError::Timeout(_),
                ..
            }) => 5,
            Self::Stream(_) | Self::Cut(_) => 1,
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
            Self::HubFile(HubFileError::Mistaken(_)) => Some(CHECK_CONFIG),
            Self::Exec(_) => Some(TRY_COMMAND),
            Self::Unsent(cause) => cause.hint(),
            Self::Stream(StreamError::NoRoom { .. }) => Some(RAISE_LIMIT),
            Self::Stream(_) => Some(SEND_AGAIN),
            Self::Cut(cut) => cut.left.hint(),
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
            Self::HubFile(HubFileError::Mistaken(mistakes))
            | Self::Settings(SettingsError::Mistaken(mistakes)) => mistakes.told(),
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
            Self::Interrupted { .. } => term::insist(self),
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

const TRY_COMMAND: &str =
    "try it by itself: sh -c CMD; a program that is not in PATH is named with its folder";
const WAIT_LONGER: &str =
    "--timeout DURATION waits longer; \"roomcat rooms ROOM\" shows who listens";
const LOOK_AT_HUB: &str = "see whether the hub still runs; --timeout DURATION waits longer";
const CHECK_CONFIG: &str = "\"roomcat serve --config FILE --check-config\" looks at it again";
const SEND_AGAIN: &str = "send it once more, from its beginning";
const MEND_SETTINGS: &str =
    "every command that goes to a hub reads it, with -u too; \"roomcat config\" looks at it again";
const START_A_HUB: &str = "start a hub with \"roomcat serve\"";
const RAISE_LIMIT: &str = "start the hub with a higher \"roomcat serve --max-message SIZE\"";
const ONE_HOLDER: &str =
    "one \"sub\" or \"chat\" at a time holds a name; give each its own --as NAME";
const NOT_BARRED: &str =
    "ask whoever it was; the hub lets in as before, and nothing that waited for a name is lost";
const JOIN_ONE: &str = "name a room, or join one: \"roomcat join ROOM --as NAME\"";
const PLAIN_COMMANDS: &str =
    "use \"roomcat emit\" and \"roomcat on\" with it, or give the URL of a roomcat hub with -u";
const RIGHT_PATH: &str =
    "see to the URL (-u or ROOMCAT_URL); where Socket.IO is not under /socket.io/, name its --path";
const RIGHT_NAMESPACE: &str = "the path of the URL is the namespace; --namespace NS names another";
const RIGHT_URL: &str = "give the hub's URL with -u or ROOMCAT_URL, as in -u ws://127.0.0.1:7666";

/// Refused is what the hub decided about who asks; an unlucky request just failed.
fn client_code(error: &ClientError) -> u8 {
    match error {
        ClientError::Unreachable {
            reason: DialError::Http { status: 403, .. },
            ..
        } => 4,
        ClientError::Unreachable { .. } | ClientError::Lost { .. } => 3,
        ClientError::Denied { .. } | ClientError::Kicked { .. } | ClientError::NotAHub { .. } => 4,
        ClientError::Refused(refusal) => match refusal.code {
            Some(ErrorCode::Forbidden | ErrorCode::Token | ErrorCode::NameTaken) => 4,
            _ => 1,
        },
        ClientError::Protocol(_) => 1,
    }
}

fn argument_code(error: &ArgumentError) -> u8 {
    match error {
        ArgumentError::File { .. } | ArgumentError::TooLarge { .. } => 1,
        ArgumentError::NotText { .. }
        | ArgumentError::TooMany
        | ArgumentError::Attachments
        | ArgumentError::Packet(_) => 2,
    }
}

fn client_hint(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Unreachable { reason, .. } => match reason {
            DialError::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Some(START_A_HUB),
                _ => Some(RIGHT_URL),
            },
            // An Engine.IO server says why.
            DialError::Http {
                status: 403,
                message: Some(_),
            } => None,
            DialError::Http { status: 404, .. } | DialError::NoWebSocket(_) => Some(RIGHT_PATH),
            DialError::Certificate(_) => {
                Some("SSL_CERT_FILE can name a file of further certificates")
            }
            DialError::Tls(_) => Some("a hub without TLS in front of it is reached with ws://"),
            _ => Some(RIGHT_URL),
        },
        ClientError::NotAHub { .. } => Some(PLAIN_COMMANDS),
        ClientError::Denied { refusal, .. } | ClientError::Refused(refusal) => {
            refusal_hint(refusal)
        }
        ClientError::Kicked { .. } => Some(NOT_BARRED),
        ClientError::Lost { .. } | ClientError::Protocol(_) => None,
    }
}

fn server_hint(error: &ServerError) -> Option<&'static str> {
    match error {
        ServerError::Bind { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => {
                Some("a hub may be running there already; --listen names another address")
            }
            _ => Some("--listen names another address"),
        },
        ServerError::Folder(_) => Some("--static names a folder of files for browsers"),
        ServerError::Store(error) => match error {
            StoreError::Held { .. } => Some("stop that hub, or name another database with --db"),
            StoreError::Foreign { .. } => {
                Some("name another database with --db; this file was not touched")
            }
            StoreError::Damaged { .. } => Some(
                "restore it from a copy, or name another database with --db; this file was not touched",
            ),
            StoreError::Newer { .. } => {
                Some("use that version of roomcat, or name another database with --db")
            }
            StoreError::ReadOnly { .. } => {
                Some("let this user write there, or name another database with --db")
            }
            StoreError::Sync { .. } | StoreError::Io { .. } => Some(
                "see to the disk and start the hub again; publishers send again what was not confirmed to them",
            ),
        },
    }
}

fn settings_hint(error: &SettingsError) -> Option<&'static str> {
    match error {
        SettingsError::Mistaken(_) => Some(MEND_SETTINGS),
        SettingsError::UnknownHub { .. } => Some(
            "a hub is named there by a table [hubs.NAME] with its url; see \"roomcat help config\"",
        ),
        SettingsError::Unreadable { reason, .. } => Some(match reason {
            ContentError::Io(_) => {
                "let this user read it, or take it away: without it the defaults hold"
            }
            ContentError::TooLong(_) => {
                "is it a settings file? \"man roomcat-config.toml\" says what belongs there; without it the defaults hold"
            }
            ContentError::NotText { .. } => {
                "save it as UTF-8, or take it away: without it the defaults hold"
            }
        }),
        SettingsError::Variable { .. } => None,
    }
}

fn refusal_hint(refusal: &ErrorResponse) -> Option<&'static str> {
    match refusal.code {
        Some(ErrorCode::Token) => Some("give the hub's token with --token-file FILE"),
        Some(ErrorCode::Forbidden) => Some("another token may do it: --token-file FILE"),
        Some(ErrorCode::Busy | ErrorCode::NoAnswer) => {
            Some("the hub's log says what its handler does")
        }
        Some(ErrorCode::NameTaken) => Some(ONE_HOLDER),
        Some(ErrorCode::TooLarge) => Some(RAISE_LIMIT),
        Some(ErrorCode::NoRooms) => Some(JOIN_ONE),
        _ if refusal.is_invalid_namespace() => Some(RIGHT_NAMESPACE),
        _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: ErrorCode) -> Failure {
        ClientError::Refused(refusal(code)).into()
    }

    fn refusal(code: ErrorCode) -> ErrorResponse {
        ErrorResponse {
            code: Some(code),
            message: "why".into(),
        }
    }

    fn unreachable(reason: DialError) -> Failure {
        ClientError::Unreachable {
            url: "ws://h:1".into(),
            reason,
        }
        .into()
    }

    fn denied(code: ErrorCode) -> Failure {
        ClientError::Denied {
            url: "ws://h:1".into(),
            refusal: refusal(code),
        }
        .into()
    }

    fn other_server(message: &str) -> Failure {
        let message = message.to_owned();
        let refusal = ErrorResponse {
            code: None,
            message,
        };
        let url = "ws://h:1".into();
        ClientError::Denied { url, refusal }.into()
    }

    fn lost() -> Failure {
        ClientError::Lost {
            url: "ws://h:1".into(),
            reason: "gone".into(),
        }
        .into()
    }

    #[test]
    fn each_failure_has_its_exit_code() {
        let unconfirmed = |cause: Failure| Failure::Unconfirmed {
            cause: Box::new(cause),
            lines: 3,
        };
        let no_file = InputError::Io {
            path: "f".into(),
            source: io::ErrorKind::NotFound.into(),
        };
        for (failure, code) in [
            (Failure::Usage("x".into()), 2),
            (unreachable(io::Error::from_raw_os_error(111).into()), 3),
            (unreachable(DialError::Timeout(Duration::from_secs(10))), 3),
            (
                unreachable(DialError::Http {
                    status: 404,
                    message: None,
                }),
                3,
            ),
            (
                unreachable(DialError::Http {
                    status: 403,
                    message: None,
                }),
                4,
            ),
            (lost(), 3),
            (denied(ErrorCode::Token), 4),
            (denied(ErrorCode::NameTaken), 4),
            (denied(ErrorCode::Forbidden), 4),
            (denied(ErrorCode::NoAnswer), 4),
            (other_server("Invalid namespace"), 4),
            (unreachable(DialError::NoWebSocket("it hung up")), 3),
            (other_server("odd"), 4),
            (ClientError::NotAHub { url: "u".into() }.into(), 4),
            (refused(ErrorCode::Forbidden), 4),
            (refused(ErrorCode::TooLarge), 1),
            (refused(ErrorCode::Full), 1),
            (refused(ErrorCode::NoRooms), 1),
            (Failure::Unacknowledged { name: "a".into() }, 3),
            (Failure::Timeout(Duration::from_secs(1)), 5),
            (
                Failure::Require {
                    wanted: 2,
                    reached: 1,
                },
                6,
            ),
            (Failure::RequireUnknown { wanted: 2 }, 6),
            (no_file.into(), 1),
            (unconfirmed(lost()), 3),
            (unconfirmed(Failure::Signal(Signal::Interrupt)), 130),
            (unconfirmed(Failure::Signal(Signal::Terminate)), 143),
            (Failure::Signal(Signal::Hangup), 129),
        ] {
            assert_eq!(failure.exit_code(), code, "{failure}");
        }
    }

    #[test]
    fn a_failure_says_what_why_and_what_to_do() {
        let refused = unreachable(io::Error::from_raw_os_error(111).into());
        assert_eq!(
            refused.to_string(),
            "cannot reach ws://h:1: connection refused"
        );
        assert_eq!(
            refused.hint().unwrap(),
            "start a hub with \"roomcat serve\""
        );
        for (lines, text) in [
            (1, "lost ws://h:1: gone; 1 line was not confirmed"),
            (812, "lost ws://h:1: gone; 812 lines were not confirmed"),
        ] {
            let failure = Failure::Unconfirmed {
                cause: Box::new(lost()),
                lines,
            };
            assert_eq!(failure.to_string(), text);
        }
        let late = Failure::Timeout(Duration::from_millis(1500));
        assert_eq!(late.to_string(), "--timeout 1500ms came first");
        assert!(
            denied(ErrorCode::Token)
                .hint()
                .is_some_and(|hint| hint.contains("--token-file"))
        );
    }

    #[test]
    fn what_happens_to_a_name_names_it() {
        let name = ClientName::parse("alice").unwrap();
        let none = refused(ErrorCode::NoRooms).about(Some(&name));
        assert_eq!(none.exit_code(), 1);
        assert!(none.to_string().contains("alice") && none.hint().is_some());
        let taken = denied(ErrorCode::NameTaken).about(Some(&name));
        assert_eq!(taken.exit_code(), 4);
        assert!(taken.to_string().contains("alice") && taken.hint().is_some());
        for other in [denied(ErrorCode::Token), refused(ErrorCode::Full)] {
            let text = other.to_string();
            assert_eq!(other.about(Some(&name)).to_string(), text);
        }
    }
}
