//! Presence events: who enters and leaves a room, for the sockets that asked for it. An event is sent once, is not
//! stored, and is dropped for a socket that is behind.
//!
//! A room without watchers costs one comparison. Membership is not presence: a client that joins a room by name without
//! listening to it causes no event.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::effects::Effects;
use super::state::{Attachment, Core, SocketState};
use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
use crate::hub::delivery::{Delivery, DeliveryKind};
use crate::hub::request::PresenceMode;
use crate::hub::socket_id::SocketId;
use crate::limits;
use crate::store::{MessageHeader, Record};
use crate::wire::batch;

/// The name of the event that watchers get.
const EVENT: &str = "presence";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum PresenceAction {
    Join,
    Leave,
}

/// The argument of the event.
#[derive(Serialize)]
struct PresencePayload<'a> {
    what: PresenceAction,
    room: &'a RoomName,
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    name: Option<&'a ClientName>,
    sid: Option<&'a str>,
    /// Milliseconds since 1970 (UTC).
    at: u64,
}

impl Core {
    /// Announces the rooms that a new subscription left and entered.
    pub(super) fn announce_difference(
        &self,
        (id, socket): (SocketId, &SocketState),
        before: &BTreeMap<RoomName, Seq>,
        effects: &mut impl Effects,
    ) {
        let now = &socket.reader.rooms;
        let left = before.keys().filter(|room| !now.contains_key(*room));
        self.announce(PresenceAction::Leave, (id, socket), left, effects);
        let entered = now.keys().filter(|room| !before.contains_key(*room));
        self.announce(PresenceAction::Join, (id, socket), entered, effects);
    }

    /// Announces once that a socket left all its rooms: when it disconnects, or when another takes its name.
    pub(super) fn announce_disconnect(
        &self,
        id: SocketId,
        socket: &SocketState,
        effects: &mut impl Effects,
    ) {
        if !socket.is_leave_announced {
            let rooms = socket.reader.rooms.keys();
            self.announce(PresenceAction::Leave, (id, socket), rooms, effects);
        }
    }

    /// Sends an event for each of `rooms` to the room's watchers, except the socket itself.
    pub(super) fn announce<'a>(
        &self,
        change: PresenceAction,
        (id, socket): (SocketId, &SocketState),
        rooms: impl Iterator<Item = &'a RoomName>,
        effects: &mut impl Effects,
    ) {
        let Some(namespace) = self.namespaces.get(&socket.namespace) else {
            return;
        };
        let mut visited = 0;
        for name in rooms {
            let Some(room) = namespace.rooms.get(name) else {
                continue;
            };
            if !room.has_watchers() || room.sockets.len() > limits::PRESENCE_ROOM_SOCKETS {
                continue;
            }
            visited += room.sockets.len();
            if visited > limits::PRESENCE_VISITS {
                return;
            }
            let delivery = Arc::new(event_delivery(change, name, socket, effects.now_ms()));
            for watcher in room.sockets.iter().filter(|watcher| **watcher != id) {
                let is_watching = self.sockets.get(watcher).is_some_and(|socket| {
                    socket.presence == PresenceMode::On && socket.attachment == Attachment::Attached
                });
                if is_watching {
                    // A full mailbox loses the event.
                    let _ = effects.deliver(*watcher, &delivery);
                }
            }
        }
    }
}

/// `["presence", {what, room, as?, sid, at}]`.
fn event_delivery(
    change: PresenceAction,
    room: &RoomName,
    socket: &SocketState,
    at_ms: u64,
) -> Delivery {
    let event = PresencePayload {
        what: change,
        room,
        name: socket.stats.name.as_ref(),
        sid: socket.reader.sid.as_deref(),
        at: at_ms,
    };
    let args = serde_json::to_string(&[event]).expect("names and numbers are JSON");
    let record = Record {
        number: 0,
        at_ms,
        header: event_header(&socket.namespace, room),
        body: batch::encode_args(&args, &[] as &[Bytes]),
    };
    Delivery::new(record, DeliveryKind::Presence)
}

fn event_header(namespace: &Namespace, room: &RoomName) -> MessageHeader {
    let event = EventName::parse(EVENT).expect("it is not a reserved name");
    MessageHeader::new(namespace.clone(), Arc::new([room.clone()]), event)
}
