//! What is published for later: it waits beside the log, and becomes a record when its time has come.
//!
//! Knows no clock: which time it is, and when anybody looks, is said by who asks.

use super::{Draft, Refusal};
use crate::limits;

/// A draft whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delayed {
    /// By the order in which they were taken.
    pub number: u64,
    pub draft: Draft,
}

/// Why no more may wait for its time. Room comes when the first of it goes, at `first_ms` (milliseconds since 1970).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Crowded {
    #[error("{limit} publishes wait for their time, and no more may")]
    Records { limit: u64, first_ms: u64 },
    #[error(
        "what waits for its time is {bytes} bytes, and with this it would be more than {limit}"
    )]
    Bytes {
        limit: u64,
        bytes: u64,
        first_ms: u64,
    },
    /// `--keep-pending` is reached, and no member holds as much of it.
    #[error(
        "the pending queue is full ({limit} bytes); what waits for its time holds more of it than any member ({bytes} bytes)"
    )]
    Pending {
        limit: u64,
        bytes: u64,
        first_ms: u64,
    },
}

impl Crowded {
    pub fn first_ms(&self) -> u64 {
        match self {
            Self::Records { first_ms, .. }
            | Self::Bytes { first_ms, .. }
            | Self::Pending { first_ms, .. } => *first_ms,
        }
    }
}

/// How much waits, and until when.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Crowd {
    pub(super) records: u64,
    /// The weight of them.
    pub(super) bytes: u64,
    /// When the first of them is due.
    pub(super) first_ms: Option<u64>,
}

impl Crowd {
    pub(super) fn came(&mut self, weight: u64, due_ms: u64) {
        self.records += 1;
        self.bytes += weight;
        self.first_ms = Some(self.first_ms.map_or(due_ms, |first| first.min(due_ms)));
    }

    pub(super) fn went(&mut self, weight: u64, first_ms: Option<u64>) {
        // Somebody else may have put it there, by hand.
        self.records = self.records.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(weight);
        self.first_ms = first_ms;
    }

    /// Whether what is due then need not wait now: nothing is to come before it.
    pub(super) fn passes(&self, due_ms: u64, now_ms: u64) -> bool {
        due_ms <= now_ms && self.first_ms.is_none_or(|first| due_ms < first)
    }

    /// Why so much more may not wait, where members and this share `pending_bytes`.
    pub(super) fn refuses(&self, weight: u64, pending_bytes: u64) -> Option<Refusal> {
        let first_ms = self.first_ms.unwrap_or(0);
        let records = limits::DELAYED_RECORDS as u64;
        let share = pending_bytes / limits::DELAYED_SHARE;
        let limit = share.min(limits::DELAYED_BYTES as u64);
        let crowded = if self.records >= records {
            Crowded::Records {
                limit: records,
                first_ms,
            }
        } else if self.bytes + weight > limit {
            let bytes = self.bytes;
            Crowded::Bytes {
                limit,
                bytes,
                first_ms,
            }
        } else {
            return None;
        };
        Some(Refusal::Crowded(crowded))
    }

    /// The refusal when the pending queue is full: of two that hold some of it, who holds more is named.
    pub(super) fn or_member(
        &self,
        limit: u64,
        member_bytes: u64,
        member: Option<Refusal>,
    ) -> Option<Refusal> {
        match self.first_ms {
            Some(first_ms) if self.bytes > member_bytes => {
                let bytes = self.bytes;
                Some(Refusal::Crowded(Crowded::Pending {
                    limit,
                    bytes,
                    first_ms,
                }))
            }
            _ => member,
        }
    }
}
