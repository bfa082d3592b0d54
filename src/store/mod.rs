//! The durable log with cursors: the messages, the members of each room, and how far each member has read.
//!
//! One writer commits groups of [`Op`]s in order (`writer`); readers work beside it (`reader_pool`). The store knows
//! nothing of sockets, sessions or tasks: a tag travels with each op and comes back with its outcome.

pub(crate) mod database;
pub mod delayed;
mod error;
mod log_id;
mod members;
mod membership;
pub mod memory;
mod message;
pub(crate) mod names;
mod op;
pub mod owed;
pub(crate) mod queues;
pub(crate) mod reader_pool;
mod recovery;
mod retention;
pub mod sessions;
pub mod sqlite;
mod traits;
pub(crate) mod writer;

pub use error::StoreError;
pub use membership::Member;
pub use message::{MessageHeader, NewRecord, Record};
pub use op::{Op, OpOutcome, Refusal};
pub use owed::{Reader, owed};
pub use retention::{PruneReport, Retention};
pub use traits::{LogPage, Maintenance, RoomInfo, Store, StoreReader};
