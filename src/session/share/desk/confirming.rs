//! What sharers confirm, and how far the cursor moves for it: up to the end of what is done without a hole.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::{Desk, End, Stage};
use crate::address::Seq;
use crate::hub::Ticket;
use crate::hub::request::{Request, SocketId, Want};
use crate::session::outbox::Submission;
use crate::session::share::{Asked, Given};
use crate::store::Op;
use crate::store::writer::Urgency;

impl Desk {
    pub(super) fn ack(&mut self, sharer: SocketId, seq: Seq, answer: Option<u64>) {
        self.leases.ack(sharer, seq, Instant::now());
        let Some(answer) = answer else {
            return self.give(sharer, Given::Answer(None));
        };
        // An answer is the proof that the disk has it, as far as it goes without a hole.
        self.last_ack += 1;
        self.acking.insert(self.last_ack, (sharer, answer));
        self.submit_cursor(Urgency::Now, Some(self.last_ack));
    }

    pub(super) fn move_cursor(&mut self) {
        if matches!(self.stage, Stage::Open) && self.leases.cursor() > self.moved_to {
            self.submit_cursor(Urgency::Later, None);
        }
    }

    fn submit_cursor(&mut self, urgency: Urgency, answer: Option<u64>) {
        let cursor = self.leases.cursor();
        self.moved_to = self.moved_to.max(cursor);
        let (namespace, client) = self.key.clone();
        let op = Op::Ack {
            namespace,
            client,
            rooms: Arc::clone(self.feed.rooms()),
            cursor,
        };
        let ticket = Ticket::new(Request {
            socket: self.id,
            answer,
            want: Want::Ack,
        });
        self.outbox.push(Submission::Store(op, urgency, ticket));
    }

    /// Says goodbye to everyone; what was still asked is for the next desk.
    pub(super) fn finish(mut self, end: &End) -> mpsc::UnboundedReceiver<Asked> {
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
        let ticket = Ticket::unanswered(self.id, Want::Disconnect);
        // With the store gone the hub is going too.
        let _ = self.services.writer.send(Op::Mark, Urgency::Now, ticket);
        self.asked
    }
}
