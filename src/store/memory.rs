//! The store in memory (`--db :memory:`): the reference that SQLite is compared with. Simple before fast; nothing outlives
//! it.

mod delayed;
mod queues;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use self::delayed::Waiting;
use super::delayed::Delayed;
use super::members::Members;
use super::names::{NameKind, NameQuery};
use super::owed::{Reader, first_unread, owed};
use super::queues::{Memberships, PendingQueues};
use super::sessions::{Around, SessionOp, Sessions};
use super::{
    LogPage, Member, MessageHeader, NewRecord, Op, OpOutcome, PruneReport, Record, Refusal,
    Retention, RoomInfo, Store, StoreError, StoreReader, new_log_id, past, weight,
};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::wire::batch::PublishId;

pub struct MemoryStore {
    log_id: String,
    inner: Arc<Mutex<Inner>>,
}

struct MemoryReader {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    keep: Retention,
    log: BTreeMap<u64, Entry>,
    /// The number of the last record ever given.
    head: u64,
    /// The time of the last record: time never goes back.
    last_ms: u64,
    /// What the clock said at this commit: it may have gone back.
    clock_ms: u64,
    /// The weight of all records ever.
    end: u64,
    members: Members,
    sessions: Sessions,
    waiting: Waiting,
    producers: HashMap<String, Producer>,
    /// By room, the place behind the highest record pruned.
    pruned: HashMap<(Namespace, RoomName), Seq>,
    /// Number and time of the highest record pruned.
    highest_pruned: (u64, u64),
}

struct Entry {
    record: Record,
    /// The weight of all records before it.
    start: u64,
}

struct Producer {
    counter: u64,
    /// None: it was for later.
    first: Option<Seq>,
    at_ms: u64,
}

/// Whether history keeps a record from going.
#[derive(Clone, Copy, PartialEq, Eq)]
enum History {
    Respected,
    Ignored,
}

impl MemoryStore {
    pub fn new(keep: Retention) -> Self {
        Self {
            log_id: new_log_id(),
            inner: Arc::new(Mutex::new(Inner {
                keep,
                log: BTreeMap::new(),
                head: 0,
                last_ms: 0,
                clock_ms: 0,
                end: 0,
                members: Members::default(),
                sessions: Sessions::default(),
                waiting: Waiting::default(),
                producers: HashMap::new(),
                pruned: HashMap::new(),
                highest_pruned: (0, 0),
            })),
        }
    }
}

