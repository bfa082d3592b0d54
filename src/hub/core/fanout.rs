//! Handing a record to whoever is there, and counting whom it waits for.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Core, Effects, Feed, Space, Taken};
use crate::address::{ClientName, RoomName, Seq};
use crate::hub::parcel::{Kind, Parcel};
use crate::hub::request::{Direct, Publisher, Receipt, SocketId, Told};
use crate::store::owed::is_excluded;
use crate::store::{Reader, Record, owed};

impl Core {
    /// Fans out and counts.
    pub(super) fn publish(&mut self, parcel: Parcel, effects: &mut impl Effects) -> Receipt {
        let parcel = Arc::new(parcel);
        let (delivered, queued) = self.fan_out(&parcel, effects);
        let durable = parcel.kind == Kind::Durable;
        Receipt {
            first: durable.then_some(Seq::new(parcel.record.number, 0)),
            count: parcel.header().count,
            delivered,
            queued: if durable { queued } else { 0 },
            duplicate: false,
        }
    }

    fn fan_out(&mut self, parcel: &Arc<Parcel>, effects: &mut impl Effects) -> (u64, u64) {
        let header = parcel.header();
        let number = parcel.record.number;
        let Some(space) = self.spaces.get(&header.namespace) else {
            return (0, 0);
        };
        let mut delivered = 0;
        let mut members = HashSet::new();
        for room in header.rooms.iter().filter_map(|room| space.rooms.get(room)) {
            members.extend(&room.members);
            for id in &room.sockets {
                let Some(socket) = self.sockets.get_mut(id) else {
                    continue;
                };
                if socket.considered == number {
                    continue;
                }
                socket.considered = number;
                let durable = parcel.kind == Kind::Durable;
                if socket.feed != Feed::Attached {
                    if durable {
                        socket.newest = number;
                    }
                    continue;
                }
                let owed = !is_excluded(header, &socket.reader);
                // A holder is handed what it is not owed too: its session moves the cursor over it.
                let holds = || {
                    let name = socket.reader.name.as_ref();
                    name.is_some_and(|name| space.holders.get(name) == Some(id))
                };
                if !owed && (!durable || !holds()) {
                    continue;
                }
                if durable {
                    socket.newest = number;
                }
                match effects.deliver(*id, parcel) {
                    Taken::Yes => delivered += u64::from(owed),
                    Taken::Full if parcel.kind == Kind::Volatile => {}
                    Taken::Full => socket.feed = Feed::Detached,
                }
            }
        }
        let queued = members
            .into_iter()
            .filter(|name| self.waits_for(space, name, parcel))
            .count();
        (delivered, queued as u64)
    }

    /// Whether a member is owed the record and nobody who holds its name took it just now.
    fn waits_for(&self, space: &Space, name: &ClientName, parcel: &Parcel) -> bool {
        let header = parcel.header();
        let took = space
            .holders
            .get(name)
            .and_then(|id| self.sockets.get(id))
            .is_some_and(|socket| {
                socket.feed == Feed::Attached
                    && header
                        .rooms
                        .iter()
                        .any(|room| socket.reader.rooms.contains_key(room))
            });
        if took {
            return false;
        }
        let member_of = |room: &&RoomName| {
            space
                .rooms
                .get(*room)
                .is_some_and(|r| r.members.contains(name))
        };
        let away = Reader {
            sid: None,
            name: Some(name.clone()),
            rooms: header
                .rooms
                .iter()
                .filter(member_of)
                .map(|room| (room.clone(), Seq::START))
                .collect(),
            other_rooms: header.except.iter().filter(member_of).cloned().collect(),
        };
        owed(parcel.record.number, header, &away).is_some()
    }
}

/// Whether it listens to rooms or not; a mailbox that is full, and a socket that is gone, lose it.
pub(super) fn hand(publisher: SocketId, direct: Direct, effects: &mut impl Effects) {
    let Direct { to, record, at_ms } = direct;
    let record = Record {
        number: 0,
        at_ms,
        header: record.header,
        body: record.body,
    };
    let taken = effects.deliver(to, &Arc::new(Parcel::new(record, Kind::Direct)));
    let receipt = Receipt {
        first: None,
        count: 1,
        delivered: u64::from(taken == Taken::Yes),
        queued: 0,
        duplicate: false,
    };
    effects.tell(
        publisher,
        Told::Receipt {
            answer: None,
            publisher: Publisher::Single,
            receipt,
        },
    );
}
