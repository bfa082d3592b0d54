//! How long a client keeps trying to reconnect.

use std::time::Duration;

/// Counts from the first failure after a connection that worked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryPolicy {
    Never,
    For(Duration),
    Forever,
}
