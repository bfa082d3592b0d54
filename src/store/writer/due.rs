//! What comes due: nobody sent it just now, so the writer makes a group of it by itself.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use super::Worker;
use crate::limits;
use crate::store::{NewRecord, Op, OpOutcome, StoreError};

impl<T, D, F> Worker<T, D, F>
where
    T: Send + 'static,
    D: FnMut(&NewRecord) -> Option<T> + Send + 'static,
    F: FnMut(Vec<(OpOutcome, T)>) + Send + 'static,
{
    /// When to look at what is due, if anything waits; a clock that is set meanwhile is noticed with the next pruning.
    pub(super) fn due_at(&self, now: Instant) -> Option<Instant> {
        let left = self.store.next_due()?.saturating_sub((self.clock)());
        let due_at = now.checked_add(Duration::from_millis(left))?;
        Some(due_at.max(self.due_waits_until))
    }

    pub(super) fn is_due(&self) -> bool {
        let first = self.store.next_due();
        first.is_some_and(|first| first <= (self.clock)() && Instant::now() >= self.due_waits_until)
    }

    /// Makes records of what is due, as many as fit a group. What cannot be done now is due still.
    pub(super) fn deliver(&mut self) -> Result<(), StoreError> {
        let due = self.store.due((self.clock)())?;
        let found = due.len();
        let mut ops = Vec::with_capacity(found);
        let mut tags = Vec::with_capacity(found);
        for delayed in due {
            let Some(tag) = (self.due_tag)(&delayed.record) else {
                break;
            };
            tags.push((ops.len(), tag));
            ops.push(Op::Due(delayed));
        }
        let tried = ops.len();
        if tried < found {
            self.due_waits_until = Instant::now() + limits::DUE_PAUSE;
        }
        let records = self.transact(ops, tags)?;
        // Nothing, though something was due: who says so is asked again, and not all the time.
        if records < tried || found == 0 {
            self.due_waits_until = Instant::now() + limits::DUE_RETRY;
        }
        self.after_commit(records)
    }
}
