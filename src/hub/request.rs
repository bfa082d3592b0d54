//! The hub's words: what is asked of it, and what it tells a session about one of its sockets.

use std::collections::BTreeSet;
use std::hash::Hasher;
use std::sync::Arc;

use super::peer::Vitals;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::names::NameQuery;
use crate::store::sessions::OpenedSession;
use crate::store::{NewRecord, OpOutcome, Reader, Refusal};

/// One live connection to one namespace. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u64);

/// Who asked for something, and what the answer is for.
#[derive(Debug)]
pub struct Request {
    pub socket: SocketId,
    /// The Socket.IO ack id to answer with.
    pub answer: Option<u64>,
    pub want: Want,
}

#[derive(Debug)]
pub enum Want {
    Disconnect,
    Publish(Publisher),
    /// Checked and without doubles.
    Join(Vec<RoomName>, Membership),
    Leave(Vec<RoomName>),
    /// The stretch is the session's business and comes back to it.
    Subscribe(Stretch),
    Ack,
    /// To be remembered, or to be who it was before: asked before it subscribes.
    Begin,
    Rooms(Option<RoomName>),
    Names(NameQuery),
    /// Of what waits for this client in the asker's namespace; so many messages it was.
    Purge {
        client: ClientName,
        messages: u64,
    },
    Who(Whom),
    Kick(Culprit),
    /// With `Op::Noop`, so that it stands in the order of everything else.
    Direct(Box<Direct>),
}

/// For one socket, whatever rooms it is in; never stored.
#[derive(Debug)]
pub struct Direct {
    pub to: SocketId,
    pub record: NewRecord,
    pub at_ms: u64,
}

/// Which verb published: their answers differ in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publisher {
    Single,
    Batch,
}

/// What a `join` means for the socket that asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// The socket itself enters and leaves, as in Socket.IO.
    Live,
    /// Only the client's durable membership changes: `roomcat join`, where `sub` is what listens.
    DurableOnly,
}

/// Which part of the log a subscription wants before it goes live.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stretch {
    pub since: Option<Since>,
    pub last: Option<u64>,
    /// The log that a resuming client's `since` belongs to.
    pub log: Option<String>,
    /// Of the rooms that the name joined, only these: what a resuming client's `since` is about.
    pub within: Option<BTreeSet<RoomName>>,
    pub presence: Presence,
    /// In that log: cursors stay before this one, until an ack says otherwise.
    pub keep: Option<Seq>,
}

/// Whether a socket is told who comes to its rooms and who goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    #[default]
    Unseen,
    Seen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Seq(Seq),
    /// Milliseconds since 1970.
    Time(u64),
}

#[derive(Debug)]
pub enum Input {
    /// Comes before anything that the socket asks for.
    Connect {
        socket: SocketId,
        namespace: Namespace,
        sid: Arc<str>,
        name: Option<ClientName>,
        vitals: Arc<Vitals>,
    },
    /// From the commit log, in its order.
    Committed {
        done: OpOutcome,
        request: Request,
    },
    Volatile {
        record: NewRecord,
        at_ms: u64,
        request: Request,
    },
    /// A session has emptied the mailbox that had overflowed, and wants to be fed again.
    Attach(SocketId),
    Rooms(Request),
    Who(Request),
    Kick(Request),
}

/// What a publisher gets back. Recipients, not messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// None for volatile messages, and for a duplicate whose place is no longer known.
    pub first: Option<Seq>,
    pub count: u32,
    pub delivered: u64,
    pub queued: u64,
    pub duplicate: bool,
}

impl Receipt {
    /// Of what was stored before: this time it reaches nobody.
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

/// Sockets in a room and the members whose holder listens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveRoom {
    pub room: RoomName,
    pub sockets: u64,
    pub here: Vec<ClientName>,
}

/// Which sockets of a namespace: all of them, or those that are in this room and have this sid.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Whom {
    pub room: Option<RoomName>,
    pub sid: Option<String>,
}

/// Whose sockets are to be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Culprit {
    Sid(String),
    /// All of them.
    Name(ClientName),
}

/// A socket that is here.
#[derive(Debug)]
pub struct Present {
    pub reader: Arc<Reader>,
    pub vitals: Arc<Vitals>,
    pub behind: Behind,
}

/// Whether the log may hold something that a socket was not handed yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behind {
    No,
    InTheLog,
}

/// What the hub tells a session about one of its sockets.
#[derive(Debug)]
pub enum Told {
    Connected,
    Receipt {
        answer: Option<u64>,
        publisher: Publisher,
        receipt: Receipt,
    },
    /// It waits in the store until then, milliseconds since 1970.
    Delayed {
        answer: Option<u64>,
        publisher: Publisher,
        due_ms: u64,
        count: u32,
    },
    Refused {
        answer: Option<u64>,
        refusal: Refusal,
    },
    /// `join` and `leave`: the rooms asked for, and the reader as it is now.
    Rooms {
        answer: Option<u64>,
        rooms: Vec<RoomName>,
        reader: Arc<Reader>,
    },
    /// Its name joined or left rooms by another socket: the reader as it is now. Nobody asked, and nobody is answered.
    Moved {
        reader: Arc<Reader>,
    },
    /// The subscription is attached: records after `head` come by the mailbox.
    Subscribed {
        answer: Option<u64>,
        reader: Arc<Reader>,
        head: u64,
        stretch: Stretch,
    },
    /// A named subscription to "every room joined" by a name that joined none; nothing changed.
    NoRooms {
        answer: Option<u64>,
    },
    Attached {
        head: u64,
    },
    Acked {
        answer: Option<u64>,
    },
    /// What waited for somebody in these rooms was given up.
    Purged {
        answer: Option<u64>,
        rooms: Vec<RoomName>,
        messages: u64,
    },
    /// The same for who holds that name: in these rooms nothing before `cursor` is owed any more. Nobody is answered.
    Emptied {
        rooms: Vec<RoomName>,
        cursor: Seq,
    },
    Live {
        answer: Option<u64>,
        room: Option<RoomName>,
        rooms: Vec<LiveRoom>,
    },
    /// The names of what is here now, for the one kind of them that was asked for.
    Names {
        answer: Option<u64>,
        sought: NameQuery,
        live: Vec<String>,
    },
    /// `more` of them are not among these; the last record is `head`.
    Who {
        answer: Option<u64>,
        head: u64,
        present: Vec<Present>,
        more: u64,
    },
    /// The answer to who kicked: so many sockets are told to go.
    KickedOut {
        answer: Option<u64>,
        kicked: u64,
    },
    /// To each of them.
    Kicked {
        by: Arc<str>,
    },
    /// What the store remembers of it from now on; None: it could not be remembered.
    Begun(Option<OpenedSession>),
    /// A newer socket holds the name.
    NameTaken,
    /// Its client came back by another connection, and has its sid.
    CameBack,
}

impl Told {
    /// Whether it answers a ticket; the others are the hub's own word.
    pub fn is_an_answer(&self) -> bool {
        !matches!(
            self,
            Self::Attached { .. }
                | Self::Moved { .. }
                | Self::Emptied { .. }
                | Self::NameTaken
                | Self::CameBack
                | Self::Kicked { .. }
        )
    }
}

/// Socket ids are counted up, so they spread by themselves.
#[derive(Debug, Default, Clone, Copy)]
pub struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, id: u64) {
        // hashbrown takes the control byte from the high bits; a multiplication fills them.
        self.0 = id.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}
