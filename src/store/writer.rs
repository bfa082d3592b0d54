//! The writer thread: takes everything that waits as one transaction. No timer stands between a lone publish and its
//! commit; grouping comes from what arrived while the last commit ran. Knows nothing of who asked: a tag travels with
//! each op and comes back with what became of it.

mod due;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::delayed::Delayed;
use super::sessions::SessionOp;
use super::{Maintenance, NewRecord, Op, OpOutcome, PruneReport, Refusal, Store, StoreError};
use crate::address::{ClientName, Namespace, RoomName};
use crate::limits;

/// Whether an op starts a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    Now,
    /// For cursor moves: waits for the next commit, at most `limits::ACK_DELAY`. Its place in the order stays.
    Later,
}

/// The writer has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed")]
pub struct WriterClosed;

/// What the store did since it was opened.
#[derive(Debug, Default)]
pub struct Counters {
    pub commits: AtomicU64,
    pub records: AtomicU64,
    pub messages: AtomicU64,
    pub bytes: AtomicU64,
    pub duplicates: AtomicU64,
    pub out_of_order: AtomicU64,
    pub refused_full: AtomicU64,
    pub refused_disk: AtomicU64,
    /// Records that history and members let go of.
    pub pruned: AtomicU64,
    /// Messages, once per member, that went unread because their time had passed.
    pub expired: AtomicU64,
}

/// The writer's inbox. The thread ends when the last one is dropped.
pub struct Writer<T> {
    inbox: Sender<Asked<T>>,
    counters: Arc<Counters>,
}

impl<T> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self {
            inbox: self.inbox.clone(),
            counters: Arc::clone(&self.counters),
        }
    }
}

struct Asked<T> {
    op: Op,
    urgency: Urgency,
    tag: T,
}

impl<T: Send + 'static> Writer<T> {
    /// Ops are done in the order in which they are sent. Never blocks: whoever publishes holds bytes of
    /// `limits::APPEND_QUEUE_BYTES` until its receipt.
    pub fn send(&self, op: Op, urgency: Urgency, tag: T) -> Result<(), WriterClosed> {
        let asked = Asked { op, urgency, tag };
        self.inbox.send(asked).map_err(|_| WriterClosed)
    }

    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }
}

/// Starts the thread. `on_commit` is called after each commit, on the thread, with what became of its ops in their order.
/// Nobody asks for what comes due by `clock` (milliseconds since 1970): it is a group of its own, so that what it meets is no
/// publisher's trouble, and `due_tag` gives each record its tag, or None while no more can be handed on.
/// The thread returns the store's error, if it had one; what waited then is dropped without an answer.
pub fn spawn<T, D, F>(
    store: Box<dyn Store>,
    clock: fn() -> u64,
    due_tag: D,
    on_commit: F,
) -> (Writer<T>, JoinHandle<Result<(), StoreError>>)
where
    T: Send + 'static,
    D: FnMut(&NewRecord) -> Option<T> + Send + 'static,
    F: FnMut(Vec<(OpOutcome, T)>) + Send + 'static,
{
    let (inbox, asked) = mpsc::channel();
    let counters = Arc::new(Counters::default());
    let working = Worker {
        store,
        clock,
        due_tag,
        on_commit,
        asked,
        group: Group::default(),
        counters: Arc::clone(&counters),
        more_to_prune: true,
        prune_at: Instant::now() + limits::PRUNE_INTERVAL,
        due_waits_until: Instant::now(),
    };
    let thread = thread::Builder::new()
        .name("store".to_owned())
        .spawn(|| working.run())
        .expect("the system has a thread for the store");
    (Writer { inbox, counters }, thread)
}

struct Worker<T, D, F> {
    store: Box<dyn Store>,
    clock: fn() -> u64,
    due_tag: D,
    on_commit: F,
    asked: Receiver<Asked<T>>,
    group: Group<T>,
    counters: Arc<Counters>,
    more_to_prune: bool,
    prune_at: Instant,
    /// Before this what is due is not looked at: it was refused, or nobody could take it.
    due_waits_until: Instant,
}

/// What the worker does next.
enum Turn {
    Commit,
    /// Something that waited is due.
    Due,
    Rest,
    End,
}

