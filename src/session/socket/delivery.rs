//! Handing a socket what it is owed, and moving its cursors as it confirms: by an ack, by an event's answer, or by the
//! transport having taken it. Knows nothing of where it came from.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Socket;
use super::credit::Credit;
use crate::address::Seq;
use crate::hub::delivery::{Delivery, DeliveryKind};
use crate::hub::frame::WireFrame;
use crate::hub::request::{Request, SocketRequest};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::engine::outbox::{Outbox, Submission};
use crate::session::verbs::Ack;
use crate::store::Op;
use crate::store::writer::Urgency;
use crate::wire::batch;

impl Socket {
    /// Nothing before `behind` is left to hand.
    pub(super) fn skip(&mut self, behind: Seq, outbox: &mut Outbox) {
        self.feed.pass(behind);
        if let Some(cursor) = self.credit.skip(behind) {
            self.confirmed(cursor, outbox);
        }
    }

    pub(super) fn hand(&mut self, parcel: Arc<Delivery>, from: u32, out: &mut VecDeque<WireFrame>) {
        let number = parcel.record.number;
        match (&mut self.credit, parcel.kind) {
            // No message: as a plain event, and none of their credit.
            (_, DeliveryKind::Presence) => {
                out.extend(parcel.shared_events(None).into_iter().flatten().cloned());
            }
            (Credit::Acks(window), kind) => {
                out.extend(parcel.batch(from));
                if kind == DeliveryKind::Durable {
                    let count = parcel.header().count;
                    window.hand(
                        Seq::new(number, count - 1),
                        count - from,
                        parcel.record.body.len(),
                    );
                    self.feed.pass(Seq::after_record(number));
                }
            }
            (Credit::Events(_), DeliveryKind::Durable) => self.hand_events(parcel, from, out),
            (_, kind) => match parcel.shared_events(self.recall.log()) {
                Some(frames) if from == 0 => {
                    out.extend(frames.iter().cloned());
                    if kind == DeliveryKind::Durable {
                        self.handed_before(Seq::after_record(number));
                    }
                }
                _ => self.hand_events(parcel, from, out),
            },
        }
    }

    /// Message by message, as far as the transport's buffer and the credit go; the rest waits in `part`.
    fn hand_events(&mut self, parcel: Arc<Delivery>, from: u32, out: &mut VecDeque<WireFrame>) {
        let count = parcel.header().count;
        let body = batch::cut(parcel.header().framing, &parcel.record.body, from, count);
        let (mut index, mut bytes, mut frames) = (from, 0, Vec::new());
        for message in batch::messages(parcel.header().framing, &body) {
            if bytes >= limits::WRITE_BUFFER_BYTES || !self.credit.has_room() {
                self.part = Some((Arc::clone(&parcel), index));
                break;
            }
            let end = parcel.end_of(index);
            index += 1;
            let behind = if parcel.kind == DeliveryKind::Durable {
                end
            } else {
                self.feed.position()
            };
            let offset = self.recall.log().map(|log| log.offset(behind));
            let id = match &mut self.credit {
                Credit::Events(answers) if parcel.kind == DeliveryKind::Durable => {
                    Some(answers.hand(end))
                }
                _ => None,
            };
            parcel.event(message, id, offset.as_deref(), &mut frames);
            if parcel.kind == DeliveryKind::Durable {
                self.handed_before(end);
            }
            bytes += message.len() + limits::ENTRY_BYTES;
        }
        out.extend(frames);
    }

    fn handed_before(&mut self, end: Seq) {
        self.feed.pass(end);
        if let Credit::Written(written) = &mut self.credit {
            *written = Some(end);
        }
    }

    /// The transport has taken everything that was handed.
    pub fn flushed(&mut self, outbox: &mut Outbox) {
        if let Credit::Written(written) = &mut self.credit
            && let Some(cursor) = written.take()
        {
            self.confirmed(cursor, outbox);
        }
    }

    /// The verb `ack`. True when the store will answer it; otherwise there is nothing to wait for.
    pub fn ack(&mut self, ack: Ack, answer: Option<u64>, outbox: &mut Outbox) -> bool {
        let Credit::Acks(window) = &mut self.credit else {
            return false;
        };
        if let Some(cursor) = window.ack(ack.seq) {
            self.hold.confirm(cursor);
        }
        self.hold.keep(ack.keep);
        // What moves nothing more may have been moved by an earlier ack that still waits for its commit, or that the disk
        // refused: an answer is the proof that it was done.
        let cursor = self.hold.cursor().filter(|it| Some(*it) > self.moved_to);
        let cursor = cursor.or(answer.and(self.moved_to));
        let urgency = if answer.is_some() {
            Urgency::Now
        } else {
            Urgency::Later
        };
        match (cursor, answer) {
            (Some(cursor), _) => self.move_cursor(cursor, urgency, answer, outbox),
            (None, Some(_)) if self.name.is_some() => {
                let want = Request::Ack;
                let ticket = Ticket::new(SocketRequest {
                    socket: self.id,
                    ack_id: answer,
                    kind: want,
                });
                outbox.push(Submission::Store(Op::Noop, urgency, ticket));
                true
            }
            (None, _) => false,
        }
    }

    /// A stock client's answer to an event.
    pub fn answered(&mut self, id: u64, outbox: &mut Outbox) {
        if let Credit::Events(answers) = &mut self.credit
            && let Some(cursor) = answers.ack(id)
        {
            self.confirmed(cursor, outbox);
        }
    }

    /// Everything before `cursor` was dealt with, in whatever way.
    pub(super) fn confirmed(&mut self, cursor: Seq, outbox: &mut Outbox) {
        self.hold.confirm(cursor);
        if let Some(cursor) = self.hold.cursor() {
            self.move_cursor(cursor, Urgency::Later, None, outbox);
        }
    }

    fn move_cursor(
        &mut self,
        cursor: Seq,
        urgency: Urgency,
        answer: Option<u64>,
        outbox: &mut Outbox,
    ) -> bool {
        let Some(client) = self.name.clone().filter(|_| !self.feed.is_peeking()) else {
            return false;
        };
        if answer.is_none() && self.moved_to >= Some(cursor) {
            return false;
        }
        self.moved_to = Some(cursor);
        let op = Op::Ack {
            namespace: self.namespace.clone(),
            client,
            rooms: Arc::clone(self.feed.rooms()),
            cursor,
        };
        let ticket = Ticket::new(SocketRequest {
            socket: self.id,
            ack_id: answer,
            kind: Request::Ack,
        });
        outbox.push(Submission::Store(op, urgency, ticket));
        true
    }
}
