//! Engine.IO over WebSocket.

pub mod frame_writer;
pub mod transport;
