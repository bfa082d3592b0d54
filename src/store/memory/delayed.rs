//! What waits for its time, in memory.

use std::collections::BTreeMap;

use super::Inner;
use crate::limits;
use crate::store::delayed::{Delayed, DelayedUsage};
use crate::store::{NewRecord, OpOutcome};
use crate::wire::batch::PublishId;

#[derive(Default)]
pub(super) struct Waiting {
    /// By when it is due, and then by its number.
    records: BTreeMap<(u64, u64), NewRecord>,
    /// The last number given.
    last: u64,
    pub(super) crowd: DelayedUsage,
}

impl Waiting {
    pub(super) fn due(&self, now: u64) -> Vec<Delayed> {
        let mut bytes = 0;
        self.records
            .range(..=(now, u64::MAX))
            .take(limits::GROUP_OPS)
            .take_while(|(_, record)| {
                let fits = bytes < limits::GROUP_BYTES;
                bytes += record.body.len();
                fits
            })
            .map(|((_, number), record)| Delayed {
                number: *number,
                record: record.clone(),
            })
            .collect()
    }

    fn put(&mut self, due_ms: u64, record: NewRecord) {
        self.last += 1;
        self.crowd.came(record.weight(), due_ms);
        self.records.insert((due_ms, self.last), record);
    }

    fn take(&mut self, number: u64) -> Option<NewRecord> {
        let key = *self.records.keys().find(|(_, it)| *it == number)?;
        let record = self.records.remove(&key)?;
        let first = self.records.keys().next().map(|(due_ms, _)| *due_ms);
        self.crowd.went(record.weight(), first);
        Some(record)
    }
}

impl Inner {
    pub(super) fn delay(
        &mut self,
        record: NewRecord,
        id: Option<PublishId>,
        due_ms: u64,
        now: u64,
    ) -> OpOutcome {
        if self.waiting.crowd.passes(due_ms, self.clock_ms) {
            return self.append(record, id, now);
        }
        if let Some(done) = id.as_ref().and_then(|id| self.used(id, now)) {
            return done;
        }
        let weight = record.weight();
        let refusal = self.waiting.crowd.refuses(weight, self.keep.pending_bytes);
        if let Some(refusal) = refusal.or_else(|| self.make_room(weight, now)) {
            return OpOutcome::Refused(refusal);
        }
        if let Some(id) = id {
            self.use_number(id, None, now);
        }
        let count = record.header.count;
        self.waiting.put(due_ms, record);
        OpOutcome::Delayed { due_ms, count }
    }

    pub(super) fn due(&mut self, delayed: &Delayed, now: u64) -> OpOutcome {
        match self.waiting.take(delayed.number) {
            Some(record) => OpOutcome::Appended(self.record(record, now)),
            None => OpOutcome::Noop,
        }
    }
}
