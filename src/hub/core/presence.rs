//! Coming and going, as those see it who asked for that: told once, stored nowhere, and dropped for who is behind.
//!
//! A room that nobody watches costs a look at a number. Membership is not presence: who joins a room by name without
//! listening to it has not come.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;

use super::{Core, Effects, Feed, Room, Socket};
use crate::address::{ClientName, EventName, Namespace, RoomName, Seq};
use crate::hub::parcel::{Kind, Parcel};
use crate::hub::request::{Presence, SocketId};
use crate::limits;
use crate::store::{MessageHeader, Record};
use crate::wire::batch::{self, Audience, Framing};

/// The event that watchers get.
const EVENT: &str = "presence";

/// What a socket did in a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Movement {
    Join,
    Leave,
}

impl Room {
    /// False when it was in there.
    pub(super) fn enter(&mut self, id: SocketId, presence: Presence) -> bool {
        let entered = self.sockets.insert(id);
        if entered && presence == Presence::Seen {
            self.watchers += 1;
        }
        entered
    }

    /// False when it was not in there.
    pub(super) fn exit(&mut self, id: SocketId, presence: Presence) -> bool {
        let left = self.sockets.remove(&id);
        if left && presence == Presence::Seen {
            self.watchers = self.watchers.saturating_sub(1);
        }
        left
    }

    fn is_watched(&self) -> bool {
        self.watchers > 0 && self.sockets.len() <= limits::PRESENCE_CROWD
    }
}

impl Core {
    /// A subscription took the place of another.
    pub(super) fn tell_moves(
        &self,
        (id, socket): (SocketId, &Socket),
        before: &BTreeMap<RoomName, Seq>,
        effects: &mut impl Effects,
    ) {
        let now = &socket.reader.rooms;
        let went = before.keys().filter(|room| !now.contains_key(*room));
        self.tell_move(Movement::Leave, (id, socket), went, effects);
        let came = now.keys().filter(|room| !before.contains_key(*room));
        self.tell_move(Movement::Join, (id, socket), came, effects);
    }

    /// Tells who watches these rooms; the socket itself is not among the sockets at the moment, or not told all the same.
    pub(super) fn tell_move<'a>(
        &self,
        what: Movement,
        (id, socket): (SocketId, &Socket),
        rooms: impl Iterator<Item = &'a RoomName>,
        effects: &mut impl Effects,
    ) {
        let Some(space) = self.spaces.get(&socket.namespace) else {
            return;
        };
        let mut looked_at = 0;
        for name in rooms {
            let Some(room) = space.rooms.get(name).filter(|room| room.is_watched()) else {
                continue;
            };
            looked_at += room.sockets.len();
            if looked_at > limits::PRESENCE_TOLD {
                return;
            }
            let parcel = Arc::new(parcel(what, name, socket, effects.now_ms()));
            for watcher in room.sockets.iter().filter(|it| **it != id) {
                let watches = self.sockets.get(watcher).is_some_and(|state| {
                    state.presence == Presence::Seen && state.feed == Feed::Attached
                });
                if watches {
                    // A mailbox that is full loses it.
                    let _ = effects.deliver(*watcher, &parcel);
                }
            }
        }
    }
}

/// `["presence", {what, room, as?, sid, at}]`.
fn parcel(what: Movement, room: &RoomName, socket: &Socket, at_ms: u64) -> Parcel {
    #[derive(Serialize)]
    struct Told<'a> {
        what: Movement,
        room: &'a RoomName,
        #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
        name: Option<&'a ClientName>,
        sid: Option<&'a str>,
        at: u64,
    }
    let sid = socket.reader.sid.as_ref();
    let told = Told {
        what,
        room,
        name: socket.vitals.name.as_ref(),
        sid: sid.map(|sid| &**sid),
        at: at_ms,
    };
    let told = serde_json::to_string(&[told]).expect("names and numbers are JSON");
    let record = Record {
        number: 0,
        at_ms,
        header: header(&socket.namespace, room),
        body: batch::encode_args(&told, &[] as &[Bytes]),
    };
    Parcel::new(record, Kind::Presence)
}

fn header(namespace: &Namespace, room: &RoomName) -> MessageHeader {
    MessageHeader {
        namespace: namespace.clone(),
        rooms: Arc::new([room.clone()]),
        except: Arc::new([]),
        audience: Audience::All,
        event: EventName::parse(EVENT).expect("it is no reserved name"),
        framing: Framing::Args,
        json: false,
        count: 1,
        from: None,
        origin: "".into(),
        reply: None,
    }
}
