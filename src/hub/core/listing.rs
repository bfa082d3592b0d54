//! The rooms of a namespace as the hub knows them: who is there now.

use std::collections::HashSet;

use super::{Core, Effects, Room};
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::request::{LiveRoom, Request, Told, Want};
use crate::limits;
use crate::store::names::{NameKind, Sought};

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

    fn names(&self, namespace: &Namespace, sought: &Sought) -> Vec<String> {
        let space = self.spaces.get(namespace);
        match (sought.kind, space) {
            (NameKind::Namespaces, _) => {
                let entered = self.sockets.values().map(|state| &state.namespace);
                let all: HashSet<&Namespace> = self.spaces.keys().chain(entered).collect();
                sought.pick(all.into_iter().map(Namespace::as_str))
            }
            (NameKind::Rooms, Some(space)) => sought.pick(space.rooms.keys().map(RoomName::as_str)),
            (NameKind::Members, Some(space)) => {
                sought.pick(space.holders.keys().map(ClientName::as_str))
            }
            (NameKind::Rooms | NameKind::Members, None) => Vec::new(),
        }
    }
}
