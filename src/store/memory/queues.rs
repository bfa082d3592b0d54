//! What waits for members: counted, listed and given up.

use super::Inner;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::store::queues::{Memberships, PendingQueues, QueueInfo};
use crate::store::{Member, OpOutcome, Reader, Record, owed};

impl Inner {
    pub(super) fn purge(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> OpOutcome {
        let reader = self.members.away(namespace, client, rooms);
        let rooms: Vec<RoomName> = reader.rooms.into_keys().collect();
        let cursor = cursor.min(Seq::after_record(self.head));
        self.members.ack(namespace, client, &rooms, cursor);
        OpOutcome::Purged { rooms, cursor }
    }

    pub(super) fn pending(&self, namespace: &Namespace, reader: &Reader, upto: u64) -> u64 {
        let left = |record: &Record| {
            let first = owed(record.number, &record.header, reader)?;
            Some(u64::from(record.header.count - first))
        };
        let records = self.in_rooms(namespace, reader, 0, upto);
        records.filter_map(left).sum()
    }

    fn queue(&self, member: &Member) -> QueueInfo {
        let room = std::slice::from_ref(&member.room);
        let reader = self.members.away(&member.namespace, &member.client, room);
        let waits = |record: &&Record| owed(record.number, &record.header, &reader).is_some();
        let waiting = || {
            self.in_rooms(&member.namespace, &reader, 0, self.head)
                .filter(waits)
        };
        QueueInfo {
            client: member.client.clone(),
            room: member.room.clone(),
            pending: self.pending(&member.namespace, &reader, self.head),
            oldest_ms: waiting().next().map(|record| record.at_ms),
            bytes: waiting().map(|record| record.body.len() as u64).sum(),
        }
    }

    pub(super) fn queues(
        &self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> PendingQueues {
        let members = self.members.all();
        let asked = members
            .iter()
            .filter(|m| m.namespace == *namespace && client.is_none_or(|it| *it == m.client));
        asked.map(|member| self.queue(member)).collect()
    }

    pub(super) fn memberships(&self, namespace: &Namespace, client: &ClientName) -> Memberships {
        let cursors = self.members.cursors(namespace, client).into_iter();
        Memberships {
            cursors: cursors
                .flatten()
                .map(|(room, at)| (room.clone(), *at))
                .collect(),
            head: self.head,
        }
    }
}
