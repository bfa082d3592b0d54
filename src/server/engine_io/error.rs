//! Why an Engine.IO request is refused.

use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

use crate::server::origin::OriginError;
use crate::server::polling::session::PollingError;
use crate::server::response::{HttpResponse, plain_text};

/// Codes 0 to 5 are Engine.IO's ("Transport errors" of the reference server).
#[derive(Debug, thiserror::Error)]
pub enum EngineRequestError {
    #[error("{0}")]
    Forbidden(#[from] OriginError),
    #[error("Transport unknown")]
    UnknownTransport,
    #[error("Session ID unknown")]
    UnknownSession,
    #[error("Bad handshake method")]
    HandshakeMethod,
    #[error("Bad request")]
    BadRequest,
    #[error(
        "Unsupported protocol version: this hub speaks EIO=4, which is socket.io-client 3 and 4"
    )]
    Version,
    #[error(
        "the body is longer than maxPayload, which is {max_payload} bytes here (binary data grows by a third as base64); \
         send it by WebSocket, or start the hub with a larger --max-payload"
    )]
    TooLarge { max_payload: usize },
    #[error("this hub takes no more connections")]
    Full,
}

impl EngineRequestError {
    pub fn into_response(self) -> HttpResponse {
        let bad_request = StatusCode::BAD_REQUEST;
        let (status, code) = match self {
            Self::Full => return plain_text(StatusCode::SERVICE_UNAVAILABLE, &self.to_string()),
            Self::UnknownTransport => (bad_request, 0),
            Self::UnknownSession => (bad_request, 1),
            Self::HandshakeMethod => (bad_request, 2),
            Self::BadRequest => (bad_request, 3),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, 4),
            Self::Version => (bad_request, 5),
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, 3),
        };
        let mut body = serde_json::json!({"code": code, "message": self.to_string()});
        if let Self::TooLarge { max_payload } = self {
            body["maxPayload"] = max_payload.into();
        }
        let mut response = plain_text(status, &body.to_string());
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    }
}

impl From<PollingError> for EngineRequestError {
    fn from(error: PollingError) -> Self {
        match error {
            PollingError::UnknownSession => Self::UnknownSession,
            PollingError::UnexpectedRequest => Self::BadRequest,
        }
    }
}
