//! Errors of a client: each type says what failed, so that the command line can derive exit codes and hints from it.

use std::io;
use std::time::Duration;

use serde::Deserialize;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::error::ProtocolError;

use super::error_response::ErrorResponse;
use super::invalid_message::InvalidMessage;
use super::url::HubUrl;
use crate::wire::engine::EngineError;
use crate::wire::error_code::ErrorCode;
use crate::wire::socket::PacketError;

/// An error that ends the client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("cannot reach {url}: {reason}")]
    Unreachable { url: String, reason: DialError },
    /// The server refused the CONNECT, or disconnected this client later, for instance because another took its name.
    #[error("{url} refused: {refusal}")]
    Denied { url: String, refusal: ErrorResponse },
    /// Another client closed this socket with `kick`.
    #[error("{refusal}, from {url}")]
    Kicked { url: String, refusal: ErrorResponse },
    #[error("{url} is a Socket.IO server, not a roomcat hub")]
    NotAHub { url: String },
    #[error("lost {url}: {reason}")]
    Lost { url: String, reason: String },
    /// The hub refused a verb.
    #[error("the hub refused: {0}")]
    Refused(ErrorResponse),
    #[error("the hub sent something this client does not understand: {0}")]
    Protocol(String),
}

impl ClientError {
    /// The error of a `closed` event.
    pub fn from_closed(url: &HubUrl, refusal: ErrorResponse) -> Self {
        let url = url.to_string();
        match refusal.code {
            Some(ErrorCode::Kicked) => Self::Kicked { url, refusal },
            _ => Self::Denied { url, refusal },
        }
    }
}

/// Why a connection could not be established.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    #[error("{}", io_error_text(.0))]
    Io(#[from] io::Error),
    #[error("no answer within {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("TLS: {0}")]
    Tls(String),
    #[error("its certificate is not trusted: {0}")]
    Certificate(String),
    #[error("it answered with HTTP status {status} instead of a WebSocket{}", because(.message))]
    Http {
        status: u16,
        /// The reason, if an Engine.IO server gives one.
        message: Option<String>,
    },
    #[error(
        "it speaks the protocol of Socket.IO v2 (EIO=3); roomcat speaks that of v3 and v4 (EIO=4)"
    )]
    Version2,
    #[error("it does not speak WebSocket at this address: {0}")]
    NoWebSocket(&'static str),
    #[error("it does not speak Socket.IO over WebSocket: {0}")]
    Protocol(String),
    #[error("{0}")]
    Denied(ErrorResponse),
    #[error("it is not a roomcat hub")]
    NotAHub,
}

impl DialError {
    /// Whether another attempt would end the same way.
    pub fn is_final(&self) -> bool {
        match self {
            Self::Denied(refusal) => {
                !matches!(refusal.code, Some(ErrorCode::Busy | ErrorCode::NoAnswer))
            }
            Self::NotAHub | Self::Version2 | Self::Http { status: 403, .. } => true,
            _ => false,
        }
    }

    pub fn with_url(self, url: &HubUrl) -> ClientError {
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
            // tokio-rustls wraps TLS errors in an io::Error.
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
                Self::NoWebSocket("it closed the connection")
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

/// The message of `{"code":…,"message":…}`, an Engine.IO server's refusal. None if it has not arrived completely yet.
fn engine_error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct EngineRefusal {
        message: String,
    }
    let refusal: EngineRefusal = serde_json::from_slice(body).ok()?;
    Some(refusal.message)
}

fn because(message: &Option<String>) -> String {
    let message = message.as_ref();
    message.map_or_else(String::new, |message| format!(": {message}"))
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
            DisconnectReason::Closed => Self::Protocol("it closed the connection".to_owned()),
            DisconnectReason::Io(error) => Self::Io(error),
            DisconnectReason::Timeout(patience) => Self::Timeout(patience),
            DisconnectReason::Protocol(reason) => Self::Protocol(reason),
        }
    }
}

/// Why an established connection ended.
#[derive(Debug, thiserror::Error)]
pub enum DisconnectReason {
    #[error("it closed the connection")]
    Closed,
    #[error("{}", io_error_text(.0))]
    Io(io::Error),
    #[error("it sent nothing for {} s", .0.as_secs())]
    Timeout(Duration),
    #[error("it sent something this client does not understand: {0}")]
    Protocol(String),
}

impl DisconnectReason {
    pub fn with_url(self, url: &HubUrl) -> ClientError {
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

impl From<InvalidMessage> for ClientError {
    fn from(error: InvalidMessage) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<InvalidMessage> for DisconnectReason {
    fn from(error: InvalidMessage) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// An I/O error in plain words: "connection refused", not "Connection refused (os error 111)".
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
    fn system_errors_are_in_plain_words() {
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
    fn only_errors_that_may_pass_are_retried() {
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
