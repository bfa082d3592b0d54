//! The errors of input.

use std::io;
use std::path::PathBuf;

/// Why reading stopped. All messages before that were passed on.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// `length` is how much was read; the message may be longer.
    #[error("message {number} is too long: {length} bytes or more; this hub takes at most {limit}")]
    TooLong {
        number: u64,
        length: usize,
        limit: usize,
    },
    #[error("message {number} is not JSON: {reason}")]
    NotJson { number: u64, reason: String },
    #[error("line {number} is no message as \"sub --json\" writes it: {reason}")]
    Envelope { number: u64, reason: String },
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}
