//! What waits for one socket. Bounded: when it is full it takes nothing more until its session has emptied it and read
//! the rest from the store.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::AtomicWaker;

use super::core::Taken;
use super::parcel::{Kind, Parcel};
use super::request::{SocketId, Told};
use crate::limits;

#[derive(Debug)]
pub struct Mailbox {
    state: Mutex<State>,
    session: Arc<AtomicWaker>,
}

#[derive(Debug, Default)]
struct State {
    parcels: VecDeque<Arc<Parcel>>,
    bytes: usize,
    overflowed: bool,
}

/// What a session finds.
#[derive(Debug)]
pub enum Found {
    Parcel(Arc<Parcel>),
    Nothing,
    /// Emptied, and something did not fit: the log has it.
    Overflowed,
}

impl Mailbox {
    /// `session` is woken when something was put in and nothing was there.
    pub fn new(session: Arc<AtomicWaker>) -> Self {
        Self {
            state: Mutex::default(),
            session,
        }
    }

    pub fn put(&self, parcel: &Arc<Parcel>) -> Taken {
        let mut state = self.lock();
        // With something in it already, its session was woken for that, or waits for what it needs to take more.
        let idle = state.parcels.is_empty();
        let full = state.overflowed
            || (state.bytes > 0 && state.bytes + parcel.cost() > limits::MAILBOX_BYTES);
        if full {
            state.overflowed |= parcel.kind == Kind::Durable;
        } else {
            state.bytes += parcel.cost();
            state.parcels.push_back(Arc::clone(parcel));
        }
        drop(state);
        if idle {
            self.session.wake();
        }
        if full { Taken::Full } else { Taken::Yes }
    }

    /// After `Overflowed` it takes parcels again, once the hub attaches the socket again.
    pub fn take(&self) -> Found {
        let mut state = self.lock();
        if let Some(parcel) = state.parcels.pop_front() {
            state.bytes -= parcel.cost();
            return Found::Parcel(parcel);
        }
        // An idle socket keeps no long queue.
        state.parcels.shrink_to(16);
        if std::mem::take(&mut state.overflowed) {
            Found::Overflowed
        } else {
            Found::Nothing
        }
    }

    /// The next, if it is for this socket by itself: for a session that listens to nothing yet.
    pub fn take_direct(&self) -> Option<Arc<Parcel>> {
        let mut state = self.lock();
        let parcel = state
            .parcels
            .pop_front_if(|parcel| parcel.kind == Kind::Direct)?;
        state.bytes -= parcel.cost();
        Some(parcel)
    }

    /// Undoes `take`: the parcel is the next again.
    pub fn put_back(&self, parcel: Arc<Parcel>) {
        let mut state = self.lock();
        state.bytes += parcel.cost();
        state.parcels.push_front(parcel);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here can panic half-way, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the hub tells one session, about all its sockets. Bounded by what the session asked for and has not been told,
/// but for words that nobody asked for, which the session takes whatever its peer does.
#[derive(Debug)]
pub struct Notices {
    told: Mutex<VecDeque<(SocketId, Told)>>,
    /// How many wait, so that a session which looks for each parcel need not lock. Who finds a parcel finds the count that
    /// was true before it: the mailbox's lock orders the two.
    waiting: AtomicUsize,
    session: Arc<AtomicWaker>,
}

impl Notices {
    pub fn new(session: Arc<AtomicWaker>) -> Self {
        Self {
            told: Mutex::default(),
            waiting: AtomicUsize::new(0),
            session,
        }
    }

    pub fn put(&self, socket: SocketId, told: Told) {
        let mut queue = self.lock();
        queue.push_back((socket, told));
        self.waiting.store(queue.len(), Ordering::Release);
        drop(queue);
        self.session.wake();
    }

    pub fn waiting(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > 0
    }

    pub fn take(&self) -> Option<(SocketId, Told)> {
        if !self.waiting() {
            return None;
        }
        let mut queue = self.lock();
        let first = queue.pop_front();
        self.waiting.store(queue.len(), Ordering::Release);
        if queue.is_empty() {
            // They are few, and far between.
            *queue = VecDeque::new();
        }
        first
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(SocketId, Told)>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
