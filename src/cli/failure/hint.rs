//! Hints: what to do about a failure.

use std::io;

use crate::cli::settings::error::SettingsError;
use crate::cli::toml_file::content::ContentError;
use crate::client::{ClientError, DialError, ErrorResponse};
use crate::server::ServerError;
use crate::store::StoreError;
use crate::wire::error_code::ErrorCode;

pub(super) const TRY_COMMAND: &str =
    "try it alone: sh -c CMD; give the path of a program that is not in PATH";
pub(super) const WAIT_LONGER: &str =
    "use --timeout DURATION to wait longer; \"roomcat rooms ROOM\" shows who listens";
pub(super) const LOOK_AT_HUB: &str =
    "check that the hub still runs; use --timeout DURATION to wait longer";
pub(super) const CHECK_CONFIG: &str =
    "correct the file; \"roomcat serve --config FILE --check-config\" checks it again";
pub(super) const SEND_AGAIN: &str = "send the stream again, from its beginning";
const CORRECT_SETTINGS: &str = "correct the file; every command that connects to a hub reads it, even with -u; \"roomcat config\" checks it again";
const START_A_HUB: &str = "start a hub with \"roomcat serve\"";
pub(super) const RAISE_LIMIT: &str =
    "start the hub with a higher \"roomcat serve --max-message SIZE\"";
pub(super) const ONE_HOLDER: &str =
    "only one \"sub\" or \"chat\" at a time can use a name; give each its own --as NAME";
const NOT_BARRED: &str = "ask the person who did it; you can connect again, and no message that waits for a name is lost";
pub(super) const JOIN_ONE: &str = "name a room, or join one: \"roomcat join ROOM --as NAME\"";
const PLAIN_COMMANDS: &str = "use \"roomcat emit\" and \"roomcat on\" with this server, or give the URL of a roomcat hub with -u";
const RIGHT_PATH: &str =
    "check the URL (-u or ROOMCAT_URL); if Socket.IO is not at /socket.io/, give its --path";
const RIGHT_NAMESPACE: &str =
    "the path of the URL is the namespace; use --namespace NS for another";
const RIGHT_URL: &str = "give the hub's URL with -u or ROOMCAT_URL, as in -u ws://127.0.0.1:7666";

pub(super) fn client_hint(error: &ClientError) -> Option<&'static str> {
    match error {
        ClientError::Unreachable { reason, .. } => match reason {
            DialError::Io(error) => match error.kind() {
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => Some(START_A_HUB),
                _ => Some(RIGHT_URL),
            },
            // The message of the Engine.IO server gives the reason.
            DialError::Http {
                status: 403,
                message: Some(_),
            } => None,
            DialError::Http { status: 404, .. } | DialError::NoWebSocket(_) => Some(RIGHT_PATH),
            DialError::Certificate(_) => {
                Some("set SSL_CERT_FILE to a file with the certificates to trust")
            }
            DialError::Tls(_) => Some("use ws:// for a hub without TLS in front of it"),
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

pub(super) fn server_hint(error: &ServerError) -> Option<&'static str> {
    match error {
        ServerError::Bind { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => {
                Some("a hub may be running there already; use --listen for another address")
            }
            _ => Some("use --listen for another address"),
        },
        ServerError::StaticFolder(_) => Some("give --static a folder of files for browsers"),
        ServerError::Store(error) => match error {
            StoreError::Locked { .. } => Some("stop that hub, or name another database with --db"),
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
                "check the disk and start the hub again; publishers send unconfirmed messages again",
            ),
        },
    }
}

pub(super) fn settings_hint(error: &SettingsError) -> Option<&'static str> {
    match error {
        SettingsError::Invalid(_) => Some(CORRECT_SETTINGS),
        SettingsError::UnknownHub { .. } => {
            Some("add a table [hubs.NAME] with a url to that file; see \"roomcat help config\"")
        }
        SettingsError::Unreadable { reason, .. } => Some(match reason {
            ContentError::Io(_) => {
                "let this user read the file, or remove it: without it, the defaults apply"
            }
            ContentError::TooLong(_) => {
                "is it a settings file? \"man roomcat-config.toml\" describes its content; without it, the defaults apply"
            }
            ContentError::NotText { .. } => {
                "save the file as UTF-8, or remove it: without it, the defaults apply"
            }
        }),
        SettingsError::Variable { .. } => None,
    }
}

fn refusal_hint(refusal: &ErrorResponse) -> Option<&'static str> {
    match refusal.code {
        Some(ErrorCode::Token) => Some("give the hub's token with --token-file FILE"),
        Some(ErrorCode::Forbidden) => Some("another token may allow it: --token-file FILE"),
        Some(ErrorCode::Busy | ErrorCode::NoAnswer) => {
            Some("see the hub's log for what its handler does")
        }
        Some(ErrorCode::NameTaken) => Some(ONE_HOLDER),
        Some(ErrorCode::TooLarge) => Some(RAISE_LIMIT),
        Some(ErrorCode::NoRooms) => Some(JOIN_ONE),
        _ if refusal.is_invalid_namespace() => Some(RIGHT_NAMESPACE),
        _ => None,
    }
}
