//! The deliveries that wait for one socket. A mailbox is bounded: once it overflows it takes nothing until its session
//! has emptied it and read the rest from the store.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::AtomicWaker;

use super::delivery::{Delivery, DeliveryKind, DeliveryOutcome};
use crate::limits;

#[derive(Debug)]
pub struct Mailbox {
    state: Mutex<MailboxState>,
    session: Arc<AtomicWaker>,
}

#[derive(Debug, Default)]
struct MailboxState {
    deliveries: VecDeque<Arc<Delivery>>,
    bytes: usize,
    overflowed: bool,
}

/// What a session takes from its mailbox.
#[derive(Debug)]
pub enum MailboxItem {
    Delivery(Arc<Delivery>),
    Empty,
    /// The mailbox is empty, and something did not fit: the log has it.
    Overflowed,
}

impl Mailbox {
    /// A `put` into an empty mailbox wakes `session`.
    pub fn new(session: Arc<AtomicWaker>) -> Self {
        Self {
            state: Mutex::default(),
            session,
        }
    }

    pub fn put(&self, delivery: &Arc<Delivery>) -> DeliveryOutcome {
        let mut state = self.lock();
        // A mailbox that is not empty has woken its session already, or the session waits for something else first.
        let was_empty = state.deliveries.is_empty();
        let is_full = state.overflowed
            || (state.bytes > 0 && state.bytes + delivery.cost() > limits::MAILBOX_BYTES);
        if is_full {
            state.overflowed |= delivery.kind == DeliveryKind::Durable;
        } else {
            state.bytes += delivery.cost();
            state.deliveries.push_back(Arc::clone(delivery));
        }
        drop(state);
        if was_empty {
            self.session.wake();
        }
        if is_full {
            DeliveryOutcome::Full
        } else {
            DeliveryOutcome::Accepted
        }
    }

    /// After `Overflowed` the mailbox accepts deliveries again; they come once the hub has attached the socket again.
    pub fn take(&self) -> MailboxItem {
        let mut state = self.lock();
        if let Some(delivery) = state.deliveries.pop_front() {
            state.bytes -= delivery.cost();
            return MailboxItem::Delivery(delivery);
        }
        // An idle socket keeps no long queue.
        state.deliveries.shrink_to(16);
        if std::mem::take(&mut state.overflowed) {
            MailboxItem::Overflowed
        } else {
            MailboxItem::Empty
        }
    }

    /// The next delivery, if it is a direct message: for a socket that has not subscribed yet.
    pub fn take_direct(&self) -> Option<Arc<Delivery>> {
        let mut state = self.lock();
        let delivery = state
            .deliveries
            .pop_front_if(|delivery| delivery.kind == DeliveryKind::Direct)?;
        state.bytes -= delivery.cost();
        Some(delivery)
    }

    /// Undoes `take`: the delivery is the next one again.
    pub fn put_back(&self, delivery: Arc<Delivery>) {
        let mut state = self.lock();
        state.bytes += delivery.cost();
        state.deliveries.push_front(delivery);
    }

    fn lock(&self) -> MutexGuard<'_, MailboxState> {
        // No code that holds the lock can panic half-way, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
