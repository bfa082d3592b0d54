//! Delayed records as part of a transaction: kept, and appended when they are due.

use rusqlite::Result;

use super::delayed_rows;
use super::transaction::{OpResult, OpTransaction};
use crate::store::delayed::{DelayedQueueFull, DelayedRecord};
use crate::store::message::NewRecord;
use crate::store::op::{OpOutcome, Refusal};
use crate::wire::batch::PublishId;

impl OpTransaction<'_> {
    pub(super) fn delay(
        &mut self,
        record: &NewRecord,
        id: Option<&PublishId>,
        due_ms: u64,
    ) -> Result<OpResult> {
        if self.state.delayed.is_next(due_ms, self.clock_ms) {
            return self.append(record, id);
        }
        if let Some(id) = id
            && let Some(outcome) = self.reject_id(id)?
        {
            return Ok(OpResult::Outcome(outcome));
        }
        let bytes = record.log_bytes();
        if let Err(full) = self.check_usage(bytes)? {
            let refused = OpOutcome::Refused(Refusal::DelayedQueueFull(full));
            return Ok(OpResult::Outcome(refused));
        }
        if let Err(refusal) = self.spend(bytes) {
            return Ok(OpResult::Outcome(OpOutcome::Refused(refusal)));
        }
        let due_ms = due_ms.min(i64::MAX as u64);
        delayed_rows::insert(self.conn, record, due_ms, self.now_ms)?;
        self.use_id(id, 0)?;
        self.state.delayed.add(bytes, due_ms);
        let count = record.header.count;
        Ok(OpResult::Outcome(OpOutcome::Delayed { due_ms, count }))
    }

    /// Whether one more record can be delayed. Another program may have deleted rows: before it refuses, the rows are counted
    /// again.
    fn check_usage(&mut self, bytes: u64) -> Result<std::result::Result<(), DelayedQueueFull>> {
        let pending_bytes = self.retention.pending_bytes;
        let checked = self.state.delayed.check(bytes, pending_bytes);
        if checked.is_ok() {
            return Ok(checked);
        }
        let version = delayed_rows::data_version(self.conn)?;
        if version == self.state.delayed_version {
            return Ok(checked);
        }
        self.state.delayed_version = version;
        self.state.delayed = delayed_rows::usage(self.conn)?;
        Ok(self.state.delayed.check(bytes, pending_bytes))
    }

    /// Deletes the row first: the record takes the pages that this frees, so it needs no space of its own.
    pub(super) fn append_due(&mut self, delayed: &DelayedRecord) -> Result<OpResult> {
        if !delayed_rows::delete(self.conn, delayed.number)? {
            return Ok(OpResult::Outcome(OpOutcome::Noop));
        }
        let next_due_ms = delayed_rows::next_due_ms(self.conn)?;
        let bytes = delayed.record.log_bytes();
        self.state.delayed.remove(bytes, next_due_ms);
        self.push(&delayed.record).map(OpResult::Appended)
    }
}
