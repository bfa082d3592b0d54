//! Batches that were published and are not yet confirmed: the credit window, receipts, and resending.
//!
//! Pure: a state machine of batches and responses, without clock or socket. Each batch has a number that the hub
//! accepts only in order and only once, so resending after a lost connection or a refusal neither loses nor repeats a
//! message.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;

use super::error_response::ErrorResponse;
use super::verbs::VerbResult;
use super::verbs::publish::PublishResponse;
use crate::limits;
use crate::wire::batch::{PublishHeader, PublishId};
use crate::wire::error_code::ErrorCode;

/// Messages to publish together. The window sets the id of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub header: PublishHeader,
    pub body: Bytes,
}

/// A batch that the hub confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishReceipt {
    pub messages: u32,
    /// Bytes of the batch's body.
    pub bytes: usize,
    pub outcome: PublishOutcome,
}

/// Counts recipients, not messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishOutcome {
    Delivered {
        delivered: u64,
        queued: u64,
    },
    /// When the hub will deliver it, milliseconds since 1970 (UTC).
    Delayed {
        due_ms: u64,
    },
    /// It was committed, but its receipt was lost with an earlier connection.
    Unknown,
}

/// The effect of a response.
#[derive(Debug, PartialEq, Eq)]
pub enum WindowEvent {
    Confirmed(PublishReceipt),
    /// The response is to another request, or others must arrive first.
    None,
    /// Refused for now, and nothing is in flight any more. Wait, then call [`PublishWindow::resume`].
    Stalled(ErrorResponse),
    /// Refused for good.
    Refused(ErrorResponse),
    /// The response makes no sense; continuing could lose messages.
    ProtocolError(String),
}

#[derive(Debug)]
pub struct PublishWindow {
    producer: String,
    next_number: u64,
    credit: usize,
    entries: VecDeque<PendingBatch>,
    in_flight: usize,
    in_flight_bytes: usize,
    held_bytes: usize,
    unconfirmed_messages: u64,
    /// Whether this hub has accepted a number of this producer, so that it refuses a batch out of order. Before that it
    /// accepts any number and would skip a refused first batch, so the first batch is sent alone.
    is_known: bool,
    refusal: Option<ErrorResponse>,
}

#[derive(Debug)]
struct PendingBatch {
    batch: Batch,
    state: SendState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SendState {
    Waiting,
    /// Sent with this ack id.
    Sent(u64),
    /// Refused; to be sent again after [`PublishWindow::resume`].
    Refused,
}

impl PendingBatch {
    fn cost(&self) -> usize {
        self.batch.body.len().max(limits::ENTRY_BYTES)
    }
}

impl PublishWindow {
    /// `producer` is random, one per publishing process.
    pub fn new(producer: String, credit: usize) -> Self {
        Self {
            producer,
            next_number: 1,
            credit,
            entries: VecDeque::new(),
            in_flight: 0,
            in_flight_bytes: 0,
            held_bytes: 0,
            unconfirmed_messages: 0,
            is_known: false,
            refusal: None,
        }
    }

    /// Whether another batch may be pushed. The window exceeds the credit by at most one batch.
    pub fn has_capacity(&self) -> bool {
        self.held_bytes < self.credit
    }

    /// Messages that were pushed and are not confirmed.
    pub fn unconfirmed_messages(&self) -> u64 {
        self.unconfirmed_messages
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn push(&mut self, mut batch: Batch) {
        // The hub does not store volatile messages, so it could not detect a repeated one.
        if !batch.header.volatile {
            let number = self.next_number;
            self.next_number += 1;
            batch.header.id = Some(PublishId(self.producer.clone(), number));
        }
        self.unconfirmed_messages += u64::from(batch.header.count);
        let entry = PendingBatch {
            batch,
            state: SendState::Waiting,
        };
        self.held_bytes += entry.cost();
        self.entries.push_back(entry);
    }

    /// The next batch that may be sent, marked as sent with this ack id.
    pub fn next_to_send(&mut self, id: u64) -> Option<&Batch> {
        let max_in_flight = if self.is_known {
            limits::BATCHES_IN_FLIGHT
        } else {
            1
        };
        if self.refusal.is_some() || self.in_flight >= max_in_flight {
            return None;
        }
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.state == SendState::Waiting)?;
        // A batch larger than the whole credit is sent when nothing else is in flight.
        if self.in_flight > 0 && self.in_flight_bytes + entry.cost() > self.credit {
            return None;
        }
        entry.state = SendState::Sent(id);
        self.in_flight += 1;
        self.in_flight_bytes += entry.cost();
        Some(&entry.batch)
    }

