//! The verbs that look at what waits for members, and give it up.
//!
//! - `["queue", {name?}]`: `{"ok": true, "queues": [{"name", "room", "pending", "oldest", "bytes", "sharers"?, "leased"?}], "more"?}`,
//!   by name and room, for one member or for all; `more` is how many the answer has no place for (`limits::QUEUES_LISTED`,
//!   `limits::ANSWER_BYTES`). `oldest` is when the first of the pending messages was published, in
//!   milliseconds since 1970, or null. Of a queue that is shared, `sharers` says among how many, and `leased` how many
//!   messages they hold, in all its rooms together.
//! - `["peek", {name?, room?}]`: what is pending comes as after a `sub`, up to `caught-up`, and nothing moves: no membership,
//!   no cursor, and whoever holds the name keeps it. `ack` says what was written, for credit alone.
//! - `["purge", {name?, room?}]`: `{"ok": true, "messages": 12, "rooms": […]}`: what is pending is given up, in one room or
//!   in all that the name joined. It is counted first, and given up as of then: what is published meanwhile stays. What a holder was handed already it may still write.
//!
//! `name` is the asker's own unless said; for `queue`, everybody. A token that fixes a name opens no other.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::bounded_list::BoundedList;
use super::error::VerbError;
use crate::address::{ClientName, Namespace, RoomName, Seq};
use crate::hub::request::{Request, SocketRequest};
use crate::hub::socket_id::SocketId;
use crate::hub::ticket::Ticket;
use crate::session::services::Services;
use crate::session::socket::catchup::LogRead;
use crate::session::state::Session;
use crate::store::queues::QueueInfo;
use crate::store::{Op, StoreError, StoreReader};
use crate::wire::error_code::ErrorCode;

/// Whose, and where.
#[derive(Debug, Default, Deserialize)]
struct Asked {
    name: Option<ClientName>,
    room: Option<RoomName>,
}

fn asked(args: &[&RawValue]) -> Result<Asked, VerbError> {
    match args {
        [] => Ok(Asked::default()),
        [arg] => serde_json::from_str(arg.get())
            .map_err(|error| VerbError::BadRequest(super::args::reason(&error))),
        _ => Err(VerbError::BadRequest("it takes one object".to_owned())),
    }
}

impl Session {
    pub(crate) fn list_queues(
        &mut self,
        index: usize,
        args: &[&RawValue],
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let Asked { name, .. } = asked(args)?;
        let name = match name {
            None => self.sockets[index].standing.own_name.clone(),
            Some(name) => Some(self.permitted(index, name)?),
        };
        let socket = &mut self.sockets[index];
        socket.lists_rooms();
        let listing = queues(
            Arc::clone(&self.services),
            socket.namespace.clone(),
            name,
            answer,
        );
        socket.ask_store(listing);
        Ok(())
    }

    pub(crate) fn peek(
        &mut self,
        index: usize,
        args: &[&RawValue],
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let (name, room) = self.whose(index, args)?;
        let socket = &mut self.sockets[index];
        if socket.is_subscribed() || socket.sharing.is_some() {
            let why = "this socket is subscribed; peek with another";
            return Err(VerbError::BadRequest(why.to_owned()));
        }
        socket.peek(&self.services, name, room, answer);
        Ok(())
    }

    pub(crate) fn purge(
        &mut self,
        index: usize,
        args: &[&RawValue],
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let (client, room) = self.whose(index, args)?;
        let socket = &mut self.sockets[index];
        socket.lists_rooms();
        let services = Arc::clone(&self.services);
        let counting = counted(services, socket.namespace.clone(), (client, room), answer);
        socket.ask_store(counting);
        Ok(())
    }

    /// What became of a purge.
    pub(crate) fn purged(
        &mut self,
        index: usize,
        answer: Option<u64>,
        rooms: &[RoomName],
        messages: u64,
    ) {
        if rooms.is_empty() {
            return self.refuse(
                index,
                answer,
                ErrorCode::NoRooms,
                "this name has not joined that",
            );
        }
        let body = json!({"ok": true, "messages": messages, "rooms": rooms});
        self.answer(index, answer, &body);
    }

    fn whose(
        &self,
        index: usize,
        args: &[&RawValue],
    ) -> Result<(ClientName, Option<RoomName>), VerbError> {
        let Asked { name, room } = asked(args)?;
        let own = &self.sockets[index].from;
        let name = name.or_else(|| own.clone()).ok_or_else(|| {
            VerbError::BadRequest("say whose queue, or connect with a client name".to_owned())
        })?;
        Ok((self.permitted(index, name)?, room))
    }

    fn permitted(&self, index: usize, name: ClientName) -> Result<ClientName, VerbError> {
        match &self.sockets[index].standing.own_name {
            Some(own) if *own != name => Err(VerbError::NotYours(own.clone())),
            _ => Ok(name),
        }
    }
}

/// What is to be given up: as of one commit, and no more than was counted then. What is acknowledged before the cursors
/// move is in the count.
#[derive(Debug)]
pub struct Counted {
    client: ClientName,
    /// None: all that it joined.
    room: Option<RoomName>,
    messages: u64,
    cursor: Seq,
    answer: Option<u64>,
}

impl Counted {
    /// The op that gives it up, asked by this socket.
    pub(crate) fn give_up(self, socket: SocketId, namespace: Namespace) -> (Op, Ticket) {
        let Self {
            client,
            room,
            messages,
            cursor,
            answer,
        } = self;
        let op = Op::Purge {
            namespace,
            client,
            rooms: room.into_iter().collect(),
            cursor,
        };
        let request = SocketRequest {
            socket,
            ack_id: answer,
            kind: Request::Purge { messages },
        };
        (op, Ticket::new(request))
    }
}

/// Counts beside the writer, which would stand still for as long as that takes.
async fn counted(
    services: Arc<Services>,
    namespace: Namespace,
    (client, room): (ClientName, Option<RoomName>),
    answer: Option<u64>,
) -> Result<LogRead, StoreError> {
    let count = move |store: &mut dyn StoreReader| {
        let standing = store.memberships(&namespace, &client)?;
        let head = standing.head;
        let reader = standing.reader(client.clone(), room.as_ref());
        let cursor = Seq::after_record(head);
        let start = reader.rooms.values().min().copied().unwrap_or(cursor);
        let messages = store.pending(&namespace, &reader, start, head)?;
        Ok(LogRead::Counted(Counted {
            client,
            room,
            messages,
            cursor,
            answer,
        }))
    };
    services.readers.run(count).await
}

async fn queues(
    services: Arc<Services>,
    namespace: Namespace,
    client: Option<ClientName>,
    answer: Option<u64>,
) -> Result<LogRead, StoreError> {
    let of = namespace.clone();
    let stored = services
        .readers
        .run(move |store| store.queues(&of, client.as_ref()))
        .await?;
    let more = stored.omitted();
    let lines = stored
        .into_iter()
        .map(|queue| queue_json(&services, &namespace, queue));
    let body = BoundedList::of(lines, more).body("queues");
    Ok(LogRead::Names { answer, body })
}

fn queue_json(services: &Services, namespace: &Namespace, queue: QueueInfo) -> Value {
    let QueueInfo {
        client,
        room,
        pending,
        oldest_ms,
        bytes,
    } = queue;
    let mut body = json!({"name": client, "room": room, "pending": pending, "oldest": oldest_ms, "bytes": bytes});
    if let Some(stats) = services.shared_queues.stats(&(namespace.clone(), client)) {
        body["sharers"] = json!(stats.sharers());
        body["leased"] = json!(stats.leased());
    }
    body
}
