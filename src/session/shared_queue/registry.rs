//! The shared queues of a hub, and how sessions reach them.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::messages::{ShareJoin, ShareRequest, UnhandledRequests};
use crate::address::{ClientName, Namespace};
use crate::limits;

/// A shared queue belongs to a client name in a namespace.
pub type QueueKey = (Namespace, ClientName);

/// The shared queues of a hub.
#[derive(Debug, Default)]
pub struct SharedQueues(Mutex<RunningQueues>);

#[derive(Debug, Default)]
struct RunningQueues {
    queues: HashMap<QueueKey, RunningQueue>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct RunningQueue {
    /// Bounded by the verbs that its sharers' sessions have in flight.
    requests: mpsc::UnboundedSender<ShareRequest>,
    stats: Arc<QueueStats>,
}

/// Counts of one shared queue, for `queue` and `who`.
#[derive(Debug, Default)]
pub struct QueueStats {
    pub(super) sharers: AtomicU64,
    pub(super) leased: AtomicU64,
}

impl QueueStats {
    pub fn sharers(&self) -> u64 {
        self.sharers.load(Ordering::Relaxed)
    }

    /// Messages that sharers hold and have not confirmed.
    pub fn leased(&self) -> u64 {
        self.leased.load(Ordering::Relaxed)
    }
}

impl SharedQueues {
    /// The counts of a name's queue, if it is shared.
    pub fn stats(&self, key: &QueueKey) -> Option<Arc<QueueStats>> {
        self.lock()
            .queues
            .get(key)
            .map(|queue| Arc::clone(&queue.stats))
    }

    /// Sends `join` to a name's queue, and starts the queue with `run` when there is none. Returns the queue's sender.
    pub fn join<F: Future<Output = ()> + Send + 'static>(
        &self,
        key: &QueueKey,
        join: ShareJoin,
        run: impl FnOnce(mpsc::UnboundedReceiver<ShareRequest>, Arc<QueueStats>) -> F,
    ) -> mpsc::UnboundedSender<ShareRequest> {
        let mut running = self.lock();
        while running.tasks.try_join_next().is_some() {}
        let RunningQueues { queues, tasks } = &mut *running;
        let queue = queues.entry(key.clone()).or_insert_with(|| {
            let (requests, receiver) = mpsc::unbounded_channel();
            let stats = Arc::new(QueueStats::default());
            tasks.spawn(run(receiver, Arc::clone(&stats)));
            RunningQueue { requests, stats }
        });
        // A failed send means that the hub is stopping, which the session learns by itself.
        let _ = queue.requests.send(ShareRequest::Join(join));
        queue.requests.clone()
    }

    /// Waits for all queues after all sessions have ended. Each queue ends with its last sharer.
    pub async fn end(&self) {
        let mut tasks = std::mem::take(&mut self.lock().tasks);
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(limits::DRAIN_TIMEOUT, ended)
            .await
            .is_err()
        {
            tracing::warn!("a shared queue did not end by itself");
            tasks.shutdown().await;
        }
    }

    /// Removes the queue unless requests have arrived. Returns whether it was removed.
    pub fn remove_if_idle(&self, key: &QueueKey, unhandled: &UnhandledRequests) -> bool {
        let mut running = self.lock();
        let is_idle = unhandled.received.is_empty() && unhandled.receiver.is_empty();
        if is_idle {
            running.queues.remove(key);
        }
        is_idle
    }

    fn lock(&self) -> MutexGuard<'_, RunningQueues> {
        // No code panics while it holds the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
