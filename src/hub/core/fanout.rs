//! Fan-out: delivers a record to the sockets that are owed it, and counts the members it waits for.

use std::collections::HashSet;
use std::sync::Arc;

use super::effects::Effects;
use super::state::{Attachment, Core, NamespaceState};
use crate::address::{ClientName, RoomName, Seq};
use crate::hub::delivery::{Delivery, DeliveryKind, DeliveryOutcome};
use crate::hub::notification::{DeliveryReceipt, Notification};
use crate::hub::request::{DirectRecord, PublishVerb};
use crate::hub::socket_id::SocketId;
use crate::store::owed::is_excluded;
use crate::store::{Reader, Record, owed};

impl Core {
    pub(super) fn publish(
        &mut self,
        delivery: Delivery,
        effects: &mut impl Effects,
    ) -> DeliveryReceipt {
        let delivery = Arc::new(delivery);
        let (delivered, queued) = self.fan_out(&delivery, effects);
        let is_durable = delivery.kind == DeliveryKind::Durable;
        DeliveryReceipt {
            first: is_durable.then_some(Seq::new(delivery.record.number, 0)),
            count: delivery.header().count,
            delivered,
            queued: if is_durable { queued } else { 0 },
            duplicate: false,
        }
    }

    /// Returns the number of sockets that took the delivery, and of members that it waits for.
    fn fan_out(&mut self, delivery: &Arc<Delivery>, effects: &mut impl Effects) -> (u64, u64) {
        let header = delivery.header();
        let number = delivery.record.number;
        let Some(namespace) = self.namespaces.get(&header.namespace) else {
            return (0, 0);
        };
        let mut delivered = 0;
        let mut members = HashSet::new();
        let rooms = header.rooms.iter();
        for room in rooms.filter_map(|room| namespace.rooms.get(room)) {
            members.extend(&room.members);
            for id in &room.sockets {
                let Some(socket) = self.sockets.get_mut(id) else {
                    continue;
                };
                if socket.last_considered == number {
                    continue;
                }
                socket.last_considered = number;
                let is_durable = delivery.kind == DeliveryKind::Durable;
                if socket.attachment != Attachment::Attached {
                    if is_durable {
                        socket.newest_owed = number;
                    }
                    continue;
                }
                let is_owed = !is_excluded(header, &socket.reader);
                // The holder of a name also gets records that it is not owed, because its session moves the cursor past
                // them.
                let is_holder = || {
                    let name = socket.reader.name.as_ref();
                    name.is_some_and(|name| namespace.holders.get(name) == Some(id))
                };
                if !is_owed && (!is_durable || !is_holder()) {
                    continue;
                }
                if is_durable {
                    socket.newest_owed = number;
                }
                match effects.deliver(*id, delivery) {
                    DeliveryOutcome::Accepted => delivered += u64::from(is_owed),
                    DeliveryOutcome::Full if delivery.kind == DeliveryKind::Volatile => {}
                    DeliveryOutcome::Full => socket.attachment = Attachment::Detached,
                }
            }
        }
        let queued = members
            .into_iter()
            .filter(|name| self.is_queued_for(namespace, name, delivery))
            .count();
        (delivered, queued as u64)
    }

    /// Whether a member is owed the record and no holder of its name took it just now.
    fn is_queued_for(
        &self,
        namespace: &NamespaceState,
        name: &ClientName,
        delivery: &Delivery,
    ) -> bool {
        let header = delivery.header();
        let holder_took_it = namespace
            .holders
            .get(name)
            .and_then(|id| self.sockets.get(id))
            .is_some_and(|socket| {
                socket.attachment == Attachment::Attached
                    && header
                        .rooms
                        .iter()
                        .any(|room| socket.reader.rooms.contains_key(room))
            });
        if holder_took_it {
            return false;
        }
        let is_member_of = |room: &&RoomName| {
            let room = namespace.rooms.get(*room);
            room.is_some_and(|room| room.members.contains(name))
        };
        let away = Reader {
            sid: None,
            name: Some(name.clone()),
            rooms: header
                .rooms
                .iter()
                .filter(is_member_of)
                .map(|room| (room.clone(), Seq::START))
                .collect(),
            other_rooms: header.except.iter().filter(is_member_of).cloned().collect(),
        };
        owed(delivery.record.number, header, &away).is_some()
    }
}

/// A full mailbox or a closed socket loses the message, because direct messages are not stored.
pub(super) fn deliver_direct(
    publisher: SocketId,
    direct: DirectRecord,
    effects: &mut impl Effects,
) {
    let DirectRecord { to, record, at_ms } = direct;
    let record = Record {
        number: 0,
        at_ms,
        header: record.header,
        body: record.body,
    };
    let delivery = Arc::new(Delivery::new(record, DeliveryKind::Direct));
    let outcome = effects.deliver(to, &delivery);
    let receipt = DeliveryReceipt {
        first: None,
        count: 1,
        delivered: u64::from(outcome == DeliveryOutcome::Accepted),
        queued: 0,
        duplicate: false,
    };
    effects.notify(
        publisher,
        Notification::Receipt {
            ack_id: None,
            publisher: PublishVerb::Single,
            receipt,
        },
    );
}
