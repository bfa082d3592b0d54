//! A session's call to its namespace's program, and the program's verdict.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::address::{ClientName, EventName, Namespace};
use crate::hub::socket_id::SocketId;
use crate::wire::error_code::ErrorCode;

/// Something that happened to one socket, for its namespace's program.
#[derive(Debug, Clone)]
pub struct Call {
    pub socket: SocketId,
    pub sid: Arc<str>,
    pub namespace: Namespace,
    /// For a socket that connects: the name that it will have once it is admitted.
    pub name: Option<ClientName>,
    pub event: CallEvent,
    /// The inside of a JSON array, placeholders included. For a connect the auth object (`{}` without one), for a
    /// disconnect the reason.
    pub args: String,
    pub attachments: Vec<Bytes>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallEvent {
    /// Needs a verdict. Unless it was denied, its sender also reports the disconnect.
    Connect,
    /// Needs a verdict when the peer asked for an acknowledgement.
    Event(EventName),
    /// Needs no verdict.
    Disconnect,
}

/// The program's answer to a call.
#[derive(Debug)]
pub enum Verdict {
    Ack(HandlerAck),
    Deny(String),
    /// The program did not answer in time, or died.
    Silent,
}

#[derive(Debug)]
pub struct HandlerAck {
    /// The inside of a JSON array, placeholders included and checked.
    pub args: String,
    pub attachments: Vec<Bytes>,
    pub hold: EntryHold,
}

/// While this is held, the program's next line waits. A session that admits a socket holds it until the hub and the store
/// know the socket ([`crate::session::engine::outbox::Submission::Release`]), so that the program's next message reaches it.
/// Other callers drop it.
#[derive(Debug)]
pub struct EntryHold(
    #[expect(dead_code, reason = "dropping it is the signal")]
    pub(super)  Option<oneshot::Sender<()>>,
);

/// The program's queue is full, or the program is being stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the handler is busy")]
pub struct HandlerBusy;

/// Why a program did not acknowledge a call.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    #[error("{0}")]
    Denied(String),
    #[error(transparent)]
    Busy(#[from] HandlerBusy),
    #[error("the handler did not answer")]
    Silent,
}

impl HandlerError {
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Denied(_) => ErrorCode::Denied,
            Self::Busy(_) => ErrorCode::Busy,
            Self::Silent => ErrorCode::NoAnswer,
        }
    }
}

/// A call on its way to the task that runs the program.
#[derive(Debug)]
pub(super) struct QueuedCall {
    /// `None` for a disconnect.
    pub(super) id: Option<u64>,
    /// The encoded line, its line end included.
    pub(super) line: Vec<u8>,
    /// Its share of the queue, held until the line was written to the program.
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) socket: SocketId,
    pub(super) sid: Arc<str>,
    pub(super) namespace: Namespace,
    pub(super) kind: CallKind,
    pub(super) waiter: Option<Waiter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallKind {
    Connect,
    Event,
    Disconnect,
}

/// The session that waits for the verdict.
#[derive(Debug)]
pub(super) struct Waiter {
    verdict: oneshot::Sender<Verdict>,
    _permit: OwnedSemaphorePermit,
}

impl Waiter {
    pub(super) fn new(verdict: oneshot::Sender<Verdict>, permit: OwnedSemaphorePermit) -> Self {
        Self {
            verdict,
            _permit: permit,
        }
    }

    /// Does nothing when the session has ended.
    pub(super) fn answer(self, verdict: Verdict) {
        let _ = self.verdict.send(verdict);
    }
}