    pub fn handle_response(&mut self, id: u64, answer: VerbResult) -> WindowEvent {
        let is_sent = |entry: &PendingBatch| entry.state == SendState::Sent(id);
        let Some(index) = self.entries.iter().position(is_sent) else {
            return WindowEvent::None;
        };
        self.in_flight -= 1;
        self.in_flight_bytes -= self.entries[index].cost();
        match answer {
            Ok(json) => match PublishResponse::parse(&json) {
                Ok(response) => self.confirm(index, &response),
                Err(error) => WindowEvent::ProtocolError(error.to_string()),
            },
            Err(refusal) => self.refuse(index, refusal),
        }
    }

    fn confirm(&mut self, index: usize, response: &PublishResponse) -> WindowEvent {
        let is_skipped = |entry: &PendingBatch| {
            entry.state == SendState::Refused && !entry.batch.header.volatile
        };
        if self.entries.iter().take(index).any(is_skipped) {
            return WindowEvent::ProtocolError(
                "it accepted a batch after one that it had refused".to_owned(),
            );
        }
        let Some(entry) = self.entries.remove(index) else {
            return WindowEvent::None;
        };
        self.is_known = true;
        self.held_bytes -= entry.cost();
        self.unconfirmed_messages -= u64::from(entry.batch.header.count);
        let receipt = PublishReceipt {
            messages: entry.batch.header.count,
            bytes: entry.batch.body.len(),
            outcome: match (response.duplicate, response.due) {
                (true, _) => PublishOutcome::Unknown,
                (false, Some(due_ms)) => PublishOutcome::Delayed { due_ms },
                (false, None) => PublishOutcome::Delivered {
                    delivered: response.delivered,
                    queued: response.queued,
                },
            },
        };
        WindowEvent::Confirmed(receipt)
    }

    /// The hub refuses the batches after a refused one as out of order. Once the last of them is refused, the first
    /// refusal decides for all.
    fn refuse(&mut self, index: usize, refusal: ErrorResponse) -> WindowEvent {
        let out_of_order = refusal.code == Some(ErrorCode::OutOfOrder);
        if !out_of_order && !refusal.is_temporary() {
            return WindowEvent::Refused(refusal);
        }
        self.entries[index].state = SendState::Refused;
        match &self.refusal {
            Some(first) if out_of_order || first.code != Some(ErrorCode::OutOfOrder) => {}
            _ => self.refusal = Some(refusal),
        }
        if self.in_flight > 0 {
            return WindowEvent::None;
        }
        match &self.refusal {
            None => WindowEvent::None,
            Some(refusal) if refusal.code == Some(ErrorCode::OutOfOrder) => {
                WindowEvent::Refused(refusal.clone())
            }
            Some(refusal) => WindowEvent::Stalled(refusal.clone()),
        }
    }

    /// Makes refused batches ready to be sent again, from the first.
    pub fn resume(&mut self) {
        self.refusal = None;
        for entry in &mut self.entries {
            entry.state = SendState::Waiting;
        }
        self.in_flight = 0;
        self.in_flight_bytes = 0;
    }

    /// Makes the batches in flight ready to be sent again over a new connection, in order. Drops the volatile messages
    /// that were in flight, as they may have arrived, and returns their number.
    pub fn reset_for_connection(&mut self, credit: usize) -> u64 {
        self.credit = credit;
        // The hub may be another one, or have another database.
        self.is_known = false;
        let mut dropped = 0;
        self.entries.retain(|entry| {
            let is_dropped =
                entry.batch.header.volatile && matches!(entry.state, SendState::Sent(_));
            if is_dropped {
                dropped += u64::from(entry.batch.header.count);
                self.held_bytes -= entry.cost();
            }
            !is_dropped
        });
        self.unconfirmed_messages -= dropped;
        self.resume();
        dropped
    }
}
