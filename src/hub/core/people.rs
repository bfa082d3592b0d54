//! The verbs `who` and `kick`: listing the sockets of a namespace, and closing some of them.

use std::sync::Arc;

use super::effects::Effects;
use super::state::{Attachment, Core, SocketState};
use crate::address::{Namespace, RoomName};
use crate::hub::notification::{Backlog, Notification, PresentSocket};
use crate::hub::peer::PeerAddress;
use crate::hub::request::{KickTarget, Request, SocketRequest};
use crate::hub::socket_id::SocketId;
use crate::limits;

impl Core {
    /// Answers with the oldest sockets, if not all of them fit one answer.
    pub(super) fn list_sockets(&self, request: SocketRequest, effects: &mut impl Effects) {
        let SocketRequest {
            socket,
            ack_id,
            kind,
        } = request;
        let (Some(requester), Request::Who(filter)) = (self.sockets.get(&socket), kind) else {
            return;
        };
        let (sid, room) = (filter.sid.as_deref(), filter.room.as_ref());
        let mut found = self.find(&requester.namespace, sid, room);
        let more = found.len().saturating_sub(limits::SOCKETS_LISTED);
        found.truncate(limits::SOCKETS_LISTED);
        let present = found.iter().filter_map(|id| self.sockets.get(id));
        let notification = Notification::Sockets {
            ack_id,
            head: self.head,
            sockets: present.map(present_socket).collect(),
            more: more as u64,
        };
        effects.notify(socket, notification);
    }

    /// Each socket leaves its rooms at once; its session sends the disconnect. The requester is never kicked.
    pub(super) fn kick(&mut self, request: SocketRequest, effects: &mut impl Effects) {
        let SocketRequest {
            socket: id,
            ack_id,
            kind,
        } = request;
        let (Some(requester), Request::Kick(target)) = (self.sockets.get(&id), kind) else {
            return;
        };
        let by = display_name(requester);
        let mut found = match &target {
            KickTarget::Sid(sid) => self.find(&requester.namespace, Some(sid), None),
            KickTarget::Name(_) => self.find(&requester.namespace, None, None),
        };
        found.retain(|socket| {
            *socket != id
                && self.is_target(*socket, &target)
                && !self.is_queue_of(*socket, requester)
        });
        let kicked = self.count_connections(&found);
        for id in &found {
            self.close(*id, effects);
            let by = Arc::clone(&by);
            effects.notify(*id, Notification::Kicked { by });
        }
        effects.notify(id, Notification::KickCount { ack_id, kicked });
    }

    /// A shared queue counts only if none of the sockets that share it is in the list.
    fn count_connections(&self, found: &[SocketId]) -> u64 {
        let has_connection = |id: &&SocketId| {
            let socket = self.sockets.get(*id);
            socket.is_some_and(|socket| socket.stats.peer.address != PeerAddress::Shared)
        };
        match found.iter().filter(has_connection).count() {
            0 => found.len() as u64,
            own => own as u64,
        }
    }

    /// Whether the socket is the shared queue of the requester's own name, which the requester may be sharing.
    fn is_queue_of(&self, id: SocketId, requester: &SocketState) -> bool {
        let is_shared = |socket: &&SocketState| socket.stats.peer.address == PeerAddress::Shared;
        let queue = self.sockets.get(&id).filter(is_shared);
        queue.is_some_and(|queue| queue.stats.name == requester.stats.name)
    }

    /// The sockets of a namespace, the oldest first: all, those in a room, or the one with a sid. Looks at no others.
    fn find(
        &self,
        namespace: &Namespace,
        sid: Option<&str>,
        room: Option<&RoomName>,
    ) -> Vec<SocketId> {
        let Some(namespace) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let all = match room {
            None => Some(&namespace.sockets),
            Some(room) => namespace.rooms.get(room).map(|room| &room.sockets),
        };
        let Some(all) = all else {
            return Vec::new();
        };
        match sid.map(|sid| self.by_sid.get(sid)) {
            None => all.iter().copied().collect(),
            Some(one) => {
                let is_here = |id: &&SocketId| all.contains(*id) && namespace.sockets.contains(*id);
                one.filter(is_here).into_iter().copied().collect()
            }
        }
    }

    fn is_target(&self, id: SocketId, target: &KickTarget) -> bool {
        let socket = self.sockets.get(&id);
        socket.is_some_and(|socket| match target {
            KickTarget::Sid(sid) => socket.reader.sid.as_deref() == Some(sid),
            KickTarget::Name(name) => socket.stats.name.as_ref() == Some(name),
        })
    }

    /// The socket leaves its rooms and loses its name now; its session disconnects it later.
    pub(super) fn close(&mut self, id: SocketId, effects: &mut impl Effects) {
        let Some(mut socket) = self.sockets.remove(&id) else {
            return;
        };
        self.exit_rooms(id, &socket);
        self.announce_disconnect(id, &socket, effects);
        Arc::make_mut(&mut socket.reader).rooms.clear();
        socket.attachment = Attachment::Closing;
        self.remove_from_namespace(id, &socket);
        self.sockets.insert(id, socket);
    }
}

fn display_name(socket: &SocketState) -> Arc<str> {
    match &socket.stats.name {
        Some(name) => name.as_str().into(),
        None => format!("someone at {}", socket.stats.peer.address).into(),
    }
}

fn present_socket(socket: &SocketState) -> PresentSocket {
    let is_behind = socket.newest_owed > 0 && socket.stats.cursor().record <= socket.newest_owed;
    PresentSocket {
        reader: Arc::clone(&socket.reader),
        stats: Arc::clone(&socket.stats),
        backlog: if is_behind {
            Backlog::InLog
        } else {
            Backlog::None
        },
    }
}
