//! The verbs that look at what waits for members, and give it up.
//!
//! - `["queue", {name?}]`: `{"ok": true, "queues": [{"name", "room", "pending", "oldest", "bytes", "sharers"?, "leased"?}],
//!   "more"?}`, by name and room, for one member or for all; `more` is how many the answer has no room for. `oldest` is when the first of the pending messages was published, in
//!   milliseconds since 1970, or null. Of a queue that is shared, `sharers` says among how many, and `leased` how many
//!   messages they hold, in all its rooms together.
//! - `["peek", {name?, room?}]`: what is pending comes as after a `sub`, up to `caught-up`, and nothing moves: no membership,
//!   no cursor, and whoever holds the name keeps it. `ack` says what was written, for credit alone.
//! - `["purge", {name?, room?}]`: `{"ok": true, "messages": 12, "rooms": […]}`: what is pending is given up, in one room or
//!   in all that the name joined. What a holder was handed already it may still write.
//!
//! `name` is the asker's own unless said; for `queue`, everybody. A token that fixes a name opens no other.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Session;
use super::catchup::ReadDone;
use super::services::Services;
use super::verbs::VerbError;
use crate::address::{ClientName, Namespace, RoomName};
use crate::hub::Ticket;
use crate::hub::request::{Request, Want};
use crate::limits;
use crate::store::queues::QueueInfo;
use crate::store::{Op, StoreError};

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
            .map_err(|error| VerbError::BadRequest(super::verbs::reason(&error))),
        _ => Err(VerbError::BadRequest("it takes one object".to_owned())),
    }
}

impl Session {
    pub(super) fn list_queues(
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

    pub(super) fn peek(
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

    pub(super) fn purge(
        &mut self,
        index: usize,
        args: &[&RawValue],
        answer: Option<u64>,
    ) -> Result<(), VerbError> {
        let (client, room) = self.whose(index, args)?;
        let socket = &self.sockets[index];
        let op = Op::Purge {
            namespace: socket.namespace.clone(),
            client: client.clone(),
            rooms: room.into_iter().collect(),
        };
        let request = Request {
            socket: socket.id,
            answer,
            want: Want::Purge(client),
        };
        self.ask(op, Ticket::new(request));
        Ok(())
    }

    /// What became of a purge.
    pub(super) fn purged(
        &mut self,
        index: usize,
        answer: Option<u64>,
        rooms: &[RoomName],
        messages: u64,
    ) {
        if rooms.is_empty() {
            return self.refuse(index, answer, "no_rooms", "this name has not joined that");
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

async fn queues(
    services: Arc<Services>,
    namespace: Namespace,
    client: Option<ClientName>,
    answer: Option<u64>,
) -> Result<ReadDone, StoreError> {
    let of = namespace.clone();
    let stored = services
        .readers
        .run(move |store| store.queues(&of, client.as_ref()))
        .await?;
    let more = stored.len().saturating_sub(limits::QUEUES_LISTED);
    let queues: Vec<Value> = stored
        .into_iter()
        .take(limits::QUEUES_LISTED)
        .map(|queue| queue_json(&services, &namespace, queue))
        .collect();
    let mut body = json!({"ok": true, "queues": queues});
    if more > 0 {
        body["more"] = json!(more);
    }
    Ok(ReadDone::Names { answer, body })
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
    if let Some(figures) = services.shares.figures(&(namespace.clone(), client)) {
        body["sharers"] = json!(figures.sharers());
        body["leased"] = json!(figures.leased());
    }
    body
}
