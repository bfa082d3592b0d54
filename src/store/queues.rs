//! What waits for members, room by room: the answer to who asks for their queues.

use crate::address::{ClientName, RoomName, Seq};

/// What one member has to get in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    pub client: ClientName,
    pub room: RoomName,
    /// Messages.
    pub pending: u64,
    /// When the first of them was published, milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// Of the bodies that hold them.
    pub bytes: u64,
}

/// Where a member stands, as of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// Every room that it joined, with the first seq that it has still to get there.
    pub cursors: Vec<(RoomName, Seq)>,
    /// The number of the last record.
    pub head: u64,
}
