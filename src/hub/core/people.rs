//! Who is in a namespace: its sockets, as whoever asks gets them, and how some are sent away.

use std::sync::Arc;

use super::presence::Movement;
use super::{Core, Effects, Feed, Socket};
use crate::address::{Namespace, RoomName};
use crate::hub::peer::PeerAddress;
use crate::hub::request::{Behind, Culprit, Present, Request, SocketId, Told, Want};
use crate::limits;

impl Core {
    /// Those that came first, when there are more than one answer holds.
    pub(super) fn list_sockets(&self, request: Request, effects: &mut impl Effects) {
        let Request {
            socket,
            answer,
            want,
        } = request;
        let (Some(state), Want::Who(whom)) = (self.sockets.get(&socket), want) else {
            return;
        };
        let (sid, room) = (whom.sid.as_deref(), whom.room.as_ref());
        let mut found = self.find(&state.namespace, sid, room);
        let more = found.len().saturating_sub(limits::SOCKETS_LISTED);
        found.truncate(limits::SOCKETS_LISTED);
        let present = found.iter().filter_map(|id| self.sockets.get(id));
        let told = Told::Who {
            answer,
            head: self.head,
            present: present.map(present_now).collect(),
            more: more as u64,
        };
        effects.tell(socket, told);
    }

    /// Each is out of its rooms at once; its session says goodbye. Never the one that asks.
    pub(super) fn kick(&mut self, request: Request, effects: &mut impl Effects) {
        let Request {
            socket: asker,
            answer,
            want,
        } = request;
        let (Some(state), Want::Kick(culprit)) = (self.sockets.get(&asker), want) else {
            return;
        };
        let by = by(state);
        let mut found = match &culprit {
            Culprit::Sid(sid) => self.find(&state.namespace, Some(sid), None),
            Culprit::Name(_) => self.find(&state.namespace, None, None),
        };
        found.retain(|id| {
            *id != asker && self.is_culprit(*id, &culprit) && !self.is_queue_of(*id, state)
        });
        let kicked = self.connections(&found);
        for id in &found {
            self.retire(*id, effects);
            let by = Arc::clone(&by);
            effects.tell(*id, Told::Kicked { by });
        }
        let told = Told::KickedOut { answer, kicked };
        effects.tell(asker, told);
    }

    /// How many connections these are: a queue that several share is none, unless it is all that there is.
    fn connections(&self, found: &[SocketId]) -> u64 {
        let is_own = |id: &&SocketId| {
            let state = self.sockets.get(*id);
            state.is_some_and(|state| state.vitals.peer.address != PeerAddress::Shared)
        };
        match found.iter().filter(is_own).count() {
            0 => found.len() as u64,
            own => own as u64,
        }
    }

    /// Whether it is the queue that `asker` may share: those who share it beside are found by themselves.
    fn is_queue_of(&self, id: SocketId, asker: &Socket) -> bool {
        let shared = |state: &&Socket| state.vitals.peer.address == PeerAddress::Shared;
        let queue = self.sockets.get(&id).filter(shared);
        queue.is_some_and(|queue| queue.vitals.name == asker.vitals.name)
    }

    /// Those of a namespace that are here, the oldest first: of all, or of those in a room, or the one with a sid. Looks at
    /// nobody else.
    fn find(
        &self,
        namespace: &Namespace,
        sid: Option<&str>,
        room: Option<&RoomName>,
    ) -> Vec<SocketId> {
        let Some(space) = self.spaces.get(namespace) else {
            return Vec::new();
        };
        let all = match room {
            None => Some(&space.sockets),
            Some(room) => space.rooms.get(room).map(|room| &room.sockets),
        };
        let Some(all) = all else {
            return Vec::new();
        };
        match sid.map(|sid| self.by_sid.get(sid)) {
            None => all.iter().copied().collect(),
            Some(one) => {
                let here = |id: &&SocketId| all.contains(*id) && space.sockets.contains(*id);
                one.filter(here).into_iter().copied().collect()
            }
        }
    }

    fn is_culprit(&self, id: SocketId, culprit: &Culprit) -> bool {
        let state = self.sockets.get(&id);
        state.is_some_and(|state| match culprit {
            Culprit::Sid(sid) => state.reader.sid.as_deref() == Some(sid),
            Culprit::Name(name) => state.vitals.name.as_ref() == Some(name),
        })
    }

    /// A socket that is to end is in no room any more and holds no name.
    pub(super) fn retire(&mut self, id: SocketId, effects: &mut impl Effects) {
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        self.leave_all(id, &socket);
        self.tell_departure(id, &socket, effects);
        let reader = Arc::make_mut(&mut socket.reader);
        reader.rooms.clear();
        socket.feed = Feed::Gone;
        self.vacate(id, &socket);
        self.sockets.insert(id, socket);
    }

    /// Once, whatever comes first: its end, or somebody who takes its name.
    pub(super) fn tell_departure(&self, id: SocketId, socket: &Socket, effects: &mut impl Effects) {
        if !socket.departed {
            let rooms = socket.reader.rooms.keys();
            self.tell_move(Movement::Leave, (id, socket), rooms, effects);
        }
    }
}

fn by(state: &Socket) -> Arc<str> {
    match &state.vitals.name {
        Some(name) => name.as_str().into(),
        None => format!("someone at {}", state.vitals.peer.address).into(),
    }
}

fn present_now(state: &Socket) -> Present {
    let waits = state.newest > 0 && state.vitals.place().record <= state.newest;
    Present {
        reader: Arc::clone(&state.reader),
        vitals: Arc::clone(&state.vitals),
        behind: if waits { Behind::InTheLog } else { Behind::No },
    }
}
