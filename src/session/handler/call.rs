//! What a session asks its namespace's program, and what the program answers.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::address::{ClientName, EventName, Namespace};
use crate::hub::socket_id::SocketId;
use crate::wire::error_code::ErrorCode;

/// Something that happened to one socket, for its namespace's program.
#[derive(Debug, Clone)]
pub struct Call {
    pub socket: SocketId,
    pub sid: Arc<str>,
    pub namespace: Namespace,
    /// Of a socket that connects: the name that it will have when it is let in.
    pub name: Option<ClientName>,
    pub what: What,
    /// The inside of a JSON array, placeholders included: the auth object (`{}` without one) of a socket that connects,
    /// the reason of one that is gone.
    pub args: String,
    pub attachments: Vec<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// Asked, and must be answered. Whoever asked also tells the disconnect, whatever became of it, unless it was denied.
    Connect,
    /// Asked when the sender waits for an acknowledgement, told when it does not.
    Event(EventName),
    /// Told.
    Disconnect,
}

/// What the program says to a call.
#[derive(Debug)]
pub enum Verdict {
    Ack(Answer),
    Deny(String),
    /// It did not answer in time, or died: "the handler did not answer".
    Silent,
}

#[derive(Debug)]
pub struct Answer {
    /// The inside of a JSON array, placeholders included and checked.
    pub args: String,
    pub attachments: Vec<Bytes>,
    pub hold: Hold,
}

/// The program's next line is not acted upon while this is held: a session that lets somebody in holds it until the hub and
/// the store have heard of the socket ([`crate::session::engine::outbox::Submission::Release`]), so that what the program sends it next
/// finds it. Anybody else drops it.
#[derive(Debug)]
pub struct Hold(
    #[expect(dead_code, reason = "its end is the message")] pub(super) Option<oneshot::Sender<()>>,
);

/// Too much waits for the program, or it is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler is busy")]
pub struct Busy;

/// Why a program does not do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    #[error("{0}")]
    Denied(String),
    #[error(transparent)]
    Busy(#[from] Busy),
    #[error("the handler did not answer")]
    Silent,
}

impl NoAnswer {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Denied(_) => ErrorCode::Denied,
            Self::Busy(_) => ErrorCode::Busy,
            Self::Silent => ErrorCode::NoAnswer,
        }
    }
}
