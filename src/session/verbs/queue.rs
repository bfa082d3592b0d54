//! `["queue", {name?}]`: the messages that wait for one member or for all, by name and room:
//! `{"ok": true, "queues": [{"name", "room", "pending", "oldest", "bytes", "sharers"?, "leased"?}], "more"?}`.
//!
//! `oldest` is when the first pending message was published, in milliseconds since 1970, or null. A shared queue also has
//! the number of its `sharers`, and as `leased` the number of messages that they hold, in all rooms together. `more` counts
//! the queues that did not fit (`limits::QUEUES_LISTED`, `limits::ANSWER_BYTES`).
//!
//! Without `name` it lists everyone's queues. A token that fixes a name opens no other queue.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::args::{bad, optional_object};
use super::bounded_list::BoundedList;
use super::definition::{VerbCall, VerbDefinition};
use super::error::VerbError;
use crate::address::{ClientName, Namespace, RoomName};
use crate::session::namespace::policy::Right;
use crate::session::services::Services;
use crate::session::socket::Socket;
use crate::session::socket::query::QueryResult;
use crate::session::state::Session;
use crate::store::queues::QueueInfo;
use crate::wire::verb::Verb;

pub const QUEUE: VerbDefinition = VerbDefinition {
    right: Some(Right::Sub),
    run,
};

#[derive(Default, Deserialize)]
struct QueueParams {
    name: Option<ClientName>,
    room: Option<RoomName>,
}

fn run(session: &mut Session, call: VerbCall<'_>) -> Result<(), VerbError> {
    let QueueParams { name, .. } = optional_object(Verb::Queue, call.args)?;
    let socket = &mut session.sockets[call.index];
    let name = match name {
        None => socket.permissions.own_name.clone(),
        Some(name) => Some(check_owner(socket, name)?),
    };
    let (services, namespace) = (Arc::clone(&session.services), socket.namespace.clone());
    socket.query_store(call.ack_id, async move {
        let of = namespace.clone();
        let stored = services
            .readers
            .run(move |store| store.queues(&of, name.as_ref()))
            .await?;
        let more = stored.omitted();
        let rows = stored
            .into_iter()
            .map(|queue| row(&services, &namespace, queue));
        let body = BoundedList::of(rows, more).body("queues");
        Ok(QueryResult::Answer(body))
    });
    Ok(())
}

fn row(services: &Services, namespace: &Namespace, queue: QueueInfo) -> Value {
    let QueueInfo {
        client,
        room,
        pending,
        oldest_ms,
        bytes,
    } = queue;
    let mut row = json!({"name": client, "room": room, "pending": pending, "oldest": oldest_ms, "bytes": bytes});
    if let Some(stats) = services.shared_queues.stats(&(namespace.clone(), client)) {
        row["sharers"] = json!(stats.sharers());
        row["leased"] = json!(stats.leased());
    }
    row
}

/// The queue that `peek` and `purge` work on: of a name, by default the socket's own, in one room or in all.
pub fn selected_queue(
    socket: &Socket,
    verb: Verb,
    args: &[&RawValue],
) -> Result<(ClientName, Option<RoomName>), VerbError> {
    let QueueParams { name, room } = optional_object(verb, args)?;
    let name = name
        .or_else(|| socket.from.clone())
        .ok_or_else(|| bad("name a member, or connect with a client name"))?;
    Ok((check_owner(socket, name)?, room))
}

fn check_owner(socket: &Socket, name: ClientName) -> Result<ClientName, VerbError> {
    match &socket.permissions.own_name {
        Some(own) if *own != name => Err(VerbError::NotYours(own.clone())),
        _ => Ok(name),
    }
}
