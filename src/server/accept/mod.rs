//! Accepting connections: where the hub listens, and how many connections it takes.

pub mod file_limit;
pub mod listener;
pub mod peer_stream;
