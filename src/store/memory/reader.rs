//! Reading from the store in memory: every query walks through the log.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::state::{LogEntry, MemoryState, lock};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::error::StoreError;
use crate::store::membership::{Member, Memberships};
use crate::store::message::{MessageHeader, Record};
use crate::store::names::{NameKind, NameQuery};
use crate::store::owed::{Reader, first_unread, owed};
use crate::store::queues::{PendingQueues, QueueInfo};
use crate::store::traits::{LogPage, RoomInfo, StoreReader};

pub(super) struct MemoryReader {
    state: Arc<Mutex<MemoryState>>,
}

impl MemoryReader {
    pub(super) fn new(state: Arc<Mutex<MemoryState>>) -> Self {
        Self { state }
    }
}

impl StoreReader for MemoryReader {
    fn page(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<LogPage, StoreError> {
        let state = lock(&self.state);
        Ok(state.page(namespace, &reader.starting_at(from), from.record, upto))
    }

    fn pending(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<u64, StoreError> {
        let state = lock(&self.state);
        Ok(state.pending(namespace, &reader.starting_at(from), upto))
    }

    fn seq_of_last(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        n: u64,
        upto: u64,
    ) -> Result<Seq, StoreError> {
        let state = lock(&self.state);
        let reader = reader.from_the_start();
        let mut begin = Seq::after_record(upto);
        let mut missing = n;
        for record in state.in_rooms(namespace, &reader, 0, upto).rev() {
            if missing == 0 {
                break;
            }
            if owed(record.number, &record.header, &reader).is_none() {
                continue;
            }
            let count = u64::from(record.header.count);
            let skipped = count.saturating_sub(missing);
            begin = Seq::new(record.number, skipped as u32);
            missing = missing.saturating_sub(count);
        }
        Ok(begin)
    }

    fn seq_at(&mut self, at_ms: u64) -> Result<Seq, StoreError> {
        let state = lock(&self.state);
        let records = || state.log.values().map(|entry| &entry.record);
        let older = records().filter(|record| record.at_ms < at_ms);
        let before = older.last().map_or(0, |record| record.number);
        let first = records().find(|record| record.at_ms >= at_ms);
        let first = first.map_or(state.head + 1, |record| record.number);
        let (pruned, pruned_ms) = state.highest_pruned;
        if pruned > before && pruned_ms >= at_ms {
            Ok(Seq::after_record(before))
        } else {
            Ok(Seq::new(first, 0))
        }
    }

    fn sid_of(
        &mut self,
        pid: &str,
        namespace: &Namespace,
        client: Option<&ClientName>,
        lost_by_ms: u64,
    ) -> Result<Option<Arc<str>>, StoreError> {
        let state = lock(&self.state);
        Ok(state.sessions.sid_of(pid, namespace, client, lost_by_ms))
    }

    fn rooms(
        &mut self,
        namespace: &Namespace,
        room: Option<&RoomName>,
    ) -> Result<Vec<RoomInfo>, StoreError> {
        let state = lock(&self.state);
        let mut found = BTreeSet::new();
        for LogEntry { record, .. } in state.log.values() {
            if record.header.namespace == *namespace {
                found.extend(record.header.rooms.iter().cloned());
            }
        }
        let members = state.members.all();
        let members = members.into_iter().filter(|m| m.namespace == *namespace);
        found.extend(members.map(|member| member.room));
        Ok(found
            .into_iter()
            .filter(|found| room.is_none_or(|room| room == found))
            .map(|room| state.info(namespace, room))
            .collect())
    }

    fn names(
        &mut self,
        namespace: &Namespace,
        query: &NameQuery,
    ) -> Result<Vec<String>, StoreError> {
        let state = lock(&self.state);
        let headers = state.log.values().map(|entry| &entry.record.header);
        let members = state.members.all();
        let here = members.iter().filter(|m| m.namespace == *namespace);
        Ok(match query.kind {
            NameKind::Namespaces => {
                let written = headers.map(|header| header.namespace.as_str());
                query.select(written.chain(members.iter().map(|m| m.namespace.as_str())))
            }
            NameKind::Rooms => {
                let headers = headers.filter(|header| header.namespace == *namespace);
                let written = headers.flat_map(|header| header.rooms.iter());
                query.select(written.chain(here.map(|m| &m.room)).map(RoomName::as_str))
            }
            NameKind::Members => query.select(here.map(|m| m.client.as_str())),
        })
    }

    fn queues(
        &mut self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> Result<PendingQueues, StoreError> {
        let state = lock(&self.state);
        let members = state.members.all();
        let listed = members.iter().filter(|member| {
            member.namespace == *namespace && client.is_none_or(|client| *client == member.client)
        });
        Ok(listed.map(|member| state.queue(member)).collect())
    }

    fn memberships(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
    ) -> Result<Memberships, StoreError> {
        let state = lock(&self.state);
        let cursors = state.members.cursors(namespace, client).cloned();
        Ok(Memberships {
            cursors: cursors.unwrap_or_default().into_iter().collect(),
            head: state.head,
        })
    }
}

impl MemoryState {
    fn page(&self, namespace: &Namespace, reader: &Reader, from: u64, upto: u64) -> LogPage {
        let mut page = LogPage {
            gap: reader.gap(|room| {
                let key = (namespace.clone(), room.clone());
                self.pruned_to.get(&key).copied()
            }),
            ..LogPage::default()
        };
        let mut bytes = 0;
        let mut looked_at = 0;
        for record in self.in_rooms(namespace, reader, from, upto) {
            if !is_unread(reader, record.number, &record.header) {
                continue;
            }
            if looked_at == limits::PAGE_LOOKED_AT {
                page.next = Some(Seq::new(record.number, 0));
                break;
            }
            looked_at += 1;
            let Some(first) = owed(record.number, &record.header, reader) else {
                continue;
            };
            bytes += record.body.len();
            let full = page.records.len() == limits::PAGE_RECORDS || bytes > limits::PAGE_BYTES;
            if full && !page.records.is_empty() {
                page.next = Some(Seq::new(record.number, 0));
                break;
            }
            page.records.push((first, record.clone()));
        }
        page
    }

    /// The records `from..=upto` that are in one of the reader's rooms.
    fn in_rooms<'a>(
        &'a self,
        namespace: &'a Namespace,
        reader: &'a Reader,
        from: u64,
        upto: u64,
    ) -> impl DoubleEndedIterator<Item = &'a Record> {
        self.log
            .values()
            .map(|entry| &entry.record)
            .filter(move |record| (from..=upto).contains(&record.number))
            .filter(move |record| {
                let header = &record.header;
                let in_room = |room| reader.rooms.contains_key(room);
                header.namespace == *namespace && header.rooms.iter().any(in_room)
            })
    }

    fn pending(&self, namespace: &Namespace, reader: &Reader, upto: u64) -> u64 {
        let left = |record: &Record| {
            let first = owed(record.number, &record.header, reader)?;
            Some(u64::from(record.header.count - first))
        };
        let records = self.in_rooms(namespace, reader, 0, upto);
        records.filter_map(left).sum()
    }

    fn info(&self, namespace: &Namespace, room: RoomName) -> RoomInfo {
        let reads_room = Reader {
            rooms: [(room.clone(), Seq::START)].into(),
            ..Reader::default()
        };
        let records = || self.in_rooms(namespace, &reads_room, 0, self.head);
        let members = self.members.all();
        let members = members
            .iter()
            .filter(|member| member.namespace == *namespace && member.room == room)
            .map(|member| {
                let reader = self.member_reader(member);
                let pending = self.pending(namespace, &reader, self.head);
                (member.client.clone(), pending)
            })
            .collect();
        RoomInfo {
            messages: records().map(|r| u64::from(r.header.count)).sum(),
            last_ms: records().next_back().map(|record| record.at_ms),
            members,
            room,
        }
    }

    fn queue(&self, member: &Member) -> QueueInfo {
        let reader = self.member_reader(member);
        let pending = || {
            self.in_rooms(&member.namespace, &reader, 0, self.head)
                .filter(|record| owed(record.number, &record.header, &reader).is_some())
        };
        QueueInfo {
            client: member.client.clone(),
            room: member.room.clone(),
            pending: self.pending(&member.namespace, &reader, self.head),
            oldest_ms: pending().next().map(|record| record.at_ms),
            bytes: pending().map(|record| record.body.len() as u64).sum(),
        }
    }

    /// A member as it would read the room of this membership.
    fn member_reader(&self, member: &Member) -> Reader {
        let room = std::slice::from_ref(&member.room);
        self.members
            .offline_reader(&member.namespace, &member.client, room)
    }
}

fn is_unread(reader: &Reader, number: u64, header: &MessageHeader) -> bool {
    header.rooms.iter().any(|room| {
        reader
            .rooms
            .get(room)
            .is_some_and(|cursor| first_unread(number, header.count, *cursor).is_some())
    })
}
