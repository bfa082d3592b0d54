//! Pending queues: the messages that wait for each member, room by room.

use std::collections::BTreeMap;

use crate::address::{ClientName, RoomName};
use crate::limits;

/// What waits for one member in one room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueInfo {
    pub client: ClientName,
    pub room: RoomName,
    /// Messages.
    pub pending: u64,
    /// When the first of them was published, milliseconds since 1970.
    pub oldest_ms: Option<u64>,
    /// Size of the bodies that hold them.
    pub bytes: u64,
}

/// Pending queues by name and room: the first `limits::QUEUES_LISTED` of them, and how many are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PendingQueues {
    listed: BTreeMap<(ClientName, RoomName), QueueInfo>,
    omitted: u64,
}

impl PendingQueues {
    pub fn omitted(&self) -> u64 {
        self.omitted
    }
}

impl Extend<QueueInfo> for PendingQueues {
    fn extend<I: IntoIterator<Item = QueueInfo>>(&mut self, queues: I) {
        for queue in queues {
            let key = (queue.client.clone(), queue.room.clone());
            self.listed.insert(key, queue);
            if self.listed.len() > limits::QUEUES_LISTED {
                self.listed.pop_last();
                self.omitted += 1;
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
        self.listed.into_values()
    }
}
