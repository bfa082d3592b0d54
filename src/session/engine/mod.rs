//! The parts that a session runs on: its transport and heartbeat, and the queue of its requests to the store and the
//! hub.

pub mod heartbeat;
pub mod outbox;
pub mod params;
pub mod permits;
pub mod transport;
