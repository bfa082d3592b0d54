//! The rooms of a namespace as the hub knows them: who is there now.

use super::{Core, Effects, Room, Space};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::request::{LiveRoom, Request, Told, Want};
use crate::limits;
use crate::store::names::{NameKind, NameQuery};

impl Core {
    pub(super) fn list_rooms(&self, request: Request, effects: &mut impl Effects) {
        let Request {
            socket,
            answer,
            want,
        } = request;
        let Some(state) = self.sockets.get(&socket) else {
            return;
        };
        let room = match want {
            Want::Rooms(room) => room,
            Want::Names(sought) => {
                let live = self.names(&state.namespace, &sought);
                let told = Told::Names {
                    answer,
                    sought,
                    live,
                };
                return effects.tell(socket, told);
            }
            _ => return,
        };
        let rooms = self.spaces.get(&state.namespace).map(|space| match &room {
            Some(name) => {
                let found = space.rooms.get_key_value(name);
                found
                    .map(|(name, room)| live(space, name, room))
                    .into_iter()
                    .collect()
            }
            None => {
                let all = space.rooms.iter().take(limits::ROOMS_LISTED);
                all.map(|(name, room)| live(space, name, room)).collect()
            }
        });
        let rooms = rooms.unwrap_or_default();
        effects.tell(
            socket,
            Told::Live {
                answer,
                room,
                rooms,
            },
        );
    }

    fn names(&self, namespace: &Namespace, sought: &NameQuery) -> Vec<String> {
        let space = self.spaces.get(namespace);
        match (sought.kind, space) {
            (NameKind::Namespaces, _) => sought.select(self.spaces.keys().map(Namespace::as_str)),
            (NameKind::Rooms, Some(space)) => {
                sought.select(space.rooms.keys().map(RoomName::as_str))
            }
            (NameKind::Members, Some(space)) => {
                sought.select(space.holders.keys().map(ClientName::as_str))
            }
            (NameKind::Rooms | NameKind::Members, None) => Vec::new(),
        }
    }
}

fn live(space: &Space, name: &RoomName, room: &Room) -> LiveRoom {
    let Room {
        sockets, members, ..
    } = room;
    let holds = |client: &&ClientName| {
        let holder = space.holders.get(*client);
        holder.is_some_and(|id| sockets.contains(id))
    };
    LiveRoom {
        room: name.clone(),
        sockets: sockets.len() as u64,
        here: members.iter().filter(holds).cloned().collect(),
    }
}
