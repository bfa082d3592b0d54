//! The operations of a store, and their outcomes.

use std::sync::Arc;

use super::delayed::{DelayedQueueFull, DelayedRecord};
use super::membership::Member;
use super::message::{NewRecord, Record};
use super::sessions::{OpenedSession, SessionOp};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::wire::batch::PublishId;

/// One change of the store. Ops take effect one after the other, in the order in which the writer got them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    Append {
        record: NewRecord,
        id: Option<PublishId>,
    },
    /// Keeps a record beside the log until `due_ms` (milliseconds since 1970), and then appends it. The id counts as used
    /// now. A record that is due already is appended at once, unless an earlier one still waits.
    Delay {
        record: NewRecord,
        id: Option<PublishId>,
        due_ms: u64,
    },
    /// Appends a record that [`super::Store::due`] returned. Only a full disk can refuse it: it was accepted when it was
    /// delayed.
    Due(DelayedRecord),
    /// Makes `client` a member of these rooms from now on. Rooms it is a member of already keep their cursor.
    Join {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
    },
    /// Ends memberships. Their pending messages are no longer owed.
    Leave {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
    },
    /// Reads the cursors of a subscription at one point of the order. With a client, joins `rooms` first; with a client and
    /// no rooms, takes every room it is a member of. Without a client, every cursor is "from now".
    Subscribe {
        namespace: Namespace,
        client: Option<ClientName>,
        rooms: Vec<RoomName>,
    },
    /// Acknowledges everything before `cursor` in these rooms. A cursor never moves back and never passes the end of the
    /// log. Rooms that the client is not a member of are ignored.
    Ack {
        namespace: Namespace,
        client: ClientName,
        rooms: Arc<[RoomName]>,
        cursor: Seq,
    },
    /// Drops a member's pending messages before `cursor` in these of its rooms; in all of them if `rooms` is empty.
    Purge {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
        cursor: Seq,
    },
    /// Changes a socket's recoverable session.
    Session(SessionOp),
    /// Changes nothing. It orders a request that needs nothing of the store (a live join) with all other ops.
    Noop,
}

/// The outcome of an [`Op`]: a complete fact, which does not depend on the requester.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpOutcome {
    Appended(Record),
    /// `count` messages wait until they are due.
    Delayed {
        due_ms: u64,
        count: u32,
    },
    /// The producer used this counter before, so nothing was stored. `first` is known only for its latest publish, and not
    /// if that was delayed.
    Duplicate {
        first: Option<Seq>,
    },
    /// `client` is a member of all these rooms now.
    Joined {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
    },
    /// `client` is a member of none of these rooms now.
    Left {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
    },
    Subscribed {
        namespace: Namespace,
        client: Option<ClientName>,
        /// The subscription's rooms, each with its cursor: the first seq that is not acknowledged.
        rooms: Vec<(RoomName, Seq)>,
        /// Every room that the client is a member of.
        joined: Vec<RoomName>,
        /// The number of the last record before this op; 0 if there is none.
        head: u64,
    },
    /// Cursors moved; the hub keeps none.
    Acked,
    /// The member's cursors in these rooms are at `cursor` or after it.
    Purged {
        namespace: Namespace,
        client: ClientName,
        rooms: Vec<RoomName>,
        cursor: Seq,
    },
    /// None: the store remembers as many sessions as it may.
    SessionOpened(Option<OpenedSession>),
    Noop,
    Refused(Refusal),
}

/// Why an op was refused. Nothing was stored, and the producer's number was not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("the next number of this producer is {expected}")]
    OutOfOrder { expected: u64 },
    /// Pending messages reach `--keep-pending`.
    #[error(
        "the pending queue is full ({limit} bytes); \"{client}\" in room \"{room}\" of {namespace} holds more of it than any other ({bytes} bytes)"
    )]
    Full {
        limit: u64,
        namespace: Namespace,
        client: ClientName,
        room: RoomName,
        bytes: u64,
    },
    #[error(transparent)]
    DelayedQueueFull(DelayedQueueFull),
    /// The disk, or a file-size limit.
    #[error("the disk is full: {reason}")]
    Disk { reason: String },
}

impl Refusal {
    /// Pending messages reach `limit`, and `member` holds `bytes` of them.
    pub(super) fn full(limit: u64, member: Member, bytes: u64) -> Self {
        Self::Full {
            limit,
            namespace: member.namespace,
            client: member.client,
            room: member.room,
            bytes,
        }
    }
}
