//! Recoverable sessions (Socket.IO's connection state recovery): the types for what the store remembers of a socket. A
//! client that gives its `pid` gets its sid and its rooms back, and the messages that it missed there.

use std::sync::Arc;

use super::owed::Cursors;
use crate::address::{ClientName, Namespace, RoomName, Seq};

/// A change of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionOp {
    /// Resumes a session for `holder`, or opens the new one.
    ///
    /// A session can be resumed if it has the same namespace and client, was not lost too long ago, and none of the messages
    /// that it missed is pruned. Only `holder` holds it from now on.
    Open {
        holder: HolderId,
        new: SessionIdentity,
        resume: Option<ResumeRequest>,
    },
    /// Adds rooms. Messages of a room that is new to the session are owed from now on, or from the client's cursor.
    Enter {
        holder: HolderId,
        rooms: Vec<RoomName>,
    },
    Exit {
        holder: HolderId,
        rooms: Vec<RoomName>,
    },
    /// The connection was lost. The session can be resumed until `Retention::session_age` has passed.
    Lost(HolderId),
    /// The session ended for good.
    Forget(HolderId),
    /// The hub starts: every session that was held is lost now.
    AllLost,
}

/// The connection that holds a session. A random number, so that it means nothing to a later run of the hub. Ops of a former
/// holder change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct HolderId(pub u64);

impl HolderId {
    pub fn random() -> Self {
        let number = getrandom::u64().expect("the system has randomness");
        // SQLite's integers are signed.
        Self(number >> 1)
    }
}

/// A new session. With a client it starts in the client's rooms, without one in the empty room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionIdentity {
    /// A secret: any client that gives it can resume the session.
    pub pid: Arc<str>,
    pub sid: Arc<str>,
    pub namespace: Namespace,
    pub client: Option<ClientName>,
}

/// The credentials that a client gives to resume its session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeRequest {
    pub pid: String,
    /// The first seq that it did not receive; None if it received nothing yet.
    pub from: Option<Seq>,
}

/// The session that a connection holds now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedSession {
    pub pid: Arc<str>,
    pub sid: Arc<str>,
    pub origin: SessionOrigin,
    /// Where delivery goes on in its rooms. Rooms of a client that are missing here go on at the client's cursors.
    pub rooms: Cursors,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionOrigin {
    New,
    Recovered,
}

impl OpenedSession {
    /// A session that starts in these rooms. Those of a client are left out: they go on at the client's cursors.
    pub(super) fn new(session: &SessionIdentity, rooms: Cursors) -> Self {
        Self {
            pid: Arc::clone(&session.pid),
            sid: Arc::clone(&session.sid),
            origin: SessionOrigin::New,
            rooms: if session.client.is_some() {
                Cursors::new()
            } else {
                rooms
            },
        }
    }
}
