//! What the hub sends to a session about one of its sockets.

use std::sync::Arc;

use super::request::{PublishVerb, ReplayRange};
use super::socket_stats::SocketStats;
use crate::address::{ClientName, RoomName, Seq};
use crate::store::names::NameQuery;
use crate::store::sessions::OpenedSession;
use crate::store::{Reader, Refusal};

/// A response to a request of the socket, or an event. Where there is an `ack_id` field, it is the Socket.IO ack id of
/// the request.
#[derive(Debug)]
pub enum Notification {
    Connected,
    Receipt {
        ack_id: Option<u64>,
        publisher: PublishVerb,
        receipt: DeliveryReceipt,
    },
    /// The store holds the message until `due_ms`, milliseconds since 1970 (UTC).
    Delayed {
        ack_id: Option<u64>,
        publisher: PublishVerb,
        due_ms: u64,
        count: u32,
    },
    Refused {
        ack_id: Option<u64>,
        refusal: Refusal,
    },
    /// The response to `join` and `leave`: the rooms of the request, and the reader after it.
    RoomsChanged {
        ack_id: Option<u64>,
        rooms: Vec<RoomName>,
        reader: Arc<Reader>,
    },
    /// An event: another socket of the same name joined or left rooms. The reader after that.
    ReaderChanged {
        reader: Arc<Reader>,
    },
    /// The subscription is attached: records after `head` come through the mailbox.
    Subscribed {
        ack_id: Option<u64>,
        reader: Arc<Reader>,
        head: u64,
        range: ReplayRange,
    },
    /// A name subscribed to every room it joined, and joined none. Nothing changed.
    NoRooms {
        ack_id: Option<u64>,
    },
    /// An event: deliveries after record `head` come through the mailbox again.
    Attached {
        head: u64,
    },
    Acked {
        ack_id: Option<u64>,
    },
    /// The messages that waited for a client in these rooms were purged.
    Purged {
        ack_id: Option<u64>,
        rooms: Vec<RoomName>,
        messages: u64,
    },
    /// An event for the holder of a name that was purged: in these rooms nothing before `cursor` is owed any more.
    PendingPurged {
        rooms: Vec<RoomName>,
        cursor: Seq,
    },
    LiveRooms {
        ack_id: Option<u64>,
        room: Option<RoomName>,
        rooms: Vec<LiveRoom>,
    },
    /// The names in use now, of the kind that `sought` asks for.
    Names {
        ack_id: Option<u64>,
        sought: NameQuery,
        live: Vec<String>,
    },
    /// The oldest sockets; `more` others did not fit. The log ends with record `head`.
    Sockets {
        ack_id: Option<u64>,
        head: u64,
        sockets: Vec<PresentSocket>,
        more: u64,
    },
    /// The response to `kick`: the number of connections that are being closed.
    KickCount {
        ack_id: Option<u64>,
        kicked: u64,
    },
    /// An event for each socket that was kicked.
    Kicked {
        by: Arc<str>,
    },
    /// What the store remembers of this socket from now on. `None`: the store could not remember it.
    SessionOpened(Option<OpenedSession>),
    /// An event: a newer socket holds the name.
    NameTaken,
    /// An event: the client returned on another connection and took the sid with it.
    Replaced,
}

impl Notification {
    /// False for an event that no request asked for.
    pub fn is_response(&self) -> bool {
        !matches!(
            self,
            Self::Attached { .. }
                | Self::ReaderChanged { .. }
                | Self::PendingPurged { .. }
                | Self::NameTaken
                | Self::Replaced
                | Self::Kicked { .. }
        )
    }
}

/// What a publisher gets back. `delivered` and `queued` count recipients, not messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryReceipt {
    /// `None` for volatile messages, and for a duplicate whose place is no longer known.
    pub first: Option<Seq>,
    pub count: u32,
    pub delivered: u64,
    pub queued: u64,
    pub duplicate: bool,
}

impl DeliveryReceipt {
    /// The receipt for a message that was stored before. This time it reaches nobody.
    pub fn of_duplicate(first: Option<Seq>) -> Self {
        Self {
            first,
            count: 0,
            delivered: 0,
            queued: 0,
            duplicate: true,
        }
    }
}

/// A room with its sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRoom {
    pub room: RoomName,
    pub sockets: u64,
    /// The members that are listening to this room now.
    pub present_members: Vec<ClientName>,
}

/// A connected socket.
#[derive(Debug)]
pub struct PresentSocket {
    pub reader: Arc<Reader>,
    pub stats: Arc<SocketStats>,
    pub backlog: Backlog,
}

/// Whether the log may hold messages that a socket has not received yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backlog {
    None,
    InLog,
}
