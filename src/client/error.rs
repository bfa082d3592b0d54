//! What can go wrong between a client and its hub, as types: the command line derives exit codes and hints from them.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::answers::InvalidMessage;
use crate::wire::engine::EngineError;
use crate::wire::error_code::ErrorCode;
use crate::wire::socket::PacketError;

/// Why the client stopped for good.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot reach {url}: {reason}")]
    Unreachable { url: String, reason: DialError },
    /// The namespace was not entered, or the hub took it away (another holder of the name, for instance).
    #[error("{url} refused: {refusal}")]
    Denied { url: String, refusal: ErrorResponse },
    /// The hub closed the connection because somebody asked for it.
    #[error("{refusal}, from {url}")]
    Kicked { url: String, refusal: ErrorResponse },
    #[error("{url} is a Socket.IO server, not a roomcat hub")]
    NotAHub { url: String },
    #[error("lost {url}: {reason}")]
    Lost { url: String, reason: String },
    /// A verb was refused.
    #[error("the hub refused: {0}")]
    Refused(ErrorResponse),
    #[error("the hub answered what this client does not understand: {0}")]
    Protocol(String),
}

impl ClientError {
    /// The hub said why it disconnects.
    pub fn from_closed(url: &super::HubUrl, refusal: ErrorResponse) -> Self {
        let url = url.to_string();
        match refusal.code {
            Some(ErrorCode::Kicked) => Self::Kicked { url, refusal },
            _ => Self::Denied { url, refusal },
        }
    }
}

/// A refusal as the hub worded it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ErrorResponse {
    /// None: a code of a newer hub, or none at all from another server.
    pub code: Option<ErrorCode>,
    pub message: String,
}

impl ErrorResponse {
    /// Whether the namespace does not exist. Every Socket.IO server says so in the same words, without a code.
    pub fn is_invalid_namespace(&self) -> bool {
        self.code.is_none() && self.message == "Invalid namespace"
    }

    /// Whether the hub may accept the same publish later.
    pub fn is_temporary(&self) -> bool {
        self.code.is_some_and(ErrorCode::is_temporary)
    }
}

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("{}", io_error_text(.0))]
    Io(#[from] io::Error),
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("its certificate is not to be trusted: {0}")]
    Certificate(String),
    #[error("it answered HTTP status {status} where a WebSocket was asked for{}", because(.message))]
    Http {
        status: u16,
        /// Why, when it is an Engine.IO server that says so.
        message: Option<String>,
    },
    #[error(
        "it speaks the protocol of Socket.IO v2 (EIO=3), and roomcat that of v3 and v4 (EIO=4)"
    )]
    Version2,
    #[error("it does not speak WebSocket there: {0}")]
    NoWebSocket(&'static str),
    #[error("it does not speak Socket.IO over WebSocket: {0}")]
    Protocol(String),
    #[error("{0}")]
    Denied(ErrorResponse),
    #[error("it is not a roomcat hub")]
    NotAHub,
}

impl DialError {
    /// Another attempt would end the same way.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Denied(refusal) => {
                !matches!(refusal.code, Some(ErrorCode::Busy | ErrorCode::NoAnswer))
            }
            Self::NotAHub | Self::Version2 | Self::Http { status: 403, .. } => true,
            _ => false,
        }
    }

    pub fn with_url(self, url: &super::HubUrl) -> ClientError {
        let url = url.to_string();
        match self {
            Self::Denied(refusal) => ClientError::Denied { url, refusal },
            Self::NotAHub => ClientError::NotAHub { url },
            reason => ClientError::Unreachable { url, reason },
        }
    }
}

impl From<tungstenite::Error> for DialError {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            // tokio-rustls wraps what TLS found wrong in an io::Error.
            tungstenite::Error::Io(error) => match tls_error(&error) {
                Some(rustls::Error::InvalidCertificate(reason)) => {
                    Self::Certificate(reason.to_string())
                }
                Some(reason) => Self::Tls(reason.to_string()),
                None => Self::Io(error),
            },
            tungstenite::Error::Tls(error) => Self::Tls(error.to_string()),
            tungstenite::Error::Http(response) => Self::Http {
                status: response.status().as_u16(),
                message: response.body().as_deref().and_then(engine_error),
            },
            tungstenite::Error::Protocol(ProtocolError::HandshakeIncomplete) => {
                Self::NoWebSocket("it hung up")
            }
            tungstenite::Error::Protocol(ProtocolError::WrongHttpVersion) => {
                Self::NoWebSocket("it answered in HTTP/1.0")
            }
            tungstenite::Error::Protocol(ProtocolError::HttparseError(_)) => {
                Self::NoWebSocket("its answer is not HTTP")
            }
            other => Self::Protocol(other.to_string()),
        }
    }
}

