//! The acks of sharers, and the durable cursor: it moves to the first message that is not done.

use std::collections::VecDeque;
use std::sync::Arc;

use serde_json::json;
use tokio::time::Instant;

use super::{QueueEnd, QueueState, SharedQueue};
use crate::address::Seq;
use crate::hub::request::{Request, SocketRequest};
use crate::hub::socket_id::SocketId;
use crate::hub::ticket::Ticket;
use crate::session::engine::outbox::Submission;
use crate::session::shared_queue::messages::{ShareEvent, ShareRequest, UnhandledRequests};
use crate::store::Op;
use crate::store::writer::Urgency;

impl SharedQueue {
    pub(super) fn ack(&mut self, sharer: SocketId, seq: Seq, answer: Option<u64>) {
        if !self.sharers.contains_key(&sharer) {
            return self.answer_unadmitted(sharer, answer);
        }
        self.leases.ack(sharer, seq, Instant::now());
        let Some(answer) = answer else {
            return self.send(sharer, ShareEvent::Answer(None));
        };
        // The answer follows once the cursor is on disk. It does not cover acks past a gap.
        self.last_commit += 1;
        self.committing.insert(self.last_commit, (sharer, answer));
        self.submit_cursor(Urgency::Now, Some(self.last_commit));
    }

    /// Answers the ack of a sharer that is not admitted yet: it has nothing to confirm.
    fn answer_unadmitted(&self, socket: SocketId, answer: Option<u64>) {
        if let QueueState::Opening(joins) = &self.state
            && let Some(join) = joins.iter().find(|join| join.socket == socket)
        {
            let done = answer.map(|answer| (answer, json!({"ok": true})));
            let _ = join.events.send(ShareEvent::Answer(done));
        }
    }

    pub(super) fn move_cursor(&mut self) {
        if matches!(self.state, QueueState::Open) && self.leases.cursor() > self.submitted {
            self.submit_cursor(Urgency::Later, None);
        }
    }

    fn submit_cursor(&mut self, urgency: Urgency, answer: Option<u64>) {
        let op = self.cursor_op();
        let ticket = Ticket::new(SocketRequest {
            socket: self.id,
            ack_id: answer,
            kind: Request::Ack,
        });
        self.outbox.push(Submission::Store(op, urgency, ticket));
    }

    fn cursor_op(&mut self) -> Op {
        let cursor = self.leases.cursor();
        self.submitted = self.submitted.max(cursor);
        let (namespace, client) = self.key.clone();
        Op::Ack {
            namespace,
            client,
            rooms: Arc::clone(self.feed.rooms()),
            cursor,
        }
    }

    /// Ends the queue: handles the acks that have arrived, tells the sharers, and returns all other requests for the next queue.
    pub(super) fn finish(mut self, end: &QueueEnd) -> UnhandledRequests {
        let received = self.handle_last_acks();
        if matches!(self.state, QueueState::Open)
            && (self.leases.cursor() > self.submitted || !self.outbox.is_empty())
        {
            // The outbox is dropped. This op covers every cursor move in it.
            let ticket = Ticket::unanswered(self.id, Request::Ack);
            let op = self.cursor_op();
            // A closed store means that the hub is stopping.
            let _ = self.services.writer.send(op, Urgency::Now, ticket);
        }
        let last_event = || match end {
            QueueEnd::NameTaken => Some(ShareEvent::NameTaken),
            QueueEnd::Kicked(by) => Some(ShareEvent::Kicked(Arc::clone(by))),
            QueueEnd::Unused | QueueEnd::Failed(_) | QueueEnd::Shutdown => None,
        };
        for join in self.take_opening() {
            last_event().map(|event| join.events.send(event));
        }
        for sharer in self.sharers.values() {
            if let Some(event) = last_event() {
                sharer.send(event);
            }
        }
        self.sharers.clear();
        self.publish_stats();
        let ticket = Ticket::unanswered(self.id, Request::Disconnect);
        // A closed store means that the hub is stopping.
        let _ = self.services.writer.send(Op::Noop, Urgency::Now, ticket);
        UnhandledRequests {
            received,
            receiver: self.requests,
        }
    }

    /// Handles the acks that sharers sent before the end. Returns the other requests, in order.
    fn handle_last_acks(&mut self) -> VecDeque<ShareRequest> {
        let mut requests = std::mem::take(&mut self.early);
        while let Ok(request) = self.requests.try_recv() {
            requests.push_back(request);
        }
        let now = Instant::now();
        requests.retain(|request| match request {
            ShareRequest::Ack { socket, seq, .. } if self.sharers.contains_key(socket) => {
                self.leases.ack(*socket, *seq, now);
                false
            }
            ShareRequest::Leave(socket) => !self.sharers.contains_key(socket),
            _ => true,
        });
        requests
    }
}
