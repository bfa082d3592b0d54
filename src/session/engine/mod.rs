//! Engine.IO: the heartbeat, the transport, and the queue of what goes to the store and the hub.

pub mod heartbeat;
pub mod opening;
pub mod outbox;
pub mod permits;
pub mod transport;
