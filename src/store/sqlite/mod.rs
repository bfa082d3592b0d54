//! The store in one SQLite file: the log, the members and the producers, changed in the same transactions. One connection
//! writes; readers have their own.
//!
//! The writer keeps in memory the state that the next op depends on (head, cursors, row ids of rooms). It loads this
//! state from the file again when a transaction fails, so that the two never differ.

mod commit;
mod delayed;
mod delayed_rows;
mod fault;
mod merge;
mod migrations;
mod names;
mod open;
mod prune;
mod queues;
mod read;
mod rooms;
mod row;
mod session_rows;
mod sessions;
mod space;
mod state;
mod store;
mod sweep;
mod transaction;
mod wal;

pub use self::store::SqliteStore;
