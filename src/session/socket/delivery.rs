//! Sends a socket the messages that it is owed, and moves its cursors as its client confirms: by the verb `ack`, by
//! acknowledging an event, or by the transport taking the frames. Knows nothing of where a delivery comes from.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Socket;
use super::credit::Credit;
use crate::address::Seq;
use crate::hub::delivery::{Delivery, DeliveryKind};
use crate::hub::frame::WireFrame;
use crate::hub::request::Request;
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::engine::outbox::{Outbox, Submission};
use crate::store::Op;
use crate::store::writer::Urgency;
use crate::wire::batch;

impl Socket {
    /// Nothing before `cursor` is left to send.
    pub(super) fn skip(&mut self, cursor: Seq, outbox: &mut Outbox) {
        self.feed.advance(cursor);
        if let Some(cursor) = self.credit.skip(cursor) {
            self.confirm(cursor, outbox);
        }
    }

    pub(super) fn deliver(
        &mut self,
        delivery: Arc<Delivery>,
        from: u32,
        out: &mut VecDeque<WireFrame>,
    ) {
        let number = delivery.record.number;
        match (&mut self.credit, delivery.kind) {
            // A presence event is no message: it takes no credit.
            (_, DeliveryKind::Presence) => {
                out.extend(delivery.shared_events(None).into_iter().flatten().cloned());
            }
            (Credit::Acks(window), kind) => {
                out.extend(delivery.batch(from));
                if kind == DeliveryKind::Durable {
                    let count = delivery.header().count;
                    window.add(
                        Seq::new(number, count - 1),
                        count - from,
                        delivery.record.body.len(),
                    );
                    self.feed.advance(Seq::after_record(number));
                }
            }
            (Credit::Events(_), DeliveryKind::Durable) => self.deliver_events(delivery, from, out),
            (_, kind) => match delivery.shared_events(self.recovery.log()) {
                Some(frames) if from == 0 => {
                    out.extend(frames.iter().cloned());
                    if kind == DeliveryKind::Durable {
                        self.note_written(Seq::after_record(number));
                    }
                }
                _ => self.deliver_events(delivery, from, out),
            },
        }
    }

    /// Sends the messages one by one, as far as the transport's buffer and the credit go. The rest waits in `partial`.
    fn deliver_events(
        &mut self,
        delivery: Arc<Delivery>,
        from: u32,
        out: &mut VecDeque<WireFrame>,
    ) {
        let count = delivery.header().count;
        let body = batch::cut(
            delivery.header().framing,
            &delivery.record.body,
            from,
            count,
        );
        let (mut index, mut bytes, mut frames) = (from, 0, Vec::new());
        for message in batch::messages(delivery.header().framing, &body) {
            if bytes >= limits::WRITE_BUFFER_BYTES || !self.credit.has_room() {
                self.partial = Some((Arc::clone(&delivery), index));
                break;
            }
            let end = delivery.end_of(index);
            index += 1;
            let cursor = if delivery.kind == DeliveryKind::Durable {
                end
            } else {
                self.feed.cursor()
            };
            let offset = self.recovery.log().map(|log| log.offset(cursor));
            let id = match &mut self.credit {
                Credit::Events(acks) if delivery.kind == DeliveryKind::Durable => {
                    Some(acks.add(end))
                }
                _ => None,
            };
            delivery.event(message, id, offset.as_deref(), &mut frames);
            if delivery.kind == DeliveryKind::Durable {
                self.note_written(end);
            }
            bytes += message.len() + limits::ENTRY_BYTES;
        }
        out.extend(frames);
    }

    fn note_written(&mut self, end: Seq) {
        self.feed.advance(end);
        if let Credit::Written(written) = &mut self.credit {
            *written = Some(end);
        }
    }

    /// Notes that the transport has taken everything that was sent.
    pub fn flushed(&mut self, outbox: &mut Outbox) {
        if let Credit::Written(written) = &mut self.credit
            && let Some(cursor) = written.take()
        {
            self.confirm(cursor, outbox);
        }
    }

    /// The verb `ack`: confirms everything up to `seq`, and keeps the cursors before `keep`. True when the store will
    /// answer; otherwise there is nothing to wait for.
    pub fn ack(
        &mut self,
        seq: Seq,
        keep: Option<Seq>,
        ack_id: Option<u64>,
        outbox: &mut Outbox,
    ) -> bool {
        let Credit::Acks(window) = &mut self.credit else {
            return false;
        };
        if let Some(cursor) = window.ack(seq) {
            self.hold.confirm(cursor);
        }
        self.hold.keep(keep);
        // An answer proves that the cursors are on disk. Even an ack that moves nothing asks the store: an earlier one may
        // still wait for its commit, or the disk may have refused it.
        let new = self
            .hold
            .cursor()
            .filter(|cursor| Some(*cursor) > self.requested_cursor);
        let cursor = new.or(ack_id.and(self.requested_cursor));
        let urgency = if ack_id.is_some() {
            Urgency::Now
        } else {
            Urgency::Later
        };
        match (cursor, ack_id) {
            (Some(cursor), _) => self.move_cursor(cursor, urgency, ack_id, outbox),
            (None, Some(_)) if self.name.is_some() => {
                let ticket = Ticket::new(self.request(ack_id, Request::Ack));
                outbox.push(Submission::Store(Op::Noop, urgency, ticket));
                true
            }
            (None, _) => false,
        }
    }

    /// Handles a stock client's acknowledgement of an event.
    pub fn event_acked(&mut self, id: u64, outbox: &mut Outbox) {
        if let Credit::Events(acks) = &mut self.credit
            && let Some(cursor) = acks.ack(id)
        {
            self.confirm(cursor, outbox);
        }
    }

    /// Everything before `cursor` is confirmed or not owed.
    pub(super) fn confirm(&mut self, cursor: Seq, outbox: &mut Outbox) {
        self.hold.confirm(cursor);
        if let Some(cursor) = self.hold.cursor() {
            self.move_cursor(cursor, Urgency::Later, None, outbox);
        }
    }

    fn move_cursor(
        &mut self,
        cursor: Seq,
        urgency: Urgency,
        ack_id: Option<u64>,
        outbox: &mut Outbox,
    ) -> bool {
        let Some(client) = self.name.clone().filter(|_| !self.feed.is_peeking()) else {
            return false;
        };
        if ack_id.is_none() && self.requested_cursor >= Some(cursor) {
            return false;
        }
        self.requested_cursor = Some(cursor);
        let op = Op::Ack {
            namespace: self.namespace.clone(),
            client,
            rooms: Arc::clone(self.feed.rooms()),
            cursor,
        };
        let ticket = Ticket::new(self.request(ack_id, Request::Ack));
        outbox.push(Submission::Store(op, urgency, ticket));
        true
    }
}
