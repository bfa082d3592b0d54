//! Memberships: a client that joined a room, and its cursor there.

use super::owed::Reader;
use crate::address::{ClientName, Namespace, RoomName, Seq};

/// One membership: a client in a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub namespace: Namespace,
    pub client: ClientName,
    pub room: RoomName,
    pub cursor: Seq,
}

/// A client's memberships, as of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memberships {
    /// Every room it is a member of, with the first seq that it has not acknowledged.
    pub cursors: Vec<(RoomName, Seq)>,
    /// The number of the last record.
    pub head: u64,
}

impl Memberships {
    /// The client as a reader of this room, or of all its rooms.
    pub fn reader(self, client: ClientName, room: Option<&RoomName>) -> Reader {
        let reads = |other: &RoomName| room.is_none_or(|room| room == other);
        Reader::offline(client, self.cursors, reads)
    }
}
