//! What waits for one socket. Bounded: when it is full it takes nothing more until its session has emptied it and read
//! the rest from the store.

use std::collections::VecDeque;
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
    /// `session` is woken when something was put in.
    pub fn new(session: Arc<AtomicWaker>) -> Self {
        Self {
            state: Mutex::default(),
            session,
        }
    }

    pub fn put(&self, parcel: &Arc<Parcel>) -> Taken {
        let mut state = self.lock();
        let full = state.overflowed
            || (state.bytes > 0 && state.bytes + parcel.cost() > limits::MAILBOX_BYTES);
        if full {
            state.overflowed |= parcel.kind == Kind::Durable;
        } else {
            state.bytes += parcel.cost();
            state.parcels.push_back(Arc::clone(parcel));
        }
        drop(state);
        self.session.wake();
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
    session: Arc<AtomicWaker>,
}

impl Notices {
    pub fn new(session: Arc<AtomicWaker>) -> Self {
        Self {
            told: Mutex::default(),
            session,
        }
    }

    pub fn put(&self, socket: SocketId, told: Told) {
        self.told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push_back((socket, told));
        self.session.wake();
    }

    pub fn waiting(&self) -> bool {
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        !told.is_empty()
    }

    pub fn take(&self) -> Option<(SocketId, Told)> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let first = told.pop_front();
        if first.is_none() {
            told.shrink_to(16);
        }
        first
    }
}
