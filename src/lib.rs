//! roomcat is netcat for rooms.
//!
//! A message walks one way through the house:
//!
//! ```text
//! stdin → cli → client → wire ═══ wire → session → store (commit) → hub (fan-out) → session → wire ═══ wire → client → cli → stdout
//! ```
//!
//! What always holds:
//!
//! - **Durable first.** A record is committed before anyone is handed it and before its publisher gets the receipt.
//! - **One order.** Whatever changes what somebody is owed (a publish, a join, a leave, a subscription) goes through
//!   the store's writer, and the hub follows the commit log. The hub never asks the store for anything.
//! - **One owner.** Live state (sockets, who is in which room) belongs to the hub's task; others send it messages.
//! - **One predicate.** [`store::owed`] says who gets a message: live, on catch-up and in counts.
//! - **Bounds.** Every queue and length is in [`limits`]; a full mailbox turns into reading the log, never into loss.
//!
//! Who may import whom (`tests/house.rs` reads the imports and holds this table):
//!
//! | module | may import |
//! |---|---|
//! | address, limits | nobody (address: limits) |
//! | wire | address, limits |
//! | store | address, limits, wire |
//! | hub | address, limits, wire, store |
//! | session | address, limits, wire, store, hub |
//! | server | address, limits, wire, store, hub, session |
//! | client | address, limits, wire |
//! | cli | all but session and hub |
#![forbid(unsafe_code)]

pub mod address;
pub mod cli;
pub mod client;
pub mod hub;
pub mod limits;
pub mod server;
pub mod session;
pub mod store;
pub mod wire;
