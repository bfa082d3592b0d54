//! Somebody who enters a namespace, and why they may not.

use std::sync::Arc;

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::permissions::Permissions;
use super::policy::AuthError;
use crate::address::{ClientName, Namespace};
use crate::hub::socket_id::SocketId;
use crate::session::handler::call::HandlerError;
use crate::session::socket::ClientKind;
use crate::session::socket::credit::Credit;
use crate::session::verbs::args::reason;
use crate::store::sessions::ResumeRequest;
use crate::wire::error_code::ErrorCode;

/// Somebody whom the hub lets in.
#[derive(Debug)]
pub struct AdmissionRequest {
    pub id: SocketId,
    pub sid: Arc<str>,
    pub namespace: Namespace,
    /// The client name that it holds once it subscribes; a guest holds none.
    pub name: Option<ClientName>,
    /// As whom it publishes.
    pub from: Option<ClientName>,
    pub standing: Permissions,
    pub dialect: ClientKind,
    pub credit: Credit,
    /// What it shows of an earlier session.
    pub earlier: Option<ResumeRequest>,
    /// The auth object as it came.
    pub auth: Option<Box<RawValue>>,
}

/// Why somebody is not let in.
#[derive(Debug, thiserror::Error)]
pub enum AdmissionError {
    /// The reference's words: clients know them.
    #[error("Invalid namespace")]
    Namespace,
    #[error("auth: {}", reason(.0))]
    Auth(serde_json::Error),
    #[error("too many namespaces on one connection")]
    TooMany,
    #[error("{0}")]
    Token(#[from] AuthError),
    #[error("{0}")]
    Program(#[from] HandlerError),
}

impl AdmissionError {
    pub(super) fn data(&self) -> Value {
        let code = match self {
            Self::Namespace => return json!({"message": self.to_string()}),
            Self::Auth(_) | Self::TooMany => ErrorCode::BadRequest,
            Self::Token(denied) => denied.code(),
            Self::Program(no_answer) => no_answer.code(),
        };
        json!({"message": self.to_string(), "data": {"code": code}})
    }
}
