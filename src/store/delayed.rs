//! What is published for later: it waits beside the log, and becomes a record when its time has come.
//!
//! Knows no clock: which time it is, and when anybody looks, is said by who asks.

use super::{NewRecord, Refusal};
use crate::limits;

/// A record whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// By the order in which they were taken.
    pub number: u64,
    pub record: NewRecord,
}

/// Why no more may wait for its time. Room comes when the first of it goes, at `next_due_ms` (milliseconds since 1970).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DelayedQueueFull {
    #[error("{limit} publishes wait for their time, and no more may")]
    Records { limit: u64, next_due_ms: u64 },
    #[error(
        "what waits for its time is {bytes} bytes, and with this it would be more than {limit}"
    )]
    Bytes {
        limit: u64,
        bytes: u64,
        next_due_ms: u64,
    },
    /// `--keep-pending` is reached, and no member holds as much of it.
    #[error(
        "the pending queue is full ({limit} bytes); what waits for its time holds more of it than any member ({bytes} bytes)"
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

/// How much waits, and until when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct DelayedUsage {
    pub(super) records: u64,
    /// The weight of them.
    pub(super) bytes: u64,
    /// When the first of them is due.
    pub(super) next_due_ms: Option<u64>,
}

impl DelayedUsage {
    pub(super) fn came(&mut self, weight: u64, due_ms: u64) {
        self.records += 1;
        self.bytes += weight;
        self.next_due_ms = Some(self.next_due_ms.map_or(due_ms, |first| first.min(due_ms)));
    }

    pub(super) fn went(&mut self, weight: u64, next_due_ms: Option<u64>) {
        // Somebody else may have put it there, by hand.
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(weight);
        self.next_due_ms = next_due_ms;
    }

    /// Whether what is due then need not wait now: nothing is to come before it.
    pub(super) fn passes(&self, due_ms: u64, now_ms: u64) -> bool {
        due_ms <= now_ms && self.next_due_ms.is_none_or(|first| due_ms < first)
    }

    /// Why so much more may not wait, where members and this share `pending_bytes`.
    pub(super) fn refuses(&self, weight: u64, pending_bytes: u64) -> Option<Refusal> {
        let next_due_ms = self.next_due_ms.unwrap_or(0);
        let records = limits::DELAYED_RECORDS as u64;
        let share = pending_bytes / limits::DELAYED_SHARE;
        let limit = share.min(limits::DELAYED_BYTES as u64);
        let crowded = if self.records >= records {
            DelayedQueueFull::Records {
                limit: records,
                next_due_ms,
            }
        } else if self.bytes + weight > limit {
            let bytes = self.bytes;
            DelayedQueueFull::Bytes {
                limit,
                bytes,
                next_due_ms,
            }
        } else {
            return None;
        };
        Some(Refusal::DelayedQueueFull(crowded))
    }

    /// The refusal when the pending queue is full: of two that hold some of it, who holds more is named.
    pub(super) fn or_member(
        &self,
        limit: u64,
        member_bytes: u64,
        member: Option<Refusal>,
    ) -> Option<Refusal> {
        match self.next_due_ms {
            Some(next_due_ms) if self.bytes > member_bytes => {
                let bytes = self.bytes;
                Some(Refusal::DelayedQueueFull(DelayedQueueFull::Pending {
                    limit,
                    bytes,
                    next_due_ms,
                }))
            }
            _ => member,
        }
    }
}