impl<T, D, F> Worker<T, D, F>
where
    T: Send + 'static,
    D: FnMut(&NewRecord) -> Option<T> + Send + 'static,
    F: FnMut(Vec<(OpOutcome, T)>) + Send + 'static,
{
    fn run(mut self) -> Result<(), StoreError> {
        loop {
            match self.gather() {
                Turn::Commit => {
                    // What was due before this came is before it in the log.
                    if self.is_due() {
                        self.deliver()?;
                    }
                    let records = self.commit()?;
                    self.after_commit(records)?;
                }
                Turn::Due => self.deliver()?,
                Turn::Rest => {
                    self.prune(1)?;
                    self.store.maintain(if self.more_to_prune {
                        Maintenance::AfterCommit
                    } else {
                        Maintenance::Idle
                    })?;
                }
                Turn::End => {
                    self.commit()?;
                    return self.store.maintain(Maintenance::Closing);
                }
            }
        }
    }

    /// Waits for something to do, and takes all that is there.
    fn gather(&mut self) -> Turn {
        loop {
            match self.asked.try_recv() {
                Ok(asked) => self.group.push(asked),
                Err(TryRecvError::Disconnected) => return Turn::End,
                Err(TryRecvError::Empty) if self.group.urgent => return Turn::Commit,
                Err(TryRecvError::Empty) => {
                    let now = Instant::now();
                    let wake_at = if self.more_to_prune {
                        now
                    } else {
                        self.prune_at
                    };
                    let deadlines = [self.group.due, self.due_at(now)];
                    let wake_at = deadlines.into_iter().flatten().fold(wake_at, Instant::min);
                    match self
                        .asked
                        .recv_timeout(wake_at.saturating_duration_since(now))
                    {
                        Ok(asked) => self.group.push(asked),
                        Err(RecvTimeoutError::Disconnected) => return Turn::End,
                        Err(RecvTimeoutError::Timeout) if self.group.is_due() => {
                            return Turn::Commit;
                        }
                        Err(RecvTimeoutError::Timeout) if self.is_due() => return Turn::Due,
                        Err(RecvTimeoutError::Timeout) => return Turn::Rest,
                    }
                }
            }
            if self.group.is_full() {
                return Turn::Commit;
            }
        }
    }

    /// Commits the group; how many records it appended.
    fn commit(&mut self) -> Result<usize, StoreError> {
        let Group { ops, tags, .. } = std::mem::take(&mut self.group);
        self.transact(ops, tags)
    }

    fn transact(&mut self, ops: Vec<Op>, tags: Vec<(usize, T)>) -> Result<usize, StoreError> {
        if ops.is_empty() {
            return Ok(0);
        }
        let done = self.store.commit(ops, (self.clock)())?;
        self.counters.count(&done);
        let records = done
            .iter()
            .filter(|done| matches!(done, OpOutcome::Appended(_)));
        let records = records.count();
        (self.on_commit)(hand_back(done, tags));
        Ok(records)
    }

    fn after_commit(&mut self, records: usize) -> Result<(), StoreError> {
        self.store.maintain(Maintenance::AfterCommit)?;
        if self.more_to_prune || Instant::now() >= self.prune_at {
            self.prune(1 + 2 * records / limits::PRUNE_RECORDS)?;
        }
        Ok(())
    }

    /// As many steps as keep pace with what was appended.
    fn prune(&mut self, steps: usize) -> Result<(), StoreError> {
        for _ in 0..steps {
            let PruneReport {
                records,
                expired,
                more,
            } = self.store.prune((self.clock)())?;
            self.counters.pruned.fetch_add(records, Ordering::Relaxed);
            self.counters.expired.fetch_add(expired, Ordering::Relaxed);
            self.more_to_prune = more;
            if !more {
                self.prune_at = Instant::now() + limits::PRUNE_INTERVAL;
                break;
            }
        }
        Ok(())
    }
}

/// The rooms of a cursor move, and its place among the ops.
type Move = (Arc<[RoomName]>, usize);

/// The ops of the next transaction.
struct Group<T> {
    ops: Vec<Op>,
    /// In the order of arrival, each with the place of its op.
    tags: Vec<(usize, T)>,
    /// Cursor moves that a later one of the same rooms can be merged into.
    moves: HashMap<(Namespace, ClientName), Vec<Move>>,
    bytes: usize,
    /// Something in it does not wait.
    urgent: bool,
    /// When it is committed even so.
    due: Option<Instant>,
}

