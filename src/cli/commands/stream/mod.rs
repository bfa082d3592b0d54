//! `--stream`: raw bytes from the stdin of one `pub` to the stdout of a `sub`, with an end.

pub mod part_reader;
pub mod part_tracker;
pub mod publisher_monitor;
pub mod receiver;
pub mod sender;
