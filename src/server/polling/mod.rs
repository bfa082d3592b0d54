//! Engine.IO over HTTP long-polling, and its upgrade to WebSocket.

pub mod session;
pub mod sessions;
pub mod transport;
pub mod upgrade;
