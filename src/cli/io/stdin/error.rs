//! Why input cannot be published.

use std::io;
use std::path::PathBuf;

/// Why reading stopped. All messages before it were handed on as blocks.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// `length` is what was read of it; there may be more.
    #[error("message {number} is too long: {length} bytes or more; this hub takes at most {limit}")]
    TooLong {
        number: u64,
        length: usize,
        limit: usize,
    },
    #[error("message {number} is not JSON: {reason}")]
    NotJson { number: u64, reason: String },
    #[error("line {number} is not what \"sub --json\" writes: {reason}")]
    Envelope { number: u64, reason: String },
    #[error("cannot read {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
}
