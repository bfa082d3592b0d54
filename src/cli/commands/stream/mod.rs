//! `--stream`: bytes as they are, from the stdin of one to the stdout of another, with an end.

pub mod input;
pub mod ledger;
pub mod publisher;
pub mod receiving;
pub mod sending;
