//! The wire: Engine.IO protocol v4, Socket.IO protocol v5 and roomcat's batches, as a pure codec. Bytes in, packets out.
//!
//! No I/O, no clock, no panic on any input; every length is bounded.

pub mod attachments;
pub mod batch;
pub mod engine;
pub mod error_code;
pub mod explain;
pub mod json;
pub mod offset;
pub mod payload;
mod placeholders;
pub mod socket;
pub mod stream;
pub mod verb;
mod words;
