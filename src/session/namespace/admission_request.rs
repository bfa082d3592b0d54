//! A CONNECT that passed the hub's own checks, and why a CONNECT is refused.

use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::permissions::Permissions;
use super::policy::AuthError;
use crate::address::{ClientName, Namespace};
use crate::hub::socket_id::SocketId;
use crate::session::handler::call::HandlerError;
use crate::session::socket::client_kind::ClientKind;
use crate::session::socket::credit::Credit;
use crate::session::verbs::args::json_error;
use crate::store::sessions::ResumeRequest;
use crate::wire::error_code::ErrorCode;

/// A socket that the hub would admit. The namespace's program may still deny it.
#[derive(Debug)]
pub struct AdmissionRequest {
    pub id: SocketId,
    pub sid: Arc<str>,
    pub namespace: Namespace,
    /// The client name that it holds once it subscribes. A guest holds none.
    pub name: Option<ClientName>,
    /// The name that it publishes under.
    pub from: Option<ClientName>,
    pub permissions: Permissions,
    pub kind: ClientKind,
    pub credit: Credit,
    /// The earlier session that it asks to resume.
    pub resume: Option<ResumeRequest>,
    /// The auth object as the client sent it.
    pub auth: Option<Box<RawValue>>,
}

#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The reference server's wording, which clients know.
    #[error("Invalid namespace")]
    Namespace,
    #[error("auth: {}", json_error(.0))]
    Auth(serde_json::Error),
    #[error("too many namespaces on one connection")]
    TooMany,
    #[error("{0}")]
    Token(#[from] AuthError),
    #[error("{0}")]
    Program(#[from] HandlerError),
}

impl AdmissionError {
    /// The data of the CONNECT_ERROR packet.
    pub(super) fn data(&self) -> Value {
        let code = match self {
            Self::Namespace => return json!({"message": self.to_string()}),
            Self::Auth(_) | Self::TooMany => ErrorCode::BadRequest,
            Self::Token(error) => error.code(),
            Self::Program(no_answer) => no_answer.code(),
        };
        json!({"message": self.to_string(), "data": {"code": code}})
    }
}
