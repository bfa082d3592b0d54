//! What to do about a failure.

use std::io;

use crate::cli::settings::error::SettingsError;
use crate::cli::toml_file::content::ContentError;
use crate::client::{ClientError, DialError, ErrorResponse};
use crate::server::ServerError;
use crate::store::StoreError;
use crate::wire::error_code::ErrorCode;

pub(super) const TRY_COMMAND: &str =
    "try it by itself: sh -c CMD; a program that is not in PATH is named with its folder";
pub(super) const WAIT_LONGER: &str =
    "--timeout DURATION waits longer; \"roomcat rooms ROOM\" shows who listens";
pub(super) const LOOK_AT_HUB: &str =
    "see whether the hub still runs; --timeout DURATION waits longer";
pub(super) const CHECK_CONFIG: &str =
    "\"roomcat serve --config FILE --check-config\" looks at it again";
pub(super) const SEND_AGAIN: &str = "send it once more, from its beginning";
const MEND_SETTINGS: &str =
    "every command that goes to a hub reads it, with -u too; \"roomcat config\" looks at it again";
const START_A_HUB: &str = "start a hub with \"roomcat serve\"";
pub(super) const RAISE_LIMIT: &str =
    "start the hub with a higher \"roomcat serve --max-message SIZE\"";
pub(super) const ONE_HOLDER: &str =
    "one \"sub\" or \"chat\" at a time holds a name; give each its own --as NAME";
const NOT_BARRED: &str =
    "ask whoever it was; the hub lets in as before, and nothing that waited for a name is lost";
pub(super) const JOIN_ONE: &str = "name a room, or join one: \"roomcat join ROOM --as NAME\"";
const PLAIN_COMMANDS: &str =
    "use \"roomcat emit\" and \"roomcat on\" with it, or give the URL of a roomcat hub with -u";
const RIGHT_PATH: &str =
    "see to the URL (-u or ROOMCAT_URL); where Socket.IO is not under /socket.io/, name its --path";
const RIGHT_NAMESPACE: &str = "the path of the URL is the namespace; --namespace NS names another";
const RIGHT_URL: &str = "give the hub's URL with -u or ROOMCAT_URL, as in -u ws://127.0.0.1:7666";

pub(super) fn client_hint(error: &ClientError) -> Option<&'static str> {
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

pub(super) fn server_hint(error: &ServerError) -> Option<&'static str> {
    match error {
        ServerError::Bind { source, .. } => match source.kind() {
            io::ErrorKind::AddrInUse => {
                Some("a hub may be running there already; --listen names another address")
            }
            _ => Some("--listen names another address"),
        },
        ServerError::StaticFolder(_) => Some("--static names a folder of files for browsers"),
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
                "see to the disk and start the hub again; publishers send again what was not confirmed to them",
            ),
        },
    }
}

pub(super) fn settings_hint(error: &SettingsError) -> Option<&'static str> {
    match error {
        SettingsError::Invalid(_) => Some(MEND_SETTINGS),
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
