//! What sharers confirm, and how far the cursor moves for it: up to the end of what is done without a hole.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use super::{Desk, End, Stage};
use crate::address::Seq;
use crate::hub::request::{Request, SocketRequest};
use crate::hub::socket_id::SocketId;
use crate::hub::ticket::Ticket;
use crate::session::engine::outbox::Submission;
use crate::session::shared_queue::messages::{Asked, Given, Left};
use crate::store::Op;
use crate::store::writer::Urgency;

impl Desk {
    pub(super) fn ack(&mut self, sharer: SocketId, seq: Seq, answer: Option<u64>) {
        if !self.sharers.contains_key(&sharer) {
            return self.ack_early(sharer, answer);
        }
        self.leases.ack(sharer, seq, Instant::now());
        let Some(answer) = answer else {
            return self.give(sharer, Given::Answer(None));
        };
        // An answer is the proof that the disk has it, as far as it goes without a hole.
        self.last_ack += 1;
        self.acking.insert(self.last_ack, (sharer, answer));
        self.submit_cursor(Urgency::Now, Some(self.last_ack));
    }

    /// Of who is not yet one of them, and was handed nothing: it confirms nothing, and is answered.
    fn ack_early(&self, socket: SocketId, answer: Option<u64>) {
        if let Stage::Opening(waiting) = &self.stage
            && let Some(joining) = waiting.iter().find(|joining| joining.socket == socket)
        {
            let done = answer.map(|answer| (answer, json!({"ok": true})));
            let _ = joining.given.send(Given::Answer(done));
        }
    }

    pub(super) fn move_cursor(&mut self) {
        if matches!(self.stage, Stage::Open) && self.leases.cursor() > self.moved_to {
            self.submit_cursor(Urgency::Later, None);
        }
    }

    fn submit_cursor(&mut self, urgency: Urgency, answer: Option<u64>) {
        let op = self.cursor_move();
        let ticket = Ticket::new(SocketRequest {
            socket: self.id,
            ack_id: answer,
            kind: Request::Ack,
        });
        self.outbox.push(Submission::Store(op, urgency, ticket));
    }

    fn cursor_move(&mut self) -> Op {
        let cursor = self.leases.cursor();
        self.moved_to = self.moved_to.max(cursor);
        let (namespace, client) = self.key.clone();
        Op::Ack {
            namespace,
            client,
            rooms: Arc::clone(self.feed.rooms()),
            cursor,
        }
    }

    /// Says goodbye to everyone. What its sharers had confirmed by then counts; the rest of what was asked is for the next
    /// desk.
    pub(super) fn finish(mut self, end: &End) -> Left {
        let early = self.last_acks();
        if matches!(self.stage, Stage::Open)
            && (self.leases.cursor() > self.moved_to || !self.outbox.is_empty())
        {
            // What the outbox still holds is not sent any more: this is as far as all of it goes.
            let ticket = Ticket::unanswered(self.id, Request::Ack);
            let op = self.cursor_move();
            // With the store gone the hub is going too.
            let _ = self.services.writer.send(op, Urgency::Now, ticket);
        }
        let farewell = || match end {
            End::NameTaken => Some(Given::NameTaken),
            End::Kicked(by) => Some(Given::Kicked(Arc::clone(by))),
            End::Left | End::Failed(_) | End::Shutdown => None,
        };
        for joining in self.waiting() {
            farewell().map(|farewell| joining.given.send(farewell));
        }
        for sharer in self.sharers.values() {
            farewell().into_iter().for_each(|it| sharer.give(it));
        }
        self.sharers.clear();
        self.count();
        let ticket = Ticket::unanswered(self.id, Request::Disconnect);
        // With the store gone the hub is going too.
        let _ = self.services.writer.send(Op::Noop, Urgency::Now, ticket);
        Left {
            early,
            asked: self.asked,
        }
    }

    /// Notes what its sharers confirmed and was not yet looked at. Returns what others asked meanwhile, in order.
    fn last_acks(&mut self) -> VecDeque<Asked> {
        let mut early = std::mem::take(&mut self.early);
        while let Ok(asked) = self.asked.try_recv() {
            early.push_back(asked);
        }
        let now = Instant::now();
        early.retain(|asked| match asked {
            Asked::Ack { socket, seq, .. } if self.sharers.contains_key(socket) => {
                self.leases.ack(*socket, *seq, now);
                false
            }
            Asked::Leave(socket) => !self.sharers.contains_key(socket),
            _ => true,
        });
        early
    }
}
