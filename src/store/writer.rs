//! The writer thread: it commits everything that waits as one transaction.
//!
//! No timer stands between a lone publish and its commit: a group holds the ops that arrived during the last commit.
//! The writer does not know who sent an op. A tag travels with each op and comes back with its outcome.

mod group;
#[cfg(test)]
mod tests;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use self::group::QueuedOp;
pub use self::group::Urgency;
use self::worker::Worker;
use super::error::StoreError;
use super::message::NewRecord;
use super::op::{Op, OpOutcome};
use super::traits::Store;

/// The writer has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store is closed")]
pub struct WriterClosed;

/// The writer's inbox. The thread ends when the last one is dropped.
pub struct Writer<T> {
    inbox: Sender<QueuedOp<T>>,
    expired: Arc<AtomicU64>,
}

impl<T> Clone for Writer<T> {
    fn clone(&self) -> Self {
        Self {
            inbox: self.inbox.clone(),
            expired: Arc::clone(&self.expired),
        }
    }
}

impl<T: Send + 'static> Writer<T> {
    /// Ops take effect in the order in which they are sent. Never blocks: a publisher holds its share of
    /// `limits::APPEND_QUEUE_BYTES` until it has its receipt.
    pub fn send(&self, op: Op, urgency: Urgency, tag: T) -> Result<(), WriterClosed> {
        let queued = QueuedOp { op, urgency, tag };
        self.inbox.send(queued).map_err(|_| WriterClosed)
    }

    /// How many messages expired since the start, counted once per member that had not got them.
    pub fn expired_messages(&self) -> u64 {
        self.expired.load(Ordering::Relaxed)
    }
}

/// Starts the thread. It calls `on_commit` after each commit with the outcomes, in the order of the ops.
///
/// Delayed records that are due by `clock` (milliseconds since 1970) get a commit of their own, so that no publisher is
/// refused because of them. `due_tag` makes their tags, or returns None while no more of them can be taken.
///
/// The thread returns the store's error if there was one. Ops that are still waiting are then dropped without an
/// outcome.
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
    let (inbox, ops) = mpsc::channel();
    let expired = Arc::new(AtomicU64::new(0));
    let worker = Worker::new(store, clock, due_tag, on_commit, ops, Arc::clone(&expired));
    let thread = thread::Builder::new()
        .name("store".to_owned())
        .spawn(|| worker.run())
        .expect("the system has a thread for the store");
    (Writer { inbox, expired }, thread)
}
