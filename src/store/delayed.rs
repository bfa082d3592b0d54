//! Delayed records: published for a later time, they wait beside the log until they are due.
//!
//! Has no clock: the caller passes the time.

use super::message::NewRecord;
use crate::limits;

/// A delayed record that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayedRecord {
    /// Ascends in the order of publishing.
    pub number: u64,
    pub record: NewRecord,
}

/// Why no more records can be delayed. Space is freed when the first one is appended, at `next_due_ms` (milliseconds
/// since 1970).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DelayedQueueFull {
    #[error("{limit} delayed publishes wait for their time, which is the limit")]
    Records { limit: u64, next_due_ms: u64 },
    #[error("delayed publishes hold {bytes} bytes, and this one would exceed the limit of {limit}")]
    Bytes {
        limit: u64,
        bytes: u64,
        next_due_ms: u64,
    },
    /// `--keep-pending` is reached, and delayed records hold more of it than any member.
    #[error(
        "the pending queue is full ({limit} bytes); delayed publishes hold more of it than any member ({bytes} bytes)"
    )]
    Pending {
        limit: u64,
        bytes: u64,
        next_due_ms: u64,
    },
}

impl DelayedQueueFull {
    pub fn next_due_ms(&self) -> u64 {
        match self {
            Self::Records { next_due_ms, .. }
            | Self::Bytes { next_due_ms, .. }
            | Self::Pending { next_due_ms, .. } => *next_due_ms,
        }
    }
}

/// The number and size of the delayed records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DelayedUsage {
    pub(super) records: u64,
    /// Their size in the log.
    pub(super) bytes: u64,
    /// When the first of them is due.
    pub(super) next_due_ms: Option<u64>,
}

impl DelayedUsage {
    pub(super) fn add(&mut self, bytes: u64, due_ms: u64) {
        self.records += 1;
        self.bytes += bytes;
        let first = self.next_due_ms.map_or(due_ms, |next| next.min(due_ms));
        self.next_due_ms = Some(first);
    }

    pub(super) fn remove(&mut self, bytes: u64, next_due_ms: Option<u64>) {
        // Saturating: the row may have been inserted by hand.
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.next_due_ms = next_due_ms;
    }

    /// Whether a record is due already and no delayed record comes before it.
    pub(super) fn is_next(&self, due_ms: u64, now_ms: u64) -> bool {
        due_ms <= now_ms && self.next_due_ms.is_none_or(|next| due_ms < next)
    }

    /// Why one more record of this size cannot be delayed. Members and delayed records share `pending_bytes`.
    pub(super) fn check(&self, bytes: u64, pending_bytes: u64) -> Result<(), DelayedQueueFull> {
        let next_due_ms = self.next_due_ms.unwrap_or(0);
        let records = limits::DELAYED_RECORDS as u64;
        let share = pending_bytes / limits::DELAYED_SHARE;
        let limit = share.min(limits::DELAYED_BYTES as u64);
        if self.records >= records {
            return Err(DelayedQueueFull::Records {
                limit: records,
                next_due_ms,
            });
        }
        if self.bytes + bytes > limit {
            return Err(DelayedQueueFull::Bytes {
                limit,
                bytes: self.bytes,
                next_due_ms,
            });
        }
        Ok(())
    }

    /// The error when pending messages reach `limit` and delayed records hold more of it than any member does.
    pub(super) fn largest_pending(
        &self,
        limit: u64,
        member_bytes: u64,
    ) -> Option<DelayedQueueFull> {
        let next_due_ms = self.next_due_ms.filter(|_| self.bytes > member_bytes)?;
        Some(DelayedQueueFull::Pending {
            limit,
            bytes: self.bytes,
            next_due_ms,
        })
    }
}
