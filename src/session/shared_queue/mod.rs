//! Shared queues: several sockets that split what waits for one client name, each message to one of them.
//!
//! `["sub", {rooms, "share": true, "ack_timeout"?, "window"?}]`: the socket becomes a sharer of its name's queue, and is
//! answered as any `sub`; what it gets are batches, in which a record may come in pieces. `ack {seq}` confirms everything
//! handed to this socket up to the handing of that message. What a sharer that goes has not confirmed is handed to the
//! others, and so is what it has not confirmed when it confirms nothing for `ack_timeout` milliseconds (30,000 unless said);
//! until it has, it is handed nothing more. `window` is how many messages it is handed before it acks. To a sharer,
//! `caught-up` says that nothing was left to hand out; others may hold something still. All sharers of a name name the same
//! rooms, or none.
//!
//! One task a name ([`desk`]) holds it for them: a subscriber of the hub like any other, so that an exclusive `sub` takes it
//! over from all of them, and the first of them from an exclusive one. What is done above the one durable cursor it keeps
//! in memory ([`leases`]): after a restart of the hub, a takeover, a kick of all and the going of the last sharer everything
//! behind the cursor comes again, what was acked behind a hole too.

mod desk;
mod leases;
mod sharer;
mod sheaf;
mod terms;
mod unsent;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::desk::Left;
pub use self::leases::Terms;
pub use self::sharer::Sharing;
pub use self::terms::terms;
use self::unsent::Unsent;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::frame::WireFrame;
use crate::hub::socket_id::SocketId;
use crate::limits;
use crate::session::services::Services;
use crate::store::Refusal;

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
    sharers: AtomicU64,
    leased: AtomicU64,
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

/// What a sharer's session wants of the desk.
#[derive(Debug)]
enum Asked {
    Join(Joining),
    Ack {
        socket: SocketId,
        seq: Seq,
        answer: Option<u64>,
    },
    Leave(SocketId),
    /// The transport took of what was handed: there may be room again.
    Room,
}

#[derive(Debug)]
struct Joining {
    socket: SocketId,
    sid: Arc<str>,
    rooms: Vec<RoomName>,
    terms: Terms,
    answer: Option<u64>,
    given: mpsc::UnboundedSender<Given>,
    unsent: Arc<Unsent>,
}

/// What the desk gives a sharer's session.
#[derive(Debug)]
pub enum Given {
    /// In the order of handing; bounded by what may be unsent.
    Frames(Vec<WireFrame>),
    /// To each thing asked, one answer. None: nobody waits for it.
    Answer(Option<(u64, Value)>),
    Refused {
        answer: Option<u64>,
        code: &'static str,
        message: String,
    },
    /// By the store.
    StoreRefused {
        answer: Option<u64>,
        refusal: Refusal,
    },
    /// Somebody holds the name alone now.
    NameTaken,
    Kicked(Arc<str>),
}

impl Shares {
    /// What can be seen of the queue of this name, if it is shared.
    pub fn figures(&self, key: &Key) -> Option<Arc<Figures>> {
        self.lock()
            .shares
            .get(key)
            .map(|share| Arc::clone(&share.figures))
    }

    /// The way to the desk of a name's queue, with this in it; a desk is set up where there is none.
    fn join(
        &self,
        services: &Arc<Services>,
        key: &Key,
        joining: Joining,
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
            let run = desk::run(
                Arc::clone(services),
                key.clone(),
                asked,
                Arc::clone(&figures),
            );
            tasks.spawn(run);
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
    fn retire(&self, key: &Key, left: &Left) -> bool {
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
