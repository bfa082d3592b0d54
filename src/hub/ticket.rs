//! What travels with an op through the store and comes back with its outcome.

use tokio::sync::OwnedSemaphorePermit;

use super::request::{Request, SocketRequest};
use super::socket_id::SocketId;
use crate::store::OpOutcome;

/// The request behind an op, if a socket made one, and its share of the append queue, which it holds until the receipt is
/// sent.
#[derive(Debug)]
pub struct Ticket {
    pub request: Option<SocketRequest>,
    pub permit: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    pub fn new(request: SocketRequest) -> Self {
        Self {
            request: Some(request),
            permit: None,
        }
    }

    /// For a request that no client waits for.
    pub fn unanswered(socket: SocketId, kind: Request) -> Self {
        Self::new(SocketRequest {
            socket,
            ack_id: None,
            kind,
        })
    }
}

/// One transaction: its outcomes in the order of their ops.
pub type Commit = Vec<(OpOutcome, Ticket)>;
