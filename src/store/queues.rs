//! What waits for members, room by room: the answer to who asks for their queues.

use std::collections::BTreeMap;

use crate::address::{ClientName, RoomName, Seq};
use crate::limits;
use crate::store::owed::Reader;

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

/// What members have to get, by name and room: the first of them, and how many more there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingQueues {
    first: BTreeMap<(ClientName, RoomName), QueueInfo>,
    more: u64,
}

impl PendingQueues {
    pub fn more(&self) -> u64 {
        self.more
    }
}

impl Extend<QueueInfo> for PendingQueues {
    /// Never holds more than `limits::QUEUES_LISTED`.
    fn extend<I: IntoIterator<Item = QueueInfo>>(&mut self, queues: I) {
        for queue in queues {
            let key = (queue.client.clone(), queue.room.clone());
            self.first.insert(key, queue);
            if self.first.len() > limits::QUEUES_LISTED {
                self.first.pop_last();
                self.more += 1;
            }
        }
    }
}

impl FromIterator<QueueInfo> for PendingQueues {
    fn from_iter<I: IntoIterator<Item = QueueInfo>>(queues: I) -> Self {
        let mut all = Self::default();
        all.extend(queues);
        all
    }
}

impl IntoIterator for PendingQueues {
    type Item = QueueInfo;
    type IntoIter = std::collections::btree_map::IntoValues<(ClientName, RoomName), QueueInfo>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_values()
    }
}

/// Where a member stands, as of one commit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Memberships {
    /// Every room that it joined, with the first seq that it has still to get there.
    pub cursors: Vec<(RoomName, Seq)>,
    /// The number of the last record.
    pub head: u64,
}

impl Memberships {
    /// Somebody of that name who reads this room, or all that it joined.
    pub fn reader(self, client: ClientName, room: Option<&RoomName>) -> Reader {
        let named = |(other, _): &(RoomName, Seq)| room.is_none_or(|it| it == other);
        let (read, other): (Vec<_>, Vec<_>) = self.cursors.into_iter().partition(named);
        Reader {
            sid: None,
            name: Some(client),
            rooms: read.into_iter().collect(),
            other_rooms: other.into_iter().map(|(room, _)| room).collect(),
        }
    }
}
