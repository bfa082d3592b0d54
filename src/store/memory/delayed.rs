//! The delayed records of the store in memory.

use std::collections::BTreeMap;

use crate::limits;
use crate::store::delayed::{DelayedRecord, DelayedUsage};
use crate::store::message::NewRecord;

#[derive(Default)]
pub(super) struct DelayedQueue {
    /// By the time when a record is due, then by its number.
    records: BTreeMap<(u64, u64), NewRecord>,
    last_number: u64,
    pub(super) usage: DelayedUsage,
}

impl DelayedQueue {
    /// The records that are due, as many as fit one commit.
    pub(super) fn due(&self, now_ms: u64) -> Vec<DelayedRecord> {
        let mut bytes = 0;
        self.records
            .range(..=(now_ms, u64::MAX))
            .take(limits::GROUP_OPS)
            .take_while(|(_, record)| {
                let fits = bytes < limits::GROUP_BYTES;
                bytes += record.body.len();
                fits
            })
            .map(|((_, number), record)| DelayedRecord {
                number: *number,
                record: record.clone(),
            })
            .collect()
    }

    pub(super) fn insert(&mut self, due_ms: u64, record: NewRecord) {
        self.last_number += 1;
        self.usage.add(record.log_bytes(), due_ms);
        self.records.insert((due_ms, self.last_number), record);
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<NewRecord> {
        let key = *self.records.keys().find(|(_, other)| *other == number)?;
        let record = self.records.remove(&key)?;
        let next_due_ms = self.records.keys().next().map(|(due_ms, _)| *due_ms);
        self.usage.remove(record.log_bytes(), next_due_ms);
        Some(record)
    }
}
