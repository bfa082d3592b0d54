//! The loop of the writer thread: gather ops, commit them, append due records, prune.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::{Duration, Instant};

use super::group::{OpGroup, QueuedOp, pair_with_tags};
use crate::limits;
use crate::store::error::StoreError;
use crate::store::message::NewRecord;
use crate::store::op::{Op, OpOutcome};
use crate::store::retention::PruneReport;
use crate::store::traits::{Maintenance, Store};

pub(super) struct Worker<T, D, F> {
    store: Box<dyn Store>,
    clock: fn() -> u64,
    due_tag: D,
    on_commit: F,
    ops: Receiver<QueuedOp<T>>,
    group: OpGroup<T>,
    expired: Arc<AtomicU64>,
    more_to_prune: bool,
    prune_at: Instant,
    /// Delayed records are not looked at before this: the last ones were refused, or could not be taken.
    due_paused_until: Instant,
}

/// What the worker does next.
enum Task {
    Commit,
    AppendDue,
    Prune,
    End,
}

impl<T, D, F> Worker<T, D, F>
where
    T: Send + 'static,
    D: FnMut(&NewRecord) -> Option<T> + Send + 'static,
    F: FnMut(Vec<(OpOutcome, T)>) + Send + 'static,
{
    pub(super) fn new(
        store: Box<dyn Store>,
        clock: fn() -> u64,
        due_tag: D,
        on_commit: F,
        ops: Receiver<QueuedOp<T>>,
        expired: Arc<AtomicU64>,
    ) -> Self {
        Self {
            store,
            clock,
            due_tag,
            on_commit,
            ops,
            group: OpGroup::default(),
            expired,
            more_to_prune: true,
            prune_at: Instant::now() + limits::PRUNE_INTERVAL,
            due_paused_until: Instant::now(),
        }
    }

    pub(super) fn run(mut self) -> Result<(), StoreError> {
        loop {
            match self.gather() {
                Task::Commit => {
                    // Records that were due before this group arrived come before it in the log.
                    if self.is_due() {
                        self.append_due()?;
                    }
                    let records = self.commit_group()?;
                    self.after_commit(records)?;
                }
                Task::AppendDue => self.append_due()?,
                Task::Prune => {
                    self.prune(1)?;
                    self.store.maintain(if self.more_to_prune {
                        Maintenance::AfterCommit
                    } else {
                        Maintenance::Idle
                    })?;
                }
                Task::End => {
                    self.commit_group()?;
                    return self.store.maintain(Maintenance::Closing);
                }
            }
        }
    }

    /// Waits for something to do, and takes all ops that are there.
    fn gather(&mut self) -> Task {
        loop {
            match self.ops.try_recv() {
                Ok(op) => self.group.push(op),
                Err(TryRecvError::Disconnected) => return Task::End,
                Err(TryRecvError::Empty) if self.group.is_urgent() => return Task::Commit,
                Err(TryRecvError::Empty) => match self.ops.recv_timeout(self.idle_time()) {
                    Ok(op) => self.group.push(op),
                    Err(RecvTimeoutError::Disconnected) => return Task::End,
                    Err(RecvTimeoutError::Timeout) if self.group.is_overdue() => {
                        return Task::Commit;
                    }
                    Err(RecvTimeoutError::Timeout) if self.is_due() => return Task::AppendDue,
                    Err(RecvTimeoutError::Timeout) => return Task::Prune,
                },
            }
            if self.group.is_full() {
                return Task::Commit;
            }
        }
    }

    /// How long there is nothing to do, unless an op arrives.
    fn idle_time(&self) -> Duration {
        let now = Instant::now();
        let prune_at = if self.more_to_prune {
            now
        } else {
            self.prune_at
        };
        let deadlines = [self.group.deadline(), self.due_at(now)];
        let wake_at = deadlines.into_iter().flatten().fold(prune_at, Instant::min);
        wake_at.saturating_duration_since(now)
    }

    /// Commits the group. Returns how many records it appended.
    fn commit_group(&mut self) -> Result<usize, StoreError> {
        let (ops, tags) = self.group.take();
        self.commit(ops, tags)
    }

    fn commit(&mut self, ops: Vec<Op>, tags: Vec<(usize, T)>) -> Result<usize, StoreError> {
        if ops.is_empty() {
            return Ok(0);
        }
        let outcomes = self.store.commit(ops, (self.clock)())?;
        let is_appended = |outcome: &&OpOutcome| matches!(outcome, OpOutcome::Appended(_));
        let records = outcomes.iter().filter(is_appended).count();
        (self.on_commit)(pair_with_tags(outcomes, tags));
        Ok(records)
    }

    fn after_commit(&mut self, records: usize) -> Result<(), StoreError> {
        self.store.maintain(Maintenance::AfterCommit)?;
        if self.more_to_prune || Instant::now() >= self.prune_at {
            // Enough steps to keep pace with the appends.
            self.prune(1 + 2 * records / limits::PRUNE_RECORDS)?;
        }
        Ok(())
    }

    fn prune(&mut self, steps: usize) -> Result<(), StoreError> {
        for _ in 0..steps {
            let PruneReport { expired, more, .. } = self.store.prune((self.clock)())?;
            self.expired.fetch_add(expired, Ordering::Relaxed);
            self.more_to_prune = more;
            if !more {
                self.prune_at = Instant::now() + limits::PRUNE_INTERVAL;
                break;
            }
        }
        Ok(())
    }

    /// When the next delayed record is due. If the clock is set in between, the next pruning notices.
    fn due_at(&self, now: Instant) -> Option<Instant> {
        let left = self.store.next_due()?.saturating_sub((self.clock)());
        let due_at = now.checked_add(Duration::from_millis(left))?;
        Some(due_at.max(self.due_paused_until))
    }

    fn is_due(&self) -> bool {
        let next = self.store.next_due();
        next.is_some_and(|next| next <= (self.clock)() && Instant::now() >= self.due_paused_until)
    }

    /// Appends the delayed records that are due, as many as fit one commit. The others stay due.
    fn append_due(&mut self) -> Result<(), StoreError> {
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
        let attempted = ops.len();
        if attempted < found {
            self.due_paused_until = Instant::now() + limits::DUE_PAUSE;
        }
        let appended = self.commit(ops, tags)?;
        // If the store appended less than was due, wait before trying again.
        if appended < attempted || found == 0 {
            self.due_paused_until = Instant::now() + limits::DUE_RETRY;
        }
        self.after_commit(appended)
    }
}
