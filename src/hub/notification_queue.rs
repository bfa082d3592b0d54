//! The queue of notifications from the hub to one session, for all its sockets.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::task::AtomicWaker;

use super::notification::Notification;
use super::socket_id::SocketId;

/// Responses are bounded by the session's open requests. Events are few, and the session takes them even while its peer
/// reads nothing.
#[derive(Debug)]
pub struct NotificationQueue {
    queue: Mutex<VecDeque<(SocketId, Notification)>>,
    /// The length of `queue`, so that a session can look before each delivery without a lock. A session that takes a
    /// delivery from the mailbox sees every notification that the hub sent before it: the mailbox's lock orders the
    /// two.
    len: AtomicUsize,
    session: Arc<AtomicWaker>,
}

impl NotificationQueue {
    pub fn new(session: Arc<AtomicWaker>) -> Self {
        Self {
            queue: Mutex::default(),
            len: AtomicUsize::new(0),
            session,
        }
    }

    pub fn put(&self, socket: SocketId, notification: Notification) {
        let mut queue = self.lock();
        queue.push_back((socket, notification));
        self.len.store(queue.len(), Ordering::Release);
        drop(queue);
        self.session.wake();
    }

    pub fn is_empty(&self) -> bool {
        self.len.load(Ordering::Acquire) == 0
    }

    pub fn take(&self) -> Option<(SocketId, Notification)> {
        if self.is_empty() {
            return None;
        }
        let mut queue = self.lock();
        let first = queue.pop_front();
        self.len.store(queue.len(), Ordering::Release);
        if queue.is_empty() {
            // Notifications are rare: an idle session keeps no buffer for them.
            *queue = VecDeque::new();
        }
        first
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(SocketId, Notification)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
