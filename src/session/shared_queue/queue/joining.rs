//! How a shared queue takes its name, and admits sharers up to the answer to their `sub`.

use std::sync::Arc;

use serde_json::json;

use super::{QueueState, SharedQueue, Sharer};
use crate::address::{RoomName, Seq};
use crate::hub::inbox::{InboxMessage, SocketHandle};
use crate::hub::input::CoreInput;
use crate::hub::request::{ReplayRange, Request};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::engine::outbox::Submission;
use crate::session::services::random_id;
use crate::session::shared_queue::messages::{ShareEvent, ShareJoin};
use crate::store::Op;
use crate::store::writer::Urgency;
use crate::wire::error_code::ErrorCode;

impl SharedQueue {
    /// Takes the name, in order with all other ops.
    pub(super) fn subscribe(&mut self, rooms: &[RoomName]) {
        let (namespace, name) = self.key.clone();
        let handle = SocketHandle {
            mailbox: Arc::clone(&self.mailbox),
            notifications: Arc::clone(&self.notifications),
        };
        let input = CoreInput::Connect {
            socket: self.id,
            namespace: namespace.clone(),
            sid: random_id().into(),
            name: Some(name.clone()),
            stats: Arc::clone(&self.socket_stats),
        };
        let connect = InboxMessage::Connect(self.id, handle, input);
        self.outbox.push(Submission::Hub(connect));
        let op = Op::Subscribe {
            namespace,
            client: Some(name),
            rooms: rooms.to_vec(),
        };
        let ticket = Ticket::unanswered(self.id, Request::Subscribe(ReplayRange::default()));
        self.outbox
            .push(Submission::Store(op, Urgency::Now, ticket));
    }

    /// Admits the sharers that wait for the queue to open.
    pub(super) fn take_opening(&mut self) -> Vec<ShareJoin> {
        match std::mem::replace(&mut self.state, QueueState::New) {
            QueueState::Opening(joins) => joins,
            state => {
                self.state = state;
                Vec::new()
            }
        }
    }

    pub(super) fn refuse_opening(&mut self, code: ErrorCode, message: &str) {
        for join in self.take_opening() {
            refuse(&join, code, message.to_owned());
        }
    }

    /// Answers with the head of the log and the number of messages known to be left to hand out.
    pub(super) fn admit(&mut self, join: ShareJoin, head: u64, pending: u64) {
        let rooms = self.feed.rooms();
        let is_other = |room: &RoomName| !rooms.contains(room);
        if !join.rooms.is_empty()
            && (join.rooms.len() != rooms.len() || join.rooms.iter().any(is_other))
        {
            let list: Vec<String> = rooms.iter().map(|room| format!("\"{room}\"")).collect();
            let why = format!(
                "this queue is shared for {}; name these rooms, or none",
                list.join(", ")
            );
            return refuse(&join, ErrorCode::BadRequest, why);
        }
        if self.sharers.len() >= limits::SHARERS {
            let why = format!("at most {} share one queue", limits::SHARERS);
            return refuse(&join, ErrorCode::BadRequest, why);
        }
        let body =
            json!({"ok": true, "head": Seq::new(head, 0), "pending": pending, "rooms": &**rooms});
        let sharer = Sharer {
            events: join.events,
            unsent: join.unsent,
            is_caught_up: false,
        };
        sharer.send(ShareEvent::Answer(join.answer.map(|answer| (answer, body))));
        tracing::debug!("{} {} is shared with {}", self.key.0, self.key.1, join.sid);
        self.sharers.insert(join.socket, sharer);
        self.leases.add_holder(join.socket, join.terms);
    }
}

fn refuse(join: &ShareJoin, code: ErrorCode, message: String) {
    let _ = join.events.send(ShareEvent::Refused {
        answer: join.answer,
        code,
        message,
    });
}
