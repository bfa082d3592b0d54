//! The hub or server that a command speaks to: its address, the connection, requests and deliveries.

pub mod ask;
pub mod connect;
pub mod delivery;
pub mod presence;
pub mod target;
pub mod trace;
