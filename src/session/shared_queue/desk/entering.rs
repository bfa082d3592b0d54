//! How a desk takes the name, and who becomes a sharer: up to the answer to its `sub`.

use std::sync::Arc;

use serde_json::json;

use super::{Desk, Sharer, Stage};
use crate::address::{RoomName, Seq};
use crate::hub::inbox::{InboxMessage, SocketHandle};
use crate::hub::input::CoreInput;
use crate::hub::request::{ReplayRange, Request};
use crate::hub::ticket::Ticket;
use crate::limits;
use crate::session::engine::outbox::Submission;
use crate::session::services::random_id;
use crate::session::shared_queue::messages::{Given, Joining};
use crate::store::Op;
use crate::store::writer::Urgency;
use crate::wire::error_code::ErrorCode;

impl Desk {
    /// Takes the name, in the order of everything else.
    pub(super) fn subscribe(&mut self, rooms: &[RoomName]) {
        let (namespace, name) = self.key.clone();
        let handle = SocketHandle {
            mailbox: Arc::clone(&self.mailbox),
            notifications: Arc::clone(&self.notices),
        };
        let input = CoreInput::Connect {
            socket: self.id,
            namespace: namespace.clone(),
            sid: random_id().into(),
            name: Some(name.clone()),
            stats: Arc::clone(&self.vitals),
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

    pub(super) fn waiting(&mut self) -> Vec<Joining> {
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Opening(waiting) => waiting,
            stage => {
                self.stage = stage;
                Vec::new()
            }
        }
    }

    pub(super) fn turn_away(&mut self, code: ErrorCode, message: &str) {
        for joining in self.waiting() {
            refuse(&joining, code, message.to_owned());
        }
    }

    /// The answer says what is stored up to now, and how much of it is known to be left to hand out.
    pub(super) fn enter(&mut self, joining: Joining, head: u64, pending: u64) {
        let rooms = self.feed.rooms();
        let others = |room: &RoomName| !rooms.contains(room);
        if !joining.rooms.is_empty()
            && (joining.rooms.len() != rooms.len() || joining.rooms.iter().any(others))
        {
            let list: Vec<String> = rooms.iter().map(|room| format!("\"{room}\"")).collect();
            let why = format!(
                "this queue is shared for {}; name these rooms, or none",
                list.join(", ")
            );
            return refuse(&joining, ErrorCode::BadRequest, why);
        }
        if self.sharers.len() >= limits::SHARERS {
            let why = format!("at most {} share one queue", limits::SHARERS);
            return refuse(&joining, ErrorCode::BadRequest, why);
        }
        let body =
            json!({"ok": true, "head": Seq::new(head, 0), "pending": pending, "rooms": &**rooms});
        let sharer = Sharer {
            given: joining.given,
            unsent: joining.unsent,
            caught_up: false,
        };
        sharer.give(Given::Answer(joining.answer.map(|answer| (answer, body))));
        tracing::debug!(
            "{} {} is shared with {}",
            self.key.0,
            self.key.1,
            joining.sid
        );
        self.sharers.insert(joining.socket, sharer);
        self.leases.enter(joining.socket, joining.terms);
    }
}

fn refuse(joining: &Joining, code: ErrorCode, message: String) {
    let _ = joining.given.send(Given::Refused {
        answer: joining.answer,
        code,
        message,
    });
}
