//! What was published and is not yet confirmed: the credit window, receipts, and what is sent again.
//!
//! Pure: a state machine of batches and answers, without clock or socket. Each batch has a number that the hub takes
//! only in order and only once, so sending again after a lost connection or a refusal neither loses nor doubles.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use bytes::Bytes;

use super::answers::{self, PublishResponse, VerbResult};
use super::error::ErrorResponse;
use crate::limits;
use crate::wire::batch::{PublishHeader, PublishId};
use crate::wire::error_code::ErrorCode;

/// What is to be published; the window gives it its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    pub header: PublishHeader,
    pub body: Bytes,
}

/// A batch that the hub confirmed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishReceipt {
    pub messages: u32,
    /// Of the batch's body.
    pub bytes: usize,
    pub outcome: PublishOutcome,
}

/// Whom a batch reached: recipients, not messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublishOutcome {
    Delivered {
        delivered: u64,
        queued: u64,
    },
    /// Nobody yet: it waits in the hub until then, milliseconds since 1970.
    Delayed {
        due_ms: u64,
    },
    /// It had been committed before the connection was lost, and its receipt went with the connection.
    Unknown,
}

/// What an answer led to.
#[derive(Debug, PartialEq, Eq)]
pub enum WindowEvent {
    Confirmed(PublishReceipt),
    /// Not one of ours, or nothing to be done yet.
    None,
    /// Refused for now, and everything behind it is back: wait, then [`PublishWindow::resume`].
    Stalled(ErrorResponse),
    /// Refused for good.
    Refused(ErrorResponse),
    /// The answer makes no sense; going on could lose messages.
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
    messages: u64,
    /// This hub took a number of ours, so it will refuse what is out of order. Before that it would take any number,
    /// and a refused first batch would be passed over: so the first one goes alone.
    known: bool,
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
    /// With the ack id of its latest sending.
    Sent(u64),
    /// Refused, and not yet to be sent again.
    Refused,
}

impl PendingBatch {
    fn bytes(&self) -> usize {
        self.batch.body.len().max(limits::ENTRY_BYTES)
    }
}

impl PublishWindow {
    /// `producer` is random: one per process that publishes.
    pub fn new(producer: String, credit: usize) -> Self {
        Self {
            producer,
            next_number: 1,
            credit,
            entries: VecDeque::new(),
            in_flight: 0,
            in_flight_bytes: 0,
            held_bytes: 0,
            messages: 0,
            known: false,
            refusal: None,
        }
    }

    /// Whether another batch may be pushed; at most one is held beyond the credit.
    pub fn has_capacity(&self) -> bool {
        self.held_bytes < self.credit
    }

