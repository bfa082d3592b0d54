//! The side effects that the core needs from its caller.

use std::sync::Arc;

use crate::hub::delivery::{Delivery, DeliveryOutcome};
use crate::hub::notification::Notification;
use crate::hub::socket_id::SocketId;

pub trait Effects {
    fn deliver(&mut self, to: SocketId, delivery: &Arc<Delivery>) -> DeliveryOutcome;
    fn notify(&mut self, to: SocketId, notification: Notification);
    /// The socket is disconnected: nothing more goes to it.
    fn remove(&mut self, socket: SocketId);
    /// Milliseconds since 1970 (UTC).
    fn now_ms(&self) -> u64;
}
