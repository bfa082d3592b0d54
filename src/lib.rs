//! roomcat is netcat for rooms: a hub that stores and delivers messages over Socket.IO, and commands that pipe stdin and
//! stdout to it. ARCHITECTURE.md explains the design.
//!
//! A message travels in one direction through the code:
//!
//! ```text
//! stdin → cli → client → wire ═══ wire → session → store (commit) → hub (fan-out) → session → wire ═══ wire → client → cli → stdout
//! ```
//!
//! These invariants hold everywhere:
//!
//! - **Durable first.** A record is committed before anyone receives it and before its publisher gets the receipt.
//! - **One order.** Everything that changes who is owed a message (a publish, a join, a leave, a subscription) goes through
//!   the store's writer, and the hub follows the commit log. The hub never queries the store.
//! - **One owner.** Live state (sockets, and which rooms they are in) belongs to the hub's task. Other tasks send it messages.
//! - **One predicate.** [`store::owed()`] decides who gets a message, for live delivery, catch-up and counts alike.
//! - **Bounds.** Every queue and length has a bound in [`limits`]. A full mailbox makes its session read from the log; it
//!   never loses a message.
//!
//! Each module may import only these (`tests/house.rs` checks this table):
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

pub mod address;
pub mod cli;
mod client;
mod hub;
pub mod limits;
mod server;
mod session;
pub mod store;
pub mod wire;