    /// Messages that were pushed and not confirmed.
    pub fn unconfirmed_messages(&self) -> u64 {
        self.messages
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn push(&mut self, mut batch: Batch) {
        // Volatile messages are not stored, so nothing could tell a second one from the first.
        if !batch.header.volatile {
            let number = self.next_number;
            self.next_number += 1;
            batch.header.id = Some(PublishId(self.producer.clone(), number));
        }
        self.messages += u64::from(batch.header.count);
        let entry = PendingBatch {
            batch,
            state: SendState::Waiting,
        };
        self.held_bytes += entry.bytes();
        self.entries.push_back(entry);
    }

    /// The next batch to send with this ack id, if one may be sent now.
    pub fn next_to_send(&mut self, id: u64) -> Option<&Batch> {
        let most = if self.known {
            limits::BATCHES_IN_FLIGHT
        } else {
            1
        };
        if self.refusal.is_some() || self.in_flight >= most {
            return None;
        }
        let entry = self
            .entries
            .iter_mut()
            .find(|entry| entry.state == SendState::Waiting)?;
        // A batch larger than the whole credit goes when nothing else is out.
        if self.in_flight > 0 && self.in_flight_bytes + entry.bytes() > self.credit {
            return None;
        }
        entry.state = SendState::Sent(id);
        self.in_flight += 1;
        self.in_flight_bytes += entry.bytes();
        Some(&entry.batch)
    }

    pub fn handle_response(&mut self, id: u64, answer: VerbResult) -> WindowEvent {
        let sent = |entry: &PendingBatch| entry.state == SendState::Sent(id);
        let Some(at) = self.entries.iter().position(sent) else {
            return WindowEvent::None;
        };
        self.in_flight -= 1;
        self.in_flight_bytes -= self.entries[at].bytes();
        match answer {
            Ok(text) => match answers::parse("a receipt", &text) {
                Ok(answer) => self.confirmed(at, &answer),
                Err(error) => WindowEvent::ProtocolError(error.to_string()),
            },
            Err(refusal) => self.refused(at, refusal),
        }
    }

    fn confirmed(&mut self, at: usize, answer: &PublishResponse) -> WindowEvent {
        let passed_over = |entry: &PendingBatch| {
            entry.state == SendState::Refused && !entry.batch.header.volatile
        };
        if self.entries.iter().take(at).any(passed_over) {
            return WindowEvent::ProtocolError(
                "it took a batch behind one that it had refused".to_owned(),
            );
        }
        let Some(entry) = self.entries.remove(at) else {
            return WindowEvent::None;
        };
        self.known = true;
        self.held_bytes -= entry.bytes();
        self.messages -= u64::from(entry.batch.header.count);
        let receipt = PublishReceipt {
            messages: entry.batch.header.count,
            bytes: entry.batch.body.len(),
            outcome: match (answer.duplicate, answer.due) {
                (true, _) => PublishOutcome::Unknown,
                (false, Some(due_ms)) => PublishOutcome::Delayed { due_ms },
                (false, None) => PublishOutcome::Delivered {
                    delivered: answer.delivered,
                    queued: answer.queued,
                },
            },
        };
        WindowEvent::Confirmed(receipt)
    }

    /// Those behind a refused batch come back as out of order. When the last of them is back, the first refusal says
    /// what became of all.
    fn refused(&mut self, at: usize, refusal: ErrorResponse) -> WindowEvent {
        let out_of_order = refusal.code == Some(ErrorCode::OutOfOrder);
        if !out_of_order && !refusal.is_temporary() {
            return WindowEvent::Refused(refusal);
        }
        self.entries[at].state = SendState::Refused;
        match &self.refusal {
            Some(first) if out_of_order || first.code != Some(ErrorCode::OutOfOrder) => {}
            _ => self.refusal = Some(refusal),
        }
        if self.in_flight > 0 {
            return WindowEvent::None;
        }
        self.stalled()
    }

    fn stalled(&mut self) -> WindowEvent {
        match &self.refusal {
            None => WindowEvent::None,
            Some(refusal) if refusal.code == Some(ErrorCode::OutOfOrder) => {
                WindowEvent::Refused(refusal.clone())
            }
            Some(refusal) => WindowEvent::Stalled(refusal.clone()),
        }
    }

    /// Sends again what was refused, from the first.
    pub fn resume(&mut self) {
        self.refusal = None;
        self.all_wait();
    }

    /// A new connection: what was in flight is sent again, in order. Returns how many volatile messages were in flight
    /// and are given up, as nobody could tell whether they had arrived.
    pub fn reset_for_connection(&mut self, credit: usize) -> u64 {
        self.credit = credit;
        // It may be another hub, or one with another database.
        self.known = false;
        let mut lost = 0;
        self.entries.retain(|entry| {
            let gone = entry.batch.header.volatile && matches!(entry.state, SendState::Sent(_));
            if gone {
                lost += u64::from(entry.batch.header.count);
                self.held_bytes -= entry.bytes();
            }
            !gone
        });
        self.messages -= lost;
        self.resume();
        lost
    }

    fn all_wait(&mut self) {
        for entry in &mut self.entries {
            entry.state = SendState::Waiting;
        }
        self.in_flight = 0;
        self.in_flight_bytes = 0;
    }
}
