//! The program of a namespace (`handler` in hub.toml): how sessions reach it.
//!
//! Each table of hub.toml that declares a handler has one long-lived process, which [`run`] keeps running. This folder
//! knows nothing of transports: a session turns its peer's packets into a [`Call`], and a [`Verdict`] into packets for
//! its peer.

pub mod call;
mod lines;
mod pending_calls;
mod process;
mod protocol;
mod rate_limited_log;
pub mod run;
pub mod session_calls;
pub mod waiting_calls;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

pub use self::call::{Call, CallEvent, EntryHold, HandlerBusy, Verdict};
use self::call::{CallKind, QueuedCall, Waiter};
use self::protocol::Expects;
use crate::limits;
use crate::session::engine::permits::permits;
use crate::session::namespace::policy::{NamespaceRules, Namespaces};

/// All programs of a hub.
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
        let found = self
            .0
            .iter()
            .find(|(declared, _)| Arc::ptr_eq(declared, rules));
        found.map(|(_, program)| program)
    }
}

/// A session's handle to its namespace's program. Its methods never wait.
#[derive(Debug, Clone)]
pub struct Program(Arc<ProgramQueue>);

#[derive(Debug)]
struct ProgramQueue {
    sender: mpsc::UnboundedSender<QueuedCall>,
    /// Taken once, by the task that runs the program.
    receiver: Mutex<Option<mpsc::UnboundedReceiver<QueuedCall>>>,
    /// Permits are bytes that the program has not read yet.
    bytes: Arc<Semaphore>,
    disconnects: Arc<Semaphore>,
    unanswered: Arc<Semaphore>,
    next_id: AtomicU64,
}

/// One line longer than the whole queue is accepted when nothing else waits.
const WHOLE_QUEUE: u32 = limits::HANDLER_QUEUE_BYTES as u32;

impl Program {
    fn new() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self(Arc::new(ProgramQueue {
            sender,
            receiver: Mutex::new(Some(receiver)),
            bytes: semaphore(limits::HANDLER_QUEUE_BYTES),
            disconnects: semaphore(limits::HANDLER_DISCONNECTS),
            unanswered: semaphore(limits::HANDLER_CALLS_IN_FLIGHT),
            next_id: AtomicU64::new(1),
        }))
    }

    /// Sends a call that needs a verdict. A closed receiver means [`Verdict::Silent`].
    pub fn request(&self, call: Call) -> Result<oneshot::Receiver<Verdict>, HandlerBusy> {
        let permit = Arc::clone(&self.0.unanswered)
            .try_acquire_owned()
            .map_err(|_| HandlerBusy)?;
        let (verdict, receiver) = oneshot::channel();
        self.enqueue(call, Some(Waiter::new(verdict, permit)))?;
        Ok(receiver)
    }

    /// Sends a call whose sender expects no verdict.
    pub fn notify(&self, call: Call) -> Result<(), HandlerBusy> {
        self.enqueue(call, None)
    }

    fn enqueue(&self, call: Call, waiter: Option<Waiter>) -> Result<(), HandlerBusy> {
        let queue = &self.0;
        let (id, kind) = match call.event {
            CallEvent::Connect => (Some(queue.next_id()), CallKind::Connect),
            CallEvent::Event(_) => (Some(queue.next_id()), CallKind::Event),
            CallEvent::Disconnect => (None, CallKind::Disconnect),
        };
        // Do not encode a line for a queue that is full anyway.
        if kind != CallKind::Disconnect && queue.bytes.available_permits() < limits::ENTRY_BYTES {
            return Err(HandlerBusy);
        }
        let expects = if waiter.is_some() {
            Expects::Ack
        } else {
            Expects::Nothing
        };
        let line = protocol::encode(id, expects, &call);
        let permit = if kind == CallKind::Disconnect {
            reserve(&queue.disconnects, 1)?
        } else {
            reserve(&queue.bytes, permits(line.len()).min(WHOLE_QUEUE))?
        };
        let queued = QueuedCall {
            id,
            line: line.into_bytes(),
            permit,
            socket: call.socket,
            sid: call.sid,
            namespace: call.namespace,
            kind,
            waiter,
        };
        queue.sender.send(queued).map_err(|_| HandlerBusy)
    }

    /// The receiving end, for the task that runs the program. `None` when it was taken before.
    fn take_receiver(&self) -> Option<mpsc::UnboundedReceiver<QueuedCall>> {
        let mut receiver = self
            .0
            .receiver
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        receiver.take()
    }
}

impl ProgramQueue {
    fn next_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

fn reserve(semaphore: &Arc<Semaphore>, count: u32) -> Result<OwnedSemaphorePermit, HandlerBusy> {
    let permit = Arc::clone(semaphore).try_acquire_many_owned(count);
    permit.map_err(|_| HandlerBusy)
}
