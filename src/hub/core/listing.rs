//! The rooms of a namespace as the hub knows them: who is there now.

use super::{Core, Effects, Room};
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
        let mut rooms = Vec::new();
        if let Some(space) = self.spaces.get(&state.namespace) {
            let wanted = |name: &&RoomName| room.as_ref().is_none_or(|room| room == *name);
            let mut names: Vec<&RoomName> = space.rooms.keys().filter(wanted).collect();
            names.sort_unstable();
            for name in names.into_iter().take(limits::ROOMS_LISTED) {
                let Room { sockets, members } = &space.rooms[name];
                let holds = |client: &&ClientName| {
                    space
                        .holders
                        .get(*client)
                        .is_some_and(|id| sockets.contains(id))
                };
                let here = members.iter().filter(holds).cloned().collect();
                rooms.push(LiveRoom {
                    room: name.clone(),
                    sockets: sockets.len() as u64,
                    here,
                });
            }
        }
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
