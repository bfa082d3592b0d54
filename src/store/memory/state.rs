//! The state of the store in memory, and how ops change it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::delayed::DelayedQueue;
use super::sessions::{SessionContext, Sessions};
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::limits;
use crate::store::delayed::DelayedRecord;
use crate::store::members::Members;
use crate::store::membership::Member;
use crate::store::message::{NewRecord, Record, log_bytes};
use crate::store::op::{Op, OpOutcome, Refusal};
use crate::store::owed::first_unread;
use crate::store::retention::{HistoryPolicy, PruneReport, Retention, has_passed};
use crate::store::sessions::SessionOp;
use crate::wire::batch::PublishId;

pub(super) struct MemoryState {
    retention: Retention,
    pub(super) log: BTreeMap<u64, LogEntry>,
    /// The number of the last record ever appended.
    pub(super) head: u64,
    /// The time of the last record. The log's time never goes back.
    pub(super) last_ms: u64,
    /// The clock at the last commit. It may have gone back.
    clock_ms: u64,
    /// The size of all records ever appended.
    end: u64,
    pub(super) members: Members,
    pub(super) sessions: Sessions,
    pub(super) delayed: DelayedQueue,
    producers: HashMap<String, Producer>,
    /// For each room, the place after the highest record pruned there.
    pub(super) pruned_to: HashMap<(Namespace, RoomName), Seq>,
    /// Number and time of the highest record pruned.
    pub(super) highest_pruned: (u64, u64),
}

pub(super) struct LogEntry {
    pub(super) record: Record,
    /// The size of all records before it.
    start: u64,
}

struct Producer {
    counter: u64,
    /// None if its last publish was delayed.
    first: Option<Seq>,
    at_ms: u64,
}

