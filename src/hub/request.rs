//! The requests of a session to the hub, and their parameters.

use std::collections::BTreeSet;

use super::socket_id::SocketId;
use crate::address::{ClientName, RoomName, Seq};
use crate::store::NewRecord;
use crate::store::names::NameQuery;

/// A request with the socket that made it.
#[derive(Debug)]
pub struct SocketRequest {
    pub socket: SocketId,
    /// The Socket.IO ack id to answer with, if the client wants an answer.
    pub ack_id: Option<u64>,
    pub kind: Request,
}

#[derive(Debug)]
pub enum Request {
    Disconnect,
    Publish(PublishVerb),
    /// The rooms are checked, and each is named once.
    Join(Vec<RoomName>, JoinScope),
    Leave(Vec<RoomName>),
    /// The hub hands the range back to the session, which reads that part of the log.
    Subscribe(ReplayRange),
    Ack,
    /// Have the store remember this socket, or restore an earlier one. Sent before the socket subscribes.
    OpenSession,
    Rooms(Option<RoomName>),
    Names(NameQuery),
    /// Purge the messages that wait for a member. The session has counted them.
    Purge {
        messages: u64,
    },
    Who(SocketFilter),
    Kick(KickTarget),
    /// Travels with `Op::Noop`, which keeps it in order with everything else.
    Direct(Box<DirectRecord>),
}

/// A message for one socket, whatever rooms it is in. Never stored.
#[derive(Debug)]
pub struct DirectRecord {
    pub to: SocketId,
    pub record: NewRecord,
    /// Milliseconds since 1970 (UTC).
    pub at_ms: u64,
}

/// The verb that published. Each has a receipt of its own form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishVerb {
    Single,
    Batch,
}

/// What a `join` does for the socket that sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinScope {
    /// The socket itself enters the room, as in Socket.IO.
    Live,
    /// Only the client's durable membership changes: `roomcat join` joins, `roomcat sub` listens.
    DurableOnly,
}

/// The part of the log that a subscription reads before it goes live.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayRange {
    pub since: Option<ReplayStart>,
    pub last: Option<u64>,
    /// The log that the `since` of a resuming client belongs to.
    pub log: Option<String>,
    /// Of the rooms that the name joined, only these. A resuming client names the rooms its `since` is about.
    pub within: Option<BTreeSet<RoomName>>,
    pub presence: PresenceMode,
    /// A place in `log`: the client's cursors stay before it until it acks more.
    pub keep: Option<Seq>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayStart {
    Seq(Seq),
    /// Milliseconds since 1970 (UTC).
    Time(u64),
}

/// Whether a socket gets an event when another enters or leaves one of its rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PresenceMode {
    #[default]
    Off,
    On,
}

/// Selects sockets of a namespace. A field that is `None` matches every socket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SocketFilter {
    pub room: Option<RoomName>,
    pub sid: Option<String>,
}

/// The sockets that `kick` closes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KickTarget {
    Sid(String),
    /// Every socket that publishes under this name.
    Name(ClientName),
}
