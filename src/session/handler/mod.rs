//! The program of a namespace (`handler` in hub.toml): what sessions ask and tell it.
//!
//! One long-lived process for each table that declares one; [`run`] runs it. Knows nothing of packets or
//! transports: a session makes a [`Call`] of what its peer sent, and of a [`Verdict`] what its peer gets.

pub mod call;
pub mod calls;
mod desk;
mod line;
pub mod pending;
mod process;
mod reading;
pub mod run;
mod saying;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub use self::call::{Answer, Busy, Call, Hold, Verdict, What};
use crate::address::Namespace;
use crate::hub::socket_id::SocketId;
use crate::limits;
use crate::session::engine::permits::permits;
use crate::session::namespace::policy::{NamespaceRules, Namespaces};

/// The programs of a hub.
#[derive(Debug)]
pub struct Programs(Vec<(Arc<NamespaceRules>, Program)>);

impl Programs {
    pub fn new(namespaces: &Namespaces) -> Self {
        let with_handler = namespaces
            .tables()
            .iter()
            .filter(|(_, rules)| rules.handler.is_some());
        Self(
            with_handler
                .map(|(_, rules)| (Arc::clone(rules), Program::new()))
                .collect(),
        )
    }

    /// The program of the namespaces that have these rules.
    pub fn of(&self, rules: &Arc<NamespaceRules>) -> Option<&Program> {
        let found = self.0.iter().find(|(theirs, _)| Arc::ptr_eq(theirs, rules));
        found.map(|(_, program)| program)
    }
}

/// How sessions reach a namespace's program. Never waits.
#[derive(Debug, Clone)]
pub struct Program(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    given: mpsc::UnboundedSender<Given>,
    /// For whoever runs it.
    taken: Mutex<Option<mpsc::UnboundedReceiver<Given>>>,
    /// Permits are bytes of what waits to be read by the program.
    queue: Arc<Semaphore>,
    farewells: Arc<Semaphore>,
    awaited: Arc<Semaphore>,
    next_id: AtomicU64,
}

/// A call on its way to whoever runs the program.
#[derive(Debug)]
struct Given {
    /// A disconnect has none.
    id: Option<u64>,
    /// Encoded, its line end included.
    line: Vec<u8>,
    /// Its share of the queue, until it was written to the program.
    share: OwnedSemaphorePermit,
    socket: SocketId,
    sid: Arc<str>,
    namespace: Namespace,
    kind: Kind,
    waiting: Option<Waiting>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Connect,
    Event,
    Disconnect,
}

#[derive(Debug)]
struct Waiting {
    verdict: oneshot::Sender<Verdict>,
    _share: OwnedSemaphorePermit,
}

impl Program {
    fn new() -> Self {
        let (given, taken) = mpsc::unbounded_channel();
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self(Arc::new(Shared {
            given,
            taken: Mutex::new(Some(taken)),
            queue: semaphore(limits::HANDLER_QUEUE_BYTES),
            farewells: semaphore(limits::HANDLER_FAREWELLS),
            awaited: semaphore(limits::HANDLER_AWAITED),
            next_id: AtomicU64::new(1),
        }))
    }

    /// For what must be answered. A receiver that finds its sender gone found [`Verdict::Silent`].
    pub fn ask(&self, call: Call) -> Result<oneshot::Receiver<Verdict>, Busy> {
        let share = Arc::clone(&self.0.awaited)
            .try_acquire_owned()
            .map_err(|_| Busy)?;
        let (verdict, answer) = oneshot::channel();
        let waiting = Waiting {
            verdict,
            _share: share,
        };
        self.give(call, Some(waiting))?;
        Ok(answer)
    }

    pub fn tell(&self, call: Call) -> Result<(), Busy> {
        self.give(call, None)
    }

    fn give(&self, call: Call, waiting: Option<Waiting>) -> Result<(), Busy> {
        let shared = &self.0;
        let (id, kind) = match call.what {
            What::Connect => (Some(shared.id()), Kind::Connect),
            What::Event(_) => (Some(shared.id()), Kind::Event),
            What::Disconnect => (None, Kind::Disconnect),
        };
        let (line, queue, share);
        if kind == Kind::Disconnect {
            line = line::encode(id, line::Wants::Nothing, &call);
            (queue, share) = (&shared.farewells, 1);
        } else {
            // Not encoded for a queue that is full anyway.
            if shared.queue.available_permits() < limits::ENTRY_BYTES {
                return Err(Busy);
            }
            let wants = match waiting {
                Some(_) => line::Wants::Ack,
                None => line::Wants::Nothing,
            };
            line = line::encode(id, wants, &call);
            let cost = permits(line.len()).min(WHOLE_QUEUE);
            (queue, share) = (&shared.queue, cost);
        }
        let share = Arc::clone(queue)
            .try_acquire_many_owned(share)
            .map_err(|_| Busy)?;
        let given = Given {
            id,
            line: line.into_bytes(),
            share,
            socket: call.socket,
            sid: call.sid,
            namespace: call.namespace,
            kind,
            waiting,
        };
        shared.given.send(given).map_err(|_| Busy)
    }
}

impl Program {
    /// For whoever runs it; once.
    fn inbox(&self) -> Option<mpsc::UnboundedReceiver<Given>> {
        let mut taken = self.0.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.take()
    }
}

/// One line longer than the queue is taken when nothing else waits.
const WHOLE_QUEUE: u32 = limits::HANDLER_QUEUE_BYTES as u32;

impl Shared {
    fn id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}
