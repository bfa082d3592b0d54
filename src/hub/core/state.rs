//! The state of the core: sockets, namespaces, rooms, and the holders of names.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::BuildHasherDefault;
use std::sync::Arc;

use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::request::PresenceMode;
use crate::hub::socket_id::{SocketId, SocketIdHasher};
use crate::hub::socket_stats::SocketStats;
use crate::store::sessions::OpenedSession;
use crate::store::{Member, Reader};

#[derive(Debug, Default)]
pub struct Core {
    /// The number of the last record in the log.
    pub(super) head: u64,
    pub(super) sockets: HashMap<SocketId, SocketState, BuildHasherDefault<SocketIdHasher>>,
    pub(super) namespaces: HashMap<Namespace, NamespaceState>,
    /// When two sockets have one sid, this is the newer one, which returned with it.
    pub(super) by_sid: HashMap<Arc<str>, SocketId>,
    /// Volatile records are numbered from the top down, so that they never collide with a number of the log.
    pub(super) last_volatile: u64,
}

#[derive(Debug)]
pub(super) struct SocketState {
    pub(super) namespace: Namespace,
    pub(super) reader: Arc<Reader>,
    pub(super) attachment: Attachment,
    /// The last record that the fan-out looked at for this socket: a union of rooms meets each socket once.
    pub(super) last_considered: u64,
    /// Where a restored session was, until its first subscription.
    pub(super) restored: Option<Box<OpenedSession>>,
    pub(super) stats: Arc<SocketStats>,
    /// The last record that may still have to be delivered to the socket.
    pub(super) newest_owed: u64,
    pub(super) presence: PresenceMode,
    /// Watchers were notified that it left, before it disconnected.
    pub(super) is_leave_announced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attachment {
    /// It has no subscription yet, or its mailbox overflowed: it gets no deliveries.
    Detached,
    Attached,
    /// Its session was asked to end it.
    Closing,
}

#[derive(Debug, Default)]
pub(super) struct NamespaceState {
    /// Sorted, as they are listed.
    pub(super) rooms: BTreeMap<RoomName, RoomEntry>,
    pub(super) holders: HashMap<ClientName, SocketId>,
    /// Every socket except those that are closing.
    pub(super) sockets: BTreeSet<SocketId>,
}

#[derive(Debug, Default)]
pub(super) struct RoomEntry {
    pub(super) sockets: BTreeSet<SocketId>,
    pub(super) members: BTreeSet<ClientName>,
    /// The number of `sockets` that get presence events.
    watchers: usize,
}

impl Core {
    pub fn new(head: u64, members: Vec<Member>) -> Self {
        let mut core = Self {
            head,
            last_volatile: u64::MAX,
            ..Self::default()
        };
        for member in members {
            core.room(&member.namespace, &member.room)
                .members
                .insert(member.client);
        }
        core
    }

    /// The room, created if it does not exist.
    pub(super) fn room(&mut self, namespace: &Namespace, room: &RoomName) -> &mut RoomEntry {
        self.namespaces
            .entry(namespace.clone())
            .or_default()
            .rooms
            .entry(room.clone())
            .or_default()
    }

    /// Removes the room, and then its namespace, if nobody is in it.
    pub(super) fn remove_if_empty(&mut self, namespace: &Namespace, room: &RoomName) {
        let Some(state) = self.namespaces.get_mut(namespace) else {
            return;
        };
        if state.rooms.get(room).is_some_and(RoomEntry::is_empty) {
            state.rooms.remove(room);
        }
        if state.rooms.is_empty() && state.holders.is_empty() && state.sockets.is_empty() {
            self.namespaces.remove(namespace);
        }
    }
}

impl RoomEntry {
    fn is_empty(&self) -> bool {
        self.sockets.is_empty() && self.members.is_empty()
    }

    /// False if the socket was in the room already.
    pub(super) fn enter(&mut self, id: SocketId, presence: PresenceMode) -> bool {
        let entered = self.sockets.insert(id);
        if entered && presence == PresenceMode::On {
            self.watchers += 1;
        }
        entered
    }

    /// False if the socket was not in the room.
    pub(super) fn exit(&mut self, id: SocketId, presence: PresenceMode) -> bool {
        let left = self.sockets.remove(&id);
        if left && presence == PresenceMode::On {
            self.watchers = self.watchers.saturating_sub(1);
        }
        left
    }

    pub(super) fn has_watchers(&self) -> bool {
        self.watchers > 0
    }
}
