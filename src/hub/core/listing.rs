//! The hub's part of the answer to `rooms`: the sockets connected now. The store adds the rest.

use super::effects::Effects;
use super::state::{Core, NamespaceState, RoomEntry};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::notification::{LiveRoom, Notification};
use crate::hub::request::{Request, SocketRequest};
use crate::limits;
use crate::store::names::{NameKind, NameQuery};

impl Core {
    pub(super) fn list_rooms(&self, request: SocketRequest, effects: &mut impl Effects) {
        let SocketRequest {
            socket,
            ack_id,
            kind,
        } = request;
        let Some(requester) = self.sockets.get(&socket) else {
            return;
        };
        let notification = match kind {
            Request::Rooms(room) => Notification::LiveRooms {
                ack_id,
                rooms: self.live_rooms(&requester.namespace, room.as_ref()),
                room,
            },
            Request::Names(sought) => Notification::Names {
                ack_id,
                live: self.names(&requester.namespace, &sought),
                sought,
            },
            _ => return,
        };
        effects.notify(socket, notification);
    }

    /// One room, or the first [`limits::ROOMS_LISTED`].
    fn live_rooms(&self, namespace: &Namespace, room: Option<&RoomName>) -> Vec<LiveRoom> {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        match room {
            Some(name) => {
                let found = namespace.rooms.get_key_value(name).into_iter();
                found
                    .map(|(name, room)| live_room(namespace, name, room))
                    .collect()
            }
            None => {
                let first = namespace.rooms.iter().take(limits::ROOMS_LISTED);
                first
                    .map(|(name, room)| live_room(namespace, name, room))
                    .collect()
            }
        }
    }

    fn names(&self, namespace: &Namespace, sought: &NameQuery) -> Vec<String> {
        let state = self.namespaces.get(namespace);
        match (sought.kind, state) {
            (NameKind::Namespaces, _) => {
                sought.select(self.namespaces.keys().map(Namespace::as_str))
            }
            (NameKind::Rooms, Some(state)) => {
                sought.select(state.rooms.keys().map(RoomName::as_str))
            }
            (NameKind::Members, Some(state)) => {
                sought.select(state.holders.keys().map(ClientName::as_str))
            }
            (NameKind::Rooms | NameKind::Members, None) => Vec::new(),
        }
    }
}

fn live_room(namespace: &NamespaceState, name: &RoomName, room: &RoomEntry) -> LiveRoom {
    let is_present = |client: &&ClientName| {
        let holder = namespace.holders.get(*client);
        holder.is_some_and(|id| room.sockets.contains(id))
    };
    LiveRoom {
        room: name.clone(),
        sockets: room.sockets.len() as u64,
        present_members: room.members.iter().filter(is_present).cloned().collect(),
    }
}
