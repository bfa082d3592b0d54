//! What a session sends to the hub directly, past the log.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::input::CoreInput;
use super::mailbox::Mailbox;
use super::notification_queue::NotificationQueue;
use super::socket_id::SocketId;

#[derive(Debug)]
pub enum InboxMessage {
    /// With `CoreInput::Connect`: how to reach the socket from now on.
    Connect(SocketId, SocketHandle, CoreInput),
    /// A publish that skips the store, with its share of the append queue, which it holds until the fan-out.
    Volatile(CoreInput, Option<OwnedSemaphorePermit>),
    /// A publisher without a socket, and how to reach it.
    ConnectPublisher(SocketId, SocketHandle),
    Core(CoreInput),
}

/// How the hub reaches one socket.
#[derive(Debug)]
pub struct SocketHandle {
    pub mailbox: Arc<Mailbox>,
    pub notifications: Arc<NotificationQueue>,
}
