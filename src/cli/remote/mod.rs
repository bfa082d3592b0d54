//! The hub or server that a command talks to: its address, the connection, requests and deliveries.

pub mod ask;
pub mod connect;
pub mod connection_notes;
pub mod delivery;
pub mod interrupts;
pub mod presence;
pub mod target;
pub mod trace;