impl<T> Default for Group<T> {
    fn default() -> Self {
        Self {
            ops: Vec::new(),
            tags: Vec::new(),
            moves: HashMap::new(),
            bytes: 0,
            urgent: false,
            due: None,
        }
    }
}

impl<T> Group<T> {
    fn push(&mut self, Asked { op, urgency, tag }: Asked<T>) {
        match urgency {
            Urgency::Now => self.urgent = true,
            Urgency::Later => {
                self.due
                    .get_or_insert_with(|| Instant::now() + limits::ACK_DELAY);
            }
        }
        let place = match self.merged(&op) {
            Some(place) => place,
            None => {
                self.note(&op);
                self.ops.push(op);
                self.ops.len() - 1
            }
        };
        self.tags.push((place, tag));
    }

    /// The place of an earlier cursor move that now does for this one too. To move it further at that place is right:
    /// what it acknowledges was handed out after an earlier commit, and what could tell the difference (a join, a leave,
    /// a subscription of the same client) ends the merging.
    fn merged(&mut self, op: &Op) -> Option<usize> {
        let Op::Ack {
            namespace,
            client,
            rooms,
            cursor,
        } = op
        else {
            return None;
        };
        let moves = self.moves.get(&(namespace.clone(), client.clone()))?;
        let (_, place) = moves.iter().find(|(earlier, _)| earlier == rooms)?;
        let Op::Ack {
            cursor: earlier, ..
        } = &mut self.ops[*place]
        else {
            return None;
        };
        *earlier = (*earlier).max(*cursor);
        Some(*place)
    }

    fn note(&mut self, op: &Op) {
        match op {
            Op::Append { record, .. }
            | Op::Delay { record, .. }
            | Op::Due(Delayed { record, .. }) => {
                self.bytes += record.body.len();
            }
            Op::Ack {
                namespace,
                client,
                rooms,
                ..
            } => {
                let key = (namespace.clone(), client.clone());
                let moves = self.moves.entry(key).or_default();
                moves.push((Arc::clone(rooms), self.ops.len()));
            }
            Op::Join {
                namespace, client, ..
            }
            | Op::Leave {
                namespace, client, ..
            }
            | Op::Purge {
                namespace, client, ..
            }
            | Op::Subscribe {
                namespace,
                client: Some(client),
                ..
            } => {
                self.moves.remove(&(namespace.clone(), client.clone()));
            }
            Op::Session(SessionOp::Open { new, .. }) => {
                if let Some(client) = &new.client {
                    self.moves.remove(&(new.namespace.clone(), client.clone()));
                }
            }
            Op::Subscribe { client: None, .. } | Op::Session(_) | Op::Noop => {}
        }
    }

    fn is_full(&self) -> bool {
        self.bytes >= limits::GROUP_BYTES || self.tags.len() >= limits::GROUP_OPS
    }

    fn is_due(&self) -> bool {
        self.due.is_some_and(|due| due <= Instant::now())
    }
}

/// Each tag with what became of its op; only cursor moves share one.
fn hand_back<T>(mut done: Vec<OpOutcome>, tags: Vec<(usize, T)>) -> Vec<(OpOutcome, T)> {
    let mut take = |place: usize| match &mut done[place] {
        shared @ (OpOutcome::Acked | OpOutcome::Refused(_)) => shared.clone(),
        own => std::mem::replace(own, OpOutcome::Noop),
    };
    let with_tag = |(place, tag)| (take(place), tag);
    tags.into_iter().map(with_tag).collect()
}

impl Counters {
    fn count(&self, done: &[OpOutcome]) {
        let add = |counter: &AtomicU64, n: u64| {
            counter.fetch_add(n, Ordering::Relaxed);
        };
        add(&self.commits, 1);
        for done in done {
            match done {
                OpOutcome::Appended(record) => {
                    add(&self.records, 1);
                    add(&self.messages, record.header.count.into());
                    add(&self.bytes, record.body.len() as u64);
                }
                OpOutcome::Duplicate { .. } => add(&self.duplicates, 1),
                OpOutcome::Refused(Refusal::OutOfOrder { .. }) => add(&self.out_of_order, 1),
                OpOutcome::Refused(Refusal::Full { .. } | Refusal::DelayedQueueFull(_)) => {
                    add(&self.refused_full, 1)
                }
                OpOutcome::Refused(Refusal::Disk { .. }) => add(&self.refused_disk, 1),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
