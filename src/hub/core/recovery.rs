//! A socket that the store remembers, and one that is who it was before.

use std::sync::Arc;

use super::{Core, Effects, Socket};
use crate::address::{ClientName, RoomName, Seq};
use crate::hub::request::{SocketId, Told};
use crate::store::OpOutcome;
use crate::store::sessions::OpenedSession;

impl Core {
    /// The socket takes the sid of what is remembered. There are never two with one sid: the newest has it.
    pub(super) fn begin(&mut self, id: SocketId, done: OpOutcome, effects: &mut impl Effects) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        // Refused: there was no room on the disk to remember it.
        let OpOutcome::SessionOpened(Some(begun)) = done else {
            effects.tell(id, Told::Begun(None));
            return;
        };
        let own = Arc::make_mut(&mut socket.reader)
            .sid
            .replace(Arc::clone(&begun.sid));
        socket.begun = Some(Box::new(begun.clone()));
        if let Some(own) = own.filter(|own| self.by_sid.get(own) == Some(&id)) {
            self.by_sid.remove(&own);
        }
        if let Some(older) = self.by_sid.insert(Arc::clone(&begun.sid), id) {
            self.replace(older, effects);
        }
        effects.tell(id, Told::Begun(Some(begun)));
    }

    /// The older socket is handed nothing more; its session says goodbye.
    fn replace(&mut self, older: SocketId, effects: &mut impl Effects) {
        self.retire(older, effects);
        effects.tell(older, Told::CameBack);
    }

    pub(super) fn forget_sid(&mut self, id: SocketId, socket: &Socket) {
        if let Some(sid) = &socket.reader.sid
            && self.by_sid.get(sid) == Some(&id)
        {
            self.by_sid.remove(sid);
        }
    }
}

/// The rooms of a subscription, when it is that of a socket that begins: of a client those that it has joined, from where it
/// was in them; of anyone else those where it was.
pub(super) fn go_on(
    begun: OpenedSession,
    name: Option<&ClientName>,
    rooms: &mut Vec<(RoomName, Seq)>,
) {
    if name.is_none() {
        *rooms = begun.rooms.into_iter().collect();
        return;
    }
    for (room, cursor) in rooms {
        *cursor = begun.rooms.get(room).copied().unwrap_or(*cursor);
    }
}