pub(super) fn lock(state: &Mutex<MemoryState>) -> MutexGuard<'_, MemoryState> {
    // A thread that panicked cannot have left a change half done: no change panics in the middle.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl MemoryState {
    pub(super) fn new(retention: Retention) -> Self {
        Self {
            retention,
            log: BTreeMap::new(),
            head: 0,
            last_ms: 0,
            clock_ms: 0,
            end: 0,
            members: Members::default(),
            sessions: Sessions::default(),
            delayed: DelayedQueue::default(),
            producers: HashMap::new(),
            pruned_to: HashMap::new(),
            highest_pruned: (0, 0),
        }
    }

    pub(super) fn commit(&mut self, ops: Vec<Op>, now_ms: u64) -> Vec<OpOutcome> {
        self.clock_ms = now_ms;
        let now_ms = now_ms.max(self.last_ms);
        ops.into_iter().map(|op| self.apply(op, now_ms)).collect()
    }

    fn apply(&mut self, op: Op, now_ms: u64) -> OpOutcome {
        let next = Seq::after_record(self.head);
        match op {
            Op::Append { record, id } => self.append(record, id, now_ms),
            Op::Delay { record, id, due_ms } => self.delay(record, id, due_ms, now_ms),
            Op::Due(delayed) => self.append_due(&delayed, now_ms),
            Op::Join {
                namespace,
                client,
                rooms,
            } => {
                self.members.join(&namespace, &client, &rooms, next);
                OpOutcome::Joined {
                    namespace,
                    client,
                    rooms,
                }
            }
            Op::Leave {
                namespace,
                client,
                rooms,
            } => {
                self.members.leave(&namespace, &client, &rooms);
                OpOutcome::Left {
                    namespace,
                    client,
                    rooms,
                }
            }
            Op::Subscribe {
                namespace,
                client,
                rooms,
            } => {
                if let Some(client) = &client {
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
                let cursor = cursor.min(next);
                self.members.ack(&namespace, &client, &rooms, cursor);
                OpOutcome::Acked
            }
            Op::Purge {
                namespace,
                client,
                rooms,
                cursor,
            } => self.purge(namespace, client, &rooms, cursor.min(next)),
            Op::Session(op) => self.session(op, now_ms),
            Op::Noop => OpOutcome::Noop,
        }
    }

    fn purge(
        &mut self,
        namespace: Namespace,
        client: ClientName,
        rooms: &[RoomName],
        cursor: Seq,
    ) -> OpOutcome {
        let reader = self.members.offline_reader(&namespace, &client, rooms);
        let rooms: Vec<RoomName> = reader.rooms.into_keys().collect();
        self.members.ack(&namespace, &client, &rooms, cursor);
        OpOutcome::Purged {
            namespace,
            client,
            rooms,
            cursor,
        }
    }

    fn session(&mut self, op: SessionOp, now_ms: u64) -> OpOutcome {
        let context = SessionContext {
            members: &self.members,
            head: self.head,
            now_ms,
            session_age: self.retention.session_age,
        };
        match op {
            SessionOp::Open {
                holder,
                new,
                resume,
            } => {
                let pruned_to = |room: &RoomName| {
                    let key = (new.namespace.clone(), room.clone());
                    self.pruned_to.get(&key).copied()
                };
                let request = (holder, &new, resume);
                let opened = self.sessions.open(request, &context, pruned_to);
                return OpOutcome::SessionOpened(opened);
            }
            SessionOp::Enter { holder, rooms } => self.sessions.enter(holder, rooms, &context),
            SessionOp::Exit { holder, rooms } => self.sessions.exit(holder, &rooms),
            SessionOp::Lost(holder) => self.sessions.lost(holder, now_ms),
            SessionOp::Forget(holder) => self.sessions.forget(holder),
            SessionOp::AllLost => self.sessions.all_lost(now_ms),
        }
        OpOutcome::Noop
    }

    fn append(&mut self, record: NewRecord, id: Option<PublishId>, now_ms: u64) -> OpOutcome {
        if let Some(outcome) = id.as_ref().and_then(|id| self.reject_id(id, now_ms)) {
            return outcome;
        }
        if let Some(refusal) = self.make_room(record.log_bytes(), now_ms) {
            return OpOutcome::Refused(refusal);
        }
        let record = self.push(record, now_ms);
        if let Some(id) = id {
            self.use_id(id, Some(Seq::new(record.number, 0)), now_ms);
        }
        OpOutcome::Appended(record)
    }

    fn delay(
        &mut self,
        record: NewRecord,
        id: Option<PublishId>,
        due_ms: u64,
        now_ms: u64,
    ) -> OpOutcome {
        if self.delayed.usage.is_next(due_ms, self.clock_ms) {
            return self.append(record, id, now_ms);
        }
        if let Some(outcome) = id.as_ref().and_then(|id| self.reject_id(id, now_ms)) {
            return outcome;
        }
        let bytes = record.log_bytes();
        let pending_bytes = self.retention.pending_bytes;
        if let Err(full) = self.delayed.usage.check(bytes, pending_bytes) {
            return OpOutcome::Refused(Refusal::DelayedQueueFull(full));
        }
        if let Some(refusal) = self.make_room(bytes, now_ms) {
            return OpOutcome::Refused(refusal);
        }
        if let Some(id) = id {
            self.use_id(id, None, now_ms);
        }
        let count = record.header.count;
        self.delayed.insert(due_ms, record);
        OpOutcome::Delayed { due_ms, count }
    }

    fn append_due(&mut self, delayed: &DelayedRecord, now_ms: u64) -> OpOutcome {
        match self.delayed.remove(delayed.number) {
            Some(record) => OpOutcome::Appended(self.push(record, now_ms)),
            None => OpOutcome::Noop,
        }
    }

    /// Adds the next record to the log.
    fn push(&mut self, record: NewRecord, now_ms: u64) -> Record {
        self.head += 1;
        self.last_ms = now_ms;
        let record = Record {
            number: self.head,
            at_ms: now_ms,
            header: record.header,
            body: record.body,
        };
        let entry = LogEntry {
            record: record.clone(),
            start: self.end,
        };
        self.end += log_bytes(record.body.len());
        self.log.insert(self.head, entry);
        record
    }

    fn use_id(&mut self, PublishId(name, counter): PublishId, first: Option<Seq>, now_ms: u64) {
        let producer = Producer {
            counter,
            first,
            at_ms: now_ms,
        };
        self.producers.insert(name, producer);
    }

    /// The outcome of a publish whose counter is not its producer's next one. None if it is.
    fn reject_id(&self, PublishId(name, counter): &PublishId, now_ms: u64) -> Option<OpOutcome> {
        let last = self
            .producers
            .get(name)
            .filter(|last| !has_passed(last.at_ms, limits::PRODUCER_TTL, now_ms))?;
        if *counter <= last.counter {
            let latest = (*counter == last.counter).then_some(last.first);
            let first = latest.flatten();
            return Some(OpOutcome::Duplicate { first });
        }
        let expected = last.counter + 1;
        (*counter != expected).then_some(OpOutcome::Refused(Refusal::OutOfOrder { expected }))
    }

    /// Prunes history if `incoming` bytes do not fit. Returns a refusal if pending messages alone leave no space.
    fn make_room(&mut self, incoming: u64, now_ms: u64) -> Option<Refusal> {
        let limit = self.retention.pending_bytes;
        if self.bytes_in_use() + incoming > limit {
            self.prune(now_ms, HistoryPolicy::Ignore);
        }
        if self.bytes_in_use() + incoming <= limit {
            return None;
        }
        self.largest_pending(limit)
    }

    /// The refusal that names the largest pending queue. None if nobody has pending messages.
    fn largest_pending(&self, limit: u64) -> Option<Refusal> {
        let largest = self
            .members
            .lowest_of_each_room()
            .map(|member| (self.pinned_bytes(&member), member))
            .filter(|(bytes, _)| *bytes > 0)
            .max_by_key(|(bytes, _)| *bytes);
        let bytes = largest.as_ref().map_or(0, |(bytes, _)| *bytes);
        if let Some(full) = self.delayed.usage.largest_pending(limit, bytes) {
            return Some(Refusal::DelayedQueueFull(full));
        }
        largest.map(|(bytes, member)| Refusal::full(limit, member, bytes))
    }

    fn bytes_in_use(&self) -> u64 {
        let records = self.log.values().map(|entry| &entry.record);
        let bytes: u64 = records.map(|record| log_bytes(record.body.len())).sum();
        bytes + self.delayed.usage.bytes
    }

    fn pinned_bytes(&self, member: &Member) -> u64 {
        self.log
            .range(member.cursor.record..)
            .map(|(_, entry)| &entry.record)
            .filter(|record| {
                record.header.namespace == member.namespace
                    && record.header.rooms.contains(&member.room)
                    && first_unread(record.number, record.header.count, member.cursor).is_some()
            })
            .map(|record| log_bytes(record.body.len()))
            .sum()
    }

    pub(super) fn forget_producers_and_sessions(&mut self, now_ms: u64) {
        self.producers
            .retain(|_, producer| !has_passed(producer.at_ms, limits::PRODUCER_TTL, now_ms));
        self.sessions.prune(self.retention.session_age, now_ms);
    }

    pub(super) fn prune(&mut self, now_ms: u64, history: HistoryPolicy) -> PruneReport {
        let mut report = PruneReport::default();
        let mut pruned = Vec::new();
        for (number, entry) in &self.log {
            let Record { at_ms, header, .. } = &entry.record;
            let tail = self.end - entry.start;
            if history == HistoryPolicy::Respect && self.retention.is_history(*at_ms, tail, now_ms)
            {
                break;
            }
            if self.members.is_pinned(*number, header) {
                if !self.retention.is_expired(*at_ms, now_ms) {
                    continue;
                }
                report.expired += self.members.still_owed(*number, header);
            }
            pruned.push(*number);
        }
        report.records = pruned.len() as u64;
        for number in pruned {
            if let Some(entry) = self.log.remove(&number) {
                self.note_pruned(&entry.record);
            }
        }
        report
    }

    fn note_pruned(&mut self, record: &Record) {
        let end = Seq::new(record.number, record.header.count);
        for room in record.header.rooms.iter() {
            let key = (record.header.namespace.clone(), room.clone());
            let highest = self.pruned_to.entry(key).or_insert(end);
            *highest = end.max(*highest);
        }
        self.highest_pruned = self.highest_pruned.max((record.number, record.at_ms));
    }
}
