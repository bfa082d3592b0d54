//! Engine.IO over WebSocket.

pub mod frame_writer;
pub mod handshake;
pub mod transport;
