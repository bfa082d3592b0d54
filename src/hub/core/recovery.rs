//! Session recovery: a socket that the store remembers, and one that continues an earlier session.

use std::sync::Arc;

use super::effects::Effects;
use super::state::{Core, SocketState};
use crate::address::{ClientName, RoomName, Seq};
use crate::hub::notification::Notification;
use crate::hub::socket_id::SocketId;
use crate::store::OpOutcome;
use crate::store::sessions::OpenedSession;

impl Core {
    /// The socket takes the sid of its remembered session. Of two sockets with one sid the newer keeps it.
    pub(super) fn open_session(
        &mut self,
        id: SocketId,
        outcome: OpOutcome,
        effects: &mut impl Effects,
    ) {
        let Some(socket) = self.sockets.get_mut(&id) else {
            return;
        };
        // Anything else: the store could not remember the session.
        let OpOutcome::SessionOpened(Some(opened)) = outcome else {
            effects.notify(id, Notification::SessionOpened(None));
            return;
        };
        let own_sid = Arc::make_mut(&mut socket.reader)
            .sid
            .replace(Arc::clone(&opened.sid));
        socket.restored = Some(Box::new(opened.clone()));
        if let Some(sid) = own_sid.filter(|sid| self.by_sid.get(sid) == Some(&id)) {
            self.by_sid.remove(&sid);
        }
        if let Some(older) = self.by_sid.insert(Arc::clone(&opened.sid), id) {
            self.close(older, effects);
            effects.notify(older, Notification::Replaced);
        }
        effects.notify(id, Notification::SessionOpened(Some(opened)));
    }

    pub(super) fn remove_sid(&mut self, id: SocketId, socket: &SocketState) {
        if let Some(sid) = &socket.reader.sid
            && self.by_sid.get(sid) == Some(&id)
        {
            self.by_sid.remove(sid);
        }
    }
}

/// Adjusts the first subscription of a restored session. A client listens to the rooms it has joined, each from where
/// its session was. A socket without a name listens to the rooms that its session was in.
pub(super) fn restore_cursors(
    restored: OpenedSession,
    name: Option<&ClientName>,
    rooms: &mut Vec<(RoomName, Seq)>,
) {
    if name.is_none() {
        *rooms = restored.rooms.into_iter().collect();
        return;
    }
    for (room, cursor) in rooms {
        *cursor = restored.rooms.get(room).copied().unwrap_or(*cursor);
    }
}
