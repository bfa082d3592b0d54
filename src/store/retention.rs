//! The rules for how long and how much the store keeps.

use std::time::Duration;

/// The bounds of `--keep`, `--keep-pending` and `--recovery`.
///
/// A record stays while history or a member wants it. `pending_age` limits how long members want it. `pending_bytes`
/// bounds the sum of both: when it is reached, history goes first, then publishes are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub history_age: Duration,
    pub history_bytes: u64,
    pub pending_age: Duration,
    pub pending_bytes: u64,
    /// How long the client of a lost socket may return.
    pub session_age: Duration,
}

impl Retention {
    /// Whether history wants a record of this time. `tail` is the size of the log from that record to the end.
    pub(super) fn is_history(&self, at_ms: u64, tail: u64, now_ms: u64) -> bool {
        !has_passed(at_ms, self.history_age, now_ms) && tail <= self.history_bytes
    }

    pub(super) fn is_expired(&self, at_ms: u64, now_ms: u64) -> bool {
        has_passed(at_ms, self.pending_age, now_ms)
    }
}

/// Whether history protects a record from being pruned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HistoryPolicy {
    Respect,
    /// Space is needed: only members still protect records.
    Ignore,
}

/// The result of one step of pruning.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PruneReport {
    pub records: u64,
    /// Messages deleted because `pending_age` had passed, counted once per member that had not received them.
    pub expired: u64,
    /// Another step would find more to do now.
    pub more: bool,
}

/// Whether `age` has passed since `at_ms`.
pub(super) fn has_passed(at_ms: u64, age: Duration, now_ms: u64) -> bool {
    u128::from(at_ms) + age.as_millis() <= u128::from(now_ms)
}
