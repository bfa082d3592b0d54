//! Engine.IO: the heartbeat, the transport, and the queue of what goes to the store and the hub.

pub mod heartbeat;
pub mod outbox;
pub mod params;
pub mod permits;
pub mod transport;