fn lock(inner: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    // A panic elsewhere cannot leave it half changed: every change is made by one call that does not panic.
    inner.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store for MemoryStore {
    fn log_id(&self) -> &str {
        &self.log_id
    }

    fn head(&self) -> u64 {
        lock(&self.inner).head
    }

    fn members(&self) -> Result<Vec<Member>, StoreError> {
        Ok(lock(&self.inner).members.all())
    }

    fn commit(&mut self, ops: Vec<Op>, now_ms: u64) -> Result<Vec<OpOutcome>, StoreError> {
        let mut inner = lock(&self.inner);
        inner.clock_ms = now_ms;
        let now = now_ms.max(inner.last_ms);
        Ok(ops.into_iter().map(|op| inner.run(op, now)).collect())
    }

    fn next_due(&self) -> Option<u64> {
        lock(&self.inner).waiting.crowd.next_due_ms
    }

    fn due(&mut self, now_ms: u64) -> Result<Vec<Delayed>, StoreError> {
        Ok(lock(&self.inner).waiting.due(now_ms))
    }

    fn prune(&mut self, now_ms: u64) -> Result<PruneReport, StoreError> {
        let mut inner = lock(&self.inner);
        let now = now_ms.max(inner.last_ms);
        inner
            .producers
            .retain(|_, producer| !past(producer.at_ms, limits::PRODUCER_TTL, now));
        let session_age = inner.keep.session_age;
        inner.sessions.prune(session_age, now);
        Ok(inner.prune(now, History::Respected))
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        Ok(Box::new(MemoryReader {
            inner: Arc::clone(&self.inner),
        }))
    }
}

impl Inner {
    fn run(&mut self, op: Op, now: u64) -> OpOutcome {
        match op {
            Op::Append { record, id } => self.append(record, id, now),
            Op::Delay { record, id, due_ms } => self.delay(record, id, due_ms, now),
            Op::Due(delayed) => self.due(&delayed, now),
            Op::Join {
                namespace,
                client,
                rooms,
            } => {
                let next = Seq::after_record(self.head);
                self.members.join(&namespace, &client, &rooms, next);
                OpOutcome::Joined
            }
            Op::Leave {
                namespace,
                client,
                rooms,
            } => {
                self.members.leave(&namespace, &client, &rooms);
                OpOutcome::Left
            }
            Op::Subscribe {
                namespace,
                client,
                rooms,
            } => {
                if let Some(client) = &client {
                    let next = Seq::after_record(self.head);
                    self.members.join(&namespace, client, &rooms, next);
                }
                self.members
                    .subscribed(&namespace, client.as_ref(), &rooms, self.head)
            }
            Op::Ack {
                namespace,
                client,
                rooms,
                cursor,
            } => {
                let cursor = cursor.min(Seq::after_record(self.head));
                self.members.ack(&namespace, &client, &rooms, cursor);
                OpOutcome::Acked
            }
            Op::Purge {
                namespace,
                client,
                rooms,
                cursor,
            } => self.purge(&namespace, &client, &rooms, cursor),
            Op::Session(op) => self.session(op, now),
            Op::Noop => OpOutcome::Noop,
        }
    }

    fn session(&mut self, op: SessionOp, now: u64) -> OpOutcome {
        let around = Around {
            members: &self.members,
            head: self.head,
            now_ms: now,
            session_age: self.keep.session_age,
        };
        match op {
            SessionOp::Open {
                holder,
                new,
                earlier,
            } => {
                let pruned_to = |room: &RoomName| {
                    let key = (new.namespace.clone(), room.clone());
                    self.pruned.get(&key).copied()
                };
                let asked = (holder, &new, earlier);
                return OpOutcome::SessionOpened(self.sessions.begin(asked, &around, pruned_to));
            }
            SessionOp::Enter { holder, rooms } => self.sessions.enter(holder, rooms, &around),
            SessionOp::Exit { holder, rooms } => self.sessions.exit(holder, &rooms),
            SessionOp::Lost(holder) => self.sessions.lost(holder, now),
            SessionOp::Forget(holder) => self.sessions.forget(holder),
            SessionOp::AllLost => self.sessions.all_lost(now),
        }
        OpOutcome::Noop
    }

    fn append(&mut self, record: NewRecord, id: Option<PublishId>, now: u64) -> OpOutcome {
        if let Some(done) = id.as_ref().and_then(|id| self.used(id, now)) {
            return done;
        }
        if let Some(refusal) = self.make_room(record.weight(), now) {
            return OpOutcome::Refused(refusal);
        }
        let record = self.record(record, now);
        if let Some(id) = id {
            self.use_number(id, Some(Seq::new(record.number, 0)), now);
        }
        OpOutcome::Appended(record)
    }

    fn use_number(&mut self, PublishId(name, counter): PublishId, first: Option<Seq>, now: u64) {
        let producer = Producer {
            counter,
            first,
            at_ms: now,
        };
        self.producers.insert(name, producer);
    }

    /// The next record of the log.
    fn record(&mut self, record: NewRecord, now: u64) -> Record {
        self.head += 1;
        self.last_ms = now;
        let record = Record {
            number: self.head,
            at_ms: now,
            header: record.header,
            body: record.body,
        };
        let entry = Entry {
            record: record.clone(),
            start: self.end,
        };
        self.end += weight(record.body.len());
        self.log.insert(self.head, entry);
        record
    }

    /// What becomes of a publish whose number is not its producer's next one.
    fn used(&self, PublishId(name, counter): &PublishId, now: u64) -> Option<OpOutcome> {
        let last = self
            .producers
            .get(name)
            .filter(|last| !past(last.at_ms, limits::PRODUCER_TTL, now))?;
        if *counter <= last.counter {
            let latest = (*counter == last.counter).then_some(last.first);
            let first = latest.flatten();
            return Some(OpOutcome::Duplicate { first });
        }
        let expected = last.counter + 1;
        (*counter != expected).then_some(OpOutcome::Refused(Refusal::OutOfOrder { expected }))
    }

    /// Lets history go when `incoming` does not fit; the refusal when members pin too much even then.
    fn make_room(&mut self, incoming: u64, now: u64) -> Option<Refusal> {
        let limit = self.keep.pending_bytes;
        if self.live() + incoming > limit {
            self.prune(now, History::Ignored);
        }
        if self.live() + incoming <= limit {
            return None;
        }
        let most = self
            .members
            .lowest_of_each_room()
            .map(|member| (self.held_by(&member), member))
            .filter(|(bytes, _)| *bytes > 0)
            .max_by_key(|(bytes, _)| *bytes);
        let bytes = most.as_ref().map_or(0, |(bytes, _)| *bytes);
        let member = most.map(|(bytes, member)| Refusal::Full {
            limit,
            namespace: member.namespace,
            client: member.client,
            room: member.room,
            bytes,
        });
        self.waiting.crowd.or_member(limit, bytes, member)
    }

    fn live(&self) -> u64 {
        let weights = self.log.values().map(|e| weight(e.record.body.len()));
        weights.sum::<u64>() + self.waiting.crowd.bytes
    }

    fn held_by(&self, member: &Member) -> u64 {
        self.log
            .range(member.cursor.record..)
            .map(|(_, entry)| &entry.record)
            .filter(|record| {
                record.header.namespace == member.namespace
                    && record.header.rooms.contains(&member.room)
                    && first_unread(record.number, record.header.count, member.cursor).is_some()
            })
            .map(|record| weight(record.body.len()))
            .sum()
    }

    fn prune(&mut self, now: u64, history: History) -> PruneReport {
        let mut pruned = PruneReport::default();
        let mut gone = Vec::new();
        for (number, entry) in &self.log {
            let Record { at_ms, header, .. } = &entry.record;
            let tail = self.end - entry.start;
            if history == History::Respected && self.keep.history_wants(*at_ms, tail, now) {
                break;
            }
            if self.members.pinned(*number, header) {
                if !self.keep.expired(*at_ms, now) {
                    continue;
                }
                pruned.expired += self.members.still_owed(*number, header);
            }
            gone.push(*number);
        }
        pruned.records = gone.len() as u64;
        for number in gone {
            if let Some(entry) = self.log.remove(&number) {
                self.note_pruned(&entry.record);
            }
        }
        pruned
    }

    fn note_pruned(&mut self, record: &Record) {
        let end = Seq::new(record.number, record.header.count);
        for room in record.header.rooms.iter() {
            let key = (record.header.namespace.clone(), room.clone());
            let highest = self.pruned.entry(key).or_insert(end);
            *highest = end.max(*highest);
        }
        self.highest_pruned = self.highest_pruned.max((record.number, record.at_ms));
    }

    /// Records `from..=upto` in one of the rooms.
    fn in_rooms<'a>(
        &'a self,
        namespace: &'a Namespace,
        reader: &'a Reader,
        from: u64,
        upto: u64,
    ) -> impl DoubleEndedIterator<Item = &'a Record> {
        self.log
            .iter()
            .filter(move |(number, _)| (from..=upto).contains(*number))
            .map(|(_, entry)| &entry.record)
            .filter(move |record| {
                let header = &record.header;
                let in_room = |room| reader.rooms.contains_key(room);
                header.namespace == *namespace && header.rooms.iter().any(in_room)
            })
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
        let inner = lock(&self.inner);
        let reader = reader.starting_at(from);
        let mut page = LogPage {
            gap: super::gap(&reader, |room| {
                let key = (namespace.clone(), room.clone());
                inner.pruned.get(&key).copied()
            }),
            ..LogPage::default()
        };
        let mut bytes = 0;
        let mut looked_at = 0;
        for record in inner.in_rooms(namespace, &reader, from.record, upto) {
            if !is_behind(&reader, record.number, &record.header) {
                continue;
            }
            if looked_at == limits::PAGE_LOOKED_AT {
                page.next = Some(Seq::new(record.number, 0));
                break;
            }
            looked_at += 1;
            let Some(first) = owed(record.number, &record.header, &reader) else {
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
        Ok(page)
    }

    fn pending(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        from: Seq,
        upto: u64,
    ) -> Result<u64, StoreError> {
        let inner = lock(&self.inner);
        Ok(inner.pending(namespace, &reader.starting_at(from), upto))
    }

    fn seq_of_last(
        &mut self,
        namespace: &Namespace,
        reader: &Reader,
        n: u64,
        upto: u64,
    ) -> Result<Seq, StoreError> {
        let inner = lock(&self.inner);
        let reader = reader.from_the_start();
        let mut begin = Seq::after_record(upto);
        let mut missing = n;
        for record in inner.in_rooms(namespace, &reader, 0, upto).rev() {
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
        let inner = lock(&self.inner);
        let numbers = |later: bool| {
            inner
                .log
                .iter()
                .filter(move |(_, entry)| (entry.record.at_ms >= at_ms) == later)
                .map(|(number, _)| *number)
        };
        let before = numbers(false).next_back().unwrap_or(0);
        let first = numbers(true).next().unwrap_or(inner.head + 1);
        let (pruned, pruned_ms) = inner.highest_pruned;
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
        let inner = lock(&self.inner);
        Ok(inner.sessions.sid_of(pid, namespace, client, lost_by_ms))
    }

    fn rooms(
        &mut self,
        namespace: &Namespace,
        room: Option<&RoomName>,
    ) -> Result<Vec<RoomInfo>, StoreError> {
        let inner = lock(&self.inner);
        let mut found = BTreeSet::new();
        for Entry { record, .. } in inner.log.values() {
            if record.header.namespace == *namespace {
                found.extend(record.header.rooms.iter().cloned());
            }
        }
        let members = inner.members.all();
        let here = members.iter().filter(|m| m.namespace == *namespace);
        found.extend(here.map(|member| member.room.clone()));
        Ok(found
            .into_iter()
            .filter(|found| room.is_none_or(|room| room == found))
            .map(|room| inner.info(namespace, room))
            .collect())
    }

    fn names(
        &mut self,
        namespace: &Namespace,
        sought: &NameQuery,
    ) -> Result<Vec<String>, StoreError> {
        let inner = lock(&self.inner);
        let headers = inner.log.values().map(|entry| &entry.record.header);
        let members = inner.members.all();
        let here = members.iter().filter(|m| m.namespace == *namespace);
        Ok(match sought.kind {
            NameKind::Namespaces => {
                let written = headers.map(|header| header.namespace.as_str());
                sought.select(written.chain(members.iter().map(|m| m.namespace.as_str())))
            }
            NameKind::Rooms => {
                let headers = headers.filter(|header| header.namespace == *namespace);
                let written = headers.flat_map(|header| header.rooms.iter());
                sought.select(written.chain(here.map(|m| &m.room)).map(RoomName::as_str))
            }
            NameKind::Members => sought.select(here.map(|m| m.client.as_str())),
        })
    }

    fn queues(
        &mut self,
        namespace: &Namespace,
        client: Option<&ClientName>,
    ) -> Result<PendingQueues, StoreError> {
        Ok(lock(&self.inner).queues(namespace, client))
    }

    fn memberships(
        &mut self,
        namespace: &Namespace,
        client: &ClientName,
    ) -> Result<Memberships, StoreError> {
        Ok(lock(&self.inner).memberships(namespace, client))
    }
}

impl Inner {
    fn info(&self, namespace: &Namespace, room: RoomName) -> RoomInfo {
        let records: Vec<&Record> = self
            .log
            .values()
            .map(|entry| &entry.record)
            .filter(|r| r.header.namespace == *namespace && r.header.rooms.contains(&room))
            .collect();
        let pending = |reader: &Reader| {
            let left = |record: &&Record| {
                let first = owed(record.number, &record.header, reader)?;
                Some(u64::from(record.header.count - first))
            };
            records.iter().filter_map(left).sum()
        };
        let members = self.members.all();
        let members = members
            .iter()
            .filter(|member| member.namespace == *namespace && member.room == room)
            .filter_map(|member| {
                let joined = self.members.cursors(namespace, &member.client)?;
                let reader = Reader::offline(member.client.clone(), &room, joined);
                Some((member.client.clone(), pending(&reader)))
            })
            .collect();
        RoomInfo {
            messages: records.iter().map(|r| u64::from(r.header.count)).sum(),
            last_ms: records.last().map(|record| record.at_ms),
            room,
            members,
        }
    }
}

fn is_behind(reader: &Reader, number: u64, header: &MessageHeader) -> bool {
    header.rooms.iter().any(|room| {
        reader
            .rooms
            .get(room)
            .is_some_and(|cursor| first_unread(number, header.count, *cursor).is_some())
    })
}
