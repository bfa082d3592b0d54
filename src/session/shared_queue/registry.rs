//! The shared queues of a hub: the way to the desk of each.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::messages::{Asked, Joining, Left};
use crate::address::{ClientName, Namespace};
use crate::limits;

/// Whose queue.
pub type Key = (Namespace, ClientName);

/// The shared queues of a hub.
#[derive(Debug, Default)]
pub struct Shares(Mutex<Desks>);

#[derive(Debug, Default)]
struct Desks {
    shares: HashMap<Key, Share>,
    tasks: JoinSet<()>,
}

#[derive(Debug)]
struct Share {
    /// Bounded by what its sharers' sessions have in flight.
    desk: mpsc::UnboundedSender<Asked>,
    figures: Arc<Figures>,
}

/// What can be seen of a shared queue from outside.
#[derive(Debug, Default)]
pub struct Figures {
    pub(super) sharers: AtomicU64,
    pub(super) leased: AtomicU64,
}

impl Figures {
    pub fn sharers(&self) -> u64 {
        self.sharers.load(Ordering::Relaxed)
    }

    /// Messages that sharers hold.
    pub fn leased(&self) -> u64 {
        self.leased.load(Ordering::Relaxed)
    }
}

impl Shares {
    /// What can be seen of the queue of this name, if it is shared.
    pub fn figures(&self, key: &Key) -> Option<Arc<Figures>> {
        self.lock()
            .shares
            .get(key)
            .map(|share| Arc::clone(&share.figures))
    }

    /// The way to the desk of a name's queue, with this in it; where there is none, `run` is one.
    pub fn join<F: Future<Output = ()> + Send + 'static>(
        &self,
        key: &Key,
        joining: Joining,
        run: impl FnOnce(mpsc::UnboundedReceiver<Asked>, Arc<Figures>) -> F,
    ) -> mpsc::UnboundedSender<Asked> {
        let mut desks = self.lock();
        while desks.tasks.try_join_next().is_some() {}
        let Desks { shares, tasks } = &mut *desks;
        // A desk ends only once it is not to be found here, but for one that panicked.
        if shares.get(key).is_some_and(|share| share.desk.is_closed()) {
            shares.remove(key);
        }
        let share = shares.entry(key.clone()).or_insert_with(|| {
            let (desk, asked) = mpsc::unbounded_channel();
            let figures = Arc::new(Figures::default());
            tasks.spawn(run(asked, Arc::clone(&figures)));
            Share { desk, figures }
        });
        // The hub is going when nobody takes it, and its session hears that by itself.
        let _ = share.desk.send(Asked::Join(joining));
        share.desk.clone()
    }

    /// Waits for the desks, when all sessions have ended: each ends with the last of its sharers.
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

    /// Whether nobody came meanwhile: then the desk is not to be found any more.
    pub fn retire(&self, key: &Key, left: &Left) -> bool {
        let mut desks = self.lock();
        let idle = left.early.is_empty() && left.asked.is_empty();
        if idle {
            desks.shares.remove(key);
        }
        idle
    }

    fn lock(&self) -> MutexGuard<'_, Desks> {
        // Nothing in here panics half-way.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
