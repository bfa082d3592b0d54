//! The rooms of a namespace as the hub knows them: who is there now.

use super::{Core, Effects, Room, Space};
use crate::address::{ClientName, RoomName};
use crate::hub::request::{LiveRoom, Request, Told, Want};
use crate::limits;

impl Core {
    pub(super) fn list_rooms(&self, request: Request, effects: &mut impl Effects) {
        let Request {
            socket,
            answer,
            want,
        } = request;
        let (Some(state), Want::Rooms(room)) = (self.sockets.get(&socket), want) else {
            return;
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
}

fn live(space: &Space, name: &RoomName, room: &Room) -> LiveRoom {
    let Room { sockets, members } = room;
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