/// The message of `{"code":…,"message":…}`, as Engine.IO servers answer what they refuse. What of it has arrived by now is
/// not all of it if it was long; then it says nothing.
fn engine_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        message: String,
    }
    let refused: Refused = serde_json::from_slice(body).ok()?;
    Some(refused.message)
}

fn because(said: &Option<String>) -> String {
    said.as_ref()
        .map(|said| format!(": {said}"))
        .unwrap_or_default()
}

fn tls_error(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

impl From<EngineError> for DialError {
    fn from(error: EngineError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<PacketError> for DialError {
    fn from(error: PacketError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<DisconnectReason> for DialError {
    fn from(reason: DisconnectReason) -> Self {
        match reason {
            DisconnectReason::Closed => Self::Protocol("it closed".to_owned()),
            DisconnectReason::Io(error) => Self::Io(error),
            DisconnectReason::Timeout(patience) => Self::Timeout(patience),
            DisconnectReason::Protocol(reason) => Self::Protocol(reason),
        }
    }
}

/// Why a connection that had been there ended.
#[derive(Debug, thiserror::Error)]
pub enum DisconnectReason {
    #[error("it closed the connection")]
    Closed,
    #[error("{}", io_error_text(.0))]
    Io(io::Error),
    #[error("nothing was heard for {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("it sent what this client does not understand: {0}")]
    Protocol(String),
}

impl DisconnectReason {
    pub fn with_url(self, url: &super::HubUrl) -> ClientError {
        ClientError::Lost {
            url: url.to_string(),
            reason: self.to_string(),
        }
    }
}

impl From<tungstenite::Error> for DisconnectReason {
    fn from(error: tungstenite::Error) -> Self {
        match error {
            tungstenite::Error::Io(error) => Self::Io(error),
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
                Self::Closed
            }
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<EngineError> for DisconnectReason {
    fn from(error: EngineError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<PacketError> for DisconnectReason {
    fn from(error: PacketError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<InvalidMessage> for DisconnectReason {
    fn from(error: InvalidMessage) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// An io::Error as people say it: "connection refused", not "Connection refused (os error 111)".
pub fn io_error_text(error: &io::Error) -> String {
    let text = error.to_string();
    let text = match (error.raw_os_error(), text.rfind(" (os error")) {
        (Some(_), Some(end)) => &text[..end],
        _ => &text,
    };
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_lowercase().chain(characters).collect(),
        None => format!("{:?}", error.kind()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_errors_read_like_a_sentence() {
        assert_eq!(
            io_error_text(&io::Error::from_raw_os_error(111)),
            "connection refused"
        );
        assert_eq!(
            io_error_text(&io::Error::other("Odd (os error")),
            "odd (os error"
        );
    }

    #[test]
    fn only_what_may_change_is_tried_again() {
        for (code, passes) in [
            ("full", true),
            ("disk", true),
            ("too_large", false),
            ("out_of_order", false),
            ("token", false),
            ("brand_new", false),
        ] {
            let refusal = ErrorResponse {
                code: ErrorCode::parse(code),
                message: String::new(),
            };
            assert_eq!(refusal.is_temporary(), passes, "{code}");
        }
        let http = |status| DialError::Http {
            status,
            message: None,
        };
        let denied = |code| {
            let code = ErrorCode::parse(code);
            let message = String::new();
            DialError::Denied(ErrorResponse { code, message })
        };
        for (code, is_final) in [
            ("token", true),
            ("forbidden", true),
            ("denied", true),
            ("busy", false),
            ("no_answer", false),
        ] {
            assert_eq!(denied(code).is_final(), is_final, "{code}");
        }
        assert!(DialError::NotAHub.is_final());
        assert!(!http(503).is_final() && http(403).is_final());
        assert!(!DialError::from(io::Error::from_raw_os_error(111)).is_final());
    }
}
