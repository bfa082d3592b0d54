//! The inputs of the hub's core.

use std::sync::Arc;

use super::request::SocketRequest;
use super::socket_id::SocketId;
use super::socket_stats::SocketStats;
use crate::address::{ClientName, Namespace};
use crate::store::{NewRecord, OpOutcome};

#[derive(Debug)]
pub enum CoreInput {
    /// Comes before every request of the socket.
    Connect {
        socket: SocketId,
        namespace: Namespace,
        sid: Arc<str>,
        name: Option<ClientName>,
        stats: Arc<SocketStats>,
    },
    /// From the commit log, in its order.
    Committed {
        outcome: OpOutcome,
        /// `None` if no socket of this hub requested the op.
        request: Option<SocketRequest>,
    },
    /// A publish that skips the store.
    Volatile {
        record: NewRecord,
        /// Milliseconds since 1970 (UTC).
        at_ms: u64,
        request: SocketRequest,
    },
    /// A session emptied a mailbox that had overflowed, and asks for deliveries again.
    Attach(SocketId),
    Rooms(SocketRequest),
    Who(SocketRequest),
    Kick(SocketRequest),
}
